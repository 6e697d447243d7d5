// SPDX-License-Identifier: GPL-2.0

//! The I/O APIC: the interrupt controller that devices' lines end at.
//!
//! It has an entry for each line, in its *redirection table*: the vector, and the local APICs, that an
//! interrupt of the line is sent to.
//!
//! C header: [`arch/x86/include/asm/io_apic.h`](srctree/arch/x86/include/asm/io_apic.h)

use crate::{
    bindings,
    context::Task,
    lapic::Delivery, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// An I/O APIC, as the firmware describes it. Only [`all`] makes one: who reads it maps its address and
/// writes there.
///
/// # Invariants
///
/// The firmware's table of interrupt controllers (MADT) says that the registers of an I/O APIC are at
/// the physical address `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApic {
    id: u8,
    address: u32,
    first_line: u32,
}

/// What its registers say.
pub struct Registers {
    /// The raw version register.
    pub version: u32,
    /// The redirection table.
    pub entries: KVec<Entry>,
}

/// An entry of the redirection table.
///
/// ```
/// # use irqlab::{context::Task, io_apic::{Entry, IoApic}};
/// # use kernel::prelude::*;
/// fn show(controller: &IoApic, task: &Task) -> Result {
///     pr_info!("I/O APIC {} at {:#x}\n", controller.id(), controller.address());
///     let entries: KVec<Entry> = controller.read(task)?.entries;
///     for entry in entries.iter().filter(|entry| !entry.is_masked()) {
///         let by_level = entry.is_level_triggered();
///         pr_info!("{:#x} {} {by_level}\n", entry.vector(), entry.delivery().name());
///     }
///     Ok(())
/// }
///
/// for controller in irqlab::io_apic::all(task) {
///     show(&controller, task)?;
/// }
/// // Bit 16 masks, and bit 15 is for levels.
/// assert!(Entry(1 << 16 | 0x30).is_masked() && Entry(1 << 16 | 0x30).vector() == 0x30);
/// assert!(Entry(1 << 15).is_level_triggered() && !Entry(1 << 15).is_masked());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

/// All I/O APICs, in the order of the firmware's table. None without ACPI, which knows them.
pub fn all(_task: &Task) -> impl Iterator<Item = IoApic> {
    (0..).map_while(|place| {
        let (mut id, mut address, mut first_line) = (0, 0, 0);
        // SAFETY: The pointers are to variables of the right types. The token proves that this may sleep.
        unsafe { bindings::io_apic_find(place, &mut id, &mut address, &mut first_line) }.then_some(
            // INVARIANT: The address is from an entry of the MADT that describes an I/O APIC.
            IoApic {
                id,
                address,
                first_line,
            },
        )
    })
}

impl IoApic {
    /// Its id.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// The physical address of its registers.
    pub const fn address(&self) -> u32 {
        self.address
    }

    /// The number that its first line has in the whole system (GSI).
    pub const fn first_line(&self) -> u32 {
        self.first_line
    }

    /// Reads its registers, while all CPUs stand still.
    ///
    /// Errors: `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{context::Task, io_apic};
    /// # use kernel::prelude::*;
    /// fn show(task: &Task) -> Result {
    ///     for controller in io_apic::all(task) {
    ///         let registers = controller.read(task)?;
    ///         pr_info!("{} lines from {}\n", registers.entries.len(), controller.first_line());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// show(task)?;
    /// # for controller in io_apic::all(task) {
    /// #     assert!(!controller.read(task)?.entries.is_empty());
    /// # }
    /// ```
    pub fn read(&self, _task: &Task) -> Result<Registers> {
        /// As many as can be addressed.
        const ROOM: usize = 120;

        let mut words = KVec::from_elem(0u64, ROOM, GFP_KERNEL)?;
        let mut version = 0;
        // SAFETY: By the type invariant, the registers of an I/O APIC are at the address.
        // There is room for so many entries. The token proves that this may sleep.
        to_result(unsafe {
            bindings::io_apic_read(
                self.address,
                &mut version,
                words.as_mut_ptr(),
                ROOM as c_uint,
            )
        })?;
        let mut entries = KVec::new();
        for word in words.iter().take(nr_entries(version)) {
            entries.push(Entry(*word), GFP_KERNEL)?;
        }
        Ok(Registers { version, entries })
    }
}

/// How many entries there are by a version register.
const fn nr_entries(version: u32) -> usize {
    (version >> 16 & 0xff) as usize + 1
}

impl Entry {
    /// The vector by which it interrupts, unless interrupts are remapped.
    pub const fn vector(self) -> u8 {
        self.0 as u8
    }

    /// How it is delivered.
    pub const fn delivery(self) -> Delivery {
        Delivery::of(self.0 as u32)
    }

    /// Whether the line's level counts rather than its edge.
    pub const fn is_level_triggered(self) -> bool {
        self.0 & 1 << 15 != 0
    }

    /// Whether it does not interrupt.
    pub const fn is_masked(self) -> bool {
        self.0 & 1 << 16 != 0
    }
}
