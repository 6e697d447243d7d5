// SPDX-License-Identifier: GPL-2.0

//! `sim0`, `sim1`: simulated lines, on every machine.
//!
//! Raising queues an `irq_work`, whose interrupt runs the line's handlers in
//! true hard IRQ context on the CPU that raised.

use super::{
    Source,
    LAB, //
};
use irqlab::{
    context::HardIrq,
    irq::{
        self,
        Sharing, //
    },
    irq_sim, //
};
use kernel::{
    device::Core,
    driver,
    platform,
    prelude::*,
    sync::Arc,
    ThisModule, //
};

/// The lines, and the devices that they belong to: `irqlab-sim.0`, `irqlab-sim.1`.
const LINES: [&CStr; 2] = [c"sim0", c"sim1"];
const NAME: &CStr = c"irqlab-sim";

/// The driver, and the devices for it to bind to.
#[pin_data]
pub(super) struct Driver {
    // The devices first: they leave while there is still a driver to unbind.
    devices: [irq_sim::Device; 2],
    #[pin]
    driver: driver::Registration<platform::Adapter<Sim>>,
}

impl Driver {
    pub(super) fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- driver::Registration::new(NAME, module),
            devices: {
                let domain = irq_sim::Domain::new(LINES.len() as u32)?;
                let device = |id| irq_sim::Device::new(&domain, id as u32, NAME, id);
                [device(0)?, device(1)?]
            },
        })
    }
}

/// A simulated line as a source.
struct Sim {
    line: Arc<irq::Line>,
}

impl Source for Sim {
    fn line(&self) -> &Arc<irq::Line> {
        &self.line
    }

    fn sharing(&self) -> Sharing {
        Sharing::Exclusive
    }

    fn raise(&self) -> Result {
        self.line.set_pending()
    }

    fn acknowledge(&self, _irq: &HardIrq) -> bool {
        // Nobody else is on the line, and the controller has cleared its bit.
        true
    }

    fn is_local(&self) -> bool {
        true
    }

    fn kind(&self) -> &'static str {
        "simulated"
    }
}

/// A bound device. Dropping it, on unbind, takes the line out of the lab.
pub(super) struct Bound(&'static CStr);

impl platform::Driver for Sim {
    type IdInfo = ();
    type Data<'bound> = Bound;

    fn probe<'bound>(
        device: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<Bound, Error> + 'bound {
        let name = device.as_ref().name().to_bytes();
        let index = match name.strip_prefix(b"irqlab-sim.") {
            Some(b"0") => 0,
            Some(b"1") => 1,
            _ => return Err(ENODEV),
        };
        let lab = LAB.get().ok_or(ENODEV)?;
        let line = irq::Line::new(device.as_ref(), device.irq_by_index(0)?)?;
        let source = Arc::new(Sim { line }, GFP_KERNEL)?;
        lab.lines.add(&lab, LINES[index], source)?;
        Ok(Bound(LINES[index]))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Some(lab) = LAB.get() {
            lab.lines.remove(self.0);
        }
    }
}
