// SPDX-License-Identifier: GPL-2.0

//! What the kernel knows about a line, and who is on it.
//!
//! C header: [`include/linux/irqdesc.h`](srctree/include/linux/irqdesc.h)

use super::line::Line;
use crate::bindings;
use kernel::{
    cpu::CpuId,
    fmt,
    prelude::*,
    str::{
        CStr,
        CString, //
    },
};

/// What the kernel knows about a line, for people to read.
pub struct Info {
    /// The name of the interrupt controller that the line ends at.
    pub chip: ChipName,
    /// The line's number at that controller.
    pub hwirq: usize,
    /// `edge` or `level`, or `none` where the controller does not say.
    pub trigger: &'static str,
    /// How many times the line is disabled; 1 while nobody has requested it.
    pub disable_depth: u32,
    /// Whether the controller masks it at this moment.
    pub is_masked: bool,
    /// The CPU that the controller sends it to, where that is one.
    pub cpu: Option<CpuId>,
    /// The vector by which it arrives at that CPU, where it comes through a
    /// local APIC.
    pub vector: Option<u8>,
    /// Interrupts since boot: the sum of its columns in `/proc/interrupts`.
    pub nr_interrupts: usize,
}

/// The name of an interrupt controller: a copy, as that of an MSI's is gone with the driver that has it.
///
/// ```
/// # use irqlab::{irq::{ChipName, Line}, irq_chip::{Domain, Flow, Transparent}};
/// # use kernel::prelude::*;
/// fn chip(line: &Line) -> Result<ChipName> {
///     Ok(line.info()?.chip)
/// }
///
/// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
/// pr_info!("it is a line of {}\n", chip(line.line())?);
/// ```
#[derive(Clone, Copy)]
pub struct ChipName([u8; Self::MAX_LEN]);

impl ChipName {
    /// With the NUL; longer than any that the kernel has, and truncated otherwise.
    const MAX_LEN: usize = 64;
}

impl core::ops::Deref for ChipName {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"?")
    }
}

impl fmt::Display for ChipName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// The handlers on a line at one moment, of whatever drivers.
pub struct Handlers {
    /// Their names, as in `/proc/interrupts`, with commas between; empty if there
    /// is none.
    pub names: CString,
    /// Whether each of them keeps the line masked until a thread has finished
    /// (`IRQF_ONESHOT`). If one does, all have to, and also whoever comes later.
    pub are_oneshot: bool,
}

impl Line {
    /// Interrupts since boot, by the kernel's own count.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub fn nr_interrupts(&self) -> Result<usize> {
        self.with_bound(|irq| {
            let mut count = 0;
            // SAFETY: The line is allocated, so its descriptor stays.
            if unsafe { bindings::irq_count(irq, &mut count) } {
                Ok(count)
            } else {
                Err(ENODEV)
            }
        })
    }

    /// As [`Self::nr_interrupts`], on `cpu`: its column in `/proc/interrupts`.
    pub fn nr_interrupts_on(&self, cpu: CpuId) -> Result<usize> {
        self.with_bound(|irq| {
            let mut count = 0;
            // SAFETY: The line is allocated, so its descriptor stays, and the
            // CPU is a possible one by its type.
            if unsafe { bindings::irq_count_on(irq, cpu.as_u32(), &mut count) } {
                Ok(count)
            } else {
                Err(ENODEV)
            }
        })
    }

    /// Whether the kernel watches the line, once it is requested: it disables one whose interrupts nobody
    /// claims, unless it was booted with `noirqdebug`.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub fn is_watched(&self) -> Result<bool> {
        // SAFETY: The line is allocated, so its descriptor stays.
        self.with_bound(|irq| Ok(unsafe { bindings::irq_is_watched(irq) }))
    }

    /// What the kernel knows about the line.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    ///
    /// ```
    /// # use irqlab::{cpu::CpuId, irq::Line, irq_chip::{Domain, Flow, Transparent}};
    /// # use kernel::prelude::*;
    /// fn show(line: &Line) -> Result {
    ///     pr_info!("line {} of {}\n", line.irq(), line.info()?.chip);
    ///     let here = line.nr_interrupts_on(CpuId::current())?;
    ///     pr_info!("{here} of {} interrupts here\n", line.nr_interrupts()?);
    ///     if !line.is_watched()? {
    ///         pr_info!("nobody disables it in a storm\n");
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// show(line.line())?;
    /// assert_eq!(line.line().nr_interrupts()?, 0);
    /// ```
    pub fn info(&self) -> Result<Info> {
        self.with_bound(|irq| {
            // SAFETY: The line is allocated, so its descriptor stays.
            unsafe { info(irq) }
        })
    }

    /// Who has put handlers on the line: who shares it with the caller.
    ///
    /// Errors: `ENODEV` after the device was unbound, `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{irq::Line, irq_chip::{Domain, Flow, Transparent}};
    /// # use kernel::prelude::*;
    /// fn can_be_threaded(line: &Line) -> Result<bool> {
    ///     let others = line.handlers()?;
    ///     Ok(others.names.to_bytes().is_empty() || others.are_oneshot)
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// // Nobody has requested it.
    /// assert!(can_be_threaded(line.line())?);
    /// ```
    pub fn handlers(&self) -> Result<Handlers> {
        // Truncates if there are more.
        let mut names = [0u8; 128];
        let mut are_oneshot = false;
        self.with_bound(|irq| {
            // SAFETY: The line is allocated, so its descriptor stays; the buffer is of
            // the given size, and the answer's variable of the right type.
            let is_known = unsafe {
                bindings::irq_handlers(
                    irq,
                    names.as_mut_ptr().cast(),
                    names.len(),
                    &mut are_oneshot,
                )
            };
            if is_known {
                Ok(())
            } else {
                Err(ENODEV)
            }
        })?;
        let names = CStr::from_bytes_until_nul(&names).map_err(|_| EINVAL)?;
        Ok(Handlers {
            names: CString::try_from_fmt(fmt!("{names}"))?,
            are_oneshot,
        })
    }
}

/// The lines of the old ISA bus that this kernel has: their numbers, and what it knows about them.
/// Only a few of them are in use.
///
/// ```
/// # use irqlab::irq;
/// # use kernel::prelude::*;
/// fn show() {
///     for (irq, info) in irq::isa_lines() {
///         pr_info!("line {irq} of {}: {:?}\n", info.chip, info.vector);
///     }
/// }
///
/// show();
/// ```
pub fn isa_lines() -> impl Iterator<Item = (u32, Info)> {
    const NR_LINES: u32 = 16;

    // SAFETY: The kernel allocates the descriptors of these lines, and what hangs on them, as it boots,
    // and never frees them; it has none where there is no ISA bus.
    (0..NR_LINES).filter_map(|irq| Some((irq, unsafe { info(irq) }.ok()?)))
}

/// What the kernel knows about a line. Errors: `ENODEV` if there is no such line.
///
/// # Safety
///
/// If there is such a line, it stays allocated meanwhile.
unsafe fn info(irq: u32) -> Result<Info> {
    let mut chip = [0u8; ChipName::MAX_LEN];
    let (mut hwirq, mut trigger, mut disable_depth) = (0, 0, 0);
    let (mut cpu, mut vector) = (0, 0);
    let mut is_masked = false;
    let mut nr_interrupts = 0;
    // SAFETY: By this function's contract the descriptor stays, if there is one, and all
    // pointers are to variables of the right type, and to a buffer of the given size.
    let is_known = unsafe {
        bindings::irq_info(
            irq,
            chip.as_mut_ptr().cast(),
            chip.len(),
            &mut hwirq,
            &mut trigger,
            &mut disable_depth,
            &mut is_masked,
            &mut cpu,
            &mut vector,
        ) && bindings::irq_count(irq, &mut nr_interrupts)
    };
    if !is_known {
        return Err(ENODEV);
    }
    Ok(Info {
        chip: ChipName(chip),
        hwirq,
        trigger: match trigger & bindings::IRQ_TYPE_SENSE_MASK {
            0 => "none",
            sense if sense & bindings::IRQ_TYPE_LEVEL_MASK != 0 => "level",
            _ => "edge",
        },
        disable_depth,
        is_masked,
        cpu: CpuId::from_u32(cpu),
        vector: u8::try_from(vector).ok().filter(|vector| *vector > 0),
        nr_interrupts,
    })
}
