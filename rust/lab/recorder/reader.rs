// SPDX-License-Identifier: GPL-2.0

//! Readers: a reel as text, a piece at a time.

use crate::{
    mechanism,
    tape::{
        Cursor,
        Reel, //
        TimedEvent,
    },
    watch::Event,
};
use irqlab::{
    context::Task,
    debugfs::Stream,
    emit,
    text::Text, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// How many may have a copy of a running tape.
pub(super) const MAX_COPIES: u32 = 4;

/// A reader of a reel.
pub(crate) struct Reader {
    reel: Arc<Reel>,
    /// None before the header.
    cursor: Option<Cursor>,
    /// If the tape was running.
    copy: Option<Copy>,
}

impl Reader {
    pub(super) fn new(reel: Arc<Reel>, copy: Option<Copy>) -> Self {
        Self {
            reel,
            cursor: None,
            copy,
        }
    }

    fn show_header(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# {}, {} events lost; time since the first, in ns\n",
            if self.copy.is_some() { "on" } else { "off" },
            self.reel.lost()
        )?;
        show_columns(text)
    }
}

impl Stream for Reader {
    fn next(&mut self, text: &mut Text, task: &Task) -> Result {
        const PIECE_LEN: usize = 4000;

        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => {
                self.show_header(text)?;
                self.cursor = Some(self.reel.begin()?);
                return Ok(());
            }
        };
        let first_ns = self.reel.first_ns();
        while text.as_str().len() < PIECE_LEN {
            let Some(noted) = self.reel.next(cursor) else {
                break;
            };
            show(text, &noted, first_ns)?;
        }
        task.yield_if_needed();
        Ok(())
    }

    fn rewind(&mut self) {
        self.cursor = None;
    }
}

/// The header of [`show`]'s lines.
pub(crate) fn show_columns(text: &mut Text) -> Result {
    emit!(
        text,
        "{:<10} {:>3} {:<13} {:<20} {:<9} {:<7} {:<4} current\n",
        "#time",
        "cpu",
        "event",
        "subject",
        "detail",
        "context",
        "IF"
    )
}

/// One event, as a line: its time since `first_ns`.
pub(crate) fn show(text: &mut Text, noted: &TimedEvent, first_ns: u64) -> Result {
    let at = &noted.at;
    emit!(
        text,
        "{:<10} {:>3} ",
        at.stamp_ns.saturating_sub(first_ns),
        at.cpu
    )?;
    show_event(text, noted.event)?;
    emit!(
        text,
        " {:<7} IF={} {}/{}\n",
        at.kind(),
        u8::from(!at.irqs_disabled),
        at.comm(),
        at.pid
    )
}

/// Three columns: what happened, to what, and what else there is to say.
fn show_event(text: &mut Text, event: Event) -> Result {
    let name = mechanism::name_of;
    match event {
        Event::Raised(vector) => columns(text, "softirq_raise", vector, "-"),
        Event::Entered(vector, executor) => columns(text, "softirq_entry", vector, executor),
        Event::Left(vector) => columns(text, "softirq_exit", vector, "-"),
        Event::HandlerEntered(irq) => columns(text, "handler_entry", irq, "-"),
        Event::HandlerLeft(irq, is_handled) => {
            let detail = if is_handled { "handled" } else { "none" };
            columns(text, "handler_exit", irq, detail)
        }
        Event::Interrupted(system) => columns(text, "interrupt", system.name(), "-"),
        Event::Raise(mechanism) => columns(text, "raise", name(mechanism), "-"),
        Event::Top(mechanism) => columns(text, "top_half", name(mechanism), "-"),
        Event::Bottom(mechanism) => columns(text, "bottom_half", name(mechanism), "-"),
        Event::Woken(mechanism) => columns(text, "woken", name(mechanism), "-"),
        Event::Switched(pid) => columns(text, "switch_to", pid, "-"),
    }
}

fn columns(
    text: &mut Text,
    event: &str,
    subject: impl fmt::Display,
    detail: impl fmt::Display,
) -> Result {
    emit!(text, "{:<13} {:<20} {:<9}", event, subject, detail)
}

/// The copies of the running tape that are read.
pub(super) struct Copies(Arc<Atomic<u32>>);

/// One of them.
pub(super) struct Copy(Arc<Atomic<u32>>);

impl Copies {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Arc::new(Atomic::new(0), GFP_KERNEL)?))
    }

    /// One more, unless there are too many.
    pub(super) fn take(&self) -> Option<Copy> {
        let copy = Copy(self.0.clone());
        (self.0.fetch_add(1, Relaxed) < MAX_COPIES).then_some(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
