// SPDX-License-Identifier: GPL-2.0

//! What a driver says of its line as it requests it: who else may be on it, and what triggers it.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::bindings;

/// Whether other handlers may be on the same line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody else: a second request answers `EBUSY`, and the kernel logs it.
    Exclusive,
    /// As [`Self::Exclusive`], where `EBUSY` is expected and not to be logged.
    ExclusiveIfFree,
    /// Others who also say so. All are called for every interrupt.
    Shared,
}

impl Sharing {
    const fn flags(self) -> u32 {
        match self {
            Sharing::Exclusive => 0,
            Sharing::ExclusiveIfFree => bindings::IRQF_PROBE_SHARED,
            Sharing::Shared => bindings::IRQF_SHARED,
        }
    }
}

/// What at a line interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// That it goes from low to high.
    RisingEdge,
    /// That it goes from high to low.
    FallingEdge,
    /// That it goes either way.
    BothEdges,
    /// That it is high, as long as it is.
    HighLevel,
    /// That it is low, as long as it is.
    LowLevel,
}

impl Trigger {
    /// All that there are.
    pub const ALL: [Trigger; 5] = [
        Trigger::RisingEdge,
        Trigger::FallingEdge,
        Trigger::BothEdges,
        Trigger::HighLevel,
        Trigger::LowLevel,
    ];

    /// As `IRQ_TYPE_*`, whose bits are those of `IRQF_TRIGGER_*`.
    pub(crate) const fn into_raw(self) -> u32 {
        match self {
            Trigger::RisingEdge => bindings::IRQ_TYPE_EDGE_RISING,
            Trigger::FallingEdge => bindings::IRQ_TYPE_EDGE_FALLING,
            Trigger::BothEdges => bindings::IRQ_TYPE_EDGE_BOTH,
            Trigger::HighLevel => bindings::IRQ_TYPE_LEVEL_HIGH,
            Trigger::LowLevel => bindings::IRQ_TYPE_LEVEL_LOW,
        }
    }

    /// The one that these bits are, if they are one.
    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        let sense = raw & bindings::IRQ_TYPE_SENSE_MASK;
        Self::ALL.into_iter().find(|one| one.into_raw() == sense)
    }

    /// Whether it is a level that counts.
    ///
    /// ```
    /// # use irqlab::irq::Trigger;
    /// fn must_be_masked_for_a_thread(trigger: Trigger) -> bool {
    ///     trigger.is_level()
    /// }
    ///
    /// assert!(must_be_masked_for_a_thread(Trigger::LowLevel));
    /// assert!(!must_be_masked_for_a_thread(Trigger::RisingEdge));
    /// ```
    pub const fn is_level(self) -> bool {
        matches!(self, Trigger::HighLevel | Trigger::LowLevel)
    }
}

/// What a driver says of its line. [`Sharing`] alone is enough for most: it turns into this.
///
/// ```
/// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Line, Options, Registration, Sharing, Trigger}};
/// # use irqlab::irq_chip::{Domain, Flow, Transparent};
/// # use kernel::{prelude::*, sync::Arc};
/// # struct Quiet;
/// # impl Handler for Quiet {
/// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
/// #         IrqReturn::Handled
/// #     }
/// # }
/// fn listen<T: Handler>(line: &Arc<Line>, handler: T) -> Result<Arc<Registration<T>>> {
///     let options = Options::new(Sharing::Exclusive).with_trigger(Trigger::FallingEdge);
///     line.request(options, c"button", Ok::<_, Error>(handler))
/// }
///
/// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
/// // This controller cannot choose.
/// assert_eq!(listen(line.line(), Quiet).err(), Some(EINVAL));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Options {
    sharing: Sharing,
    trigger: Option<Trigger>,
}

impl Options {
    /// Of a line whose trigger is left as the firmware or the bus has set it.
    pub const fn new(sharing: Sharing) -> Self {
        Self {
            sharing,
            trigger: None,
        }
    }

    /// Has the controller look for `trigger`.
    pub const fn with_trigger(self, trigger: Trigger) -> Self {
        Self {
            trigger: Some(trigger),
            ..self
        }
    }

    pub(super) const fn flags(self) -> u32 {
        let trigger = match self.trigger {
            Some(trigger) => trigger.into_raw(),
            None => 0,
        };
        self.sharing.flags() | trigger
    }
}

impl From<Sharing> for Options {
    fn from(sharing: Sharing) -> Self {
        Self::new(sharing)
    }
}
