// SPDX-License-Identifier: GPL-2.0

//! A line can be allocated at the last moment and given back.
//!
//! What is raised while nobody has the line is refused, rather than kept for whoever comes next. The
//! kernel's list of the line's handlers says who has it.

use crate::{
    claim::prelude::*,
    line::Line, //
};
use irqlab::{
    context::HardIrq,
    irq::{
        Handler,
        IrqReturn,
        Registration,
        Sharing, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "An IRQ line is associated with a device at the last possible moment, for instance only when device is in use. In this way two devices cannot obviously use the same line at the same time.",
    section: "I/O Interrupts",
    today: "the same, for devices that do not agree to share",
    functions: "request_threaded_irq(), __setup_irq(), free_irq()",
    control: "both requests share the line",
    next: "grep sim0 /proc/interrupts; cat lines/sim0/info",
}

struct Counting(Atomic<u64>);

impl Handler for Counting {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.add(1, Relaxed);
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let reserved = group.reserve()?;
    let irq_line = line.source.line();

    let is_refused = reserved.raise() == Err(ENXIO);
    let owners = irq_line.handlers()?.names;
    evidence.check(
        is_refused && owners.to_bytes().is_empty(),
        fmt!(
            "nobody has sim0: raising it is {}",
            if is_refused {
                "refused, ENXIO"
            } else {
                "accepted"
            }
        ),
    )?;

    let first = request(&line, trial.pick(Sharing::Exclusive, Sharing::Shared))?;
    let owner = irq_line.handlers()?.names;
    let second = request(&line, trial.pick(Sharing::ExclusiveIfFree, Sharing::Shared));
    let is_busy = matches!(&second, Err(error) if *error == EBUSY);
    let ran = ran_once(trial, &line, &first)?;
    evidence.check(
        ran,
        fmt!(
            "requested, it belongs to \"{}\" and serves an interrupt: {ran}",
            &*owner
        ),
    )?;
    evidence.check(
        is_busy,
        fmt!(
            "a second request meanwhile, {}: {}",
            trial.pick("unshared", "both shared"),
            if is_busy { "EBUSY" } else { "granted" }
        ),
    )?;
    drop((first, second));

    let is_given_back = irq_line.handlers()?.names.to_bytes().is_empty();
    let ran = match request(&line, Sharing::ExclusiveIfFree) {
        Ok(again) => ran_once(trial, &line, &again)?,
        Err(EBUSY) => false,
        Err(error) => return Err(error.into()),
    };
    evidence.check(
        is_given_back && ran,
        fmt!("given back, and requested again, it serves an interrupt: {ran}"),
    )?;
    evidence.holds()
}

fn request(line: &Line, sharing: Sharing) -> Result<Arc<Registration<Counting>>> {
    let counting = Counting(Atomic::new(0));
    let irq_line = line.source.line();
    irq_line.request(sharing, line.name, Ok(counting))
}

/// Raises one interrupt, and waits for it. Whether it ran once.
fn ran_once(trial: &Trial<'_>, line: &Line, on_line: &Registration<Counting>) -> Answer<bool> {
    let runs = || on_line.handler().0.load(Relaxed);
    line.raise()?;
    trial.come("an interrupt of sim0", || runs() > 0)?;
    line.source.line().synchronize(trial.task)?;
    Ok(runs() == 1)
}
