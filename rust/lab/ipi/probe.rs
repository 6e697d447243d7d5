// SPDX-License-Identifier: GPL-2.0

//! One interrupt at a time, sent and waited for; and what its handler notes.

use super::{
    kind::Kind,
    meeting::{
        Meetings,
        PATIENCE_NS, //
    },
    spread::Time,
    target::Target, //
};
use crate::load::Load;
use irqlab::{
    clock,
    context::{
        HardIrq,
        IrqsOff,
        Task,
        Unsleeping, //
    },
    cpu::{
        CpuId,
        Here,
        PerCpu, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    nmi,
    smp::{
        self,
        Csd, //
    },
    trace,
    tracepoint::{
        Attached,
        Observer,
        RescheduleEntry, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// What arrived at each CPU, of one kind.
pub(super) struct Arrivals {
    kind: Kind,
    cpus: PerCpu<Arrival>,
}

/// What arrived at one CPU.
pub(super) struct Arrival {
    pub(super) ran: Atomic<u64>,
    /// How many of them in hard IRQ context.
    pub(super) in_hardirq: Atomic<u64>,
    /// When the last one did.
    stamp_ns: Atomic<u64>,
    /// Whether a kick is on its way: who else kicks is not counted.
    is_awaited: Atomic<bool>,
    /// How many of them found interrupts off, as that was the target's state.
    pub(super) met: Atomic<u64>,
    pub(super) meetings: Meetings,
}

impl Arrivals {
    pub(super) fn new(kind: Kind) -> Result<Arc<Self>> {
        let cpus = PerCpu::new(|| {
            Ok(Arrival {
                ran: Atomic::new(0),
                in_hardirq: Atomic::new(0),
                stamp_ns: Atomic::new(0),
                is_awaited: Atomic::new(false),
                met: Atomic::new(0),
                meetings: Meetings::new(),
            })
        })?;
        Ok(Arc::new(Self { kind, cpus }, GFP_KERNEL)?)
    }

    pub(super) fn of(&self, cpu: CpuId) -> &Arrival {
        self.cpus.of(cpu)
    }

    /// When the last one arrived at `cpu`.
    pub(super) fn stamp_ns(&self, cpu: CpuId) -> u64 {
        self.of(cpu).stamp_ns.load(Relaxed)
    }

    /// Notes that one arrives here.
    pub(super) fn arrive(&self, is_hardirq: bool) {
        let here = self.cpus.local();
        here.stamp_ns.store(clock::now_ns(), Relaxed);
        trace::note(|| trace::CallRun {
            kind: self.kind.name(),
            in_hardirq: is_hardirq,
        });
        here.in_hardirq.add(u64::from(is_hardirq), Relaxed);
        here.met.add(u64::from(here.meetings.is_held()), Relaxed);
        here.ran.fetch_add(1, Release);
    }

    /// Notes that a call arrives here.
    pub(super) fn call(&self, off: &IrqsOff) {
        self.arrive(off.hard_irq().is_some());
    }
}

/// A handler that notes its arrival.
struct Arrive(Arc<Arrivals>);

impl smp::Handler<smp::Kind> for Arrive {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        this.0.call(off);
    }
}

impl irq_work::Handler<irq_work::Kind<Now>> for Arrive {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.arrive(true);
    }
}

impl Observer<RescheduleEntry> for Arrivals {
    fn observe(&self, _event: &RescheduleEntry, _context: &Unsleeping) {
        let here = self.cpus.local();
        if here.is_awaited.load(Acquire) {
            here.is_awaited.store(false, Relaxed);
            self.arrive(true);
        }
    }
}

/// What became of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Yes,
    /// The one before is still pending.
    Pending,
}

/// Sends interrupts of one kind.
pub(super) struct Prober {
    kind: Kind,
    target: Target,
    // First those that note what arrives.
    csd: Pin<KBox<Csd<Arrive>>>,
    irq_work: Pin<KBox<IrqWork<Arrive>>>,
    nmi: Option<nmi::Sender>,
    _kicks: Option<Attached<Arrivals>>,
    pub(super) arrivals: Arc<Arrivals>,
}

impl Prober {
    /// Errors: `EBUSY` if somebody else sends NMIs, `ENOMEM`.
    pub(super) fn new(kind: Kind, target: Target, task: &Task) -> Result<Self> {
        let arrivals = Arrivals::new(kind)?;
        let nmi = match kind {
            Kind::Nmi => Some(nmi::Sender::new(task)?),
            _ => None,
        };
        let kicks = match kind {
            Kind::Reschedule => {
                let mut attached = Attached::new(arrivals.clone());
                attached.to::<RescheduleEntry>()?;
                Some(attached)
            }
            _ => None,
        };
        Ok(Self {
            kind,
            target,
            csd: KBox::pin_init(Csd::new(Ok(Arrive(arrivals.clone()))), GFP_KERNEL)?,
            irq_work: KBox::pin_init(IrqWork::new(Ok(Arrive(arrivals.clone()))), GFP_KERNEL)?,
            nmi,
            _kicks: kicks,
            arrivals,
        })
    }

    /// Sends one to `cpu`, or to the own CPU if that is all that the kind can do, and waits
    /// until it has arrived.
    ///
    /// Errors: `ENXIO` if the CPU is offline, `ETIMEDOUT` if it does not arrive.
    pub(super) fn probe(&self, cpu: CpuId, here: &Here<'_>) -> Result<Time> {
        let arrival = self.arrivals.of(cpu);
        let (ran, met) = (arrival.ran.load(Relaxed), arrival.met.load(Relaxed));
        let target = core::iter::once(cpu);
        self.meet(target.clone(), here);
        self.announce(target.clone());
        let sent_ns = clock::now_ns();
        // Who is called and waited for is let go before.
        match self.kind {
            Kind::Single | Kind::Own => {
                self.let_go(target);
                smp::call_on(cpu, here.task, |off| self.arrivals.call(off))?;
            }
            Kind::Nmi => {
                let nmi = self.nmi.as_ref().ok_or(EINVAL)?;
                self.let_go(target);
                nmi.call_on_while(here.hotplug_excluded(), cpu, &|_interrupted| {
                    self.arrivals.arrive(true)
                })?;
            }
            Kind::Task => {
                self.let_go(target);
                smp::call_in_task_while(here.hotplug_excluded(), cpu, here.task, |_task| {
                    self.arrivals.arrive(false)
                })?;
            }
            _ => {
                let sent = self.send(cpu);
                self.let_go(target);
                sent?;
                self.wait(cpu, ran.wrapping_add(1), here)?;
            }
        }
        let done_ns = clock::now_ns();
        Ok(Time {
            one_way: clock::elapsed_ns(sent_ns, self.arrivals.stamp_ns(cpu)),
            round_trip: done_ns.wrapping_sub(sent_ns),
            has_met: arrival.met.load(Relaxed) != met,
        })
    }

    /// Tells the tracers of what is about to be sent, if there are any.
    pub(super) fn announce(&self, cpus: impl Iterator<Item = CpuId>) {
        if !trace::is_traced::<trace::CallSend<'_>>() {
            return;
        }
        for cpu in cpus {
            trace::note(|| trace::CallSend {
                kind: self.kind.name(),
                target: cpu.as_u32() as i32,
            });
        }
    }

    /// Has each of `cpus` turn interrupts off, if that is the targets' state, until
    /// [`Self::let_go`].
    pub(super) fn meet(&self, cpus: impl Iterator<Item = CpuId> + Clone, here: &Here<'_>) {
        let cpus = self.held(cpus).filter(|cpu| *cpu != here.cpu);
        let end_ns = clock::now_ns().saturating_add(PATIENCE_NS);
        for cpu in cpus.clone() {
            self.arrivals.of(cpu).meetings.ask();
        }
        for cpu in cpus {
            self.arrivals.of(cpu).meetings.wait(end_ns, here);
        }
    }

    /// Has each of `cpus` turn them on again when it has held them off for its time.
    pub(super) fn let_go(&self, cpus: impl Iterator<Item = CpuId> + Clone) {
        for cpu in self.held(cpus) {
            self.arrivals.of(cpu).meetings.let_go();
        }
    }

    /// Those of `cpus` that turn interrupts off.
    fn held<'a>(
        &'a self,
        cpus: impl Iterator<Item = CpuId> + Clone + 'a,
    ) -> impl Iterator<Item = CpuId> + Clone + 'a {
        let is_held = matches!(self.target, Target::IrqsOff(_));
        cpus.filter(move |_| is_held)
    }

    /// Whether it is counted how many find interrupts off. A call in a thread cannot: that
    /// runs when they are on again.
    pub(super) fn counts_met(&self) -> bool {
        matches!(self.target, Target::IrqsOff(_)) && self.kind != Kind::Task
    }

    /// Has `cpu` be in its state until what this returns is dropped.
    ///
    /// Errors: `ENOMEM`.
    pub(super) fn load(&self, cpu: CpuId) -> Result<Option<KBox<dyn Load>>> {
        let arrivals = self.arrivals.clone();
        self.target.start(cpu, move |hold_us, task| {
            arrivals.of(cpu).meetings.hold(hold_us, task);
        })
    }

    /// Sends one to `cpu` and does not wait.
    ///
    /// Errors: `ENXIO` if the CPU is offline, `EINVAL` if the kind cannot do that.
    pub(super) fn send(&self, cpu: CpuId) -> Result<Sent> {
        match self.kind {
            Kind::Async => match self.csd.call_on(cpu) {
                Ok(()) => Ok(Sent::Yes),
                Err(smp::NotCalled::Pending) => Ok(Sent::Pending),
                Err(why) => Err(why.into()),
            },
            Kind::Reschedule => {
                self.arrivals.of(cpu).is_awaited.store(true, Release);
                smp::reschedule(cpu)?;
                Ok(Sent::Yes)
            }
            Kind::IrqWork if self.irq_work.queue() => Ok(Sent::Yes),
            Kind::IrqWork => Ok(Sent::Pending),
            _ => Err(EINVAL),
        }
    }

    /// Waits until so many have arrived at `cpu`.
    ///
    /// Errors: `ETIMEDOUT`.
    pub(super) fn wait(&self, cpu: CpuId, ran: u64, here: &Here<'_>) -> Result {
        const PATIENCE_NS: u64 = 2_000_000_000;
        const SOON_NS: u64 = 1_000_000;

        let arrival = self.arrivals.of(cpu);
        let start_ns = clock::now_ns();
        while arrival.ran.load(Acquire) < ran {
            let waited_ns = clock::now_ns().wrapping_sub(start_ns);
            if waited_ns > PATIENCE_NS {
                return Err(ETIMEDOUT);
            }
            if waited_ns > SOON_NS {
                here.task.yield_if_needed();
            }
            core::hint::spin_loop();
        }
        Ok(())
    }
}
