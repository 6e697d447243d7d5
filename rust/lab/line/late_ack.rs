// SPDX-License-Identifier: GPL-2.0

//! Late acknowledgement: a device that goes on interrupting after its top half has run, as nobody has told it that
//! it was heard.
//!
//! ```text
//!     device raises ─▶ top half ─▶ returns ─▶ the line is still raised: top half ─▶ …   a storm
//!                         └─ defers ─────────────────────▶ bottom half ─ acknowledges   ends it
//! ```
//!
//! A threaded handler has no storm: the line stays masked until its thread is done (`IRQF_ONESHOT`). Nor has who
//! disables the line meanwhile. If nobody acknowledges at all, the top half does so in the end, long before the
//! kernel or anybody else takes the line for broken: it claims each interrupt as its own.

use super::{
    top_half::{
        OnLine,
        TopHalf, //
    },
    Attachment,
    Line, //
};
use crate::{
    refusal::{
        refuse,
        Answer, //
    },
    source::Source,
};
use irqlab::{
    clock,
    irq,
    new_raw_spinlock,
    raw_spinlock::RawSpinLock, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// How often the top half runs before it ends a storm, and for how long at most: far below what the kernel takes for
/// a CPU that hangs.
pub(crate) const MAX_RUNS: u32 = 2000;
pub(crate) const MAX_MS: u64 = 2000;

/// Who acknowledges an interrupt later than the top half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LateAck {
    /// The bottom half, after its work.
    Bottom,
    /// The bottom half, and the top half keeps the line disabled until then.
    Disabled,
    /// Nobody.
    Never,
}

/// Whose interrupt a top half has heard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Others,
    Ours,
    /// Ours, and only as nobody has acknowledged it yet.
    Again,
}

/// What is known of one line whose interrupts are acknowledged late.
#[pin_data]
pub(crate) struct Late {
    ack: LateAck,
    source: Arc<dyn Source>,
    on_line: OnLine,
    /// How often the top half has run since the last acknowledgement.
    runs: Atomic<u32>,
    /// When the first of these was.
    since_ns: Atomic<u64>,
    /// How many storms it has ended.
    ended: Atomic<u64>,
    #[pin]
    disabled: RawSpinLock<Option<irq::Disabled<TopHalf>>>,
}

impl Line {
    /// Refusals: `EPERM` if its device does not hold its interrupt raised until it is acknowledged.
    pub(crate) fn must_hold_raised(&self) -> Answer {
        if !self.source.holds_raised() {
            refuse!(
                EPERM,
                "{} does not hold its interrupt until it is acknowledged: take a line whose kind is INTx",
                self.name()
            );
        }
        Ok(())
    }
}

impl Attachment {
    /// Has the interrupts that arrive at `line`, where this is, acknowledged late.
    pub(crate) fn acknowledge_late(&self, line: &Line, ack: LateAck) -> Result<Arc<Late>> {
        let late = pin_init!(Late {
            ack,
            source: line.source.clone(),
            on_line: self.top_half.clone(),
            runs: Atomic::new(0),
            since_ns: Atomic::new(0),
            ended: Atomic::new(0),
            disabled <- new_raw_spinlock!(None),
        });
        Arc::pin_init(late, GFP_KERNEL)
    }
}

impl Late {
    /// The top half runs: what it heard.
    pub(crate) fn top(&self) -> Heard {
        if !self.source.is_raised() {
            return Heard::Others;
        }
        let runs = self.runs.fetch_add(1, Relaxed).wrapping_add(1);
        let now_ns = clock::now_ns();
        if runs == 1 {
            self.since_ns.store(now_ns, Relaxed);
        }
        let ns = clock::elapsed_ns(self.since_ns.load(Relaxed), now_ns);
        if runs >= MAX_RUNS || ns.is_some_and(|ns| ns >= MAX_MS * 1_000_000) {
            self.ended.add(1, Relaxed);
            self.runs.store(0, Relaxed);
            self.source.acknowledge_anywhere();
            return Heard::Again;
        }
        if self.ack == LateAck::Disabled {
            if let Ok(disabled) = self.on_line.disable_nosync() {
                drop(self.disabled.with(|kept, _off| kept.replace(disabled)));
            }
        }
        if runs == 1 {
            Heard::Ours
        } else {
            Heard::Again
        }
    }

    /// The bottom half has done its work.
    pub(crate) fn bottom(&self) {
        if self.ack == LateAck::Never {
            return;
        }
        self.source.acknowledge_anywhere();
        self.runs.store(0, Relaxed);
        drop(self.disabled.with(|kept, _off| kept.take()));
    }

    /// How often the top half has acknowledged in the end.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Relaxed)
    }
}
