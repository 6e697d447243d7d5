// SPDX-License-Identifier: GPL-2.0

//! Raw C declarations: the kernel crate's, and on top of them what it lacks.
//!
//! The generated part is this directory's `bindings_helper.h`; its types are
//! the kernel crate's.

#![allow(
    clippy::all,
    improper_ctypes,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

pub(crate) use kernel::bindings::*;
use kernel::ffi;

include!(concat!(
    env!("IRQLAB_OBJ"),
    "/bindings/bindings_generated.rs"
));
