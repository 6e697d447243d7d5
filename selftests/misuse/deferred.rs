// SPDX-License-Identifier: GPL-2.0

//! What must not be done with objects that are called back later. The last two leave a kernel thread that
//! waits for itself.

use irqlab::{
    context::{
        BottomHalvesDisabled,
        SoftIrq,
        Task, //
    },
    dpc::{
        self,
        Arguments,
        Dpc,
        Ordinary,
        System, //
    },
    new_timer, new_work,
    old_bh::{
        BottomHalves,
        Routine, //
    },
    timer::{
        self,
        Timer, //
    },
    workqueue::{
        self,
        Queue,
        Work, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc,
        Mutex, //
    },
};

struct Nothing;

impl timer::Handler<timer::Kind> for Nothing {
    fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
}

/// Whether who has made the work has dropped its reference.
static IS_LAST: Atomic<bool> = Atomic::new(false);

/// Drops the last reference to itself.
#[pin_data]
struct DropsItself {
    #[pin]
    itself: Mutex<Option<Arc<Work<DropsItself>>>>,
}

impl workqueue::Handler<workqueue::Kind> for DropsItself {
    fn run(this: &Work<Self>, task: &Task) {
        while !IS_LAST.load(Acquire) {
            task.sleep_ms(1);
        }
        let itself = this.itself.lock().take();
        drop(itself);
        pr_info!("not reached\n");
    }
}

/// Waits for everything on its queue, and so for itself.
struct FlushesItsQueue(Arc<Queue>);

impl workqueue::Handler<workqueue::Kind> for FlushesItsQueue {
    fn run(this: &Work<Self>, task: &Task) {
        this.0.flush(task);
        pr_info!("not reached\n");
    }
}

/// Drops a timer where nobody may wait for its handler.
pub(crate) fn drop_timer(task: &Task) -> Result {
    let timer = KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?;
    let _guard = BottomHalvesDisabled::new(task);
    drop(timer);
    Ok(())
}

struct Quiet;

impl Routine for Quiet {
    fn run(&self, _softirq: &SoftIrq) {}
}

impl dpc::Handler for Quiet {
    type Kind = Ordinary;

    fn run(_this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {}
}

/// Drops a slot of old bottom halves there.
pub(crate) fn drop_slot(task: &Task) -> Result {
    let set = BottomHalves::new()?;
    let slot = set.init(20, Arc::new(Quiet, GFP_KERNEL)?, task)?;
    // Gone before the set.
    let _guard = BottomHalvesDisabled::new(task);
    drop(slot);
    Ok(())
}

/// Drops a DPC there.
pub(crate) fn drop_dpc(task: &Task) -> Result {
    let system = System::new()?;
    let dpc = KBox::pin_init(Dpc::new(&system, Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    // Gone before the system.
    let _guard = BottomHalvesDisabled::new(task);
    drop(dpc);
    Ok(())
}

/// Has a work item drop itself.
pub(crate) fn drop_in_handler(queue: &Queue) -> Result {
    let handler = try_pin_init!(DropsItself {
        itself <- new_mutex!(None),
    }? Error);
    let work = Arc::pin_init(new_work!(handler), GFP_KERNEL)?;
    *work.itself.lock() = Some(work.clone());
    work.queue(queue);
    drop(work);
    IS_LAST.store(true, Release);
    Ok(())
}

/// Has a work item flush the queue that it is on.
pub(crate) fn flush_in_handler(queue: &Arc<Queue>) -> Result {
    let work = new_work!(Ok::<_, Error>(FlushesItsQueue(queue.clone())));
    let work = KBox::pin_init(work, GFP_KERNEL)?;
    work.queue(queue);
    // Dropping it would wait for what waits for itself.
    core::mem::forget(work);
    Ok(())
}
