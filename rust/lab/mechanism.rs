// SPDX-License-Identifier: GPL-2.0

//! Mechanisms: the ways to run the bottom half. Each is a file of its own here
//! and a line in the table, which the lines, the knobs and the bench all read.

use crate::{
    record::{
        Ledger,
        Record, //
    },
    recorder::Recorder,
    refusal::{
        prevented,
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    irq::ThreadedIrqReturn, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Release, //
        },
        Arc,
        Mutex, //
    },
};

mod by_dpc;
mod by_interrupt_thread;
mod by_top_half;
mod deferred;

macro_rules! table {
    ($($(#[$condition:meta])? $name:ident,)*) => {
        $($(#[$condition])? mod $name;)*

        /// All mechanisms, in the order of the tables.
        const TABLE: &[Kind] = &[$($(#[$condition])? $name::KIND,)*];
    };
}

// Those that run soonest first.
table! {
    hard,
    threadable,
    irq_work,
    hrtimer_hard,
    old_bh,
    dpc_high,
    dpc,
    int_thread,
    tasklet_hi,
    tasklet,
    bh_wq_hi,
    bh_wq,
    #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
    irq_poll,
    hrtimer_soft,
    threaded,
    dpc_threaded,
    int_thread_blocks,
    kthread_fifo,
    kthread,
    percpu_wq_hi,
    percpu_wq,
    unbound_wq,
    rescuer_wq,
    ordered_wq,
    delayed_wq,
    timer,
    irq_work_lazy,
    call_rcu,
}

/// One line of the table.
struct Kind {
    /// How the knobs call it.
    name: &'static CStr,
    /// What runs the bottom half, in a few words.
    about: &'static str,
    /// Makes one.
    new: fn() -> Result<Arc<dyn Mechanism>>,
}

/// The name of the mechanism with this number in the table.
pub(crate) fn name_of(number: u32) -> &'static str {
    let kind = TABLE.get(number as usize);
    kind.and_then(|kind| kind.name.to_str().ok()).unwrap_or("?")
}

/// One way to run the bottom half, which is to call [`Record::bottom`].
pub(crate) trait Mechanism: Send + Sync {
    /// Has the bottom half run. The top half answers the kernel what this says.
    fn defer(&self, irq: &HardIrq) -> ThreadedIrqReturn;

    /// Where the events of this mechanism are recorded.
    fn record(&self) -> &Record;

    /// The bottom half, if the line's own thread is to run it.
    fn thread(&self) -> Option<&dyn ThreadedBottomHalf> {
        None
    }

    /// All of it, if the line's handler is to leave its context to the kernel.
    fn anywhere(&self) -> Option<&dyn Anywhere> {
        None
    }

    /// Keeps the bottom half from running until the guard is dropped. [`Self::defer`] then
    /// tells the record whether what it defers is kept or refused: [`Record::given`].
    ///
    /// Refusals: `EPERM` if nothing but the line itself can.
    fn disable(&self, _task: &Task) -> Answer<Disabled> {
        refuse!(
            EPERM,
            "it cannot be disabled, but its line can: lines/*/enabled"
        )
    }
}

/// A bottom half that the line's own thread runs.
pub(crate) trait ThreadedBottomHalf: Send + Sync {
    /// Runs in the line's thread, which may sleep.
    fn run(&self, task: &Task);
}

/// What a handler does that leaves its context to the kernel.
pub(crate) trait Anywhere: Send + Sync {
    /// Runs in a hard IRQ or in the line's thread, and may not sleep.
    fn run(&self);
}

/// Keeps a mechanism disabled while it lives.
pub(crate) type Disabled = KBox<dyn Send>;

/// A mechanism of this lab.
#[pin_data]
pub(crate) struct Instance {
    pub(crate) name: &'static CStr,
    pub(crate) about: &'static str,
    pub(crate) mechanism: Arc<dyn Mechanism>,
    is_attached: Atomic<bool>,
    #[pin]
    disabled: Mutex<Option<Disabled>>,
}

impl Instance {
    /// Makes one of each.
    pub(crate) fn all(ledger: &Arc<Ledger>, recorder: &Arc<Recorder>) -> Result<KVec<Arc<Self>>> {
        let mut all = KVec::new();
        for (number, kind) in TABLE.iter().enumerate() {
            let mechanism = (kind.new)()?;
            mechanism
                .record()
                .tell(ledger.clone(), recorder.clone(), number as u32);
            all.push(Self::new(kind.name, kind.about, mechanism)?, GFP_KERNEL)?;
        }
        Ok(all)
    }

    /// Makes one that is in no table.
    pub(crate) fn new(
        name: &'static CStr,
        about: &'static str,
        mechanism: Arc<dyn Mechanism>,
    ) -> Result<Arc<Self>> {
        let instance = pin_init!(Self {
            name,
            about,
            mechanism,
            is_attached: Atomic::new(false),
            disabled <- new_mutex!(None, "Instance::disabled"),
        });
        Arc::pin_init(instance, GFP_KERNEL)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or("?")
    }

    #[inline]
    pub(crate) fn record(&self) -> &Record {
        self.mechanism.record()
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.disabled.lock().is_none()
    }

    /// Switches the bottom half off, unless it is.
    pub(crate) fn disable(&self, task: &Task) -> Answer {
        let mut disabled = self.disabled.lock();
        if disabled.is_none() {
            *disabled = Some(self.mechanism.disable(task)?);
            self.record().set_disabled(true);
        }
        Ok(())
    }

    /// Switches it on again, unless it is.
    pub(crate) fn enable(&self) {
        let mut disabled = self.disabled.lock();
        self.record().set_disabled(false);
        *disabled = None;
    }

    /// Takes the mechanism for one line: it records one event at a time.
    pub(crate) fn take(self: &Arc<Self>) -> Answer<Taken> {
        if self.is_attached.xchg(true, Full) {
            prevented!(EBUSY, "{} is on another line", self.name());
        }
        let taken = Taken(self.clone());
        self.record().open()?;
        Ok(taken)
    }
}

/// A mechanism that one line has for itself.
pub(crate) struct Taken(Arc<Instance>);

impl core::ops::Deref for Taken {
    type Target = Arc<Instance>;

    fn deref(&self) -> &Arc<Instance> {
        &self.0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.is_attached.store(false, Release);
    }
}
