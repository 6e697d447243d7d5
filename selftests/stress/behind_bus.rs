// SPDX-License-Identifier: GPL-2.0

//! A line whose controller is behind a bus that one has to wait for: what waits for it is done by tasks only,
//! wherever it was asked for.

use irqlab::{
    clock,
    context::{
        Caller,
        HardIrq,
        Kind,
        Task, //
    },
    error::EOPNOTSUPP,
    irq::{
        Disabled,
        Handler,
        IrqReturn,
        Sharing, //
    },
    irq_chip::{
        Chip,
        Domain,
        Flow,
        Line, //
    },
    new_raw_spinlock,
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// A controller that counts who takes its bus: in a task, and where nobody may wait.
struct Slow {
    nr_right: Atomic<u32>,
    nr_wrong: Atomic<u32>,
}

impl Chip for Slow {
    const IS_BEHIND_BUS: bool = true;

    fn mask(&self, _hwirq: u32) {}

    fn unmask(&self, _hwirq: u32) {}

    fn ack(&self, _hwirq: u32) {}

    fn eoi(&self, _hwirq: u32) {}

    fn lock_bus(&self, _hwirq: u32, _task: &Task) {
        let count = match Task::current() {
            Some(_) => &self.nr_right,
            None => &self.nr_wrong,
        };
        count.add(1, Relaxed);
    }
}

struct Counting(Atomic<u32>);

impl Handler for Counting {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.add(1, Relaxed);
        IrqReturn::Handled
    }
}

fn line() -> Result<Line<Slow>> {
    let slow = Slow {
        nr_right: Atomic::new(0),
        nr_wrong: Atomic::new(0),
    };
    Domain::new(1, Ok::<_, Error>(slow))?.map(0, Flow::Edge)
}

fn comes(task: &Task, is_there: impl Fn() -> bool) -> bool {
    let start_ns = clock::now_ns();
    while !is_there() && clock::now_ns().wrapping_sub(start_ns) < 2_000_000_000 {
        task.sleep_us(100, 100);
    }
    is_there()
}

/// Drops a guard in a context of that kind.
fn drop_in(kind: Kind, caller: &Caller, task: &Task, disabled: Disabled<Counting>) -> Result {
    let disabled = KBox::pin_init(new_raw_spinlock!(Some(disabled)), GFP_KERNEL)?;
    caller.call(kind, task, &|| {
        let disabled = disabled.with(|disabled, _off| disabled.take());
        drop(disabled);
    })
}

/// A guard that is dropped where nobody may wait has the line enabled a moment later.
fn enabled_later(kind: Kind, caller: &Caller, task: &Task) -> Result<bool> {
    let line = line()?;
    let counting = Ok(Counting(Atomic::new(0)));
    let registration = line
        .line()
        .request(Sharing::Exclusive, c"irqlab_stress", counting)?;
    let mut is_ok = registration
        .disable_nosync()
        .is_err_and(|error| error == EOPNOTSUPP);
    for round in 1..=20 {
        let disabled = registration.disable(task)?;
        is_ok &= line.line().info()?.disable_depth == 1;
        // It is replayed.
        line.send()?;
        drop_in(kind, caller, task, disabled)?;
        is_ok &= comes(task, || registration.handler().0.load(Relaxed) == round);
        is_ok &= comes(task, || {
            line.line().info().is_ok_and(|info| info.disable_depth == 0)
        });
    }
    let chip = line.domain().chip();
    Ok(is_ok && chip.nr_wrong.load(Relaxed) == 0 && chip.nr_right.load(Relaxed) >= 40)
}

/// The line goes while a guard of it is dropped so.
fn gone_meanwhile(caller: &Caller, task: &Task) -> Result<bool> {
    let mut is_ok = true;
    for _ in 0..20 {
        let line = line()?;
        let domain = line.domain().clone();
        let counting = Ok(Counting(Atomic::new(0)));
        let registration = line
            .line()
            .request(Sharing::Exclusive, c"irqlab_stress", counting)?;
        let (first, second) = (registration.disable(task)?, registration.disable(task)?);
        // The guard's is the last reference.
        drop(registration);
        drop_in(Kind::SoftIrq, caller, task, first)?;
        drop(line);
        drop_in(Kind::SoftIrq, caller, task, second)?;
        is_ok &= domain.chip().nr_wrong.load(Relaxed) == 0;
    }
    Ok(is_ok)
}

/// What asks the controller is refused where nobody may wait for it, and done in a task.
fn asked(caller: &Caller, task: &Task) -> Result<bool> {
    let line = line()?;
    let counting = Ok(Counting(Atomic::new(0)));
    let registration = line
        .line()
        .request(Sharing::Exclusive, c"irqlab_stress", counting)?;
    let nr_refused = Atomic::new(0u32);
    for kind in [Kind::SoftIrq, Kind::HardIrq] {
        caller.call(kind, task, &|| {
            let pending = line.line().set_pending() == Err(EOPNOTSUPP);
            let active = line.line().is_active() == Err(EOPNOTSUPP);
            nr_refused.add(u32::from(pending) + u32::from(active), Relaxed);
        })?;
    }
    let is_done = line.line().set_pending() == Ok(())
        && line.line().is_active() == Err(EINVAL)
        && comes(task, || registration.handler().0.load(Relaxed) == 1);
    let nr_wrong = line.domain().chip().nr_wrong.load(Relaxed);
    Ok(is_done && nr_refused.load(Relaxed) == 4 && nr_wrong == 0)
}

/// All tests. Calls `report` with the name of each, and whether it passed.
pub(crate) fn try_all(task: &Task, mut report: impl FnMut(&str, bool)) -> Result {
    let caller = Caller::new(task)?;
    for (name, kind) in [
        ("enabled by a tasklet", Kind::SoftIrq),
        ("enabled in a hard IRQ", Kind::HardIrq),
    ] {
        report(name, enabled_later(kind, &caller, task)?);
    }
    report("gone meanwhile", gone_meanwhile(&caller, task)?);
    report("asked where nobody may wait", asked(&caller, task)?);
    Ok(())
}
