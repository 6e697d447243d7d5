// SPDX-License-Identifier: GPL-2.0

//! The 8259: the interrupt controller of the first PCs, of which there are two, one behind the other.
//!
//! Where there is an I/O APIC, the kernel masks all lines of the 8259s and goes past them; with `noapic`
//! they still serve the lines.
//!
//! C header: [`arch/x86/include/asm/i8259.h`](srctree/arch/x86/include/asm/i8259.h)

use crate::bindings;

/// The registers of both, with a bit for each of their 16 lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The lines that do not interrupt.
    pub masked: u16,
    /// Those that a CPU has been interrupted for, and of which no EOI has come yet.
    pub in_service: u16,
}

impl State {
    /// Reads them; nothing where the machine has none. May be called in any context but an NMI, as it
    /// takes a lock against itself. It takes none against the kernel, which while it looks whether an
    /// interrupt was spurious may change what is read.
    ///
    /// ```
    /// # use irqlab::i8259::State;
    /// fn is_left_alone() -> bool {
    ///     State::read().is_none_or(|state| state.in_service == 0)
    /// }
    ///
    /// # is_left_alone();
    /// ```
    pub fn read() -> Option<Self> {
        let mut state = Self::default();
        // SAFETY: Both pointers are to variables of the right type. The C side writes to the ports of
        // an 8259 that the kernel has found there, to choose what is read next, and no more.
        unsafe { bindings::pic_read(&mut state.masked, &mut state.in_service) }.then_some(state)
    }
}
