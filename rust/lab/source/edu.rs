// SPDX-License-Identifier: GPL-2.0

//! `edu0`, `edu1`: QEMU's educational PCI device, an interrupt from outside the CPU.
//!
//! Level-triggered INTx, which several devices share, or MSI, as the module
//! parameter `edu_msi` says.
//!
//! Device: [QEMU's specification](https://www.qemu.org/docs/master/specs/edu.html)

use super::{
    Source,
    LAB, //
};
use irqlab::irq::{
    self,
    Sharing, //
};
use kernel::{
    device::Core,
    driver,
    io::Io,
    pci,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        Arc, //
    },
    ThisModule, //
};

/// The names that devices get as they are probed.
const LINES: [&CStr; 2] = [c"edu0", c"edu1"];

/// Which of the names are taken, a bit each.
static TAKEN: Atomic<u32> = Atomic::new(0);

/// The registers that the lab uses, as offsets into BAR 0.
mod register {
    /// Read: the causes that were raised and not acknowledged.
    pub(super) const STATUS: usize = 0x24;
    /// Write: raises the interrupt with these causes.
    pub(super) const RAISE: usize = 0x60;
    /// Write: takes these causes back, and with the last one the interrupt.
    pub(super) const ACKNOWLEDGE: usize = 0x64;
    /// How much of the BAR is mapped.
    pub(super) const END: usize = 0x100;
}

/// The cause that the lab raises; the device itself uses 0x1 and 0x100.
const CAUSE: u32 = 0x2;

/// The driver of all edu devices.
#[pin_data]
pub(super) struct Driver {
    #[pin]
    driver: driver::Registration<pci::Adapter<Edu>>,
}

impl Driver {
    pub(super) fn new(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- driver::Registration::new(c"irqlab-edu", module),
        })
    }
}

/// An edu device as a source.
struct Edu {
    bar: irqlab::pci::DevresBar<{ register::END }>,
    line: Arc<irq::Line>,
    sharing: Sharing,
}

impl Edu {
    /// Takes the causes back that were raised. Returns which they were.
    fn take_back(&self) -> u32 {
        let Some(bar) = self.bar.try_access() else {
            return 0;
        };
        let causes = bar.read32(register::STATUS);
        if causes != 0 {
            bar.write32(causes, register::ACKNOWLEDGE);
        }
        causes
    }
}

impl Source for Edu {
    fn line(&self) -> &Arc<irq::Line> {
        &self.line
    }

    fn sharing(&self) -> Sharing {
        self.sharing
    }

    fn raise(&self) -> Result {
        let bar = self.bar.try_access().ok_or(ENODEV)?;
        bar.write32(CAUSE, register::RAISE);
        Ok(())
    }

    fn acknowledge_anywhere(&self) -> bool {
        self.take_back() != 0
    }

    fn holds_raised(&self) -> bool {
        // A message is sent once.
        self.sharing == Sharing::Shared
    }

    fn is_raised(&self) -> bool {
        let bar = self.bar.try_access();
        bar.is_some_and(|bar| bar.read32(register::STATUS) != 0)
    }

    fn silence(&self) {
        self.take_back();
    }

    fn kind(&self) -> &'static str {
        match self.sharing {
            Sharing::Shared => "INTx",
            Sharing::Exclusive | Sharing::ExclusiveIfFree => "MSI",
        }
    }
}

/// A bound device. Dropping it, on unbind, takes the line out of the lab.
pub(super) struct Bound(usize);

impl Bound {
    /// Takes the first name that is free.
    fn new() -> Result<Self> {
        for index in 0..LINES.len() {
            // Bits are set one at a time under the driver core's device locks,
            // which differ between devices: hence the compare and exchange.
            let taken = TAKEN.load(kernel::sync::atomic::Relaxed);
            if taken & (1 << index) == 0 && TAKEN.cmpxchg(taken, taken | (1 << index), Full).is_ok()
            {
                return Ok(Self(index));
            }
        }
        Err(ENOSPC)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Some(lab) = LAB.get() {
            lab.lines.remove(LINES[self.0]);
        }
        TAKEN.fetch_sub(1 << self.0, Full);
    }
}

irqlab::pci_device_table!(
    DEVICES,
    <Edu as pci::Driver>::IdInfo,
    [(irqlab::pci::device_id(0x1234, 0x11e8), ())]
);

impl pci::Driver for Edu {
    type IdInfo = ();
    type Data<'bound> = Bound;

    const ID_TABLE: pci::IdTable<()> = &DEVICES;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: irqlab::pci::IdInfo<'bound, ()>,
    ) -> impl PinInit<Bound, Error> + 'bound {
        let lab = LAB.get().ok_or(ENODEV)?;
        let bound = Bound::new()?;
        device.enable_device_mem()?;
        device.set_master();
        let bar = device
            .iomap_region_sized::<{ register::END }>(0, c"irqlab-edu")?
            .into_devres()?;
        let (kind, sharing) =
            if irqlab::parameter::<u8>(crate::module_parameters::edu_msi.value()) != 0 {
                (pci::IrqType::Msi, Sharing::Exclusive)
            } else {
                (pci::IrqType::Intx, Sharing::Shared)
            };
        let line = irqlab::pci::line(device, pci::IrqTypes::default().with(kind))?;
        let source = Arc::new(Edu { bar, line, sharing }, GFP_KERNEL)?;
        lab.lines.add(&lab, LINES[bound.0], source)?;
        Ok(bound)
    }
}
