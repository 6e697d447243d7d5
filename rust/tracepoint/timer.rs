// SPDX-License-Identifier: GPL-2.0

//! Timers, the tick, and idle CPUs.

use super::tracepoints;
use crate::bindings;
use kernel::prelude::*;

tracepoints! {
    /// A timer begins to run.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::Observer};
    /// # use irqlab::tracepoint::{CpuIdle, HrTimerExpireEntry, TickStop, TimerExpireEntry};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// struct Idle {
    ///     waits: Atomic<usize>,
    ///     without_tick: Atomic<usize>,
    ///     timers: Atomic<usize>,
    /// }
    ///
    /// impl Observer<CpuIdle> for Idle {
    ///     fn observe(&self, event: &CpuIdle, _context: &Unsleeping) {
    ///         if event.is_entry {
    ///             self.waits.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<TickStop> for Idle {
    ///     fn observe(&self, event: &TickStop, _context: &Unsleeping) {
    ///         if event.is_stopped {
    ///             self.without_tick.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<TimerExpireEntry> for Idle {
    ///     fn observe(&self, _event: &TimerExpireEntry, _context: &Unsleeping) {
    ///         self.timers.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<HrTimerExpireEntry> for Idle {
    ///     fn observe(&self, _event: &HrTimerExpireEntry, _context: &Unsleeping) {
    ///         self.timers.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// # use irqlab::tracepoint::Attached;
    /// # use kernel::{prelude::*, sync::Arc};
    /// # let (waits, without_tick, timers) = (Atomic::new(0), Atomic::new(0), Atomic::new(0));
    /// # let idle = Idle { waits, without_tick, timers };
    /// let mut attached = Attached::new(Arc::new(idle, GFP_KERNEL)?);
    /// attached.to::<CpuIdle>()?;
    /// attached.to::<TickStop>()?;
    /// attached.to::<TimerExpireEntry>()?;
    /// attached.to::<HrTimerExpireEntry>()?;
    /// // A timer wakes it.
    /// task.sleep_ms(1);
    /// assert!(attached.observer().timers.load(Relaxed) >= 1);
    /// ```
    c"timer_expire_entry", __traceiter_timer_expire_entry(
        timer: *mut bindings::timer_list, _base: c_ulong
    ) => TimerExpireEntry {
        /// Which one it is: see [`Timer::id`](crate::timer::Timer::id).
        timer: usize = timer.addr(),
    }

    /// A high-resolution timer begins to run.
    c"hrtimer_expire_entry", __traceiter_hrtimer_expire_entry(
        timer: *mut bindings::hrtimer, _now: bindings::ktime_t
    ) => HrTimerExpireEntry {
        /// Which one it is: see [`HrTimer::id`](crate::hrtimer::HrTimer::id).
        timer: usize = timer.addr(),
    }

    /// A CPU that has nothing to do is about to wait, or has done so. Interrupts are off.
    c"cpu_idle", __traceiter_cpu_idle(state: c_uint, _cpu: c_uint) => CpuIdle {
        /// Whether it is about to; else the wait is over.
        is_entry: bool = state != u32::MAX,
    }

    /// This CPU stops its tick, or has to keep it. Interrupts are off.
    c"tick_stop", __traceiter_tick_stop(success: c_int, _dependency: c_int) => TickStop {
        /// Whether it does.
        is_stopped: bool = success != 0,
    }
}
