// SPDX-License-Identifier: GPL-2.0

//! Simulated interrupts: lines that software raises, on any kernel and any machine.
//!
//! ```text
//!     Device (platform bus) ──binds──▶ your driver ──requests──▶ handler
//!        │                                                        ▲
//!        └ irq::Line::set_pending() ──latch──irq_work──▶ hard IRQ ┘
//! ```
//!
//! The handler runs in true hard IRQ context, through the kernel's generic
//! interrupt code. The line is a resource of a platform device, so that a driver
//! gets it just as it would get a real one.
//!
//! The controller is this library's, of [`irq_chip`]: one for each line, with an
//! edge for its [`Flow`]. So a line interrupts the CPU that raises it, unless
//! [`irq::Affinity`] says otherwise; what is raised while the last one has yet to arrive,
//! or while the handler runs, is merged into one more; one is kept while the line is disabled; and
//! what is raised before anybody has requested the line is refused.
//!
//! The kernel has simulated lines as well, where it was configured with them: those are in
//! `irq_sim`.
//!
//! [`irq_chip`]: crate::irq_chip
//! [`irq::Affinity`]: crate::irq::Affinity

use crate::{
    irq_chip::{
        Domain,
        Flow,
        Line,
        Transparent, //
    },
    platform, //
};
use kernel::{
    prelude::*,
    str::CStr, //
};

/// A platform device whose interrupt 0 is a simulated line.
///
/// The driver registered under its name binds to it. Dropping it unbinds that
/// driver, frees the line's handlers, and gives the line back.
pub struct Device {
    // First the device: unbinding it revokes the line, whose handlers are gone then.
    _device: platform::Device,
    line: Line<Transparent>,
}

impl Device {
    /// Registers the device `name.id` with a line of its own.
    ///
    /// Errors: `EEXIST` if the device exists, `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::sim::Device;
    /// # use kernel::prelude::*;
    /// fn raise_twice() -> Result {
    ///     let device = Device::new(c"example", 0)?;
    ///     // A driver that has bound to it, and has requested its line, gets one or two.
    ///     device.raise()?;
    ///     device.raise()
    /// }
    ///
    /// // There is no driver.
    /// assert_eq!(raise_twice(), Err(ENXIO));
    /// ```
    pub fn new(name: &'static CStr, id: i32) -> Result<Self> {
        let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
        Ok(Self {
            _device: platform::Device::new(name, id, line.line().irq())?,
            line,
        })
    }

    /// Raises one interrupt. May be called in any context, NMI included.
    ///
    /// Errors: `ENXIO` if nobody has requested the line.
    #[inline]
    pub fn raise(&self) -> Result {
        self.line.send()
    }
}
