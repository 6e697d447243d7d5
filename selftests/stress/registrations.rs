// SPDX-License-Identifier: GPL-2.0

//! Registrations, and guards that disable a line, dropped and used where one might wait for oneself: in
//! the handler, in its thread, and while the line goes.

use irqlab::{
    clock,
    completion::{
        Completion,
        Waited, //
    },
    context::{
        HardIrq,
        IrqsOff,
        SoftIrq,
        Task, //
    },
    cpu,
    error::EDEADLK,
    interrupt::local_interrupt_disable,
    irq::{
        Disabled,
        Handler,
        IrqReturn,
        Options,
        Registration,
        Sharing,
        ThreadableHandler,
        ThreadedHandler,
        ThreadedIrqReturn,
        Trigger, //
    },
    irq_chip::{
        Chip,
        Domain,
        Flow,
        Line, //
    },
    new_raw_spinlock,
    raw_spinlock::RawSpinLock,
    tasklet::{
        self,
        Tasklet, //
    },
    workqueue::Queue, //
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc,
        SpinLock, //
    },
};

/// A controller that takes edges, and counts under a lock what it is told.
#[pin_data]
struct Counting {
    #[pin]
    told: RawSpinLock<u64>,
    edge: Atomic<u32>,
}

impl Counting {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            told <- new_raw_spinlock!(0),
            edge: Atomic::new(0),
        }? Error)
    }

    fn count(&self) {
        self.told.with(|told, _off| *told += 1);
    }
}

impl Chip for Counting {
    fn mask(&self, _hwirq: u32) {
        self.count();
    }

    fn unmask(&self, _hwirq: u32) {
        self.count();
    }

    fn ack(&self, _hwirq: u32) {
        self.count();
    }

    fn eoi(&self, _hwirq: u32) {
        self.count();
    }

    fn set_trigger(&self, _hwirq: u32, trigger: Trigger) -> Result {
        self.edge
            .store(u32::from(trigger == Trigger::FallingEdge), Relaxed);
        match trigger {
            Trigger::BothEdges => Err(EINVAL),
            _ => Ok(()),
        }
    }
}

fn line() -> Result<Line<Counting>> {
    Domain::new(1, Counting::new())?.map(0, Flow::Edge)
}

fn wait(completion: &Completion, task: &Task) -> bool {
    completion.wait_ms(task, 2000) == Waited::Completed
}

/// What a handler does with its own registration, of which it has the last reference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    DropInTopHalf,
    DropInThread,
    /// Disables the line, and waits for its handlers, of which this is one.
    Disable,
    Synchronize,
}

/// Does it, once.
#[pin_data]
struct Own {
    act: Act,
    #[pin]
    this: RawSpinLock<Option<Arc<Registration<Self>>>>,
    /// To be seen after the registration was dropped.
    memory: KVec<u64>,
    seen: Arc<Seen>,
    _told: Told,
}

#[pin_data]
struct Seen {
    was_right: Atomic<u32>,
    nr_dropped: Atomic<u32>,
    #[pin]
    done: Completion,
}

/// Tells that the handler was dropped.
struct Told(Arc<Seen>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.nr_dropped.fetch_add(1, Full);
    }
}

impl Own {
    fn finish(&self, is_right: bool) {
        // Time for its memory to be freed, were it not kept.
        clock::spin_ns(100_000);
        let is_there = self.memory.iter().all(|word| *word == 1);
        self.seen
            .was_right
            .store(u32::from(is_right && is_there), Relaxed);
        self.seen.done.complete();
    }
}

impl ThreadedHandler for Own {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        if self.act != Act::DropInTopHalf {
            return ThreadedIrqReturn::WakeThread;
        }
        let off = irq.irqs_off();
        if let Some(this) = self.this.with_irqs_off(off, |this, _off| this.take()) {
            drop(this);
            self.finish(true);
        }
        ThreadedIrqReturn::Handled
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        let Some(this) = self.this.with(|this, _off| this.take()) else {
            return IrqReturn::Handled;
        };
        let is_right = match self.act {
            Act::DropInTopHalf | Act::DropInThread => true,
            Act::Disable => this.disable(task).is_err_and(|error| error == EDEADLK),
            Act::Synchronize => this.line().synchronize(task) == Err(EDEADLK),
        };
        drop(this);
        self.finish(is_right);
        IrqReturn::Handled
    }
}

fn on_itself(act: Act, task: &Task) -> Result<bool> {
    let line = line()?;
    let seen = Arc::pin_init(
        pin_init!(Seen {
            was_right: Atomic::new(0),
            nr_dropped: Atomic::new(0),
            done <- Completion::new(),
        }),
        GFP_KERNEL,
    )?;
    let (own_seen, told) = (seen.clone(), Told(seen.clone()));
    let own = try_pin_init!(Own {
        act,
        this <- new_raw_spinlock!(None),
        memory: KVec::from_elem(1, 16, GFP_KERNEL)?,
        seen: own_seen,
        _told: told,
    }? Error);
    let this = line
        .line()
        .request_threaded(Sharing::Exclusive, c"irqlab_stress", own)?;
    // The handler has the only reference; until it takes that, nobody drops it.
    this.handler().this.with({
        let this = this.clone();
        move |own, _off| *own = Some(this)
    });
    drop(this);
    line.send()?;
    let is_done = wait(&seen.done, task);
    // Waits for what is taken off late.
    drop(line);
    Ok(is_done && seen.was_right.load(Relaxed) == 1 && seen.nr_dropped.load(Relaxed) == 1)
}

/// A top half that disables its line, and has a tasklet enable it.
#[pin_data]
struct Nosync {
    #[pin]
    kept: RawSpinLock<Kept>,
    runs: Atomic<u64>,
}

#[derive(Default)]
struct Kept {
    this: Option<Arc<Registration<Top>>>,
    disabled: Option<Disabled<Top>>,
}

struct Top(Pin<KBox<Tasklet<Nosync>>>);

impl Handler for Top {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        let nosync = &self.0;
        nosync.runs.fetch_add(1, Full);
        nosync.kept.with_irqs_off(irq.irqs_off(), |kept, _off| {
            if let Some(this) = &kept.this {
                kept.disabled = this.disable_nosync().ok();
            }
        });
        nosync.schedule();
        IrqReturn::Handled
    }
}

impl tasklet::Handler<tasklet::Kind> for Nosync {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let disabled = this.kept.with(|kept, _off| kept.disabled.take());
        drop(disabled);
    }
}

/// Each interrupt of many that are sent while the line is disabled by the one before comes all the same.
fn disabled_by_the_top_half(task: &Task) -> Result<bool> {
    const COUNT: u64 = 200;

    let line = line()?;
    let nosync = try_pin_init!(Nosync {
        kept <- new_raw_spinlock!(Kept::default()),
        runs: Atomic::new(0),
    }? Error);
    let top = Top(KBox::pin_init(Tasklet::new(nosync), GFP_KERNEL)?);
    let this = line
        .line()
        .request(Sharing::Exclusive, c"irqlab_stress", Ok(top))?;
    this.handler().0.kept.with({
        let this = this.clone();
        move |kept, _off| kept.this = Some(this)
    });
    let runs = || this.handler().0.runs.load(Relaxed);
    let mut is_ok = true;
    for round in 0..COUNT {
        line.send()?;
        let start_ns = clock::now_ns();
        while runs() != round + 1 && clock::now_ns().wrapping_sub(start_ns) < 2_000_000_000 {
            task.sleep_us(10, 20);
        }
        is_ok &= runs() == round + 1;
    }
    let is_disabled = |depth| {
        let now = || {
            line.line()
                .info()
                .is_ok_and(|info| info.disable_depth == depth)
        };
        let start_ns = clock::now_ns();
        while !now() && clock::now_ns().wrapping_sub(start_ns) < 2_000_000_000 {
            task.sleep_us(100, 100);
        }
        now()
    };
    is_ok &= is_disabled(0);
    // What the handler has of itself.
    let (own, disabled) = this
        .handler()
        .0
        .kept
        .with(|kept, _off| (kept.this.take(), kept.disabled.take()));
    drop((own, disabled));
    Ok(is_ok)
}

struct Quiet;

impl Handler for Quiet {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        IrqReturn::Handled
    }
}

/// The line goes while others look at it, wait for it, disable it, and make it pending.
fn gone_meanwhile(workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let mut is_ok = true;
    for _ in 0..20 {
        let line = line()?;
        let registration = line
            .line()
            .request(Sharing::Exclusive, c"irqlab_stress", Ok(Quiet))?;
        let is_gone = Atomic::new(0u32);
        let held = KBox::pin_init(new_raw_spinlock!(Some(line)), GFP_KERNEL)?;
        let goer = cpu::online().next();
        cpu::run_on(workers, cpu::online(), task, |here| {
            let on_line = registration.line();
            for round in 0.. {
                if Some(here.cpu) == goer {
                    if round == 20 {
                        drop(held.with(|line, _off| line.take()));
                        is_gone.store(1, Relaxed);
                        return;
                    }
                } else if is_gone.load(Relaxed) == 1 || here.is_stopped() {
                    return;
                }
                let _ = on_line.synchronize(here.task);
                let _ = on_line.info();
                let _ = on_line.set_pending();
                drop(registration.disable(here.task));
                drop(registration.disable_nosync());
            }
        })?;
        let on_line = registration.line();
        is_ok &= on_line.synchronize(task) == Err(ENODEV)
            && on_line.set_pending() == Err(ENODEV)
            && on_line.info().is_err_and(|error| error == ENODEV)
            && registration
                .disable(task)
                .is_err_and(|error| error == ENODEV);
    }
    Ok(is_ok)
}

/// A guard that outlives its line's revocation leaves the line enabled for others; and a name that was read
/// outlives the controller.
fn guard_outlives_the_line(task: &Task) -> Result<bool> {
    let line = line()?;
    let info = line.line().info()?;
    let registration = line
        .line()
        .request(Sharing::Exclusive, c"irqlab_stress", Ok(Quiet))?;
    let (first, second) = (registration.disable(task)?, registration.disable_nosync()?);
    let is_disabled_twice = line.line().info()?.disable_depth == 2;
    drop(line);
    drop((first, second));
    Ok(is_disabled_twice && info.chip.to_bytes() == b"irqlab")
}

/// The controller is told what triggers; and may refuse.
fn told_of_the_trigger() -> Result<bool> {
    let line = line()?;
    let request = |trigger| {
        let options = Options::new(Sharing::Exclusive).with_trigger(trigger);
        line.line().request(options, c"irqlab_stress", Ok(Quiet))
    };
    let falling = request(Trigger::FallingEdge)?;
    let is_told = line.domain().chip().edge.load(Relaxed) == 1;
    let is_shown = line.line().info()?.trigger == "edge";
    drop(falling);
    let refuses = |trigger| request(trigger).is_err_and(|error| error == EINVAL);
    Ok(is_told && is_shown && refuses(Trigger::BothEdges) && refuses(Trigger::HighLevel))
}

/// A handler that counts under a lock, as tasks do.
#[pin_data]
struct Locking {
    #[pin]
    both: RawSpinLock<(u64, u64)>,
}

impl Locking {
    fn count((one, other): &mut (u64, u64), _off: &IrqsOff) {
        *one += 1;
        *other += 1;
    }
}

impl Handler for Locking {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        self.both.with_irqs_off(irq.irqs_off(), Self::count);
        IrqReturn::Handled
    }
}

/// The handler, the tasks and the controller's callbacks contend for locks.
fn locked_everywhere(workers: &Queue<Task>, task: &Task) -> Result<bool> {
    const COUNT: u64 = 500;

    let line = line()?;
    let locking = try_pin_init!(Locking {
        both <- new_raw_spinlock!((0, 0)),
    }? Error);
    let this = line
        .line()
        .request(Sharing::Exclusive, c"irqlab_stress", locking)?;
    let both = &this.handler().both;
    let nr_uneven = Atomic::new(0u64);
    cpu::run_on(workers, cpu::online(), task, |_| {
        for _ in 0..COUNT {
            let _ = line.send();
            both.with(|both, off| {
                nr_uneven.add(u64::from(both.0 != both.1), Relaxed);
                Locking::count(both, off);
            });
            line.domain().chip().count();
        }
    })?;
    let least = COUNT * cpu::online().count() as u64;
    let counted = both.with(|both, _off| both.0);
    let told = line.domain().chip().told.with(|told, _off| *told);
    Ok(nr_uneven.load(Relaxed) == 0 && counted > least && told > least)
}

/// A handler that leaves its context to the kernel, so that a lock that may sleep there will do.
#[pin_data]
struct Ordinary {
    #[pin]
    both: SpinLock<(u64, u64)>,
}

impl ThreadableHandler for Ordinary {
    fn handle(&self) -> IrqReturn {
        let mut both = self.both.lock();
        both.0 += 1;
        both.1 += 1;
        IrqReturn::Handled
    }
}

/// As [`locked_everywhere`], with an ordinary handler and an ordinary lock.
fn locked_as_usual(workers: &Queue<Task>, task: &Task) -> Result<bool> {
    const COUNT: u64 = 500;

    let line = line()?;
    let ordinary = try_pin_init!(Ordinary {
        both <- new_spinlock!((0, 0)),
    }? Error);
    let this = line
        .line()
        .request_threadable(Sharing::Exclusive, c"irqlab_stress", ordinary)?;
    let both = &this.handler().both;
    let nr_uneven = Atomic::new(0u64);
    cpu::run_on(workers, cpu::online(), task, |_| {
        for _ in 0..COUNT {
            let _ = line.send();
            // What the handler takes is not taken with interrupts on, unless the handler has a thread.
            let _off = cfg!(not(CONFIG_PREEMPT_RT)).then(local_interrupt_disable);
            let mut both = both.lock();
            nr_uneven.add(u64::from(both.0 != both.1), Relaxed);
            both.0 += 1;
            both.1 += 1;
        }
    })?;
    line.line().synchronize(task)?;
    let least = COUNT * cpu::online().count() as u64;
    let _off = cfg!(not(CONFIG_PREEMPT_RT)).then(local_interrupt_disable);
    let counted = both.lock().0;
    Ok(nr_uneven.load(Relaxed) == 0 && counted > least)
}

/// All tests. Calls `report` with the name of each, and whether it passed.
pub(crate) fn try_all(
    workers: &Queue<Task>,
    task: &Task,
    mut report: impl FnMut(&str, bool),
) -> Result {
    for (name, act) in [
        ("dropped in its top half", Act::DropInTopHalf),
        ("dropped in its thread", Act::DropInThread),
        ("disabled in its thread", Act::Disable),
        ("waited for in its thread", Act::Synchronize),
    ] {
        let mut is_ok = true;
        for _ in 0..20 {
            is_ok &= on_itself(act, task)?;
        }
        report(name, is_ok);
    }
    report("disabled by the top half", disabled_by_the_top_half(task)?);
    report("gone meanwhile", gone_meanwhile(workers, task)?);
    report("a guard outlives it", guard_outlives_the_line(task)?);
    report("told of its trigger", told_of_the_trigger()?);
    report("locks in its handler", locked_everywhere(workers, task)?);
    report("an ordinary handler", locked_as_usual(workers, task)?);
    Ok(())
}
