// SPDX-License-Identifier: GPL-2.0

//! Safe Rust for interrupts: what an interrupt laboratory needs and the kernel
//! crate does not have yet. It is the module `irqlab_core.ko`, and any
//! module that depends on it can use it.
//!
//! # The way of one interrupt
//!
//! ```text
//!     device            controller        top half              bottom half
//!     ──raises──▶ line ──────────────▶ hard IRQ context ──defers──▶ later
//!                                      interrupts off             interrupts on
//! ```
//!
//! A device raises an interrupt on a *line*. The CPU stops whatever it runs and jumps to
//! the line's handler, the *top half*. The top half must not wait for anything, while
//! everything else on this CPU waits for it. So it does the least it can, and leaves
//! the rest to a *bottom half*, which runs later.
//!
//! | bottom half | module | runs in | may sleep |
//! |---|---|---|---|
//! | tasklet | [`tasklet`] | soft IRQ | no |
//! | BH work queue | [`workqueue`], `Queue<SoftIrq>` | soft IRQ | no |
//! | work queue | [`workqueue`], `Queue<Task>` | kernel thread, shared | yes |
//! | bottom half, as in Linux 2.4 | [`old_bh`] | soft IRQ | no |
//! | deferred procedure call, as on Windows | [`dpc`] | soft IRQ | no |
//! | threaded IRQ | [`irq`] | kernel thread of the line | yes |
//! | RCU callback | [`call_rcu`] | soft IRQ, when all readers have ended | no |
//! | interrupt thread | [`interrupt_thread`] | what was interrupted, then a kernel thread | where it awaits |
//!
//! [`choosing`] helps to choose one, with figures.
//!
//! # What may be done where
//!
//! What code may do depends on its *context*: task, soft IRQ, hard IRQ or NMI; see
//! [`context`]. Every callback receives a *token*, a value that proves which context
//! it runs in, and the functions of this library that sleep demand the token of a task. So
//! code that calls them where it must not sleep does not compile.
//!
//! That is as far as types go. This is what becomes of what must not be done; "reported" means that a
//! kernel that checks itself (`CONFIG_PROVE_LOCKING`, `CONFIG_DEBUG_ATOMIC_SLEEP`) says so in its log, and
//! that another one may hang:
//!
//! | what code does | what becomes of it |
//! |---|---|
//! | calls a function of this library that sleeps in a handler, a tasklet, an RCU reader ([`rcu`]), with a [raw spinlock](raw_spinlock) held, or above the [task priority](lapic::at_highest_priority) | does not compile: there is no token |
//! | makes an object there whose making sleeps: a [queue](workqueue::Queue), a [worker](kthread::Worker), a [device](sim::Device), a [file](debugfs); or [attaches](tracepoint::Attached) an observer | compiles, as making one takes no token; reported |
//! | asks for a token there by [`Task::current`](context::Task::current) | gets none, as far as the kernel counts what it is in |
//! | calls a function of the kernel crate that sleeps there: a `Mutex`, `GFP_KERNEL`, `fsleep()` | compiles, as those want no token; reported |
//! | sleeps with a token under a guard: of `local_interrupt_disable()`, of a `SpinLock`, of [bottom halves](context::BottomHalvesDisabled) | compiles, as a guard takes no token away; reported |
//! | takes a `SpinLock` in an [`irq::Handler`] or a callback of an [`irq_chip::Chip`] | compiles; on `PREEMPT_RT` that lock sleeps there: reported. An [`irq::ThreadableHandler`] may take one, and a [raw spinlock](raw_spinlock) may be taken in both |
//! | drops an [`irq::Registration`] in its own handler or thread, or where it must not sleep | the handler is taken off a moment later |
//! | disables its own line in its own thread, and waits; or waits for the line's handlers there | `EDEADLK`; [`disable_nosync`](irq::Registration::disable_nosync) does not wait |
//! | drops an [`irq::Disabled`] in a handler or a tasklet | the line is enabled there; a moment later, if its controller is behind a bus that one has to wait for |
//! | asks such a controller there whether a line is active, or to make it pending | `EOPNOTSUPP` |
//! | uses a line, or a guard of one, whose device was unbound | `ENODEV`; a guard has nothing left to undo |
//! | waits in a handler's thread for something that waits for that thread | compiles, and hangs: as in C |
//! | queues, schedules, starts or raises anything in an NMI but [`irq_work`] and a line's interrupt ([`irq_chip::Line::send`], [`sim`]) | refused, with a warning, the first time, in every kernel |
//! | does anything else there that its description keeps for other contexts, such as to take a [raw spinlock](raw_spinlock) | compiles; a kernel that checks itself reports it, as far as that is a lock |
//! | forgets what it has registered (`core::mem::forget()`), and its module ends | compiles, and the kernel calls code that is gone: as in C |
//! | makes a token where its context is not, which takes `unsafe` code | reported |
//!
//! # What is refused, and what is only reported
//!
//! The types of deferral ([`deferred`]) can be used in ways that no type forbids. Then
//!
//! | what | what happens |
//! |---|---|
//! | schedule, queue or start what was dropped | does not compile |
//! | cancel, flush or disable in a soft or hard IRQ | does not compile: it takes the token of a task |
//! | put work that sleeps on a BH queue | does not compile |
//! | cancel or flush work in its own handler, also delayed work and that of a kernel thread | `EDEADLK` |
//! | flush a worker, or work of it, in the worker's own thread | `EDEADLK` |
//! | disable work in its own handler | does not wait for the handler |
//! | queue delayed work, and drop the queue | the work keeps its queue |
//! | drop an object where one may not sleep | a warning, in every kernel; may wait for ever |
//! | drop the last reference to work in its own handler | a warning, in every kernel; then the thread waits for ever, so that nothing is freed that it uses |
//! | drop any other object in its own handler, which may not sleep | the same warning |
//! | drop an old bottom half's [slot](old_bh::Slot) while others of its set mark themselves without end | waits until it has come between two of them |
//! | forget the guard that keeps an object or a slot disabled | it is never dropped: nobody waits for it |
//! | flush or drop a queue in work on it | waits for ever; kernels with lockdep report it |
//!
//! # From CPU to CPU
//!
//! A CPU can interrupt others and make them call a function: [`smp`]. [`cpu`] says which
//! CPUs there are, and runs a function in threads on several of them at once.
//!
//! # Watching
//!
//! The kernel has marked places in its own code where it can tell what it does, such as
//! which soft IRQ was raised or which handler begins. [`tracepoint`] tells a module.
//!
//! Exceptions can happen in any context. [`fixup`] raises them on purpose, and
//! [`exception`] tells what their handlers saw.
//!
//! # Where to begin
//!
//! [`sim`] makes an interrupt line on any machine, and [`irq_chip`] a
//! controller of one's own; the `samples/` are small drivers. `unsafe` code is in this crate only.
//!
//! The examples in this documentation are tests as well: `selftests/examples` runs them in the kernel. Each is the
//! body of a function, which may use `?`; `task` is the token of the task that it runs in. Those marked `no_run` are
//! only compiled: they need a device and its driver, or do what a machine in use should be spared.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

#[doc = include_str!("../doc/choosing.md")]
pub mod choosing {}
pub mod call_rcu;
pub mod clock;
pub mod code;
pub mod completion;
pub mod context;
pub mod cpu;
pub mod dangerous;
pub mod debugfs;
pub mod deferred;
pub mod demand;
pub mod dpc;
pub mod exception;
pub mod fixup;
pub mod global;
pub mod histogram;
pub mod hrtimer;
pub mod i8259;
pub mod idt;
pub mod interrupt_thread;
pub mod interrupt_window;
pub mod io_apic;
pub mod irq;
pub mod irq_chip;
#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
pub mod irq_poll;
#[cfg(CONFIG_IRQ_SIM)]
pub mod irq_sim;
pub mod irq_work;
pub mod kprobe;
pub mod kthread;
pub mod lapic;
pub mod lockdown;
pub mod memory;
pub mod net;
pub mod nmi;
pub mod old_bh;
pub mod pci;
pub mod platform;
pub mod proc;
pub mod raw_spinlock;
pub mod rcu;
pub mod ring;
pub mod rt_mutex;
pub mod segment;
pub mod sim;
pub mod smp;
pub mod softirq;
pub mod stack_trace;
pub mod symbol;
pub mod syscall;
pub mod task;
pub mod tasklet;
pub mod text;
pub mod timer;
pub mod tlb;
pub mod trace;
pub mod tracepoint;
pub mod user;
pub mod word;
pub mod workqueue;

mod bindings;
mod compat;
mod scoped;

pub use compat::{
    error,
    interrupt,
    parameter, //
};

/// The version of the library, and of what comes with it.
pub const VERSION: &str = env!("IRQLAB_VERSION");

use kernel::{
    prelude::*,
    ThisModule, //
};

module! {
    type: Core,
    name: "irqlab_core",
    authors: ["The irqlab contributors"],
    description: "Safe Rust for interrupts: the library of irqlab, and of other modules",
    license: "GPL",
}

/// The module: code for others, which does nothing of its own.
struct Core {
    _late: irq::LateQueue,
}

impl kernel::Module for Core {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _late: irq::LateQueue::new()?,
        })
    }
}
