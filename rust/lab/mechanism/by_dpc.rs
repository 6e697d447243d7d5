// SPDX-License-Identifier: GPL-2.0

//! What the mechanisms on DPCs share: all but the kind and the importance.

use super::Mechanism;
use crate::{
    dpc,
    record::Record, //
};
use core::marker::PhantomData;
use irqlab::{
    context::HardIrq,
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Importance,
        Kind, //
    },
    irq::ThreadedIrqReturn,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByDpc<K: Kind + 'static> {
    record: Arc<Record>,
    dpc: Pin<KBox<Dpc<BottomHalf<K>>>>,
}

struct BottomHalf<K> {
    record: Arc<Record>,
    _kind: PhantomData<fn(K)>,
}

/// A mechanism whose bottom half is a DPC of kind `K`.
pub(super) fn new<K: Kind + 'static>(importance: Importance) -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf::<K> {
        record: record.clone(),
        _kind: PhantomData,
    };
    let dpc = KBox::pin_init(Dpc::new(&dpc::system()?, Ok(bottom_half)), GFP_KERNEL)?;
    dpc.set_importance(importance);
    Ok(Arc::new(ByDpc { record, dpc }, GFP_KERNEL)?)
}

impl<K: Kind + 'static> Handler for BottomHalf<K> {
    type Kind = K;

    fn run(this: &Dpc<Self>, _arguments: Arguments, _context: &K::Context) {
        this.record.bottom();
    }
}

impl<K: Kind + 'static> Mechanism for ByDpc<K> {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.dpc.insert(Arguments::default());
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
