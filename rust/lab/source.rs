// SPDX-License-Identifier: GPL-2.0

//! Sources: what raises interrupts. Each drives one device and its line.
//!
//! A source comes and goes with its device: its driver's `probe` puts it in the
//! lab's table of lines, and `unbind` takes it out. A new kind of source is one
//! new file here and one line in [`Drivers`].

use crate::laboratory::Lab;
use irqlab::{
    context::HardIrq,
    global::Global,
    irq::{
        self,
        Sharing, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc,
    ThisModule, //
};

mod edu;
mod sim;

pub(crate) use sim::{
    MAX_LINES,
    SIMULATED, //
};

/// The lab that probing drivers join: they are given nothing to find it by.
pub(crate) static LAB: Global<Lab> = Global::new();

/// One device that can be told to raise its interrupt.
pub(crate) trait Source: Send + Sync {
    /// The line that the interrupt arrives on.
    fn line(&self) -> &Arc<irq::Line>;

    /// Whether other devices may be on that line.
    fn sharing(&self) -> Sharing;

    /// Raises one interrupt. May be called in any context but an NMI.
    ///
    /// Errors: `ENODEV` after the device was unbound, `ENXIO` if the line has no handler
    /// and its controller can tell.
    fn raise(&self) -> Result;

    /// For the top half: whether this device raised the interrupt. If so, tells
    /// it that it was heard.
    fn acknowledge(&self, _irq: &HardIrq) -> bool {
        self.acknowledge_anywhere()
    }

    /// As [`Self::acknowledge`], for a top half that need not be in a hard IRQ.
    fn acknowledge_anywhere(&self) -> bool;

    /// Whether the device holds its interrupt raised until it is acknowledged.
    fn holds_raised(&self) -> bool {
        false
    }

    /// Whether the device holds its interrupt raised, as nobody has acknowledged it.
    fn is_raised(&self) -> bool {
        false
    }

    /// Takes back what the device holds raised, which nobody will acknowledge.
    fn silence(&self) {}

    /// Whether the interrupt arrives at the CPU that raises it, whichever that is.
    fn is_local(&self) -> bool {
        false
    }

    /// One word for what kind of interrupt it is.
    fn kind(&self) -> &'static str;
}

/// The drivers of all kinds of sources, registered while this lives.
#[pin_data]
pub(crate) struct Drivers {
    #[pin]
    sim: sim::Driver,
    #[pin]
    edu: edu::Driver,
}

impl Drivers {
    pub(crate) fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            sim <- sim::Driver::new(module),
            edu <- edu::Driver::new(module),
        })
    }
}
