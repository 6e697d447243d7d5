// SPDX-License-Identifier: GPL-2.0

//! Calls: many interrupts of one kind, counted by their handlers and by the kernel.
//!
//! The kernel counts interrupts, whoever sent them, and several calls may share one. So
//! what it counts in a quiet time as long as that of the calls is shown as background;
//! and who waits for each call before the next has as many interrupts as calls. Who does
//! not finds the last one still pending: then calls merge.

use super::{
    kind::{
        Kind,
        Reach, //
    },
    probe::{
        Prober,
        Sent, //
    },
    spread::Times,
    target::Target,
    HOLD_NS, //
};
use crate::{
    laboratory::Lab,
    progress::Experiment,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    clock,
    context::{
        IrqsOff,
        Task, //
    },
    cpu::{
        self,
        CpuId,
        Here,
        PerCpu,
        Set, //
    },
    emit,
    smp::{
        self,
        NoWait, //
    },
    text::Text,
    trace, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// What to send.
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) senders: Set,
    pub(crate) targets: Set,
    pub(crate) target: Target,
    /// Whether to wait for each before the next.
    pub(crate) wait: bool,
    /// How many to send to each target.
    pub(crate) count: u64,
}

/// What came of the last command.
pub(crate) struct Calls {
    head: Option<Head>,
    rows: KVec<Row>,
}

/// What the command was.
struct Head {
    kind: Kind,
    senders: Text,
    target: Target,
    wait: bool,
    count: u64,
    elapsed_ns: u64,
    quiet_ns: u64,
}

/// What came of it on one target.
struct Row {
    cpu: CpuId,
    sent: u64,
    ran: u64,
    in_hardirq: u64,
    pending: u64,
    interrupts: u64,
    background: u64,
    /// How many found interrupts off, if that was the target's state.
    met: Option<u64>,
}

/// What is counted while they are sent.
struct Run<'a> {
    plan: &'a Plan,
    prober: Prober,
    times: Arc<Times>,
    tallies: PerCpu<Tally>,
    /// Why it cannot go on, if that is not 0, and because of which CPU.
    errno: Atomic<i32>,
    at: Atomic<u32>,
}

/// What is counted of each CPU, as a sender and as a target.
struct Tally {
    rounds: Atomic<u64>,
    /// The target that the next round begins with, as its sender.
    next: Atomic<usize>,
    sent: Atomic<u64>,
    pending: Atomic<u64>,
    /// What the kernel had counted before, and has since.
    before: Atomic<u32>,
    interrupts: Atomic<u64>,
    /// The same of those that the lab saw run, within the kernel's two looks at its counter: kicks that nobody waits
    /// for go on arriving.
    ran_before: Atomic<u64>,
    ran: Atomic<u64>,
}

impl Calls {
    pub(super) const fn new() -> Self {
        Self {
            head: None,
            rows: KVec::new(),
        }
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "#kind from cpu wait count sent ran in_hardirq pending counter interrupts background met\n"
        )?;
        let Some(head) = &self.head else {
            return Ok(());
        };
        emit!(
            text,
            "# {}: {}; target {}; took {} us; background of {} us, scaled to that\n",
            head.kind.name(),
            head.kind.about(),
            head.target,
            head.elapsed_ns / 1000,
            head.quiet_ns / 1000
        )?;
        for row in &self.rows {
            emit!(
                text,
                "{} {} {} {} {} {} {} {} {} {} ",
                head.kind.name(),
                head.senders,
                row.cpu.as_u32(),
                u8::from(head.wait),
                head.count,
                row.sent,
                row.ran,
                row.in_hardirq,
                row.pending,
                head.kind.counter().map_or("-", |counter| counter.symbol())
            )?;
            match head.kind.counter() {
                Some(_) => emit!(text, "{} {}", row.interrupts, row.background)?,
                None => emit!(text, "- -")?,
            }
            match row.met {
                Some(met) => emit!(text, " {met}\n")?,
                None => emit!(text, " -\n")?,
            }
        }
        Ok(())
    }
}

/// Sends what is planned. What was counted before an error remains to be read.
///
/// Refusals: `EBUSY` if another experiment runs or somebody else sends NMIs, `ENXIO` if a
/// CPU is offline, `ETIMEDOUT` if an interrupt does not arrive, `EINTR` after a signal.
pub(crate) fn run(lab: &Lab, plan: &Plan, task: &Task) -> Answer {
    let experiment = lab.begin(fmt!("ipi/call"))?;
    let mut senders = Text::new();
    emit!(&mut senders, "{}", plan.senders)?;
    let mut what = Text::new();
    let (kind, targets, target) = (plan.kind.name(), &plan.targets, plan.target);
    emit!(
        &mut what,
        "{kind} from {senders} to {targets}, target {target}"
    )?;
    let run = Run {
        plan,
        prober: Prober::new(plan.kind, plan.target, task)?,
        times: Arc::new(Times::new(what)?, GFP_KERNEL)?,
        tallies: PerCpu::new(|| {
            Ok(Tally {
                rounds: Atomic::new(0),
                next: Atomic::new(0),
                sent: Atomic::new(0),
                pending: Atomic::new(0),
                before: Atomic::new(0),
                interrupts: Atomic::new(0),
                ran_before: Atomic::new(0),
                ran: Atomic::new(0),
            })
        })?,
        errno: Atomic::new(0),
        at: Atomic::new(0),
    };
    let mut loads = KVec::new();
    for cpu in plan.targets.iter() {
        if let Some(load) = run.prober.load(cpu)? {
            loads.push(load, GFP_KERNEL)?;
        }
    }
    let start_ns = clock::now_ns();
    let ended = run.send_all(lab, &experiment, task);
    let elapsed_ns = clock::now_ns().wrapping_sub(start_ns);
    let quiet_ns = elapsed_ns.clamp(20_000_000, 500_000_000);
    let head = Head {
        kind: plan.kind,
        senders,
        target: plan.target,
        wait: plan.wait,
        count: plan.count,
        elapsed_ns,
        quiet_ns,
    };
    let rows = run.rows(elapsed_ns, quiet_ns, task)?;
    *lab.ipis.call.lock() = Calls {
        head: Some(head),
        rows,
    };
    *lab.ipis.last.lock() = Some(run.times.clone());
    ended
}

impl Run<'_> {
    /// Sends, for a while at a time.
    fn send_all(&self, lab: &Lab, experiment: &Experiment<'_>, task: &Task) -> Answer {
        let nr_senders = self.plan.senders.len();
        // One sender samples by itself, so that nothing else is counted.
        let samples_here = nr_senders > 1;
        let is_done = |cpu| self.tallies.of(cpu).rounds.load(Relaxed) >= self.plan.count;
        loop {
            let rounds = |cpu| self.tallies.of(cpu).rounds.load(Relaxed);
            let done = self.plan.senders.iter().map(rounds).min().unwrap_or(0);
            experiment.step(done + 1, self.plan.count, fmt!("{}", self.plan.kind.name()));
            if samples_here {
                self.begin_sample();
            }
            let nr_cpus = cpu::run_on(&lab.workers, self.plan.senders.iter(), task, |here| {
                if !samples_here {
                    self.begin_sample();
                }
                if let Err(error) = self.send_some(here) {
                    self.errno.store(error.to_errno(), Relaxed);
                }
                if !samples_here {
                    self.end_sample();
                }
            })?;
            if samples_here {
                self.end_sample();
            }
            if nr_cpus < nr_senders {
                let senders = &self.plan.senders;
                refuse!(
                    ENXIO,
                    "of the senders {}, only {} are online",
                    senders,
                    nr_cpus
                );
            }
            let (errno, at) = (self.errno.load(Relaxed), self.at.load(Relaxed));
            if errno != 0 {
                match Error::from_errno(errno) {
                    ENXIO => refuse!(ENXIO, "CPU {} is offline", at),
                    ETIMEDOUT => refuse!(ETIMEDOUT, "what was sent to CPU {} does not arrive", at),
                    error => return Err(error.into()),
                }
            }
            if self.plan.senders.iter().all(is_done) {
                return Ok(());
            }
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done, self.plan.count);
            }
        }
    }

    /// Sends from here until all are sent, or CPUs have been kept online for long enough.
    fn send_some(&self, here: &Here<'_>) -> Result {
        let start_ns = clock::now_ns();
        if let Some(offline) = self.plan.targets.iter().find(|cpu| !cpu::is_online(*cpu)) {
            self.at.store(offline.as_u32(), Relaxed);
            return Err(ENXIO);
        }
        let arrivals = self.prober.arrivals.clone();
        let no_wait = NoWait::new(move |off: &IrqsOff| arrivals.call(off));
        let no_wait = KBox::pin_init(no_wait, GFP_KERNEL)?;
        let online = Set::online()?;
        let rounds = &self.tallies.of(here.cpu).rounds;
        while rounds.load(Relaxed) < self.plan.count && !here.is_stopped() {
            let is_whole = match (self.plan.kind.reach(), self.plan.wait) {
                (Reach::One | Reach::Own, true) => {
                    self.each_target(start_ns, here, |cpu| self.probe(cpu, here))?
                }
                (Reach::One | Reach::Own, false) => {
                    self.each_target(start_ns, here, |cpu| self.send(cpu, &no_wait, here))?
                }
                (Reach::Many, true) => {
                    self.call_many(&online, here)?;
                    true
                }
                (Reach::Many, false) => {
                    self.send_many(&no_wait, here);
                    true
                }
            };
            rounds.add(u64::from(is_whole), Relaxed);
            if is_long_since(start_ns) {
                break;
            }
            here.task.yield_if_needed();
        }
        if !self.plan.wait && matches!(self.plan.kind, Kind::Async | Kind::IrqWork) {
            // Each that was taken is run.
            for cpu in self.plan.targets.iter() {
                self.at.store(cpu.as_u32(), Relaxed);
                let sent = self.tallies.of(cpu).sent.load(Relaxed);
                self.prober.wait(cpu, sent, here)?;
            }
        }
        Ok(())
    }

    /// Does `one` with each target. Returns whether it came to the last before CPUs had been
    /// kept online for long enough since `start_ns`; if not, the next time goes on from there.
    fn each_target(
        &self,
        start_ns: u64,
        here: &Here<'_>,
        one: impl Fn(CpuId) -> Result,
    ) -> Result<bool> {
        let next = &self.tallies.of(here.cpu).next;
        let begin = next.load(Relaxed);
        for (index, cpu) in self.plan.targets.iter().enumerate().skip(begin) {
            if index > begin && is_long_since(start_ns) {
                next.store(index, Relaxed);
                return Ok(false);
            }
            self.at.store(cpu.as_u32(), Relaxed);
            one(cpu)?;
        }
        next.store(0, Relaxed);
        Ok(true)
    }

    /// Sends one to a target and waits for it.
    fn probe(&self, cpu: CpuId, here: &Here<'_>) -> Result {
        self.times.count(self.prober.probe(cpu, here)?);
        self.tallies.of(cpu).sent.add(1, Relaxed);
        Ok(())
    }

    /// Sends one to a target.
    fn send<F>(&self, cpu: CpuId, no_wait: &NoWait<F>, here: &Here<'_>) -> Result
    where
        F: Fn(&IrqsOff) + Send + Sync + 'static,
    {
        let target = core::iter::once(cpu);
        self.prober.meet(target.clone(), here);
        self.prober.announce(target.clone());
        let sent = match self.plan.kind {
            Kind::Single => no_wait.call_on(cpu, here.task).map(|()| Sent::Yes),
            _ => self.prober.send(cpu),
        };
        self.prober.let_go(target);
        let tally = self.tallies.of(cpu);
        match sent? {
            Sent::Yes => tally.sent.add(1, Relaxed),
            Sent::Pending => tally.pending.add(1, Relaxed),
        }
        Ok(())
    }

    /// Calls all targets at once and waits for them.
    fn call_many(&self, online: &Set, here: &Here<'_>) -> Result {
        let (targets, task, arrivals) = (&self.plan.targets, here.task, &self.prober.arrivals);
        let arrive = |off: &IrqsOff| arrivals.call(off);
        self.prober.meet(targets.iter(), here);
        match self.plan.kind {
            Kind::Any => trace::note(|| trace::CallSend {
                kind: self.plan.kind.name(),
                target: -1,
            }),
            _ => self.prober.announce(self.called(here)),
        }
        let sent_ns = clock::now_ns();
        self.prober.let_go(targets.iter());
        let one = match self.plan.kind {
            Kind::Any => Some(smp::call_any(targets, task, |off| {
                arrive(off);
                off.cpu()
            })?),
            Kind::Each => {
                smp::call_each_of(targets, task, arrive);
                None
            }
            Kind::Where => {
                smp::call_each_where(online, task, |cpu| targets.contains(cpu), arrive);
                None
            }
            _ => {
                smp::call_many(targets, task, arrive);
                None
            }
        };
        let done_ns = clock::now_ns();
        self.times.round_trip.count(done_ns.wrapping_sub(sent_ns));
        for cpu in self.called(here) {
            if one.is_none_or(|one| one == cpu) {
                self.tallies.of(cpu).sent.add(1, Relaxed);
                // With several senders the stamp may be of another's.
                if self.plan.kind != Kind::Contended {
                    let one_way = clock::elapsed_ns(sent_ns, arrivals.stamp_ns(cpu));
                    self.times.count_one_way(one_way);
                }
            }
        }
        Ok(())
    }

    /// Has all targets call at once.
    fn send_many<F>(&self, no_wait: &NoWait<F>, here: &Here<'_>)
    where
        F: Fn(&IrqsOff) + Send + Sync + 'static,
    {
        let targets = &self.plan.targets;
        self.prober.meet(targets.iter(), here);
        self.prober.announce(self.called(here));
        match self.plan.kind {
            Kind::Each => no_wait.call_each_of(targets, here.task),
            _ => no_wait.call_many(targets, here.task),
        }
        self.prober.let_go(targets.iter());
        for cpu in self.called(here) {
            self.tallies.of(cpu).sent.add(1, Relaxed);
        }
    }

    /// The targets that a call on many reaches from here.
    fn called(&self, here: &Here<'_>) -> impl Iterator<Item = CpuId> + '_ {
        let own = here.cpu;
        let leaves_out_own = matches!(self.plan.kind, Kind::Broadcast | Kind::Contended);
        let targets = self.plan.targets.iter();
        targets.filter(move |cpu| !(leaves_out_own && *cpu == own))
    }

    fn begin_sample(&self) {
        if let Some(counter) = self.plan.kind.counter() {
            for cpu in self.plan.targets.iter() {
                self.tallies.of(cpu).before.store(counter.on(cpu), Relaxed);
            }
        }
        for cpu in self.plan.targets.iter() {
            let ran = self.prober.arrivals.of(cpu).ran.load(Acquire);
            self.tallies.of(cpu).ran_before.store(ran, Relaxed);
        }
    }

    fn end_sample(&self) {
        for cpu in self.plan.targets.iter() {
            let ran = self.prober.arrivals.of(cpu).ran.load(Acquire);
            let tally = self.tallies.of(cpu);
            tally
                .ran
                .add(ran.wrapping_sub(tally.ran_before.load(Relaxed)), Relaxed);
        }
        if let Some(counter) = self.plan.kind.counter() {
            for cpu in self.plan.targets.iter() {
                let tally = self.tallies.of(cpu);
                let interrupts = counter.on(cpu).wrapping_sub(tally.before.load(Relaxed));
                tally.interrupts.add(u64::from(interrupts), Relaxed);
            }
        }
    }

    /// What came of it, with what is counted in a quiet time.
    fn rows(&self, elapsed_ns: u64, quiet_ns: u64, task: &Task) -> Result<KVec<Row>> {
        let counts_met = self.prober.counts_met();
        let mut rows = KVec::new();
        for cpu in self.plan.targets.iter() {
            let (tally, arrival) = (self.tallies.of(cpu), self.prober.arrivals.of(cpu));
            let ran = tally.ran.load(Relaxed);
            rows.push(
                Row {
                    cpu,
                    sent: tally.sent.load(Relaxed),
                    ran,
                    // Of kicks that have come since, each was one in hard IRQ context.
                    in_hardirq: arrival.in_hardirq.load(Relaxed).min(ran),
                    pending: tally.pending.load(Relaxed),
                    interrupts: tally.interrupts.load(Relaxed),
                    background: 0,
                    met: counts_met.then(|| arrival.met.load(Relaxed)),
                },
                GFP_KERNEL,
            )?;
            tally.interrupts.store(0, Relaxed);
        }
        self.begin_sample();
        task.sleep_ms((quiet_ns / 1_000_000) as u32);
        self.end_sample();
        for row in &mut rows {
            let seen = self.tallies.of(row.cpu).interrupts.load(Relaxed);
            row.background = seen.saturating_mul(elapsed_ns).div_ceil(quiet_ns);
        }
        Ok(rows)
    }
}

/// Whether CPUs have been kept online for long enough since `start_ns`.
fn is_long_since(start_ns: u64) -> bool {
    clock::now_ns().wrapping_sub(start_ns) > HOLD_NS
}
