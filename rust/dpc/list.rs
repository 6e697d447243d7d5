// SPDX-License-Identifier: GPL-2.0

//! The entries of a queue in their order, linked to each other: no memory is allocated to
//! insert one, and any can be taken out.

use super::{
    entry::{
        Arguments,
        Entry,
        Link, //
    },
    policy::End,
};
use core::ptr::NonNull;

/// Entries that are linked to each other.
///
/// # Invariants
///
/// The entries from `first` to `last` are in use, are in no other list, and their links
/// name their neighbours; only who has this list exclusively accesses those links.
pub(super) struct List {
    first: Option<NonNull<Entry>>,
    last: Option<NonNull<Entry>>,
}

// SAFETY: Entries may be used on any CPU.
unsafe impl Send for List {}

impl List {
    pub(super) const fn new() -> Self {
        // INVARIANT: There are no entries.
        Self {
            first: None,
            last: None,
        }
    }

    /// The link of an entry.
    ///
    /// # Safety
    ///
    /// The entry must be in this list or about to be put into it, and nobody else may have
    /// its link while the reference lives.
    #[expect(clippy::mut_from_ref)]
    unsafe fn link(entry: &Entry) -> &mut Link {
        // SAFETY: By this function's contract.
        unsafe { &mut *entry.link.get() }
    }

    /// Puts an entry at an end.
    ///
    /// # Safety
    ///
    /// The entry must be in no list, and counted as used until it is out of this one.
    pub(super) unsafe fn push(&mut self, entry: &Entry, end: End, arguments: Arguments) {
        let this = NonNull::from(entry);
        let (previous, next) = match end {
            End::Head => (None, self.first),
            End::Tail => (self.last, None),
        };
        // SAFETY: It is about to be put in; the reference ends with this statement.
        *unsafe { Self::link(entry) } = Link {
            previous,
            next,
            arguments,
        };
        // INVARIANT: Linked to its neighbours both ways.
        self.join(previous, Some(this));
        self.join(Some(this), next);
    }

    /// Takes an entry out. Returns its arguments.
    ///
    /// # Safety
    ///
    /// The entry must be in this list.
    pub(super) unsafe fn remove(&mut self, entry: &Entry) -> Arguments {
        // SAFETY: It is in this list, which this has exclusively; the references are to a copy.
        let &mut Link {
            previous,
            next,
            arguments,
        } = unsafe { Self::link(entry) };
        // INVARIANT: Its neighbours are each other's now.
        self.join(previous, next);
        arguments
    }

    /// Takes the first entry out.
    pub(super) fn pop(&mut self) -> Option<(NonNull<Entry>, Arguments)> {
        let first = self.first?;
        // SAFETY: By the type invariant it is in use, and in this list.
        Some((first, unsafe { self.remove(first.as_ref()) }))
    }

    /// Makes two entries neighbours; none stands for an end.
    fn join(&mut self, left: Option<NonNull<Entry>>, right: Option<NonNull<Entry>>) {
        match left {
            // SAFETY: By the type invariant it is in use, and in this list, which this has
            // exclusively; the reference ends with the statement.
            Some(left) => unsafe { Self::link(left.as_ref()) }.next = right,
            None => self.first = right,
        }
        match right {
            // SAFETY: By the type invariant it is in use, and in this list, which this has
            // exclusively; the reference ends with the statement.
            Some(right) => unsafe { Self::link(right.as_ref()) }.previous = left,
            None => self.last = left,
        }
    }
}
