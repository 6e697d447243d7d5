// SPDX-License-Identifier: GPL-2.0

//! Tasklets of high priority run before the others.
//!
//! They have a soft IRQ of their own, HI_SOFTIRQ, with the lowest number of all.

use crate::claim::{
    judge,
    prelude::*, //
};
use irqlab::{
    context::SoftIrq,
    tasklet::{
        Handler,
        Tasklet, //
    },
};
use kernel::{
    interrupt::local_interrupt_disable,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

claim! {
    quote: "No real difference between the two, except that do_softirq() processes HI_SOFTIRQ before TASKLET_SOFTIRQ.",
    section: "Tasklets",
    today: "so: HI_SOFTIRQ has the lowest number of all",
    functions: "tasklet_hi_schedule(), tasklet_hi_action(), handle_softirqs()",
    control: "both have normal priority",
    next: "echo line=sim0 mechanisms=tasklet_hi,tasklet > bench; cat bench",
}

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

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
