// SPDX-License-Identifier: GPL-2.0

//! A line can be allocated at the last moment and given back.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    line::Line,
    refusal::Answer, //
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

claim! {
    quote: "An IRQ line is associated with a device at the last possible moment, for instance only when device is in use. In this way two devices cannot obviously use the same line at the same time.",
    section: "I/O Interrupts",
    today: "the same, for devices that do not agree to share",
    functions: "request_threaded_irq(), __setup_irq(), free_irq()",
    control: "both requests share the line",
    next: "grep sim0 /proc/interrupts; cat lines/sim0/info",
}

struct Counter(Atomic<u64>);

impl Handler for Counter {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.add(1, Relaxed);
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let lent = group.lend()?;
    let sharing = if trial.is_control() {
        Sharing::Shared
    } else {
        Sharing::Exclusive
    };

    // Nobody has the line: what is raised is refused, and must not be kept for
    // whoever comes next.
    let is_refused = matches!(lent.raise(), Err(error) if error == ENXIO);
    let first = request(&line, sharing)?;
    let second_sharing = match sharing {
        Sharing::Shared => Sharing::Shared,
        Sharing::Exclusive | Sharing::ExclusiveIfFree => Sharing::ExclusiveIfFree,
    };
    let second_while_taken = request(&line, second_sharing);
    lent.raise()?;
    trial.eventually(2000, || first.handler().0.load(Relaxed) > 0);
    trial.settle();
    let first_ran = first.handler().0.load(Relaxed);
    drop(first);
    let is_busy = matches!(&second_while_taken, Err(error) if *error == EBUSY);
    drop(second_while_taken);

    let again = request(&line, sharing)?;
    lent.raise()?;
    trial.eventually(2000, || again.handler().0.load(Relaxed) > 0);
    trial.settle();
    let again_ran = again.handler().0.load(Relaxed);

    judge!(
        is_refused && first_ran == 1 && is_busy && again_ran == 1,
        "{}: raised before: {}; requested, ran {}; second request meanwhile: {}; given back, requested again, ran {}",
        line.name,
        if is_refused { "ENXIO" } else { "accepted" },
        first_ran,
        if is_busy { "EBUSY" } else { "granted" },
        again_ran
    )
}

fn request(line: &Arc<Line>, sharing: Sharing) -> Result<Arc<Registration<Counter>>> {
    let counter = Counter(Atomic::new(0));
    line.source.line().request(sharing, line.name, Ok(counter))
}
