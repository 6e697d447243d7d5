// SPDX-License-Identifier: GPL-2.0

//! The exception table of this module, as the kernel's fault handler finds it.
//!
//! Three words an entry: where the instruction is, and where to go on, both relative
//! to the word itself; and the handler, with a register and a constant for it. The
//! module loader sorts the table by the instructions.
//!
//! C header: [`arch/x86/include/asm/extable_fixup_types.h`](srctree/arch/x86/include/asm/extable_fixup_types.h)

use crate::bindings;
use kernel::{
    fmt,
    prelude::*, //
};

/// What is done when the instruction of an entry has faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Nothing but to go on at the fixup.
    Default,
    /// The vector goes into AX.
    Fault,
    /// As [`Handler::Default`], for user memory.
    Uaccess,
    /// The error `-EIO` goes into the register: writing an MSR.
    WrmsrSafe,
    /// The same, and AX and DX are cleared: reading an MSR.
    RdmsrSafe,
    /// The constant goes into the register.
    ImmReg,
    /// The register and a multiple of CX, what is left to copy, go into CX.
    UcopyLen,
    /// The load gets the bytes that are there, and zeros for the others.
    Zeropad,
    /// One of which this library has none.
    Other(u8),
}

impl Handler {
    const NAMED: [(Handler, u32, &'static str); 8] = [
        (Handler::Default, bindings::EX_TYPE_DEFAULT, "default"),
        (Handler::Fault, bindings::EX_TYPE_FAULT, "fault"),
        (Handler::Uaccess, bindings::EX_TYPE_UACCESS, "uaccess"),
        (
            Handler::WrmsrSafe,
            bindings::EX_TYPE_WRMSR_SAFE,
            "wrmsr_safe",
        ),
        (
            Handler::RdmsrSafe,
            bindings::EX_TYPE_RDMSR_SAFE,
            "rdmsr_safe",
        ),
        (Handler::ImmReg, bindings::EX_TYPE_IMM_REG, "imm_reg"),
        (Handler::UcopyLen, bindings::EX_TYPE_UCOPY_LEN, "ucopy_len"),
        (Handler::Zeropad, bindings::EX_TYPE_ZEROPAD, "zeropad"),
    ];

    fn from_raw(raw: u8) -> Self {
        let named = Self::NAMED.iter().find(|named| named.1 == u32::from(raw));
        named.map_or(Handler::Other(raw), |named| named.0)
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.iter().find(|named| named.0 == *self) {
            Some(named) => f.pad(named.2),
            None => f.pad("other"),
        }
    }
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the entry itself is.
    pub at: usize,
    /// Where the instruction is that may fault.
    pub instruction: usize,
    /// Where to go on.
    pub fixup: usize,
    /// What to do before.
    pub handler: Handler,
    /// The handler's register: 0 to 15 are AX, CX, DX, BX, SP, BP, SI, DI, R8 to R15.
    pub register: u8,
    /// Bit 0: clear AX. Bit 1: clear DX.
    pub flags: u8,
    /// The handler's constant.
    pub immediate: i16,
}

impl Entry {
    /// The size of an entry, in bytes.
    pub const SIZE: usize = size_of::<bindings::exception_table_entry>();

    pub(super) const REGISTER_SHIFT: u32 = 8;
    pub(super) const FLAGS_SHIFT: u32 = 12;
    pub(super) const IMMEDIATE_SHIFT: u32 = 16;

    /// The handler's register by its name.
    pub fn register_name(&self) -> &'static str {
        const NAMES: [&str; 16] = [
            "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8", "r9", "r10", "r11", "r12", "r13",
            "r14", "r15",
        ];
        NAMES[usize::from(self.register & 0xf)]
    }
}

/// The module whose table it is, as the kernel names it behind a symbol.
pub const MODULE: &str = "irqlab_core";

/// The number of entries.
pub fn len() -> usize {
    // SAFETY: Reads a field of the module that this is part of.
    unsafe { bindings::extable_len() }
}

/// All entries, in the order of the table.
///
/// ```
/// # use irqlab::fixup::table;
/// # use kernel::prelude::*;
/// for entry in table::entries().take(3) {
///     pr_info!("{:#x} goes on at {:#x}\n", entry.instruction, entry.fixup);
/// }
/// assert_eq!(table::entries().count(), table::len());
/// ```
pub fn entries() -> impl Iterator<Item = Entry> + Clone {
    (0..len()).filter_map(get)
}

/// The entry for the instruction at `address`, found as the fault handler finds it:
/// by bisection. Can be called in any context.
///
/// ```
/// # use irqlab::fixup::table::{self, Entry, Handler};
/// # use kernel::prelude::*;
/// fn show(instruction: usize) {
///     let entry: Option<Entry> = table::search(instruction);
///     match entry {
///         Some(entry) if entry.handler == Handler::Default => pr_info!("only goes on\n"),
///         Some(entry) => pr_info!("{} tells\n", entry.register_name()),
///         None => pr_info!("none of the {} entries\n", table::len()),
///     }
/// }
///
/// show(0);
/// for entry in table::entries().take(3) {
///     assert!(table::search(entry.instruction).is_some());
/// }
/// ```
pub fn search(address: usize) -> Option<Entry> {
    let (mut low, mut high) = (0, len());
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = get(middle)?;
        match entry.instruction.cmp(&address) {
            core::cmp::Ordering::Less => low = middle + 1,
            core::cmp::Ordering::Greater => high = middle,
            core::cmp::Ordering::Equal => return Some(entry),
        }
    }
    None
}

fn get(index: usize) -> Option<Entry> {
    if index >= len() {
        return None;
    }
    // SAFETY: There is an entry with this index, which nobody changes any more: the
    // loader has sorted the table before it let any code of the module run.
    let raw = unsafe { bindings::extable_entry(index) };
    let relative = |field: *const i32| {
        // SAFETY: A field of an entry.
        let offset = unsafe { field.read() };
        field.addr().wrapping_add_signed(offset as isize)
    };
    // SAFETY: All three are fields of the entry, which nobody changes any more.
    let (instruction, fixup, data) = unsafe {
        (
            relative(&raw const (*raw).insn),
            relative(&raw const (*raw).fixup),
            (*raw).data as u32,
        )
    };
    Some(Entry {
        at: raw.addr(),
        instruction,
        fixup,
        handler: Handler::from_raw(data as u8),
        register: (data >> Entry::REGISTER_SHIFT) as u8 & 0xf,
        flags: (data >> Entry::FLAGS_SHIFT) as u8 & 0xf,
        immediate: (data >> Entry::IMMEDIATE_SHIFT) as u16 as i16,
    })
}
