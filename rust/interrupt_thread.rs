// SPDX-License-Identifier: GPL-2.0

//! Interrupt threads, as Solaris has them: a handler that starts at once in the place of what it
//! has interrupted, and becomes a thread only if it has to wait.
//!
//! # The idea
//!
//! An interrupt has a *level*, 1 to 15. Each CPU has a pool of *interrupt threads*, made
//! beforehand, one for each level up to the *lock level*, 10. When an interrupt comes, its level's
//! thread runs the handler at once. The thread that it has interrupted is *pinned*: it goes on
//! nowhere else, as its context is still on this CPU. If the handler ends, the pinned thread
//! goes on, as after any interrupt. If the handler has to wait, for a lock for instance, it is
//! converted to a thread like any other, which waits, and the pinned thread goes on at once;
//! until the handler has ended its level and those below stay masked on this CPU.
//!
//! ```text
//!     pinned thread ───┐                          ┌─── goes on ──────────────
//!                      │ interrupt       blocks   │
//!     level 5          └── handler ── … ── await ─┤          ┌── … ── end
//!                          in its place           └──────────┘
//!                                                   waits     in its kernel thread
//!     mask             0 ┊ 5                                              5 ┊ 0
//! ```
//!
//! Levels above the lock level have no threads. Their handlers are plain functions, with
//! interrupts off, and cannot wait.
//!
//! # How it is done here
//!
//! A handler is an `async` function: the compiler makes a state machine of it that can stop at
//! each `.await`, and keeps its state in an object. [`InterruptThreads`] has preallocated a place
//! for that object, and a kernel thread, for each CPU and level. An interrupt makes the object
//! in its place and polls it once, right there: in the context of the interrupt, on top of what
//! it has interrupted, with interrupts on, so that a higher level can interrupt it in turn. Most
//! handlers end with that. If one does not, the kernel thread of its level polls it from then on,
//! each time that what it awaits has come. On the way of an interrupt nothing is allocated.
//!
//! # What is exact, and what is a model
//!
//! Exact: the interrupted thread is the CPU's `current` until the handler ends or blocks, and the
//! scheduler cannot take it elsewhere; a handler starts without a switch to another thread; higher
//! levels nest on the stack; levels at or below the mask wait and are not lost; a blocked
//! handler goes on in a kernel thread that is bound to its CPU, as long as that is online.
//!
//! A model:
//!
//! - In Solaris every interrupt thread has a stack, which the interrupt switches to, and a
//!   handler can block wherever it is. Here the part before the first wait is on the interrupted
//!   thread's stack, or the CPU's IRQ stack, and a handler can block where it awaits something,
//!   because then its state is in its object and not on that stack.
//! - In Solaris the pinned thread is asleep as far as the scheduler knows. Here it runs: the
//!   kernel charges it for the handler's time. The time of each level is counted besides.
//! - Levels are this library's, and not the interrupt controller's: every hardware interrupt
//!   still gets through, and it is the handlers that wait.
//! - Interrupts are enabled by the steps with which the kernel turns a hard IRQ into a soft IRQ.
//!   It has no interface for that; the part `in_place` says what follows.
//! - A kernel thread's priority is that of all real-time threads of the kernel, the same for
//!   all levels.
//!
//! On `PREEMPT_RT` the same happens; there the handler runs with preemption disabled instead of
//! in a soft IRQ, which that kernel runs in threads only.
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)

mod completion;
mod cpu;
mod in_place;
mod level;
mod life;
mod mutex;
mod run;
mod thread;
mod wait_list;
mod wakeup;

pub use completion::{
    Completion,
    Wait, //
};
pub use cpu::LevelStats;
pub use level::{
    Level,
    Levels,
    Raised,
    LOCK_LEVEL,
    MAX_LEVEL, //
};
pub use mutex::{
    Guard,
    Lock,
    Mutex, //
};
pub use run::{
    InThread,
    Run,
    Sleep, //
};

use crate::{
    context::{
        Context,
        HardIrq,
        Task, //
    },
    cpu::PerCpu,
    deferred::warn_unless_may_wait,
    interrupt::local_interrupt_disable,
    kthread::{
        Priority,
        Work,
        Worker, //
    },
    nmi, //
};
use core::future::Future;
use cpu::{
    Bells,
    Cpu,
    Server, //
};
use kernel::{
    cpu::CpuId,
    prelude::*,
    sync::Arc, //
};
use thread::Body;
use wakeup::{
    Bodies,
    Gate, //
};

/// Serves the interrupts of a level that has threads.
pub trait Handler: Send + Sync + 'static {
    /// Serves one interrupt. Up to the first wait this runs in the place of what was
    /// interrupted: it should be short, and may take no lock that sleeps.
    fn serve(this: Arc<Self>, run: Run) -> impl Future<Output = ()> + Send + 'static;
}

/// Serves the interrupts of a level above the lock level.
///
/// ```
/// # use irqlab::{context::HardIrq, interrupt_thread::{Handlers, HighHandler, InterruptThreads}};
/// # use irqlab::interrupt_thread::{Level, LOCK_LEVEL, MAX_LEVEL};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Clock(Atomic<usize>);
///
/// impl HighHandler for Clock {
///     fn serve(&self, _irq: &HardIrq) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// /// On all levels that have no threads.
/// fn on_high_levels(clock: &Arc<Clock>) -> Result<Handlers> {
///     let mut handlers = Handlers::new();
///     for level in LOCK_LEVEL + 1..=MAX_LEVEL {
///         let level = Level::new(level).ok_or(EINVAL)?;
///         handlers = handlers.function(level, clock.clone())?;
///     }
///     Ok(handlers)
/// }
///
/// let clock = Arc::new(Clock(Atomic::new(0)), GFP_KERNEL)?;
/// let threads = InterruptThreads::new(on_high_levels(&clock)?, task)?;
/// threads.raise(Level::new(MAX_LEVEL).ok_or(EINVAL)?)?;
/// # eventually!(task, clock.0.load(Relaxed) > 0);
/// // A moment later:
/// assert_eq!(clock.0.load(Relaxed), 1);
/// ```
pub trait HighHandler: Send + Sync + 'static {
    /// Serves one interrupt, with interrupts off.
    fn serve(&self, irq: &HardIrq);
}

/// Makes a level's server for each CPU.
trait Make {
    fn make(&self, cpu: CpuId, level: Level, gate: &Arc<Gate>, index: usize) -> Result<Server>;
}

struct ForThread<H>(Arc<H>);

impl<H: Handler> Make for ForThread<H> {
    fn make(&self, cpu: CpuId, level: Level, gate: &Arc<Gate>, index: usize) -> Result<Server> {
        Ok(Server::Thread(thread::new(
            cpu, level, &self.0, gate, index,
        )?))
    }
}

struct ForFunction<H>(Arc<H>);

impl<H: HighHandler> Make for ForFunction<H> {
    fn make(&self, _: CpuId, _: Level, _: &Arc<Gate>, _: usize) -> Result<Server> {
        Ok(Server::Function(self.0.clone()))
    }
}

/// Handlers for some levels, before there are threads for them.
pub struct Handlers {
    makes: [Option<KBox<dyn Make>>; MAX_LEVEL as usize],
}

impl Handlers {
    /// None.
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            makes: [const { None }; MAX_LEVEL as usize],
        }
    }

    /// Adds `handler` for a level that has threads.
    ///
    /// Errors: `EINVAL` if the level has none, `EBUSY` if it has a handler, `ENOMEM`.
    pub fn thread<H: Handler>(self, level: Level, handler: Arc<H>) -> Result<Self> {
        if !level.has_thread() {
            return Err(EINVAL);
        }
        let make: KBox<dyn Make> = KBox::new(ForThread(handler), GFP_KERNEL)?;
        self.add(level, make)
    }

    /// Adds `handler` for a level above the lock level.
    ///
    /// Errors: `EINVAL` if it is not, `EBUSY` if it has a handler, `ENOMEM`.
    pub fn function<H: HighHandler>(self, level: Level, handler: Arc<H>) -> Result<Self> {
        if level.has_thread() {
            return Err(EINVAL);
        }
        let make: KBox<dyn Make> = KBox::new(ForFunction(handler), GFP_KERNEL)?;
        self.add(level, make)
    }

    fn add(mut self, level: Level, make: KBox<dyn Make>) -> Result<Self> {
        match self.makes[level.index()].replace(make) {
            Some(_) => Err(EBUSY),
            None => Ok(self),
        }
    }

    /// The levels that have a handler.
    fn levels(&self) -> impl Iterator<Item = Level> + '_ {
        Level::all().filter(|level| self.makes[level.index()].is_some())
    }

    fn make(&self, cpu: CpuId, level: Level, gate: &Arc<Gate>, index: usize) -> Result<Server> {
        match &self.makes[level.index()] {
            Some(make) => make.make(cpu, level, gate, index),
            None => Ok(Server::None),
        }
    }
}

/// The controllers and pools of all CPUs, those that are offline included.
///
/// Dropping it ends all runs: who runs in the place of something, or in a thread, is waited for;
/// who waits is dropped where it waits. That sleeps.
/// None of its own handlers may do it, as it would wait for itself.
///
/// While a CPU is offline its kernel threads run elsewhere, and what they let come comes there too:
/// the CPU's levels mask each other as before, but several CPUs may serve them, and then their times
/// are not told apart. A handler that is in its thread meanwhile stays elsewhere until it waits; the
/// next time it goes on, and the CPU is online, it is there.
///
/// ```
/// # use irqlab::{context::{HardIrq, Task}, interrupt_thread::*};
/// # use kernel::{prelude::*, sync::Arc};
/// struct Disk {
///     queue: Mutex<u32>,
/// }
///
/// impl Handler for Disk {
///     async fn serve(this: Arc<Self>, run: Run) {
///         // Waits only if it is locked.
///         *this.queue.lock().await += 1;
///         run.sleep_us(100).await;
///     }
/// }
///
/// fn start(disk: Arc<Disk>, task: &Task) -> Result<InterruptThreads> {
///     let level = Level::new(5).ok_or(EINVAL)?;
///     InterruptThreads::new(Handlers::new().thread(level, disk)?, task)
/// }
///
/// fn top_half(threads: &InterruptThreads, level: Level, _irq: &HardIrq) -> Result {
///     // As soon as this interrupt has returned.
///     threads.raise(level).map(|_raised| ())
/// }
///
/// let disk = Arc::new(Disk { queue: Mutex::new(0)? }, GFP_KERNEL)?;
/// let threads = start(disk.clone(), task)?;
/// threads.raise(Level::new(5).ok_or(EINVAL)?)?;
/// # eventually!(task, *disk.queue.lock_in(task) > 0);
/// // A moment later:
/// assert_eq!(*disk.queue.lock_in(task), 1);
/// # // No other level has a handler.
/// # assert_eq!(threads.raise(Level::new(4).ok_or(EINVAL)?).err(), Some(ENODEV));
/// ```
pub struct InterruptThreads {
    cpus: PerCpu<Controller>,
    gate: Arc<Gate>,
}

struct Controller {
    cpu: Arc<Cpu>,
    bells: Arc<Bells>,
}

/// What the kernel calls the threads, before the CPU's number.
const NAMES: [&CStr; LOCK_LEVEL as usize] = [
    c"intr_1", c"intr_2", c"intr_3", c"intr_4", c"intr_5", c"intr_6", c"intr_7", c"intr_8",
    c"intr_9", c"intr_10",
];

impl InterruptThreads {
    /// Makes a pool for each CPU: a thread for each level that has a handler.
    ///
    /// Errors: `ENOMEM`.
    pub fn new(handlers: Handlers, task: &Task) -> Result<Self> {
        let gate = Arc::new(Gate::new(), GFP_KERNEL)?;
        let mut bodies = Bodies::new();
        let cpus = PerCpu::of_each(|id| {
            let mut servers = [const { Server::None }; MAX_LEVEL as usize];
            let mut next_body = bodies.len();
            for level in handlers.levels() {
                servers[level.index()] = handlers.make(id, level, &gate, next_body)?;
                next_body += usize::from(level.has_thread());
            }
            let cpu = Cpu::new(id, servers)?;
            let bells = Bells::new(&cpu)?;
            for level in handlers.levels().filter(|level| level.has_thread()) {
                let body = Body {
                    cpu: cpu.clone(),
                    bells: bells.clone(),
                    level,
                };
                let worker = Worker::on(id, NAMES[level.index()], Priority::Fifo)?;
                let body = KBox::pin_init(Work::new(worker, Ok(body)), GFP_KERNEL)?;
                bodies.push(body, GFP_KERNEL)?;
            }
            Ok(Controller { cpu, bells })
        })?;
        gate.replace(Some(Arc::new(bodies, GFP_KERNEL)?), task);
        Ok(Self { cpus, gate })
    }

    /// An interrupt of `level` comes on this CPU. If nothing masks it, its handler starts as soon
    /// as interrupts are on. May be called in any context but an NMI.
    ///
    /// Errors: `ENODEV` if the level has no handler, `EINVAL` in an NMI.
    pub fn raise(&self, level: Level) -> Result<Raised> {
        if nmi::is_refused() {
            return Err(EINVAL);
        }
        let _off = local_interrupt_disable();
        let controller = self.cpus.local();
        let raised = controller.cpu.raise(level)?;
        if raised == Raised::Now {
            controller.bells.ring();
        }
        Ok(raised)
    }

    /// The CPUs that have a pool: all that there can be, online or not.
    pub fn cpus(&self) -> impl Iterator<Item = CpuId> + Clone + '_ {
        self.cpus.iter().map(|controller| controller.cpu.id)
    }

    /// What is pending, active and blocked on a CPU now.
    pub fn levels(&self, cpu: CpuId) -> Levels {
        self.cpus.of(cpu).cpu.levels()
    }

    /// What a level's handler has done on a CPU.
    ///
    /// ```
    /// # use irqlab::interrupt_thread::{Handlers, InterruptThreads, Level, Levels, LevelStats};
    /// # use kernel::prelude::*;
    /// /// Shows those that have had an interrupt, and returns how many have not.
    /// fn show(threads: &InterruptThreads) -> usize {
    ///     let mut nr_quiet = 0;
    ///     for cpu in threads.cpus() {
    ///         let now: Levels = threads.levels(cpu);
    ///         for level in Level::all().filter(|level| level.has_thread()) {
    ///             let LevelStats { raised, blocks, .. } = threads.stats(cpu, level);
    ///             let is_active = Levels::contains(now.active, level);
    ///             if raised > 0 {
    ///                 pr_info!("level {}: {raised}, {blocks} blocked; {is_active}\n", level.number());
    ///             } else {
    ///                 nr_quiet += 1;
    ///             }
    ///         }
    ///     }
    ///     nr_quiet
    /// }
    ///
    /// # let threads = InterruptThreads::new(Handlers::new(), task)?;
    /// assert_eq!(show(&threads), threads.cpus().count() * 10);
    /// ```
    pub fn stats(&self, cpu: CpuId, level: Level) -> LevelStats {
        self.cpus.of(cpu).cpu.stats(level)
    }
}

impl Drop for InterruptThreads {
    fn drop(&mut self) {
        warn_unless_may_wait(false);
        for controller in self.cpus.iter() {
            controller.cpu.close();
        }
        // SAFETY: Dropping interrupt threads is only correct where one may sleep; who does it elsewhere was
        // warned.
        let task = unsafe { Task::assume() };
        // Nothing wakes them any more; each waits, as it is dropped, until it has come to a
        // wait or its end. Then, as `cpus` is dropped, the bells wait for what runs in the place
        // of something, and with the controllers go the states of those that wait.
        drop(self.gate.replace(None, task));
    }
}
