// SPDX-License-Identifier: GPL-2.0

//! Spinlocks are test-and-set: those who wait try again and again, and whoever comes at the right
//! moment has the lock.
//!
//! One CPU holds a lock while others ask for it, one after the other. Then it gives the lock back and
//! asks for it again at once. If they queue the lock's own word says so, and each has it in turn, the
//! first CPU last. In the control they
//! take turns: in the order in which they asked where the lock keeps none, and in the reverse order where it does.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId,
        Here, //
    },
    interrupt::local_interrupt_disable,
    new_raw_spinlock,
    raw_spinlock::RawSpinLock, //
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Full,
    Relaxed,
    Release, //
};

claim! {
    quote: "The kernel uses spinlocks, based on atomic test-and-set primitives: cmpxchg, xchg, use the prefix lock before the instruction",
    section: "Traps",
    today: "those who wait have had tickets since Linux 2.6.25, and have queued since 4.2; a guest that its hypervisor does not help goes back to test-and-set, lest they queue behind a virtual CPU that stands still",
    functions: "queued_spin_lock_slowpath(), virt_spin_lock(), native_pv_lock_init()",
    control: "the CPUs take turns: as they have asked where the lock keeps no order, the other way round where it does",
    next: "grep -c hypervisor /proc/cpuinfo # how many CPUs know themselves to be virtual",
}

/// Rounds that are to be judged, and how many to try for that: a CPU may come late.
const ENOUGH: u32 = 3;
const MAX_ROUNDS: u32 = 12;
const MAX_CPUS: usize = 4;
/// How long the holder waits until another CPU comes, and until that is seen to queue.
const COMES_NS: u64 = 10_000_000;
const QUEUES_NS: u64 = 200_000;
/// In the control, how long it may take until it is a CPU's turn.
const TURNS_NS: u64 = 1_000_000_000;

/// In which order the CPUs take turns in the control, before they ask for the lock itself.
#[derive(Clone, Copy)]
enum Turns {
    AsAsked,
    Reversed,
}

impl Turns {
    /// How many have the lock before CPU `number`, with the first, number 0, last as asked.
    const fn place(self, number: usize, nr_others: usize) -> usize {
        let nr_cpus = nr_others + 1;
        match self {
            Turns::AsAsked => (number + nr_others) % nr_cpus,
            Turns::Reversed => (nr_cpus - number) % nr_cpus,
        }
    }
}

/// What the CPUs share in one round.
struct Round {
    /// The number of the CPU whose turn it is to ask, and of the last that is about to.
    turn: Atomic<usize>,
    asked: Atomic<usize>,
    /// How many have had the lock, and the number of the CPU that was there first, second, …
    nr_served: Atomic<usize>,
    served: [Atomic<usize>; MAX_CPUS],
    /// Those that asked while it was held; that had it meanwhile; that were seen to queue.
    nr_asked: Atomic<usize>,
    nr_meanwhile: Atomic<usize>,
    nr_queued: Atomic<usize>,
}

impl Round {
    fn new() -> Self {
        Self {
            turn: Atomic::new(0),
            asked: Atomic::new(0),
            nr_served: Atomic::new(0),
            served: [const { Atomic::new(0) }; MAX_CPUS],
            nr_asked: Atomic::new(0),
            nr_meanwhile: Atomic::new(0),
            nr_queued: Atomic::new(0),
        }
    }

    /// Takes the lock, and notes the place at which that was.
    fn take(&self, lock: &RawSpinLock<()>, number: usize) {
        lock.with(|(), _off| {
            let place = self.nr_served.fetch_add(1, Full);
            if let Some(served) = self.served.get(place) {
                served.store(number, Relaxed);
            }
        });
    }

    /// Has the others ask one after the other.
    fn call(&self, lock: &RawSpinLock<()>, nr_others: usize) {
        for number in 1..=nr_others {
            let before = lock.waiters();
            self.turn.store(number, Release);
            if !clock::spin_until(COMES_NS, || self.asked.load(Acquire) == number) {
                break;
            }
            self.nr_asked.add(1, Relaxed);
            if clock::spin_until(QUEUES_NS, || lock.waiters() != before) {
                self.nr_queued.add(1, Relaxed);
            }
        }
        self.nr_meanwhile
            .store(self.nr_served.load(Acquire), Relaxed);
    }

    /// Waits for its turn, and asks for the lock; with `turns`, in its place among so many others.
    fn ask(
        &self,
        lock: &RawSpinLock<()>,
        number: usize,
        turns: Option<(Turns, usize)>,
        here: &Here<'_>,
    ) {
        while self.turn.load(Acquire) < number && !here.is_stopped() {
            here.task.yield_if_needed();
        }
        let _nothing_between = local_interrupt_disable();
        self.asked.store(number, Release);
        if turns.is_none_or(|(turns, nr_others)| {
            self.let_others_go(turns.place(number, nr_others), nr_others)
        }) {
            self.take(lock, number);
        }
    }

    /// Waits until the first CPU has given the lock back and so many have had it; but hardly for those that
    /// have not come to ask. Returns whether it was given back.
    fn let_others_go(&self, place: usize, nr_others: usize) -> bool {
        let is_free = || self.turn.load(Acquire) == usize::MAX;
        if !clock::spin_until(TURNS_NS, is_free) {
            return false;
        }
        let have_had_it = || self.nr_served.load(Acquire) >= place;
        let is_whole = self.nr_asked.load(Relaxed) == nr_others;
        clock::spin_until(if is_whole { TURNS_NS } else { COMES_NS }, have_had_it);
        true
    }

    /// Whether they had the lock in the order in which they had asked, the first CPU last.
    fn is_in_order(&self, nr_others: usize) -> bool {
        let nr_cpus = nr_others + 1;
        let served = self.served.iter().take(nr_cpus);
        let order = (1..=nr_cpus).map(|number| number % nr_cpus);
        served.map(|number| number.load(Relaxed)).eq(order)
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    let mut cpus = KVec::new();
    for cpu in cpu::online().take(MAX_CPUS) {
        cpus.push(cpu, GFP_KERNEL)?;
    }
    let nr_others = cpus.len() - 1;
    let lock = KBox::pin_init(new_raw_spinlock!(()), GFP_KERNEL)?;
    let turns = match trial.is_control() {
        true if try_it(trial, &cpus, &lock, None)?.nr_queued.load(Relaxed) > 0 => {
            Some(Turns::Reversed)
        }
        true => Some(Turns::AsAsked),
        false => None,
    };
    let (mut nr_rounds, mut nr_asked, mut nr_queued, mut nr_meanwhile) = (0, 0, 0, 0);
    // Rounds in which all have asked and nobody was seen to queue, or all were; and those of them in which
    // the order was another. Which of the two are to be judged is known in the end: one that queues may
    // not be seen to in time.
    let (mut nr_whole, mut nr_upset) = ([0; 2], [0; 2]);
    while nr_rounds < MAX_ROUNDS && nr_whole[usize::from(nr_queued > 0)] < ENOUGH {
        nr_rounds += 1;
        let round = try_it(trial, &cpus, &lock, turns)?;
        let queued = round.nr_queued.load(Relaxed);
        let asked = round.nr_asked.load(Relaxed);
        nr_queued += queued;
        nr_asked += asked;
        nr_meanwhile += round.nr_meanwhile.load(Relaxed);
        if asked == nr_others && (queued == nr_others || queued == 0) {
            let kind = usize::from(queued > 0);
            nr_whole[kind] += 1;
            nr_upset[kind] += u32::from(!round.is_in_order(nr_others));
        }
    }
    let kind = usize::from(nr_queued > 0);
    let (nr_whole, nr_upset) = (nr_whole[kind], nr_upset[kind]);

    evidence.check(
        nr_meanwhile == 0,
        fmt!(
            "{nr_rounds} times CPU {} held the lock while others asked for it: {nr_meanwhile} of {nr_asked} \
             had it meanwhile",
            cpus[0].as_u32()
        ),
    )?;
    evidence.note(fmt!("the lock named {nr_queued} of them as waiting"))?;
    if nr_whole == 0 {
        skip!(Missed: "in no round all CPUs came to ask while the lock was held");
    }
    let keeps_order = match turns {
        None if nr_queued == 0 && nr_upset == 0 => {
            skip!("in {nr_whole} rounds nobody had the lock before one who had asked earlier")
        }
        None => nr_queued > 0,
        Some(turns) => matches!(turns, Turns::Reversed),
    };
    // With a queue that a hypervisor helps, a newcomer may have a lock that is free for a moment.
    let is_excused = cpu::is_virtual() && turns.is_none();
    evidence.check(
        (nr_upset == 0) == keeps_order || keeps_order && is_excused,
        fmt!("in {nr_upset} of {nr_whole} rounds one had it before another who had asked earlier"),
    )?;
    if cpu::is_virtual() {
        evidence.note(fmt!("the CPUs are virtual"))?;
    }
    if !keeps_order {
        return evidence.holds();
    }
    evidence.outdated()
}

/// One round: the first of `cpus` holds the lock, the others ask for it, and all take turns if that is given.
fn try_it(
    trial: &Trial<'_>,
    cpus: &[CpuId],
    lock: &RawSpinLock<()>,
    turns: Option<Turns>,
) -> Answer<Round> {
    let round = Round::new();
    let nr_others = cpus.len() - 1;
    let workers = &trial.lab().workers;
    cpu::run_on(workers, cpus.iter().copied(), trial.task, |here| {
        let Some(number) = cpus.iter().position(|cpu| *cpu == here.cpu) else {
            return;
        };
        if number > 0 {
            round.ask(lock, number, turns.map(|turns| (turns, nr_others)), here);
            return;
        }
        let _nothing_between = local_interrupt_disable();
        lock.with(|(), _off| round.call(lock, nr_others));
        if let Some(turns) = turns {
            round.turn.store(usize::MAX, Release);
            round.let_others_go(turns.place(0, nr_others), nr_others);
        }
        round.take(lock, 0);
        // Who is late may come now.
        round.turn.store(usize::MAX, Release);
    })?;
    Ok(round)
}
