// SPDX-License-Identifier: GPL-2.0

//! The interrupt descriptor table, as the CPU finds it: through IDTR.
//!
//! C header: [`arch/x86/include/asm/desc_defs.h`](srctree/arch/x86/include/asm/desc_defs.h)

use core::arch::asm;
use kernel::fmt;

mod copy;

pub use copy::{
    undefined_by_copy,
    Change, //
};

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

/// The table of the current CPU; all CPUs have the same, but for one that executes [`undefined_by_copy`].
///
/// # Invariants
///
/// A descriptor table of this CPU was at `base`, as long as `limit` says. The memory stays there as long
/// as this module, and nobody writes there but a word at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idt {
    base: usize,
    limit: u16,
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
    ///
    /// assert!(nr_gates() == 256 || irqlab::idt::is_fred());
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
        Self::at(register)
    }

    /// The table of segments (GDT) of the current CPU, taken for one of gates: for comparison.
    ///
    /// ```
    /// # use irqlab::idt::{Idt, Type};
    /// # use kernel::prelude::*;
    /// let table = Idt::current();
    /// pr_info!("from {:#x} to its byte {}\n", table.base(), table.limit());
    /// if table.is_empty() && irqlab::idt::is_fred() {
    ///     pr_info!("FRED has taken its place\n");
    /// }
    /// let segments = Idt::of_segments().gates();
    /// let traps = segments.filter(|gate| gate.kind == Type::Trap).count();
    /// pr_info!("segments that look like trap gates: {traps}\n");
    /// assert!(table.is_empty() || table.gates().any(|gate| gate.kind == Type::Interrupt));
    /// ```
    pub fn of_segments() -> Self {
        let mut register = [0u8; 10];
        // SAFETY: Stores ten bytes, which are there for it.
        unsafe {
            asm!(
                "sgdt ({})",
                in(reg) register.as_mut_ptr(),
                options(att_syntax, nostack, preserves_flags)
            );
        }
        Self::at(register)
    }

    fn at(register: [u8; 10]) -> Self {
        let [low, high, base @ ..] = register;
        // INVARIANT: The CPU says so. The kernel moves neither of its tables, and changes them by words; the
        // one other table that IDTR points at is that of `copy`, a static of atomic words.
        Self {
            base: usize::from_le_bytes(base),
            limit: u16::from_le_bytes([low, high]),
        }
    }

    /// Its address.
    pub const fn base(&self) -> usize {
        self.base
    }

    /// The offset of its last byte.
    pub const fn limit(&self) -> u16 {
        self.limit
    }

    /// Of a table of segments, where a segment of the system's is, which takes two places; 0 if there is
    /// none.
    pub(crate) fn base_of_segment(&self, selector: u16) -> usize {
        let at = usize::from(selector & !7);
        if at + Self::GATE_SIZE > usize::from(self.limit) + 1 {
            return 0;
        }
        let at = (self.base + at) as *const [u64; 2];
        // SAFETY: By the type invariant it is there, and as long; the kernel writes it at boot.
        let [low, high] = unsafe { at.read_volatile() };
        let base = low >> 16 & 0xff_ffff | (low >> 56) << 24 | high << 32;
        base as usize
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
        let table = *self;
        (0..self.len().min(256)).map(move |vector| decode(vector as u8, table.words(vector)))
    }

    /// The two words of a gate; 0 if there is none.
    fn words(&self, gate: usize) -> [u64; 2] {
        if gate >= self.len() {
            return [0; 2];
        }
        let at = self.base as *const [u64; 2];
        // SAFETY: By the type invariant it is there, and as long, and written by words, if at all.
        unsafe { at.add(gate).read_volatile() }
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
