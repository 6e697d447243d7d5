// SPDX-License-Identifier: GPL-2.0

//! Values whose types in `kernel::bindings` are now an integer, now a struct of one.

use crate::bindings;

/// C's `bool` or `int`, whichever a parameter is.
#[inline]
pub(crate) fn from_bool<T: From<bool>>(value: bool) -> T {
    value.into()
}

/// One of the values of `enum irqreturn`.
pub(crate) const fn irqreturn(value: u32) -> bindings::irqreturn_t {
    // SAFETY: A C enum: an integer of this size, or a transparent struct of one, which may have any value.
    unsafe { core::mem::transmute::<u32, bindings::irqreturn_t>(value) }
}

/// `HRTIMER_NORESTART`.
pub(crate) const fn hrtimer_no_restart() -> bindings::hrtimer_restart {
    // SAFETY: A C enum: an integer of this size, or a transparent struct of one, which may have any value.
    unsafe { core::mem::transmute::<u32, bindings::hrtimer_restart>(bindings::HRTIMER_NORESTART) }
}
