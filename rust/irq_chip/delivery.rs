// SPDX-License-Identifier: GPL-2.0

//! Delivery: how an interrupt that was sent gets to the flow handler of its line.
//!
//! ```text
//!     not started ──startup()──▶ started ◀──unmask()── masked
//!          ▲                      │    └─────mask()─────▶ │
//!          └───────shutdown()─────┴───────────────────────┘
//!
//!     send() ──▶ latched ──started and not masked──▶ irq_work ──▶ flow handler
//! ```
//!
//! All of it is in one atomic word, so that whoever unmasks a line sees what was sent
//! before, and whoever sends sees that it is masked. The chip's callbacks run with the
//! line's lock held, which is a raw one, so nothing here locks.
//!
//! C header: [`include/linux/irq.h`](srctree/include/linux/irq.h)

use super::{
    Chip,
    Domain,
    Flow, //
};
use crate::{
    bindings,
    context::{
        Context,
        HardIrq,
        IrqsOff,
        Task, //
    },
    cpu,
    irq::Trigger,
    irq_work::{
        Handler,
        IrqWork,
        Kind,
        Now, //
    },
    word::Word,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// Somebody has requested the line.
const STARTED: u64 = 1;
/// The controller lets nothing through.
const MASKED: u64 = 2;
/// An interrupt is to arrive.
const LATCHED: u64 = 4;

/// The way of one line. The data of its chip is the `IrqWork` around this.
///
/// # Invariants
///
/// - The bit of `hwirq` in the domain's `mapped` is ours to clear.
/// - `data` is the address of the line's `irq_data`, or 0 until the line is mapped.
pub(super) struct Delivery<C: Chip> {
    domain: Arc<Domain<C>>,
    hwirq: u32,
    flow: Flow,
    state: Word,
    data: Word,
}

impl<C: Chip> Delivery<C> {
    /// Errors: `EBUSY` if there is one for `hwirq`, which the domain has to have.
    pub(super) fn new(domain: &Arc<Domain<C>>, hwirq: u32, flow: Flow) -> Result<Self> {
        let bit = 1 << hwirq;
        let mut mapped = domain.mapped.load(Relaxed);
        loop {
            if mapped & bit != 0 {
                return Err(EBUSY);
            }
            match domain.mapped.cmpxchg(mapped, mapped | bit, Full) {
                Ok(_) => break,
                Err(other) => mapped = other,
            }
        }
        // INVARIANT: Just set, by us.
        Ok(Self {
            domain: domain.clone(),
            hwirq,
            flow,
            state: Word::new(MASKED),
            data: Word::new(0),
        })
    }

    /// Tells where the line's data is, so that it need not be looked up for each interrupt.
    ///
    /// # Safety
    ///
    /// `data` is the line's, and stays where it is until nothing is sent any more, and what was is no longer on its
    /// way.
    pub(super) unsafe fn set_data(&self, data: *mut bindings::irq_data) {
        // INVARIANT: By this function's contract.
        self.data.store(data.expose_provenance() as u64);
    }

    pub(super) fn domain(&self) -> &Arc<Domain<C>> {
        &self.domain
    }

    pub(super) fn hwirq(&self) -> u32 {
        self.hwirq
    }

    fn chip(&self) -> &C {
        &self.domain.chip
    }

    /// Has the interrupt arrive at a CPU that the line may go to: at this one, if it is.
    fn arrive(&self) {
        let (domain, hwirq) = (self.domain.raw.as_ptr(), self.hwirq as usize);
        let data = core::ptr::with_exposed_provenance_mut(self.data.load() as usize);
        // SAFETY: The data is the line's by the type invariant: only a line that is mapped is started, and this is
        // what was on its way. The domain is valid, and the line is looked up in it. Both are called with interrupts
        // off, which is all that the flow handler, ours, has to rely on.
        unsafe {
            bindings::irq_take_back_cpu(data);
            bindings::generic_handle_demux_domain_irq(domain, hwirq);
        }
    }
}

impl<C: Chip> Drop for Delivery<C> {
    fn drop(&mut self) {
        // INVARIANT: It belongs to us, and is set: taking it away clears it alone.
        self.domain.mapped.fetch_sub(1 << self.hwirq, Full);
    }
}

impl<C: Chip> Handler<Kind<Now>> for Delivery<C> {
    /// Where the interrupt was sent.
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        // What is latched stays so while the line lets nothing through.
        if this.state.cmpxchg(STARTED | LATCHED, STARTED).is_ok() {
            this.arrive();
        }
    }
}

/// Latches an interrupt, and has this CPU interrupt itself for it unless the line is
/// masked: then [`unmask`] does so. May be called in any context.
///
/// Errors: `ENXIO` if nobody has requested the line.
pub(super) fn send<C: Chip>(delivery: &IrqWork<Delivery<C>>) -> Result {
    if delivery.state.load() & STARTED == 0 {
        return Err(ENXIO);
    }
    // On a line that was shut down meanwhile it does not count: neither then nor when it is started again.
    delivery.state.set_bits(LATCHED);
    if delivery.state.load() & MASKED == 0 {
        delivery.queue();
    }
    Ok(())
}

/// The delivery of the line of `data`.
///
/// # Safety
///
/// `data` must be of a line that [`Domain::map`] of a `Domain<C>` set up, and
/// that is still mapped for all of `'a`.
unsafe fn of<'a, C: Chip>(data: *mut bindings::irq_data) -> &'a IrqWork<Delivery<C>> {
    // SAFETY: By this function's contract the chip's data is the delivery, which the
    // line keeps while it is mapped.
    unsafe { &*(*data).chip_data.cast::<IrqWork<Delivery<C>>>() }
}

/// The flow handler of all lines: the kernel's for the line's flow, but in hard IRQ
/// context only.
///
/// The kernel sends what is for another CPU in such a way that the CPU may find it when
/// it looks for work by itself, being idle, with no interrupt: it then sends itself one. And
/// a CPU that goes offline looks through what it has left, in a thread, with interrupts off
/// for good: that has to go to another one.
///
/// # Safety
///
/// For a line that a `Domain<C>` has mapped, with interrupts off.
pub(super) unsafe extern "C" fn flow<C: Chip>(desc: *mut bindings::irq_desc) {
    // SAFETY: By this function's contract. A line is still mapped, as whoever gives it back
    // waits first for what is on its way.
    let delivery = unsafe { of::<C>(&raw mut (*desc).irq_data) };
    // SAFETY: By this function's contract, interrupts are off until it returns.
    let off = unsafe { IrqsOff::assume() };
    if off.hard_irq().is_some() {
        if let Some(handle) = delivery.flow.handler() {
            // SAFETY: The same descriptor, in the context that the kernel's handlers want.
            unsafe { handle(desc) };
        }
        return;
    }
    // SAFETY: By this function's contract, for both.
    unsafe { send_elsewhere(desc, off, delivery) };
}

/// Apart from [`flow`], which keeps no registers for it.
///
/// # Safety
///
/// `desc` is that of the line of `delivery`, which a `Domain<C>` has mapped.
#[cold]
#[inline(never)]
unsafe fn send_elsewhere<C: Chip>(
    desc: *mut bindings::irq_desc,
    off: &IrqsOff,
    delivery: &IrqWork<Delivery<C>>,
) {
    // SAFETY: By this function's contract the descriptor is of a line that a domain has mapped,
    // so its data is set up; the token proves that interrupts are off.
    let goes_here = unsafe { bindings::irq_goes_here(&raw mut (*desc).irq_data) };
    if goes_here || cpu::is_online(off.cpu()) {
        // Refused if the line was shut down: then it is lost, as its handlers are.
        let _ = send(delivery);
    } else {
        delivery.arrive();
    }
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn startup<C: Chip>(data: *mut bindings::irq_data) -> c_uint {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    // CPUs may have come and gone while nobody had the line, which the kernel does not look
    // after then.
    //
    // SAFETY: The line's data, with its lock held.
    unsafe { bindings::irq_choose_cpus(data) };
    delivery.chip().unmask(delivery.hwirq);
    delivery.state.swap(STARTED);
    0
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn shutdown<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    delivery.state.swap(MASKED);
    delivery.chip().mask(delivery.hwirq);
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn mask<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    delivery.state.set_bits(MASKED);
    delivery.chip().mask(delivery.hwirq);
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn mask_ack<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    delivery.state.set_bits(MASKED);
    delivery.chip().mask_ack(delivery.hwirq);
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn unmask<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    delivery.chip().unmask(delivery.hwirq);
    delivery.state.clear_bits(MASKED);
    if delivery.state.load() & LATCHED != 0 {
        delivery.queue();
    }
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn ack<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    delivery.chip().ack(delivery.hwirq);
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn eoi<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    delivery.chip().eoi(delivery.hwirq);
}

/// Sends once more what the kernel has kept of a disabled line. If a chip cannot, the kernel
/// does it in a tasklet.
///
/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn retrigger<C: Chip>(data: *mut bindings::irq_data) -> c_int {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    // Not refused: the kernel does this for lines that are started.
    let _ = send(delivery);
    1
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn set_trigger<C: Chip>(
    data: *mut bindings::irq_data,
    kind: c_uint,
) -> c_int {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    let trigger = Trigger::from_raw(kind).filter(|trigger| delivery.flow.suits(*trigger));
    let result = trigger.ok_or(EINVAL);
    let result = result.and_then(|trigger| delivery.chip().set_trigger(delivery.hwirq, trigger));
    result.map_or_else(|error| error.to_errno(), |()| 0)
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, where one may sleep.
pub(super) unsafe extern "C" fn lock_bus<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract, for both.
    let (delivery, task) = unsafe { (of::<C>(data), Task::assume()) };
    delivery.chip().lock_bus(delivery.hwirq, task);
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, where one may sleep.
pub(super) unsafe extern "C" fn sync_and_unlock_bus<C: Chip>(data: *mut bindings::irq_data) {
    // SAFETY: By this function's contract, for both.
    let (delivery, task) = unsafe { (of::<C>(data), Task::assume()) };
    delivery.chip().sync_and_unlock_bus(delivery.hwirq, task);
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held, and `is_set` valid for
/// writes.
pub(super) unsafe extern "C" fn state<C: Chip>(
    data: *mut bindings::irq_data,
    which: bindings::irqchip_irq_state,
    is_set: *mut bool,
) -> c_int {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    if which != bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING {
        return EINVAL.to_errno();
    }
    // SAFETY: By this function's contract.
    unsafe { *is_set = delivery.state.load() & LATCHED != 0 };
    0
}

/// # Safety
///
/// For the chip of a line that a `Domain<C>` has mapped, with the line's lock held.
pub(super) unsafe extern "C" fn set_state<C: Chip>(
    data: *mut bindings::irq_data,
    which: bindings::irqchip_irq_state,
    is_set: bool,
) -> c_int {
    // SAFETY: By this function's contract.
    let delivery = unsafe { of::<C>(data) };
    if which != bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING {
        return EINVAL.to_errno();
    }
    if is_set {
        return send(delivery).map_or_else(|error| error.to_errno(), |()| 0);
    }
    delivery.state.clear_bits(LATCHED);
    0
}
