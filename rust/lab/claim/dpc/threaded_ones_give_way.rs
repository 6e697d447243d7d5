// SPDX-License-Identifier: GPL-2.0

//! A threaded DPC runs in a thread, in the middle of which ordinary DPCs run; and with threads
//! switched off, it is one of them.

use super::probe::{
    probe,
    system,
    Boxed,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::{
        Kind,
        Snapshot,
        Unsleeping, //
    },
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Ordinary,
        Parameters,
        Threaded, //
    },
    new_raw_spinlock,
    raw_spinlock::RawSpinLock, //
};
use kernel::sync::Arc;

claim! {
    quote: "Conversely, a threaded DPC can be preempted by an ordinary DPC, but not by other threads.",
    section: "Windows driver documentation, Introduction to Threaded DPCs",
    today: "rebuilt with a thread for each CPU; on PREEMPT_RT an ordinary DPC is a thread's, too, and has to wait for its turn",
    functions: "dpc::Threaded, kthread_worker_fn(), KeInitializeThreadedDpc, ThreadDpcEnable",
    control: "the DPC that it should give way to is threaded",
    next: "echo threaded=0 > dpc/parameters; echo 5 > deferral/dpc_threaded/schedule; cat deferral/dpc_threaded/context; echo default > dpc/parameters",
}

/// How long the threaded one waits for the other one.
const PATIENCE_NS: u64 = 50_000_000;

/// The other DPC, of the variant's kind.
enum Other {
    Ordinary(Boxed<Ordinary>),
    Threaded(Boxed<Threaded>),
}

/// The threaded DPC, which queues another one and waits for it.
#[pin_data]
struct Outer {
    other: Other,
    journal: Arc<Journal>,
    #[pin]
    seen: RawSpinLock<Seen>,
}

/// What it saw in each run.
#[derive(Clone, Copy, Default)]
struct Seen {
    nr_runs: usize,
    last: Option<Snapshot>,
    /// How many other ones had run when it ended.
    nr_inside: usize,
}

impl Handler for Outer {
    type Kind = Threaded;

    fn run(this: &Dpc<Self>, _arguments: Arguments, _context: &Unsleeping) {
        let at = Snapshot::take();
        let before = this.journal.len();
        let is_threaded = at.kind() == Kind::Task;
        if is_threaded {
            match &this.other {
                Other::Ordinary(dpc) => dpc.insert(Arguments::default()),
                Other::Threaded(dpc) => dpc.insert(Arguments::default()),
            };
            clock::spin_until(PATIENCE_NS, || this.journal.len() > before);
        }
        let nr_inside = this.journal.len() - before;
        this.seen.with(|seen, _off| {
            seen.nr_runs += 1;
            seen.last = Some(at);
            seen.nr_inside = nr_inside;
        });
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let system = system(ONLY_INSERTIONS)?;
    let journal = Journal::new()?;
    let other = if trial.is_control() {
        Other::Threaded(probe(&system, &journal, 't')?)
    } else {
        Other::Ordinary(probe(&system, &journal, 'o')?)
    };
    let outer = try_pin_init!(Outer {
        other,
        journal: journal.clone(),
        seen <- new_raw_spinlock!(Seen::default()),
    }? Error);
    let dpc = KBox::pin_init(Dpc::new(&system, outer), GFP_KERNEL)?;
    let seen = || dpc.seen.with(|seen, _off| *seen);

    dpc.insert(Arguments::default());
    trial.come("a threaded DPC", || seen().nr_runs == 1)?;
    let first = seen();
    let (kind, comm) = first
        .last
        .map_or((Kind::Nmi, "?"), |at| (at.kind(), thread_of(&at)));
    evidence.check(
        kind == Kind::Task && comm == THREAD,
        fmt!("a threaded DPC ran in {kind} context, in the thread {comm}"),
    )?;
    trial.come("the other DPC", || dpc.journal.len() > 0)?;
    if first.nr_inside == 0 && had_to_wait(&dpc.journal) {
        // PREEMPT_RT, or threadirqs: a thread with a real-time priority keeps it waiting.
        skip!(
            "this kernel forces threading: the ordinary DPC had to wait for a thread for soft IRQs"
        );
    }
    let executor = dpc.journal.get(0).map(|run| run.at);
    let executor = executor.as_ref().map_or("nobody", |at| at.comm());
    evidence.check(
        first.nr_inside == 1,
        fmt!(
            "{} of 1 other DPC ran before it ended, over {executor}",
            first.nr_inside
        ),
    )?;

    system.set_parameters(Parameters {
        threaded: false,
        ..ONLY_INSERTIONS
    });
    dpc.insert(Arguments::default());
    trial.come("a threaded DPC", || seen().nr_runs == 2)?;
    let kind = seen().last.map_or(Kind::Nmi, |at| at.kind());
    evidence.check(
        seen().nr_runs == 2 && kind == Kind::SoftIrq,
        fmt!("with threads switched off it ran in {kind} context"),
    )?;
    evidence.holds()
}

/// Whether it was a thread for soft IRQs that ran the first DPC of a journal.
fn had_to_wait(journal: &Journal) -> bool {
    let first = journal.get(0);
    let is_thread = |at: &Snapshot| {
        let threads = ["ksoftirqd/", "ktimers/"];
        threads.iter().any(|name| at.comm().starts_with(name))
    };
    first.is_some_and(|run| is_thread(&run.at))
}

/// The name of a CPU's thread for threaded DPCs, without the CPU.
const THREAD: &str = "irqlab_dpc";

/// Which of the threads it was.
fn thread_of(at: &Snapshot) -> &'static str {
    if at.comm().starts_with(THREAD) {
        THREAD
    } else {
        "of somebody else"
    }
}
