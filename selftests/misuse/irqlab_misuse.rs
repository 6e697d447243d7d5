// SPDX-License-Identifier: GPL-2.0

//! What the library cannot forbid by types, and the kernel therefore has to report: each of these programs
//! compiles without `unsafe`, and is wrong.
//!
//! Never to be inserted where it matters: `what=2` and `what=3` leave a kernel thread that waits for itself.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        SoftIrq,
        Task, //
    },
    new_timer, new_work,
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
    interrupt::local_interrupt_disable,
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

module! {
    type: Misuse,
    name: "irqlab_misuse",
    authors: ["The irqlab contributors"],
    description: "Does what the library cannot forbid, so that the kernel reports it",
    license: "GPL",
    params: {
        what: u32 {
            default: 0,
            description: "1: drop a timer with interrupts off; 2: drop work in its own handler; \
                          3: flush a queue in work on it (default: 0, nothing)",
        },
    },
}

struct Misuse {
    _queue: Arc<Queue>,
}

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

impl kernel::Module for Misuse {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let task = Task::current().ok_or(EINVAL)?;
        let queue = Arc::new(Queue::unbound(c"irqlab_misuse")?, GFP_KERNEL)?;
        match *module_parameters::what.value_ref() {
            1 => {
                let timer = KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?;
                let _guard = local_interrupt_disable();
                drop(timer);
            }
            2 => {
                let handler = try_pin_init!(DropsItself {
                    itself <- new_mutex!(None),
                }? Error);
                let work = Arc::pin_init(new_work!(handler), GFP_KERNEL)?;
                *work.itself.lock() = Some(work.clone());
                work.queue(&queue);
                drop(work);
                IS_LAST.store(true, Release);
            }
            3 => {
                let work = new_work!(Ok::<_, Error>(FlushesItsQueue(queue.clone())));
                let work = KBox::pin_init(work, GFP_KERNEL)?;
                work.queue(&queue);
                // Dropping it would wait for what waits for itself.
                core::mem::forget(work);
            }
            _ => (),
        }
        task.sleep_ms(200);
        Ok(Self { _queue: queue })
    }
}
