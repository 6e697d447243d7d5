// SPDX-License-Identifier: GPL-2.0

//! An exception handler never preempts an interrupt handler.
//!
//! It meant that interrupt handlers raise no exceptions, but for the page fault, which they avoid. They
//! may raise any, where somebody has prepared for it.

use crate::{
    claim::prelude::*,
    fixup::{
        Case,
        Setting, //
    },
};
use irqlab::{
    context::{
        Kind,
        Snapshot, //
    },
    exception::Vector,
    fixup::End, //
};

claim! {
    quote: "an exception handler never preempts an interrupt handler, the only \u{201c}exception\u{201d} is \
            the Page Fault, but Interrupt Handlers never performs operations that gives rise to page \
            faults",
    section: "nested execution of Ex./Int. Handlers",
    today: "an interrupt handler may raise exceptions where the instruction has a fixup, or somebody \
            expects it: tracers read memory that may not be there, and breakpoints are in interrupt \
            handlers since there are kprobes, which is Linux 2.6.9",
    functions: "fixup_exception(), copy_from_kernel_nofault(), kprobe_int3_handler()",
    control: "raises all of them in the task",
    next: "echo all > fixup/access; cat fixup/access",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let mut setting = Setting::new(trial.task)?;
    let mut all = KVec::new();
    for kind in [Kind::SoftIrq, Kind::HardIrq, Kind::Nmi] {
        for (name, end) in [
            ("guard", End::Error(EFAULT.to_errno())),
            ("undefined", End::Trapped(6)),
            ("breakpoint", End::Done),
        ] {
            let context = trial.pick(kind, Kind::Task);
            let attempt = setting.attempt(Case::find(name)?, context, 0, None, trial.task)?;
            let Some(seen) = attempt.exception else {
                evidence.check(false, fmt!("{name}: no exception was seen"))?;
                continue;
            };
            let handled = Handled {
                vector: seen.vector,
                context,
                is_nested: is_over(kind, seen.vector, &seen.at),
                is_recovered: attempt.end() == Some(end),
            };
            all.push(handled, GFP_KERNEL)?;
        }
    }
    let is_as_in_text = !trial.is_control() && all.iter().all(|handled| !handled.is_nested);
    for handled in &all {
        evidence.check(
            is_as_in_text || handled.is_nested && handled.is_recovered,
            fmt!(
                "{} in {} context: handled {} it, {}",
                handled.vector,
                handled.context,
                match handled.is_nested {
                    true => "on top of",
                    false => "not on top of",
                },
                match handled.is_recovered {
                    true => "recovered",
                    false => "not recovered",
                }
            ),
        )?;
    }
    match is_as_in_text {
        true => evidence.holds(),
        false => evidence.outdated(),
    }
}

/// How an exception was handled that was raised in `context`.
struct Handled {
    vector: Vector,
    context: Kind,
    /// On top of an interrupt.
    is_nested: bool,
    is_recovered: bool,
}

/// Whether it was handled on top of an interrupt of that kind.
fn is_over(kind: Kind, vector: Vector, at: &Snapshot) -> bool {
    // The kernel counts the handler of a breakpoint as an NMI, and an NMI as a hard IRQ as well.
    let own = u32::from(vector == Vector::BP);
    match kind {
        Kind::Task => true,
        Kind::SoftIrq => at.is_serving_softirq(),
        Kind::HardIrq => at.hardirq_depth() > at.nmi_depth(),
        Kind::Nmi => at.nmi_depth() > own,
    }
}
