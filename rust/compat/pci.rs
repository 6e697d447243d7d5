// SPDX-License-Identifier: GPL-2.0

//! PCI drivers: what they are told of a device, its registers, its interrupts.

use crate::bindings;
#[cfg(kernel_has_owned_vectors)]
use kernel::pci::IrqVectorRegistration;
use kernel::{
    device::Bound,
    pci::{
        Device,
        IrqTypes, //
    },
    prelude::*, //
};

/// What a driver's `probe` gets of the table's entry; newer kernels may have none for it.
#[cfg(not(kernel_has_indexed_device_ids))]
pub type IdInfo<'a, T> = Option<&'a T>;
/// What a driver's `probe` gets of the table's entry.
#[cfg(kernel_has_indexed_device_ids)]
pub type IdInfo<'a, T> = &'a T;

/// A driver's table of devices, [as the kernel crate's](kernel::pci_device_table): its name, the type of
/// what is said of each device, and the devices.
#[cfg(not(kernel_has_indexed_device_ids))]
#[macro_export]
macro_rules! pci_device_table {
    ($name:ident, $info:ty, $devices:tt $(,)?) => {
        ::kernel::pci_device_table!($name, $info, $devices);
    };
}
/// A driver's table of devices: its name, the type of what is said of each device, and the devices.
#[cfg(kernel_has_indexed_device_ids)]
#[macro_export]
macro_rules! pci_device_table {
    ($name:ident, $info:ty, $devices:tt $(,)?) => {
        ::kernel::pci_device_table!($name, MODULE_DEVICES, $info, $devices);
    };
}

/// The registers of a device, which are gone once it is unbound.
#[cfg(kernel_has_devres_bar)]
pub use kernel::pci::DevresBar;
/// The registers of a device, which are gone once it is unbound.
#[cfg(not(kernel_has_devres_bar))]
pub type DevresBar<const SIZE: usize> = kernel::devres::Devres<kernel::pci::Bar<'static, SIZE>>;

/// Takes some of the device's interrupts, for as long as it is bound. Returns their numbers.
pub(crate) fn vectors(
    device: &Device<Bound>,
    min: u32,
    max: u32,
    types: IrqTypes,
) -> Result<KVec<u32>> {
    let vectors = device.alloc_irq_vectors(min, max, types)?;
    let last = keep(device, vectors)?;
    let raw = core::ptr::from_ref(device).cast::<bindings::pci_dev>();
    let mut numbers = KVec::new();
    while numbers.last() != Some(&last) {
        // SAFETY: A `Device` is a transparent `pci_dev`, and is valid; that it has no such vector is told.
        let number = unsafe { bindings::pci_irq_vector(raw.cast_mut(), numbers.len() as u32) };
        let number = u32::try_from(number).map_err(|_| Error::from_errno(number))?;
        numbers.push(number, GFP_KERNEL)?;
    }
    Ok(numbers)
}

/// Has devres keep the vectors. Returns the number of the last one.
#[cfg(kernel_has_owned_vectors)]
fn keep(device: &Device<Bound>, vectors: IrqVectorRegistration<'_>) -> Result<u32> {
    let last = kernel::irq::IrqRequest::from(vectors.index(vectors.len() - 1)?).irq();
    // SAFETY: Only the lifetime changes. devres drops the vectors while the
    // device is still bound, which is as long as they borrow it.
    let vectors: IrqVectorRegistration<'static> = unsafe { core::mem::transmute(vectors) };
    kernel::devres::register(device.as_ref(), Owned(vectors), GFP_KERNEL)?;
    Ok(last)
}

/// Vectors that devres owns.
#[cfg(kernel_has_owned_vectors)]
struct Owned(#[expect(dead_code)] IrqVectorRegistration<'static>);

#[cfg(kernel_has_owned_vectors)]
// SAFETY: Freeing the vectors, which is all that is done with them, may be done from any thread.
unsafe impl Send for Owned {}

/// Returns the number of the last vector. devres has them already.
#[cfg(not(kernel_has_owned_vectors))]
fn keep<'a>(
    _device: &'a Device<Bound>,
    vectors: core::ops::RangeInclusive<kernel::pci::IrqVector<'a>>,
) -> Result<u32> {
    let last: kernel::irq::IrqRequest<'_> = (*vectors.end()).try_into()?;
    Ok(last.irq())
}
