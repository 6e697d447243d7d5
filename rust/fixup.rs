// SPDX-License-Identifier: GPL-2.0

//! Fixups: instructions that may fault in the kernel, and where it goes on if they do.
//!
//! ```text
//!     instruction ──faults──▶ exception ──▶ exception table: an entry for it?
//!          │                                   │ no            │ yes
//!          │                                   ▼               ▼
//!          │                                  oops    its handler sets registers
//!          ▼                                                   │
//!     resume label ◀───────────────────────────────────────────┘
//! ```
//!
//! This module has such instructions, each with an entry in its [`table`]: loads
//! and stores at an [`Address`], one for each type of handler that an entry can
//! name, and [`instructions`] that raise other exceptions than a page fault. The
//! [`Outcome`] says how an access ended. An observer of
//! [`exception`](crate::exception) is told what the exception's handler saw.
//!
//! ```
//! # use irqlab::fixup::{self, Address, Paging};
//! # use kernel::prelude::*;
//! fn nothing_is_there() -> bool {
//!     fixup::read(&Address::non_canonical(0), Paging::Refused) == Err(EFAULT)
//! }
//!
//! assert!(nothing_is_there());
//! ```
//!
//! An instruction and its entry have to be one piece of assembly. To write your own,
//! copy one of [`access`]: each is a function of its own, so that it has one entry
//! in the table, and a name there.
//!
//! C header: [`arch/x86/include/asm/extable.h`](srctree/arch/x86/include/asm/extable.h)

pub mod access;
pub mod address;
pub mod instructions;
pub mod table;

mod assembly;

pub use address::{
    Address,
    Island, //
};

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
    prelude::*,
    types::NotThreadSafe, //
};

/// How a guarded instruction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As if nothing had been: no exception, or one that was served.
    Done,
    /// The fixup left this error, a negative error number.
    Error(i32),
    /// The fixup left the vector of the exception.
    Trapped(u8),
}

/// What a guarded instruction has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The register for the value. [`POISON`] where nothing was put in.
    pub value: u64,
    /// The address at which the kernel went on, with or without a fixup.
    pub resumed_at: usize,
}

impl Outcome {
    /// The value, or the error that the fixup has set; `EIO` for a vector.
    ///
    /// ```
    /// # use irqlab::fixup::{access, Address, Island, Paging, POISON};
    /// # use kernel::prelude::*;
    /// fn is_there(address: &Address<'_>) -> Result<bool> {
    ///     let outcome = access::load_default(address, Paging::Refused)?;
    ///     // Its fixup only goes on: what was to be set has the value from before.
    ///     Ok(outcome.result().is_ok() && outcome.value != POISON)
    /// }
    ///
    /// let island = Island::new()?;
    /// assert!(is_there(&island.inside(0))? && !is_there(&island.guard(0))?);
    /// ```
    pub fn result(self) -> Result<u64> {
        match self.end {
            End::Done => Ok(self.value),
            End::Error(errno) => Err(Error::from_errno(errno)),
            End::Trapped(_) => Err(EIO),
        }
    }
}

/// What is in the register for the value before an instruction that sets it.
pub const POISON: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// What to do about a page of user memory that is not there yet.
#[derive(Clone, Copy)]
pub enum Paging<'a> {
    /// Get it, and sleep meanwhile.
    Served(&'a Task),
    /// Nothing: the access fails.
    Refused,
}

/// Reads a word.
///
/// Errors: `EFAULT`; `ESRCH` if the address is of another task's memory.
pub fn read(address: &Address<'_>, paging: Paging<'_>) -> Result<u64> {
    access::load(address, paging)?.result()
}

/// Writes a word.
///
/// Errors: `EFAULT`; `ESRCH` if the address is of another task's memory; `EPERM` if
/// it is none to write to.
///
/// ```
/// # use irqlab::fixup::{self, Island, Paging};
/// # use kernel::prelude::*;
/// fn keeps() -> Result<bool> {
///     let island = Island::new()?;
///     fixup::write(&island.inside(0), 42, Paging::Refused)?;
///     Ok(fixup::read(&island.inside(0), Paging::Refused)? == 42)
/// }
///
/// assert!(keeps()?);
/// ```
pub fn write(address: &Address<'_>, value: u64, paging: Paging<'_>) -> Result {
    access::store(address, value, paging)?.result().map(|_| ())
}

/// Whether the CPU keeps the kernel from user memory, unless it says STAC.
///
/// ```
/// # use irqlab::fixup;
/// # use kernel::prelude::*;
/// pr_info!("user memory is closed to the kernel: {}\n", fixup::has_smap());
/// ```
pub fn has_smap() -> bool {
    // SAFETY: Reads a bit that was set at boot.
    unsafe { bindings::has_smap() }
}

/// While it lives, a page fault of the current task on user memory is not served.
///
/// # Invariants
///
/// One `pagefault_disable()` of the current task is this guard's to undo.
struct PageFaultsDisabled(NotThreadSafe);

impl PageFaultsDisabled {
    fn unless_served(paging: Paging<'_>) -> Option<Self> {
        // A fault that sleeps wants interrupts on, whatever the token says.
        //
        // SAFETY: Both can be called in any context.
        unsafe {
            if matches!(paging, Paging::Served(_)) && !bindings::irqs_disabled() {
                return None;
            }
            bindings::pagefault_disable();
        }
        // INVARIANT: Just called.
        Some(Self(NotThreadSafe))
    }
}

impl Drop for PageFaultsDisabled {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::pagefault_enable() };
    }
}
