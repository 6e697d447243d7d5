// SPDX-License-Identifier: GPL-2.0

//! Claims: statements about interrupts, each put to the test by an experiment on
//! this kernel.
//!
//! A claim is a file, which is named after what it shows, and a line in the file of its
//! [group](claims), which gives it an id and a statement.
//!
//! An experiment comes in two variants. The *control* differs in the one step
//! that the claim is about, so that a claim which held for the wrong reason
//! holds there too: its verdict must be [`Verdict::Fails`].

use crate::{
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    cpu::HotplugCounter,
    emit,
    text::Text,
    trace, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

mod dpc;
mod evidence;
mod exc;
mod fix;
mod hammer;
mod ipi;
mod irq;
mod lock;
mod log;
mod old;
mod prelude;
mod sirq;
mod sol;
mod stuck;
mod task;
mod time;
mod together;
mod trial;
mod user_part;
mod work;

use evidence::{
    Evidence,
    Finding,
    Verdict, //
};
use stuck::stuck;
pub(crate) use trial::{
    Trial,
    Variant, //
};

/// All groups of claims, in the order in which they run.
const GROUPS: &[Group] = &[
    Group::new("exceptions, their classes, the IDT", exc::CLAIMS),
    Group::new("bad addresses, exception tables, fixups", fix::CLAIMS),
    Group::new("interrupt lines, controllers, handlers", irq::CLAIMS),
    Group::new("interrupts between processors", ipi::CLAIMS),
    Group::new("soft IRQs", sirq::CLAIMS),
    Group::new("tasklets", task::CLAIMS),
    Group::new("work queues", work::CLAIMS),
    Group::new("timers", time::CLAIMS),
    Group::new("locks", lock::CLAIMS),
    Group::new("bottom halves of Linux 2.2 and 2.4, rebuilt", old::CLAIMS),
    Group::new("deferred procedure calls of Windows, rebuilt", dpc::CLAIMS),
    Group::new("interrupt threads of Solaris, rebuilt", sol::CLAIMS),
];

/// Claims about one subject, whose ids begin alike.
struct Group {
    title: &'static str,
    claims: &'static [Claim],
}

impl Group {
    const fn new(title: &'static str, claims: &'static [Claim]) -> Self {
        Self { title, claims }
    }
}

fn all() -> impl Iterator<Item = &'static Claim> {
    GROUPS.iter().flat_map(|group| group.claims)
}

/// One claim.
struct Claim {
    /// Its permanent name: a group, a hyphen, a number.
    id: &'static str,
    /// The statement.
    text: &'static str,
    about: &'static About,
    run: Run,
}

/// The experiment: writes down what it sees as it goes, and judges in the end.
type Run = fn(&Trial<'_>, &mut Evidence) -> Answer<Verdict>;

impl Claim {
    const fn new(id: &'static str, text: &'static str, about: &'static About, run: Run) -> Self {
        let bytes = text.as_bytes();
        let mut place = 0;
        while place < bytes.len() {
            assert!(bytes[place] != b'"', "`claims` shows it in quotation marks");
            place += 1;
        }
        Self {
            id,
            text,
            about,
            run,
        }
    }

    /// Its group, whose name the id begins with.
    fn group(&self) -> &'static str {
        self.id.split_once('-').map_or(self.id, |(group, _)| group)
    }
}

/// What one who wants to understand a claim has to know besides.
struct About {
    /// The sentence of the text that the claim is from, or of the documentation.
    quote: &'static str,
    /// Which text that is, and which section of it.
    section: &'static str,
    /// What this kernel does, and since when; of a rebuilt mechanism, how it was rebuilt.
    today: &'static str,
    /// The functions, of this kernel or of this library, that do it.
    functions: &'static str,
    /// What the control does differently.
    control: &'static str,
    /// What to try next.
    next: &'static str,
}

/// The claims of a group: the index of their ids, files and statements.
///
/// ```ignore
/// claims! {
///     "OLD-02", one_at_a_time, "only one bottom half runs at a time, in the whole system";
/// }
/// ```
macro_rules! claims {
    ($($id:literal, $name:ident, $text:literal;)*) => {
        $(mod $name;)*

        /// The claims of this group.
        pub(super) const CLAIMS: &[$crate::claim::Claim] = &[$(
            $crate::claim::Claim::new($id, $text, &$name::ABOUT, $name::run),
        )*];
    };
}
use claims;

/// What there is to know of the claim of this file, beside its `run`. All parts are
/// those of [`About`].
macro_rules! claim {
    ($($part:ident: $words:expr,)*) => {
        pub(super) const ABOUT: $crate::claim::About = $crate::claim::About { $($part: $words,)* };
    };
}
use claim;

/// Refuses with the verdict that this machine cannot show it, or not now, and why. What may pass has one of the
/// other [obstacles](crate::refusal::Obstacle) before the reason, as in `skip!(Busy: "it came late")`.
macro_rules! skip {
    ($obstacle:ident: $($reason:tt)*) => {
        return Err($crate::refusal::Refusal::skip(
            $crate::refusal::Obstacle::$obstacle,
            ::kernel::prelude::fmt!($($reason)*),
        ))
    };
    ($($reason:tt)*) => {
        $crate::claim::skip!(Machine: $($reason)*)
    };
}
pub(crate) use skip;

/// The verdict for what the user has not allowed, which does `what`.
macro_rules! skip_dangerous {
    ($trial:expr, $id:literal, $what:literal) => {
        if !$trial.may_endanger() {
            $crate::claim::skip!(
                "{}: see it by make shell PARAMS=dangerous=1, then echo {} > claims",
                $what,
                $id
            );
        }
    };
}
use skip_dangerous;

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
        let mut none = KVec::with_capacity(all().count(), GFP_KERNEL)?;
        for _ in all() {
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
        let mut named = KVec::new();
        for (index, claim) in all().enumerate() {
            let names = ["all", claim.id, claim.group()];
            if names.iter().any(|name| name.eq_ignore_ascii_case(which)) {
                named.push((index, claim), GFP_KERNEL)?;
            }
        }
        if named.is_empty() {
            refuse!(ENODEV, "no claim or group '{}'", which);
        }
        let experiment = lab.begin(fmt!("claims"))?;
        let hotplug = HotplugCounter::new(task)?;
        // Experiments rely on where a line arrives, whatever was asked for before.
        let _everywhere = lab.lines.everywhere()?;
        let nr_named = named.len() as u64;
        for (&(index, claim), step) in named.iter().zip(1..) {
            experiment.step(step, nr_named, fmt!("{}", claim.id));
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted before {}", claim.id);
            }
            let trial = Trial::new(lab, task, variant);
            let nr_changes = hotplug.count(task);
            let nr_removed = lab.lines.nr_removed();
            let before = lab.lines.nr_interrupts()?;
            let mut evidence = Evidence::new();
            let answer = (claim.run)(&trial, &mut evidence);
            let finding = evidence.into_finding(answer)?;
            let finding = if finding.verdict != Verdict::Fails {
                finding
            } else if let Some((irq, count)) = stuck(&before, &lab.lines.nr_interrupts()?) {
                // Before what may be true as well, and has not stopped a line.
                finding.excused(fmt!(
                    "line {irq} is stuck: {count} interrupts meanwhile, for which the kernel disables it"
                ))?
            } else if hotplug.count(task) != nr_changes && !trial.is_moving_cpus() {
                // Experiments choose CPUs, and count on all of them.
                finding.excused(fmt!("a CPU went offline or came online meanwhile"))?
            } else if lab.lines.nr_removed() != nr_removed {
                finding.excused(fmt!("a device was unbound meanwhile"))?
            } else if task.is_interrupted() {
                finding.excused(fmt!("a signal came meanwhile"))?
            } else if trial.is_misled_by_clock() {
                finding.excused(fmt!(
                    "the kernel does not trust the TSC, and its clock stood still"
                ))?
            } else {
                finding
            };
            trace::note(|| trace::Verdict {
                id: claim.id,
                verdict: finding.verdict.name(),
                is_control: variant == Variant::Control,
            });
            self.results.lock()[index] = Some(Outcome { variant, finding });
        }
        Ok(())
    }

    /// How many bytes the evidence takes.
    pub(crate) fn nr_bytes(&self) -> usize {
        let results = self.results.lock();
        let of_outcome = |outcome: &Outcome| outcome.finding.evidence.nr_bytes();
        let evidence = results.iter().flatten().map(of_outcome).sum::<usize>();
        evidence + results.capacity() * size_of::<Option<Outcome>>()
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# holds: the experiment showed it. outdated: this kernel does something else, "
        )?;
        emit!(
            text,
            "which the evidence tells.\n# skip: it could not be shown here, and why; behind 'the machine is too busy:', \
             'missed:' or 'the clock is too coarse:', what may pass. "
        )?;
        emit!(
            text,
            "fails: the lab or the kernel is at fault. -: not tried yet.\n"
        )?;
        emit!(text, "#id verdict \"statement\" evidence\n")?;
        let results = self.results.lock();
        let mut results = results.iter();
        for group in GROUPS {
            let name = group.claims.first().map_or("", Claim::group);
            emit!(text, "# {}: {}\n", name, group.title)?;
            for (claim, outcome) in group.claims.iter().zip(results.by_ref()) {
                let verdict = Outcome::verdict(outcome);
                emit!(text, "{:<8} {:<8} \"{}\"", claim.id, verdict, claim.text)?;
                Outcome::show(outcome, claim, text)?;
                emit!(text, "\n")?;
            }
        }
        Ok(())
    }

    /// What there is to know of the claim `info` is about, and what came of its last trial.
    pub(crate) fn explain(&self, info: &Info, text: &mut Text) -> Result {
        let Info { index, claim } = info;
        let about = claim.about;
        emit!(text, "{}: {}\n\n", claim.id, claim.text)?;
        for (what, words) in [
            ("The text says", about.quote),
            ("Where", about.section),
            ("Here", about.today),
            ("Functions", about.functions),
            ("The control", about.control),
            ("Try next", about.next),
        ] {
            emit!(text, "{:<14} {}\n", what, words)?;
        }
        let results = self.results.lock();
        let outcome = results.get(*index).ok_or(EINVAL)?;
        emit!(text, "{:<14} {}", "Last result", Outcome::verdict(outcome))?;
        Outcome::show(outcome, claim, text)?;
        // The empty line is for those who read several.
        emit!(text, "\n\n")
    }
}

impl Outcome {
    fn verdict(this: &Option<Self>) -> &'static str {
        this.as_ref()
            .map_or("-", |outcome| outcome.finding.verdict.name())
    }

    /// Appends the evidence; of a control, after what that did.
    fn show(this: &Option<Self>, claim: &Claim, text: &mut Text) -> Result {
        let Some(Self { variant, finding }) = this else {
            return Ok(());
        };
        if *variant == Variant::Control {
            emit!(text, " [control: {}]", claim.about.control)?;
        }
        emit!(text, " {}", finding.evidence)
    }
}

/// What to look up of each claim.
pub(crate) fn infos() -> impl Iterator<Item = Info> {
    all()
        .enumerate()
        .map(|(index, claim)| Info { index, claim })
}

/// A claim to be [explained](Claims::explain).
pub(crate) struct Info {
    /// The place in [`all`].
    index: usize,
    claim: &'static Claim,
}

impl Info {
    pub(crate) fn id(&self) -> &'static str {
        self.claim.id
    }
}
