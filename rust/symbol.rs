// SPDX-License-Identifier: GPL-2.0

//! Which functions the running kernel has.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
    prelude::*,
    str::CStr, //
};

/// Whether the kernel, or a module that is loaded, has a function called `name`,
/// exported or not. Without kprobes: no.
pub fn exists(name: &CStr, _task: &Task) -> bool {
    // SAFETY: The name is a C string; the token proves that this may sleep.
    unsafe { bindings::symbol_exists(name.as_char_ptr()) }
}
