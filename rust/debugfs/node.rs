// SPDX-License-Identifier: GPL-2.0

//! What debugfs has of a file, and calls for it.
//!
//! All of that is the library's own code, and the library is there as long as a file is open: debugfs calls
//! `release` also of a file that was removed, and the module that made it may be gone by then, if its insertion
//! has failed.

use super::{
    dir::Dir,
    file::{
        Mode,
        Untyped, //
    },
    opened::{
        Opened,
        Opens, //
    },
};
use crate::{
    bindings,
    compat::this_module,
    context::{
        Context,
        Task, //
    },
};
use kernel::{
    error::from_result,
    ffi::c_longlong,
    prelude::*,
    str::CStr,
    sync::Arc,
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// The longest command, in bytes. More is refused with `E2BIG`.
const COMMAND_MAX: usize = 4096;

/// A file, as debugfs knows it by [`OPERATIONS`]. Dropping it, when debugfs has removed the file, takes from
/// all who have it open what is the content's.
pub(super) struct Node {
    pub(super) content: Arc<dyn Untyped>,
    pub(super) mode: Mode,
    /// The module of the content.
    pub(super) owner: &'static ThisModule,
    pub(super) opens: Arc<Opens>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.opens.revoke();
    }
}

/// The operations of a file whose inode has a [`Node`]. Without `read` or `write` debugfs would refuse these by
/// itself, and nobody learn why.
///
/// A static, as a constant would be a part of whichever module uses it.
static OPERATIONS: Operations = Operations(bindings::file_operations {
    owner: this_module::<crate::LocalModule>().as_ptr(),
    open: Some(open),
    read: Some(read),
    write: Some(write),
    llseek: Some(bindings::default_llseek),
    release: Some(release),
    ..pin_init::zeroed()
});

struct Operations(bindings::file_operations);

// SAFETY: It is only read.
unsafe impl Sync for Operations {}

impl Node {
    /// Has debugfs create its file.
    ///
    /// Errors are in what this returns, as C puts them there.
    ///
    /// # Safety
    ///
    /// `self` stays where it is until the file is removed.
    pub(super) unsafe fn create(&self, name: &CStr, dir: &Dir) -> *mut bindings::dentry {
        let mode = bindings::S_IFREG
            | match self.mode {
                Mode::ReadOnly => 0o400,
                Mode::ReadWrite => 0o600,
                Mode::WriteOnly => 0o200,
            };
        // SAFETY: The operations are static and expect a node, which stays by this function's contract.
        unsafe {
            bindings::debugfs_create_file_full(
                name.as_char_ptr(),
                mode as bindings::umode_t,
                dir.as_raw(),
                (&raw const *self).cast_mut().cast(),
                core::ptr::null(),
                &OPERATIONS.0,
            )
        }
    }
}

/// # Safety
///
/// `inode` must be that of a debugfs file made with [`OPERATIONS`] for a [`Node`], which is not removed
/// during `'a`.
unsafe fn node<'a>(inode: *mut bindings::inode) -> &'a Node {
    // SAFETY: By this function's contract debugfs keeps the pointer given to it.
    unsafe { &*(*inode).i_private.cast_const().cast::<Node>() }
}

extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    from_result(|| {
        // SAFETY: debugfs calls `open` with a valid file that is not yet
        // anybody else's.
        let is_read = unsafe { (*file).f_mode } & bindings::FMODE_READ != 0;
        // SAFETY: debugfs keeps the file from being removed meanwhile.
        let node = unsafe { node(inode) };
        // SAFETY: System calls run in a task that may sleep.
        let opened = Opened::new(node, is_read, unsafe { Task::assume() })?;
        // SAFETY: The file is valid, and not yet anybody else's.
        unsafe { (*file).private_data = opened.into_foreign() };
        Ok(0)
    })
}

extern "C" fn read(
    file: *mut bindings::file,
    buffer: *mut c_char,
    count: usize,
    position: *mut c_longlong,
) -> isize {
    // SAFETY: The file is valid, and debugfs keeps it from being removed meanwhile.
    let node = unsafe { node((*file).f_inode) };
    if node.mode == Mode::WriteOnly {
        node.content
            .refused(EINVAL, "this file can only be written");
        return EINVAL.to_errno() as isize;
    }
    // SAFETY: `open` has put it there, and only `release` takes it, when nobody reads.
    let opened = unsafe { Arc::<Opened>::borrow((*file).private_data) };
    // SAFETY: The position is the caller's own for as long as this runs.
    let position = unsafe { &mut *position };
    let buffer = UserSlice::new(UserPtr::from_addr(buffer.addr()), count).writer();
    // SAFETY: System calls run in a task that may sleep.
    match opened.read(buffer, position, unsafe { Task::assume() }) {
        Ok(len) => len as isize,
        Err(error) => error.to_errno() as isize,
    }
}

extern "C" fn write(
    file: *mut bindings::file,
    buffer: *const c_char,
    count: usize,
    _position: *mut c_longlong,
) -> isize {
    // SAFETY: The file is valid, and debugfs keeps it from being removed meanwhile.
    let node = unsafe { node((*file).f_inode) };
    let refuse = |error, why| {
        node.content.refused(error, why);
        Err(error)
    };
    let written = || -> Result {
        if node.mode == Mode::ReadOnly {
            return refuse(EINVAL, "this file can only be read");
        }
        if count > COMMAND_MAX {
            return refuse(E2BIG, "the command is too long");
        }
        let mut bytes = KVec::new();
        UserSlice::new(UserPtr::from_addr(buffer.addr()), count)
            .read_all(&mut bytes, GFP_KERNEL)?;
        let Ok(command) = core::str::from_utf8(&bytes) else {
            return refuse(EINVAL, "a command is UTF-8 text");
        };
        // SAFETY: System calls run in a task that may sleep.
        let task = unsafe { Task::assume() };
        node.content.write(command.trim(), task)
    };
    match written() {
        Ok(()) => count as isize,
        Err(error) => error.to_errno() as isize,
    }
}

extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // May come after the file was removed: uses nothing but its own.
    //
    // SAFETY: `open` has put it there, and nobody uses it any more.
    unsafe { Arc::<Opened>::from_foreign((*file).private_data) }.close();
    0
}
