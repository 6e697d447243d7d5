// SPDX-License-Identifier: GPL-2.0

//! Machine code of the kernel: which functions a function calls.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use crate::{
    bindings,
    symbol::Name, //
};
use kernel::prelude::*;

/// More code than a function that is looked at has.
const MAX_LEN: usize = 4096;

/// A call of a function, or a jump to it, by the distance to its first byte.
const CALL: u8 = 0xe8;
const JUMP: u8 = 0xe9;
const LEN: usize = 5;

/// The functions that the function at `address` calls directly, by their addresses. Not those that it
/// calls through a pointer. All bytes of its code are tried as the beginning of a call, and those taken
/// for one that lead to the first byte of a function.
///
/// Errors: `ENOMEM`; `EFAULT` if the address is not that of the kernel's code, or that cannot be read.
///
/// ```
/// # use irqlab::{code, idt::Idt};
/// # use kernel::prelude::*;
/// /// What the handler of a gate calls first.
/// fn first_call(vector: usize) -> Result<Option<usize>> {
///     let gate = Idt::current().gates().nth(vector).ok_or(EINVAL)?;
///     Ok(code::calls(gate.handler)?.first().copied())
/// }
///
/// // That of a page fault.
/// assert!(first_call(14)?.is_some());
/// ```
pub fn calls(address: usize) -> Result<KVec<usize>> {
    let len = Name::of(address).len_behind().ok_or(EFAULT)?.min(MAX_LEN);
    let mut code = KVec::from_elem(0u8, len, GFP_KERNEL)?;
    // SAFETY: The buffer has that length; the address may be any of the kernel's, as where nothing can
    // be read this says so.
    let error = unsafe {
        bindings::copy_from_kernel_nofault(
            code.as_mut_ptr().cast(),
            address as *const kernel::ffi::c_void,
            len,
        )
    };
    if error != 0 {
        return Err(EFAULT);
    }
    let mut targets = KVec::new();
    for (offset, bytes) in code.windows(LEN).enumerate() {
        let [CALL | JUMP, distance @ ..] = bytes else {
            continue;
        };
        let distance = distance.try_into().map_or(0, i32::from_le_bytes);
        let target = address
            .wrapping_add(offset + LEN)
            .wrapping_add_signed(distance as isize);
        if Name::of(target).is_beginning() && !targets.contains(&target) {
            targets.push(target, GFP_KERNEL)?;
        }
    }
    Ok(targets)
}
