// SPDX-License-Identifier: GPL-2.0

//! Guarded loads and stores, one for each handler that the table can name for them.
//!
//! | function | handler | what tells the fault |
//! |---|---|---|
//! | [`load`], [`store`] | [`Handler::ImmReg`] | `-EFAULT` in AX, set by the handler |
//! | [`load_default`] | [`Handler::Default`] | `-EFAULT` in AX, which only what was skipped would have cleared |
//! | [`load_uaccess`] | [`Handler::Uaccess`] | the same as for [`Handler::Default`] |
//! | [`load_fault`] | [`Handler::Fault`] | the vector in AX |
//! | [`load_zeropad`] | [`Handler::Zeropad`] | nothing: zeros for what is not there |
//! | [`copy`] | [`Handler::UcopyLen`] | what is left to copy, in CX |
//!
//! Errors of all of them, without an access: `ESRCH` if the address is of another
//! task's memory.
//!
//! [`Handler::ImmReg`]: super::table::Handler::ImmReg
//! [`Handler::Default`]: super::table::Handler::Default
//! [`Handler::Uaccess`]: super::table::Handler::Uaccess
//! [`Handler::Fault`]: super::table::Handler::Fault
//! [`Handler::Zeropad`]: super::table::Handler::Zeropad
//! [`Handler::UcopyLen`]: super::table::Handler::UcopyLen

use super::{
    address::WORD,
    assembly::{
        data,
        entry,
        where_smap,
        AX,
        CLEAR_DX,
        R8,
        SMAP, //
    },
    Address,
    End,
    Island,
    Outcome,
    PageFaultsDisabled,
    Paging,
    POISON, //
};
use crate::bindings;
use core::arch::asm;
use kernel::prelude::*;

const EFAULT_ERRNO: i64 = -(bindings::EFAULT as i64);

/// In AX before an instruction whose handler would put a vector there.
pub(super) const NO_VECTOR: u64 = u64::MAX;

/// Reads a word, or has the fixup say `-EFAULT` and clear the value.
///
/// ```
/// # use irqlab::fixup::{access, Address, Outcome, Paging};
/// # use kernel::prelude::*;
/// fn by_each_handler(address: &Address<'_>) -> Result<[Outcome; 4]> {
///     Ok([
///         access::load(address, Paging::Refused)?,
///         access::load_default(address, Paging::Refused)?,
///         access::load_uaccess(address, Paging::Refused)?,
///         access::load_fault(address, Paging::Refused)?,
///     ])
/// }
///
/// # let island = irqlab::fixup::Island::new()?;
/// # irqlab::fixup::write(&island.inside(0), 42, Paging::Refused)?;
/// for outcome in by_each_handler(&island.inside(0))? {
///     assert_eq!(outcome.result(), Ok(42));
/// }
/// # // Only the first entry has nobody told: its fixup goes on, and no more.
/// # assert!(by_each_handler(&island.guard(0))?.iter().any(|outcome| outcome.result().is_err()));
/// ```
pub fn load(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    guarded(address, paging, irqlab_load)
}

/// As [`load`], by a fixup that does nothing but go on.
pub fn load_default(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    guarded(address, paging, irqlab_load_default)
}

/// As [`load_default`], by the handler that is made for user memory.
pub fn load_uaccess(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    guarded(address, paging, irqlab_load_uaccess)
}

/// As [`load`], by a fixup that says the vector.
pub fn load_fault(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    guarded(address, paging, irqlab_load_fault)
}

/// Writes a word. Errors: also `EPERM` if the address is none to write to.
///
/// ```
/// # use irqlab::fixup::{access, Address, Paging};
/// # use kernel::prelude::*;
/// /// To the instruction, both are writes.
/// fn both_fail(address: &Address<'_>) -> Result<bool> {
///     let other = access::store(address, 0, Paging::Refused)?;
///     let same = access::rewrite(address, Paging::Refused)?;
///     Ok(other.result().is_err() && same.result().is_err())
/// }
///
/// assert!(both_fail(&irqlab::fixup::Island::new()?.guard(0))?);
/// ```
pub fn store(address: &Address<'_>, value: u64, paging: Paging<'_>) -> Result<Outcome> {
    if !address.may_store() {
        return Err(EPERM);
    }
    guarded(address, paging, |at| {
        // SAFETY: By the invariants of `Address`.
        unsafe { irqlab_store(at, value) }
    })
}

/// Writes what is there already, which is permitted at every address: where it is not
/// read-only, it changes nothing. An error of the load is that of the whole.
pub fn rewrite(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    guarded(address, paging, |at| match irqlab_load(at) {
        Outcome {
            end: End::Done,
            value,
            ..
        } => {
            // SAFETY: By the invariants of `Address`, or as the value is the same.
            unsafe { irqlab_store(at, value) }
        }
        failed => failed,
    })
}

/// Reads the last `nr_inside` (1 to 7) bytes of the island, and as many behind it as
/// make a word: the fixup puts zeros in their place.
///
/// ```
/// # use irqlab::fixup::{access, Island};
/// # use kernel::prelude::*;
/// fn is_padded() -> Result<bool> {
///     Ok(access::load_zeropad(&Island::new()?, 4).result()? >> 32 == 0)
/// }
///
/// assert!(is_padded()?);
/// ```
pub fn load_zeropad(island: &Island, nr_inside: usize) -> Outcome {
    irqlab_load_zeropad(island.edge(nr_inside))
}

/// As [`load`], by the same instructions, but with no entry: what a load costs that
/// nobody guards. For comparison. Errors: also `EPERM` unless it is known that there is
/// something, which it is of [`Island::inside`] only.
///
/// ```
/// # use irqlab::{clock, fixup::{access, Island, Paging}};
/// # use kernel::prelude::*;
/// fn cost_ns() -> Result<u64> {
///     let island = Island::new()?;
///     let before = clock::now_ns();
///     access::load_unguarded(&island.inside(0), Paging::Refused)?;
///     Ok(clock::now_ns().wrapping_sub(before))
/// }
///
/// cost_ns()?;
/// # let refused = access::load_unguarded(&Island::new()?.guard(0), Paging::Refused);
/// # assert_eq!(refused.err(), Some(EPERM));
/// ```
pub fn load_unguarded(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    if !address.is_there() {
        return Err(EPERM);
    }
    guarded(address, paging, |at| {
        // SAFETY: It is there.
        unsafe { irqlab_load_unguarded(at) }
    })
}

/// Copies two words' bytes, and says how many of them are left when it cannot go on,
/// in `value`. Whether the address of the second word is as good as that of the first
/// does not matter, as nothing is written there.
///
/// ```
/// # use irqlab::fixup::{access, Island, Paging};
/// # use kernel::prelude::*;
/// fn bytes_left() -> Result<u64> {
///     Ok(access::copy(&Island::new()?.guard(0), Paging::Refused)?.value)
/// }
///
/// assert_eq!(bytes_left()?, 16);
/// ```
pub fn copy(address: &Address<'_>, paging: Paging<'_>) -> Result<Outcome> {
    guarded(address, paging, |at| {
        let mut copied = [0u8; 2 * WORD];
        irqlab_copy(at, &mut copied)
    })
}

/// Reads two words of the island by two loads, one right behind the other. Each has an entry in the
/// table, with an error of its own: -1 and -2. Which one is left tells whose entry was found.
///
/// ```
/// # use irqlab::fixup::{access, End, Island};
/// # use kernel::prelude::*;
/// fn is_the_second() -> Result<bool> {
///     let island = Island::new()?;
///     Ok(access::load_two(&island.inside(0), &island.guard(0))?.end == End::Error(-2))
/// }
///
/// assert!(is_the_second()?);
/// ```
pub fn load_two(first: &Address<'_>, second: &Address<'_>) -> Result<Outcome> {
    if !second.is_here() {
        return Err(ESRCH);
    }
    guarded(first, Paging::Refused, |first| {
        irqlab_load_two(first, second.as_raw())
    })
}

fn guarded(
    address: &Address<'_>,
    paging: Paging<'_>,
    access: impl FnOnce(usize) -> Outcome,
) -> Result<Outcome> {
    let _refused = PageFaultsDisabled::unless_served(paging);
    if !address.is_here() {
        return Err(ESRCH);
    }
    Ok(access(address.as_raw()))
}

/// The outcome of an access that has an error in AX.
fn outcome(error: i64, value: u64, resumed_at: usize) -> Outcome {
    let end = match error as i32 {
        0 => End::Done,
        errno => End::Error(errno),
    };
    Outcome {
        end,
        value,
        resumed_at,
    }
}

/// The outcome of an instruction that has a vector in AX.
pub(super) fn trapped(vector: u64, value: u64, resumed_at: usize) -> Outcome {
    let end = match vector {
        NO_VECTOR => End::Done,
        vector => End::Trapped(vector as u8),
    };
    Outcome {
        end,
        value,
        resumed_at,
    }
}

/// A load whose error is in AX: cleared before or behind the instruction.
macro_rules! load {
    ($name:ident, $before:expr, $behind:literal, $entry:expr) => {
        #[no_mangle]
        #[inline(never)]
        extern "Rust" fn $name(at: usize) -> Outcome {
            let (error, value, resumed_at): (i64, u64, usize);
            // SAFETY: The load is guarded, and has no effect but on its register. STAC
            // is undone on the only way out.
            unsafe {
                asm!(
                    where_smap!("stac"),
                    "2: movq ({at}), %rdx",
                    $behind,
                    "3: leaq 3b(%rip), {resumed}",
                    where_smap!("clac"),
                    entry!(),
                    at = in(reg) at,
                    resumed = out(reg) resumed_at,
                    inout("rax") $before => error,
                    inout("rdx") POISON => value,
                    entry = const $entry,
                    smap = const SMAP,
                    options(att_syntax, nostack),
                );
            }
            outcome(error, value, resumed_at)
        }
    };
}

load!(
    irqlab_load,
    0i64,
    "",
    data(
        bindings::EX_TYPE_IMM_REG as u8,
        CLEAR_DX,
        AX,
        EFAULT_ERRNO as i16
    )
);
load!(
    irqlab_load_default,
    EFAULT_ERRNO,
    "xorl %eax, %eax",
    data(bindings::EX_TYPE_DEFAULT as u8, 0, 0, 0)
);
load!(
    irqlab_load_uaccess,
    EFAULT_ERRNO,
    "xorl %eax, %eax",
    data(bindings::EX_TYPE_UACCESS as u8, 0, 0, 0)
);

#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_load_fault(at: usize) -> Outcome {
    let (vector, value, resumed_at): (u64, u64, usize);
    // SAFETY: The load is guarded, and has no effect but on its register. STAC is
    // undone on the only way out.
    unsafe {
        asm!(
            where_smap!("stac"),
            "2: movq ({at}), %rdx",
            "3: leaq 3b(%rip), {resumed}",
            where_smap!("clac"),
            entry!(),
            at = in(reg) at,
            resumed = out(reg) resumed_at,
            inout("rax") NO_VECTOR => vector,
            inout("rdx") POISON => value,
            entry = const data(bindings::EX_TYPE_FAULT as u8, CLEAR_DX, 0, 0),
            smap = const SMAP,
            options(att_syntax, nostack),
        );
    }
    trapped(vector, value, resumed_at)
}

/// `at` must be a word that crosses the end of a page into one that is not there,
/// and of the kernel: the handler knows no other fault.
#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_load_zeropad(at: usize) -> Outcome {
    let (value, resumed_at): (u64, usize);
    // SAFETY: The load is guarded, and has no effect but on its register.
    unsafe {
        asm!(
            "2: movq ({at}), %rdx",
            "3: leaq 3b(%rip), {resumed}",
            entry!(),
            at = in(reg) at,
            resumed = out(reg) resumed_at,
            inout("rdx") POISON => value,
            entry = const data(bindings::EX_TYPE_ZEROPAD as u8, 0, 0, 0),
            options(att_syntax, nostack),
        );
    }
    outcome(0, value, resumed_at)
}

#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_load_two(first: usize, second: usize) -> Outcome {
    let (error, value, resumed_at): (i64, u64, usize);
    // SAFETY: Both loads are guarded, and have no effect but on their register. STAC is undone on the
    // only way out.
    unsafe {
        asm!(
            where_smap!("stac"),
            "2: movq ({first}), %rdx",
            "4: movq ({second}), %rdx",
            "3: leaq 3b(%rip), {resumed}",
            where_smap!("clac"),
            entry!("2b", "3b", "one"),
            entry!("4b", "3b", "two"),
            first = in(reg) first,
            second = in(reg) second,
            resumed = out(reg) resumed_at,
            inout("rax") 0i64 => error,
            inout("rdx") POISON => value,
            one = const data(bindings::EX_TYPE_IMM_REG as u8, CLEAR_DX, AX, -1),
            two = const data(bindings::EX_TYPE_IMM_REG as u8, CLEAR_DX, AX, -2),
            smap = const SMAP,
            options(att_syntax, nostack),
        );
    }
    outcome(error, value, resumed_at)
}

/// # Safety
///
/// If the store at `at` does not fault, it must be permitted.
#[no_mangle]
#[inline(never)]
unsafe extern "Rust" fn irqlab_store(at: usize, value: u64) -> Outcome {
    let (error, resumed_at): (i64, usize);
    // SAFETY: The store is guarded, and permitted by this function's contract. STAC is
    // undone on the only way out.
    unsafe {
        asm!(
            where_smap!("stac"),
            "2: movq %rdx, ({at})",
            "3: leaq 3b(%rip), {resumed}",
            where_smap!("clac"),
            entry!(),
            at = in(reg) at,
            resumed = out(reg) resumed_at,
            inout("rax") 0i64 => error,
            in("rdx") value,
            entry = const data(bindings::EX_TYPE_IMM_REG as u8, 0, AX, EFAULT_ERRNO as i16),
            smap = const SMAP,
            options(att_syntax, nostack),
        );
    }
    outcome(error, value, resumed_at)
}

/// # Safety
///
/// There must be a word at `at`, or the kernel may oops.
#[no_mangle]
#[inline(never)]
pub(crate) unsafe extern "Rust" fn irqlab_load_unguarded(at: usize) -> Outcome {
    let (error, value, resumed_at): (i64, u64, usize);
    // SAFETY: By this function's contract; the load has no effect but on its register.
    // STAC is undone.
    unsafe {
        asm!(
            where_smap!("stac"),
            "movq ({at}), %rdx",
            "3: leaq 3b(%rip), {resumed}",
            where_smap!("clac"),
            at = in(reg) at,
            resumed = out(reg) resumed_at,
            inout("rax") 0i64 => error,
            inout("rdx") POISON => value,
            smap = const SMAP,
            options(att_syntax, nostack),
        );
    }
    outcome(error, value, resumed_at)
}

#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_copy(at: usize, copied: &mut [u8]) -> Outcome {
    let (left, resumed_at): (usize, usize);
    // SAFETY: The load is guarded, and has no effect but on `copied`, which is as long
    // as CX says. STAC is undone on the only way out.
    unsafe {
        asm!(
            where_smap!("stac"),
            "2: rep movsb",
            "3: leaq 3b(%rip), {resumed}",
            where_smap!("clac"),
            entry!(),
            resumed = out(reg) resumed_at,
            inout("rcx") copied.len() => left,
            inout("rdi") copied.as_mut_ptr() => _,
            inout("rsi") at => _,
            // To be added to once what is left.
            in("r8") 0,
            entry = const data(bindings::EX_TYPE_UCOPY_LEN as u8, 0, R8, 1),
            smap = const SMAP,
            options(att_syntax, nostack),
        );
    }
    let error = if left == 0 { 0 } else { EFAULT_ERRNO };
    outcome(error, left as u64, resumed_at)
}
