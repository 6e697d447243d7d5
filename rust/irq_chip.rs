// SPDX-License-Identifier: GPL-2.0

//! Interrupt controllers: a chip of one's own, and its lines.
//!
//! ```text
//!     Line::send() ──▶ latch ──irq_work──┐
//!                                        ▼
//!     Line::raise() ─────────────▶ flow handler ──calls──▶ Chip: mask, ack, eoi, unmask
//!                                        └───────calls──▶ the handlers on the line
//! ```
//!
//! What has to be done at the controller around a handler depends on how its
//! lines signal. That is the *flow* of a line, and the kernel has a handler for
//! each; see [`Flow`]. The chip gives them the operations.
//!
//! The flow handlers want hard IRQ context with interrupts off. A line is raised in
//! one of two ways:
//!
//! - [`Line::raise`] takes a token of that context: from the handler of a parent
//!   interrupt, for instance. The flow handler runs at once.
//! - [`Line::send`] can be called anywhere. It sets the line's *latch*, a bit that says
//!   "an interrupt is to arrive", and has a CPU interrupt itself, which then runs the
//!   flow handler. The kernel's replay of what arrived at a disabled line comes by the
//!   same way, so that handlers run in hard IRQ context then too.
//!
//! What is sent goes to the CPU that sent it, if that is one of those the line may go
//! to ([`irq::Affinity`]); otherwise to the first of them. At first a line may go to all.
//! When a CPU goes offline, the kernel has its lines go to others, and what is on its
//! way is sent on. `/proc/irq/N/smp_affinity` can be read, but not written: what the
//! module decides is not for `irqbalance` to change.
//!
//! The flow of per-CPU interrupts, `handle_percpu_irq()`, is not among them: the
//! kernel does not export it to modules.
//!
//! C header: [`include/linux/irq.h`](srctree/include/linux/irq.h),
//! [`include/linux/irqdomain.h`](srctree/include/linux/irqdomain.h)

use crate::{
    bindings,
    context::{
        HardIrq,
        Task, //
    },
    irq,
    irq_work::IrqWork, //
};
use core::ptr::NonNull;
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::{
        as_char_ptr_in_const_context,
        CStr, //
    },
    sync::{
        atomic::Atomic,
        Arc, //
    },
};

mod delivery;

use delivery::Delivery;

/// What a controller can do to one of its lines.
///
/// All but those for a bus are called with interrupts off and the line's lock held, perhaps on
/// several CPUs for different lines. They may neither sleep nor ask the kernel
/// about the line. The line's lock spins on every kernel: what they share has to be in atomics, or behind a
/// [`RawSpinLock`](crate::raw_spinlock::RawSpinLock), which spins as well.
///
/// ```
/// # use irqlab::irq::Trigger;
/// # use irqlab::irq_chip::{Chip, Domain, Flow, Line};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// /// Counts what it is told.
/// struct Counting {
///     nr_masked: Atomic<usize>,
///     nr_ended: Atomic<usize>,
/// }
///
/// impl Chip for Counting {
///     fn mask(&self, _hwirq: u32) {
///         self.nr_masked.add(1, Relaxed);
///     }
///
///     fn unmask(&self, _hwirq: u32) {}
///     fn ack(&self, _hwirq: u32) {}
///
///     fn mask_ack(&self, hwirq: u32) {
///         self.mask(hwirq);
///     }
///
///     fn eoi(&self, _hwirq: u32) {
///         self.nr_ended.add(1, Relaxed);
///     }
///
///     fn set_trigger(&self, hwirq: u32, trigger: Trigger) -> Result {
///         if hwirq == 0 && !trigger.is_level() { Ok(()) } else { Err(EINVAL) }
///     }
/// }
///
/// fn show(line: &Line<Counting>) {
///     let chip = line.domain().chip();
///     let masked = chip.nr_masked.load(Relaxed);
///     pr_info!("{} {:?}: masked {masked} times\n", line.line().irq(), Flow::Edge.name());
/// }
///
/// let chip = Counting { nr_masked: Atomic::new(0), nr_ended: Atomic::new(0) };
/// let line = Domain::new(1, Ok::<_, Error>(chip))?.map(0, Flow::Edge)?;
/// show(&line);
/// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Options, Sharing}};
/// # struct Quiet;
/// # impl Handler for Quiet {
/// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
/// #         IrqReturn::Handled
/// #     }
/// # }
/// # let by = |trigger| Options::new(Sharing::Exclusive).with_trigger(trigger);
/// # let request = |options| line.line().request(options, c"example", Ok::<_, Error>(Quiet));
/// assert!(request(by(Trigger::RisingEdge)).is_ok());
/// assert_eq!(request(by(Trigger::LowLevel)).err(), Some(EINVAL));
/// ```
pub trait Chip: Send + Sync + 'static {
    /// Lets no more interrupts of the line through.
    fn mask(&self, hwirq: u32);

    /// Lets them through again.
    fn unmask(&self, hwirq: u32);

    /// Takes note of an interrupt, so that the next one can arrive.
    fn ack(&self, hwirq: u32);

    /// Both at once: many controllers can. By default one after the other.
    fn mask_ack(&self, hwirq: u32) {
        self.mask(hwirq);
        self.ack(hwirq);
    }

    /// Says that an interrupt was served, which until then kept back the next.
    fn eoi(&self, hwirq: u32);

    /// Has the line interrupt by `trigger` from now on, as who requests it wants: [`irq::Options`]. The
    /// trigger goes with the line's flow: levels with [`Flow::Level`], edges with [`Flow::Edge`], and any with
    /// the others. By default refused.
    ///
    /// Errors: `EINVAL` if the line cannot.
    fn set_trigger(&self, _hwirq: u32, _trigger: irq::Trigger) -> Result {
        Err(EINVAL)
    }

    /// Whether the controller is behind a bus that one has to wait for, such as I2C. As nothing above may wait, it
    /// only notes what is to be done then; and the kernel calls [`Self::lock_bus`] before, and
    /// [`Self::sync_and_unlock_bus`], which does it, afterwards.
    ///
    /// ```
    /// # use irqlab::{context::Task, irq_chip::Chip};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// /// An expander, whose mask is written when all that is changed is known.
    /// struct Expander {
    ///     masked: Atomic<u64>,
    ///     sent: Atomic<u64>,
    /// }
    ///
    /// impl Chip for Expander {
    ///     const IS_BEHIND_BUS: bool = true;
    ///
    ///     fn mask(&self, _hwirq: u32) {
    ///         self.masked.store(1, Relaxed);
    ///     }
    ///
    ///     fn unmask(&self, _hwirq: u32) {
    ///         self.masked.store(0, Relaxed);
    ///     }
    ///
    ///     fn ack(&self, _hwirq: u32) {}
    ///
    ///     fn eoi(&self, _hwirq: u32) {}
    ///
    ///     fn lock_bus(&self, _hwirq: u32, _task: &Task) {
    ///         // Here it would wait for the bus…
    ///     }
    ///
    ///     fn sync_and_unlock_bus(&self, _hwirq: u32, task: &Task) {
    ///         // …and here send this, and let others have the bus.
    ///         self.sent.store(self.masked.load(Relaxed), Relaxed);
    ///         task.sleep_us(100, 100);
    ///     }
    /// }
    ///
    /// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Sharing}, irq_chip::{Domain, Flow}};
    /// # use kernel::prelude::*;
    /// # struct Quiet;
    /// # impl Handler for Quiet {
    /// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    /// #         IrqReturn::Handled
    /// #     }
    /// # }
    /// let expander = Expander { masked: Atomic::new(1), sent: Atomic::new(1) };
    /// let line = Domain::new(1, Ok::<_, Error>(expander))?.map(0, Flow::Edge)?;
    /// let registration = line.line().request(Sharing::Exclusive, c"quiet", Ok::<_, Error>(Quiet))?;
    /// assert_eq!(line.domain().chip().sent.load(Relaxed), 0);
    /// drop(registration);
    /// assert_eq!(line.domain().chip().sent.load(Relaxed), 1);
    /// ```
    const IS_BEHIND_BUS: bool = false;

    /// Takes the bus, for a task that is about to change a line, or to look at one. By default does nothing.
    fn lock_bus(&self, _hwirq: u32, _task: &Task) {}

    /// Tells the controller what was noted, and gives the bus back. By default does nothing.
    fn sync_and_unlock_bus(&self, _hwirq: u32, _task: &Task) {}
}

/// A controller that has nothing to do.
pub struct Transparent;

impl Chip for Transparent {
    fn mask(&self, _hwirq: u32) {}

    fn unmask(&self, _hwirq: u32) {}

    fn ack(&self, _hwirq: u32) {}

    fn eoi(&self, _hwirq: u32) {}
}

/// How a line's interrupts are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The controller needs nothing: `handle_simple_irq()`.
    Simple,
    /// The line is active until its device was served, and is masked meanwhile:
    /// `handle_level_irq()`.
    Level,
    /// The line only says that something happened, which may happen again
    /// meanwhile: `handle_edge_irq()`. Only this one remembers an interrupt that arrives
    /// while another CPU runs the handlers; the others drop it.
    Edge,
    /// The controller itself keeps back the next interrupt until it hears of
    /// the end of this one: `handle_fasteoi_irq()`.
    FastEoi,
}

impl Flow {
    /// The flow's name, as in `/proc/interrupts` behind the line's number.
    pub const fn name(self) -> &'static CStr {
        match self {
            Flow::Simple => c"simple",
            Flow::Level => c"level",
            Flow::Edge => c"edge",
            Flow::FastEoi => c"fasteoi",
        }
    }

    /// Whether it goes with `trigger`.
    const fn suits(self, trigger: irq::Trigger) -> bool {
        match self {
            Flow::Level => trigger.is_level(),
            Flow::Edge => !trigger.is_level(),
            Flow::Simple | Flow::FastEoi => true,
        }
    }

    fn handler(self) -> bindings::irq_flow_handler_t {
        match self {
            Flow::Simple => Some(bindings::handle_simple_irq),
            Flow::Level => Some(bindings::handle_level_irq),
            Flow::Edge => Some(bindings::handle_edge_irq),
            Flow::FastEoi => Some(bindings::handle_fasteoi_irq),
        }
    }
}

/// A controller with its chip.
///
/// # Invariants
///
/// `raw` is a domain that is ours to remove, and `mapped` has the bits of those
/// lines of it for which there is a `Delivery`.
#[pin_data(PinnedDrop)]
pub struct Domain<C: Chip> {
    raw: NonNull<bindings::irq_domain>,
    nr_lines: u32,
    // No lock: its lockdep class would be another one in each module that has a chip.
    mapped: Atomic<u64>,
    #[pin]
    chip: C,
}

// SAFETY: The domain's functions lock for themselves; the chip is `Send`.
unsafe impl<C: Chip> Send for Domain<C> {}
// SAFETY: The C side's functions for `raw` lock it, and may be called on several CPUs at once;
// `mapped` is atomic, `nr_lines` does not change, and the chip is `Sync`.
unsafe impl<C: Chip> Sync for Domain<C> {}

impl<C: Chip> Domain<C> {
    /// The most lines that a controller can have.
    pub const MAX_LINES: u32 = u64::BITS;

    /// What the kernel calls the chip by, for all lines of all such domains.
    const CHIP: bindings::irq_chip = bindings::irq_chip {
        name: as_char_ptr_in_const_context(c"irqlab"),
        irq_mask: Some(delivery::mask::<C>),
        irq_unmask: Some(delivery::unmask::<C>),
        irq_ack: Some(delivery::ack::<C>),
        irq_mask_ack: Some(delivery::mask_ack::<C>),
        irq_eoi: Some(delivery::eoi::<C>),
        irq_startup: Some(delivery::startup::<C>),
        irq_shutdown: Some(delivery::shutdown::<C>),
        irq_retrigger: Some(delivery::retrigger::<C>),
        irq_set_type: Some(delivery::set_trigger::<C>),
        irq_set_affinity: Some(bindings::irq_chip_redirect_set_affinity),
        irq_get_irqchip_state: Some(delivery::state::<C>),
        irq_set_irqchip_state: Some(delivery::set_state::<C>),
        irq_bus_lock: if C::IS_BEHIND_BUS {
            Some(delivery::lock_bus::<C>)
        } else {
            None
        },
        irq_bus_sync_unlock: if C::IS_BEHIND_BUS {
            Some(delivery::sync_and_unlock_bus::<C>)
        } else {
            None
        },
        flags: bindings::IRQCHIP_IMMUTABLE as usize,
        ..pin_init::zeroed()
    };

    /// Creates a controller with lines 0 to `nr_lines` - 1.
    ///
    /// Errors: `EINVAL` if there are none or more than [`Self::MAX_LINES`],
    /// `ENOMEM`, and those of `chip`.
    pub fn new(nr_lines: u32, chip: impl PinInit<C, Error>) -> Result<Arc<Self>> {
        if !(1..=Self::MAX_LINES).contains(&nr_lines) {
            return Err(EINVAL);
        }
        let info = bindings::irq_domain_info {
            size: nr_lines,
            hwirq_max: nr_lines as usize,
            ops: &raw const bindings::irq_domain_simple_ops,
            ..pin_init::zeroed()
        };
        Arc::pin_init(
            try_pin_init!(Self {
                chip <- chip,
                mapped: Atomic::new(0),
                nr_lines,
                // Last: nothing fails after it. INVARIANT: Just created.
                //
                // SAFETY: `info` is initialised, and its operations are static.
                raw: NonNull::new(from_err_ptr(unsafe {
                    bindings::irq_domain_instantiate(&info)
                })?)
                .ok_or(ENOMEM)?,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// The chip.
    pub fn chip(&self) -> &C {
        &self.chip
    }

    /// Gives line `hwirq` a number, and the flow that its interrupts have.
    ///
    /// Errors: `ENODEV` if the domain has no such line, `EBUSY` if it is mapped,
    /// `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::irq_chip::{Domain, Flow, Line, Transparent};
    /// # use kernel::prelude::*;
    /// fn line() -> Result<Line<Transparent>> {
    ///     Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::FastEoi)
    /// }
    ///
    /// let line = line()?;
    /// assert_eq!(line.domain().map(0, Flow::FastEoi).err(), Some(EBUSY));
    /// assert_eq!(line.domain().map(1, Flow::FastEoi).err(), Some(ENODEV));
    /// ```
    pub fn map(self: &Arc<Self>, hwirq: u32, flow: Flow) -> Result<Line<C>> {
        if hwirq >= self.nr_lines {
            return Err(ENODEV);
        }
        let delivery = IrqWork::new(Delivery::new(self, hwirq, flow));
        let delivery = KBox::try_pin_init(delivery, GFP_KERNEL)?;
        // SAFETY: The domain is valid; no affinity is asked for.
        let irq = unsafe {
            bindings::irq_create_mapping_affinity(
                self.raw.as_ptr(),
                hwirq as usize,
                core::ptr::null(),
            )
        };
        if irq == 0 {
            return Err(ENOMEM);
        }
        // SAFETY: The line revokes it as it is dropped, before it gives the mapping back.
        let line = unsafe { irq::Line::of_mapping(irq, C::IS_BEHIND_BUS) }.inspect_err(|_| {
            // SAFETY: Mapped above, and nobody can have requested it.
            unsafe { bindings::irq_dispose_mapping(irq) };
        })?;
        // INVARIANT: Mapped above, and everything below is done before anybody has the line.
        let line = Line { line, delivery };
        let mut status = bindings::IRQ_NOPROBE | bindings::IRQ_NO_BALANCING;
        if flow == Flow::Level {
            status |= bindings::IRQ_LEVEL;
        }
        // SAFETY: The line is mapped and not requested. The chip is static. Its data is the
        // delivery, which is pinned, and which `line` keeps until the mapping is gone; the kernel's
        // data of a mapped line does not move, and `line` waits for what is on its way before it gives
        // the mapping back. The name is static, and so is the mask of the CPUs that the machine can have.
        unsafe {
            line.delivery.set_data(bindings::irq_get_irq_data(irq));
            bindings::irq_set_chip(irq, &Self::CHIP);
            bindings::irq_set_chip_data(
                irq,
                core::ptr::from_ref(&*line.delivery).cast_mut().cast(),
            );
            let name = flow.name().as_char_ptr();
            bindings::__irq_set_handler(irq, Some(delivery::flow::<C>), 0, name);
            bindings::irq_modify_status(irq, 0, status as usize);
            to_result(bindings::irq_set_affinity(
                irq,
                &raw const bindings::__cpu_possible_mask,
            ))?;
        }
        Ok(line)
    }
}

#[pinned_drop]
impl<C: Chip> PinnedDrop for Domain<C> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Ours by the type invariant. Its lines are gone: the delivery of each
        // holds it.
        unsafe { bindings::irq_domain_remove(self.raw.as_ptr()) };
    }
}

/// A line of a controller. Dropping it frees its handlers, waits for them, and
/// gives its number back. What was sent and has not arrived is lost.
///
/// # Invariants
///
/// `line` is mapped in the delivery's domain; both the mapping and the revocation of
/// `line` are ours to do.
pub struct Line<C: Chip> {
    line: Arc<irq::Line>,
    delivery: Pin<KBox<IrqWork<Delivery<C>>>>,
}

impl<C: Chip> Line<C> {
    /// The line for those who put handlers on it. Revoked when `self` is dropped.
    pub fn line(&self) -> &Arc<irq::Line> {
        &self.line
    }

    /// The controller of the line.
    pub fn domain(&self) -> &Arc<Domain<C>> {
        self.delivery.domain()
    }

    /// Has an interrupt arrive: runs the line's flow handler here and now. A
    /// handler of the line may call this too, for one that arrives meanwhile.
    ///
    /// A chip that has masked the line has to see to it that this is not called;
    /// the flow handlers take it for a race and cope.
    ///
    /// Errors: `EINVAL` if the line is not known.
    ///
    /// ```
    /// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Sharing}};
    /// # use irqlab::irq_chip::{Chip, Domain, Flow, Line, Transparent};
    /// # use irqlab::irq_work::{self, IrqWork, Now};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Arc<Atomic<u32>>);
    /// # impl Handler for Count {
    /// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    /// #         self.0.add(1, Relaxed);
    /// #         IrqReturn::Handled
    /// #     }
    /// # }
    /// # struct Controller(KVec<Line<Transparent>>);
    /// # impl irq_work::Handler<irq_work::Kind<Now>> for Controller {
    /// #     fn run(this: &IrqWork<Self>, irq: &HardIrq) {
    /// #         let _ = demultiplex(&this.0, 0b101, irq);
    /// #     }
    /// # }
    /// /// In the handler of the line that the controller's own interrupts come by.
    /// fn demultiplex<C: Chip>(lines: &[Line<C>], pending: u32, irq: &HardIrq) -> Result {
    ///     for (hwirq, line) in lines.iter().enumerate().take(32) {
    ///         if pending >> hwirq & 1 == 1 {
    ///             line.raise(irq)?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # let domain = Domain::new(3, Ok::<_, Error>(Transparent))?;
    /// # let nr_raised = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
    /// # let (mut lines, mut registrations) = (KVec::new(), KVec::new());
    /// # for hwirq in 0..3 {
    /// #     let line = domain.map(hwirq, Flow::Edge)?;
    /// #     let count = Ok::<_, Error>(Count(nr_raised.clone()));
    /// #     let registration = line.line().request(Sharing::Exclusive, c"example", count)?;
    /// #     lines.push(line, GFP_KERNEL)?;
    /// #     registrations.push(registration, GFP_KERNEL)?;
    /// # }
    /// # let interrupt = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Controller(lines))), GFP_KERNEL)?;
    /// # interrupt.queue();
    /// # drop(interrupt);
    /// # assert_eq!(nr_raised.load(Relaxed), 2);
    /// ```
    pub fn raise(&self, _irq: &HardIrq) -> Result {
        let domain = self.domain().raw.as_ptr();
        // SAFETY: The token proves hard IRQ context with interrupts off, and by
        // the type invariant the line is mapped while this is borrowed.
        to_result(unsafe {
            bindings::generic_handle_domain_irq(domain, self.delivery.hwirq() as usize)
        })
    }

    /// Has an interrupt arrive soon, in hard IRQ context, on a CPU that the line may go to.
    /// May be called in any context, NMI included. [`irq::Line::set_pending`] does the same,
    /// but not in an NMI.
    ///
    /// What is sent before the last one has arrived is merged with it. While the line is
    /// masked or disabled, one is kept, which arrives when it no longer is; but with
    /// [`Flow::Level`] the kernel keeps none for a disabled line, as a device that is still
    /// active is taken to send again.
    ///
    /// Errors: `ENXIO` if nobody has requested the line: nothing is kept then.
    ///
    /// ```
    /// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Sharing}};
    /// # use irqlab::irq_chip::{Chip, Domain, Flow, Line, Transparent};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler for Count {
    /// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    /// #         self.0.add(1, Relaxed);
    /// #         IrqReturn::Handled
    /// #     }
    /// # }
    /// fn twice<C: Chip>(line: &Line<C>) -> Result {
    ///     line.send()?;
    ///     // One or two will arrive.
    ///     line.send()
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// // Nobody has requested it.
    /// assert_eq!(twice(&line), Err(ENXIO));
    /// # let count = Ok::<_, Error>(Count(Atomic::new(0)));
    /// let registration = line.line().request(Sharing::Exclusive, c"example", count)?;
    /// twice(&line)?;
    /// # eventually!(task, registration.handler().0.load(Relaxed) > 0);
    /// // A moment later:
    /// assert!((1..=2).contains(&registration.handler().0.load(Relaxed)));
    /// ```
    pub fn send(&self) -> Result {
        delivery::send(&self.delivery)
    }
}

impl<C: Chip> Drop for Line<C> {
    fn drop(&mut self) {
        // First the handlers: disposing of a requested line leaks it. With them, the line
        // is shut down, and nothing is sent to it any more.
        self.line.revoke();
        // Then what is on its way, which must find the line or nothing at all.
        self.delivery.wait();
        // SAFETY: Ours by the type invariant, and nobody can request it any more.
        unsafe { bindings::irq_dispose_mapping(self.line.irq()) };
    }
}
