// SPDX-License-Identifier: GPL-2.0

//! Deferred procedure calls: the bottom halves of Windows, rebuilt.
//!
//! A *deferred procedure call* (DPC) is an object with a routine. A top half, which Windows
//! calls interrupt service routine, inserts it into the queue of a CPU, and the CPU calls the
//! routine later, with interrupts on. Each CPU has two queues, one for ordinary DPCs and one
//! for threaded ones. When a queue is *drained*, that is, when its CPU runs all that is in
//! it, depends on the importance of the DPC, the depth of the queue and the rate at which
//! DPCs come: [`Importance`], [`Parameters`].
//!
//! ```text
//!               insert()                the CPU takes it off its queue
//!     idle ──────────────▶ queued ─────────────────────────────────────▶ running
//!      ▲                    │  ▲ insert(): false, the first arguments stay  │
//!      │◀──── remove() ─────┘  └───────────────── insert() ─────────────────┤
//!      └────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It is off the queue before it runs. So it may insert itself again and, unlike a tasklet,
//! may run on several CPUs at a time.
//!
//! # Windows' names
//!
//! | Windows | here |
//! |---|---|
//! | `KDPC`, `KeInitializeDpc`, `DeferredContext` | [`Dpc`], [`Dpc::new`], the [`Handler`] itself |
//! | `KeInitializeThreadedDpc` | [`Handler::Kind`] = [`Threaded`] |
//! | `CustomDpc`, `CustomThreadedDpc` | [`Handler::run`] |
//! | `SystemArgument1`, `SystemArgument2` | [`Arguments`] |
//! | `KeInsertQueueDpc` | [`Dpc::insert`] |
//! | `KeRemoveQueueDpc` | [`Dpc::remove`] |
//! | `KeSetImportanceDpc` | [`Dpc::set_importance`] |
//! | `KeSetTargetProcessorDpc`, `…Ex` | [`Dpc::set_target`] |
//! | `KeFlushQueuedDpcs` | [`System::flush`] |
//! | `KeGenericCallDpc` | [`System::call_all`] |
//! | `KeSignalCallDpcSynchronize` | [`Everywhere::synchronize`] |
//! | `KeSignalCallDpcDone` | the function's return |
//! | `KeInitializeTimer`, `KeSetTimer`, `KeSetTimerEx`, `KeCancelTimer` | [`Timer::new`], [`Timer::start`], [`Timer::cancel`] |
//! | `IoInitializeDpcRequest` | [`DeviceObject::new`] |
//! | `IoRequestDpc` | [`DeviceObject::request_dpc`] |
//! | `DpcForIsr` with `Dpc`, `DeviceObject`, `Irp`, `Context` | [`Device::dpc_for_isr`] with the same |
//! | `KeQueryDpcWatchdogInformation`, bug check 0x133 | [`Status::last_overrun`], which is noted and stops nothing |
//! | `KiMaximumDpcQueueDepth` … `KiAdjustDpcThreshold`, `ThreadDpcEnable` | [`Parameters`] |
//!
//! # What is exact, and what is modelled
//!
//! Exact are the queues, their order, and the rules for when one is drained. Modelled is what
//! Linux leaves to nobody but itself:
//!
//! - *The dispatch interrupt*, which a Windows CPU sends itself: IRQ work, and the soft IRQ
//!   for tasklets of high priority after it. On `PREEMPT_RT` that is a thread, which tasks of
//!   higher priority preempt.
//! - *The tick*: a timer for each queue, which stops while nothing can change. A tick is
//!   [`Parameters::tick_ms`] long.
//! - *The idle loop*, which looks into the queue: here the tracepoint at which a CPU is about to
//!   halt. Without tracepoints only ticks do.
//! - *A queue that never becomes empty*: after 64 DPCs other soft IRQs have their turn, and the
//!   kernel may go on in its thread ksoftirqd. Windows goes on until its watchdog ends it.
//! - *CPUs that wait for each other* in a function called on all: after a second they give up.
//!   Windows waits for ever, or until its watchdog ends it.
//! - *A CPU that goes offline*: its timer goes on elsewhere, and has what is left in its queue
//!   run there.
//! - *Threaded DPCs* run in a thread of priority SCHED_FIFO, of which each CPU has one. On
//!   `PREEMPT_RT` its priority is an ordinary one, or ordinary DPCs would wait for it.

mod call_all;
mod countdown;
mod cpu;
mod device;
mod entry;
mod flush;
mod list;
mod object;
pub mod policy;
mod queue;
mod status;
mod system;
mod timer;

pub use call_all::Everywhere;
pub use device::{
    Device,
    DeviceObject,
    ForIsr, //
};
pub use entry::Arguments;
pub use object::{
    Dpc,
    Handler,
    Kind,
    Ordinary,
    Threaded, //
};
pub use policy::{
    Importance,
    Overrun,
    Parameters, //
};
pub use status::{
    Cause,
    Routine,
    Status, //
};
pub use system::System;
pub use timer::Timer;
