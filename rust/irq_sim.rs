// SPDX-License-Identifier: GPL-2.0

//! The kernel's own simulated interrupts, where it was configured with them
//! (`CONFIG_IRQ_SIM`).
//!
//! They are for comparison; [`sim`](crate::sim) has lines that can do more. The handler runs in hard IRQ
//! context, on the CPU that raised. One bit a line says "pending": what is raised before
//! the handler runs is merged. What is raised while the line is masked, not requested, or
//! served by another CPU is lost. What is raised while the line is disabled is replayed
//! once, by a tasklet of the kernel's: with interrupts off, and counted as a hard IRQ while a handler of this
//! library runs.
//!
//! One controller for each line: the kernel's loses its way if two lines of one controller
//! are pending at a time, calls the handler of IRQ 0, and may never end.
//! `doc/irq_sim.md` has the report.
//!
//! C header: [`include/linux/irq_sim.h`](srctree/include/linux/irq_sim.h)

use crate::{
    bindings,
    platform, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    str::CStr, //
};

/// A controller with one line.
///
/// # Invariants
///
/// `domain` is one of `irq_domain_create_sim()`, and `irq` its only line; both are ours to
/// give back.
struct Line {
    domain: NonNull<bindings::irq_domain>,
    irq: u32,
}

// SAFETY: Giving both back is all that is done with them, from any thread.
unsafe impl Send for Line {}
// SAFETY: No method uses the domain through a shared reference.
unsafe impl Sync for Line {}

impl Line {
    fn new() -> Result<Self> {
        // SAFETY: A domain without a firmware node is permitted.
        let domain = unsafe { bindings::irq_domain_create_sim(core::ptr::null_mut(), 1) };
        let domain = NonNull::new(from_err_ptr(domain)?).ok_or(ENOMEM)?;
        // SAFETY: The domain is valid, and has a line 0; no affinity is asked for.
        let irq =
            unsafe { bindings::irq_create_mapping_affinity(domain.as_ptr(), 0, core::ptr::null()) };
        if irq == 0 {
            // SAFETY: Just created, with no line mapped.
            unsafe { bindings::irq_domain_remove_sim(domain.as_ptr()) };
            return Err(ENOMEM);
        }
        // INVARIANT: Both just made.
        Ok(Self { domain, irq })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant, and given back once. Unbinding the device, which
        // is gone, has revoked the line: an `irq::Line` of it may live on, but has no handler
        // and can request none.
        unsafe {
            bindings::irq_dispose_mapping(self.irq);
            bindings::irq_domain_remove_sim(self.domain.as_ptr());
        }
    }
}

/// A platform device whose interrupt 0 is a simulated line.
///
/// The driver registered under its name binds to it. Dropping it unbinds that
/// driver, frees the line's handlers, and gives the line back.
///
/// ```
/// # use irqlab::irq_sim::Device;
/// # use kernel::prelude::*;
/// fn two() -> Result<[Device; 2]> {
///     Ok([Device::new(c"example", 0)?, Device::new(c"example", 1)?])
/// }
///
/// // Once they are gone, they can be made again.
/// drop(two()?);
/// assert!(two().is_ok());
/// ```
pub struct Device {
    // First the device: unbinding it revokes the line, so that no handler is on it when the
    // mapping goes. Disposing of a requested one leaks it.
    _device: platform::Device,
    _line: Line,
}

impl Device {
    /// Registers the device `name.id` with a line of its own.
    ///
    /// Errors: `EEXIST` if the device exists, `ENOMEM`.
    pub fn new(name: &'static CStr, id: i32) -> Result<Self> {
        let line = Line::new()?;
        Ok(Self {
            _device: platform::Device::new(name, id, line.irq)?,
            _line: line,
        })
    }
}
