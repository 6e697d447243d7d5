// SPDX-License-Identifier: GPL-2.0

//! The matrix: how long an interrupt takes between every two CPUs, in both directions.
//!
//! There are two passes. The first sends one between every two, so that what the budget
//! allows for is known of as many pairs as can be; the second divides what is left of the
//! budget among them. A pair that could not be measured remains, and says why. One pair is measured
//! at a time, or as many as there can be [at the same time](parallel).

use super::{
    kind::{
        Kind,
        Reach, //
    },
    probe::Prober,
    spread::{
        Figures,
        Time,
        Times, //
    },
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
    context::Task,
    cpu::{
        self,
        CpuId,
        Here,
        Set, //
    },
    emit,
    text::Text,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

mod parallel;
mod tournament;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) cpus: Set,
    pub(crate) target: Target,
    /// How many interrupts for each pair.
    pub(crate) rounds: u64,
    /// How long all of it may take.
    pub(crate) budget_ms: u64,
    /// Whether disjoint pairs are measured at the same time.
    pub(crate) is_parallel: bool,
}

/// The last measurement, or the one that runs.
pub(crate) struct Matrix {
    head: Option<Head>,
    pairs: KVVec<Pair>,
}

struct Head {
    kind: Kind,
    target: Target,
    rounds: u64,
    budget_ms: u64,
    resolution_ns: u64,
    /// Whether it is counted how many found interrupts off.
    counts_met: bool,
    elapsed_ns: u64,
    /// How often some pair was measured, or several at the same time.
    nr_steps: u64,
    /// 1 or 2, or 0 if it has ended.
    pass: u32,
}

/// From one CPU to another.
#[derive(Clone, Copy)]
struct Pair {
    from: CpuId,
    to: CpuId,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Unmeasured,
    /// The first pass has measured one, and the second none yet.
    Once(Time),
    Measured {
        rounds: u64,
        backwards: u64,
        met: u64,
        one_way: Option<Figures>,
        round_trip: Option<Figures>,
    },
    Offline,
    Failed(Error),
}

impl State {
    fn measured(rounds: u64, times: &Times) -> Result<Self> {
        Ok(Self::Measured {
            rounds,
            backwards: times.backwards.load(Relaxed),
            met: times.met.load(Relaxed),
            one_way: times.one_way.figures()?,
            round_trip: times.round_trip.figures()?,
        })
    }
}

impl Matrix {
    pub(super) const fn new() -> Self {
        Self {
            head: None,
            pairs: KVVec::new(),
        }
    }

    pub(super) fn nr_bytes(&self) -> usize {
        self.pairs.capacity() * size_of::<Pair>()
    }

    /// Shows what there is so far, also while it is measured.
    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "#from to rounds one_way_min one_way_p50 one_way_p99 one_way_max round_trip_min \
             round_trip_p50 round_trip_p99 round_trip_max met smt nodes\n"
        )?;
        let Some(head) = &self.head else {
            return Ok(());
        };
        let is_measured =
            |pair: &&Pair| matches!(pair.state, State::Once(_) | State::Measured { .. });
        let measured = self.pairs.iter().filter(is_measured).count();
        emit!(
            text,
            "# {} ({}), target {}, at most {} rounds for each pair, budget {} ms; in ns\n\
             # {} of {} pairs measured in {} ms, {} steps; {}\n\
             # '-' is not above the clock's resolution of {} ns; smt: 1 if both are threads of one core\n",
            head.kind.name(),
            head.kind.about(),
            head.target,
            head.rounds,
            head.budget_ms,
            measured,
            self.pairs.len(),
            head.elapsed_ns / 1_000_000,
            head.nr_steps,
            match head.pass {
                0 => "done",
                1 => "running, first pass",
                _ => "running, second pass",
            },
            head.resolution_ns
        )?;
        for pair in &self.pairs {
            pair.show(head.resolution_ns, head.counts_met, text)?;
        }
        Ok(())
    }
}

impl Pair {
    fn show(&self, resolution_ns: u64, counts_met: bool, text: &mut Text) -> Result {
        let alone = |ns| Figures {
            min: ns,
            p50: ns,
            p99: ns,
            max: ns,
        };
        let none = |why| (0, 0, 0, None, None, why);
        let (rounds, backwards, met, one_way, round_trip, why) = match self.state {
            State::Unmeasured => none("unmeasured: the time was up"),
            State::Offline => none("unmeasured: ENXIO, offline"),
            State::Failed(ETIMEDOUT) => none("unmeasured: ETIMEDOUT, did not arrive"),
            State::Failed(_) => none("unmeasured: could not be sent"),
            State::Once(time) => {
                let backwards = u64::from(time.one_way.is_none());
                (
                    1,
                    backwards,
                    u64::from(time.has_met),
                    time.one_way.map(alone),
                    Some(alone(time.round_trip)),
                    "",
                )
            }
            State::Measured {
                rounds,
                backwards,
                met,
                one_way,
                round_trip,
            } => (rounds, backwards, met, one_way, round_trip, ""),
        };
        emit!(
            text,
            "{} {} {}",
            self.from.as_u32(),
            self.to.as_u32(),
            rounds
        )?;
        for figures in [one_way, round_trip] {
            let figures =
                figures.map(|figures| [figures.min, figures.p50, figures.p99, figures.max]);
            for ns in figures.unwrap_or([0; 4]) {
                if ns > resolution_ns {
                    emit!(text, " {ns}")?;
                } else {
                    emit!(text, " -")?;
                }
            }
        }
        if counts_met {
            emit!(text, " {met}")?;
        } else {
            emit!(text, " -")?;
        }
        emit!(text, " {}", u8::from(cpu::share_core(self.from, self.to)))?;
        for (separator, cpu) in [(' ', self.from), (':', self.to)] {
            match cpu::node_of(cpu) {
                Some(node) => emit!(text, "{separator}{node}")?,
                None => emit!(text, "{separator}-")?,
            }
        }
        if !why.is_empty() {
            emit!(text, " # {why}")?;
        }
        if backwards > 0 {
            emit!(
                text,
                " # of {backwards} the clocks say that they came before they were sent"
            )?;
        }
        emit!(text, "\n")
    }
}

/// Measures what is planned. What was measured before an error remains to be read.
///
/// Refusals: `EBUSY` if another experiment runs or somebody else sends NMIs, `ENXIO` if
/// there is no pair of CPUs, `EINTR` after a signal. A pair of which a CPU is offline is no
/// error.
pub(crate) fn run(lab: &Lab, plan: &Plan, task: &Task) -> Answer {
    let experiment = lab.begin(fmt!("ipi/matrix"))?;
    let mut pairs = KVVec::new();
    for from in plan.cpus.iter() {
        for to in plan.cpus.iter() {
            if (from == to) == (plan.kind.reach() == Reach::Own) {
                let state = State::Unmeasured;
                pairs.push(Pair { from, to, state }, GFP_KERNEL)?;
            }
        }
    }
    if pairs.is_empty() {
        refuse!(ENXIO, "there are no two CPUs in '{}'", plan.cpus);
    }
    if plan.is_parallel && !(plan.kind.may_meet_others() && plan.target == Target::Idle) {
        refuse!(
            EINVAL,
            "parallel=1 is for kind=single, reschedule and task, and for targets that are idle"
        );
    }
    let mut what = Text::new();
    let (kind, cpus, target) = (plan.kind.name(), &plan.cpus, plan.target);
    emit!(
        &mut what,
        "{kind} between all pairs of {cpus}, target {target}"
    )?;
    let times = Arc::new(Times::new(what)?, GFP_KERNEL)?;
    let measurement = Measurement {
        lab,
        experiment,
        nr_noted: Atomic::new(0),
        nr_steps: Atomic::new(0),
        plan,
        prober: Prober::new(plan.kind, plan.target, task)?,
        all: times.clone(),
        // Of the pair that is being measured.
        pair: Times::new(Text::new())?,
        rounds: Atomic::new(0),
        used_ns: Atomic::new(0),
        start_ns: clock::now_ns(),
    };
    *lab.ipis.matrix.lock() = Matrix {
        head: Some(Head {
            kind: plan.kind,
            target: plan.target,
            rounds: plan.rounds,
            budget_ms: plan.budget_ms,
            resolution_ns: clock::resolution_ns(clock::Counter::Clock),
            counts_met: measurement.prober.counts_met(),
            elapsed_ns: 0,
            nr_steps: 0,
            pass: 1,
        }),
        pairs,
    };
    let seats = match plan.is_parallel {
        true => Some(parallel::seats(plan.cpus.len())?),
        false => None,
    };
    let mut ended = Ok(());
    for (pass, rounds) in [(1, 1), (2, plan.rounds)] {
        if ended.is_ok() && rounds >= pass {
            measurement.begin(pass as u32);
            ended = match &seats {
                Some(seats) => parallel::pass(&measurement, seats, rounds, task),
                None => measurement.pass(pass as u32, task),
            };
        }
    }
    if let Some(head) = &mut lab.ipis.matrix.lock().head {
        head.pass = 0;
        head.elapsed_ns = measurement.elapsed_ns();
        head.nr_steps = measurement.nr_steps.load(Relaxed);
    }
    *lab.ipis.last.lock() = Some(times);
    ended
}

struct Measurement<'a> {
    lab: &'a Lab,
    experiment: Experiment<'a>,
    /// How many pairs either pass has come to.
    nr_noted: Atomic<u64>,
    nr_steps: Atomic<u64>,
    plan: &'a Plan,
    prober: Prober,
    all: Arc<Times>,
    pair: Times,
    /// How many rounds of it are done, and how long they took, if it is to be gone on with.
    rounds: Atomic<u64>,
    used_ns: Atomic<u64>,
    start_ns: u64,
}

impl Measurement<'_> {
    fn elapsed_ns(&self) -> u64 {
        clock::now_ns().wrapping_sub(self.start_ns)
    }

    /// How much of the budget is left, in nanoseconds.
    fn left_ns(&self) -> u64 {
        (self.plan.budget_ms * 1_000_000).saturating_sub(self.elapsed_ns())
    }

    fn begin(&self, pass: u32) {
        if let Some(head) = &mut self.lab.ipis.matrix.lock().head {
            head.pass = pass;
        }
    }

    /// Measures all pairs. What a target is busy with, it is only while it is the target: then
    /// the pairs are sorted by target. Else by sender, which measures many in one go.
    fn pass(&self, pass: u32, task: &Task) -> Answer {
        let mut nr_left = self.lab.ipis.matrix.lock().pairs.len() as u64;
        for cpu in self.plan.cpus.iter() {
            if self.left_ns() == 0 {
                break;
            }
            let load = self.prober.load(cpu)?;
            let is_by_target = load.is_some();
            let mut some = KVVec::new();
            for (index, pair) in self.lab.ipis.matrix.lock().pairs.iter().enumerate() {
                if cpu == if is_by_target { pair.to } else { pair.from } {
                    some.push((index, *pair), GFP_KERNEL)?;
                }
            }
            // Each part has one sender.
            for part in some.chunk_by(|(_, one), (_, next)| one.from == next.from) {
                self.send(pass, part, &mut nr_left, task)?;
            }
        }
        Ok(())
    }

    /// Measures pairs that have the same sender, some at a time.
    fn send(&self, pass: u32, pairs: &[(usize, Pair)], nr_left: &mut u64, task: &Task) -> Answer {
        let cursor = Atomic::new(0usize);
        let left = Atomic::new(*nr_left);
        while let Some((_, first)) = pairs.get(cursor.load(Relaxed)) {
            if task.is_interrupted() {
                refuse!(
                    EINTR,
                    "interrupted at the pair {} {}",
                    first.from.as_u32(),
                    first.to.as_u32()
                );
            }
            if self.left_ns() == 0 {
                self.rounds.store(0, Relaxed);
                break;
            }
            let cpus = core::iter::once(first.from);
            let nr_cpus = cpu::run_on(&self.lab.workers, cpus, task, |here| {
                let start_ns = clock::now_ns();
                while let Some((index, pair)) = pairs.get(cursor.load(Relaxed)) {
                    let held_ns = clock::now_ns().wrapping_sub(start_ns);
                    if here.is_stopped() || held_ns > HOLD_NS || self.left_ns() == 0 {
                        break;
                    }
                    let slice_ns = self.left_ns() / left.load(Relaxed).max(1);
                    let state = match pass {
                        1 => self.measure_once(pair.to, here).map(Some),
                        _ => self.measure(pair, slice_ns, HOLD_NS - held_ns, here),
                    };
                    let Some(state) = state.transpose() else {
                        break;
                    };
                    self.note(*index, state);
                    self.nr_steps.add(1, Relaxed);
                    cursor.add(1, Relaxed);
                    left.store(left.load(Relaxed).saturating_sub(1), Relaxed);
                    here.task.yield_if_needed();
                }
            })?;
            if nr_cpus == 0 {
                self.rounds.store(0, Relaxed);
                for (index, _) in pairs.iter().skip(cursor.load(Relaxed)) {
                    self.note(*index, Err(ENXIO));
                }
                break;
            }
        }
        *nr_left = nr_left.saturating_sub(pairs.len() as u64);
        Ok(())
    }

    fn note(&self, index: usize, state: Result<State>) {
        let nr_noted = self.nr_noted.fetch_add(1, Relaxed) + 1;
        let mut matrix = self.lab.ipis.matrix.lock();
        if let Some(head) = &mut matrix.head {
            head.elapsed_ns = self.elapsed_ns();
            head.nr_steps = self.nr_steps.load(Relaxed);
        }
        let nr_passes = if self.plan.rounds > 1 { 2 } else { 1 };
        let nr_steps = nr_passes * matrix.pairs.len() as u64;
        if let Some(pair) = matrix.pairs.get_mut(index) {
            let (from, to) = (pair.from.as_u32(), pair.to.as_u32());
            self.experiment
                .step(nr_noted, nr_steps, fmt!("{from}>{to}"));
            // What one pass has measured stays, whatever the next cannot.
            match (state, pair.state) {
                (Ok(state), _) => pair.state = state,
                (Err(_), State::Once(_) | State::Measured { .. }) => (),
                (Err(ENXIO), _) => pair.state = State::Offline,
                (Err(error), _) => pair.state = State::Failed(error),
            }
        }
    }

    fn measure_once(&self, to: CpuId, here: &Here<'_>) -> Result<State> {
        let time = self.prober.probe(to, here)?;
        self.all.count(time);
        Ok(State::Once(time))
    }

    /// Measures for `hold_ns` at most. Returns nothing if the pair is to be gone on with, as
    /// neither all rounds are done nor `slice_ns` are over.
    fn measure(
        &self,
        pair: &Pair,
        slice_ns: u64,
        hold_ns: u64,
        here: &Here<'_>,
    ) -> Result<Option<State>> {
        let (mut rounds, used_ns) = (self.rounds.load(Relaxed), self.used_ns.load(Relaxed));
        if rounds == 0 {
            self.pair.clear();
            if let State::Once(time) = pair.state {
                self.pair.count(time);
                rounds = 1;
            }
        }
        let start_ns = clock::now_ns();
        let mut error = None;
        let is_over = loop {
            let since_ns = clock::now_ns().wrapping_sub(start_ns);
            if rounds >= self.plan.rounds || used_ns.saturating_add(since_ns) >= slice_ns {
                break true;
            }
            if since_ns >= hold_ns || here.is_stopped() {
                break false;
            }
            match self.prober.probe(pair.to, here) {
                Ok(time) => {
                    self.pair.count(time);
                    self.all.count(time);
                    rounds += 1;
                }
                Err(other) => {
                    error = Some(other);
                    break true;
                }
            }
        };
        let since_ns = clock::now_ns().wrapping_sub(start_ns);
        if !is_over && rounds > 0 {
            self.rounds.store(rounds, Relaxed);
            self.used_ns
                .store(used_ns.saturating_add(since_ns), Relaxed);
            return Ok(None);
        }
        self.rounds.store(0, Relaxed);
        self.used_ns.store(0, Relaxed);
        match error {
            Some(error) if rounds == 0 => return Err(error),
            None if rounds == 0 => return Ok(Some(State::Unmeasured)),
            _ => (),
        }
        State::measured(rounds, &self.pair).map(Some)
    }
}
