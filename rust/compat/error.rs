// SPDX-License-Identifier: GPL-2.0

//! Error codes that not every kernel's crate has by name.
//!
//! ```
//! # use {irqlab::error::*, kernel::error::Error};
//! const ALL: [Error; 8] =
//!     [EALREADY, EBADE, EBADMSG, ECANCELED, EDEADLK, EILSEQ, EOPNOTSUPP, ESHUTDOWN];
//! for error in ALL {
//!     assert!((-4095..0).contains(&error.to_errno()));
//! }
//! ```

use crate::bindings;
use kernel::error::Error;

/// It is already so, or on its way.
pub const EALREADY: Error = code(bindings::EALREADY);
/// An exchange that is none.
pub const EBADE: Error = code(bindings::EBADE);
/// Not a message.
pub const EBADMSG: Error = code(bindings::EBADMSG);
/// It was given up.
pub const ECANCELED: Error = code(bindings::ECANCELED);
/// It would wait for itself.
pub const EDEADLK: Error = code(bindings::EDEADLK);
/// Bytes that cannot be there.
pub const EILSEQ: Error = code(bindings::EILSEQ);
/// Not supported here.
pub const EOPNOTSUPP: Error = code(bindings::EOPNOTSUPP);
/// It has come to an end.
pub const ESHUTDOWN: Error = code(bindings::ESHUTDOWN);

const fn code(errno: u32) -> Error {
    // SAFETY: An `Error` is nothing but a number from `-MAX_ERRNO` to -1, and each code of C's headers, which this
    // is called with, is one from 1 to `MAX_ERRNO`.
    unsafe { core::mem::transmute::<i32, Error>(-(errno as i32)) }
}
