// SPDX-License-Identifier: GPL-2.0

//! An interrupt that nobody claims.
//!
//! Of a line that is stuck the CPU would never get rid. So the kernel counts: if
//! of 100 000 interrupts nearly none was claimed it says "nobody cared", with a
//! stack trace, and disables the line. Whoever requests it next starts afresh.
//!
//! The line is one of the lab's own controller, level-triggered and stuck: it is
//! raised again as soon as its handlers have returned.

use crate::{
    claim::{
        prelude::*,
        skip,
        skip_dangerous, //
    },
    refusal::refuse, //
};
use irqlab::{
    clock,
    context::HardIrq,
    irq::{
        self,
        IrqReturn,
        Registration,
        Sharing, //
    },
    irq_chip::{
        Chip,
        Domain,
        Flow,
        Line, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
};
use kernel::{
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
    time::msecs_to_jiffies,
};

claim! {
    quote: "If 99,900 of the previous 100,000 interrupts have not been handled then assume that the IRQ is stuck in some manner. Drop a diagnostic and try to turn the IRQ off.",
    section: "kernel/irq/spurious.c, a comment in the kernel's source",
    today: "the same; not with noirqdebug. From then on the kernel only calls the handlers of such a line now and then by a timer, if the line is shared. Whoever requests the line next starts afresh",
    functions: "note_interrupt(), __report_bad_irq(), irq_disable()",
    control: "every hundredth interrupt is claimed",
    next: "# on the host: make shell PARAMS=dangerous=1; there: echo IRQ-06 > claims; grep ^IRQ-06 \
           claims; dmesg | tail -n 40",
}

/// The kernel judges after each 100 000, and begins to count anew after a pause of
/// 100 ms, which a busy host can bring about: hence more than once.
const MAX_COUNT: u64 = 1_000_000;
const MAX_MS: u32 = 30_000;
/// In the control it judges twice.
const CONTROL_COUNT: u64 = 250_000;
/// In the control each of so many is claimed.
const CLAIMS: u64 = 100;
/// The fewest after which it may disable the line.
const MIN_COUNT: u64 = 99_901;
/// How many interrupts come in a row. The CPU does nothing else meanwhile.
const ROW: u64 = 500;

/// The controller: one line, masked or not.
struct Controller {
    is_masked: Atomic<bool>,
}

impl Chip for Controller {
    fn mask(&self, _hwirq: u32) {
        self.is_masked.store(true, Relaxed);
    }

    fn unmask(&self, _hwirq: u32) {
        self.is_masked.store(false, Relaxed);
    }

    fn ack(&self, _hwirq: u32) {}

    fn eoi(&self, _hwirq: u32) {}
}

/// A handler that claims every `claims`th interrupt; 0: none.
struct Denier {
    claims: u64,
    runs: Atomic<u64>,
}

impl irq::Handler for Denier {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        let run = self.runs.fetch_add(1, Full) + 1;
        if self.claims > 0 && run % self.claims == 0 {
            IrqReturn::Handled
        } else {
            IrqReturn::None
        }
    }
}

/// The device: keeps the line raised.
struct Stuck {
    line: Arc<Line<Controller>>,
    rows: Atomic<u64>,
}

impl irq_work::Handler<irq_work::Kind<Now>> for Stuck {
    fn run(this: &IrqWork<Self>, irq: &HardIrq) {
        for _ in 0..ROW {
            let _ = this.line.raise(irq);
        }
        this.rows.fetch_add(1, Full);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    skip_dangerous!(trial, "IRQ-06", "makes the kernel report 'nobody cared'");
    let controller = Controller {
        is_masked: Atomic::new(true),
    };
    let domain = Domain::new(1, Ok::<_, Error>(controller))?;
    let line = Arc::new(domain.map(0, Flow::Level)?, GFP_KERNEL)?;
    let stuck = Stuck {
        line: line.clone(),
        rows: Atomic::new(0),
    };
    let stuck = KBox::pin_init(IrqWork::new(Ok(stuck)), GFP_KERNEL)?;

    let denier = request(&line, trial.pick(0, CLAIMS))?;
    if !line.line().is_watched()? {
        skip!(
            "booted with noirqdebug: the kernel does not look whether anybody claims an interrupt"
        );
    }
    let raised = raise_until_disabled(trial, &stuck, trial.pick(MAX_COUNT, CONTROL_COUNT))?;
    let until = denier.handler().runs.load(Relaxed);
    let info = line.line().info()?;
    let is_masked = domain.chip().is_masked.load(Relaxed);
    raise_row(trial, &stuck)?;
    let afterwards = denier.handler().runs.load(Relaxed) - until;
    drop(denier);

    let claimer = request(&line, 1)?;
    raise_row(trial, &stuck)?;
    let recovered = claimer.handler().runs.load(Relaxed);

    let claimed = trial.pick(0, until / CLAIMS);
    evidence.note(fmt!("raised {raised} interrupts"))?;
    evidence.check(
        until >= MIN_COUNT,
        fmt!("the handler ran {until} times, and claimed {claimed}"),
    )?;
    evidence.check(
        info.disable_depth == 1,
        fmt!(
            "the kernel has disabled the line {} times",
            info.disable_depth
        ),
    )?;
    evidence.check(
        is_masked,
        fmt!(
            "the controller has it {}",
            if is_masked { "masked" } else { "unmasked" }
        ),
    )?;
    evidence.check(
        afterwards == 0,
        fmt!("raised {ROW} more, the handler ran {afterwards}"),
    )?;
    evidence.check(
        recovered == ROW,
        fmt!("requested again, by a handler that claims all, it ran {recovered} of {ROW}"),
    )?;
    evidence.holds()
}

fn request(line: &Line<Controller>, claims: u64) -> Result<Arc<Registration<Denier>>> {
    let denier = Denier {
        claims,
        runs: Atomic::new(0),
    };
    line.line()
        .request(Sharing::Exclusive, c"irqlab-stuck", Ok(denier))
}

/// Raises until the kernel has had enough. Returns how many.
fn raise_until_disabled(trial: &Trial<'_>, stuck: &IrqWork<Stuck>, max_count: u64) -> Answer<u64> {
    let start = clock::ticks();
    let mut raised = 0;
    while raised < max_count && stuck.line.line().info()?.disable_depth == 0 {
        if trial.task.is_interrupted() {
            refuse!(EINTR, "interrupted after {}", raised);
        }
        if clock::ticks().wrapping_sub(start) > msecs_to_jiffies(MAX_MS) {
            break;
        }
        raise_row(trial, stuck)?;
        raised += ROW;
        trial.task.yield_if_needed();
    }
    Ok(raised)
}

/// Raises a row of interrupts, and waits for its end.
fn raise_row(trial: &Trial<'_>, stuck: &IrqWork<Stuck>) -> Answer {
    let before = stuck.rows.load(Acquire);
    stuck.queue();
    // Usually it is over by now: this CPU has served it.
    if !trial.eventually(2000, || stuck.rows.load(Acquire) > before) {
        refuse!(EIO, "the interrupts did not come");
    }
    Ok(())
}
