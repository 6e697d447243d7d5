// SPDX-License-Identifier: GPL-2.0

//! What an experiment works with.

use super::skip;
use crate::{
    laboratory::Lab,
    line::{
        Group,
        Line, //
    },
    record::Record,
    refusal::{
        refuse,
        Answer, //
    },
};
use core::cell::Cell;
use irqlab::{
    clock,
    completion::Waited,
    context::Task,
    cpu::{
        self,
        CpuId, //
    },
    task, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::msecs_to_jiffies, //
};

/// Which variant of an experiment to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The real one.
    Experiment,
    /// The one that must fail.
    Control,
}

/// How long what an experiment waits for may take; and how long it is waited for, to tell what comes late
/// from what does not come.
const PATIENCE_MS: u32 = 2000;
const MORE_MS: u32 = 10_000;

/// What an experiment works with.
pub(crate) struct Trial<'a> {
    pub(super) lab: &'a Lab,
    pub(crate) task: &'a Task,
    variant: Variant,
    judges_by_clock: Cell<bool>,
    moves_cpus: Cell<bool>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(lab: &'a Lab, task: &'a Task, variant: Variant) -> Self {
        Self {
            lab,
            task,
            variant,
            judges_by_clock: Cell::new(false),
            moves_cpus: Cell::new(false),
        }
    }

    pub(crate) fn lab(&self) -> &Lab {
        self.lab
    }

    pub(super) fn is_control(&self) -> bool {
        self.variant == Variant::Control
    }

    /// One of two, as the variant is.
    pub(super) fn pick<T>(&self, experiment: T, control: T) -> T {
        match self.variant {
            Variant::Experiment => experiment,
            Variant::Control => control,
        }
    }

    /// The first `N` CPUs that are online now. Any of them may be gone the next moment.
    ///
    /// Refusals: a skip if there are fewer.
    pub(super) fn cpus<const N: usize>(&self) -> Answer<[CpuId; N]> {
        let mut cpus = [CpuId::current(); N];
        let mut nr_online = 0;
        for (place, cpu) in cpus.iter_mut().zip(cpu::online()) {
            *place = cpu;
            nr_online += 1;
        }
        if nr_online < N {
            skip!("it takes {} CPUs, and {} are online", N, nr_online);
        }
        Ok(cpus)
    }

    /// To be called by an experiment that touches user memory of its own, and counts on finding it as it has
    /// made it.
    ///
    /// Refusals: a skip if the task locks its memory, or others share it.
    pub(super) fn own_user_memory(&self) -> Answer {
        if task::locks_memory(self.task) {
            skip!("this task locks its memory (mlockall): its pages are there before they are touched");
        }
        if task::nr_threads(self.task) > 1 {
            skip!("this program has several threads, which share its memory: write from one that has not");
        }
        Ok(())
    }

    /// To be called by an experiment that compares times: where the clock stands still now and then, a
    /// failure of it shows nothing.
    pub(super) fn judge_by_clock(&self) {
        self.judges_by_clock.set(true);
    }

    /// Whether the experiment compared times of a clock that stands still now and then.
    pub(super) fn is_misled_by_clock(&self) -> bool {
        self.judges_by_clock.get() && !clock::is_steady()
    }

    /// To be called by an experiment that takes a CPU offline or brings one online: that one did so is
    /// no excuse for a failure of it.
    pub(super) fn move_cpus(&self) {
        self.moves_cpus.set(true);
    }

    /// Whether the experiment takes CPUs offline or brings them online.
    pub(super) fn is_moving_cpus(&self) -> bool {
        self.moves_cpus.get()
    }

    /// Whether the user has allowed what is for a guest of its own.
    pub(super) fn may_endanger(&self) -> bool {
        irqlab::parameter::<u8>(crate::module_parameters::dangerous.value()) != 0
    }

    pub(super) fn line(&self, name: &str) -> Answer<Arc<Line>> {
        self.lab.lines.get(name)
    }

    pub(super) fn group(&self, name: &str) -> Answer<Group> {
        self.lab.lines.group(name)
    }

    /// Waits until the bottom half of the last event of `record`, which is that of `mechanism`, has run.
    ///
    /// Refusals: a skip if it came late, or somebody else has disabled the mechanism; `EINTR` after a signal;
    /// `EIO` if it did not come.
    pub(super) fn await_event(&self, record: &Record, mechanism: &str) -> Answer {
        for ms in [PATIENCE_MS, MORE_MS] {
            match record.wait_ms(self.task, ms) {
                Waited::Completed if ms == PATIENCE_MS => return Ok(()),
                Waited::Completed => {
                    skip!(Busy: "{mechanism} took longer than {PATIENCE_MS} ms")
                }
                Waited::TimedOut if record.holds_last() => {
                    skip!("{mechanism} was disabled meanwhile, by somebody else")
                }
                Waited::TimedOut => (),
                Waited::Interrupted => refuse!(EINTR, "interrupted"),
            }
        }
        refuse!(EIO, "{mechanism}: an event was lost")
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
                // A virtual CPU may have stood still since it was looked at.
                return condition();
            }
            self.task.sleep_us(pause_us, pause_us);
            pause_us = MAX_PAUSE_US.min(pause_us * 2);
        }
        true
    }

    /// Waits until `condition` holds, which `what` is to bring about.
    ///
    /// Refusals: a skip if it came late, `EINTR` after a signal, `EIO` if it did not come.
    pub(super) fn come(&self, what: &str, condition: impl Fn() -> bool) -> Answer {
        if self.eventually(PATIENCE_MS, &condition) {
            return Ok(());
        }
        if self.task.is_interrupted() {
            refuse!(EINTR, "interrupted");
        }
        if self.eventually(MORE_MS, &condition) {
            skip!(Busy: "{what} took longer than {PATIENCE_MS} ms");
        }
        refuse!(EIO, "{what} did not come")
    }

    /// How long to wait, in ms, for what comes in the experiment and not in its
    /// control.
    pub(super) fn patience_ms(&self) -> u32 {
        if self.is_control() {
            200
        } else {
            2000
        }
    }

    /// Gives what should not happen the time to happen.
    pub(super) fn settle(&self) {
        self.task.sleep_ms(10);
    }
}
