// SPDX-License-Identifier: GPL-2.0

//! Probes on functions of the kernel: being told that one is called, and with what.
//!
//! A tracepoint is where the kernel's authors have marked a place; a probe can be put on nearly any
//! function. While it is there, a jump or a breakpoint at the function's beginning leads to it
//! first. What functions there are, and what their arguments mean, is the kernel version's affair.
//!
//! The observer runs inside of the call that it observes, under the rules of
//! [`tracepoint`](crate::tracepoint)'s: it does not sleep, takes no lock that anybody holds
//! with interrupts on, and keeps what it notes in atomics. A call that comes while this CPU serves a
//! probe is not told.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)

use crate::{
    bindings,
    context::{
        Context,
        Unsleeping, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// Where a function is.
#[derive(Clone, Copy)]
pub enum ProbePoint {
    /// Where the kernel's table of symbols has this name, exported or not.
    Named(&'static CStr),
    /// At this address.
    At(usize),
}

/// A call of a function, as it begins.
pub struct Call {
    /// The first two arguments. Of one that is shorter than the register only the lower bits
    /// mean something.
    pub arguments: [usize; 2],
    // It is for its observer, then and there.
    _here: NotThreadSafe,
}

/// Who is told of calls.
pub trait Observer: Send + Sync + 'static {
    /// Is called as each call begins, on the CPU that makes it.
    fn observe(&self, call: &Call, context: &Unsleeping);
}

/// A probe on a function, around its observer. Dropping it takes it away, and waits for calls of
/// the observer to end.
///
/// ```
/// # use irqlab::{context::Unsleeping, kprobe::{Call, Observer, ProbePoint, Probe}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// struct Count(Atomic<u64>);
///
/// impl Observer for Count {
///     fn observe(&self, _call: &Call, _context: &Unsleeping) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// fn nr_opened(f: impl FnOnce()) -> Result<u64> {
///     let place = ProbePoint::Named(c"vfs_open");
///     let probe = KBox::pin_init(Probe::new(place, Count(Atomic::new(0))), GFP_KERNEL)?;
///     f();
///     Ok(probe.observer().0.load(Relaxed))
/// }
///
/// let nr_opened = nr_opened(|| drop(irqlab::proc::read(c"/proc/version", task)));
/// # use irqlab::error::EOPNOTSUPP;
/// # if nr_opened == Err(EOPNOTSUPP) { skip!("a kernel without probes") }
/// assert!(nr_opened? >= 1);
/// # let nothing = ProbePoint::Named(c"irqlab_no_such_function");
/// # let nothing = KBox::pin_init(Probe::new(nothing, Count(Atomic::new(0))), GFP_KERNEL);
/// # assert_eq!(nothing.err(), Some(ENOENT));
/// ```
///
/// # Invariants
///
/// `raw` is registered with the callback for `O`, and lies in a `Probe<O>`.
#[pin_data(PinnedDrop)]
pub struct Probe<O: Observer> {
    // Before `raw`: calls come as soon as that is registered.
    observer: O,
    #[pin]
    raw: Opaque<bindings::kprobe>,
}

// SAFETY: Any task that may sleep may unregister a probe; the observer is `Send`.
unsafe impl<O: Observer> Send for Probe<O> {}
// SAFETY: A shared reference does not give `raw` to anybody; the observer is `Sync`.
unsafe impl<O: Observer> Sync for Probe<O> {}

impl<O: Observer> Probe<O> {
    /// An initialiser for a probe on the function at `place`. Only to be used where one may sleep; the
    /// C side warns otherwise.
    ///
    /// Errors: `ENOENT` if no function has the name, `EINVAL` or `EILSEQ` if there can be no probe
    /// at that place, `EOPNOTSUPP` if this kernel has none, `ENOMEM`.
    pub fn new(place: ProbePoint, observer: O) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            observer,
            // INVARIANT: The callback recovers the probe from this very field.
            raw <- Opaque::try_ffi_init(move |slot: *mut bindings::kprobe| {
                // SAFETY: `slot` is valid for writes, and a `kprobe` of zeroes is one with nothing
                // set. It stays where it is until `drop` has unregistered it. A name is `'static`.
                // The C side looks itself whether the place is one where a function's instruction
                // begins, and refuses it otherwise; the callback leaves the registers as they
                // are, so that the function runs as it would without.
                unsafe {
                    slot.write_bytes(0, 1);
                    match place {
                        ProbePoint::Named(name) => (*slot).symbol_name = name.as_char_ptr(),
                        ProbePoint::At(address) => (*slot).addr = address as *mut _,
                    }
                    (*slot).pre_handler = Some(Self::callback);
                    to_result(bindings::register_kprobe(slot))
                }
            }),
        }? Error)
    }

    /// Who is told.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// # Safety
    ///
    /// For `register_kprobe` with the `raw` of a `Probe<O>`.
    unsafe extern "C" fn callback(
        raw: *mut bindings::kprobe,
        regs: *mut bindings::pt_regs,
    ) -> c_int {
        // SAFETY: By the type invariant `raw` lies in a `Probe<O>`, whose observer is
        // initialised before it is registered; `drop` waits for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: A probe is given the registers as they were, which nobody changes meanwhile.
        let regs = unsafe { &*regs };
        let call = Call {
            arguments: [regs.di, regs.si],
            _here: NotThreadSafe,
        };
        // SAFETY: Preemption is off in a probe, and what it is on is taken not to sleep.
        let context = unsafe { Unsleeping::assume() };
        this.observer.observe(&call, context);
        // Go on with the function.
        0
    }
}

#[pinned_drop]
impl<O: Observer> PinnedDrop for Probe<O> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered, by the type invariant. Waits for calls to end. Dropping a probe is
        // only correct where one may sleep; the C side warns otherwise.
        unsafe { bindings::unregister_kprobe(self.raw.get()) };
    }
}
