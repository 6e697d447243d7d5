// SPDX-License-Identifier: GPL-2.0

//! A line: the right to put handlers on an interrupt while its device is bound.

use crate::{
    bindings,
    context, //
};
use kernel::{
    c_str,
    cpu::CpuId,
    cpumask::CpumaskVar,
    device::{
        Bound,
        Device, //
    },
    devres,
    error::to_result,
    irq::IrqRequest,
    new_mutex,
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

/// An interrupt line of a bound device.
///
/// Two locks, so that a handler's thread may ask about its own line while
/// somebody waits for that thread to end: whoever holds `is_bound` never waits
/// for handlers.
///
/// # Invariants
///
/// - While `is_bound` is true or `cookies` is `Some`, the device is bound and
///   `irq` is one of its interrupts, or the line's owner keeps `irq` allocated.
/// - `cookies` holds the cookie of every action that was requested through this
///   line and is not freed.
#[pin_data]
pub struct Line {
    irq: u32,
    #[pin]
    cookies: Mutex<Option<KVec<Cookie>>>,
    #[pin]
    is_bound: Mutex<bool>,
    /// As `is_bound`, for those who cannot lock: they may be a moment late.
    is_leaving: Atomic<bool>,
}

/// What the C side knows an action by: the address of its [`super::Registration`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie(pub(super) *mut c_void);

// SAFETY: Only an identity here; whoever follows it answers for that.
unsafe impl Send for Cookie {}

/// What the kernel knows about a line, for people to read.
pub struct Info {
    /// The name of the interrupt controller that the line ends at.
    pub chip: &'static CStr,
    /// The line's number at that controller.
    pub hwirq: usize,
    /// `edge` or `level`, or `none` where the controller does not say.
    pub trigger: &'static str,
    /// How many times the line is disabled; 1 while nobody has requested it.
    pub disable_depth: u32,
    /// Whether the controller masks it at this moment.
    pub is_masked: bool,
    /// The CPU that the controller sends it to, where that is one.
    pub cpu: Option<CpuId>,
    /// The vector by which it arrives at that CPU, where it comes through a
    /// local APIC.
    pub vector: Option<u8>,
    /// Interrupts since boot: the sum of its columns in `/proc/interrupts`.
    pub nr_interrupts: usize,
}

/// The handlers on a line at one moment, of whatever drivers.
pub struct Handlers {
    /// Their names, as in `/proc/interrupts`, with commas between; empty if there
    /// is none.
    pub names: CString,
    /// Whether each of them keeps the line masked until a thread has finished
    /// (`IRQF_ONESHOT`). If one does, all have to, and also whoever comes later.
    pub are_oneshot: bool,
}

impl Line {
    /// The line of `request`, which `dev` must own. Revoked when `dev` is unbound.
    ///
    /// Errors: `ENOMEM`.
    pub fn new(dev: &Device<Bound>, request: IrqRequest<'_>) -> Result<Arc<Self>> {
        // INVARIANT: The request proves that `dev` is bound and owns the
        // interrupt; the revocation below ends this before it is unbound.
        let line = Arc::pin_init(Self::init(request.irq()), GFP_KERNEL)?;
        devres::register(dev, Revoke(line.clone()), GFP_KERNEL)?;
        Ok(line)
    }

    /// The line `irq`, whose owner keeps it allocated until it has called
    /// [`Self::revoke`].
    ///
    /// Errors: `ENOMEM`.
    pub(crate) fn of_mapping(irq: u32) -> Result<Arc<Self>> {
        // INVARIANT: The owner stands in for the device.
        Arc::pin_init(Self::init(irq), GFP_KERNEL)
    }

    fn init(irq: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            irq,
            cookies <- new_mutex!(Some(KVec::new()), "Line::cookies"),
            is_bound <- new_mutex!(true, "Line::is_bound"),
            is_leaving: Atomic::new(false),
        })
    }

    /// Frees all handlers, and refuses new ones from now on.
    pub(crate) fn revoke(&self) {
        self.is_leaving.store(true, Relaxed);
        let mut guard = self.cookies.lock();
        for cookie in guard.take().into_iter().flatten() {
            // SAFETY: By the type invariant the action is on the line; taking
            // the vector forgets it.
            unsafe { bindings::free_irq(self.irq, cookie.0) };
        }
        *self.is_bound.lock() = false;
    }

    /// The number that Linux gave the line, as in `/proc/interrupts`.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Waits until no handler of the line runs, threads included.
    pub fn synchronize(&self, _task: &context::Task) {
        // SAFETY: The token proves that this may sleep. The C side looks the
        // line up by number, and a number that is gone has no handlers.
        unsafe { bindings::synchronize_irq(self.irq) };
    }

    /// Makes the line pending at its controller, as its device would. May be
    /// called in any context but an NMI.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller cannot, `ENXIO` if nobody has requested the line and its controller is of
    /// [`irq_chip`](crate::irq_chip). The kernel's `irq_sim` drops what is raised then, and
    /// while the line is masked.
    pub fn set_pending(&self) -> Result {
        if self.is_leaving.load(Relaxed) {
            return Err(ENODEV);
        }
        // SAFETY: May be called in any context with any number: the C side
        // looks the line up under its own lock.
        to_result(unsafe {
            bindings::irq_set_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                true,
            )
        })
    }

    /// Whether the controller waits for the end of an interrupt that it has sent. An
    /// I/O APIC looks into the line's entry of its redirection table, where a
    /// level-triggered line has a bit for it (remote IRR). May be called in any context.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller does not tell.
    pub fn is_active(&self) -> Result<bool> {
        if self.is_leaving.load(Relaxed) {
            return Err(ENODEV);
        }
        let mut is_active = false;
        // SAFETY: As in `set_pending`, with a variable for the answer.
        to_result(unsafe {
            bindings::irq_get_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_ACTIVE,
                &mut is_active,
            )
        })?;
        Ok(is_active)
    }

    /// Interrupts since boot, by the kernel's own count.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub fn nr_interrupts(&self) -> Result<usize> {
        self.with_bound(|irq| {
            let mut count = 0;
            // SAFETY: The line is allocated, so its descriptor stays.
            if unsafe { bindings::irq_count(irq, &mut count) } {
                Ok(count)
            } else {
                Err(ENODEV)
            }
        })
    }

    /// As [`Self::nr_interrupts`], on `cpu`: its column in `/proc/interrupts`.
    pub fn nr_interrupts_on(&self, cpu: CpuId) -> Result<usize> {
        self.with_bound(|irq| {
            let mut count = 0;
            // SAFETY: The line is allocated, so its descriptor stays, and the
            // CPU is a possible one by its type.
            if unsafe { bindings::irq_count_on(irq, cpu.as_u32(), &mut count) } {
                Ok(count)
            } else {
                Err(ENODEV)
            }
        })
    }

    /// Whether the kernel watches the line, once it is requested: it disables one whose interrupts nobody
    /// claims, unless it was booted with `noirqdebug`.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub fn is_watched(&self) -> Result<bool> {
        // SAFETY: The line is allocated, so its descriptor stays.
        self.with_bound(|irq| Ok(unsafe { bindings::irq_is_watched(irq) }))
    }

    /// What the kernel knows about the line.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub fn info(&self) -> Result<Info> {
        self.with_bound(|irq| {
            // SAFETY: The line is allocated, so its descriptor stays.
            unsafe { info(irq) }
        })
    }

    /// Who has put handlers on the line: who shares it with the caller.
    ///
    /// Errors: `ENODEV` after the device was unbound, `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::irq::Line;
    /// # use kernel::prelude::*;
    /// fn can_be_threaded(line: &Line) -> Result<bool> {
    ///     let others = line.handlers()?;
    ///     Ok(others.names.to_bytes().is_empty() || others.are_oneshot)
    /// }
    /// ```
    pub fn handlers(&self) -> Result<Handlers> {
        // Truncates if there are more.
        let mut names = [0u8; 128];
        let mut are_oneshot = false;
        self.with_bound(|irq| {
            // SAFETY: The line is allocated, so its descriptor stays; the buffer is of
            // the given size, and the answer's variable of the right type.
            let is_known = unsafe {
                bindings::irq_handlers(
                    irq,
                    names.as_mut_ptr().cast(),
                    names.len(),
                    &mut are_oneshot,
                )
            };
            if is_known {
                Ok(())
            } else {
                Err(ENODEV)
            }
        })?;
        let names = CStr::from_bytes_until_nul(&names).map_err(|_| EINVAL)?;
        Ok(Handlers {
            names: CString::try_from_fmt(fmt!("{names}"))?,
            are_oneshot,
        })
    }

    /// Restricts the line to `cpu`.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller cannot (a line of the kernel's `irq_sim`) or the CPU is offline,
    /// `ENOSPC` if it has no vector left.
    pub fn set_affinity(&self, cpu: CpuId) -> Result {
        self.with_bound(|irq| {
            let mut mask = CpumaskVar::new_zero(GFP_KERNEL)?;
            mask.set(cpu);
            // SAFETY: The line is allocated and the mask is valid.
            to_result(unsafe { bindings::irq_set_affinity(irq, mask.as_raw()) })
        })
    }

    /// Lets the line go to any CPU: the controller chooses.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the controller cannot.
    pub fn set_affinity_to_all(&self) -> Result {
        self.with_bound(|irq| {
            let mask = &raw const bindings::__cpu_possible_mask;
            // SAFETY: The line is allocated. The mask is the kernel's, and does not change.
            to_result(unsafe { bindings::irq_set_affinity(irq, mask) })
        })
    }

    /// Runs `f`, which may not wait for handlers, while the device is kept bound.
    pub(super) fn with_bound<R>(&self, f: impl FnOnce(u32) -> Result<R>) -> Result<R> {
        let is_bound = self.is_bound.lock();
        if !*is_bound {
            return Err(ENODEV);
        }
        f(self.irq)
    }

    /// Runs `request`, which puts the action `cookie` on the line, and notes it.
    pub(super) fn add(&self, cookie: Cookie, request: impl FnOnce(u32) -> Result) -> Result {
        let mut guard = self.cookies.lock();
        let cookies = (*guard).as_mut().ok_or(ENODEV)?;
        cookies.reserve(1, GFP_KERNEL)?;
        request(self.irq)?;
        // INVARIANT: The action is on the line and noted. Cannot fail: reserved.
        cookies.push(cookie, GFP_KERNEL)?;
        Ok(())
    }

    /// Frees the action `cookie`, unless revocation has done so.
    pub(super) fn remove(&self, cookie: Cookie) {
        let mut guard = self.cookies.lock();
        if let Some(cookies) = (*guard).as_mut() {
            if let Some(index) = cookies.iter().position(|&c| c == cookie) {
                // INVARIANT: Freed and forgotten. Cannot fail: just found.
                let _ = cookies.remove(index);
                // SAFETY: By the type invariant the action is on the line.
                unsafe { bindings::free_irq(self.irq, cookie.0) };
            }
        }
    }
}

/// Revokes a line when devres drops it.
struct Revoke(Arc<Line>);

impl Drop for Revoke {
    fn drop(&mut self) {
        self.0.revoke();
    }
}

/// The lines of the old ISA bus that this kernel has: their numbers, and what it knows about them.
/// Only a few of them are in use.
///
/// ```
/// # use irqlab::irq;
/// # use kernel::prelude::*;
/// fn show() {
///     for (irq, info) in irq::isa_lines() {
///         pr_info!("line {irq} of {}: {:?}\n", info.chip, info.vector);
///     }
/// }
/// ```
pub fn isa_lines() -> impl Iterator<Item = (u32, Info)> {
    const NR_LINES: u32 = 16;

    // SAFETY: The kernel allocates the descriptors of these lines, and what hangs on them, as it boots,
    // and never frees them; it has none where there is no ISA bus.
    (0..NR_LINES).filter_map(|irq| Some((irq, unsafe { info(irq) }.ok()?)))
}

/// What the kernel knows about a line. Errors: `ENODEV` if there is no such line.
///
/// # Safety
///
/// If there is such a line, it stays allocated meanwhile.
unsafe fn info(irq: u32) -> Result<Info> {
    let mut chip = c_str!("-").as_char_ptr();
    let (mut hwirq, mut trigger, mut disable_depth) = (0, 0, 0);
    let (mut cpu, mut vector) = (0, 0);
    let mut is_masked = false;
    let mut nr_interrupts = 0;
    // SAFETY: By this function's contract the descriptor stays, if there is one, and all
    // pointers are to variables of the right type.
    let is_known = unsafe {
        bindings::irq_info(
            irq,
            &mut chip,
            &mut hwirq,
            &mut trigger,
            &mut disable_depth,
            &mut is_masked,
            &mut cpu,
            &mut vector,
        ) && bindings::irq_count(irq, &mut nr_interrupts)
    };
    if !is_known {
        return Err(ENODEV);
    }
    Ok(Info {
        // SAFETY: The name of a controller is a constant of the kernel
        // or of the module that keeps the line allocated.
        chip: unsafe { CStr::from_char_ptr(chip) },
        hwirq,
        trigger: match trigger & bindings::IRQ_TYPE_SENSE_MASK {
            0 => "none",
            sense if sense & bindings::IRQ_TYPE_LEVEL_MASK != 0 => "level",
            _ => "edge",
        },
        disable_depth,
        is_masked,
        cpu: CpuId::from_u32(cpu),
        vector: u8::try_from(vector).ok().filter(|vector| *vector > 0),
        nr_interrupts,
    })
}
