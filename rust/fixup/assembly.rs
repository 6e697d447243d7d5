// SPDX-License-Identifier: GPL-2.0

//! What the assembly of guarded instructions is made of.
//!
//! C header: [`arch/x86/include/asm/asm.h`](srctree/arch/x86/include/asm/asm.h),
//! [`arch/x86/include/asm/alternative.h`](srctree/arch/x86/include/asm/alternative.h)

use super::table::Entry;

/// An entry of the exception table for the instruction at label 2, which goes on
/// at label 3. Wants an operand `entry`, made by [`data`].
///
/// Or for the instruction at another label, which goes on at another one, with another operand.
macro_rules! entry {
    () => {
        $crate::fixup::assembly::entry!("2b", "3b", "entry")
    };
    ($instruction:literal, $fixup:literal, $operand:literal) => {
        concat!(
            ".pushsection __ex_table, \"aM\", @progbits, 12\n",
            ".balign 4\n",
            ".long ",
            $instruction,
            " - .\n.long ",
            $fixup,
            " - .\n.long {",
            $operand,
            "}\n.popsection"
        )
    };
}
pub(super) use entry;

/// STAC or CLAC on CPUs with SMAP, and as many bytes of nothing on others: the
/// module loader puts in one or the other. Wants an operand `smap`.
macro_rules! where_smap {
    ($instruction:literal) => {
        concat!(
            "771: .skip 3, 0x90\n",
            ".pushsection .altinstructions, \"aM\", @progbits, 14\n",
            ".long 771b - .\n",
            ".long 774f - .\n",
            ".4byte {smap}\n",
            ".byte 3, 3\n",
            ".popsection\n",
            ".pushsection .altinstr_replacement, \"ax\"\n",
            "774: ",
            $instruction,
            "\n",
            ".popsection"
        )
    };
}
pub(super) use where_smap;

/// The bit of SMAP among the CPU's features.
pub(super) const SMAP: u32 = crate::bindings::X86_FEATURE_SMAP;

/// The third word of an entry.
pub(super) const fn data(handler: u8, flags: u8, register: u8, immediate: i16) -> u32 {
    handler as u32
        | (register as u32) << Entry::REGISTER_SHIFT
        | (flags as u32) << Entry::FLAGS_SHIFT
        | (immediate as u16 as u32) << Entry::IMMEDIATE_SHIFT
}

/// Registers, by the kernel's numbers.
pub(super) const AX: u8 = 0;
pub(super) const SI: u8 = 6;
pub(super) const R8: u8 = 8;

/// Has the fixup clear DX.
pub(super) const CLEAR_DX: u8 = 2;
