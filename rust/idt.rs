// SPDX-License-Identifier: GPL-2.0

//! The interrupt descriptor table, as the CPU finds it: through IDTR.
//!
//! C header: [`arch/x86/include/asm/desc_defs.h`](srctree/arch/x86/include/asm/desc_defs.h)

use core::arch::asm;
use kernel::fmt;

/// What a gate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Switches to another task; not on x86-64.
    Task,
    /// Calls its handler with interrupts off.
    Interrupt,
    /// Calls its handler, and leaves IF as it is.
    Trap,
    /// None that a gate of the IDT can have.
    Other(u8),
}

impl Type {
    /// All that there are for the IDT.
    pub const ALL: [Type; 3] = [Type::Task, Type::Interrupt, Type::Trap];

    const fn from_raw(raw: u8) -> Self {
        match raw {
            0x5 => Type::Task,
            0xe => Type::Interrupt,
            0xf => Type::Trap,
            other => Type::Other(other),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Type::Task => "task",
            Type::Interrupt => "interrupt",
            Type::Trap => "trap",
            Type::Other(_) => "other",
        })
    }
}

/// A gate of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its number.
    pub vector: u8,
    /// The code that it calls.
    pub handler: usize,
    /// The code segment of that.
    pub segment: u16,
    /// The entry of the interrupt stack table that it switches to, 0 for none.
    pub ist: u8,
    /// What it does.
    pub kind: Type,
    /// The privilege level (0 to 3) up to which instructions may use it.
    pub dpl: u8,
    /// Whether it is in use.
    pub is_present: bool,
}

/// The table of the current CPU; all CPUs have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idt {
    /// Its address.
    pub base: usize,
    /// The offset of its last byte.
    pub limit: u16,
}

impl Idt {
    /// The size of a gate, in bytes.
    pub const GATE_SIZE: usize = 16;

    /// Asks the CPU where it is.
    ///
    /// ```
    /// # use irqlab::idt::Idt;
    /// fn nr_gates() -> usize {
    ///     Idt::current().len()
    /// }
    /// ```
    pub fn current() -> Self {
        let mut register = [0u8; 10];
        // SAFETY: Stores ten bytes, which are there for it.
        unsafe {
            asm!(
                "sidt ({})",
                in(reg) register.as_mut_ptr(),
                options(att_syntax, nostack, preserves_flags)
            );
        }
        let [low, high, base @ ..] = register;
        Self {
            base: usize::from_le_bytes(base),
            limit: u16::from_le_bytes([low, high]),
        }
    }

    /// How many gates it has. None where FRED has taken its place.
    pub const fn len(&self) -> usize {
        (self.limit as usize + 1) / Self::GATE_SIZE
    }

    /// Whether there are no gates.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The gates, in the order of their vectors.
    pub fn gates(&self) -> impl Iterator<Item = Gate> + Clone {
        let base = self.base;
        (0..self.len().min(256)).map(move |vector| {
            let at = base as *const [u64; 2];
            // SAFETY: By the register it is there, mapped read-only, of this length;
            // who changes a gate does so at boot.
            let words = unsafe { at.add(vector).read_volatile() };
            decode(vector as u8, words)
        })
    }
}

fn decode(vector: u8, [low, high]: [u64; 2]) -> Gate {
    let offset = low & 0xffff | (low >> 48) << 16 | high << 32;
    let access = (low >> 40) as u8;
    Gate {
        vector,
        handler: offset as usize,
        segment: (low >> 16) as u16,
        ist: (low >> 32) as u8 & 7,
        kind: Type::from_raw(access & 0xf),
        dpl: access >> 5 & 3,
        is_present: access & 0x80 != 0,
    }
}

/// Whether this CPU dispatches through FRED, in CR4, rather than through the IDT.
pub fn is_fred() -> bool {
    const CR4_FRED: u64 = 1 << 32;
    let cr4: u64;
    // SAFETY: Reads a control register, which the kernel may.
    unsafe { asm!("movq %cr4, {}", out(reg) cr4, options(att_syntax, nomem, nostack)) };
    cr4 & CR4_FRED != 0
}
