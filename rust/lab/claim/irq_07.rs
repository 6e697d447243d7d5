// SPDX-License-Identifier: GPL-2.0

//! IRQ-07: a line can be allocated at the last moment and given back.

use super::{
    judge,
    Claim,
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

pub(super) const CLAIM: Claim = Claim {
    id: "IRQ-07",
    text: "a line can be allocated at the last moment and given back",
    control: "both requests share the line",
    run,
};

struct Counter(Atomic<u64>);

impl Handler for Counter {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.add(1, Relaxed);
        IrqReturn::Handled
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
