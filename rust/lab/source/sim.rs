// SPDX-License-Identifier: GPL-2.0

//! Simulated lines: `sim0` and `sim1` on every machine, `irqsim0` and `irqsim1` where the
//! kernel has `irq_sim`.
//!
//! Raising queues an `irq_work`, whose interrupt runs the line's handlers in true hard IRQ
//! context: on the CPU that raised, unless the line was sent elsewhere, which the kernel's
//! own cannot be.

use super::{
    Source,
    LAB, //
};
#[cfg(CONFIG_IRQ_SIM)]
use irqlab::irq_sim;
use irqlab::{
    cpu,
    irq::{
        self,
        Affinity,
        Sharing, //
    },
    sim, //
};
use kernel::{
    device::Core,
    driver,
    platform,
    prelude::*,
    sync::Arc,
    ThisModule, //
};

/// The devices, all for one driver, by their numbers: `irqlab-sim.0` and so on.
const NAME: &CStr = c"irqlab-sim";
const DEVICES: [Device; 4] = [
    Device {
        line: c"sim0",
        kind: "simulated",
    },
    Device {
        line: c"sim1",
        kind: "simulated",
    },
    Device {
        line: c"irqsim0",
        kind: KERNELS,
    },
    Device {
        line: c"irqsim1",
        kind: KERNELS,
    },
];

/// The kind of the lines that the kernel simulates.
const KERNELS: &str = "irq_sim";

/// What a device stands for.
struct Device {
    line: &'static CStr,
    kind: &'static str,
}

/// The driver, and the devices for it to bind to.
#[pin_data]
pub(super) struct Driver {
    // The devices first: they leave while there is still a driver to unbind.
    devices: [sim::Device; 2],
    #[cfg(CONFIG_IRQ_SIM)]
    kernels: [irq_sim::Device; 2],
    #[pin]
    driver: driver::Registration<platform::Adapter<Sim>>,
}

impl Driver {
    pub(super) fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- driver::Registration::new(NAME, module),
            devices: [sim::Device::new(NAME, 0)?, sim::Device::new(NAME, 1)?],
            #[cfg(CONFIG_IRQ_SIM)]
            kernels: [irq_sim::Device::new(NAME, 2)?, irq_sim::Device::new(NAME, 3)?],
        })
    }
}

/// A simulated line as a source.
struct Sim {
    line: Arc<irq::Line>,
    kind: &'static str,
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

    fn acknowledge_anywhere(&self) -> bool {
        // Nobody else is on the line, and the controller has cleared its latch.
        true
    }

    fn is_local(&self) -> bool {
        let goes_to = Affinity::of(&self.line).map(|(_, effective)| effective);
        // The kernel's own cannot be sent elsewhere.
        self.kind == KERNELS
            || goes_to.is_ok_and(|cpus| cpu::online().all(|cpu| cpus.contains(cpu)))
    }

    fn kind(&self) -> &'static str {
        self.kind
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
        let digit = device.as_ref().name().to_bytes().last();
        let index = digit.map_or(0, |digit| usize::from(*digit));
        let index = index.wrapping_sub(usize::from(b'0'));
        let &Device { line: name, kind } = DEVICES.get(index).ok_or(ENODEV)?;
        let lab = LAB.get().ok_or(ENODEV)?;
        let source = Sim {
            line: irqlab::platform::line(device, 0)?,
            kind,
        };
        let source = Arc::new(source, GFP_KERNEL)?;
        lab.lines.add(&lab, name, source)?;
        Ok(Bound(name))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Some(lab) = LAB.get() {
            lab.lines.remove(self.0);
        }
    }
}
