// SPDX-License-Identifier: GPL-2.0

//! The local APIC: what has arrived at this CPU and has not been served yet, and
//! how the CPU is set up to be interrupted.
//!
//! ```text
//!     I/O APIC, MSI, other CPUs ──▶ IRR ──taken──▶ ISR ──EOI──▶
//!     LINT0, LINT1, timer, … ──LVT──▶┘  above PPR
//! ```
//!
//! An interrupt that the CPU does not take, because interrupts are off or it
//! serves another one, waits in the local APIC: a bit for each vector, in the
//! interrupt request register (IRR). [`State`] has them all.
//!
//! C header: [`arch/x86/include/asm/apic.h`](srctree/arch/x86/include/asm/apic.h)

mod lvt;
mod priority;
mod state;
mod vectors;

pub use lvt::{
    Delivery,
    Entry,
    TimerMode, //
};

pub use priority::at_highest_priority;

pub use state::{
    Command,
    Mode,
    Source,
    State, //
};

pub use vectors::Vectors;

use crate::{
    bindings,
    cpu::CpuId, //
};

/// The vector of IRQ work, by which a simulated line's interrupt arrives.
pub const IRQ_WORK_VECTOR: u8 = bindings::IRQ_WORK_VECTOR as u8;

/// The vector of the local APIC's timer.
pub const LOCAL_TIMER_VECTOR: u8 = bindings::LOCAL_TIMER_VECTOR as u8;

/// The vector of the reschedule IPI.
///
/// ```
/// # use irqlab::lapic;
/// /// What an interrupt from another CPU is for.
/// fn purpose(vector: u8) -> &'static str {
///     match vector {
///         lapic::LOCAL_TIMER_VECTOR => "none: it is this CPU's own",
///         lapic::RESCHEDULE_VECTOR => "look for another task",
///         lapic::CALL_FUNCTION_VECTOR | lapic::CALL_FUNCTION_SINGLE_VECTOR => "call",
///         _ => "another",
///     }
/// }
///
/// assert_eq!(purpose(lapic::CALL_FUNCTION_VECTOR), "call");
/// assert_eq!(purpose(0), "another");
/// ```
pub const RESCHEDULE_VECTOR: u8 = bindings::RESCHEDULE_VECTOR as u8;

/// The vector of calls for several CPUs.
pub const CALL_FUNCTION_VECTOR: u8 = bindings::CALL_FUNCTION_VECTOR as u8;

/// The vector of calls for one CPU.
pub const CALL_FUNCTION_SINGLE_VECTOR: u8 = bindings::CALL_FUNCTION_SINGLE_VECTOR as u8;

/// The id of a CPU's local APIC by the kernel's books, `apicid` in `/proc/cpuinfo`.
///
/// ```
/// # use irqlab::{cpu::CpuId, lapic::{self, State}};
/// # use irqlab::interrupt::local_interrupt_disable;
/// fn books_are_right() -> bool {
///     let off = local_interrupt_disable();
///     State::read(&off).id == lapic::id_of(CpuId::current())
/// }
///
/// # if !lapic::is_used() { skip!("no local APIC") }
/// assert!(books_are_right());
/// ```
pub fn id_of(cpu: CpuId) -> u32 {
    // SAFETY: A `CpuId` is a number that a CPU can have.
    unsafe { bindings::cpu_apicid(cpu.as_u32()) }
}

/// Whether the kernel uses the local APIC of this CPU. Where it does not (`nolapic`), a CPU cannot
/// interrupt itself: IRQ work, by which simulated lines come, waits for a tick.
///
/// ```
/// # use irqlab::lapic::{self, Mode, State};
/// # use irqlab::interrupt::local_interrupt_disable;
/// fn agree() -> bool {
///     let state = State::read(&local_interrupt_disable());
///     lapic::is_used() == (state.mode != Mode::None)
/// }
///
/// assert!(agree());
/// ```
pub fn is_used() -> bool {
    state::mode() != Mode::None
}

/// Whether the kernel starts a CPU by INIT and start-up. Some machines have something else for it,
/// as a mailbox in memory.
///
/// ```
/// # use irqlab::lapic;
/// # use kernel::prelude::*;
/// if lapic::starts_by_init() {
///     pr_info!("a CPU that comes online was sent INIT\n");
/// }
/// ```
pub fn starts_by_init() -> bool {
    // SAFETY: Reads what was chosen at boot.
    !unsafe { bindings::apic_has_own_wakeup() }
}

/// Whether an interrupt of `vector` waits at this CPU. May be called in any
/// context; the answer is of some use with interrupts off only.
///
/// ```
/// # use irqlab::{context::HardIrq, irq_work::{Handler, IrqWork, Kind, Now}, lapic};
/// # use irqlab::interrupt::local_interrupt_disable;
/// # use kernel::prelude::*;
/// # struct Nothing;
/// # impl Handler<Kind<Now>> for Nothing {
/// #     fn run(_this: &IrqWork<Self>, _irq: &HardIrq) {}
/// # }
/// fn arrives_meanwhile(vector: u8, raise: impl FnOnce()) -> bool {
///     let _guard = local_interrupt_disable();
///     raise();
///     irqlab::clock::spin_until(1_000_000, || lapic::is_requested(vector))
/// }
///
/// # if !irqlab::irq_work::has_interrupt() { skip!("no local APIC") }
/// # let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Nothing)), GFP_KERNEL)?;
/// assert!(arrives_meanwhile(lapic::IRQ_WORK_VECTOR, || { work.queue(); }));
/// ```
#[inline]
pub fn is_requested(vector: u8) -> bool {
    has(bindings::APIC_IRR, vector)
}

/// Whether this CPU serves an interrupt of `vector`: it has taken it and has not told the local APIC that it is
/// done. The kernel tells it before it calls the handlers, but those of level-triggered lines. May be called in
/// any context.
///
/// ```
/// # use irqlab::{context::HardIrq, irq_work::{Handler, IrqWork, Kind, Now}, lapic};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Note(Arc<Atomic<bool>>);
/// # impl Handler<Kind<Now>> for Note {
/// #     fn run(this: &IrqWork<Self>, irq: &HardIrq) {
/// #         this.0.store(is_done(irq), Relaxed);
/// #     }
/// # }
/// /// Called in IRQ work.
/// fn is_done(_irq: &HardIrq) -> bool {
///     !lapic::is_in_service(lapic::IRQ_WORK_VECTOR)
/// }
///
/// # let was_done = Arc::new(Atomic::new(false), GFP_KERNEL)?;
/// # let note = Note(was_done.clone());
/// # let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(note)), GFP_KERNEL)?;
/// work.queue();
/// # drop(work);
/// assert!(was_done.load(Relaxed));
/// ```
#[inline]
pub fn is_in_service(vector: u8) -> bool {
    has(bindings::APIC_ISR, vector)
}

/// Whether the bit of `vector` is set in the eight registers that begin with `first`.
#[inline]
fn has(first: u32, vector: u8) -> bool {
    // 32 vectors a register, a register each 16 bytes.
    read(first + u32::from(vector) / 32 * 0x10) & 1 << (vector % 32) != 0
}

/// Reads a register of this CPU's local APIC.
///
/// Only one that every local APIC has, in either mode, may be asked for.
#[inline]
fn read(register: u32) -> u32 {
    // SAFETY: None of the registers that this module asks for has a side effect
    // when it is read; where there is no local APIC, the kernel's stand-in answers 0.
    unsafe { bindings::apic_read(register) }
}
