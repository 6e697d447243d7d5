// SPDX-License-Identifier: GPL-2.0

//! The modes: nothing but calls, and what one of them costs.
//!
//! Five that are well known, so that figures can be compared; `selftests/ipi_c` does the
//! same in C. What is between two calls is a stamp, where there is a one-way time, and
//! nothing else: unlike [`call`](super::call), which counts. What disturbs is left out by
//! taking the best of several batches.

use crate::{
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::{
        self,
        CpuId, //
    },
    emit,
    smp,
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What to do.
pub(crate) struct Plan {
    pub(crate) cpu: CpuId,
    /// How many calls are one batch.
    pub(crate) count: u64,
    pub(crate) batches: u64,
}

/// What to do over and over.
#[derive(Clone, Copy)]
enum Mode {
    /// Only the stamps.
    DryRun,
    /// A call on the own CPU, which is inline.
    Own,
    /// A call on the next CPU.
    Single,
    /// A call on all others.
    Broadcast,
    /// The same, and all add to one counter, whose cache line they contend for.
    Contended,
}

/// What came of it.
pub(crate) struct Modes {
    rows: KVec<Row>,
}

struct Row {
    mode: Mode,
    count: u64,
    batches: u64,
    best: Batch,
}

/// What one batch took.
#[derive(Clone, Copy)]
struct Batch {
    ns: u64,
    one_way_ns: u64,
}

impl Mode {
    const ALL: [Mode; 5] = [
        Mode::DryRun,
        Mode::Own,
        Mode::Single,
        Mode::Broadcast,
        Mode::Contended,
    ];

    const fn name(self) -> &'static str {
        match self {
            Mode::DryRun => "dry_run",
            Mode::Own => "self",
            Mode::Single => "single",
            Mode::Broadcast => "broadcast",
            Mode::Contended => "contended",
        }
    }

    /// Does it as often as planned, in a thread bound to the plan's CPU. Nothing, if that or
    /// `other` goes or is offline.
    fn batch_bound(
        self,
        lab: &Lab,
        plan: &Plan,
        other: CpuId,
        task: &Task,
    ) -> Result<Option<Batch>> {
        let ns = Atomic::new(0);
        let one_way_ns = Atomic::new(0);
        let is_whole = Atomic::new(false);
        let run = cpu::run_bound(&lab.workers, plan.cpu, task, |bound| {
            if let Ok(batch) = self.batch(plan.cpu, other, plan.count, bound.task()) {
                ns.store(batch.ns, Relaxed);
                one_way_ns.store(batch.one_way_ns, Relaxed);
                is_whole.store(!bound.has_left(), Relaxed);
            }
        });
        match run {
            Ok(()) | Err(ENXIO) => Ok(is_whole.load(Relaxed).then(|| Batch {
                ns: ns.load(Relaxed),
                one_way_ns: one_way_ns.load(Relaxed),
            })),
            Err(error) => Err(error),
        }
    }

    /// Does it `count` times from `own`.
    fn batch(self, own: CpuId, other: CpuId, count: u64, task: &Task) -> Result<Batch> {
        let start_ns = clock::now_ns();
        let one_way_ns = match self {
            Mode::DryRun => stamp(count, || Ok(clock::now_ns()))?,
            Mode::Own => stamp(count, || smp::call_on(own, task, |_off| clock::now_ns()))?,
            Mode::Single => stamp(count, || smp::call_on(other, task, |_off| clock::now_ns()))?,
            Mode::Broadcast => {
                for _ in 0..count {
                    smp::call_others(task, |_off| ());
                }
                0
            }
            Mode::Contended => {
                // Not the kernel crate's, whose operations are functions of their own: what is
                // measured are the calls.
                let all = AtomicU64::new(0);
                for _ in 0..count {
                    smp::call_others(task, |_off| {
                        all.fetch_add(1, Ordering::Relaxed);
                    });
                }
                0
            }
        };
        Ok(Batch {
            ns: clock::now_ns().wrapping_sub(start_ns),
            one_way_ns,
        })
    }
}

/// Sums up the times to the stamps that `call` returns.
#[inline(always)]
fn stamp(count: u64, call: impl Fn() -> Result<u64>) -> Result<u64> {
    let mut sum_ns = 0u64;
    for _ in 0..count {
        let sent_ns = clock::now_ns();
        sum_ns = sum_ns.wrapping_add(call()?.wrapping_sub(sent_ns));
    }
    Ok(sum_ns)
}

/// Does what is planned.
///
/// Refusals: `EBUSY` if another experiment runs, `ENXIO` if the CPU is offline or there is no
/// other, `EINTR` after a signal.
pub(crate) fn run(lab: &Lab, plan: &Plan, task: &Task) -> Answer {
    let experiment = lab.begin(fmt!("ipi/modes"))?;
    let mut rows = KVec::new();
    for (mode, step) in Mode::ALL.into_iter().zip(1..) {
        experiment.step(step, Mode::ALL.len() as u64, fmt!("{}", mode.name()));
        let mut best: Option<Batch> = None;
        for _ in 0..plan.batches {
            let other = cpu::next_online(plan.cpu);
            let Some(other) = other.filter(|other| *other != plan.cpu) else {
                refuse!(ENXIO, "there is no other CPU");
            };
            let Some(batch) = mode.batch_bound(lab, plan, other, task)? else {
                refuse!(
                    ENXIO,
                    "CPU {} or {} is offline",
                    plan.cpu.as_u32(),
                    other.as_u32()
                );
            };
            if best.is_none_or(|best| batch.ns < best.ns) {
                best = Some(batch);
            }
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted during {}", mode.name());
            }
        }
        if let Some(best) = best {
            let (count, batches) = (plan.count, plan.batches);
            rows.push(
                Row {
                    mode,
                    count,
                    batches,
                    best,
                },
                GFP_KERNEL,
            )?;
        }
    }
    *lab.ipis.modes.lock() = Modes { rows };
    Ok(())
}

impl Modes {
    pub(super) const fn new() -> Self {
        Self { rows: KVec::new() }
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(text, "#mode count batches ns_per_call one_way_ns\n")?;
        for row in &self.rows {
            // The plan's count is not 0.
            let each = |ns: u64| ns.checked_div(row.count).unwrap_or(0);
            let tenths = each(row.best.ns.saturating_mul(10));
            emit!(
                text,
                "{} {} {} {}.{} {}\n",
                row.mode.name(),
                row.count,
                row.batches,
                tenths / 10,
                tenths % 10,
                each(row.best.one_way_ns)
            )?;
        }
        Ok(())
    }
}
