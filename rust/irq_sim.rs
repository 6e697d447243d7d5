// SPDX-License-Identifier: GPL-2.0

//! Simulated interrupts: lines that software raises, on hardware without any.
//!
//! ```text
//!     Domain ──a line each──▶ Device (platform bus) ──binds──▶ your driver
//!                                                                  │
//!     Line::set_pending() ──irq_work──▶ hard IRQ on this CPU ──▶ handler
//! ```
//!
//! The handler runs in true hard IRQ context, through the kernel's generic
//! interrupt code, on the CPU that raised. The line is a resource of a platform
//! device, so that a driver gets it just as it would get a real one.
//!
//! One bit a line says "pending": what is raised before the handler runs is
//! merged. What is raised while the line is masked or not requested is lost.
//!
//! C header: [`include/linux/irq_sim.h`](srctree/include/linux/irq_sim.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    str::CStr,
    sync::Arc, //
};

/// A controller of simulated lines.
///
/// # Invariants
///
/// Points to a domain of `irq_domain_create_sim()` that is ours to remove.
pub struct Domain(NonNull<bindings::irq_domain>);

// SAFETY: The domain's functions lock for themselves.
unsafe impl Send for Domain {}
// SAFETY: As above.
unsafe impl Sync for Domain {}

impl Domain {
    /// Creates a controller with lines 0 to `nr_lines` - 1.
    ///
    /// Errors: `ENOMEM`.
    pub fn new(nr_lines: u32) -> Result<Arc<Self>> {
        // SAFETY: A domain without a firmware node is permitted.
        let domain = from_err_ptr(unsafe {
            bindings::irq_domain_create_sim(core::ptr::null_mut(), nr_lines)
        })?;
        // INVARIANT: Just created.
        Ok(Arc::new(
            Self(NonNull::new(domain).ok_or(ENOMEM)?),
            GFP_KERNEL,
        )?)
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant. Its lines are gone: each device
        // keeps the domain until it has disposed of its own.
        unsafe { bindings::irq_domain_remove_sim(self.0.as_ptr()) };
    }
}

/// A platform device whose interrupt 0 is a simulated line.
///
/// The driver registered under `name` binds to it. Dropping it unbinds that
/// driver, frees the line's handlers, and gives the line back.
///
/// # Invariants
///
/// `device` is registered and `irq` is mapped in `domain`, both ours to undo.
pub struct Device {
    device: NonNull<bindings::platform_device>,
    irq: u32,
    _domain: Arc<Domain>,
}

// SAFETY: Unregistering is all that is done with the device, from any thread.
unsafe impl Send for Device {}
// SAFETY: No method uses the device through a shared reference.
unsafe impl Sync for Device {}

impl Device {
    /// Registers the device `name.id` with line `hwirq` of `domain`.
    ///
    /// Errors: `ENODEV` if the domain has no such line, `EEXIST` if the device
    /// exists, `ENOMEM`.
    pub fn new(domain: &Arc<Domain>, hwirq: u32, name: &'static CStr, id: i32) -> Result<Self> {
        // SAFETY: The domain is valid; no affinity is asked for.
        let irq = unsafe {
            bindings::irq_create_mapping_affinity(
                domain.0.as_ptr(),
                hwirq as usize,
                core::ptr::null(),
            )
        };
        if irq == 0 {
            return Err(ENODEV);
        }
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
        let device = from_err_ptr(unsafe { bindings::platform_device_register_full(&info) })
            .and_then(|device| NonNull::new(device).ok_or(ENOMEM))
            .inspect_err(|_| {
                // SAFETY: Mapped above, and nobody can have requested it.
                unsafe { bindings::irq_dispose_mapping(irq) };
            })?;
        // INVARIANT: Both just done.
        Ok(Self {
            device,
            irq,
            _domain: domain.clone(),
        })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // The device first: unbinding revokes the line, so that no handler is
        // on it when the mapping goes. Disposing of a requested one leaks it.
        //
        // SAFETY: Ours by the type invariant, and undone once.
        unsafe {
            bindings::platform_device_unregister(self.device.as_ptr());
            bindings::irq_dispose_mapping(self.irq);
        }
    }
}
