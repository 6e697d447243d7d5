// SPDX-License-Identifier: GPL-2.0

//! Guarded instructions that raise other exceptions than a page fault. They may be
//! tried in any context.
//!
//! ```
//! # use irqlab::{exception::Vector, fixup::{instructions, End}};
//! fn are_fixed_up() -> bool {
//!     instructions::divide().end == End::Trapped(Vector::DE.0)
//!         && instructions::undefined().end == End::Trapped(Vector::UD.0)
//! }
//!
//! assert!(are_fixed_up());
//! ```
//!
//! C header: [`arch/x86/include/asm/trapnr.h`](srctree/arch/x86/include/asm/trapnr.h),
//! [`arch/x86/include/asm/msr.h`](srctree/arch/x86/include/asm/msr.h)

use super::{
    access::{
        trapped,
        NO_VECTOR, //
    },
    assembly::{
        data,
        entry,
        SI, //
    },
    End,
    Outcome,
    POISON, //
};
use crate::{
    bindings,
    exception::{
        self,
        Watch, //
    },
};
use core::arch::asm;

/// An instruction whose exception's vector is put into AX.
macro_rules! trapping {
    ($(#[$meta:meta])* $name:ident, $function:ident, $instruction:literal) => {
        $(#[$meta])*
        pub fn $name() -> Outcome {
            $function()
        }

        #[no_mangle]
        #[inline(never)]
        extern "Rust" fn $function() -> Outcome {
            let (vector, resumed_at): (u64, usize);
            // SAFETY: The instruction is guarded, and has no effect but its exception.
            unsafe {
                asm!(
                    concat!("2: ", $instruction),
                    "3: leaq 3b(%rip), {resumed}",
                    entry!(),
                    resumed = out(reg) resumed_at,
                    inout("rax") NO_VECTOR => vector,
                    inout("rdx") 0u64 => _,
                    in("rcx") 0u64,
                    entry = const data(bindings::EX_TYPE_FAULT as u8, 0, 0, 0),
                    options(att_syntax, nostack),
                );
            }
            trapped(vector, POISON, resumed_at)
        }
    };
}

trapping! {
    /// Divides by zero: #DE.
    divide, irqlab_divide, "divq %rcx"
}

trapping! {
    /// The instruction that is defined to be undefined: #UD.
    undefined, irqlab_undefined, "ud2"
}

/// An MSR that no processor has: in the x2APIC's range, reserved.
///
/// ```
/// # use irqlab::fixup::instructions::{self, RESERVED_MSR};
/// # use kernel::prelude::*;
/// if instructions::rdmsr().result() == Err(EIO) && instructions::wrmsr().result() == Err(EIO) {
///     pr_info!("there is no MSR {RESERVED_MSR:#x}\n");
/// }
/// ```
pub const RESERVED_MSR: u32 = 0x8ff;

/// Reads [`RESERVED_MSR`]: #GP. The fixup says `-EIO` and clears the value.
pub fn rdmsr() -> Outcome {
    irqlab_rdmsr()
}

/// Writes 0 to [`RESERVED_MSR`]: #GP. The fixup says `-EIO`.
pub fn wrmsr() -> Outcome {
    irqlab_wrmsr()
}

/// A breakpoint, `int3`: a trap. There is no fixup for it: it goes on behind the
/// instruction because the watch, in the place of a debugger, has it ended there.
///
/// ```
/// # use irqlab::{context::Unsleeping, exception::{Exception, Observer, Vector, Watch}};
/// # use irqlab::fixup::instructions;
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Breakpoints(Atomic<u64>);
/// # impl Observer for Breakpoints {
/// #     fn observe(&self, exception: &Exception, _context: &Unsleeping) {
/// #         self.0.add(u64::from(exception.vector == Vector::BP), Relaxed);
/// #     }
/// # }
/// fn trap<O: Observer>(watch: &Watch<O>) {
///     let outcome = instructions::breakpoint(watch);
///     pr_info!("went on at {:#x}\n", outcome.resumed_at);
/// }
///
/// # let watch = Watch::new(Arc::new(Breakpoints(Atomic::new(0)), GFP_KERNEL)?)?;
/// trap(&watch);
/// # assert!(watch.observer().0.load(Relaxed) >= 1);
/// ```
pub fn breakpoint<O: exception::Observer>(_watch: &Watch<O>) -> Outcome {
    irqlab_breakpoint()
}

/// What [`load_bad_selector`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSelector {
    /// The address of the instruction.
    pub instruction: usize,
    /// Where it went on.
    pub resumed_at: usize,
    /// The stack pointer at the instruction.
    pub sp: usize,
}

/// A selector that is behind the end of the GDT.
pub const BAD_SELECTOR: u16 = 0xfff8;

/// Loads [`BAD_SELECTOR`] into ES: #GP, whose error code is the selector. It has no entry in the
/// exception table: it goes on behind the instruction because the watch says so. CX has the stack
/// pointer meanwhile.
///
/// ```
/// # use irqlab::{context::Unsleeping, exception::{Exception, Observer, Watch}};
/// # use irqlab::fixup::instructions::{load_bad_selector, BadSelector, BAD_SELECTOR};
/// # use kernel::{prelude::*, sync::Arc};
/// # struct Nobody;
/// # impl Observer for Nobody {
/// #     fn observe(&self, _exception: &Exception, _context: &Unsleeping) {}
/// # }
/// fn load<O: Observer>(watch: &Watch<O>) -> bool {
///     let BadSelector { instruction, resumed_at, .. } = load_bad_selector(watch);
///     pr_info!("{BAD_SELECTOR:#x} at {instruction:#x}, went on at {resumed_at:#x}\n");
///     resumed_at != instruction
/// }
///
/// # let watch = Watch::new(Arc::new(Nobody, GFP_KERNEL)?)?;
/// assert!(load(&watch));
/// ```
pub fn load_bad_selector<O: exception::Observer>(_watch: &Watch<O>) -> BadSelector {
    irqlab_load_bad_selector()
}

/// Whether this is where [`load_bad_selector`] faults.
pub(crate) fn is_bad_selector(registers: &exception::Registers) -> bool {
    const LONGEST: usize = 64;

    let function: extern "Rust" fn() -> BadSelector = irqlab_load_bad_selector;
    let (ip, behind) = (registers.ip, registers.dx as usize);
    ip.wrapping_sub(function as usize) < LONGEST && (1..4).contains(&behind.wrapping_sub(ip))
}

fn msr_outcome(error: i64, value: u64, resumed_at: usize) -> Outcome {
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

#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_rdmsr() -> Outcome {
    let (error, low, high, resumed_at): (i64, u64, u64, usize);
    // SAFETY: The instruction is guarded, and reads what has no side effects.
    unsafe {
        asm!(
            "2: rdmsr",
            "3: leaq 3b(%rip), {resumed}",
            entry!(),
            resumed = out(reg) resumed_at,
            in("rcx") u64::from(RESERVED_MSR),
            out("rax") low,
            out("rdx") high,
            inout("rsi") 0i64 => error,
            entry = const data(bindings::EX_TYPE_RDMSR_SAFE as u8, 0, SI, 0),
            options(att_syntax, nostack),
        );
    }
    msr_outcome(error, high << 32 | low & 0xffff_ffff, resumed_at)
}

#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_wrmsr() -> Outcome {
    let (error, resumed_at): (i64, usize);
    // SAFETY: The instruction is guarded. Where it does nothing instead of faulting,
    // as some hypervisors have it, that is all that 0 in a reserved register does.
    unsafe {
        asm!(
            "2: wrmsr",
            "3: leaq 3b(%rip), {resumed}",
            entry!(),
            resumed = out(reg) resumed_at,
            in("rcx") u64::from(RESERVED_MSR),
            in("rax") 0u64,
            in("rdx") 0u64,
            inout("rsi") 0i64 => error,
            entry = const data(bindings::EX_TYPE_WRMSR_SAFE as u8, 0, SI, 0),
            options(att_syntax, nostack),
        );
    }
    msr_outcome(error, 0, resumed_at)
}

/// The entry is for the watch, by which it knows this breakpoint for its own; the
/// kernel does not look for one.
#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_breakpoint() -> Outcome {
    let resumed_at: usize;
    // SAFETY: The caller has a watch, which says that it was this breakpoint's.
    unsafe {
        asm!(
            "2: int3",
            "3: leaq 3b(%rip), {resumed}",
            entry!(),
            resumed = out(reg) resumed_at,
            entry = const data(bindings::EX_TYPE_DEFAULT as u8, 0, 0, 0),
            options(att_syntax, nostack),
        );
    }
    Outcome {
        end: End::Done,
        value: POISON,
        resumed_at,
    }
}

#[no_mangle]
#[inline(never)]
extern "Rust" fn irqlab_load_bad_selector() -> BadSelector {
    let (instruction, resumed_at, sp): (usize, usize, usize);
    // SAFETY: The caller has a watch, which has the fault end behind the instruction: ES stays as it
    // was, and nothing uses it in 64-bit mode.
    unsafe {
        asm!(
            "leaq 2f(%rip), {instruction}",
            "leaq 3f(%rip), %rdx",
            "movq %rsp, %rcx",
            "2: movw %ax, %es",
            "3:",
            instruction = out(reg) instruction,
            in("rax") u64::from(BAD_SELECTOR),
            out("rcx") sp,
            out("rdx") resumed_at,
            options(att_syntax, nostack),
        );
    }
    BadSelector {
        instruction,
        resumed_at,
        sp,
    }
}
