// SPDX-License-Identifier: GPL-2.0

//! User memory of the current task: maps pages for experiments to access, and calls the
//! kernel's functions that copy from user memory.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use crate::{
    bindings,
    context::Task,
    fixup::address::PAGE_SIZE, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

pub use crate::fixup::address::is_user;

/// What user space may do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing.
    None,
    /// Read it.
    Read,
    /// Read and write it.
    ReadWrite,
}

/// A page in the current task's user space, which is given to it when it is touched
/// first. Dropping it unmaps it.
///
/// ```
/// # use irqlab::{context::Task, fixup::{self, Address, Paging}, user::{Page, Protection}};
/// # use kernel::prelude::*;
/// fn is_served_on_demand(task: &Task) -> Result<bool> {
///     let page = Page::new(Protection::Read, task)?;
///     let address = Address::user(page.address(), task)?;
///     let refused = fixup::read(&address, Paging::Refused);
///     let served = fixup::read(&address, Paging::Served(task));
///     Ok(refused == Err(EFAULT) && served == Ok(0))
/// }
///
/// assert!(is_served_on_demand(task)?);
/// ```
pub struct Page<'a>(Mapping<'a>);

impl<'a> Page<'a> {
    /// Maps a page, somewhere.
    ///
    /// Errors: `ESRCH` if the task, a kernel thread, has no user space, `ENOMEM`.
    pub fn new(protection: Protection, task: &'a Task) -> Result<Self> {
        let protection = match protection {
            Protection::None => bindings::PROT_NONE,
            Protection::Read => bindings::PROT_READ,
            Protection::ReadWrite => bindings::PROT_READ | bindings::PROT_WRITE,
        };
        let mapping = Mapping::new(task, || {
            // SAFETY: Maps new memory in the address space that the task has.
            unsafe {
                bindings::vm_mmap(
                    core::ptr::null_mut(),
                    0,
                    PAGE_SIZE,
                    protection as usize,
                    (bindings::MAP_PRIVATE | bindings::MAP_ANONYMOUS) as usize,
                    0,
                )
            }
        })?;
        Ok(Self(mapping))
    }

    /// Where it begins.
    pub fn address(&self) -> usize {
        self.0.address()
    }
}

/// A page that is mapped into the current task's user space, whoever provides it. Dropping it unmaps it.
pub(crate) struct Mapping<'a> {
    address: usize,
    _task: &'a Task,
}

impl<'a> Mapping<'a> {
    /// Has `map` map a page, and answer as `vm_mmap()` does.
    ///
    /// Errors: `ESRCH` if the task, a kernel thread, has no user space; and what `map` answers.
    pub(crate) fn new(task: &'a Task, map: impl FnOnce() -> usize) -> Result<Self> {
        if !crate::task::has_user_memory(task) {
            return Err(ESRCH);
        }
        let address = map();
        let errno = address as isize;
        if (-(bindings::MAX_ERRNO as isize)..0).contains(&errno) {
            return Err(Error::from_errno(errno as i32));
        }
        Ok(Self {
            address,
            _task: task,
        })
    }

    pub(crate) fn address(&self) -> usize {
        self.address
    }
}

impl Drop for Mapping<'_> {
    fn drop(&mut self) {
        // SAFETY: The task that mapped it unmaps it: its token is neither `Send` nor
        // `Sync`. User space may have been before, which is its own affair: who provides the
        // page stays as long as it is mapped.
        unsafe { bindings::vm_munmap(self.address, PAGE_SIZE) };
    }
}

/// Reads a word by `copy_from_user()`, which checks the range first.
///
/// Errors: `EFAULT`.
pub fn copy_from_user(at: usize, _task: &Task) -> Result<u64> {
    let mut word = 0;
    // SAFETY: The word is valid for writes.
    let left = unsafe { bindings::copy_word_from_user(&mut word, at as *const c_void) };
    if left == 0 {
        Ok(word)
    } else {
        Err(EFAULT)
    }
}

/// Reads a word by `get_user()`, which checks the range first.
///
/// Errors: `EFAULT`.
///
/// ```
/// # use irqlab::{context::Task, user::{copy_from_user, get_user, put_user, Page, Protection}};
/// # use kernel::prelude::*;
/// fn writes_and_reads(task: &Task) -> Result<bool> {
///     let page = Page::new(Protection::ReadWrite, task)?;
///     put_user(page.address(), 42, task)?;
///     Ok(get_user(page.address(), task)? == copy_from_user(page.address(), task)?)
/// }
///
/// assert!(writes_and_reads(task)?);
/// ```
pub fn get_user(at: usize, _task: &Task) -> Result<u64> {
    let mut word = 0;
    // SAFETY: The word is valid for writes.
    to_result(unsafe { bindings::get_user_word(&mut word, at as *const u64) })?;
    Ok(word)
}

/// Writes a word by `put_user()`, which checks the range first.
///
/// Errors: `EFAULT`.
pub fn put_user(at: usize, word: u64, _task: &Task) -> Result {
    // SAFETY: Writes to user memory, which is user space's own.
    to_result(unsafe { bindings::put_user_word(word, at as *mut u64) })
}
