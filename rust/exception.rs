// SPDX-License-Identifier: GPL-2.0

//! Exceptions that the kernel itself has raised, as their handlers saw them.
//!
//! ```text
//!     #PF ──▶ tracepoint page_fault_kernel ─┐
//!     #BP, #DE, #UD, … ──▶ die notifier ────┴──▶ Watch ──▶ Observer::observe
//!     #GP ──▶ its fixup, and only if there is none the die notifier
//! ```
//!
//! So nobody is told of a #GP (general protection fault) that has a fixup. One that is told of has
//! none, and goes on where the notifier says: see [`instructions::load_bad_selector`].
//!
//! C header: [`include/linux/kdebug.h`](srctree/include/linux/kdebug.h)

use crate::{
    bindings,
    context::{
        Context,
        Snapshot,
        Unsleeping, //
    },
    fixup::{
        instructions,
        table::{
            self,
            Entry, //
        },
    },
    tracepoint::{
        self,
        Attached,
        PageFaultKernel, //
    },
};
use kernel::{
    error::to_result,
    fmt,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// The vector of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector(pub u8);

impl Vector {
    /// Divide error.
    pub const DE: Self = Self(0);
    /// Debug exception.
    pub const DB: Self = Self(1);
    /// Non-maskable interrupt.
    pub const NMI: Self = Self(2);
    /// Breakpoint.
    pub const BP: Self = Self(3);
    /// Overflow.
    pub const OF: Self = Self(4);
    /// Bound range exceeded.
    pub const BR: Self = Self(5);
    /// Invalid opcode.
    pub const UD: Self = Self(6);
    /// Double fault.
    pub const DF: Self = Self(8);
    /// Stack-segment fault.
    pub const SS: Self = Self(12);
    /// General protection fault.
    pub const GP: Self = Self(13);
    /// Page fault.
    pub const PF: Self = Self(14);
    /// Floating-point error of the x87.
    pub const MF: Self = Self(16);
    /// Alignment check.
    pub const AC: Self = Self(17);
    /// Machine check.
    pub const MC: Self = Self(18);
    /// Floating-point error of SIMD.
    pub const XM: Self = Self(19);

    const NAMES: [&'static str; 32] = [
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9", "#TS", "#NP", "#SS",
        "#GP", "#PF", "15", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", "22", "23", "24", "25", "26",
        "27", "#HV", "#VC", "#SX", "31",
    ];
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES.get(usize::from(self.0)).unwrap_or(&"-"))
    }
}

/// Registers as they were when the exception was raised.
///
/// ```
/// # use irqlab::exception::Registers;
/// fn had_interrupts_on(registers: &Registers) -> bool {
///     registers.flags & Registers::IF != 0
/// }
///
/// # let zero = Registers { ip: 0, sp: 0, flags: 0, ax: 0, cx: 0, dx: 0, ss: 0, orig_ax: 0 };
/// # assert!(!had_interrupts_on(&zero));
/// # assert!(had_interrupts_on(&Registers { flags: Registers::IF, ..zero }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// The instruction that the exception returns to.
    pub ip: usize,
    /// The stack pointer.
    pub sp: usize,
    /// Bit 9 is IF, bit 18 AC.
    pub flags: u64,
    /// AX.
    pub ax: u64,
    /// CX.
    pub cx: u64,
    /// DX.
    pub dx: u64,
    /// The stack segment.
    pub ss: u16,
    /// The word between the others and what the CPU pushed: the number of a system call, or what the
    /// entry code put there.
    pub orig_ax: u64,
}

impl Registers {
    /// The flag of interrupts.
    pub const IF: u64 = 1 << 9;
    /// The flag that STAC sets.
    pub const AC: u64 = 1 << 18;

    /// # Safety
    ///
    /// `regs` must be valid.
    pub(crate) unsafe fn of(regs: *const bindings::pt_regs) -> Self {
        // SAFETY: By this function's contract.
        let regs = unsafe { &*regs };
        Self {
            ip: regs.ip,
            sp: regs.sp,
            flags: regs.flags as u64,
            ax: regs.ax as u64,
            cx: regs.cx as u64,
            dx: regs.dx as u64,
            // SAFETY: All variants of the union are plain numbers.
            ss: unsafe { regs.__bindgen_anon_2.ss },
            orig_ax: regs.orig_ax as u64,
        }
    }
}

/// An exception.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// Which.
    pub vector: Vector,
    /// What the CPU says about it; 0 if nothing.
    pub error_code: u64,
    /// For a page fault, the address that was accessed.
    pub address: Option<usize>,
    /// What it has interrupted.
    pub registers: Registers,
    /// The instruction's entry in the exception table of this module, if it has one.
    pub entry: Option<Entry>,
    /// Where it was handled.
    pub at: Snapshot,
}

/// Who is told of exceptions.
pub trait Observer: Send + Sync + 'static {
    /// Is called in the exception's handler, in whatever context raised it, NMI
    /// included: see [`tracepoint`] for what may be done there.
    fn observe(&self, exception: &Exception, context: &Unsleeping);
}

/// An observer at work. Dropping it waits until it is told nothing any more.
///
/// ```
/// # use irqlab::{context::Unsleeping, exception::{Exception, Observer, Watch}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Guarded(Atomic<u64>);
///
/// impl Observer for Guarded {
///     fn observe(&self, exception: &Exception, _context: &Unsleeping) {
///         if exception.entry.is_some() {
///             self.0.add(1, Relaxed);
///         }
///     }
/// }
///
/// fn watch() -> Result<Watch<Guarded>> {
///     Watch::new(Arc::new(Guarded(Atomic::new(0)), GFP_KERNEL)?)
/// }
///
/// let watch = watch()?;
/// irqlab::fixup::instructions::undefined();
/// assert!(watch.observer().0.load(Relaxed) >= 1);
/// ```
pub struct Watch<O: Observer> {
    _page_faults: Attached<PageFaults<O>>,
    _notifier: Pin<KBox<Notifier<O>>>,
    observer: Arc<O>,
}

impl<O: Observer> Watch<O> {
    /// Begins. Sleeps.
    ///
    /// Errors: `ENOENT` if this kernel lacks the tracepoint, `ENOMEM`.
    pub fn new(observer: Arc<O>) -> Result<Self> {
        let mut page_faults = Attached::new(Arc::new(PageFaults(observer.clone()), GFP_KERNEL)?);
        page_faults.to::<PageFaultKernel>()?;
        let notifier = KBox::pin_init(Notifier::new(observer.clone()), GFP_KERNEL)?;
        Ok(Self {
            _page_faults: page_faults,
            _notifier: notifier,
            observer,
        })
    }

    /// The observer.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, exception::{Exception, Observer, Vector, Watch}};
    /// # use irqlab::fixup::instructions;
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Divisions(Atomic<u64>);
    /// # impl Observer for Divisions {
    /// #     fn observe(&self, exception: &Exception, _context: &Unsleeping) {
    /// #         self.0.add(u64::from(exception.vector == Vector::DE), Relaxed);
    /// #     }
    /// # }
    /// fn observed<O: Observer>(watch: &Watch<O>, f: impl FnOnce()) -> &O {
    ///     f();
    ///     watch.observer()
    /// }
    ///
    /// # let watch = Watch::new(Arc::new(Divisions(Atomic::new(0)), GFP_KERNEL)?)?;
    /// let divisions = observed(&watch, || { instructions::divide(); });
    /// assert!(divisions.0.load(Relaxed) >= 1);
    /// ```
    pub fn observer(&self) -> &O {
        &self.observer
    }
}

struct PageFaults<O>(Arc<O>);

impl<O: Observer> tracepoint::Observer<PageFaultKernel> for PageFaults<O> {
    fn observe(&self, fault: &PageFaultKernel, context: &Unsleeping) {
        let exception = Exception {
            vector: Vector::PF,
            error_code: fault.error_code,
            address: Some(fault.address),
            registers: fault.registers,
            entry: table::search(fault.registers.ip),
            at: Snapshot::take(),
        };
        self.0.observe(&exception, context);
    }
}

/// # Invariants
///
/// `block` is registered as a die notifier with the callback for `O`, and lies in a
/// `Notifier<O>`.
#[pin_data(PinnedDrop)]
struct Notifier<O: Observer> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    observer: Arc<O>,
}

// SAFETY: Registering and its opposite lock for themselves; the observer is shared.
unsafe impl<O: Observer> Send for Notifier<O> {}
// SAFETY: A shared reference gives only the observer, which is `Sync`; the C side uses `block`
// with the lock of its chain held.
unsafe impl<O: Observer> Sync for Notifier<O> {}

impl<O: Observer> Notifier<O> {
    fn new(observer: Arc<O>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            observer,
            // INVARIANT: The callback recovers the notifier from this very field.
            block <- Opaque::try_ffi_init(|slot: *mut bindings::notifier_block| {
                // SAFETY: `slot` is valid for writes, and stays where it is until
                // `drop` has unregistered it.
                unsafe {
                    slot.write(bindings::notifier_block {
                        notifier_call: Some(Self::callback),
                        ..pin_init::zeroed()
                    });
                    to_result(bindings::register_die_notifier(slot))
                }
            }),
        }? Error)
    }

    /// # Safety
    ///
    /// For `register_die_notifier` with the `block` of a `Notifier<O>`.
    unsafe extern "C" fn callback(
        block: *mut bindings::notifier_block,
        reason: c_ulong,
        die: *mut c_void,
    ) -> c_int {
        // SAFETY: By the type invariant `block` lies in a `Notifier<O>`; `drop` waits
        // for this function before it goes.
        let this =
            unsafe { &*kernel::container_of!(Opaque::cast_from(block).cast_mut(), Self, block) };
        // SAFETY: This is what the chain's callbacks are given, with registers.
        let (die, regs) = unsafe {
            let die = &*die.cast_const().cast::<bindings::die_args>();
            (die, die.regs.cast_const())
        };
        // SAFETY: They are on the stack of the exception that this runs in.
        if regs.is_null() || unsafe { bindings::user_mode(regs.cast_mut()) } {
            return bindings::NOTIFY_DONE as c_int;
        }
        // SAFETY: They are not null, and on the stack of the exception that this runs in.
        let registers = unsafe { Registers::of(regs) };
        // A trap returns behind its instruction, which is one byte long.
        let is_breakpoint = reason == bindings::die_val_DIE_INT3 as c_ulong;
        let entry = table::search(registers.ip.wrapping_sub(usize::from(is_breakpoint)));
        let exception = Exception {
            vector: Vector(die.trapnr as u8),
            error_code: die.err as u64,
            address: None,
            registers,
            entry,
            at: Snapshot::take(),
        };
        // SAFETY: The chain's callbacks run in the handler of an exception, under RCU.
        let context = unsafe { Unsleeping::assume() };
        this.observer.observe(&exception, context);
        let is_selector = reason == bindings::die_val_DIE_GPF as c_ulong
            && instructions::is_bad_selector(&registers);
        if is_selector {
            // SAFETY: They are on the stack of the exception that this runs in, whose
            // instruction has put into DX where it is to go on.
            unsafe { (*regs.cast_mut()).ip = registers.dx as usize };
        }
        if is_breakpoint && entry.is_some() || is_selector {
            bindings::NOTIFY_STOP as c_int
        } else {
            bindings::NOTIFY_DONE as c_int
        }
    }
}

#[pinned_drop]
impl<O: Observer> PinnedDrop for Notifier<O> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered, by the type invariant. Waits for calls to end.
        unsafe { bindings::unregister_die_notifier(self.block.get()) };
    }
}
