// SPDX-License-Identifier: GPL-2.0

//! Trace events of this module: what a tracer of the kernel can be told of an interrupt's way.
//!
//! They are in the group `irqlab`, where `trace-cmd`, `perf` and `bpftrace` find them beside the
//! kernel's own, with the same clock:
//!
//! ```text
//!     raise ──▶ top ──▶ bottom ──▶ wake      one interrupt, with one number
//!     call_send ──▶ call_run                 one call from CPU to CPU
//!     fault                                  one exception of an instruction that may fault
//!     verdict                                one claim's trial
//! ```
//!
//! While nobody traces an event, [`note`] is one instruction that does nothing: the kernel
//! replaces it by a jump when somebody does. What the event tells is only looked up then.
//!
//! C header: `rust/irqlab_trace.h`

use crate::bindings;
use kernel::jump_label::static_branch_unlikely;

/// A trace event. Sealed: the types below are all.
///
/// ```
/// # use irqlab::trace::{self, Event};
/// fn note_if<E: Event>(is_of_interest: bool, event: E) {
///     if is_of_interest && trace::is_traced::<E>() {
///         trace::note(|| event);
///     }
/// }
///
/// // One interrupt, and the task that waits for what it leaves to a tasklet.
/// let (line, mechanism, event) = ("sim0", "tasklet", 17);
/// note_if(true, trace::Raise { line, mechanism, event });
/// note_if(true, trace::Top { line, mechanism, event, latency_ns: 1_300 });
/// note_if(true, trace::Bottom { mechanism, event, latency_ns: 2_400 });
/// note_if(true, trace::Wake { mechanism, event, latency_ns: 9_000 });
/// // A call to CPU 1, which runs there.
/// note_if(true, trace::CallSend { kind: "single", target: 1 });
/// note_if(true, trace::CallRun { kind: "single", in_hardirq: true });
/// // An exception, and a verdict.
/// let (address, ip, fixup) = (0, 0xffff_ffff_c040_0013, 0xffff_ffff_c040_0016);
/// note_if(true, trace::Fault { vector: 14, error_code: 0, address, ip, fixup });
/// note_if(true, trace::Verdict { id: "FIX-01", verdict: "holds", is_control: false });
/// ```
pub trait Event: private::Sealed {
    /// Whether somebody traces it.
    #[doc(hidden)]
    fn is_traced() -> bool;

    /// Tells the tracers.
    #[doc(hidden)]
    fn tell(self);
}

mod private {
    pub trait Sealed {}
}

/// Tells the tracers of an event, if there are any. May be called in any context, also in that of an NMI.
///
/// ```
/// # use irqlab::trace;
/// trace::note(|| trace::Bottom {
///     mechanism: "tasklet",
///     event: 17,
///     latency_ns: 2_400,
/// });
/// ```
#[inline(always)]
pub fn note<E: Event>(event: impl FnOnce() -> E) {
    if E::is_traced() {
        event().tell();
    }
}

/// Whether somebody traces an event, for those who would have to look for what it is to tell.
///
/// ```
/// # use irqlab::trace;
/// # fn called() -> [i32; 2] { [1, 2] }
/// if trace::is_traced::<trace::CallSend<'_>>() {
///     for target in called() {
///         trace::note(|| trace::CallSend {
///             kind: "single",
///             target,
///         });
///     }
/// }
/// ```
#[inline(always)]
pub fn is_traced<E: Event>() -> bool {
    E::is_traced()
}

/// Trace events: the type of each, and what it passes to the C function that tells the tracers.
macro_rules! events {
    ($(
        $(#[$meta:meta])*
        $key:ident, $tell:ident($($argument:expr),*) =>
        $event:ident $(<$lifetime:lifetime>)? {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$meta])*
        pub struct $event $(<$lifetime>)? {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $(<$lifetime>)? private::Sealed for $event $(<$lifetime>)? {}

        impl $(<$lifetime>)? Event for $event $(<$lifetime>)? {
            #[inline(always)]
            fn is_traced() -> bool {
                // SAFETY: C defines the tracepoint, whose key this is. It is there as long as the module is.
                unsafe { static_branch_unlikely!(bindings::$key, bindings::tracepoint, key) }
            }

            #[cold]
            fn tell(self) {
                let Self { $($field),* } = self;
                // SAFETY: The function may be called in any context. Of a string it copies as many bytes as
                // the length says that comes with it, before it returns; both are of a `str`, which lives
                // as long as the event. All else are numbers.
                unsafe { bindings::$tell($($argument),*) };
            }
        }
    )*};
}

events! {
    /// The lab is about to raise an interrupt.
    __tracepoint_raise,
    rust_do_trace_raise(line.as_ptr(), line.len(), mechanism.as_ptr(), mechanism.len(), event) =>
    Raise<'a> {
        /// The line.
        line: &'a str,
        /// What is to run the bottom half; `none` if there will be none.
        mechanism: &'a str,
        /// The number of the interrupt among those of this mechanism; 0 without one.
        event: u64,
    }

    /// The lab's top half runs.
    __tracepoint_top,
    rust_do_trace_top(
        line.as_ptr(), line.len(), mechanism.as_ptr(), mechanism.len(), event, latency_ns
    ) => Top<'a> {
        /// The line.
        line: &'a str,
        /// What is to run the bottom half; `none` if there will be none.
        mechanism: &'a str,
        /// The number of the last interrupt that was raised for this mechanism; 0 without one.
        event: u64,
        /// The time since that was raised; 0 without a mechanism.
        latency_ns: u64,
    }

    /// A bottom half runs.
    __tracepoint_bottom,
    rust_do_trace_bottom(mechanism.as_ptr(), mechanism.len(), event, latency_ns) => Bottom<'a> {
        /// What runs it.
        mechanism: &'a str,
        /// The number of the interrupt that it serves.
        event: u64,
        /// The time since the top half ran.
        latency_ns: u64,
    }

    /// The task runs that has waited for a bottom half.
    __tracepoint_wake,
    rust_do_trace_wake(mechanism.as_ptr(), mechanism.len(), event, latency_ns) => Wake<'a> {
        /// What ran the bottom half.
        mechanism: &'a str,
        /// The number of the interrupt that the task waited for.
        event: u64,
        /// The time since the bottom half ran.
        latency_ns: u64,
    }

    /// A call to another CPU is about to be sent.
    __tracepoint_call_send, rust_do_trace_call_send(kind.as_ptr(), kind.len(), target) => CallSend<'a> {
        /// Of which kind it is.
        kind: &'a str,
        /// The CPU; -1 where the kernel chooses it.
        target: i32,
    }

    /// A call from another CPU runs.
    __tracepoint_call_run, rust_do_trace_call_run(kind.as_ptr(), kind.len(), in_hardirq) => CallRun<'a> {
        /// Of which kind it is.
        kind: &'a str,
        /// Whether in a hard IRQ.
        in_hardirq: bool,
    }

    /// An instruction that has an entry in the module's exception table raised an exception, which is
    /// about to be handled.
    __tracepoint_fault, rust_do_trace_fault(vector, error_code, address, ip, fixup) => Fault {
        /// Which one.
        vector: u8,
        /// What the CPU says about it.
        error_code: u64,
        /// The address that could not be accessed; 0 if it is not about one.
        address: usize,
        /// The instruction.
        ip: usize,
        /// Where it goes on.
        fixup: usize,
    }

    /// A claim was put to the test.
    __tracepoint_verdict,
    rust_do_trace_verdict(id.as_ptr(), id.len(), verdict.as_ptr(), verdict.len(), is_control) =>
    Verdict<'a> {
        /// The claim.
        id: &'a str,
        /// What came of it.
        verdict: &'a str,
        /// Whether it was the variant that has to fail.
        is_control: bool,
    }
}
