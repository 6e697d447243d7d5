// SPDX-License-Identifier: GPL-2.0

//! All disjoint pairs at the same time: as many as half of the CPUs, in n - 1 rounds instead of one for each pair.
//!
//! In each round one CPU of each pair sends to the other, and then the other way round. So each CPU sends to one, or is
//! the target of one; but all of them share what is between them, which is part of what one sees then.

use super::{
    super::spread::Times,
    tournament,
    Measurement,
    Pair,
    State, //
};
use crate::{
    ipi::HOLD_NS,
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
        Here, //
    },
    text::Text,
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What one pair measures meanwhile. Only its sender writes.
pub(super) struct Seat {
    times: Times,
    rounds: Atomic<u64>,
    is_done: Atomic<bool>,
    /// An error's number, or 0.
    error: Atomic<i32>,
}

impl Seat {
    fn new() -> Result<Self> {
        Ok(Self {
            times: Times::new(Text::new())?,
            rounds: Atomic::new(0),
            is_done: Atomic::new(false),
            error: Atomic::new(0),
        })
    }

    /// Takes it for a pair.
    fn begin(&self, pair: &Pair) {
        self.times.clear();
        self.rounds.store(0, Relaxed);
        self.is_done.store(false, Relaxed);
        self.error.store(0, Relaxed);
        if let State::Once(time) = pair.state {
            self.times.count(time);
            self.rounds.store(1, Relaxed);
        }
    }

    /// What came of it.
    fn end(&self) -> Result<State> {
        let (rounds, error) = (self.rounds.load(Relaxed), self.error.load(Relaxed));
        match (rounds, self.is_done.load(Relaxed)) {
            (0, _) if error != 0 => Err(Error::from_errno(error)),
            // Nobody has run on the sender.
            (0, false) => Err(ENXIO),
            (0, true) => Ok(State::Unmeasured),
            _ => State::measured(rounds, &self.times),
        }
    }
}

/// A seat for each pair of a round.
pub(super) fn seats(nr_cpus: usize) -> Result<KVec<Seat>> {
    let mut seats = KVec::with_capacity(nr_cpus / 2, GFP_KERNEL)?;
    for _ in 0..nr_cpus / 2 {
        seats.push(Seat::new()?, GFP_KERNEL)?;
    }
    Ok(seats)
}

/// Measures all pairs, `rounds` times each.
pub(super) fn pass(
    measurement: &Measurement<'_>,
    seats: &[Seat],
    rounds: u64,
    task: &Task,
) -> Answer {
    let nr_cpus = measurement.plan.cpus.len();
    let nr_steps = 2 * tournament::nr_rounds(nr_cpus) as u64;
    let mut step = 0;
    for round in 0..tournament::nr_rounds(nr_cpus) {
        for is_way_back in [false, true] {
            let left_ns = measurement.left_ns();
            if left_ns == 0 {
                return Ok(());
            }
            if task.is_interrupted() {
                refuse!(
                    EINTR,
                    "interrupted in round {} of {}",
                    round + 1,
                    tournament::nr_rounds(nr_cpus)
                );
            }
            let mut pairs = KVec::with_capacity(seats.len(), GFP_KERNEL)?;
            for (one, other) in tournament::pairs(nr_cpus, round) {
                let (from, to) = if is_way_back {
                    (other, one)
                } else {
                    (one, other)
                };
                // They are sorted by sender, and nobody is their own target.
                let index = from * (nr_cpus - 1) + to - usize::from(to > from);
                let pair = measurement.lab.ipis.matrix.lock().pairs[index];
                pairs.push((index, pair), GFP_KERNEL)?;
            }
            let slice_ns = left_ns / (nr_steps - step);
            send(measurement, seats, &pairs, rounds, slice_ns, task)?;
            step += 1;
        }
    }
    Ok(())
}

/// Measures pairs that share no CPU, for `slice_ns` at most.
fn send(
    measurement: &Measurement<'_>,
    seats: &[Seat],
    pairs: &[(usize, Pair)],
    rounds: u64,
    slice_ns: u64,
    task: &Task,
) -> Answer {
    for (seat, (_, pair)) in seats.iter().zip(pairs) {
        seat.begin(pair);
    }
    let end_ns = clock::now_ns().saturating_add(slice_ns);
    let seat_of = |cpu: CpuId| {
        let mut places = seats.iter().zip(pairs);
        places.find(|(_, (_, pair))| pair.from == cpu)
    };
    measurement.nr_steps.add(1, Relaxed);
    loop {
        let senders = pairs.iter().map(|(_, pair)| pair.from);
        let is_left =
            |cpu: &CpuId| seat_of(*cpu).is_some_and(|(seat, _)| !seat.is_done.load(Relaxed));
        let nr_cpus = cpu::run_on(
            &measurement.lab.workers,
            senders.filter(is_left),
            task,
            |here| {
                if let Some((seat, (_, pair))) = seat_of(here.cpu) {
                    fill(measurement, seat, pair.to, rounds, end_ns, here);
                }
            },
        )?;
        if nr_cpus == 0 || task.is_interrupted() {
            break;
        }
    }
    for (seat, (index, _)) in seats.iter().zip(pairs) {
        measurement.note(*index, seat.end());
    }
    Ok(())
}

/// Sends until all is done that is to be done, but not for longer than CPUs may be kept from going offline.
fn fill(
    measurement: &Measurement<'_>,
    seat: &Seat,
    to: CpuId,
    rounds: u64,
    end_ns: u64,
    here: &Here<'_>,
) {
    let start_ns = clock::now_ns();
    loop {
        let now_ns = clock::now_ns();
        if seat.rounds.load(Relaxed) >= rounds || now_ns >= end_ns {
            seat.is_done.store(true, Relaxed);
            return;
        }
        if now_ns.wrapping_sub(start_ns) >= HOLD_NS || here.is_stopped() {
            return;
        }
        match measurement.prober.probe(to, here) {
            Ok(time) => {
                seat.times.count(time);
                measurement.all.count(time);
                seat.rounds.add(1, Relaxed);
            }
            Err(error) => {
                seat.error.store(error.to_errno(), Relaxed);
                seat.is_done.store(true, Relaxed);
                return;
            }
        }
        here.task.yield_if_needed();
    }
}
