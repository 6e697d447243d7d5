// SPDX-License-Identifier: GPL-2.0

//! What is noted of a queue, for people to read.

use super::policy::Overrun;

/// What was noted of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// How many DPCs are in it.
    pub depth: u32,
    /// At how many it is drained at once, now.
    pub maximum_depth: u32,
    /// How many were inserted for each of the last ticks, a mean that halves with each.
    pub rate: u32,
    /// Whether one of them runs.
    pub is_active: bool,
    /// Whether its CPU was told to drain it, and has not begun or not ended yet.
    pub is_requested: bool,
    /// How many were inserted, ever.
    pub nr_inserted: u64,
    /// How many of them before the last tick.
    pub nr_inserted_at_tick: u64,
    /// How many have run.
    pub nr_run: u64,
    /// How many were removed before they ran.
    pub nr_removed: u64,
    /// How many ticks there were.
    pub nr_ticks: u64,
    /// How often the CPU was told to drain it, by [`Cause`].
    pub nr_requests: [u64; Cause::ALL.len()],
    /// How long the longest DPC took, in nanoseconds.
    pub longest_ns: u64,
    /// How often one DPC ran for too many ticks.
    pub nr_dpc_overruns: u64,
    /// How often DPCs one after the other did.
    pub nr_sum_overruns: u64,
    /// The last of these, and what ran.
    pub last_overrun: Option<(Overrun, Routine)>,
}

/// The end of the name of a handler's type. A copy: the module that has the name may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routine {
    text: [u8; Self::MAX],
    len: usize,
}

impl Routine {
    const MAX: usize = 48;

    pub(super) fn new(name: &str) -> Self {
        let name = name.as_bytes();
        let end = &name[name.len().saturating_sub(Self::MAX)..];
        let mut text = [0; Self::MAX];
        text[..end.len()].copy_from_slice(end);
        Self {
            text,
            len: end.len(),
        }
    }

    /// The text; `?` if a character was cut in two.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.text[..self.len]).unwrap_or("?")
    }
}

/// Why a CPU was told to drain a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The CPU itself has put a DPC into it.
    Local,
    /// Another one has.
    Remote,
    /// A tick found DPCs that waited.
    Tick,
    /// The CPU had nothing else to do.
    Idle,
    /// Somebody waits until it is drained.
    Flush,
}

impl Cause {
    /// All of them, in the order of [`Status::nr_requests`].
    pub const ALL: [Cause; 5] = [
        Cause::Local,
        Cause::Remote,
        Cause::Tick,
        Cause::Idle,
        Cause::Flush,
    ];
}
