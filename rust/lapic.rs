// SPDX-License-Identifier: GPL-2.0

//! The local APIC: what has arrived at this CPU and has not been served yet.
//!
//! An interrupt that the CPU does not take, because interrupts are off or it
//! serves another one, waits in the local APIC: a bit for each vector, in the
//! interrupt request register (IRR).
//!
//! C header: [`arch/x86/include/asm/apic.h`](srctree/arch/x86/include/asm/apic.h)

use crate::bindings;

/// The vector of IRQ work, by which a simulated line's interrupt arrives.
pub const IRQ_WORK_VECTOR: u8 = bindings::IRQ_WORK_VECTOR as u8;

/// Whether an interrupt of `vector` waits at this CPU. May be called in any
/// context; the answer is of some use with interrupts off only.
///
/// ```
/// # use irqlab::lapic;
/// # use kernel::interrupt::local_interrupt_disable;
/// fn arrives_meanwhile(vector: u8, raise: impl FnOnce()) -> bool {
///     let _guard = local_interrupt_disable();
///     raise();
///     lapic::is_requested(vector)
/// }
/// ```
#[inline]
pub fn is_requested(vector: u8) -> bool {
    // 32 vectors a register, a register each 16 bytes.
    let register = bindings::APIC_IRR + u32::from(vector) / 32 * 0x10;
    // SAFETY: Reading this register has no side effect, and every local APIC
    // has it; where there is none, the kernel's stand-in answers 0.
    let requested = unsafe { bindings::apic_read(register) };
    requested & 1 << (vector % 32) != 0
}
