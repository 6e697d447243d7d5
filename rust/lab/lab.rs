// SPDX-License-Identifier: GPL-2.0

//! An interrupt laboratory.
//!
//! ```text
//!     source ──raises──▶ line ──▶ top half ──▶ mechanism ──▶ bottom half
//!                                     └───────▶ record ◀────────┘
//! ```
//!
//! [`source`]s raise interrupts on [`line`]s; the lab's top half hands each to a
//! [`mechanism`], which runs the bottom half; the [`record`] keeps when and where
//! each part ran. The [`bench`] compares the mechanisms, the [`claim`]s put
//! statements about interrupts to the test. [`ipi`] sends interrupts between CPUs. [`softirqs`], [`nesting`] and the
//! [`tape`] [`watch`] what the rest of the kernel does. [`debugfs`] is how people
//! reach all of it. There is no `unsafe` here: that is the library crate's business.

#![forbid(unsafe_code)]

use kernel::{
    prelude::*,
    sync::Arc,
    ThisModule, //
};

mod bench;
mod claim;
mod command;
mod counter;
mod debugfs;
mod dpc;
mod fixup;
mod hold;
mod interrupt_threads;
mod ipi;
mod laboratory;
mod line;
mod load;
mod mechanism;
mod nesting;
mod old_bh;
mod overlap;
mod progress;
mod raiser;
mod record;
mod recorder;
mod refusal;
mod runs;
mod softirqs;
mod source;
mod stacks;
mod tape;
mod traffic;
mod waiting;
mod watch;
mod witness;
mod work;

module! {
    type: Irqlab,
    name: "irqlab",
    authors: ["The irqlab contributors"],
    description: "An interrupt laboratory: every way to handle and defer an interrupt, measured",
    license: "GPL",
    params: {
        edu_msi: u8 {
            default: 0,
            description: "Edu devices use MSI (default: they share level-triggered INTx)",
        },
        dangerous: u8 {
            default: 0,
            description: "Allow experiments that make the kernel report bugs or take a CPU offline (default: no)",
        },
        sim_lines: u8 {
            default: 2,
            description: "How many simulated lines there are, sim0 to sim7 (default: 2)",
        },
    },
}

/// The module.
struct Irqlab {
    // The files first, so that nobody asks for more. Then the drivers: as they
    // leave, their devices take their lines out of the lab, which they find
    // where it is published.
    _files: debugfs::Files,
    _drivers: Pin<KBox<source::Drivers>>,
    _published: irqlab::global::Published<laboratory::Lab>,
    _lab: Arc<laboratory::Lab>,
}

impl kernel::Module for Irqlab {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let root = irqlab::debugfs::Dir::new(c"irqlab")?;
        let lab = laboratory::Lab::new(&root)?;
        let published = source::LAB.publish(lab.clone())?;
        let drivers = KBox::pin_init(source::Drivers::new(module), GFP_KERNEL)?;
        let files = debugfs::Files::new(&root, &lab)?;
        pr_info!("version {}\n", irqlab::VERSION);
        if irqlab::lockdown::refuses_debugfs() {
            pr_notice!("the kernel is locked down: it refuses the files of the lab that can be written, with EPERM\n");
        }
        Ok(Self {
            _files: files,
            _drivers: drivers,
            _published: published,
            _lab: lab,
        })
    }
}
