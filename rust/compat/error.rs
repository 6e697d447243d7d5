// SPDX-License-Identifier: GPL-2.0

//! Error codes that not every kernel's crate has by name.
//!
//! ```
//! # use {irqlab::error::*, kernel::error::Error};
//! const ALL: [Error; 7] = [EALREADY, EBADE, EBADMSG, EDEADLK, EILSEQ, EOPNOTSUPP, ESHUTDOWN];
//! for error in ALL {
//!     assert!((-4095..0).contains(&error.to_errno()));
//! }
//! ```

use crate::bindings;
use core::num::NonZero;
use kernel::error::Error;

/// It is already so, or on its way.
pub const EALREADY: Error = code(bindings::EALREADY);
/// An exchange that is none.
pub const EBADE: Error = code(bindings::EBADE);
/// Not a message.
pub const EBADMSG: Error = code(bindings::EBADMSG);
/// It would wait for itself.
pub const EDEADLK: Error = code(bindings::EDEADLK);
/// Bytes that cannot be there.
pub const EILSEQ: Error = code(bindings::EILSEQ);
/// Not supported here.
pub const EOPNOTSUPP: Error = code(bindings::EOPNOTSUPP);
/// It has come to an end.
pub const ESHUTDOWN: Error = code(bindings::ESHUTDOWN);

const fn code(errno: u32) -> Error {
    match NonZero::new(-(errno as i32)) {
        // SAFETY: An `Error` is nothing but such a number, negative and at most `MAX_ERRNO` below 0, which all
        // codes of C's header are.
        Some(code) => unsafe { core::mem::transmute::<NonZero<i32>, Error>(code) },
        None => panic!("0 is no error"),
    }
}
