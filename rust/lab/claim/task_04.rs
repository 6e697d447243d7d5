// SPDX-License-Identifier: GPL-2.0

//! TASK-04: tasklets of high priority run before the others.
//!
//! They have a soft IRQ of their own, HI_SOFTIRQ, with the lowest number of all.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    context::SoftIrq,
    tasklet::{
        Handler,
        Tasklet, //
    },
};
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "TASK-04",
    text: "tasklets of high priority run before the others",
    control: "both have normal priority",
    run,
};

/// Notes at which place it ran.
struct Runner {
    finish: Arc<Atomic<u64>>,
    place: Atomic<u64>,
}

impl Handler for Runner {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let place = this.finish.fetch_add(1, Full) + 1;
        this.place.store(place, Relaxed);
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let finish = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let runner = || {
        let runner = Runner {
            finish: finish.clone(),
            place: Atomic::new(0),
        };
        KBox::pin_init(Tasklet::new(Ok(runner)), GFP_KERNEL)
    };
    let (normal, high) = (runner()?, runner()?);
    {
        let _guard = local_interrupt_disable();
        normal.schedule();
        if trial.is_control() {
            high.schedule();
        } else {
            high.schedule_hi();
        }
    }
    trial.eventually(2000, || finish.load(Relaxed) == 2);
    let (normal, high) = (normal.place.load(Relaxed), high.place.load(Relaxed));
    judge!(
        high == 1 && normal == 2,
        "scheduled normal, then high; ran: high at place {}, normal at place {}",
        high,
        normal
    )
}
