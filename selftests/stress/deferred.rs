// SPDX-License-Identifier: GPL-2.0

//! What deferral types refuse, as it would wait for itself; and what timers can do besides.

use irqlab::{
    clock,
    context::{
        HardIrq,
        SoftIrq,
        Task, //
    },
    cpu,
    error::EDEADLK,
    hrtimer::{
        self,
        HrTimer, //
    },
    kthread::{
        self,
        Priority,
        Worker, //
    },
    new_delayed_work, new_timer, new_work,
    timer::{
        self,
        Timer, //
    },
    workqueue::{
        self,
        Delayed,
        DelayedWork,
        Queue,
        Work, //
    },
};
use kernel::{
    cpu::CpuId,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc,
        Mutex, //
    },
};

/// Waits for a number, and returns whether it came within two seconds.
fn comes(count: &Atomic<u64>, number: u64, task: &Task) -> bool {
    let start_ns = clock::now_ns();
    while count.load(Acquire) < number && clock::now_ns().wrapping_sub(start_ns) < 2_000_000_000 {
        task.sleep_ms(1);
    }
    count.load(Acquire) >= number
}

/// What a handler that wants to wait for itself was told.
struct Waits {
    nr_refused: Atomic<u64>,
    nr_runs: Atomic<u64>,
}

impl Waits {
    fn new() -> Result<Self> {
        Ok(Self {
            nr_refused: Atomic::new(0),
            nr_runs: Atomic::new(0),
        })
    }

    fn note(&self, answers: &[Result]) {
        let nr_refused = answers
            .iter()
            .filter(|answer| **answer == Err(EDEADLK))
            .count();
        self.nr_refused.store(nr_refused as u64, Release);
        self.nr_runs.fetch_add(1, Release);
    }

    /// Whether it ran once and was refused `number` times.
    fn were_refused(&self, number: u64, task: &Task) -> bool {
        comes(&self.nr_runs, 1, task) && self.nr_refused.load(Acquire) == number
    }
}

impl workqueue::Handler<workqueue::Kind> for Waits {
    fn run(this: &Work<Self>, task: &Task) {
        this.note(&[this.flush(task), this.cancel(task).map(|_| ())]);
    }
}

impl workqueue::Handler<Delayed> for Waits {
    fn run(this: &DelayedWork<Self>, task: &Task) {
        this.note(&[this.flush(task), this.cancel(task).map(|_| ())]);
    }
}

/// Work for a worker that waits for itself, for its worker, and for other work of its worker.
struct WaitsInWorker {
    waits: Waits,
    worker: Arc<Worker>,
    other: Pin<KBox<kthread::Work<Nothing>>>,
}

struct Nothing;

impl kthread::Handler<kthread::Kind> for Nothing {
    fn run(_this: &kthread::Work<Self>, _task: &Task) {}
}

impl kthread::Handler<kthread::Kind> for WaitsInWorker {
    fn run(this: &kthread::Work<Self>, task: &Task) {
        this.other.queue();
        let answers = [
            this.flush(task),
            this.cancel(task).map(|_| ()),
            this.worker.flush(task),
            this.other.flush(task),
            // This one has not begun, so that nothing is waited for.
            this.other.cancel(task).map(|_| ()),
        ];
        this.waits.note(&answers);
    }
}

/// Work that disables itself while it runs, and is refused then.
#[pin_data]
struct DisablesItself {
    queue: Arc<Queue>,
    #[pin]
    itself: Mutex<Option<Arc<Work<DisablesItself>>>>,
    /// 1: it was not; 2: it was.
    was_refused: Atomic<u64>,
}

impl workqueue::Handler<workqueue::Kind> for DisablesItself {
    fn run(this: &Work<Self>, task: &Task) {
        let Some(itself) = this.itself.lock().take() else {
            return;
        };
        let guard = itself.disable(task);
        let was_refused = !itself.queue(&this.queue);
        drop(guard);
        // Who waits for the answer has one more reference.
        drop(itself);
        this.was_refused.store(1 + u64::from(was_refused), Release);
    }
}

/// Runs again after each period, as often as it is to.
struct Periodic {
    nr_runs: Atomic<u64>,
    nr_periods: Atomic<u64>,
    cpu: Atomic<u64>,
}

/// How often, and how many nanoseconds or ticks later each time.
const RUNS: u64 = 20;
const PERIOD_NS: i64 = 500_000;
const PERIOD_TICKS: usize = 1;

impl Periodic {
    fn new() -> Result<Self> {
        Ok(Self {
            nr_runs: Atomic::new(0),
            nr_periods: Atomic::new(0),
            cpu: Atomic::new(u64::MAX),
        })
    }

    /// Whether it is to run again.
    fn ran(&self) -> bool {
        self.cpu.store(CpuId::current().as_u32().into(), Release);
        self.nr_runs.fetch_add(1, Release) + 1 < RUNS
    }

    /// Whether it ran as often as it was to, and no period was counted twice or left out.
    fn was_periodic(&self, passed: u64, task: &Task) -> bool {
        let has_ended = comes(&self.nr_runs, RUNS, task);
        let nr_periods = self.nr_periods.load(Acquire);
        task.sleep_ms(5);
        has_ended && self.nr_runs.load(Acquire) == RUNS && (RUNS - 1..=passed).contains(&nr_periods)
    }
}

impl hrtimer::Handler<hrtimer::Kind<HardIrq>> for Periodic {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        if this.ran() {
            let nr_periods = this.forward(PERIOD_NS);
            this.nr_periods.fetch_add(nr_periods as u64, Release);
        }
    }
}

impl timer::Handler<timer::Kind> for Periodic {
    fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
        if this.ran() {
            let nr_periods = this.forward(PERIOD_TICKS);
            this.nr_periods.fetch_add(nr_periods as u64, Release);
        }
    }
}

fn try_refusals(task: &Task, report: &mut impl FnMut(&str, bool)) -> Result {
    let queue = Arc::new(Queue::<Task>::unbound(c"irqlab_deferred")?, GFP_KERNEL)?;
    let work = KBox::pin_init(new_work!(Waits::new()), GFP_KERNEL)?;
    work.queue(&queue);
    report("work does not wait for itself", work.were_refused(2, task));

    let delayed = new_delayed_work!(queue.clone(), Waits::new());
    let delayed = KBox::pin_init(delayed, GFP_KERNEL)?;
    let was_idle = delayed.queue(1_000_000);
    let was_moved = !delayed.modify(1);
    report(
        "delayed work tells that it was queued",
        was_idle && was_moved,
    );
    report(
        "delayed work does not wait for itself",
        delayed.were_refused(2, task),
    );

    let worker = Worker::new(c"irqlab_deferred", Priority::Normal)?;
    let waits = WaitsInWorker {
        waits: Waits::new()?,
        worker: worker.clone(),
        other: KBox::pin_init(kthread::Work::new(worker.clone(), Ok(Nothing)), GFP_KERNEL)?,
    };
    let work = KBox::pin_init(kthread::Work::new(worker, Ok(waits)), GFP_KERNEL)?;
    work.queue();
    report(
        "a worker does not wait for itself",
        work.waits.were_refused(4, task),
    );

    let its_queue = queue.clone();
    let handler = try_pin_init!(DisablesItself {
        queue: its_queue,
        itself <- new_mutex!(None),
        was_refused: Atomic::new(0),
    }? Error);
    let work = Arc::pin_init(new_work!(handler), GFP_KERNEL)?;
    *work.itself.lock() = Some(work.clone());
    work.queue(&queue);
    report("work can disable itself", comes(&work.was_refused, 2, task));
    Ok(())
}

fn try_timers(task: &Task, report: &mut impl FnMut(&str, bool)) -> Result {
    let timer = KBox::pin_init(HrTimer::new(Periodic::new()), GFP_KERNEL)?;
    let start_ns = clock::now_ns();
    timer.start(PERIOD_NS);
    let is_ok = comes(&timer.nr_runs, RUNS, task);
    // The clocks of timers and of stamps may differ a little.
    let passed = clock::now_ns().wrapping_sub(start_ns) / PERIOD_NS as u64 + 2;
    report(
        "an hrtimer is periodic",
        is_ok && timer.was_periodic(passed, task),
    );
    let was_idle = timer.start(1_000_000_000_000);
    let was_moved = !timer.start(1_000_000_000_000);
    report(
        "an hrtimer tells that it was started",
        was_idle && was_moved,
    );
    let was_started = timer.try_to_cancel() == Some(true) && timer.try_to_cancel() == Some(false);
    report("an hrtimer can be stopped without waiting", was_started);
    report(
        "an hrtimer refuses a period of nothing",
        timer.forward(0) == 0 && timer.forward(-1) == 0,
    );

    let mut timer = KBox::pin_init(new_timer!(Periodic::new()), GFP_KERNEL)?;
    let start = clock::ticks();
    timer.start(PERIOD_TICKS);
    let is_ok = comes(&timer.nr_runs, RUNS, task);
    let passed = clock::ticks().wrapping_sub(start) as u64 + 1;
    report(
        "a timer is periodic",
        is_ok && timer.was_periodic(passed, task),
    );
    report("a timer refuses a period of nothing", timer.forward(0) == 0);
    let was_idle = timer.start(1_000_000);
    let was_moved = !timer.start(1_000_000);
    let was_started = timer.cancel(task)? && !timer.cancel(task)?;
    report(
        "a timer tells that it was started",
        was_idle && was_moved && was_started,
    );
    let mut is_there = true;
    for cpu in cpu::online() {
        let before = timer.nr_runs.load(Acquire);
        // Pending already: it moves from CPU to CPU.
        timer.start(1_000_000);
        timer.as_mut().start_on(cpu, 1, task);
        is_there &= comes(&timer.nr_runs, before + 1, task);
        is_there &= timer.cpu.load(Acquire) == u64::from(cpu.as_u32());
    }
    report("a timer runs on the CPU that it was started on", is_there);
    Ok(())
}

pub(crate) fn try_all(task: &Task, mut report: impl FnMut(&str, bool)) -> Result {
    try_refusals(task, &mut report)?;
    try_timers(task, &mut report)
}
