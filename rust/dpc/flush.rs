// SPDX-License-Identifier: GPL-2.0

//! Waiting for all DPCs.

use super::{
    entry::Arguments,
    object::{
        Dpc,
        Handler,
        Kind,
        Ordinary,
        Threaded, //
    },
    policy::Importance,
    system::System, //
};
use crate::{
    completion::{
        Completion,
        Waited, //
    },
    context::Task,
    cpu::CpuId, //
};
use core::marker::PhantomData;
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::Arc, //
};

/// A DPC that tells when it runs: all that were in its queue before have, then. DPCs are put
/// at the head, or before it at the tail; none that was there is behind it.
struct Marker<K> {
    reached: Arc<Completion>,
    _kind: PhantomData<fn(K)>,
}

impl<K: Kind + 'static> Handler for Marker<K> {
    type Kind = K;

    fn run(this: &Dpc<Self>, _arguments: Arguments, _context: &K::Context) {
        this.reached.complete();
    }
}

type Boxed<K> = Pin<KBox<Dpc<Marker<K>>>>;

impl System {
    /// Waits until all DPCs that are in a queue now have run to their end, on all CPUs:
    /// `KeFlushQueuedDpcs`. For those inserted meanwhile it need not.
    ///
    /// Errors: `EINTR` after a signal; `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{context::{SoftIrq, Task}, dpc::{Arguments, Dpc, Handler, Ordinary, System}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler for Count {
    /// #     type Kind = Ordinary;
    /// #     fn run(this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn unload(system: &Arc<System>, task: &Task) -> Result {
    ///     // The device is quiet: no DPC is inserted any more.
    ///     system.flush(task)
    /// }
    ///
    /// let system = System::new()?;
    /// # let dpc = KBox::pin_init(Dpc::new(&system, Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// dpc.insert(Arguments(0, 0));
    /// unload(&system, task)?;
    /// assert_eq!(dpc.0.load(Relaxed), 1);
    /// ```
    pub fn flush(self: &Arc<Self>, task: &Task) -> Result {
        let reached = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
        let mut ordinary = KVec::new();
        let mut threaded = KVec::new();
        for cpu in (0..nr_cpu_ids()).filter_map(CpuId::from_u32) {
            self.mark::<Ordinary>(cpu, &reached, &mut ordinary)?;
            self.mark::<Threaded>(cpu, &reached, &mut threaded)?;
        }
        // A signal has the markers dropped, which removes them.
        for _ in 0..ordinary.len() + threaded.len() {
            if reached.wait_ms(task, u32::MAX) == Waited::Interrupted {
                return Err(EINTR);
            }
        }
        Ok(())
    }

    /// Puts a marker into a queue of `cpu` if there is anything in it, and has it drained.
    fn mark<K: Kind + 'static>(
        self: &Arc<Self>,
        cpu: CpuId,
        reached: &Arc<Completion>,
        markers: &mut KVec<Boxed<K>>,
    ) -> Result {
        if self.is_quiet(cpu, K::IS_THREADED) {
            return Ok(());
        }
        let marker = Marker::<K> {
            reached: reached.clone(),
            _kind: PhantomData,
        };
        let marker = KBox::pin_init(Dpc::new(self, Ok(marker)), GFP_KERNEL)?;
        marker.set_target(Some(cpu));
        marker.set_importance(Importance::Low);
        marker.insert_as_kind();
        self.drain(cpu, K::IS_THREADED);
        Ok(markers.push(marker, GFP_KERNEL)?)
    }
}
