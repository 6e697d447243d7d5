// SPDX-License-Identifier: GPL-2.0

//! The DPC queues of all CPUs together, as Windows has them once.

use super::{
    cpu::{
        queue_of,
        Cpu, //
    },
    entry::{
        Arguments,
        Entry, //
    },
    policy::{
        Origin,
        Parameters, //
    },
    status::Status,
};
use crate::{
    context::Unsleeping,
    cpu::{
        CpuId,
        PerCpu, //
    },
    interrupt::local_interrupt_disable,
    new_raw_spinlock,
    raw_spinlock::RawSpinLock,
    tracepoint::{
        Attached,
        CpuIdle,
        Observer, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::Acquire,
        Arc, //
    },
};

type Cpus = PerCpu<Pin<KBox<Cpu>>>;

/// The queues of all CPUs. Each DPC holds the system that it is in.
///
/// ```
/// # use irqlab::dpc::{Parameters, System};
/// # use kernel::{prelude::*, sync::Arc};
/// fn eager() -> Result<Arc<System>> {
///     let system = System::new()?;
///     system.set_parameters(Parameters { maximum_depth: 1, ..Parameters::default() });
///     Ok(system)
/// }
///
/// assert_eq!(eager()?.parameters().maximum_depth, 1);
/// ```
#[pin_data]
pub struct System {
    // First what looks into the queues.
    _idle: Attached<Idle>,
    cpus: Arc<Cpus>,
    #[pin]
    parameters: RawSpinLock<Parameters>,
}

struct Idle(Arc<Cpus>);

impl Observer<CpuIdle> for Idle {
    fn observe(&self, event: &CpuIdle, _context: &Unsleeping) {
        if event.is_entry {
            self.0.local().idle();
        }
    }
}

impl System {
    /// Makes empty queues, and a thread for each CPU. Sleeps, and so does dropping it, which
    /// waits until no idle CPU looks into them any more.
    ///
    /// Errors: `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let parameters = Parameters::default();
        let mut numbers = 0..;
        let cpus = Cpus::new(|| {
            let id = numbers.next().and_then(CpuId::from_u32).ok_or(EINVAL)?;
            KBox::pin_init(Cpu::new(id, parameters), GFP_KERNEL)
        })?;
        let cpus = Arc::new(cpus, GFP_KERNEL)?;
        let mut idle = Attached::new(Arc::new(Idle(cpus.clone()), GFP_KERNEL)?);
        // Without the tracepoint, ticks find what waits.
        let is_observed = idle.to::<CpuIdle>();
        if is_observed == Err(ENOMEM) {
            return Err(ENOMEM);
        }
        Arc::pin_init(
            pin_init!(Self {
                _idle: idle,
                cpus,
                parameters <- new_raw_spinlock!(parameters),
            }),
            GFP_KERNEL,
        )
    }

    /// What is set.
    pub fn parameters(&self) -> Parameters {
        self.parameters.with(|parameters, _off| *parameters)
    }

    /// Sets it for all queues, which adapt themselves to it anew.
    pub fn set_parameters(&self, new: Parameters) {
        self.update_parameters(|_now| new);
    }

    /// Sets for all queues what `f` makes of what is set, which nobody else changes meanwhile.
    /// `f` runs with interrupts off, and must not use the system.
    ///
    /// ```
    /// # use irqlab::dpc::{Parameters, System};
    /// fn drain_when_idle(system: &System) {
    ///     system.update_parameters(|old| Parameters { idle_drain: true, ..old });
    /// }
    ///
    /// let system = System::new()?;
    /// drain_when_idle(&system);
    /// assert!(system.parameters().idle_drain);
    /// ```
    pub fn update_parameters(&self, f: impl FnOnce(Parameters) -> Parameters + Send) {
        self.parameters.with(|parameters, _off| {
            *parameters = f(*parameters);
            // Before the next change, or queues could keep different ones of two.
            for cpu in self.cpus.iter() {
                cpu.ordinary.set_parameters(*parameters);
                cpu.threaded.set_parameters(*parameters);
            }
        });
    }

    /// The queue of a CPU's ordinary DPCs.
    ///
    /// ```
    /// # use irqlab::{cpu::CpuId, dpc::{Cause, Routine, Status, System}};
    /// # use kernel::prelude::*;
    /// fn show(system: &System, cpu: CpuId) {
    ///     let both: [Status; 2] = [system.ordinary(cpu), system.threaded(cpu)];
    ///     for queue in both {
    ///         let by_ticks = queue.nr_requests[Cause::Tick as usize];
    ///         let slow: Option<Routine> = queue.last_overrun.map(|(_, routine)| routine);
    ///         let slow = slow.as_ref().map_or("none", Routine::as_str);
    ///         pr_info!("{} ran, drained by {by_ticks} ticks; too slow: {slow}\n", queue.nr_run);
    ///     }
    /// }
    ///
    /// let system = System::new()?;
    /// show(&system, CpuId::current());
    /// assert_eq!(system.ordinary(CpuId::current()).nr_run, 0);
    /// ```
    pub fn ordinary(&self, cpu: CpuId) -> Status {
        self.cpus.of(cpu).ordinary.status()
    }

    /// The queue of a CPU's threaded DPCs. It has neither ticks nor a watchdog.
    pub fn threaded(&self, cpu: CpuId) -> Status {
        self.cpus.of(cpu).threaded.status()
    }

    /// Inserts an entry into the queue of its target. Returns false if it is in a queue.
    pub(super) fn insert(&self, entry: &Entry, is_threaded: bool, arguments: Arguments) -> bool {
        // Until all is done: the CPU must not change.
        let _off = local_interrupt_disable();
        let here = CpuId::current();
        let target = entry.target().unwrap_or(here);
        let origin = if target == here {
            Origin::Local
        } else {
            Origin::Remote
        };
        let cpu = self.cpus.of(target);
        let Some(inserted) = cpu.queue(is_threaded).insert(entry, origin, arguments) else {
            return false;
        };
        if inserted.requests {
            cpu.request(is_threaded);
        }
        if let Some(ms) = inserted.starts_tick {
            cpu.start_tick(ms);
        }
        true
    }

    /// Removes an entry from the queue that it is in. Returns whether it was in one.
    pub(super) fn remove(&self, entry: &Entry) -> bool {
        while let Some((cpu, is_threaded)) = queue_of(entry.queue.load(Acquire)) {
            if self.cpus.of(cpu).queue(is_threaded).remove(entry) {
                return true;
            }
            // It was taken, and perhaps inserted elsewhere, just now.
        }
        false
    }

    /// Whether nothing is in a queue of `cpu`, and nothing of it runs.
    pub(super) fn is_quiet(&self, cpu: CpuId, is_threaded: bool) -> bool {
        self.cpus.of(cpu).queue(is_threaded).is_quiet()
    }

    /// Has a CPU drain a queue, whatever is in it.
    pub(super) fn drain(&self, cpu: CpuId, is_threaded: bool) {
        let _off = local_interrupt_disable();
        let cpu = self.cpus.of(cpu);
        if cpu.queue(is_threaded).flush() {
            cpu.request(is_threaded);
        }
    }
}
