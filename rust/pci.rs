// SPDX-License-Identifier: GPL-2.0

//! PCI devices: their interrupts as [`Line`]s, and any vendor's id.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

mod lines;

pub use lines::{
    lines_of_all,
    Lines,
    Message, //
};

use crate::{
    bindings,
    irq::Line, //
};
use kernel::{
    device::Bound,
    devres,
    pci::{
        Device,
        DeviceId,
        IrqType,
        IrqTypes,
        IrqVectorRegistration,
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
/// ```
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
/// ```
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
    let vectors = device.alloc_irq_vectors(min, max, types)?;
    // SAFETY: Only the lifetime changes. devres drops the vectors while the
    // device is still bound, which is as long as they borrow it.
    let vectors: IrqVectorRegistration<'static> = unsafe { core::mem::transmute(vectors) };
    let vectors = Arc::new(Owned(vectors), GFP_KERNEL)?;
    devres::register(device.as_ref(), vectors.clone(), GFP_KERNEL)?;
    let mut lines = KVec::new();
    for index in 0..vectors.0.len() {
        let irq = kernel::irq::IrqRequest::from(vectors.0.index(index)?).irq();
        // SAFETY: It is one of the vectors, which devres has already, and keeps until later than what is
        // registered now: no handler is left when they go.
        let line = unsafe { Line::new(device.as_ref(), irq)? };
        lines.push(line, GFP_KERNEL)?;
    }
    Ok(Vectors {
        kind: vectors.0.irq_type(),
        lines,
    })
}

/// Whether the device's driver has taken interrupts by messages.
fn has_messages(device: &Device<Bound>) -> bool {
    let raw = core::ptr::from_ref(device).cast::<bindings::pci_dev>();
    // SAFETY: A `Device` is a transparent `pci_dev`, and is valid. Only its driver, which is bound and
    // calls this, changes the bits.
    unsafe { (*raw).msi_enabled() != 0 || (*raw).msix_enabled() != 0 }
}

/// Vectors that devres owns; shared only for the moment of making the lines.
struct Owned(IrqVectorRegistration<'static>);

// SAFETY: Freeing the vectors, which is all that is done with them from another thread, may be done from any.
unsafe impl Send for Owned {}
// SAFETY: Through a shared reference vectors are only read, and do not change.
unsafe impl Sync for Owned {}
