// SPDX-License-Identifier: GPL-2.0

//! Interrupts between CPUs: sent in every way, counted, and timed.
//!
//! ```text
//!     sender's CPU                       target's CPU
//!     stamp, send ─────── one way ─────▶ handler: stamp, count
//!     stamp ◀──────────────────────────── seen to have run
//!       └────────── round trip ──────────┘
//! ```
//!
//! A [`kind`] is one way to send. [`call`]s count what came of many, next to the kernel's
//! own counters; the [`matrix`] times one kind between all pairs of CPUs; the [`modes`]
//! do nothing but call, to be compared with the same in C. Hotplug is excluded while a few
//! are sent, for [`HOLD_NS`] at most: a CPU that goes offline meanwhile is found so by
//! the next.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

pub(crate) mod call;
pub(crate) mod counters;
pub(crate) mod kind;
pub(crate) mod matrix;
mod meeting;
pub(crate) mod modes;
mod probe;
mod spread;
pub(crate) mod target;
mod who;

/// How long CPUs are kept from going offline at a time, in nanoseconds.
const HOLD_NS: u64 = 100_000_000;

/// What was measured last, by each.
#[pin_data]
pub(crate) struct Ipis {
    #[pin]
    pub(crate) call: Mutex<call::Calls>,
    #[pin]
    pub(crate) matrix: Mutex<matrix::Matrix>,
    #[pin]
    pub(crate) modes: Mutex<modes::Modes>,
    /// Those of the whole kernel.
    #[pin]
    pub(crate) who: who::Who,
    /// The distribution of the last measurement of either.
    #[pin]
    last: Mutex<Option<Arc<spread::Times>>>,
}

impl Ipis {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            call <- new_mutex!(call::Calls::new(), "Ipis::call"),
            matrix <- new_mutex!(matrix::Matrix::new(), "Ipis::matrix"),
            modes <- new_mutex!(modes::Modes::new(), "Ipis::modes"),
            who <- who::Who::new(),
            last <- new_mutex!(None, "Ipis::last"),
        })
    }

    /// How many bytes the last measurements take.
    pub(crate) fn nr_bytes(&self) -> usize {
        let last = self.last.lock().clone();
        // One lock at a time: `matrix` is taken in jobs of CPUs, and so before nothing that waits for
        // hotplug, as who attaches to a tracepoint does.
        let of_matrix = self.matrix.lock().nr_bytes();
        last.map_or(0, |times| times.nr_bytes()) + of_matrix + self.who.nr_bytes()
    }

    /// Shows the whole distribution of the last measurement.
    pub(crate) fn show_cdf(&self, text: &mut irqlab::text::Text) -> Result {
        let last = self.last.lock().clone();
        spread::show(last.as_deref(), text)
    }
}
