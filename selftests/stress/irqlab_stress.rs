// SPDX-License-Identifier: GPL-2.0

//! Drops every deferral type of the library at the worst moments; and observers
//! of tracepoints, which the same can happen to. Sends interrupts to lines from everywhere, and drops
//! handlers in themselves.
//!
//! Each type is scheduled from all CPUs at once, and dropped while it is pending,
//! while it runs, and while it schedules itself again without end. After the
//! drop its handler may not run any more; that memory is not used either is for
//! KASAN to see.
//!
//! What may not happen with interrupts off is tried there.
//!
//! And random operations on the types that have a reference model.
//!
//! Runs when it is inserted, with a line in the kernel's log for each test. If one
//! failed the insertion fails, with `EBADMSG`.

#![forbid(unsafe_code)]

mod answers;
mod behind_bus;
mod deferred;
mod dpc;
mod interrupts_off;
mod lines;
mod old_bh;
mod old_bh_model;
mod readers;
mod registrations;
mod rings;

use core::marker::PhantomData;
use dpc::ForDpc;
use irqlab::{
    call_rcu::{
        self,
        CallRcu, //
    },
    clock,
    context::{
        Context,
        HardIrq,
        IrqsOff,
        SoftIrq,
        Task,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId, //
    },
    dpc::{
        Dpc,
        Ordinary,
        Threaded, //
    },
    error::EBADMSG,
    hrtimer::{
        self,
        HrTimer,
        TimerContext, //
    },
    irq_work::{
        self,
        IrqWork,
        Lazy,
        Now,
        When, //
    },
    kthread::{
        self,
        Priority,
        Worker, //
    },
    new_delayed_work, new_timer, new_work,
    smp::{
        self,
        Csd, //
    },
    softirq::Vector,
    tasklet::{
        self,
        Tasklet, //
    },
    timer::{
        self,
        Timer, //
    },
    tracepoint::{
        Attached,
        Observer,
        SoftirqEntry, //
    },
    workqueue::{
        self,
        Delayed,
        DelayedWork,
        Handler,
        Queue,
        Work, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

mod interrupt_thread;

module! {
    type: Stress,
    name: "irqlab_stress",
    authors: ["The irqlab contributors"],
    description: "Drops every deferral type of the library at the worst moments",
    license: "GPL",
    params: {
        operations: u32 {
            default: 100_000,
            description: "Random operations in each test that has some (default: 100000)",
        },
    },
}

/// How many random operations all CPUs together are to carry out, in each test that has some.
fn nr_operations() -> u32 {
    irqlab::parameter::<u32>(module_parameters::operations.value()).max(1000)
}

struct Stress;

/// What the handler of a subject does, and what is known of it.
struct Body {
    runs: Atomic<u64>,
    inside: Atomic<u64>,
    /// Whether it schedules itself again, always.
    is_endless: bool,
}

impl Body {
    fn new(is_endless: bool) -> Result<Arc<Self>> {
        let body = Self {
            runs: Atomic::new(0),
            inside: Atomic::new(0),
            is_endless,
        };
        Ok(Arc::new(body, GFP_KERNEL)?)
    }

    /// One run, long enough to be dropped in.
    fn run(&self) {
        self.inside.fetch_add(1, Full);
        clock::spin_ns(50_000);
        self.runs.add(1, Relaxed);
        self.inside.fetch_sub(1, Full);
    }
}

/// A type under test, scheduled in one of its ways.
trait Subject: Sized + Send + Sync {
    /// Whether it runs once for every time that it was idle and was scheduled. Not those who tell what
    /// they saw just before.
    const IS_EXACT: bool = true;

    fn new(body: Arc<Body>) -> Result<Self>;

    /// Returns whether it was idle.
    fn schedule(&self) -> bool;

    /// Takes it off, so that it can be scheduled again; for types that can only be
    /// dropped, returns false. (A dropped one cannot be scheduled: `compile_fail`.)
    fn cancel(&self, _task: &Task) -> bool {
        false
    }
}

fn tasklet<const HI: bool>(this: &Tasklet<ForTasklet<HI>>) -> bool {
    if HI {
        this.schedule_hi()
    } else {
        this.schedule()
    }
}

struct ForTasklet<const HI: bool>(Arc<Body>);

impl<const HI: bool> tasklet::Handler<tasklet::Kind> for ForTasklet<HI> {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.run();
        if this.0.is_endless {
            tasklet(this);
        }
    }
}

impl<const HI: bool> Subject for Pin<KBox<Tasklet<ForTasklet<HI>>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        KBox::pin_init(Tasklet::new(Ok(ForTasklet(body))), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        tasklet(self)
    }
}

/// Work with its queue, which goes after it.
struct OnQueue<K: QueueKind> {
    work: Pin<KBox<Work<ForWork<K>, K::Context>>>,
}

struct ForWork<K: QueueKind> {
    body: Arc<Body>,
    queue: Arc<Queue<K::Context>>,
}

/// One kind of work queue.
trait QueueKind: 'static {
    type Context: Context + 'static;
    fn queue() -> Result<Queue<Self::Context>>;
}

macro_rules! queue_kinds {
    ($($kind:ident: $context:ty = $constructor:ident,)*) => {
        $(
            enum $kind {}

            impl QueueKind for $kind {
                type Context = $context;

                fn queue() -> Result<Queue<$context>> {
                    Queue::$constructor(c"irqlab_stress")
                }
            }
        )*
    };
}

queue_kinds! {
    PerCpu: Task = per_cpu,
    Unbound: Task = unbound,
    Ordered: Task = ordered,
    Bh: SoftIrq = bh,
}

impl<K: QueueKind> workqueue::Handler<workqueue::Kind<K::Context>> for ForWork<K> {
    fn run(this: &Work<Self, K::Context>, _context: &K::Context) {
        this.body.run();
        if this.body.is_endless {
            this.queue(&this.queue);
        }
    }
}

impl<K: QueueKind> Subject for OnQueue<K> {
    fn new(body: Arc<Body>) -> Result<Self> {
        let queue = Arc::new(K::queue()?, GFP_KERNEL)?;
        let handler = ForWork::<K> { body, queue };
        let work = KBox::pin_init(new_work!(Ok(handler)), GFP_KERNEL)?;
        Ok(Self { work })
    }

    fn schedule(&self) -> bool {
        self.work.queue(&self.work.queue)
    }

    fn cancel(&self, task: &Task) -> bool {
        self.work.cancel(task).is_ok()
    }
}

struct ForDelayedWork(Arc<Body>);

impl Handler<Delayed> for ForDelayedWork {
    fn run(this: &DelayedWork<Self>, _task: &Task) {
        this.0.run();
        if this.0.is_endless {
            this.queue(0);
        }
    }
}

impl Subject for Pin<KBox<DelayedWork<ForDelayedWork>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        // Only the work keeps its queue.
        let queue = Arc::new(Queue::per_cpu(c"irqlab_stress")?, GFP_KERNEL)?;
        let work = new_delayed_work!(queue, Ok(ForDelayedWork(body)));
        KBox::pin_init(work, GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        (**self).queue(1)
    }

    fn cancel(&self, task: &Task) -> bool {
        (**self).cancel(task).is_ok()
    }
}

struct ForIrqWork<W> {
    body: Arc<Body>,
    _when: PhantomData<fn(&W)>,
}

impl<W: When + 'static> irq_work::Handler<irq_work::Kind<W>> for ForIrqWork<W> {
    fn run(this: &IrqWork<Self, W>, _context: &W::Context) {
        this.body.run();
        // IRQ work that queues itself leaves its CPU no time for anything else,
        // not even to be dropped: so only now and then.
        if this.body.is_endless && this.body.runs.load(Relaxed) % 8 != 0 {
            this.queue();
        }
    }
}

impl<W: When + 'static> Subject for Pin<KBox<IrqWork<ForIrqWork<W>, W>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        let handler = ForIrqWork::<W> {
            body,
            _when: PhantomData,
        };
        KBox::pin_init(IrqWork::new(Ok(handler)), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        self.queue()
    }
}

struct ForCsd(Arc<Body>);

/// From CPU to CPU: on the own one it would be inline.
fn call_next(csd: &Csd<ForCsd>) -> bool {
    // It may be pending, or be dropped.
    cpu::next_online(CpuId::current()).is_some_and(|next| csd.call_on(next).is_ok())
}

impl smp::Handler<smp::Kind> for ForCsd {
    fn run(this: &Csd<Self>, _off: &IrqsOff) {
        this.0.run();
        // As with IRQ work.
        if this.0.is_endless && this.0.runs.load(Relaxed) % 8 != 0 {
            call_next(this);
        }
    }
}

impl Subject for Pin<KBox<Csd<ForCsd>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        KBox::pin_init(Csd::new(Ok(ForCsd(body))), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        call_next(self)
    }
}

struct ForHrTimer<C> {
    body: Arc<Body>,
    _context: PhantomData<fn(&C)>,
}

impl<C: TimerContext + 'static> hrtimer::Handler<hrtimer::Kind<C>> for ForHrTimer<C> {
    fn run(this: &HrTimer<Self, C>, _context: &C) {
        this.body.run();
        if this.body.is_endless {
            this.start(100_000);
        }
    }
}

impl<C: TimerContext + 'static> Subject for Pin<KBox<HrTimer<ForHrTimer<C>, C>>> {
    const IS_EXACT: bool = false;

    fn new(body: Arc<Body>) -> Result<Self> {
        let handler = ForHrTimer::<C> {
            body,
            _context: PhantomData,
        };
        KBox::pin_init(HrTimer::new(Ok(handler)), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        self.start(10_000)
    }

    fn cancel(&self, task: &Task) -> bool {
        (**self).cancel(task).is_ok()
    }
}

struct ForTimer(Arc<Body>);

impl timer::Handler<timer::Kind> for ForTimer {
    fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
        this.0.run();
        if this.0.is_endless {
            this.start(0);
        }
    }
}

impl Subject for Pin<KBox<Timer<ForTimer>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        KBox::pin_init(new_timer!(Ok(ForTimer(body))), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        self.start(0)
    }

    fn cancel(&self, task: &Task) -> bool {
        (**self).cancel(task).is_ok()
    }
}

struct ForKthread(Arc<Body>);

impl kthread::Handler<kthread::Kind> for ForKthread {
    fn run(this: &kthread::Work<Self>, _task: &Task) {
        this.0.run();
        if this.0.is_endless {
            this.queue();
        }
    }
}

impl Subject for Pin<KBox<kthread::Work<ForKthread>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        let worker = Worker::new(c"irqlab_stress", Priority::Normal)?;
        let work = kthread::Work::new(worker, Ok(ForKthread(body)));
        KBox::pin_init(work, GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        self.queue()
    }

    fn cancel(&self, task: &Task) -> bool {
        (**self).cancel(task).is_ok()
    }
}

struct ForCallRcu(Arc<Body>);

impl call_rcu::Handler<call_rcu::Kind> for ForCallRcu {
    fn run(this: &CallRcu<Self>, _context: &Unsleeping) {
        this.0.run();
        if this.0.is_endless {
            this.queue();
        }
    }
}

impl Subject for Pin<KBox<CallRcu<ForCallRcu>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        KBox::pin_init(CallRcu::new(Ok(ForCallRcu(body))), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        self.queue()
    }
}

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
use irqlab::irq_poll::{
    self,
    IrqPoll, //
};

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
struct ForPoll(Arc<Body>);

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
impl irq_poll::Handler for ForPoll {
    fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, budget: u32) -> u32 {
        this.0.run();
        // The whole budget: there is more.
        if this.0.is_endless {
            budget
        } else {
            0
        }
    }

    /// The poll has completed, and may be dropped now, but not before this has ended.
    fn has_more(this: &IrqPoll<Self>) -> bool {
        clock::spin_ns(20_000);
        this.0.inside.load(Relaxed) > 1_000_000
    }
}

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
impl Subject for Pin<KBox<IrqPoll<ForPoll>>> {
    const IS_EXACT: bool = false;

    fn new(body: Arc<Body>) -> Result<Self> {
        KBox::pin_init(IrqPoll::new(4, Ok(ForPoll(body))), GFP_KERNEL)
    }

    fn schedule(&self) -> bool {
        (**self).schedule()
    }
}

/// Something comes during the first poll: too late for that to find it, and too early to schedule another.
#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
struct ForLate {
    polls: Atomic<u64>,
    has_come: Atomic<bool>,
}

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
impl irq_poll::Handler for ForLate {
    fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
        if this.polls.fetch_add(1, Full) == 0 {
            this.has_come.store(true, Relaxed);
            this.schedule();
        }
        0
    }

    fn has_more(this: &IrqPoll<Self>) -> bool {
        this.has_come.xchg(false, Full)
    }
}

/// Whether a poll comes for it, and no other.
#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
fn polls_for_late(task: &Task) -> Result<bool> {
    let handler = ForLate {
        polls: Atomic::new(0),
        has_come: Atomic::new(false),
    };
    let poll = KBox::pin_init(IrqPoll::new(4, Ok(handler)), GFP_KERNEL)?;
    poll.schedule();
    for _ in 0..2000 {
        if poll.polls.load(Relaxed) > 1 {
            break;
        }
        task.sleep_ms(1);
    }
    task.sleep_ms(5);
    Ok(poll.polls.load(Relaxed) == 2)
}

/// An observer of a tracepoint, and a tasklet that causes its events.
struct Observed {
    // First the observer, which leaves while there are still events.
    _attached: Attached<ForObserver>,
    cause: Pin<KBox<Tasklet<Cause>>>,
}

struct ForObserver(Arc<Body>);

impl Observer<SoftirqEntry> for ForObserver {
    fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
        if event.vector == Vector::Hi {
            self.0.run();
        }
    }
}

struct Cause {
    is_endless: bool,
}

impl tasklet::Handler<tasklet::Kind> for Cause {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        if this.is_endless {
            this.schedule_hi();
        }
    }
}

impl Subject for Observed {
    const IS_EXACT: bool = false;

    fn new(body: Arc<Body>) -> Result<Self> {
        let cause = Cause {
            is_endless: body.is_endless,
        };
        let cause = KBox::pin_init(Tasklet::new(Ok(cause)), GFP_KERNEL)?;
        let mut attached = Attached::new(Arc::new(ForObserver(body), GFP_KERNEL)?);
        attached.to::<SoftirqEntry>()?;
        Ok(Self {
            _attached: attached,
            cause,
        })
    }

    fn schedule(&self) -> bool {
        self.cause.schedule_hi()
    }
}

/// Says how a test of a subject went.
fn report(nr_failed: &mut u32, name: &str, test: &str, is_ok: bool) {
    let result = if is_ok { "ok" } else { "not ok" };
    pr_info!("{} - {}: {}\n", result, name, test);
    *nr_failed += u32::from(!is_ok);
}

/// All tests of one type. Returns how many failed.
fn try_subject<S: Subject>(name: &str, workers: &Queue<Task>, task: &Task) -> Result<u32> {
    const DROPS: u32 = 8;

    let mut nr_failed = 0;
    let mut report = |test: &str, is_ok: bool| report(&mut nr_failed, name, test, is_ok);

    // From all CPUs at once, and it comes to rest by itself.
    let body = Body::new(false)?;
    let subject = S::new(body.clone())?;
    let nr_idle = Atomic::new(0u64);
    cpu::run_on(workers, cpu::online(), task, |_| {
        for _ in 0..100 {
            nr_idle.add(u64::from(subject.schedule()), Relaxed);
        }
    })?;
    let nr_due = if S::IS_EXACT {
        nr_idle.load(Relaxed)
    } else {
        1
    };
    let start_ns = clock::now_ns();
    while body.runs.load(Relaxed) < nr_due && clock::now_ns().wrapping_sub(start_ns) < 2_000_000_000
    {
        task.sleep_ms(1);
    }
    drop(subject);
    report("scheduled on all CPUs", body.runs.load(Relaxed) > 0);
    if S::IS_EXACT {
        let is_exact = body.runs.load(Relaxed) == nr_due;
        report("runs once for each time that it was idle", is_exact);
    }

    // Cancelled while it is scheduled everywhere, it does not run; scheduled again, it does.
    let body = Body::new(false)?;
    let subject = S::new(body.clone())?;
    if subject.cancel(task) {
        cpu::run_on(workers, cpu::online(), task, |here| {
            for _ in 0..100 {
                subject.schedule();
                subject.cancel(here.task);
            }
        })?;
        subject.cancel(task);
        let runs = body.runs.load(Relaxed);
        task.sleep_ms(20);
        let is_off = body.runs.load(Relaxed) == runs && body.inside.load(Acquire) == 0;
        subject.schedule();
        let start_ns = clock::now_ns();
        while body.runs.load(Relaxed) == runs
            && clock::now_ns().wrapping_sub(start_ns) < 2_000_000_000
        {
            task.sleep_ms(1);
        }
        report("cancelled", is_off);
        report("scheduled after a cancel", body.runs.load(Relaxed) > runs);
    }
    drop(subject);

    for (test, is_endless) in [
        ("dropped while pending", false),
        ("dropped while it runs", true),
    ] {
        let mut is_ok = true;
        for round in 0..DROPS {
            let body = Body::new(is_endless)?;
            let subject = S::new(body.clone())?;
            cpu::run_on(workers, cpu::online(), task, |_| {
                subject.schedule();
            })?;
            let start_ns = clock::now_ns();
            while is_endless
                && body.inside.load(Acquire) == 0
                && clock::now_ns().wrapping_sub(start_ns) < 20_000_000
            {
                task.yield_if_needed();
            }
            drop(subject);
            let runs = body.runs.load(Relaxed);
            is_ok &= body.inside.load(Acquire) == 0;
            // Now and then, wait and see.
            if round % 4 == 0 {
                task.sleep_ms(5);
            }
            is_ok &= body.runs.load(Relaxed) == runs;
        }
        report(test, is_ok);
    }
    Ok(nr_failed)
}

impl kernel::Module for Stress {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let task = Task::current().ok_or(EINVAL)?;
        let workers = Queue::per_cpu(c"irqlab_stress_workers")?;
        let mut nr_failed = 0;
        macro_rules! try_all {
            ($($(#[$condition:meta])? $name:literal: $subject:ty,)*) => {
                $(
                    $(#[$condition])?
                    {
                        nr_failed += try_subject::<$subject>($name, &workers, task)?;
                    }
                )*
            };
        }
        try_all! {
            "tasklet": Pin<KBox<Tasklet<ForTasklet<false>>>>,
            "tasklet_hi": Pin<KBox<Tasklet<ForTasklet<true>>>>,
            "per-CPU work": OnQueue<PerCpu>,
            "unbound work": OnQueue<Unbound>,
            "ordered work": OnQueue<Ordered>,
            "BH work": OnQueue<Bh>,
            "delayed work": Pin<KBox<DelayedWork<ForDelayedWork>>>,
            "IRQ work": Pin<KBox<IrqWork<ForIrqWork<Now>>>>,
            "lazy IRQ work": Pin<KBox<IrqWork<ForIrqWork<Lazy>, Lazy>>>,
            "call single data": Pin<KBox<Csd<ForCsd>>>,
            "hard hrtimer": Pin<KBox<HrTimer<ForHrTimer<HardIrq>>>>,
            "soft hrtimer": Pin<KBox<HrTimer<ForHrTimer<SoftIrq>, SoftIrq>>>,
            "timer": Pin<KBox<Timer<ForTimer>>>,
            "observer": Observed,
            "DPC": Pin<KBox<Dpc<ForDpc<Ordinary>>>>,
            "threaded DPC": Pin<KBox<Dpc<ForDpc<Threaded>>>>,
            "kthread work": Pin<KBox<kthread::Work<ForKthread>>>,
            "RCU callback": Pin<KBox<CallRcu<ForCallRcu>>>,
            #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
            "irq_poll": Pin<KBox<IrqPoll<ForPoll>>>,
        }
        #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
        report(
            &mut nr_failed,
            "irq_poll",
            "polls again for what comes meanwhile",
            polls_for_late(task)?,
        );
        deferred::try_all(task, |test, is_ok| {
            report(&mut nr_failed, "deferred", test, is_ok);
        })?;
        nr_failed += old_bh::try_all(&workers, task)?;
        lines::try_all(&workers, task, |test, is_ok| {
            report(&mut nr_failed, "line", test, is_ok);
        })?;
        readers::try_all(&workers, task, |test, is_ok| {
            report(&mut nr_failed, test, "waits for who is there", is_ok);
        })?;
        rings::try_all(&workers, task, |test, is_ok| {
            report(&mut nr_failed, "ring", test, is_ok);
        })?;
        registrations::try_all(&workers, task, |test, is_ok| {
            report(&mut nr_failed, "registration", test, is_ok);
        })?;
        behind_bus::try_all(task, |test, is_ok| {
            report(&mut nr_failed, "line behind a bus", test, is_ok);
        })?;
        interrupts_off::window(task, |test, is_ok| {
            report(&mut nr_failed, "window of interrupts", test, is_ok);
        })?;
        interrupts_off::token(task, |test, is_ok| {
            report(&mut nr_failed, "token of a task", test, is_ok);
        })?;
        interrupts_off::table(task, |test, is_ok| {
            report(&mut nr_failed, "table of gates", test, is_ok);
        })?;
        answers::try_all(task, |subject, test, is_ok| {
            report(&mut nr_failed, subject, test, is_ok);
        })?;
        nr_failed += dpc::try_all(task)?;
        nr_failed += interrupt_thread::try_all(&workers, task)?;
        if nr_failed > 0 {
            return Err(EBADMSG);
        }
        Ok(Stress)
    }
}
