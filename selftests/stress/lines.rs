// SPDX-License-Identifier: GPL-2.0

//! Lines of an interrupt controller of the library's, sent interrupts from everywhere.
//!
//! None may be lost: whoever sends counts first, and the handler notes how far the count
//! was. When all is quiet it must have seen the last. It may never run twice at a time,
//! nor anywhere but in a hard IRQ.

use irqlab::{
    clock,
    context::{
        HardIrq,
        Kind,
        Snapshot,
        Task, //
    },
    cpu::{
        self,
        CpuId, //
    },
    irq::{
        Affinity,
        Handler,
        IrqReturn,
        Registration,
        Sharing, //
    },
    irq_chip::{
        Domain,
        Flow,
        Line,
        Transparent, //
    },
    nmi::Sender,
    workqueue::Queue,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// What is known of one line.
struct Seen {
    /// What was sent, counted before it is.
    sent: Atomic<u64>,
    /// How far that was when the handler last began.
    last: Atomic<u64>,
    runs: Atomic<u64>,
    inside: Atomic<u64>,
    overlaps: Atomic<u64>,
    /// Runs elsewhere than in a hard IRQ.
    misplaced: Atomic<u64>,
}

struct Noting(Arc<Seen>);

impl Handler for Noting {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        let seen = &self.0;
        if seen.inside.fetch_add(1, Full) != 0 {
            seen.overlaps.add(1, Relaxed);
        }
        if Snapshot::take().kind() != Kind::HardIrq {
            seen.misplaced.add(1, Relaxed);
        }
        let sent = seen.sent.load(Relaxed);
        seen.last.store(sent, Relaxed);
        seen.runs.add(1, Relaxed);
        // Time for others to send meanwhile.
        clock::spin_ns(2000);
        seen.inside.fetch_sub(1, Full);
        IrqReturn::Handled
    }
}

/// A line with its handler.
struct Subject {
    seen: Arc<Seen>,
    registration: Arc<Registration<Noting>>,
    line: Line<Transparent>,
}

impl Subject {
    fn new(line: Line<Transparent>) -> Result<Self> {
        let seen = Seen {
            sent: Atomic::new(0),
            last: Atomic::new(0),
            runs: Atomic::new(0),
            inside: Atomic::new(0),
            overlaps: Atomic::new(0),
            misplaced: Atomic::new(0),
        };
        let seen = Arc::new(seen, GFP_KERNEL)?;
        let noting = Noting(seen.clone());
        let registration = line
            .line()
            .request(Sharing::Exclusive, c"irqlab_stress", Ok(noting))?;
        Ok(Self {
            seen,
            registration,
            line,
        })
    }

    fn send(&self) -> Result {
        self.seen.sent.fetch_add(1, Full);
        self.line.send()
    }

    /// Whether, within two seconds, all that was sent has been seen, and in the right way.
    fn is_done(&self, task: &Task) -> bool {
        let seen = &self.seen;
        let start_ns = clock::now_ns();
        while seen.last.load(Relaxed) != seen.sent.load(Relaxed) {
            if clock::now_ns().wrapping_sub(start_ns) > 2_000_000_000 {
                return false;
            }
            task.sleep_ms(1);
        }
        if self.line.line().synchronize(task).is_err() {
            return false;
        }
        seen.runs.load(Relaxed) <= seen.sent.load(Relaxed)
            && seen.overlaps.load(Relaxed) == 0
            && seen.misplaced.load(Relaxed) == 0
    }
}

fn line() -> Result<Line<Transparent>> {
    Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)
}

/// All tests. Calls `report` with the name of each, and whether it passed.
pub(crate) fn try_all(
    workers: &Queue<Task>,
    task: &Task,
    mut report: impl FnMut(&str, bool),
) -> Result {
    let unrequested = line()?;
    let is_refused =
        unrequested.send() == Err(ENXIO) && unrequested.line().set_pending() == Err(ENXIO);
    let subject = Subject::new(unrequested)?;
    task.sleep_ms(10);
    let runs = subject.seen.runs.load(Relaxed);
    report("refused without a handler", is_refused && runs == 0);

    report("sent by all CPUs", sent_by_all(&subject, workers, task)?);
    report("sent to each CPU", sent_to_each(&subject, workers, task)?);
    report("moved meanwhile", moved_meanwhile(&subject, workers, task)?);
    report("sent in an NMI", sent_in_nmi(&subject, task)?);
    report("a second sender of NMIs refused", second_sender(task)?);
    report("disabled", disabled(&subject, workers, task)?);

    let mut is_ok = true;
    for _ in 0..8 {
        is_ok &= freed_meanwhile(workers, task)?;
    }
    report("freed meanwhile", is_ok);
    Ok(())
}

const COUNT: u32 = 1000;

fn sent_by_all(subject: &Subject, workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let nr_refused = Atomic::new(0u64);
    cpu::run_on(workers, cpu::online(), task, |_| {
        for _ in 0..COUNT {
            nr_refused.add(u64::from(subject.send().is_err()), Relaxed);
        }
    })?;
    Ok(subject.is_done(task) && nr_refused.load(Relaxed) == 0)
}

/// From all CPUs to one: by the kernel's count, it is that one which is interrupted.
fn sent_to_each(subject: &Subject, workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let line = subject.line.line();
    let affinity = Affinity::new(line)?;
    let elsewhere = |here: CpuId| -> Result<(usize, usize)> {
        let all = line.nr_interrupts()?;
        let on_it = line.nr_interrupts_on(here)?;
        Ok((on_it, all - on_it))
    };
    let mut is_ok = true;
    for here in cpu::online() {
        affinity.set(core::iter::once(here))?;
        is_ok &= subject.is_done(task);
        let before = elsewhere(here)?;
        for from in cpu::online() {
            cpu::run_on(workers, core::iter::once(from), task, |_| {
                let _ = subject.send();
            })?;
            is_ok &= subject.is_done(task);
        }
        let after = elsewhere(here)?;
        let effective = affinity.effective()?;
        is_ok &= after.0 > before.0 && after.1 == before.1;
        is_ok &= effective.test(here) && effective.weight() == 1;
    }
    Ok(is_ok)
}

/// One CPU moves the line while the others send.
fn moved_meanwhile(subject: &Subject, workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let line = subject.line.line();
    let _affinity = Affinity::new(line)?;
    let mover = cpu::online().next();
    cpu::run_on(workers, cpu::online(), task, |here| {
        for round in 0..COUNT {
            let target = cpu::online().nth(round as usize % 2);
            if let (true, Some(target)) = (mover == Some(here.cpu), target) {
                let _ = line.set_affinity(target);
            }
            let _ = subject.send();
        }
    })?;
    Ok(subject.is_done(task))
}

fn sent_in_nmi(subject: &Subject, task: &Task) -> Result<bool> {
    let sender = Sender::new(task)?;
    let nr_sent = Atomic::new(0u64);
    for _ in 0..10 {
        sender.call_here(&|_interrupted| {
            nr_sent.add(u64::from(subject.send().is_ok()), Relaxed);
        })?;
    }
    Ok(subject.is_done(task) && nr_sent.load(Relaxed) == 10)
}

/// There is one sender at a time.
fn second_sender(task: &Task) -> Result<bool> {
    let sender = Sender::new(task)?;
    let is_refused = matches!(Sender::new(task), Err(EBUSY));
    drop(sender);
    Ok(is_refused && Sender::new(task).is_ok())
}

/// Nothing runs while the line is disabled, and one does afterwards.
fn disabled(subject: &Subject, workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let mut is_ok = true;
    for _ in 0..20 {
        let runs = subject.seen.runs.load(Relaxed);
        let disabled = subject.registration.disable(task)?;
        cpu::run_on(workers, cpu::online(), task, |_| {
            for _ in 0..5 {
                let _ = subject.send();
            }
        })?;
        is_ok &= subject.seen.runs.load(Relaxed) == runs;
        drop(disabled);
        is_ok &= subject.is_done(task);
        // A second one would be here by now, as the CPU interrupts itself at once.
        task.sleep_ms(1);
        is_ok &= subject.seen.runs.load(Relaxed) == runs + 1;
    }
    Ok(is_ok)
}

/// One CPU frees the handler while the others send. Nothing runs afterwards.
fn freed_meanwhile(workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let Subject {
        seen,
        registration,
        line,
    } = Subject::new(line()?)?;
    let registration = new_mutex!(Some(registration), "registration");
    let registration = KBox::pin_init(registration, GFP_KERNEL)?;
    let runs = Atomic::new(0u64);
    let freer = cpu::online().next();
    cpu::run_on(workers, cpu::online(), task, |here| {
        for round in 0..COUNT {
            if freer == Some(here.cpu) && round == COUNT / 10 {
                drop(registration.lock().take());
                runs.store(seen.runs.load(Relaxed), Relaxed);
            }
            let _ = line.send();
        }
    })?;
    Ok(seen.inside.load(Relaxed) == 0
        && seen.runs.load(Relaxed) == runs.load(Relaxed)
        && line.send() == Err(ENXIO))
}
