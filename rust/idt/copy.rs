// SPDX-License-Identifier: GPL-2.0

//! A copy of the table that is changed in one place, for one instruction.

use super::{
    is_fred,
    Idt, //
};
use crate::{
    bindings,
    context::Task,
    exception::Vector,
    fixup::{
        instructions,
        Outcome, //
    },
    interrupt::local_interrupt_disable,
    segment, //
};
use core::arch::asm;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What is different in a copy of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The gate of this vector, #BR or #UD, is that of #OF (overflow): the CPU pushes as much for all three.
    Handler(Vector),
    /// The gate of #UD leads into this segment.
    Segment(u16),
}

/// Where IDTR points meanwhile. A static, as who looks then, such as an observer of exceptions or the
/// handler of an NMI, may keep an [`Idt`] of it. Written with a mutex held.
static COPY: Table = Table([const { [const { Atomic::new(0) }; 2] }; 256]);

/// A table of gates, each of two words, and aligned to a gate.
#[repr(align(16))]
struct Table([[Atomic<u64>; 2]; 256]);

/// Executes the instruction that is defined to be undefined (#UD) while this CPU's IDTR points at a
/// copy of its table that is changed in one place. The fixup says which vector was handled. There is one
/// copy: waits until nobody else uses it.
///
/// Errors: `EINVAL` for a vector that must not be changed, or a segment that is not one of code;
/// `ENODEV` where FRED has taken the table's place.
///
/// ```
/// # use irqlab::{context::Task, exception::Vector, fixup::End, idt::{self, Change}};
/// # use kernel::prelude::*;
/// fn is_dispatched_by_the_table(task: &Task) -> Result<bool> {
///     let outcome = idt::undefined_by_copy(Change::Handler(Vector::UD), task)?;
///     Ok(outcome.end == End::Trapped(Vector::OF.0))
/// }
///
/// # if idt::is_fred() { skip!("FRED has no table") }
/// assert!(is_dispatched_by_the_table(task)?);
/// ```
pub fn undefined_by_copy(change: Change, _task: &Task) -> Result<Outcome> {
    const SEGMENT: u64 = 0xffff << 16;

    let idt = Idt::current();
    if idt.is_empty() || idt.len() > COPY.0.len() || is_fred() {
        return Err(ENODEV);
    }
    let vector = match change {
        Change::Handler(vector) if [Vector::BR, Vector::UD].contains(&vector) => vector,
        // Either the CPU refuses to go there, or it is where the kernel's code is.
        Change::Segment(segment::KERNEL_CODE | segment::USER_CODE) => Vector::UD,
        _ => return Err(EINVAL),
    };
    let changed = match change {
        Change::Handler(_) => idt.words(Vector::OF.0.into()),
        Change::Segment(selector) => {
            let [low, high] = idt.words(vector.0.into());
            [low & !SEGMENT | u64::from(selector) << 16, high]
        }
    };
    let register = |base: usize| {
        let mut register = [0u8; 10];
        register[..2].copy_from_slice(&idt.limit.to_le_bytes());
        register[2..].copy_from_slice(&base.to_le_bytes());
        register
    };
    let (own, others) = (register(idt.base), register((&raw const COPY).addr()));
    locked(|| {
        for (number, gate) in COPY.0.iter().enumerate() {
            let is_changed = number == vector.0.into();
            let words = if is_changed {
                changed
            } else {
                idt.words(number)
            };
            for (place, word) in gate.iter().zip(words) {
                place.store(word, Relaxed);
            }
        }
        // Another CPU may not execute this meanwhile: its IDTR is its own.
        let _guard = local_interrupt_disable();
        // SAFETY: The copy has the gates of the table, and nobody else writes it: the mutex is held. Only
        // the gate of an exception that pushes no error code is another: that of another such exception, or
        // one with another code segment: the kernel's, with which it is the same gate, or that of user
        // mode, which the CPU refuses with a #GP, as its DPL is above the CPL. The instruction has a
        // fixup for that, too.
        unsafe { load(&others) };
        let outcome = instructions::undefined();
        // SAFETY: This is the table that the CPU had before, and that all CPUs have.
        unsafe { load(&own) };
        Ok(outcome)
    })
}

/// Runs `f` with the mutex held that [`COPY`] is written under. Sleeps: the caller has a token.
fn locked<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: The caller may sleep, and does not hold it: `f` is the one closure of this file, which does not
    // lock it again.
    unsafe { bindings::idt_lock() };
    let result = f();
    // SAFETY: Locked above, by this task.
    unsafe { bindings::idt_unlock() };
    result
}

/// Has IDTR point at a table.
///
/// # Safety
///
/// All that may be raised on this CPU meanwhile must find its gate there.
unsafe fn load(register: &[u8; 10]) {
    // SAFETY: Reads ten bytes, which are there; the rest is this function's contract.
    unsafe {
        asm!(
            "lidt ({})",
            in(reg) register.as_ptr(),
            options(att_syntax, nostack, preserves_flags)
        );
    }
}
