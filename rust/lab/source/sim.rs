// SPDX-License-Identifier: GPL-2.0

//! Simulated lines: `sim0` and `sim1` on every machine, with up to six more if the module parameter `sim_lines` asks
//! for them; and `irqsim0` and `irqsim1` where the kernel has `irq_sim`.
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
const DEVICES: [Device; 10] = [
    Device::new(c"sim0", SIMULATED),
    Device::new(c"sim1", SIMULATED),
    Device::new(c"irqsim0", KERNELS),
    Device::new(c"irqsim1", KERNELS),
    Device::new(c"sim2", SIMULATED),
    Device::new(c"sim3", SIMULATED),
    Device::new(c"sim4", SIMULATED),
    Device::new(c"sim5", SIMULATED),
    Device::new(c"sim6", SIMULATED),
    Device::new(c"sim7", SIMULATED),
];

// A device is known by the last digit of its name.
const _: () = assert!(DEVICES.len() <= 10);

/// The kind of the lines that the library simulates.
pub(crate) const SIMULATED: &str = "simulated";

/// The kind of those that the kernel simulates.
const KERNELS: &str = "irq_sim";

/// The most lines that the library can simulate here.
pub(crate) const MAX_LINES: u8 = 8;

/// The fewest: experiments want two.
const MIN_LINES: u8 = 2;

/// What a device stands for.
struct Device {
    line: &'static CStr,
    kind: &'static str,
}

impl Device {
    const fn new(line: &'static CStr, kind: &'static str) -> Self {
        Self { line, kind }
    }
}

/// The driver, and the devices for it to bind to.
#[pin_data]
pub(super) struct Driver {
    // The devices first: they leave while there is still a driver to unbind.
    devices: KVec<sim::Device>,
    #[cfg(CONFIG_IRQ_SIM)]
    kernels: [irq_sim::Device; 2],
    #[pin]
    driver: driver::Registration<platform::Adapter<Sim>>,
}

impl Driver {
    pub(super) fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- driver::Registration::new(NAME, module),
            devices: simulated()?,
            #[cfg(CONFIG_IRQ_SIM)]
            kernels: [irq_sim::Device::new(NAME, 2)?, irq_sim::Device::new(NAME, 3)?],
        })
    }
}

/// As many devices of the library's lines as the module parameter asks for.
///
/// Errors: `EINVAL` if there cannot be so many, `ENOMEM`.
fn simulated() -> Result<KVec<sim::Device>> {
    let wanted = irqlab::parameter::<u8>(crate::module_parameters::sim_lines.value());
    if !(MIN_LINES..=MAX_LINES).contains(&wanted) {
        pr_err!("sim_lines={wanted} is not within {MIN_LINES} to {MAX_LINES}\n");
        return Err(EINVAL);
    }
    let mut devices = KVec::new();
    let all = DEVICES.iter().zip(0..);
    let simulated = all.filter(|(device, _)| device.kind == SIMULATED);
    for (_, id) in simulated.take(wanted.into()) {
        devices.push(sim::Device::new(NAME, id)?, GFP_KERNEL)?;
    }
    Ok(devices)
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
