// SPDX-License-Identifier: GPL-2.0

//! Platform devices: what a driver of the platform bus binds to, and their interrupts as [`Line`]s.
//!
//! C header: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h)

use crate::{
    bindings,
    irq::Line, //
};
use core::ptr::NonNull;
use kernel::{
    device::Bound,
    error::from_err_ptr,
    platform,
    prelude::*,
    str::CStr,
    sync::Arc, //
};

/// The device's interrupt with this index, as a line.
///
/// Errors: `ENXIO` if it has none, `ENOMEM`.
///
/// ```no_run
/// # use irqlab::{irq::{Handler, Registration, Sharing}, platform};
/// # use kernel::{device::Bound, platform::Device, prelude::*, sync::Arc};
/// fn listen<T: Handler>(device: &Device<Bound>, handler: T) -> Result<Arc<Registration<T>>> {
///     let line = platform::line(device, 0)?;
///     line.request(Sharing::Exclusive, c"example", Ok::<_, Error>(handler))
/// }
/// ```
pub fn line(device: &platform::Device<Bound>, index: u32) -> Result<Arc<Line>> {
    let irq = device.irq_by_index(index)?.irq();
    // SAFETY: The interrupt is a resource of the device, which is there as long as the device is: nobody
    // but who registered the device gives it back, and unbinds it first.
    unsafe { Line::new(device.as_ref(), irq) }
}

/// A platform device with an interrupt. Dropping it unbinds its driver.
///
/// # Invariants
///
/// The device is registered, and ours to unregister.
pub(crate) struct Device(NonNull<bindings::platform_device>);

// SAFETY: Unregistering is all that is done with the device, from any thread.
unsafe impl Send for Device {}
// SAFETY: No method uses the device through a shared reference.
unsafe impl Sync for Device {}

impl Device {
    /// Registers the device `name.id`, whose interrupt 0 is `irq`.
    ///
    /// Errors: `EEXIST` if the device exists, `ENOMEM`.
    pub(crate) fn new(name: &'static CStr, id: i32, irq: u32) -> Result<Self> {
        let resource = bindings::resource {
            start: u64::from(irq),
            end: u64::from(irq),
            flags: bindings::IORESOURCE_IRQ as usize,
            ..pin_init::zeroed()
        };
        let info = bindings::platform_device_info {
            name: name.as_char_ptr(),
            id,
            res: &resource,
            num_res: 1,
            ..pin_init::zeroed()
        };
        // SAFETY: `info` is initialised, and what it points to is copied.
        let device = from_err_ptr(unsafe { bindings::platform_device_register_full(&info) })?;
        // INVARIANT: Just registered.
        Ok(Self(NonNull::new(device).ok_or(ENOMEM)?))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant, and undone once.
        unsafe { bindings::platform_device_unregister(self.0.as_ptr()) };
    }
}
