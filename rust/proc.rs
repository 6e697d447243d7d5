// SPDX-License-Identifier: GPL-2.0

//! Files of /proc: what the kernel tells programs, read as a program reads it.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings,
    context::Task, //
};
use core::ptr::null_mut;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    str::CStr, //
};

/// What of a file is read.
const MAX_LEN: usize = 64 * 1024;

/// What a file says, or the first 64 KiB of that.
///
/// Errors: `ENOENT` where there is no such file, as where /proc is not mounted; `ENOMEM`; and what
/// its file system answers.
///
/// ```
/// # use irqlab::{context::Task, proc};
/// # use kernel::prelude::*;
/// fn is_told(parameter: &str, task: &Task) -> Result<bool> {
///     let line = proc::read(c"/proc/cmdline", task)?;
///     Ok(line.as_str().split_ascii_whitespace().any(|word| word == parameter))
/// }
///
/// assert!(!is_told("irqlab.no-such-parameter", task)?);
/// assert_eq!(proc::read(c"/proc/no-such-file", task).err(), Some(ENOENT));
/// ```
pub fn read(path: &CStr, _task: &Task) -> Result<Content> {
    // SAFETY: The path ends in NUL; the token proves that this may sleep.
    let file = from_err_ptr(unsafe { bindings::filp_open(path.as_char_ptr(), 0, 0) })?;
    let file = Open(file);
    let mut bytes = KVVec::from_elem(0, MAX_LEN, GFP_KERNEL)?;
    let (mut len, mut position) = (0, 0);
    while len < MAX_LEN {
        let rest = &mut bytes[len..];
        // SAFETY: The file is open, by the type invariant; as many bytes are valid for writes; the
        // position is this function's own.
        let count = unsafe {
            bindings::kernel_read(file.0, rest.as_mut_ptr().cast(), rest.len(), &mut position)
        };
        match usize::try_from(count) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(_) => return Err(Error::from_errno(count as c_int)),
        }
    }
    bytes.truncate(len);
    Ok(Content(bytes))
}

/// What a file said.
pub struct Content(KVVec<u8>);

impl Content {
    /// As text, up to the first byte that is not.
    pub fn as_str(&self) -> &str {
        match core::str::from_utf8(&self.0) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&self.0[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

/// A file.
///
/// # Invariants
///
/// It is open, and this closes it.
struct Open(*mut bindings::file);

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is open, and nobody uses it any more. No lock on it was taken
        // in anybody's name.
        unsafe { bindings::filp_close(self.0, null_mut()) };
    }
}
