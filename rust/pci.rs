// SPDX-License-Identifier: GPL-2.0

//! PCI devices: their interrupts as [`Line`]s, any vendor's id, and what a driver needs in one form on every kernel:
//!
//! ```no_run
//! # use irqlab::pci::{self, DevresBar, IdInfo};
//! # use kernel::{device::Core, pci::{Driver, Device, IdTable}, prelude::*};
//! struct Mine(DevresBar<64>);
//!
//! irqlab::pci_device_table!(DEVICES, (), [(pci::device_id(0x1234, 0x11e8), ())]);
//!
//! impl Driver for Mine {
//!     type IdInfo = ();
//!     type Data<'bound> = Self;
//!
//!     const ID_TABLE: IdTable<()> = &DEVICES;
//!
//!     fn probe<'bound>(
//!         device: &'bound Device<Core<'_>>,
//!         _info: IdInfo<'bound, ()>,
//!     ) -> impl PinInit<Self, Error> + 'bound {
//!         Ok(Self(device.iomap_region_sized::<64>(0, c"mine")?.into_devres()?))
//!     }
//! }
//! ```
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

mod lines;

pub use crate::compat::pci::{
    DevresBar,
    IdInfo, //
};
pub use lines::{
    lines_of_all,
    Lines,
    Message, //
};

use crate::{
    bindings,
    compat,
    irq::Line, //
};
use kernel::{
    device::Bound,
    pci::{
        Device,
        DeviceId,
        IrqType,
        IrqTypes,
        Vendor, //
    },
    prelude::*,
    sync::Arc, //
};

/// The id of a device, also of vendors that `kernel::pci::Vendor` does not list.
pub const fn device_id(vendor: u16, device: u32) -> DeviceId {
    // SAFETY: A `Vendor` is a transparent `u16`, and may be any.
    let vendor = unsafe { core::mem::transmute::<u16, Vendor>(vendor) };
    DeviceId::from_id(vendor, device)
}

/// The device's interrupt of one of `types`, as a line.
///
/// Errors: `ENOSPC` if the device has none of these types, `EINVAL` if the kernel uses none of them, `EBUSY` if it
/// has some taken already, `ENOMEM`.
///
/// ```no_run
/// # use irqlab::{irq::Line, pci};
/// # use kernel::{device::Bound, pci::{Device, DeviceId, IrqTypes}, prelude::*, sync::Arc};
/// /// QEMU's device for teaching.
/// const EDU: DeviceId = pci::device_id(0x1234, 0x11e8);
///
/// fn probe(device: &Device<Bound>) -> Result<Arc<Line>> {
///     pci::line(device, IrqTypes::default())
/// }
/// ```
pub fn line(device: &Device<Bound>, types: IrqTypes) -> Result<Arc<Line>> {
    let mut lines = vectors(device, 1, 1, types)?.lines;
    lines.pop().ok_or(EINVAL)
}

/// The interrupts that a device was given.
pub struct Vectors {
    /// Of which type they are.
    pub kind: IrqType,
    /// A line for each, in the order in which the device numbers them.
    pub lines: KVec<Arc<Line>>,
}

/// As many of the device's interrupts as there are, from `min` to `max`: of MSI-X if `types` has that and
/// the device has, else of MSI, else its pin (INTx), of which there is one. Each line has an
/// [`Affinity`](crate::irq::Affinity) of its own.
///
/// Errors: `ENOSPC` if there are less than `min` of each type, `EBUSY` if the driver has some taken already,
/// `EINVAL` if `min` is 0 or above `max`, or the kernel uses none of these types (`pci=nomsi`), `ENOMEM`.
///
/// ```no_run
/// # use irqlab::{cpu, irq::Affinity, pci::{self, Vectors}};
/// # use kernel::{device::Bound, pci::{Device, IrqTypes}, prelude::*};
/// /// An interrupt for each CPU, or at least one for all of them.
/// fn spread(device: &Device<Bound>) -> Result<(Vectors, KVec<Affinity>)> {
///     let vectors = pci::vectors(device, 1, cpu::online().count() as u32, IrqTypes::all())?;
///     let mut affinities = KVec::new();
///     if vectors.lines.len() > 1 {
///         for (line, cpu) in vectors.lines.iter().zip(cpu::online()) {
///             let affinity = Affinity::new(line)?;
///             affinity.set(core::iter::once(cpu))?;
///             affinities.push(affinity, GFP_KERNEL)?;
///         }
///     }
///     Ok((vectors, affinities))
/// }
/// ```
pub fn vectors(device: &Device<Bound>, min: u32, max: u32, types: IrqTypes) -> Result<Vectors> {
    if min == 0 || min > max {
        return Err(EINVAL);
    }
    // The kernel would warn.
    if has_messages(device) {
        return Err(EBUSY);
    }
    let mut lines = KVec::new();
    for irq in compat::pci::vectors(device, min, max, types)? {
        // SAFETY: It is one of the vectors, which devres has already, and keeps until later than what is
        // registered now: no handler is left when they go.
        let line = unsafe { Line::new(device.as_ref(), irq)? };
        lines.push(line, GFP_KERNEL)?;
    }
    Ok(Vectors {
        kind: kind_of(device),
        lines,
    })
}

/// Whether the device's driver has taken interrupts by messages.
fn has_messages(device: &Device<Bound>) -> bool {
    !matches!(kind_of(device), IrqType::Intx)
}

/// How the device interrupts now.
fn kind_of(device: &Device<Bound>) -> IrqType {
    let raw = core::ptr::from_ref(device).cast::<bindings::pci_dev>();
    // SAFETY: A `Device` is a transparent `pci_dev`, and is valid. Only its driver, which is bound and
    // calls this, changes the bits.
    let (has_msi, has_msix) = unsafe { ((*raw).msi_enabled() != 0, (*raw).msix_enabled() != 0) };
    match (has_msi, has_msix) {
        (_, true) => IrqType::MsiX,
        (true, false) => IrqType::Msi,
        (false, false) => IrqType::Intx,
    }
}
