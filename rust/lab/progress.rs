// SPDX-License-Identifier: GPL-2.0

//! Progress: which experiment is running, and how far it has come.
//!
//! Experiments disturb each other, so there is one at a time.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    clock,
    emit,
    text::Text, //
};
use kernel::{
    fmt,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// What is known of the experiment that is running.
#[pin_data]
pub(crate) struct Progress {
    #[pin]
    running: Mutex<Option<Running>>,
}

struct Running {
    /// The path of the knob that it was begun by.
    knob: Text,
    since_ns: u64,
    /// The number of its present step, of how many, and what that is about, in a word.
    step: u64,
    nr_steps: u64,
    item: Text,
}

impl Progress {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            running <- new_mutex!(None, "Progress::running"),
        })
    }

    /// Begins an experiment of the knob with the path `knob`, which lasts until the answer is dropped.
    ///
    /// Refusals: `EBUSY` if there is one.
    pub(crate) fn begin(&self, knob: fmt::Arguments<'_>) -> Answer<Experiment<'_>> {
        let mut path = Text::new();
        path.append(knob)?;
        let mut running = self.running.lock();
        if let Some(other) = &*running {
            refuse!(
                EBUSY,
                "another experiment is running, of {}: step {} of {}",
                other.knob,
                other.step,
                other.nr_steps
            );
        }
        *running = Some(Running {
            knob: path,
            since_ns: clock::now_ns(),
            step: 0,
            nr_steps: 0,
            item: Text::new(),
        });
        Ok(Experiment(self))
    }

    /// Shows it, or that there is none.
    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(text, "#knob step of item elapsed_ms\n")?;
        let running = self.running.lock();
        let Some(running) = &*running else {
            return emit!(text, "idle - - - -\n");
        };
        let elapsed_ms = clock::now_ns().wrapping_sub(running.since_ns) / 1_000_000;
        emit!(
            text,
            "{} {} {} ",
            running.knob,
            running.step,
            running.nr_steps
        )?;
        if running.item.is_empty() {
            emit!(text, "-")?;
        }
        emit!(text, "{} {elapsed_ms}\n", running.item)
    }
}

/// The experiment that is running.
pub(crate) struct Experiment<'a>(&'a Progress);

impl Experiment<'_> {
    /// Tells that step `step` of `nr_steps` begins, counted from 1, and by a word what it is
    /// about.
    pub(crate) fn step(&self, step: u64, nr_steps: u64, item: fmt::Arguments<'_>) {
        let mut text = Text::new();
        // Without memory it has no name.
        let _ = text.append(item);
        if let Some(running) = &mut *self.0.running.lock() {
            running.step = step;
            running.nr_steps = nr_steps;
            running.item = text;
        }
    }
}

impl Drop for Experiment<'_> {
    fn drop(&mut self) {
        *self.0.running.lock() = None;
    }
}
