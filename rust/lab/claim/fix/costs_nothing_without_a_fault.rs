// SPDX-License-Identifier: GPL-2.0

//! A fixup costs nothing as long as there is no fault.
//!
//! Compared with the same instructions without an entry in the table. The least of many rounds is what
//! each costs where nothing comes between, and rounds of both take turns, so that whatever the load is,
//! it is the same for both. Where the clock counts instructions (QEMU's -icount), these are instructions.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    fixup::Setting,
};
use irqlab::{
    clock,
    fixup::{
        access,
        Paging, //
    },
    user::is_user,
};

claim! {
    quote: "(beyond the text)",
    section: "The Exception Tables",
    today: "an entry in the table is only read after a fault",
    functions: "search_exception_tables()",
    control: "every access faults",
    next: "# on the host: make bench, which compares in instructions",
}

const ROUNDS: usize = 50;
/// How often the rounds are repeated, if the costs differ.
const MOST_BATCHES: usize = 6;
const ACCESSES: u64 = 50;
/// What good accesses may cost more, in percent: the least of the rounds is not the same every time.
const TOLERANCE: u64 = 15;

/// The least time that a round of accesses took, in nanoseconds.
struct Least(u64);

impl Least {
    fn round(&mut self, mut access: impl FnMut()) {
        let start_ns = clock::now_ns();
        for _ in 0..ACCESSES {
            access();
        }
        self.0 = self.0.min(clock::now_ns().wrapping_sub(start_ns));
    }

    fn per_100(&self) -> u64 {
        self.0 * 100 / ACCESSES
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.judge_by_clock();
    let setting = Setting::new(trial.task)?;
    let island = &setting.island;
    let (inside, guard) = (island.inside(0), island.guard(0));
    let good_address = trial.pick(inside, guard);
    let user = setting.valid();

    let [mut plain, mut guarded, mut fixed_up, mut access_ok] = [const { Least(u64::MAX) }; 4];
    let is_as_cheap =
        |plain: &Least, guarded: &Least| guarded.0 * 100 <= plain.0 * (100 + TOLERANCE);
    for _ in 0..MOST_BATCHES {
        for _ in 0..ROUNDS {
            plain.round(|| {
                let _ = core::hint::black_box(access::load_unguarded(&inside, Paging::Refused));
            });
            guarded.round(|| {
                let _ = core::hint::black_box(access::load(&good_address, Paging::Refused));
            });
            fixed_up.round(|| {
                let _ = core::hint::black_box(access::load(&guard, Paging::Refused));
            });
            access_ok.round(|| {
                core::hint::black_box(is_user(core::hint::black_box(user), 8));
            });
            trial.task.yield_if_needed();
        }
        if is_as_cheap(&plain, &guarded) {
            break;
        }
    }
    if plain.0 == 0 {
        skip!(Coarse: "{ACCESSES} accesses take no time");
    }
    evidence.note(fmt!(
        "each the least of many rounds, which may be less by chance: 100 plain accesses take {} ns",
        plain.per_100()
    ))?;
    evidence.check(
        is_as_cheap(&plain, &guarded),
        fmt!("guarded ones {} ns", guarded.per_100()),
    )?;
    evidence.note(fmt!(
        "100 faults with their fixups {} ns",
        fixed_up.per_100()
    ))?;
    evidence.note(fmt!("access_ok() 100 times {} ns", access_ok.per_100()))?;
    evidence.holds()
}
