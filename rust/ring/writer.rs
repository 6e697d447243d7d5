// SPDX-License-Identifier: GPL-2.0

//! Who notes: a way to rings, by which one can note before they are there.

use super::Rings;
use crate::{
    clock::Stamp,
    word::Word, //
};
use core::sync::atomic::{
    AtomicPtr,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// What a [`Writer`] leads to at first: rings of no CPU, that are never quick.
static NOWHERE: Rings = Rings {
    counts_cycles: Word::new(0),
    is_quick: Word::new(0),
    is_slow: Word::new(0),
    taken: 0,
    cpus: KVVec::new(),
};

impl Rings {
    fn is_nowhere(&self) -> bool {
        core::ptr::eq(self, &NOWHERE)
    }
}

/// A way to rings that may only be there later.
///
/// # Invariants
///
/// `rings` is `NOWHERE`, or from [`Arc::into_raw`] and owned. It does not change any more once it is not `NOWHERE`.
pub struct Writer {
    rings: AtomicPtr<Rings>,
}

impl Writer {
    /// A way that leads nowhere yet.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        // INVARIANT: It is that.
        Self {
            rings: AtomicPtr::new((&raw const NOWHERE).cast_mut()),
        }
    }

    /// Leads to `rings` from now on, unless it leads somewhere.
    pub fn connect(&self, rings: &Arc<Rings>) {
        let raw = Arc::into_raw(rings.clone()).cast_mut();
        let nowhere = (&raw const NOWHERE).cast_mut();
        // INVARIANT: The reference goes there, if nothing was there.
        if (self.rings)
            .compare_exchange(nowhere, raw, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: From `into_raw`, and nobody else has it.
            drop(unsafe { Arc::from_raw(raw) });
        }
    }

    /// Notes the moment of here and now with `tag`, of 63 bits, and returns its stamp, which is taken first. May be
    /// called in any context. Calls `is_full` if there is no slot left. Nothing if there are no rings.
    #[inline(always)]
    pub fn note(&self, tag: u64, is_full: impl FnOnce()) -> Option<Stamp> {
        // SAFETY: By the type invariant it is valid as long as this is.
        let rings = unsafe { &*self.rings.load(Ordering::Acquire) };
        (!rings.is_nowhere()).then(|| rings.note(tag, is_full))
    }

    /// The same in as few instructions as can be, if that is possible: stamps are read from the TSC, there is a slot,
    /// and they are not [kept slow](Rings::keep_slow).
    ///
    /// ```
    /// # use irqlab::{clock::Stamp, ring::Writer};
    /// fn note(writer: &Writer, tag: u64, nr_lost: &mut u64) -> Option<Stamp> {
    ///     writer
    ///         .note_quickly(|| tag)
    ///         .or_else(|| writer.note(tag, || *nr_lost += 1))
    /// }
    ///
    /// # use kernel::prelude::*;
    /// let mut reader = irqlab::ring::Rings::with_slots(16)?;
    /// let (writer, mut nr_lost) = (Writer::new(), 0);
    /// // There are no rings yet.
    /// assert_eq!(note(&writer, 17, &mut nr_lost), None);
    /// writer.connect(reader.rings());
    /// let stamp = note(&writer, 17, &mut nr_lost);
    /// assert!(stamp.is_some() && nr_lost == 0);
    /// # assert_eq!(reader.next().map(|noted| noted.tag), Some(17));
    /// ```
    #[inline(always)]
    pub fn note_quickly(&self, tag: impl FnOnce() -> u64) -> Option<Stamp> {
        // SAFETY: By the type invariant it is valid as long as this is.
        let rings = unsafe { &*self.rings.load(Ordering::Acquire) };
        rings.note_quickly(tag)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let rings = *self.rings.get_mut();
        if !core::ptr::eq(rings, &NOWHERE) {
            // SAFETY: From `into_raw` by the type invariant, and owned.
            drop(unsafe { Arc::from_raw(rings) });
        }
    }
}
