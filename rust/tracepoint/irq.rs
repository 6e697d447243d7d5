// SPDX-License-Identifier: GPL-2.0

//! Interrupts: those of lines, and those that have none.

use super::tracepoints;
use crate::bindings;
use kernel::prelude::*;

tracepoints! {
    /// A handler of an interrupt line is called.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::{IrqHandlerEntry, IrqHandlerExit, Observer}};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// /// Counts the handlers of a line that were called, and those that found it was not their device.
    /// struct Shared {
    ///     irq: u32,
    ///     called: Atomic<usize>,
    ///     in_vain: Atomic<usize>,
    /// }
    ///
    /// impl Observer<IrqHandlerEntry> for Shared {
    ///     fn observe(&self, event: &IrqHandlerEntry, _context: &Unsleeping) {
    ///         if event.irq == self.irq {
    ///             self.called.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<IrqHandlerExit> for Shared {
    ///     fn observe(&self, event: &IrqHandlerExit, _context: &Unsleeping) {
    ///         if event.irq == self.irq && !event.is_handled {
    ///             self.in_vain.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Sharing}, tracepoint::Attached};
    /// # use irqlab::irq_chip::{Domain, Flow, Transparent};
    /// # use kernel::{prelude::*, sync::Arc};
    /// # struct NotMine;
    /// # impl Handler for NotMine {
    /// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    /// #         IrqReturn::None
    /// #     }
    /// # }
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// # let registration = line.line().request(Sharing::Exclusive, c"example", Ok::<_, Error>(NotMine))?;
    /// # let shared = Shared { irq: line.line().irq(), called: Atomic::new(0), in_vain: Atomic::new(0) };
    /// let mut attached = Attached::new(Arc::new(shared, GFP_KERNEL)?);
    /// attached.to::<IrqHandlerEntry>()?;
    /// attached.to::<IrqHandlerExit>()?;
    /// line.send()?;
    /// # eventually!(task, attached.observer().in_vain.load(Relaxed) > 0);
    /// // A moment later:
    /// assert_eq!(attached.observer().called.load(Relaxed), 1);
    /// assert_eq!(attached.observer().in_vain.load(Relaxed), 1);
    /// ```
    c"irq_handler_entry",
    __traceiter_irq_handler_entry(irq: c_int, _action: *mut bindings::irqaction) =>
    IrqHandlerEntry {
        /// Linux's number of the line, as in `/proc/interrupts`.
        irq: u32 = irq.unsigned_abs(),
    }

    /// A handler of an interrupt line has returned.
    c"irq_handler_exit",
    __traceiter_irq_handler_exit(
        irq: c_int, _action: *mut bindings::irqaction, answer: c_int
    ) => IrqHandlerExit {
        /// Linux's number of the line, as in `/proc/interrupts`.
        irq: u32 = irq.unsigned_abs(),
        /// Whether the handler says that the interrupt was for it.
        is_handled: bool = answer != 0,
    }

    /// The local APIC's timer interrupts.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::{Attached, Observer, Tracepoint}};
    /// # use irqlab::tracepoint::{CallFunctionEntry, CallFunctionSingleEntry, IrqWorkEntry};
    /// # use irqlab::tracepoint::{LocalTimerEntry, RescheduleEntry, RescheduleExit};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// struct Count(Atomic<usize>);
    ///
    /// impl<T: Tracepoint> Observer<T> for Count {
    ///     fn observe(&self, _event: &T, _context: &Unsleeping) {
    ///         self.0.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// /// Counts what CPUs take from themselves and from each other.
    /// fn count_all() -> Result<Attached<Count>> {
    ///     let mut attached = Attached::new(Arc::new(Count(Atomic::new(0)), GFP_KERNEL)?);
    ///     attached.to::<LocalTimerEntry>()?;
    ///     attached.to::<IrqWorkEntry>()?;
    ///     attached.to::<CallFunctionEntry>()?;
    ///     attached.to::<CallFunctionSingleEntry>()?;
    ///     attached.to::<RescheduleEntry>()?;
    ///     attached.to::<RescheduleExit>()?;
    ///     Ok(attached)
    /// }
    ///
    /// # use irqlab::irq_work::{self, IrqWork};
    /// # struct Nothing;
    /// # impl irq_work::Handler<irq_work::Kind<irq_work::Now>> for Nothing {
    /// #     fn run(_this: &IrqWork<Self>, _irq: &irqlab::context::HardIrq) {}
    /// # }
    /// # if !irq_work::has_interrupt() { skip!("no local APIC") }
    /// let attached = count_all()?;
    /// # let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Nothing)), GFP_KERNEL)?;
    /// work.queue();
    /// # drop(work);
    /// assert!(attached.observer().0.load(Relaxed) >= 1);
    /// ```
    c"local_timer_entry", __traceiter_local_timer_entry(vector: c_int) => LocalTimerEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// Another CPU interrupts to have this one schedule.
    c"reschedule_entry", __traceiter_reschedule_entry(vector: c_int) => RescheduleEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// The interrupt of another CPU that had this one schedule is over: what is to be
    /// scheduled will be, later.
    c"reschedule_exit", __traceiter_reschedule_exit(vector: c_int) => RescheduleExit {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// Another CPU interrupts to have functions called, here and elsewhere.
    c"call_function_entry", __traceiter_call_function_entry(vector: c_int) => CallFunctionEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// Another CPU interrupts to have functions called, here only.
    c"call_function_single_entry", __traceiter_call_function_single_entry(vector: c_int) =>
    CallFunctionSingleEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// The CPU interrupts itself to do IRQ work.
    c"irq_work_entry", __traceiter_irq_work_entry(vector: c_int) => IrqWorkEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }
}
