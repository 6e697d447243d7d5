// SPDX-License-Identifier: GPL-2.0

//! PCI devices: their interrupt as a [`Line`], and any vendor's id.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

mod lines;

pub use lines::{
    lines_of_all,
    Lines, //
};

use crate::irq::Line;
use kernel::{
    device::Bound,
    devres,
    pci::{
        Device,
        DeviceId,
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
/// Errors: `ENOSPC` if the device has none of these types, `ENOMEM`.
pub fn line(device: &Device<Bound>, types: IrqTypes) -> Result<Arc<Line>> {
    let vectors = device.alloc_irq_vectors(1, 1, types)?;
    // SAFETY: Only the lifetime changes. devres drops the vectors while the
    // device is still bound, which is as long as they borrow it.
    let vectors: IrqVectorRegistration<'static> = unsafe { core::mem::transmute(vectors) };
    let vectors = Arc::new(Vectors(vectors), GFP_KERNEL)?;
    devres::register(device.as_ref(), vectors.clone(), GFP_KERNEL)?;
    // Registered later, so revoked earlier: no handler is left when the vectors go.
    let request = vectors.0.index(0)?.into();
    Line::new(device.as_ref(), request)
}

/// Vectors that devres owns; shared only for the moment of making the line.
struct Vectors(IrqVectorRegistration<'static>);

// SAFETY: The C side may be called from any thread.
unsafe impl Send for Vectors {}
// SAFETY: Through a shared reference vectors are only read, and do not change.
unsafe impl Sync for Vectors {}
