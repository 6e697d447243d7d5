// SPDX-License-Identifier: GPL-2.0

//! Tasks: what they are told, what they ask for, and when they leave the CPU.

use super::tracepoints;
use crate::{
    bindings,
    exception::Vector,
    task::{
        self,
        Policy, //
    },
};
use kernel::prelude::*;

tracepoints! {
    /// This CPU goes from one task to another. Interrupts are off.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::{Attached, Observer, SchedSwitch, SysEnter}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// /// Counts the system calls of a kind, and the switches to other tasks.
    /// struct Life {
    ///     number: usize,
    ///     nr_calls: Atomic<usize>,
    ///     nr_switches: Atomic<usize>,
    /// }
    ///
    /// impl Observer<SysEnter> for Life {
    ///     fn observe(&self, call: &SysEnter, _context: &Unsleeping) {
    ///         self.nr_calls.add(usize::from(call.number as usize == self.number), Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<SchedSwitch> for Life {
    ///     fn observe(&self, _switch: &SchedSwitch, _context: &Unsleeping) {
    ///         self.nr_switches.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// # let life = Life { number: 0, nr_calls: Atomic::new(0), nr_switches: Atomic::new(0) };
    /// let mut attached = Attached::new(Arc::new(life, GFP_KERNEL)?);
    /// attached.to::<SysEnter>()?;
    /// attached.to::<SchedSwitch>()?;
    /// task.sleep_ms(1);
    /// # eventually!(task, attached.observer().nr_switches.load(Relaxed) > 0);
    /// // A moment later:
    /// assert!(attached.observer().nr_switches.load(Relaxed) >= 1);
    /// ```
    c"sched_switch", __traceiter_sched_switch(
        _is_preempted: bool,
        previous: *mut bindings::task_struct,
        next: *mut bindings::task_struct,
        state: c_uint
    ) => SchedSwitch {
        /// The number of the task that it leaves.
        pid: i32 = {
            // SAFETY: The tracepoint's task is valid; its number stays.
            unsafe { (*previous).pid }
        },
        /// The number of the task that it goes to.
        next_pid: i32 = {
            // SAFETY: The tracepoint's task is valid; its number stays.
            unsafe { (*next).pid }
        },
        /// What that task waits for: 0 for nothing but the CPU, 1 if it sleeps and a signal wakes it.
        state: u32 = state,
        /// How the scheduler treats it.
        policy: Policy = {
            // SAFETY: The tracepoint's task is valid.
            unsafe { task::policy_of(previous) }
        },
    }

    /// A signal is sent. Interrupts are off.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::Observer};
    /// # use irqlab::tracepoint::{SchedProcessExit, SignalDeliver, SignalGenerate};
    /// # use kernel::prelude::*;
    /// struct Signals;
    ///
    /// impl Observer<SignalGenerate> for Signals {
    ///     fn observe(&self, sent: &SignalGenerate, _context: &Unsleeping) {
    ///         if let Some(exception) = sent.exception {
    ///             pr_info!("exception {exception} becomes signal {}\n", sent.signal);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<SignalDeliver> for Signals {
    ///     fn observe(&self, taken: &SignalDeliver, _context: &Unsleeping) {
    ///         if taken.has_handler {
    ///             pr_info!("signal {} is handled\n", taken.signal);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<SchedProcessExit> for Signals {
    ///     fn observe(&self, end: &SchedProcessExit, _context: &Unsleeping) {
    ///         pr_info!("ended by signal {}\n", end.signal);
    ///     }
    /// }
    /// ```
    c"signal_generate", __traceiter_signal_generate(
        number: c_int,
        info: *mut bindings::kernel_siginfo,
        task: *mut bindings::task_struct,
        _type: c_int,
        _result: c_int
    ) => SignalGenerate {
        /// Which one.
        signal: u32 = number.unsigned_abs(),
        /// The number of the task that it is for.
        pid: i32 = {
            // SAFETY: The tracepoint's task is valid; its number stays.
            unsafe { (*task).pid }
        },
        /// The exception that the kernel makes known to the current task by it, if that
        /// is what it is sent for.
        exception: Option<Vector> = {
            // SAFETY: The kernel's own for this signal.
            unsafe { exception_behind(info, task) }
        },
        /// Its si_code: what the kernel says about it to the process.
        code: i32 = match info.addr() {
            FROM_USER => 0,
            FROM_KERNEL => bindings::SI_KERNEL as i32,
            // SAFETY: It is neither of the two, and so valid.
            _ => unsafe { (*info).__bindgen_anon_1.si_code },
        },
        /// What the CPU said about that exception; 0 if there is none.
        error_code: u64 = {
            // SAFETY: The kernel's own for this signal.
            let exception = unsafe { exception_behind(info, task) };
            // SAFETY: If there is one it is the current task, which alone writes this.
            exception.map_or(0, |_| unsafe { (*task).thread.error_code } as u64)
        },
    }

    /// The current task receives a signal: its handler is about to be called, or what the kernel does
    /// in its place.
    c"signal_deliver", __traceiter_signal_deliver(
        number: c_int,
        _info: *mut bindings::kernel_siginfo,
        action: *mut bindings::k_sigaction
    ) => SignalDeliver {
        /// Which one.
        signal: u32 = number.unsigned_abs(),
        /// Whether the process has a handler for it.
        has_handler: bool = {
            // SAFETY: The kernel's own copy of what the process wants.
            unsafe { (*action).sa.sa_handler }.is_some_and(|handler| handler as usize != IGNORE)
        },
    }

    /// The current task ends.
    c"sched_process_exit", __traceiter_sched_process_exit(
        task: *mut bindings::task_struct, _is_last: bool
    ) => SchedProcessExit {
        /// The signal that ended it, 0 if none did.
        signal: u32 = {
            // SAFETY: It is the current task.
            unsafe { (*task).exit_code }.unsigned_abs() & 0x7f
        },
    }

    /// The current task calls the kernel.
    c"sys_enter", __traceiter_sys_enter(regs: *mut bindings::pt_regs, number: c_long) => SysEnter {
        /// Which function it wants.
        number: isize = number,
        /// The first argument.
        argument: usize = {
            // SAFETY: They are on the task's stack, at whose end this runs.
            unsafe { (*regs).di }
        },
        /// Whether it came by the instruction SYSCALL, which leaves where it goes on in CX, and the
        /// flags in R11.
        is_by_syscall: bool = {
            // SAFETY: They are on the task's stack, at whose end this runs.
            let regs = unsafe { &*regs };
            regs.cx == regs.ip && regs.r11 == regs.flags
        },
    }
}

/// What stands for a handler that a process has not, but ignores the signal.
const IGNORE: usize = 1;

/// Which exception a signal makes known: of those to the current task that come from the
/// kernel, the last one that the task has raised.
///
/// # Safety
///
/// For the tracepoint, with its arguments.
unsafe fn exception_behind(
    info: *const bindings::kernel_siginfo,
    task: *const bindings::task_struct,
) -> Option<Vector> {
    if task != kernel::task::Task::current_raw().cast_const() {
        return None;
    }
    let is_from_kernel = match info.addr() {
        FROM_USER => false,
        FROM_KERNEL => true,
        // SAFETY: By this function's contract, as it is neither of the two.
        _ => unsafe { (*info).__bindgen_anon_1.si_code > 0 },
    };
    // SAFETY: It is the current task, which alone writes this, in its exceptions.
    is_from_kernel.then(|| Vector(unsafe { (*task).thread.trap_nr } as u8))
}

/// What there is for the information about a signal that has none: `SEND_SIG_NOINFO`.
const FROM_USER: usize = 0;
/// The same for one of the kernel's: `SEND_SIG_PRIV`.
const FROM_KERNEL: usize = 1;
