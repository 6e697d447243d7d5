// SPDX-License-Identifier: GPL-2.0

//! Evidence: what an experiment saw, clause by clause, and the verdict that follows from it.

use crate::refusal::{
    Answer,
    Refusal, //
};
use irqlab::{
    emit,
    text::Text, //
};
use kernel::{
    fmt,
    prelude::*, //
};

/// What an experiment showed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
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
    pub(super) const fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Outdated => "outdated",
            Verdict::Skip => "skip",
            Verdict::Fails => "fails",
        }
    }
}

/// A verdict with its evidence.
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) evidence: Text,
}

impl Finding {
    /// What a failure shows for which neither the lab nor the kernel is to blame.
    pub(super) fn excused(self, why: fmt::Arguments<'_>) -> Answer<Self> {
        found(Verdict::Skip, fmt!("{}: {}", why, self.evidence))
    }
}

/// A verdict with evidence that is one sentence.
fn found(verdict: Verdict, evidence: fmt::Arguments<'_>) -> Answer<Finding> {
    let mut text = Text::new();
    text.append(evidence)?;
    Ok(Finding {
        verdict,
        evidence: text,
    })
}

/// Collects what an experiment saw, a clause a fact, and judges.
///
/// ```ignore
/// evidence.note(fmt!("raised {raised} times"))?;
/// evidence.check(ran == 1, fmt!("ran {ran} times"))?;
/// evidence.holds()
/// ```
pub(super) struct Evidence {
    text: Text,
    is_refuted: bool,
}

impl Evidence {
    pub(super) fn new() -> Self {
        Self {
            text: Text::new(),
            is_refuted: false,
        }
    }

    /// Notes a fact that the verdict does not depend on.
    pub(super) fn note(&mut self, clause: fmt::Arguments<'_>) -> Result {
        self.text.separate("; ")?;
        self.text.append(clause)
    }

    /// Notes a fact which has to be so, or the verdict is `fails`. That it was not is marked.
    pub(super) fn check(&mut self, is_so: bool, clause: fmt::Arguments<'_>) -> Result {
        self.note(clause)?;
        if !is_so {
            self.is_refuted = true;
            emit!(&mut self.text, " (refuted)")?;
        }
        Ok(())
    }

    /// The verdict `holds`, if all that was checked was so.
    pub(super) fn holds(&self) -> Answer<Verdict> {
        Ok(self.judge(Verdict::Holds))
    }

    /// The verdict `outdated`, if all that was checked was so: this is what the kernel does
    /// instead of what the text says.
    pub(super) fn outdated(&self) -> Answer<Verdict> {
        Ok(self.judge(Verdict::Outdated))
    }

    const fn judge(&self, verdict: Verdict) -> Verdict {
        match self.is_refuted {
            true => Verdict::Fails,
            false => verdict,
        }
    }

    /// What an experiment found that has ended so.
    pub(super) fn into_finding(self, answer: Answer<Verdict>) -> Answer<Finding> {
        let refusal = match answer {
            Ok(verdict) => {
                return Ok(Finding {
                    verdict,
                    evidence: self.text,
                })
            }
            Err(refusal) => refusal,
        };
        // What was seen to be wrong is wrong, even if the rest could not be shown.
        if self.is_refuted && refusal.is_skip() {
            return found(
                Verdict::Fails,
                fmt!("{}; of the rest: {}", self.text, refusal),
            );
        }
        refusal.into_finding()
    }
}

impl Refusal {
    /// An experiment that this machine cannot carry out says so; so does one that somebody else was in
    /// the way of, that a signal has interrupted, or that was short of memory. One that could not be
    /// carried out otherwise has failed, and says why: a line that is busy may be one that the lab itself has
    /// not given back.
    fn into_finding(self) -> Answer<Finding> {
        if self.is_skip() {
            return found(Verdict::Skip, fmt!("{}", self));
        }
        let verdict = if self.is_prevented() || matches!(self.error, EINTR | ENOMEM) {
            Verdict::Skip
        } else {
            Verdict::Fails
        };
        found(verdict, fmt!("not carried out: {}", self))
    }
}

#[cfg(CONFIG_KUNIT)]
#[kernel::macros::kunit_tests(irqlab_claim_evidence)]
mod tests {
    use super::*;
    use crate::refusal::Obstacle;

    /// The verdict for an experiment that ended so.
    fn verdict(refusal: Refusal) -> Option<&'static str> {
        let finding = Evidence::new().into_finding(Err(refusal)).ok()?;
        Some(finding.verdict.name())
    }

    #[test]
    fn what_nobody_else_has_caused_is_a_failure() {
        for error in [EBUSY, ENODEV, EFAULT, EIO] {
            assert_eq!(verdict(error.into()), Some("fails"));
            assert_eq!(
                verdict(Refusal::new(error, fmt!("by itself"))),
                Some("fails")
            );
        }
    }

    #[test]
    fn what_somebody_else_has_caused_is_none() {
        for error in [EBUSY, ENODEV, EFAULT] {
            assert_eq!(
                verdict(Refusal::prevented(error, fmt!("by others"))),
                Some("skip")
            );
        }
        assert_eq!(verdict(EINTR.into()), Some("skip"));
        assert_eq!(
            verdict(Refusal::skip(Obstacle::Machine, fmt!("no such hardware"))),
            Some("skip")
        );
    }

    #[test]
    fn what_may_pass_begins_with_words_of_its_own() {
        let shown = |obstacle| {
            let refusal = Refusal::skip(obstacle, fmt!("why"));
            let mut text = Text::new();
            let finding = Evidence::new().into_finding(Err(refusal)).ok()?;
            emit!(&mut text, "{}", finding.evidence).ok()?;
            Some(text)
        };
        for (obstacle, evidence) in [
            (Obstacle::Machine, "why"),
            (Obstacle::Busy, "the machine is too busy: why"),
            (Obstacle::Missed, "missed: why"),
            (Obstacle::Coarse, "the clock is too coarse: why"),
        ] {
            assert!(shown(obstacle).is_some_and(|text| text.as_str() == evidence));
        }
    }

    #[test]
    fn what_was_refuted_stays_so() {
        let mut evidence = Evidence::new();
        assert!(evidence.check(false, fmt!("it was")).is_ok());
        let finding =
            evidence.into_finding(Err(Refusal::skip(Obstacle::Machine, fmt!("the rest"))));
        assert!(matches!(
            finding,
            Ok(Finding {
                verdict: Verdict::Fails,
                ..
            })
        ));
    }
}
