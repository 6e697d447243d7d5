// SPDX-License-Identifier: GPL-2.0

//! Random operations on all slots of old bottom halves: first one after the other, with all that
//! the model says of each; then from all CPUs at once, with what has to be so however they mix.

use crate::{
    nr_operations,
    old_bh_model::{
        Answer,
        Chance,
        Operation,
        Slot as Model, //
    }, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq,
        Task, //
    },
    cpu,
    interrupt::local_interrupt_disable,
    old_bh::{
        BottomHalves,
        Disabled,
        Routine,
        Slot,
        NR_SLOTS, //
    },
    workqueue::Queue, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc,
        Mutex, //
    },
};

/// Which part of the operations is carried out one after the other, waiting for each.
const PART_ALONE: u32 = 50;

/// What the slots of a set have in common.
struct Shared {
    set: Arc<BottomHalves>,
    nr_inside: Atomic<u32>,
    /// How often two ran at a time; one ran while it was disabled, or after it was removed; a mark
    /// was lost; something was answered differently than the model says.
    nr_overlaps: Atomic<u32>,
    nr_forbidden: Atomic<u32>,
    nr_late: Atomic<u32>,
    nr_lost: Atomic<u32>,
    nr_contradictions: Atomic<u32>,
}

/// What is known of the marks of a slot. Each has a ticket.
struct Marks {
    /// The last ticket that was drawn, and the highest whose mark was made.
    drawn: Atomic<u64>,
    made: Atomic<u64>,
    /// The highest that had been drawn when a routine began: those marks are served.
    served: Atomic<u64>,
    is_disabled: Atomic<bool>,
}

/// Raises a number to at least `value`.
fn raise(number: &Atomic<u64>, value: u64) {
    let mut old = number.load(Relaxed);
    while old < value {
        match number.cmpxchg(old, value, Full) {
            Ok(_) => return,
            Err(other) => old = other,
        }
    }
}

/// The routine of one owner of a slot.
struct Owner {
    shared: Arc<Shared>,
    marks: Arc<Marks>,
    is_gone: Atomic<bool>,
}

impl Routine for Owner {
    fn run(&self, _softirq: &SoftIrq) {
        let shared = &self.shared;
        if shared.nr_inside.fetch_add(1, Full) > 0 {
            shared.nr_overlaps.add(1, Relaxed);
        }
        if self.marks.is_disabled.load(Acquire) {
            shared.nr_forbidden.add(1, Relaxed);
        }
        if self.is_gone.load(Acquire) {
            shared.nr_late.add(1, Relaxed);
        }
        raise(&self.marks.served, self.marks.drawn.load(Acquire));
        clock::spin_ns(2_000);
        shared.nr_inside.fetch_sub(1, Full);
    }
}

/// A slot under test.
struct Subject {
    number: u32,
    shared: Arc<Shared>,
    marks: Arc<Marks>,
    model: Model,
    /// Ticket of the last mark that may have come before the owner.
    before: u64,
    owner: Option<(Arc<Owner>, Arc<Slot>)>,
    disabled: KVec<Disabled>,
}

impl Subject {
    fn new(number: u32, shared: &Arc<Shared>) -> Result<Self> {
        let marks = Marks {
            drawn: Atomic::new(0),
            made: Atomic::new(0),
            served: Atomic::new(0),
            is_disabled: Atomic::new(false),
        };
        Ok(Self {
            number,
            shared: shared.clone(),
            marks: Arc::new(marks, GFP_KERNEL)?,
            model: Model::default(),
            before: 0,
            owner: None,
            disabled: KVec::new(),
        })
    }

    /// Does it, unless it is a mark, and compares the answer.
    fn apply(&mut self, operation: Operation, task: &Task) -> Result {
        let expected = self.model.apply(operation);
        let answer = match operation {
            Operation::Init => self.init(task)?,
            Operation::Remove if !self.disabled.is_empty() => Answer::Busy,
            Operation::Remove => self.remove(),
            Operation::Mark => Answer::Done,
            Operation::Disable => match &self.owner {
                None => Answer::Nothing,
                Some(_) if self.disabled.len() == Model::MAX_DISABLED as usize => Answer::Busy,
                Some((_, slot)) => {
                    self.disabled.push(slot.disable(task), GFP_KERNEL)?;
                    self.marks.is_disabled.store(true, Release);
                    Answer::Done
                }
            },
            Operation::Enable => {
                if self.disabled.len() == 1 {
                    self.marks.is_disabled.store(false, Release);
                }
                self.disabled
                    .pop()
                    .map_or(Answer::Nothing, |_| Answer::Done)
            }
        };
        let state = self.shared.set.state(self.number)?;
        if answer != expected
            || state.is_taken != self.model.is_taken()
            || state.nr_disabled as usize != self.disabled.len()
            || (state.nr_disabled > 0) != self.model.is_disabled()
        {
            self.shared.nr_contradictions.add(1, Relaxed);
        }
        Ok(())
    }

    fn init(&mut self, task: &Task) -> Result<Answer> {
        let owner = Owner {
            shared: self.shared.clone(),
            marks: self.marks.clone(),
            is_gone: Atomic::new(false),
        };
        let owner = Arc::new(owner, GFP_KERNEL)?;
        match self.shared.set.init(self.number, owner.clone(), task) {
            Ok(slot) => {
                self.before = self.marks.drawn.load(Acquire);
                self.owner = Some((owner, Arc::new(slot, GFP_KERNEL)?));
                Ok(Answer::Done)
            }
            Err(EBUSY) => Ok(Answer::Busy),
            Err(error) => Err(error),
        }
    }

    /// What was marked before has to have run then.
    fn remove(&mut self) -> Answer {
        let Some((owner, slot)) = self.owner.take() else {
            return Answer::Nothing;
        };
        let made = self.marks.made.load(Acquire);
        drop(slot);
        owner.is_gone.store(true, Release);
        if made > self.before && self.marks.served.load(Acquire) < made {
            self.shared.nr_lost.add(1, Relaxed);
        }
        Answer::Done
    }
}

/// Marks a slot some times, before it can run on this CPU.
fn mark(set: &BottomHalves, number: u32, marks: &Marks, times: u64, task: &Task) -> Result {
    // On PREEMPT_RT the first does not keep other tasks from serving the soft IRQ.
    let _guard = BottomHalvesDisabled::new(task);
    let _off = local_interrupt_disable();
    for _ in 0..times {
        let ticket = marks.drawn.fetch_add(1, Full) + 1;
        set.mark(number)?;
        raise(&marks.made, ticket);
    }
    Ok(())
}

/// Waits until nothing can run that is marked. Returns whether that came.
fn is_at_rest(set: &BottomHalves, number: u32, task: &Task) -> Result<bool> {
    let start_ns = clock::now_ns();
    loop {
        let state = set.state(number)?;
        if !state.is_marked || state.nr_disabled > 0 {
            return Ok(true);
        }
        if clock::now_ns().wrapping_sub(start_ns) > 5_000_000_000 {
            return Ok(false);
        }
        task.sleep_us(20, 20);
    }
}

/// One operation after the other: the counts have to be those of the model after each.
fn try_alone(shared: &Arc<Shared>, task: &Task) -> Result<bool> {
    let mut subjects = KVec::new();
    for number in 0..NR_SLOTS {
        subjects.push(Subject::new(number, shared)?, GFP_KERNEL)?;
    }
    let mut chance = Chance::new(1);
    for done in 0..nr_operations() / PART_ALONE {
        let subject = &mut subjects[chance.below(NR_SLOTS.into()) as usize];
        let operation = chance.operation();
        if operation == Operation::Mark {
            let times = 1 + chance.below(4);
            mark(&shared.set, subject.number, &subject.marks, times, task)?;
        }
        subject.apply(operation, task)?;
        subject.model.settle();
        let is_at_rest = is_at_rest(&shared.set, subject.number, task)?;
        // The turn has been counted before the routine ends, and the mark was taken before that.
        let is_so = || -> Result<bool> {
            let state = shared.set.state(subject.number)?;
            Ok(state.nr_runs == subject.model.nr_runs
                && state.nr_empty == subject.model.nr_empty
                && state.is_marked == subject.model.is_marked())
        };
        let start_ns = clock::now_ns();
        while !is_so()? && clock::now_ns().wrapping_sub(start_ns) < 1_000_000_000 {
            task.sleep_us(20, 20);
        }
        if !is_at_rest || !is_so()? || task.is_interrupted() {
            pr_info!(
                "operation {}, {:?} of slot {}: {:?}, but the model is {:?}\n",
                done,
                operation,
                subject.number,
                shared.set.state(subject.number)?,
                subject.model
            );
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes slots that were marked just before on this CPU, whose turn comes as soon as it can. Returns
/// whether each had one turn, with a routine or without.
fn try_marked(shared: &Arc<Shared>, task: &Task) -> Result<bool> {
    const ROUNDS: u64 = 100;

    let mut subjects = KVec::new();
    for number in 0..NR_SLOTS {
        subjects.push(Subject::new(number, shared)?, GFP_KERNEL)?;
    }
    let mut is_so = true;
    for round in 1..=ROUNDS {
        for subject in &mut subjects {
            shared.set.mark(subject.number)?;
            subject.apply(Operation::Init, task)?;
            subject.apply(Operation::Remove, task)?;
            is_so &= is_at_rest(&shared.set, subject.number, task)?;
            let state = shared.set.state(subject.number)?;
            is_so &= state.nr_runs + state.nr_empty == round;
        }
    }
    Ok(is_so)
}

/// From all CPUs at once. Returns how many operations there were.
fn try_together(shared: &Arc<Shared>, workers: &Queue<Task>, task: &Task) -> Result<u32> {
    let mut subjects = KVec::new();
    let mut all_marks = KVec::new();
    for number in 0..NR_SLOTS {
        let subject = Subject::new(number, shared)?;
        all_marks.push(subject.marks.clone(), GFP_KERNEL)?;
        let subject = KBox::pin_init(new_mutex!(subject, "old_bh::Subject"), GFP_KERNEL)?;
        subjects.push(subject, GFP_KERNEL)?;
    }
    let nr_done = Atomic::new(0u32);
    let error = Atomic::new(0i32);
    let nr_each = nr_operations().div_ceil(cpu::online().count() as u32);
    cpu::run_on(workers, cpu::online(), task, |here| {
        let mut chance = Chance::new(2 + u64::from(here.cpu.as_u32()));
        for _ in 0..nr_each {
            let number = chance.below(NR_SLOTS.into()) as u32;
            let done = match chance.operation() {
                Operation::Mark => {
                    let times = 1 + chance.below(2);
                    mark(
                        &shared.set,
                        number,
                        &all_marks[number as usize],
                        times,
                        here.task,
                    )
                }
                operation => {
                    let subject: Pin<&Mutex<Subject>> = subjects[number as usize].as_ref();
                    let done = subject.lock().apply(operation, here.task);
                    done
                }
            };
            if let Err(errno) = done {
                error.store(errno.to_errno(), Relaxed);
            }
            if here.is_stopped() || error.load(Relaxed) != 0 {
                return;
            }
            nr_done.add(1, Relaxed);
            here.task.yield_if_needed();
        }
    })?;
    if error.load(Relaxed) != 0 {
        return Err(Error::from_errno(error.load(Relaxed)));
    }
    // All come to rest: enabled and removed.
    for subject in &subjects {
        let mut subject = subject.lock();
        while !subject.disabled.is_empty() {
            subject.apply(Operation::Enable, task)?;
        }
        if subject.owner.is_some() {
            subject.apply(Operation::Remove, task)?;
        }
    }
    Ok(nr_done.load(Relaxed))
}

fn shared() -> Result<Arc<Shared>> {
    let shared = Shared {
        set: BottomHalves::new()?,
        nr_inside: Atomic::new(0),
        nr_overlaps: Atomic::new(0),
        nr_forbidden: Atomic::new(0),
        nr_late: Atomic::new(0),
        nr_lost: Atomic::new(0),
        nr_contradictions: Atomic::new(0),
    };
    Ok(Arc::new(shared, GFP_KERNEL)?)
}

/// All tests. Returns how many failed.
pub(crate) fn try_all(workers: &Queue<Task>, task: &Task) -> Result<u32> {
    let mut nr_failed = 0;
    let mut report = |test: &str, is_ok: bool| {
        let result = if is_ok { "ok" } else { "not ok" };
        pr_info!("{} - old bottom halves: {}\n", result, test);
        nr_failed += u32::from(!is_ok);
    };

    let alone = shared()?;
    let is_ok = try_alone(&alone, task)?;
    report("one after the other, as the model says", is_ok);

    report("taken just after a mark", try_marked(&shared()?, task)?);

    let shared = shared()?;
    let nr_done = try_together(&shared, workers, task)?;
    report("operations from all CPUs", nr_done >= nr_operations());
    let mut is_stuck = false;
    let (mut nr_marks, mut nr_turns, mut nr_runs) = (0, 0, 0);
    for number in 0..NR_SLOTS {
        is_stuck |= !is_at_rest(&shared.set, number, task)?;
        let state = shared.set.state(number)?;
        is_stuck |= state.is_taken || state.nr_disabled > 0 || state.is_marked;
        nr_marks += state.nr_marks;
        nr_runs += state.nr_runs;
        nr_turns += state.nr_runs + state.nr_empty;
    }
    pr_info!(
        "{} marks, {} runs, {} empty turns\n",
        nr_marks,
        nr_runs,
        nr_turns - nr_runs
    );
    let never = |count: &Atomic<u32>| count.load(Relaxed) == 0;
    report("answered as the model", never(&shared.nr_contradictions));
    report(
        "never two at a time",
        nr_runs > 0 && never(&shared.nr_overlaps),
    );
    report("never while disabled", never(&shared.nr_forbidden));
    report("never after the removal", never(&shared.nr_late));
    report("no mark lost", never(&shared.nr_lost));
    report("no run without a mark", nr_turns <= nr_marks);
    report("none stuck", !is_stuck);
    Ok(nr_failed)
}
