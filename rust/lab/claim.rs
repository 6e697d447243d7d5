// SPDX-License-Identifier: GPL-2.0

//! Claims: statements about interrupts, each put to the test by an experiment on
//! this kernel. Each is a file of its own here and a line in the table.
//!
//! An experiment comes in two variants. The *control* differs in the one step
//! that the claim is about, so that a claim which held for the wrong reason
//! holds there too: its verdict must be [`Verdict::Fails`].

use crate::{
    laboratory::Lab,
    line::{
        Group,
        Line, //
    },
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    clock,
    context::Task,
    emit,
    text::Text, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    time::msecs_to_jiffies, //
};

macro_rules! table {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// All claims, in the order in which they run.
        const TABLE: &[Claim] = &[$($name::CLAIM,)*];
    };
}

table! {
    exc_01,
    exc_02,
    exc_03,
    exc_04,
    exc_05,
    exc_06,
    exc_07,
    exc_08,
    exc_09,
    exc_10,
    exc_11,
    exc_12,
    exc_13,
    exc_14,
    exc_15,
    exc_16,
    fix_01,
    fix_02,
    fix_03,
    fix_04,
    fix_05,
    fix_06,
    fix_07,
    fix_08,
    irq_01,
    irq_02,
    irq_03,
    irq_04,
    irq_05,
    irq_06,
    irq_07,
    irq_08,
    irq_09,
    irq_10,
    irq_11,
    irq_12,
    irq_13,
    irq_14,
    irq_15,
    ipi_01,
    ipi_02,
    ipi_03,
    ipi_04,
    ipi_05,
    ipi_06,
    ipi_07,
    ipi_08,
    ipi_09,
    ipi_10,
    ipi_11,
    sirq_01,
    sirq_02,
    sirq_03,
    sirq_04,
    sirq_05,
    sirq_06,
    sirq_07,
    sirq_08,
    task_01,
    task_02,
    task_03,
    task_04,
    task_05,
    task_06,
    task_07,
    task_08,
    work_01,
    work_02,
    work_03,
    work_04,
    work_05,
    work_06,
    work_07,
    work_08,
}

/// One claim.
struct Claim {
    /// Its permanent name: a group, a hyphen, a number.
    id: &'static str,
    /// The statement.
    text: &'static str,
    /// What the control does differently.
    control: &'static str,
    run: fn(&Trial<'_>) -> Answer<Finding>,
}

/// What an experiment showed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// What the claim says.
    Holds,
    /// Something else, which the evidence tells: the claim was true once.
    Outdated,
    /// Nothing: this machine cannot show it, and the evidence tells why.
    Skip,
    /// Neither: the lab or the kernel is at fault.
    Fails,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Outdated => "outdated",
            Verdict::Skip => "skip",
            Verdict::Fails => "fails",
        }
    }
}

/// A verdict with its evidence.
struct Finding {
    verdict: Verdict,
    evidence: Text,
}

/// Which variant of an experiment to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The real one.
    Experiment,
    /// The one that must fail.
    Control,
}

/// What an experiment works with.
pub(crate) struct Trial<'a> {
    lab: &'a Lab,
    pub(crate) task: &'a Task,
    variant: Variant,
}

impl Trial<'_> {
    pub(crate) fn lab(&self) -> &Lab {
        self.lab
    }

    fn is_control(&self) -> bool {
        self.variant == Variant::Control
    }

    /// Whether the user has allowed what makes the kernel report a bug.
    fn may_endanger(&self) -> bool {
        *crate::module_parameters::dangerous.value_ref()
    }

    fn line(&self, name: &str) -> Answer<Arc<Line>> {
        self.lab.lines.get(name)
    }

    fn group(&self, name: &str) -> Answer<Group> {
        self.lab.lines.group(name)
    }

    /// Waits until `condition` holds, for at most `ms` milliseconds. Returns
    /// whether it held in time.
    pub(crate) fn eventually(&self, ms: u32, condition: impl Fn() -> bool) -> bool {
        const FIRST_PAUSE_US: u32 = 100;
        const MAX_PAUSE_US: u32 = 10_000;

        let start = clock::ticks();
        // What did not come soon is not looked for that often: looking takes
        // the CPU from what is to make it come.
        let mut pause_us = FIRST_PAUSE_US;
        while !condition() {
            if clock::ticks().wrapping_sub(start) > msecs_to_jiffies(ms) {
                return false;
            }
            self.task.sleep_us(pause_us, pause_us);
            pause_us = MAX_PAUSE_US.min(pause_us * 2);
        }
        true
    }

    /// How long to wait, in ms, for what comes in the experiment and not in its
    /// control.
    fn patience_ms(&self) -> u32 {
        if self.is_control() {
            200
        } else {
            2000
        }
    }

    /// Gives what should not happen the time to happen.
    fn settle(&self) {
        self.task.sleep_ms(10);
    }
}

/// The verdict: `holds` if all was as the claim says, `fails` otherwise.
macro_rules! judge {
    ($holds:expr, $($evidence:tt)*) => {{
        let verdict = if $holds {
            $crate::claim::Verdict::Holds
        } else {
            $crate::claim::Verdict::Fails
        };
        $crate::claim::found(verdict, ::kernel::prelude::fmt!($($evidence)*))
    }};
}
use judge;

/// The verdict that this machine cannot show it.
macro_rules! skip {
    ($($reason:tt)*) => {
        return $crate::claim::found(
            $crate::claim::Verdict::Skip,
            ::kernel::prelude::fmt!($($reason)*),
        )
    };
}
use skip;

/// The verdict for what the user has not allowed.
macro_rules! skip_dangerous {
    ($trial:expr, $what:literal) => {
        if !$trial.may_endanger() {
            $crate::claim::skip!(
                "makes the kernel report '{}': in a guest of its own, insmod irqlab.ko dangerous=1, \
                 then echo {} >claims",
                $what,
                CLAIM.id
            );
        }
    };
}
use skip_dangerous;

fn found(verdict: Verdict, evidence: kernel::fmt::Arguments<'_>) -> Answer<Finding> {
    let mut text = Text::new();
    text.append(evidence)?;
    Ok(Finding {
        verdict,
        evidence: text,
    })
}

/// The last finding of each claim.
#[pin_data]
pub(crate) struct Claims {
    #[pin]
    results: Mutex<KVec<Option<Outcome>>>,
}

/// What is known of a claim that was run.
struct Outcome {
    variant: Variant,
    finding: Finding,
}

impl Claims {
    pub(crate) fn new() -> Result<impl PinInit<Self>> {
        let mut none = KVec::with_capacity(TABLE.len(), GFP_KERNEL)?;
        for _ in TABLE {
            none.push(None, GFP_KERNEL)?;
        }
        Ok(pin_init!(Self {
            results <- new_mutex!(none, "Claims::results"),
        }))
    }

    /// Runs the claims that `which` names: an id, a group, or `all`.
    ///
    /// Refusals: `ENODEV` if it names none, `EBUSY` if another experiment runs,
    /// `EINTR` after a signal, with the verdicts so far.
    pub(crate) fn run(&self, lab: &Lab, which: &str, variant: Variant, task: &Task) -> Answer {
        let is_named = |claim: &Claim| {
            which == "all"
                || claim.id == which
                || claim
                    .id
                    .split_once('-')
                    .is_some_and(|(group, _)| group == which)
        };
        if !TABLE.iter().any(is_named) {
            refuse!(ENODEV, "no claim or group '{}'", which);
        }
        let _experiment = lab.begin()?;
        let trial = Trial { lab, task, variant };
        for (index, claim) in TABLE.iter().enumerate() {
            if !is_named(claim) {
                continue;
            }
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted before {}", claim.id);
            }
            let finding = (claim.run)(&trial).or_else(|refusal| refusal.into_finding())?;
            self.results.lock()[index] = Some(Outcome { variant, finding });
        }
        Ok(())
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(text, "#id verdict evidence\n")?;
        for (claim, outcome) in TABLE.iter().zip(self.results.lock().iter()) {
            emit!(text, "{:<8} ", claim.id)?;
            match outcome {
                None => emit!(text, "{:<8} {}\n", "-", claim.text)?,
                Some(Outcome { variant, finding }) => {
                    emit!(text, "{:<8} ", finding.verdict.name())?;
                    if *variant == Variant::Control {
                        emit!(text, "[control: {}] ", claim.control)?;
                    }
                    emit!(text, "{}\n", finding.evidence)?;
                }
            }
        }
        Ok(())
    }
}

impl crate::refusal::Refusal {
    /// An experiment that could not be carried out has failed, and says why.
    fn into_finding(self) -> Answer<Finding> {
        found(Verdict::Fails, fmt!("not carried out: {}", self))
    }
}
