// SPDX-License-Identifier: GPL-2.0

//! The lab's DPCs: their queues, which the mechanisms and the knobs share.
//!
//! Claims make queues of their own, whose parameters nobody else changes.

use irqlab::{
    dpc::System,
    global::{
        Global,
        Published, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The lab's queues, while there is a lab.
static SYSTEM: Global<System> = Global::new();

/// The queues of all CPUs.
pub(crate) struct Dpcs {
    pub(crate) system: Arc<System>,
    _published: Published<System>,
}

impl Dpcs {
    pub(crate) fn new() -> Result<Self> {
        let system = System::new()?;
        Ok(Self {
            _published: SYSTEM.publish(system.clone())?,
            system,
        })
    }
}

/// The lab's queues.
///
/// Errors: `ENODEV` if there is no lab.
pub(crate) fn system() -> Result<Arc<System>> {
    SYSTEM.get().ok_or(ENODEV)
}
