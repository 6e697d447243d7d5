// SPDX-License-Identifier: GPL-2.0

//! What compiles although it must not be done, for kernels that report it. The library's documentation has the
//! table: what its types cannot forbid has to be seen by a kernel that checks itself.
//!
//! Does one of these when it is inserted, as the parameter says. Only 7 and 8 wait for anything.

#![forbid(unsafe_code)]

mod deferred;
mod in_nmi;

use irqlab::{
    context::{
        BottomHalvesDisabled,
        HardIrq,
        SoftIrq,
        Task, //
    },
    cpu::HotplugCounter,
    interrupt::local_interrupt_disable,
    irq::{
        Handler,
        IrqReturn,
        Sharing, //
    },
    irq_chip::{
        Domain,
        Flow,
        Transparent, //
    },
    tasklet::{
        self,
        Tasklet, //
    },
    workqueue::Queue, //
};
use kernel::{
    new_mutex, new_spinlock,
    prelude::*,
    sync::{
        Arc,
        Mutex,
        SpinLock, //
    },
};

module! {
    type: Misuse,
    name: "irqlab_misuse",
    authors: ["The irqlab contributors"],
    description: "Does what compiles and must not be done",
    license: "GPL",
    params: {
        what: u32 {
            default: 0,
            description: "1: memory that may be waited for, in a handler; 2: a spinlock there; 3: a mutex in a tasklet; 4: the token of a task with interrupts off; 5: with bottom halves off; 6: a timer dropped there; 7: work dropped in its own handler; 8: its queue flushed there; 9: a queue made with bottom halves off; 10: more counters of CPUs than there is room for; 11: a deferral of each type begun in an NMI; 12: a slot of old bottom halves dropped with bottom halves off; 13: a DPC; 0: nothing (default)",
        },
    },
}

struct Misuse {
    _queue: Arc<Queue>,
}

/// A handler that does what its context forbids.
#[pin_data]
struct InHandler {
    takes_lock: bool,
    #[pin]
    lock: SpinLock<u32>,
}

impl Handler for InHandler {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        if self.takes_lock {
            *self.lock.lock() += 1;
        } else {
            drop(KBox::new(1u32, GFP_KERNEL));
        }
        IrqReturn::Handled
    }
}

fn in_handler(takes_lock: bool, task: &Task) -> Result {
    let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    let handler = try_pin_init!(InHandler {
        takes_lock,
        lock <- new_spinlock!(0),
    }? Error);
    let registration = line
        .line()
        .request(Sharing::Exclusive, c"irqlab_misuse", handler)?;
    line.send()?;
    task.sleep_ms(10);
    drop(registration);
    Ok(())
}

/// A tasklet that takes a mutex, which nobody has.
#[pin_data]
struct InTasklet {
    #[pin]
    lock: Mutex<u32>,
}

impl tasklet::Handler<tasklet::Kind> for InTasklet {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        *this.lock.lock() += 1;
    }
}

fn in_tasklet(task: &Task) -> Result {
    let handler = try_pin_init!(InTasklet {
        lock <- new_mutex!(0),
    }? Error);
    let tasklet = KBox::pin_init(Tasklet::new(handler), GFP_KERNEL)?;
    tasklet.schedule();
    task.sleep_ms(10);
    Ok(())
}

/// The kernel has room for some dozens. Those that there was room for leave it again.
fn count_too_often(task: &Task) -> Result {
    const MANY: usize = 1000;

    let mut counters = KVec::new();
    let refused = loop {
        match HotplugCounter::new(task) {
            Ok(counter) if counters.len() < MANY => counters.push(counter, GFP_KERNEL)?,
            Ok(_) => return Err(E2BIG),
            Err(error) => break error,
        }
    };
    if refused != ENOSPC || counters.is_empty() {
        return Err(refused);
    }
    drop(counters);
    HotplugCounter::new(task).map(drop)
}

impl kernel::Module for Misuse {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let task = Task::current().ok_or(EINVAL)?;
        let queue = Arc::new(Queue::unbound(c"irqlab_misuse")?, GFP_KERNEL)?;
        match irqlab::parameter::<u32>(module_parameters::what.value()) {
            0 => (),
            1 => in_handler(false, task)?,
            2 => in_handler(true, task)?,
            3 => in_tasklet(task)?,
            4 => {
                let _off = local_interrupt_disable();
                task.yield_if_needed();
            }
            5 => {
                let _off = BottomHalvesDisabled::new(task);
                task.yield_if_needed();
            }
            6 => deferred::drop_timer(task)?,
            7 => deferred::drop_in_handler(&queue)?,
            8 => deferred::flush_in_handler(&queue)?,
            9 => {
                let off = BottomHalvesDisabled::new(task);
                let made = Queue::ordered(c"irqlab_misuse_9");
                drop(off);
                made?;
            }
            10 => count_too_often(task)?,
            11 => in_nmi::begin_all(&queue, task)?,
            12 => deferred::drop_slot(task)?,
            13 => deferred::drop_dpc(task)?,
            _ => return Err(EINVAL),
        }
        task.sleep_ms(200);
        Ok(Self { _queue: queue })
    }
}
