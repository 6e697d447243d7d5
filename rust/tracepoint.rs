// SPDX-License-Identifier: GPL-2.0

//! Tracepoints: watching the kernel at the places that it has marked itself.
//!
//! ```text
//!     kernel code ──▶ tracepoint ──▶ probe ──▶ Observer::observe(event)
//!                     a no-op while  decodes
//!                     nobody listens
//! ```
//!
//! Each tracepoint here is a type, of which the kernel's events are values. An
//! observer implements [`Observer`] for each type that it can be told, and
//! [`Attached`] attaches it to them. A new tracepoint is one entry in the table
//! below; the compiler compares the arguments with those in the kernel's header.
//!
//! # What an observer may do
//!
//! It runs inside of what it observes: with interrupts off or on, on any CPU, in
//! any context that the tracepoint is in. Kernels that protect probes by SRCU do
//! not disable preemption for it: a probe that finds it enabled may be preempted,
//! and go on on another CPU. And it may be interrupted, by itself among others.
//! So it
//!
//! - may not sleep, and takes no lock that anybody holds with interrupts on;
//! - keeps what it notes in atomics, as [`PerCpu`](crate::cpu::PerCpu) values are;
//! - does not cause what it observes: whoever schedules a tasklet when a soft IRQ
//!   is raised raises one, without end.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::context::Unsleeping;
use kernel::{
    prelude::*,
    str::CStr, //
};

mod attached;
mod exception;
mod ipi;
mod irq;
mod log;
mod net;
mod softirq;
mod task;
mod timer;
mod workqueue;

pub use attached::Attached;
pub use exception::{
    PageFaultKernel,
    PageFaultUser, //
};
pub use ipi::{
    CsdFunctionEntry,
    CsdQueueCpu,
    IpiSendCpu,
    IpiSendCpumask,
    Targets,
    WakeIdleWithoutIpi, //
};
pub use irq::{
    CallFunctionEntry,
    CallFunctionSingleEntry,
    IrqHandlerEntry,
    IrqHandlerExit,
    IrqWorkEntry, //
    LocalTimerEntry,
    RescheduleEntry,
    RescheduleExit,
};
pub use log::{
    Console,
    Message, //
};
pub use net::NetifReceiveSkb;
pub use softirq::{
    SoftirqEntry,
    SoftirqExit,
    SoftirqRaise,
    TaskletEntry,
    TaskletExit, //
};
pub use task::{
    SchedProcessExit,
    SchedSwitch,
    SignalDeliver,
    SignalGenerate,
    SysEnter, //
};
pub use timer::{
    CpuIdle,
    HrTimerExpireEntry,
    TickStop, //
    TimerExpireEntry,
};
pub use workqueue::{
    WorkqueueExecuteEnd, //
    WorkqueueExecuteStart,
    WorkqueueQueueWork,
};

/// A tracepoint of the kernel; its values are the events. Sealed: the types below
/// are all.
///
/// ```
/// # use irqlab::{context::Unsleeping, tracepoint::{Observer, Tracepoint}};
/// # use kernel::sync::atomic::{Atomic, Relaxed};
/// struct Count(Atomic<usize>);
///
/// /// Counts whatever it is attached to.
/// impl<T: Tracepoint> Observer<T> for Count {
///     fn observe(&self, _event: &T, _context: &Unsleeping) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// # use irqlab::tracepoint::{Attached, TaskletEntry, TaskletExit};
/// # use irqlab::{context::SoftIrq, tasklet::{self, Tasklet}};
/// # use kernel::{prelude::*, sync::Arc};
/// # struct Quiet;
/// # impl tasklet::Handler<tasklet::Kind> for Quiet {
/// #     fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
/// # }
/// let mut attached = Attached::new(Arc::new(Count(Atomic::new(0)), GFP_KERNEL)?);
/// attached.to::<TaskletEntry>()?;
/// attached.to::<TaskletExit>()?;
/// # let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
/// tasklet.schedule();
/// drop(tasklet);
/// assert!(attached.observer().0.load(Relaxed) >= 2);
/// ```
pub trait Tracepoint: private::Sealed + Sized + 'static {
    /// The kernel's name for it.
    const NAME: &'static CStr;

    #[doc(hidden)]
    fn probe<O: Observer<Self>>() -> Probe;
}

mod private {
    pub trait Sealed {}

    /// A function with the signature that its tracepoint calls.
    #[derive(Clone, Copy)]
    pub struct Probe(pub(in crate::tracepoint) *mut super::c_void);
}
use private::Probe;

/// Who is told the events of a tracepoint.
pub trait Observer<T: Tracepoint>: Send + Sync + 'static {
    /// Is called for each event, where it happens.
    fn observe(&self, event: &T, context: &Unsleeping);
}

/// Tracepoints: the type of each, with what its events tell, and the probe that decodes them.
macro_rules! tracepoints {
    ($(
        $(#[$meta:meta])*
        $name:literal, $prototype:ident($($argument:ident: $type:ty),*) =>
        $event:ident { $($(#[$field_meta:meta])* $field:ident: $field_type:ty = $value:expr,)* }
    )*) => {$(
        $(#[$meta])*
        pub struct $event {
            $($(#[$field_meta])* pub $field: $field_type,)*
            // An event is for its observer, then and there.
            _here: ::kernel::types::NotThreadSafe,
        }

        impl $crate::tracepoint::private::Sealed for $event {}

        impl $crate::tracepoint::Tracepoint for $event {
            const NAME: &'static ::kernel::str::CStr = $name;

            fn probe<O: $crate::tracepoint::Observer<Self>>() -> $crate::tracepoint::Probe {
                // The kernel's own prototype: does not compile if that differs.
                const _: unsafe extern "C" fn(*mut c_void, $($type),*) -> c_int =
                    bindings::$prototype;

                /// # Safety
                ///
                /// `observer` must be valid.
                unsafe extern "C" fn probe<O: $crate::tracepoint::Observer<$event>>(
                    observer: *mut c_void,
                    $($argument: $type),*
                ) {
                    // SAFETY: By this function's contract.
                    let observer = unsafe { &*observer.cast_const().cast::<O>() };
                    let decode = || Some($event {
                        $($field: $value,)*
                        _here: ::kernel::types::NotThreadSafe,
                    });
                    if let Some(event) = decode() {
                        // SAFETY: Whatever it is, it is taken not to sleep.
                        observer.observe(&event, unsafe {
                            <$crate::context::Unsleeping as $crate::context::Context>::assume()
                        });
                    }
                }

                let probe: unsafe extern "C" fn(*mut c_void, $($type),*) = probe::<O>;
                $crate::tracepoint::Probe(probe as *mut c_void)
            }
        }
    )*};
}
use tracepoints;
