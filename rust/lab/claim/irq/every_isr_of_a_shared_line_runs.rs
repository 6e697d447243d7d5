// SPDX-License-Identifier: GPL-2.0

//! On a shared line every ISR runs.
//!
//! The line says that somebody raised, not who: the kernel asks all of them, and
//! does not stop at the one who says yes.

use crate::claim::{
    claim,
    judge,
    skip,
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
    quote: "The interrupt handler executes several interrupt service routines (ISRs), each routine is related to each device that shares the IRQ line. Every ISRs is always executed.",
    section: "I/O Interrupts",
    today: "the same: the kernel asks all of them, and does not stop at the one that says yes",
    functions: "__handle_irq_event_percpu()",
    control: "two of the three are on a line of their own",
    next: "grep edu /proc/interrupts; echo 10 > lines/edu0/trigger; cat lines/edu1/info",
}

/// Interrupts, one after the other.
const COUNT: u64 = 10;

/// An interrupt handler that counts its calls.
struct Isr {
    /// The device that it serves, unless it never claims an interrupt.
    serves: Option<Arc<Line>>,
    calls: Atomic<u64>,
    claimed: Atomic<u64>,
}

impl Isr {
    fn new(serves: Option<&Arc<Line>>) -> Self {
        Self {
            serves: serves.cloned(),
            calls: Atomic::new(0),
            claimed: Atomic::new(0),
        }
    }
}

impl Handler for Isr {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        self.calls.add(1, Relaxed);
        match &self.serves {
            Some(line) if line.source.acknowledge(irq) => {
                self.claimed.add(1, Relaxed);
                IrqReturn::Handled
            }
            _ => IrqReturn::None,
        }
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let Ok(line) = trial.line("edu0") else {
        skip!("no PCI device with a shared line (QEMU: -device edu)");
    };
    if line.source.sharing() != Sharing::Shared {
        skip!("edu0 uses MSI, which nobody shares (edu_msi=1)");
    }
    let elsewhere = trial.line("sim0")?;
    let group = trial.group("edu0")?;
    let lent = group.lend()?;
    let group_elsewhere = trial.group("sim0")?;
    let _lent_elsewhere = group_elsewhere.lend()?;

    // The one that claims is asked in the middle.
    let others_line = if trial.is_control() {
        &elsewhere
    } else {
        &line
    };
    let request = |line: &Arc<Line>, isr| {
        line.source
            .line()
            .request(Sharing::Shared, c"irqlab-isr", Ok::<_, Error>(isr))
    };
    let first = request(others_line, Isr::new(None))?;
    let second = request(&line, Isr::new(Some(&line)))?;
    let third = request(others_line, Isr::new(None))?;

    for done in 1..=COUNT {
        lent.raise()?;
        let is_claimed = || second.handler().claimed.load(Relaxed) >= done;
        if !trial.eventually(2000, is_claimed) {
            return judge!(false, "interrupt {} of {} did not arrive", done, COUNT);
        }
    }
    line.source.line().synchronize(trial.task);

    let calls = |isr: &Isr| isr.calls.load(Relaxed);
    let (first, second, third) = (first.handler(), second.handler(), third.handler());
    let claimed = second.claimed.load(Relaxed);
    judge!(
        claimed == COUNT
            && calls(second) >= COUNT
            && calls(first) == calls(second)
            && calls(third) == calls(second),
        "{} interrupts of edu0 on irq {}: 3 ISRs called {}, {} and {} times; the second claimed {}",
        COUNT,
        line.source.line().irq(),
        calls(first),
        calls(second),
        calls(third),
        claimed
    )
}
