// SPDX-License-Identifier: GPL-2.0

//! On a shared line every ISR runs.
//!
//! The line says that somebody raised, not who: the kernel asks all of them, and
//! does not stop at the one who says yes. First with three ISRs of which the one in the middle says yes;
//! then with two devices on one line, each with an ISR that knows its own.

use crate::{
    claim::prelude::*,
    line::Line, //
};
use irqlab::{
    context::{
        HardIrq,
        Unsleeping, //
    },
    irq::{
        Handler,
        IrqReturn,
        Registration,
        Sharing, //
    },
    tracepoint::{
        Attached,
        IrqHandlerEntry,
        Observer, //
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
    quote: "The interrupt handler executes several interrupt service routines (ISRs), each routine is related to each device that shares the IRQ line. Every ISRs is always executed.",
    section: "I/O Interrupts",
    today: "the same: the kernel asks all of them, and does not stop at the one that says yes",
    functions: "__handle_irq_event_percpu()",
    control: "the ISRs that must be asked in vain are on another line",
    next: "grep edu /proc/interrupts; echo 10 > lines/edu0/trigger; cat lines/edu1/info",
}

/// Interrupts of each device, one after the other.
const COUNT: u64 = 10;

/// An interrupt handler that counts its calls.
struct Isr {
    /// The device that it serves, unless it never claims an interrupt.
    serves: Option<Arc<Line>>,
    calls: Atomic<u64>,
    claimed: Atomic<u64>,
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

/// Puts an ISR on a line.
fn request(line: &Line, serves: Option<&Arc<Line>>) -> Result<Arc<Registration<Isr>>> {
    let isr = Isr {
        serves: serves.cloned(),
        calls: Atomic::new(0),
        claimed: Atomic::new(0),
    };
    let irq_line = line.source.line();
    irq_line.request(Sharing::Shared, c"irqlab-isr", Ok(isr))
}

/// How often the kernel says that it calls a handler of the line.
struct Calls {
    irq: u32,
    count: Atomic<u64>,
}

impl Observer<IrqHandlerEntry> for Calls {
    fn observe(&self, event: &IrqHandlerEntry, _context: &Unsleeping) {
        if event.irq == self.irq {
            self.count.add(1, Relaxed);
        }
    }
}

fn calls_of(line: &Line) -> Result<Attached<Calls>> {
    let calls = Calls {
        irq: line.source.line().irq(),
        count: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(calls, GFP_KERNEL)?);
    attached.to::<IrqHandlerEntry>()?;
    Ok(attached)
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    three_isrs(trial, evidence)?;
    two_devices(trial, evidence)?;
    evidence.holds()
}

fn three_isrs(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let (line, elsewhere) = (trial.line("sim0")?, trial.line("sim1")?);
    let groups = (trial.group("sim0")?, trial.group("sim1")?);
    let _reserved = (groups.0.reserve()?, groups.1.reserve()?);
    let others_line = trial.pick(&line, &elsewhere);
    // The one that claims is asked in the middle.
    let isrs = [
        request(others_line, None)?,
        request(&line, Some(&line))?,
        request(others_line, None)?,
    ];
    let watched = calls_of(&line)?;
    raise(trial, &line, isrs[1].handler())?;
    let calls = isrs.each_ref().map(|isr| isr.handler().calls.load(Relaxed));
    let counted = watched.observer().count.load(Relaxed);
    evidence.check(
        calls == [COUNT; 3] && counted == 3 * COUNT,
        fmt!(
            "{COUNT} interrupts of sim0, of which the second ISR claims each: 3 ISRs called {}, {} and {} \
             times, the kernel noted {counted} calls on the line",
            calls[0],
            calls[1],
            calls[2]
        ),
    )?;
    Ok(())
}

fn two_devices(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let (Ok(first), Ok(second)) = (trial.line("edu0"), trial.line("edu1")) else {
        return Ok(evidence.note(fmt!("no two PCI devices on one line (QEMU: -device edu)"))?);
    };
    let irq = first.source.line().irq();
    if second.source.line().irq() != irq {
        return Ok(evidence.note(fmt!("edu0 and edu1 have lines of their own"))?);
    }
    // Both are reserved with the line that they share.
    let group = trial.group("edu0")?;
    let _reserved = group.reserve()?;
    let elsewhere = trial.line("sim0")?;
    let group_elsewhere = trial.group("sim0")?;
    let _reserved_elsewhere = group_elsewhere.reserve()?;
    let isrs = [
        request(trial.pick(&first, &elsewhere), Some(&first))?,
        request(&second, Some(&second))?,
    ];
    if !trial.is_control() {
        raise(trial, &first, isrs[0].handler())?;
    }
    raise(trial, &second, isrs[1].handler())?;
    let [first, second] = isrs.each_ref().map(|isr| isr.handler());
    let (calls, claimed) = (
        [first, second].map(|isr| isr.calls.load(Relaxed)),
        [first, second].map(|isr| isr.claimed.load(Relaxed)),
    );
    evidence.check(
        // A device's interrupt may come once more than it is claimed.
        claimed == [COUNT; 2] && calls[0] == calls[1] && calls[0] >= 2 * COUNT,
        fmt!(
            "{COUNT} interrupts of edu0 and of edu1 each, on line {irq}: their ISRs called {} and {} times, and \
             claimed {} and {}",
            calls[0],
            calls[1],
            claimed[0],
            claimed[1]
        ),
    )?;
    Ok(())
}

/// Raises the interrupts of a device, and waits for each until its ISR has claimed it.
fn raise(trial: &Trial<'_>, line: &Line, isr: &Isr) -> Answer {
    for number in 1..=COUNT {
        line.raise()?;
        trial.come(line.name(), || isr.claimed.load(Relaxed) >= number)?;
    }
    line.source.line().synchronize(trial.task)?;
    Ok(())
}
