// SPDX-License-Identifier: GPL-2.0

//! Probes: the victims of one CPU, but for the other line.

use super::{
    Latencies,
    Neighbour,
    Victim, //
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        SoftIrq,
        Task, //
    },
    cpu::CpuId,
    hrtimer::{
        self,
        HrTimer, //
    },
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// How often the victims are due that nothing aims.
const BEAT_NS: u32 = 1_003_000;

/// Two timers, and the tasks that the first one wakes.
pub(super) struct Probe {
    // First what queues the work, and uses the turn.
    hard: Pin<KBox<HrTimer<Hard>>>,
    soft: Pin<KBox<HrTimer<Soft, SoftIrq>>>,
    turn: Arc<Turn>,
}

/// One time that all of them are due.
struct Turn {
    cpu: CpuId,
    /// Whether a timer of theirs came on another CPU: theirs has gone offline.
    has_left: Atomic<bool>,
    /// 0 if nobody asks any more who is late.
    due_ns: Atomic<u64>,
    /// Who waits, a bit each.
    waiting: Atomic<u32>,
    /// 0, or the time from one turn to the next.
    beat_ns: Atomic<u32>,
    latencies: Arc<Latencies>,
}

impl Turn {
    const NOBODY: u32 = 0;
    const ALL: u32 = 1 << Victim::Timer as u32
        | 1 << Victim::SoftTimer as u32
        | 1 << Victim::Fifo as u32
        | 1 << Victim::Task as u32;

    /// Begins one, unless somebody waits whose turn was before.
    fn begin(&self) -> bool {
        self.waiting.cmpxchg(Self::NOBODY, Self::ALL, Full).is_ok()
    }

    /// Somebody does not wait any more. Returns whether they did.
    fn take(&self, victim: Victim) -> bool {
        let bit = 1 << victim as u32;
        let mut waiting = self.waiting.load(Relaxed);
        while waiting & bit != 0 {
            match self.waiting.cmpxchg(waiting, waiting & !bit, Full) {
                Ok(_) => return true,
                Err(other) => waiting = other,
            }
        }
        false
    }

    /// Somebody has waited for so long.
    fn end(&self, victim: Victim, latency_ns: u64) {
        if self.take(victim) {
            self.latencies.of(victim).count(latency_ns);
        }
    }

    /// Somebody has waited until now.
    fn end_now(&self, victim: Victim) {
        let due_ns = self.due_ns.load(Relaxed);
        if due_ns == 0 {
            // For what is over.
            self.take(victim);
            return;
        }
        let latency_ns = clock::elapsed_ns(due_ns, clock::now_ns());
        self.end(victim, latency_ns.unwrap_or(0));
    }

    fn is_waited_for(&self, victim: Victim) -> bool {
        self.waiting.load(Relaxed) & 1 << victim as u32 != 0
    }
}

/// What the timer in hard IRQ context does.
struct Hard {
    turn: Arc<Turn>,
    fifo: Pin<KBox<Work<Woken>>>,
    task: Pin<KBox<Work<Woken>>>,
    neighbour: Option<Arc<Neighbour>>,
}

struct Soft {
    turn: Arc<Turn>,
}

/// A task that is woken.
struct Woken {
    turn: Arc<Turn>,
    victim: Victim,
}

impl Probe {
    /// One of `cpu`, that also raises the line of `neighbour`.
    pub(super) fn new(
        cpu: CpuId,
        priority: u8,
        latencies: Arc<Latencies>,
        neighbour: Option<Arc<Neighbour>>,
    ) -> Result<Self> {
        let turn = Turn {
            cpu,
            has_left: Atomic::new(false),
            due_ns: Atomic::new(0),
            waiting: Atomic::new(Turn::NOBODY),
            beat_ns: Atomic::new(0),
            latencies,
        };
        let turn = Arc::new(turn, GFP_KERNEL)?;
        let woken = |name, priority, victim| {
            let worker = Worker::on(cpu, name, priority)?;
            let turn = turn.clone();
            KBox::pin_init(Work::new(worker, Ok(Woken { turn, victim })), GFP_KERNEL)
        };
        let hard = Hard {
            turn: turn.clone(),
            fifo: woken(c"irqlab_vf", Priority::FifoAt(priority), Victim::Fifo)?,
            task: woken(c"irqlab_vt", Priority::Normal, Victim::Task)?,
            neighbour,
        };
        let soft = Soft { turn: turn.clone() };
        Ok(Self {
            hard: KBox::pin_init(HrTimer::new(Ok(hard)), GFP_KERNEL)?,
            soft: KBox::pin_init(HrTimer::new(Ok(soft)), GFP_KERNEL)?,
            turn,
        })
    }

    /// All are due on this CPU after `delay_ns`, unless somebody still waits.
    pub(super) fn start(&self, delay_ns: u64) {
        if self.turn.begin() {
            self.start_timers(delay_ns as i64);
        }
    }

    fn start_timers(&self, delay_ns: i64) {
        self.hard.start(delay_ns);
        self.soft.start(delay_ns);
    }

    /// Whoever is still late is so for what is over, and does not count.
    pub(super) fn forget(&self) {
        self.turn.due_ns.store(0, Relaxed);
    }

    /// Whether the CPU has gone offline while it had victims.
    pub(super) fn has_left(&self) -> bool {
        self.turn.has_left.load(Relaxed)
    }

    /// All are due on this CPU again and again.
    pub(super) fn start_beating(&self) {
        self.turn.waiting.store(Turn::ALL, Relaxed);
        self.turn.beat_ns.store(BEAT_NS, Relaxed);
        self.start_timers(BEAT_NS.into());
    }

    /// Ends that.
    pub(super) fn stop(&self, task: &Task) {
        self.turn.beat_ns.store(0, Relaxed);
        // Not refused: this is none of their handlers.
        let _ = self.hard.cancel(task);
        let _ = self.soft.cancel(task);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.turn.waiting.load(Relaxed) == Turn::NOBODY
    }
}

impl hrtimer::Handler<hrtimer::Kind<HardIrq>> for Hard {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        let late_ns = this.late_ns().max(0) as u64;
        let turn = &this.turn;
        if CpuId::current() != turn.cpu {
            turn.has_left.store(true, Relaxed);
        }
        let beat_ns = turn.beat_ns.load(Relaxed);
        if beat_ns == 0 || turn.is_waited_for(Victim::Timer) || turn.begin() {
            turn.due_ns
                .store(clock::now_ns().saturating_sub(late_ns), Relaxed);
            this.fifo.queue();
            this.task.queue();
            turn.end(Victim::Timer, late_ns);
            if let Some(neighbour) = &this.neighbour {
                neighbour.raise(turn.due_ns.load(Relaxed));
            }
        }
        this.forward(beat_ns.into());
    }
}

impl hrtimer::Handler<hrtimer::Kind<SoftIrq>> for Soft {
    fn run(this: &HrTimer<Self, SoftIrq>, _softirq: &SoftIrq) {
        let late_ns = this.late_ns().max(0) as u64;
        if this.turn.is_waited_for(Victim::SoftTimer) {
            this.turn.end(Victim::SoftTimer, late_ns);
        }
        this.forward(this.turn.beat_ns.load(Relaxed).into());
    }
}

impl kthread::Handler<kthread::Kind> for Woken {
    fn run(this: &Work<Self>, _task: &Task) {
        this.turn.end_now(this.victim);
    }
}
