// SPDX-License-Identifier: GPL-2.0

//! Addresses that a guarded load or store may be tried at: nothing that it could
//! read or change there is anybody else's.

use crate::{
    bindings,
    context::Task, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// The size of a page, in bytes.
pub const PAGE_SIZE: usize = kernel::page::PAGE_SIZE;

/// The size of what guarded loads and stores move.
pub(super) const WORD: usize = size_of::<u64>();

/// The address of a word, which may not be there.
///
/// # Invariants
///
/// During `'a`, a load from it, if it does not fault, has no other effect; nor has
/// a store, unless `may_store` is false, on any memory that Rust knows of. If
/// `mm` is not 0, that is only so where the current task has that address space. If
/// `is_there`, a load does not fault.
#[derive(Clone, Copy)]
pub struct Address<'a> {
    at: usize,
    may_store: bool,
    is_there: bool,
    mm: usize,
    _there: PhantomData<&'a ()>,
}

// SAFETY: A number; who may use it where is checked when it is used.
unsafe impl Send for Address<'_> {}
// SAFETY: A number that does not change, and so can be read from anywhere.
unsafe impl Sync for Address<'_> {}

impl<'a> Address<'a> {
    /// An address in the current task's user memory, where something may be or not.
    ///
    /// Errors: `EPERM` if it is the kernel's, `ESRCH` if the task, a kernel thread,
    /// has no user memory.
    pub fn user(at: usize, _task: &'a Task) -> Result<Self> {
        if !is_user(at, WORD) {
            return Err(EPERM);
        }
        match current_mm() {
            0 => Err(ESRCH),
            // INVARIANT: User space may do as much to its own memory. The task keeps
            // its address space during the system call that the token stands for.
            mm => Ok(Self::new(at, true, mm)),
        }
    }

    /// An address that no paging can map: its top bits are not all the same. `offset`
    /// is rounded down to within a page.
    pub const fn non_canonical(offset: usize) -> Self {
        // INVARIANT: It always faults.
        Self::new((1 << 63) + offset % PAGE_SIZE, true, 0)
    }

    /// The address of an instruction of this library, to read; and to write if it were not
    /// read-only: see [`access::rewrite`](super::access::rewrite).
    ///
    /// ```
    /// # use irqlab::fixup::{self, Address, Paging};
    /// # use kernel::prelude::*;
    /// fn is_readable() -> bool {
    ///     let text = Address::text();
    ///     pr_info!("at {:#x}\n", text.as_raw());
    ///     fixup::read(&text, Paging::Refused).is_ok()
    /// }
    ///
    /// assert!(is_readable());
    /// ```
    pub fn text() -> Self {
        let function: fn(&Address<'_>, super::Paging<'_>) -> _ = super::access::load;
        // INVARIANT: The code of this module stays where it is, and is not to be
        // stored to.
        Self::new(function as usize, false, 0)
    }

    /// The address as a number.
    pub const fn as_raw(&self) -> usize {
        self.at
    }

    pub(super) const fn is_there(&self) -> bool {
        self.is_there
    }

    pub(super) const fn may_store(&self) -> bool {
        self.may_store
    }

    /// Whether it may be used by the current task, here and now.
    pub(super) fn is_here(&self) -> bool {
        self.mm == 0 || self.mm == current_mm()
    }

    const fn new(at: usize, may_store: bool, mm: usize) -> Self {
        Self {
            at,
            may_store,
            is_there: false,
            mm,
            _there: PhantomData,
        }
    }
}

/// What `access_ok()` says: whether all of it is below the kernel's part of the address
/// space. Whether anything is there is not its business.
///
/// ```
/// # use irqlab::fixup::address::{is_user, PAGE_SIZE};
/// fn is_page_of_user(number: usize) -> bool {
///     number.checked_mul(PAGE_SIZE).is_some_and(|at| is_user(at, PAGE_SIZE))
/// }
///
/// assert!(is_page_of_user(1) && !is_page_of_user(usize::MAX / PAGE_SIZE));
/// ```
pub fn is_user(at: usize, size: usize) -> bool {
    // SAFETY: Compares numbers.
    unsafe { bindings::access_ok(at, size) }
}

/// The current task's address space, 0 for none; in interrupt context the interrupted
/// task's.
fn current_mm() -> usize {
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while it runs this, and changes the field itself.
    unsafe { (*current).mm }.addr()
}

/// A page of the kernel's memory with a guard page behind it, which is never mapped.
///
/// ```
/// # use irqlab::fixup::{self, Island, Paging};
/// # use kernel::prelude::*;
/// fn falls_off_its_end() -> Result<bool> {
///     let island = Island::new()?;
///     let inside = fixup::read(&island.inside(0), Paging::Refused);
///     let behind = fixup::read(&island.guard(0), Paging::Refused);
///     Ok(inside.is_ok() && behind.is_err())
/// }
///
/// assert!(falls_off_its_end()?);
/// ```
///
/// # Invariants
///
/// `page` is the only page of an area of `vmalloc()`, ours to free, to which there is
/// no reference.
pub struct Island {
    page: NonNull<c_void>,
}

// SAFETY: The area can be freed on any thread.
unsafe impl Send for Island {}
// SAFETY: What is in it is only read and written by assembly, a word at a time.
unsafe impl Sync for Island {}

impl Island {
    /// One that is full of zeros.
    ///
    /// Errors: `ENOMEM`.
    pub fn new() -> Result<Self> {
        // SAFETY: May be called where one may sleep; the C side warns otherwise.
        let page = unsafe { bindings::vmalloc_page() };
        // INVARIANT: Just allocated.
        Ok(Self {
            page: NonNull::new(page).ok_or(ENOMEM)?,
        })
    }

    /// The address of a word in it. `offset` is rounded down to within the page.
    pub fn inside(&self, offset: usize) -> Address<'_> {
        // INVARIANT: Ours, of no reference, and mapped.
        Address {
            is_there: true,
            ..Address::new(self.at(offset % (PAGE_SIZE - WORD + 1)), true, 0)
        }
    }

    /// The address of a word in the guard page, where it faults. `offset` is rounded
    /// down to within the page.
    pub fn guard(&self, offset: usize) -> Address<'_> {
        let offset = PAGE_SIZE + offset % (PAGE_SIZE - WORD);
        // INVARIANT: It always faults: an area ends with an unmapped page.
        Address::new(self.at(offset), true, 0)
    }

    /// The address of a word of which `nr_inside` bytes, 1 to 7, are in the page, and
    /// the others in the guard page.
    pub(super) fn edge(&self, nr_inside: usize) -> usize {
        self.at(PAGE_SIZE - nr_inside.clamp(1, WORD - 1))
    }

    fn at(&self, offset: usize) -> usize {
        self.page.as_ptr().addr().wrapping_add(offset)
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant; addresses in it borrow it.
        unsafe { bindings::vfree(self.page.as_ptr()) };
    }
}
