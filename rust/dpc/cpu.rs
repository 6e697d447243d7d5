// SPDX-License-Identifier: GPL-2.0

//! The queues of one CPU, and what brings it to drain them.
//!
//! ```text
//!     another CPU ──▶ Csd ──▶ ┐
//!     this CPU, the tick ───▶ IrqWork ──▶ Tasklet ──▶ ordinary DPCs, in its soft IRQ
//!     in a hard IRQ ────────────────────▶ ┘
//!     any CPU ────────────────────────▶ kthread ──▶ threaded DPCs, in its thread
//! ```
//!
//! On Windows a CPU interrupts itself at dispatch level, which is taken as soon as its level
//! is below that. Here IRQ work is that interrupt: it comes as soon as interrupts are on, and
//! the tasklet that it schedules runs before it returns to a task.

use super::{
    policy::Parameters,
    queue::Queue, //
};
use crate::{
    bindings, clock,
    context::{
        HardIrq,
        IrqsOff,
        SoftIrq,
        Task, //
    },
    cpu::CpuId,
    hrtimer::{
        self,
        HrTimer, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    kthread::{
        self,
        Priority,
        Worker, //
    },
    smp::{
        self,
        Csd,
        NotCalled, //
    },
    tasklet::{
        self,
        Tasklet, //
    },
};
use core::ptr::NonNull;
use kernel::prelude::*;

/// The priority of the thread for threaded DPCs: no other thread preempts it, but ordinary DPCs do.
/// On `PREEMPT_RT` they run in a thread themselves, ksoftirqd, which has to get the CPU.
const PRIORITY: Priority = if cfg!(CONFIG_PREEMPT_RT) {
    Priority::Normal
} else {
    Priority::Fifo
};

/// How many DPCs run one after the other until other soft IRQs have their turn.
const BATCH: usize = 64;

/// The queues of one CPU.
///
/// # Invariants
///
/// It is pinned, and the queues are empty when it is dropped. A callback of a field can run
/// until that field is dropped.
#[pin_data]
pub(super) struct Cpu {
    id: CpuId,
    // Dropped in this order: a field's callback uses only fields below it. The tasklet's
    // uses the call, which is above, only for a queue that is not empty.
    #[pin]
    tick: HrTimer<Tick>,
    #[pin]
    request: Csd<Request>,
    #[pin]
    interrupt: IrqWork<Interrupt>,
    #[pin]
    dispatch: Tasklet<Dispatch>,
    #[pin]
    thread: kthread::Work<Thread>,
    #[pin]
    pub(super) ordinary: Queue,
    #[pin]
    pub(super) threaded: Queue,
}

/// The CPU that a callback is for.
///
/// # Invariants
///
/// Points to the `Cpu` that has this in one of its fields.
struct Home(NonNull<Cpu>);

// SAFETY: A `Cpu` is used by all CPUs.
unsafe impl Send for Home {}
// SAFETY: A `Cpu` is used by all CPUs.
unsafe impl Sync for Home {}

impl Home {
    fn cpu(&self) -> &Cpu {
        // SAFETY: By the type invariant it lies around the field that has this, so its memory
        // is there as long as this is, and set up. While it is being dropped,
        // - what a dropped field leaves behind still has the values of its type, which is all
        //   that making the reference asks of it;
        // - `drop` has exclusive references only to fields that are pinned and not `Unpin`,
        //   which do not rule out this one;
        // - no callback of a dropped field runs, and those of the others use only fields
        //   below their own, which are dropped later; but for the tasklet, which uses the
        //   call only if a queue is not empty: by the invariant of `Cpu` it is not being
        //   dropped then.
        unsafe { self.0.as_ref() }
    }
}

/// The numbers of a CPU's two queues.
pub(super) fn queue_number(cpu: CpuId, is_threaded: bool) -> u32 {
    1 + 2 * cpu.as_u32() + u32::from(is_threaded)
}

/// The CPU of a queue's number, and whether it is that of threaded DPCs.
pub(super) fn queue_of(number: u32) -> Option<(CpuId, bool)> {
    let index = number.checked_sub(1)?;
    Some((CpuId::from_u32(index / 2)?, index % 2 == 1))
}

impl Cpu {
    pub(super) fn new(id: CpuId, parameters: Parameters) -> impl PinInit<Self, Error> {
        // INVARIANT: Each `Home` points to where this comes to lie. Nothing runs a callback
        // before all is there, as nobody else knows of it.
        try_pin_init!(&this in Self {
            id,
            tick <- HrTimer::new(Ok(Tick(Home(this)))),
            request <- Csd::new(Ok(Request(Home(this)))),
            interrupt <- IrqWork::new(Ok(Interrupt(Home(this)))),
            dispatch <- Tasklet::new(Ok(Dispatch(Home(this)))),
            thread <- kthread::Work::new(
                Worker::on(*id, c"irqlab_dpc", PRIORITY)?,
                Ok(Thread(Home(this))),
            ),
            ordinary <- Queue::new(queue_number(*id, false), false, parameters),
            threaded <- Queue::new(queue_number(*id, true), true, parameters),
        }? Error)
    }

    pub(super) fn queue(&self, is_threaded: bool) -> &Queue {
        if is_threaded {
            &self.threaded
        } else {
            &self.ordinary
        }
    }

    /// Has the CPU drain a queue. Interrupts must be off: this CPU stays what it is.
    pub(super) fn request(&self, is_threaded: bool) {
        if is_threaded {
            self.thread.queue();
        } else if CpuId::current() == self.id {
            self.interrupt();
        } else {
            match self.request.call_on(self.id) {
                // One that has yet to begin comes late enough.
                Ok(()) | Err(NotCalled::Pending | NotCalled::InNmi) => (),
                // Its DPCs must run somewhere.
                Err(NotCalled::Offline) => self.interrupt(),
            }
        }
    }

    /// Interrupts this CPU, to drain the queue on it.
    fn interrupt(&self) {
        // SAFETY: Can be called in any context.
        let count = unsafe { bindings::preempt_count() } as u64;
        if count & (bindings::HARDIRQ_MASK | bindings::SOFTIRQ_MASK) != 0 {
            // On the way out of here is soon enough.
            self.dispatch.schedule_hi();
        } else {
            self.interrupt.queue();
        }
    }

    /// Starts the ticks, of which the first comes after `ms` milliseconds, and not at once.
    pub(super) fn start_tick(&self, ms: u32) {
        self.tick
            .start(i64::from(ms.max(1)).wrapping_mul(1_000_000));
    }

    /// The CPU has nothing to do, and is the current one. Interrupts are off.
    pub(super) fn idle(&self) {
        if self.ordinary.idle() {
            self.interrupt.queue();
        }
    }
}

struct Tick(Home);

impl hrtimer::Handler<hrtimer::Kind<HardIrq>> for Tick {
    // A timer stays where it was started, and a CPU that goes offline passes its timers on:
    // so this may run on any CPU, and ticks come whatever becomes of the queue's own.
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        let cpu = this.0.cpu();
        let ticked = cpu.ordinary.tick();
        if ticked.requests {
            cpu.request(false);
        }
        if let Some(ms) = ticked.next_ms {
            cpu.start_tick(ms);
        }
    }
}

struct Request(Home);

impl smp::Handler<smp::Kind> for Request {
    fn run(this: &Csd<Self>, _off: &IrqsOff) {
        this.0.cpu().interrupt();
    }
}

struct Interrupt(Home);

impl irq_work::Handler<irq_work::Kind<Now>> for Interrupt {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.cpu().dispatch.schedule_hi();
    }
}

struct Dispatch(Home);

impl tasklet::Handler<tasklet::Kind> for Dispatch {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let cpu = this.0.cpu();
        // It was scheduled here while its CPU was offline, which may be over.
        let is_elsewhere = CpuId::current() != cpu.id && !cpu.ordinary.is_quiet();
        if is_elsewhere && cpu.request.call_on(cpu.id) != Err(NotCalled::Offline) {
            return;
        }
        cpu.ordinary.begin();
        for _ in 0..BATCH {
            let Some(taken) = cpu.ordinary.take() else {
                return;
            };
            let start_ns = clock::now_ns();
            // SAFETY: This is the soft IRQ, and the queue that of ordinary DPCs.
            unsafe { taken.run() };
            cpu.ordinary.ran(clock::now_ns().saturating_sub(start_ns));
            taken.end();
        }
        cpu.ordinary.pause();
        this.schedule_hi();
    }
}

struct Thread(Home);

impl kthread::Handler<kthread::Kind> for Thread {
    fn run(this: &kthread::Work<Self>, task: &Task) {
        let queue = &this.0.cpu().threaded;
        queue.begin();
        while let Some(taken) = queue.take() {
            let start_ns = clock::now_ns();
            // SAFETY: This is a thread, and the queue that of threaded DPCs.
            unsafe { taken.run() };
            queue.ran(clock::now_ns().saturating_sub(start_ns));
            taken.end();
            task.yield_if_needed();
        }
    }
}
