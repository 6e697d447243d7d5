// SPDX-License-Identifier: GPL-2.0

//! Directories, private to root.

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::Arc, //
};

/// A directory in debugfs. Removed when the last handle to it or to anything in
/// it is dropped.
#[derive(Clone)]
pub struct Dir(Arc<Directory>);

struct Directory {
    /// What the paths of what is in it begin with, seen from the outermost directory: nothing there,
    /// and else this one's own path with a slash.
    prefix: CString,
    entry: Entry,
}

/// # Invariants
///
/// `dentry` is an entry of debugfs that is ours to remove.
pub(super) struct Entry {
    pub(super) dentry: NonNull<bindings::dentry>,
    // An entry keeps its directory: it goes after what is in it.
    _parent: Option<Dir>,
}

// SAFETY: debugfs locks for itself; the entry is only removed through this.
unsafe impl Send for Entry {}
// SAFETY: A shared reference gives the dentry only to functions of debugfs that lock for
// themselves, and the directory, which is `Sync` for the same reason.
unsafe impl Sync for Entry {}

impl Entry {
    pub(super) fn new(dentry: *mut bindings::dentry, parent: Option<Dir>) -> Result<Self> {
        let dentry = NonNull::new(from_err_ptr(dentry)?).ok_or(ENOMEM)?;
        // INVARIANT: Just created, by the only callers.
        Ok(Self {
            dentry,
            _parent: parent,
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant.
        unsafe { bindings::debugfs_remove(self.dentry.as_ptr()) };
    }
}

impl Dir {
    /// Creates `/sys/kernel/debug/<name>`.
    ///
    /// Errors: `EEXIST`, `ENOMEM`; `ENODEV` or `EPERM` where debugfs is off.
    pub fn new(name: &CStr) -> Result<Self> {
        Self::create(name, None)
    }

    /// Creates a directory in this one. Errors as [`Self::new`].
    ///
    /// ```
    /// # use irqlab::debugfs::Dir;
    /// # use kernel::prelude::*;
    /// fn tree() -> Result<Dir> {
    ///     Dir::new(c"example")?.subdir(c"lines")
    /// }
    ///
    /// # if irqlab::lockdown::refuses_debugfs() { skip!("locked down") }
    /// let lines = tree()?;
    /// // It is there as long as anybody has it.
    /// assert!(matches!(Dir::new(c"example"), Err(EEXIST)));
    /// # drop(lines);
    /// # drop(Dir::new(c"example")?);
    /// ```
    pub fn subdir(&self, name: &CStr) -> Result<Self> {
        Self::create(name, Some(self.clone()))
    }

    /// The path of what is called `name` in this directory, seen from the outermost one that
    /// [`Self::new`] has made.
    ///
    /// Errors: `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::debugfs::Dir;
    /// # use kernel::{prelude::*, str::CString};
    /// fn path_of_sim0(lines: &Dir) -> Result<CString> {
    ///     lines.path_of(c"sim0")
    /// }
    ///
    /// # if irqlab::lockdown::refuses_debugfs() { skip!("locked down") }
    /// let outermost = Dir::new(c"example")?;
    /// assert_eq!(path_of_sim0(&outermost)?.to_bytes(), b"sim0");
    /// assert_eq!(path_of_sim0(&outermost.subdir(c"lines")?)?.to_bytes(), b"lines/sim0");
    /// ```
    pub fn path_of(&self, name: &CStr) -> Result<CString> {
        CString::try_from_fmt(fmt!("{}{}", *self.0.prefix, name))
    }

    fn create(name: &CStr, parent: Option<Dir>) -> Result<Self> {
        let prefix = match &parent {
            None => CString::try_from_fmt(fmt!(""))?,
            Some(parent) => CString::try_from_fmt(fmt!("{}{}/", *parent.0.prefix, name))?,
        };
        let parent_ptr = parent
            .as_ref()
            .map_or(core::ptr::null_mut(), |parent| parent.as_raw());
        // SAFETY: The parent is null or a directory of debugfs.
        let dentry = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), parent_ptr) };
        let entry = Entry::new(dentry, parent)?;
        // debugfs makes directories that anybody may enter (0755), and has no
        // other way to ask for less.
        //
        // SAFETY: The entry was created, so it has an inode, which nobody else
        // changes the mode of before it is known.
        unsafe {
            let inode = (*entry.dentry.as_ptr()).d_inode;
            (*inode).i_mode = (bindings::S_IFDIR | 0o700) as bindings::umode_t;
        }
        Ok(Self(Arc::new(Directory { prefix, entry }, GFP_KERNEL)?))
    }

    pub(super) fn as_raw(&self) -> *mut bindings::dentry {
        self.0.entry.dentry.as_ptr()
    }
}
