// SPDX-License-Identifier: GPL-2.0

//! What the mechanisms on the library's deferral types share: all but how they are queued.

use super::{
    Disabled,
    Mechanism, //
};
use crate::{
    record::Record,
    refusal::{
        refuse,
        Answer, //
    },
};
use core::borrow::Borrow;
use irqlab::{
    context::{
        Context,
        HardIrq,
        Task, //
    },
    deferred::{
        Deferred,
        Disable,
        Handler,
        Kind, //
    },
    irq::ThreadedIrqReturn,
    new_work,
    workqueue::Queue,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The bottom half of all of them, whatever calls it.
impl<K: Kind> Handler<K> for Record {
    fn run(this: &Deferred<K, Self>, _context: &K::Context) {
        this.bottom();
    }
}

/// How an object is kept from running.
type DisableBy<K, T> = fn(&Arc<Deferred<K, T>>, &Task) -> Answer<Disabled>;

struct ByDeferred<K: Kind, T, D> {
    // First the object, which may be on a queue that `defer` has.
    object: Arc<Deferred<K, T>>,
    defer: D,
    disable: DisableBy<K, T>,
}

/// A mechanism whose bottom half is `object`, which `defer` queues.
pub(super) fn new<K, T, D>(
    object: impl PinInit<Deferred<K, T>, Error>,
    defer: D,
) -> Result<Arc<dyn Mechanism>>
where
    K: Kind,
    T: Borrow<Record> + Send + Sync + 'static,
    D: Fn(&Deferred<K, T>) + Send + Sync + 'static,
{
    let by_deferred = ByDeferred {
        object: Arc::pin_init(object, GFP_KERNEL)?,
        defer,
        disable: |_object, _task| {
            refuse!(
                EPERM,
                "it cannot be disabled, but its line can: lines/*/enabled"
            )
        },
    };
    Ok(Arc::new(by_deferred, GFP_KERNEL)?)
}

/// As [`new`], for a kind that can be disabled. `defer` tells the record what becomes of the event then.
pub(super) fn that_can_be_disabled<K, D>(
    object: impl PinInit<Deferred<K, Record>, Error>,
    defer: D,
) -> Result<Arc<dyn Mechanism>>
where
    K: Disable,
    D: Fn(&Deferred<K, Record>) + Send + Sync + 'static,
{
    let by_deferred = ByDeferred {
        object: Arc::pin_init(object, GFP_KERNEL)?,
        defer,
        disable: |object, task| Ok(KBox::new(object.disable(task), GFP_KERNEL)?),
    };
    Ok(Arc::new(by_deferred, GFP_KERNEL)?)
}

/// A mechanism whose bottom half is work on `queue`.
pub(super) fn work<C: Context + 'static>(queue: Queue<C>) -> Result<Arc<dyn Mechanism>> {
    that_can_be_disabled(new_work!(Record::new()), move |work| {
        // Disabled, it is not queued.
        work.given(work.queue(&queue));
    })
}

impl<K, T, D> Mechanism for ByDeferred<K, T, D>
where
    K: Kind,
    T: Borrow<Record> + Send + Sync,
    D: Fn(&Deferred<K, T>) + Send + Sync,
{
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        (self.defer)(&self.object);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        (**self.object).borrow()
    }

    fn disable(&self, task: &Task) -> Answer<Disabled> {
        (self.disable)(&self.object, task)
    }
}
