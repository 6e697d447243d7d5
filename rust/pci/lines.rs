// SPDX-License-Identifier: GPL-2.0

//! The interrupt lines of each PCI device: one pin, or messages, of which there may be many.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
    prelude::*,
    str::{
        CStr,
        CString, //
    },
};

/// How a PCI device interrupts.
pub struct Lines {
    /// The device: domain, bus, number and function.
    pub device: CString,
    /// Whether it is connected to one of the four pins that devices share.
    pub has_pin: bool,
    /// How many entries its MSI-X table has: a message each. 0 if it has none.
    pub nr_messages: usize,
    /// The lines that its driver has taken by messages, MSI or MSI-X.
    pub messages: KVec<Message>,
}

/// A line by which a device sends messages.
///
/// ```
/// # use irqlab::pci::{Lines, Message};
/// fn arrive_alike(device: &Lines) -> bool {
///     let place = |message: &Message| (message.cpu, message.vector);
///     let mut places = device.messages.iter().map(place);
///     let first = places.next();
///     places.all(|other| Some(other) == first)
/// }
///
/// for device in irqlab::pci::lines_of_all(task)?.iter().filter(|device| arrive_alike(device)) {
///     kernel::pr_info!("{} messages, all to one CPU\n", device.messages.len());
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub irq: u32,
    /// The CPU that it interrupts.
    pub cpu: u32,
    /// The vector by which it does; 0 if it has none now.
    pub vector: u32,
}

/// How each PCI device interrupts now.
///
/// Errors: `ENOMEM`.
///
/// ```
/// # use irqlab::{context::Task, pci};
/// # use kernel::prelude::*;
/// fn nr_with_many(task: &Task) -> Result<usize> {
///     let devices = pci::lines_of_all(task)?;
///     Ok(devices.iter().filter(|device| device.messages.len() > 1).count())
/// }
///
/// assert!(nr_with_many(task)? <= pci::lines_of_all(task)?.len());
/// ```
pub fn lines_of_all(_task: &Task) -> Result<KVec<Lines>> {
    let mut lines = KVec::new();
    let mut device = Device(core::ptr::null_mut());
    while device.next() {
        lines.push(device.lines()?, GFP_KERNEL)?;
    }
    Ok(lines)
}

/// A place in the kernel's list of devices.
///
/// # Invariants
///
/// Null, or a device to which this has a reference.
struct Device(*mut bindings::pci_dev);

impl Device {
    /// Goes on to the next one. Returns whether there is one.
    fn next(&mut self) -> bool {
        // INVARIANT: The C side takes our reference, and gives another one, or null.
        //
        // SAFETY: By the type invariant.
        self.0 = unsafe { bindings::pci_next(self.0) };
        !self.0.is_null()
    }

    fn lines(&self) -> Result<Lines> {
        /// As many as a table can have.
        const ROOM: usize = 2048;

        let mut lines = KVVec::from_elem([0u32; 3], ROOM, GFP_KERNEL)?;
        let mut name = [0u8; 32];
        let (mut pin, mut nr_messages) = (0, 0);
        // SAFETY: By the type invariant the device is valid, as this is called after `next` has returned
        // true. The buffers have the sizes that are given, and the other pointers are to variables
        // of the right types.
        let count = unsafe {
            bindings::pci_lines(
                self.0,
                name.as_mut_ptr().cast(),
                name.len(),
                &mut pin,
                &mut nr_messages,
                lines.as_mut_ptr(),
                ROOM as c_uint,
            )
        };
        let mut messages = KVec::new();
        for &[irq, cpu, vector] in lines.iter().take(count as usize) {
            messages.push(Message { irq, cpu, vector }, GFP_KERNEL)?;
        }
        let name = CStr::from_bytes_until_nul(&name).map_err(|_| EINVAL)?;
        Ok(Lines {
            device: CString::try_from_fmt(fmt!("{name}"))?,
            has_pin: pin != 0,
            nr_messages: nr_messages as usize,
            messages,
        })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; null is permitted.
        unsafe { bindings::pci_dev_put(self.0) };
    }
}
