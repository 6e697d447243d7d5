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

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut setting = Setting::new(trial.task)?;
    let mut evidence = Evidence::new();
    let mut nr_nested = 0;
    for kind in [Kind::SoftIrq, Kind::HardIrq, Kind::Nmi] {
        for (name, end) in [
            ("guard", End::Error(EFAULT.to_errno())),
            ("undefined", End::Trapped(6)),
            ("breakpoint", End::Done),
        ] {
            let context = trial.pick(kind, Kind::Task);
            let case = Case::find(name)?;
            let attempt = setting.attempt(case, context, 0, None, trial.task)?;
            let Some(seen) = attempt.exception else {
                evidence.check(false, fmt!("{name}: no exception was seen"))?;
                continue;
            };
            let is_nested = is_over(kind, seen.vector, &seen.at);
            nr_nested += usize::from(is_nested);
            let is_recovered = attempt.end() == Some(end);
            evidence.check(
                is_nested && is_recovered,
                fmt!(
                    "{} in {context} context: handled {} it, {}",
                    seen.vector,
                    if is_nested {
                        "on top of"
                    } else {
                        "not on top of"
                    },
                    if is_recovered {
                        "recovered"
                    } else {
                        "not recovered"
                    }
                ),
            )?;
        }
    }
    if nr_nested == 0 && !trial.is_control() {
        let mut evidence = Evidence::new();
        evidence.note(fmt!("no exception was handled on top of an interrupt"))?;
        return evidence.holds();
    }
    evidence.outdated()
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
