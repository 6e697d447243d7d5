// SPDX-License-Identifier: GPL-2.0

//! Work that notes where it ran, and does nothing else.

use crate::{
    claim::prelude::*,
    record::SnapshotCell, //
};
use irqlab::{
    context::{
        Snapshot,
        Task, //
    },
    new_work,
    workqueue::{
        Handler,
        Kind,
        Work, //
    },
};

pub(super) struct Item(SnapshotCell);

impl Item {
    /// A piece of work that has not run.
    pub(super) fn new() -> Result<Pin<KBox<Work<Self>>>> {
        let work = new_work!(Ok::<_, Error>(Self(SnapshotCell::new())));
        KBox::pin_init(work, GFP_KERNEL)
    }

    /// Where it ran, if it has.
    pub(super) fn get(&self) -> Option<Snapshot> {
        self.0.load()
    }
}

impl Handler<Kind> for Item {
    fn run(this: &Work<Self>, _task: &Task) {
        this.0.store(&Snapshot::take());
    }
}
