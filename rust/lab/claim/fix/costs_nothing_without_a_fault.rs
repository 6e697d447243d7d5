// SPDX-License-Identifier: GPL-2.0

//! The fixup costs nothing as long as there is no fault.
//!
//! Compared with the same instructions without an entry in the table. The least of many
//! rounds is what each costs where nothing comes between: whatever the load, one round
//! of a few dozen accesses has the CPU for itself. Where the clock counts instructions
//! (QEMU's -icount), these are instructions.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    fixup::Setting,
    refusal::Answer, //
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
    next: "make bench compares in instructions",
}

const ROUNDS: usize = 100;
const ACCESSES: u64 = 50;
/// What good accesses may cost more, in percent: the least of the rounds is not the same
/// every time.
const TOLERANCE: u64 = 100;

/// The least time that `access` took, per 100 times, in nanoseconds.
fn cost_per_100(trial: &Trial<'_>, mut access: impl FnMut()) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..ROUNDS {
        let start_ns = clock::now_ns();
        for _ in 0..ACCESSES {
            access();
        }
        least = least.min(clock::now_ns().wrapping_sub(start_ns));
        trial.task.yield_if_needed();
    }
    least * 100 / ACCESSES
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    trial.judge_by_clock();
    let setting = Setting::new(trial.task)?;
    let island = &setting.island;
    let (inside, guard) = (island.inside(0), island.guard(0));
    let good_address = if trial.is_control() { guard } else { inside };
    let user = setting.valid();

    let plain = cost_per_100(trial, || {
        let _ = core::hint::black_box(access::load_unguarded(&inside, Paging::Refused));
    });
    let good = cost_per_100(trial, || {
        let _ = core::hint::black_box(access::load(&good_address, Paging::Refused));
    });
    let fixed_up = cost_per_100(trial, || {
        let _ = core::hint::black_box(access::load(&guard, Paging::Refused));
    });
    let access_ok = cost_per_100(trial, || {
        core::hint::black_box(is_user(core::hint::black_box(user), 8));
    });
    judge!(
        plain > 0 && good * 100 <= plain * (100 + TOLERANCE),
        "ns for 100 accesses, the least of {} rounds: plain {}, guarded {}, guarded and fixed up \
         {}; access_ok() {}",
        ROUNDS,
        plain,
        good,
        fixed_up,
        access_ok
    )
}
