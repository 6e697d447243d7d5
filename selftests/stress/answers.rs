// SPDX-License-Identifier: GPL-2.0

//! What functions of the library answer that nothing else here asks, and that what is dropped has ended.

use irqlab::{
    clock,
    context::{
        HardIrq,
        Task,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId,
        TakenOffline, //
    },
    irq::{
        Handler,
        IrqReturn,
        Sharing, //
    },
    irq_chip::{
        Domain,
        Flow,
        Transparent, //
    },
    kprobe::{
        self,
        Call,
        Probe, //
        ProbePoint,
    },
    symbol::Name,
    tracepoint::{
        Attached,
        Observer,
        SoftirqEntry, //
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

const PATIENCE_NS: u64 = 2_000_000_000;

/// Calls `report` for each test.
pub(crate) fn try_all(task: &Task, mut report: impl FnMut(&str, &str, bool)) -> Result {
    report(
        "probe",
        "is told of calls until it is dropped",
        probe(task)?,
    );
    report("observer", "is attached once to each", attach()?);
    report("symbol", "knows where a function begins and ends", name());
    report("line", "is counted by the kernel", count()?);
    // Those of a machine with one CPU all have to stay.
    report("CPU", "has to stay if it is the first", stay(task));
    if let Some(last) = cpu::online().skip(1).last() {
        report("CPU", "comes back when its guard goes", leave(last, task)?);
    }
    Ok(())
}

/// Counts calls whose argument is what no other caller's is.
struct Calls(Arc<Atomic<u32>>);

/// In milliseconds.
const SLEEP_MS: u32 = 7;

impl kprobe::Observer for Calls {
    fn observe(&self, call: &Call, _context: &Unsleeping) {
        if call.arguments[0] as u32 == SLEEP_MS {
            self.0.add(1, Relaxed);
        }
    }
}

fn probe(task: &Task) -> Result<bool> {
    let calls = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let observer = Calls(calls.clone());
    let probe = KBox::pin_init(
        Probe::new(ProbePoint::Named(c"msleep"), observer),
        GFP_KERNEL,
    )?;
    task.sleep_ms(SLEEP_MS);
    let is_told = calls.load(Relaxed) > 0;
    drop(probe);
    let nr_calls = calls.load(Relaxed);
    task.sleep_ms(SLEEP_MS);
    Ok(is_told && calls.load(Relaxed) == nr_calls)
}

struct Nothing;

impl Observer<SoftirqEntry> for Nothing {
    fn observe(&self, _event: &SoftirqEntry, _context: &Unsleeping) {}
}

fn attach() -> Result<bool> {
    let mut attached = Attached::new(Arc::new(Nothing, GFP_KERNEL)?);
    attached.to::<SoftirqEntry>()?;
    Ok(attached.to::<SoftirqEntry>() == Err(EEXIST))
}

fn name() -> bool {
    let address = name as fn() -> bool as usize;
    let (first, second) = (Name::of(address), Name::of(address + 1));
    let behind = (first.len_behind(), second.len_behind());
    first.is_beginning()
        && !second.is_beginning()
        && first.function() == second.function()
        && matches!(behind, (Some(all), Some(rest)) if rest > 0 && all == rest + 1)
}

/// Counts its interrupts.
struct Interrupts(Arc<Atomic<usize>>);

impl Handler for Interrupts {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.add(1, Relaxed);
        IrqReturn::Handled
    }
}

fn count() -> Result<bool> {
    let handled = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    let handler = Ok(Interrupts(handled.clone()));
    let _registration = (line.line()).request(Sharing::Exclusive, c"irqlab_stress", handler)?;
    for nr_sent in 1..=3 {
        line.send()?;
        clock::spin_until(PATIENCE_NS, || handled.load(Relaxed) == nr_sent);
    }
    Ok(handled.load(Relaxed) == 3 && line.line().nr_interrupts()? == 3)
}

fn stay(task: &Task) -> bool {
    let first = cpu::online().next();
    first.is_none_or(|first| matches!(TakenOffline::new(first, task), Err(EPERM)))
}

fn leave(cpu: CpuId, task: &Task) -> Result<bool> {
    let is_online = || cpu::online().any(|other| other == cpu);
    let taken = TakenOffline::new(cpu, task)?;
    let has_left = !is_online() && matches!(TakenOffline::new(cpu, task), Err(ENXIO));
    drop(taken);
    let has_come = is_online();
    TakenOffline::new(cpu, task)?.bring_back(task)?;
    Ok(has_left && has_come && is_online())
}
