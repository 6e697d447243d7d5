// SPDX-License-Identifier: GPL-2.0

//! Tracepoints: watching the kernel at the places that it has marked itself.
//!
//! ```text
//!     kernel code ──▶ tracepoint ──▶ probe ──▶ Observer::observe(event)
//!                     a no-op while  decodes
//!                     nobody listens
//! ```
//!
//! Each tracepoint here is a type, of which the kernel's events are values. An
//! observer implements [`Observer`] for each type that it can be told, and
//! [`Attached`] attaches it to them. A new tracepoint is one entry in the table
//! below; the compiler compares the arguments with those in the kernel's header.
//!
//! # What an observer may do
//!
//! It runs inside of what it observes: with interrupts off or on, on any CPU, in
//! any context that the tracepoint is in. Since 7.3, which protects probes by
//! SRCU, preemption is not disabled for it: a probe that finds it enabled may be
//! preempted, and go on on another CPU. And it may be interrupted, by itself
//! among others. So it
//!
//! - may not sleep, and takes no lock that anybody holds with interrupts on;
//! - keeps what it notes in atomics, as [`PerCpu`](crate::cpu::PerCpu) values are;
//! - does not cause what it observes: whoever schedules a tasklet when a soft IRQ
//!   is raised raises one, without end.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::{
    bindings,
    context::{
        Context,
        Unsleeping, //
    },
    cpu::CpuId,
    exception::{
        Registers,
        Vector, //
    },
    softirq::{
        self,
        Executor, //
    },
    task::{
        self,
        Policy, //
    },
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::Arc,
    types::NotThreadSafe, //
};

/// A tracepoint of the kernel; its values are the events. Sealed: the types below
/// are all.
pub trait Tracepoint: private::Sealed + Sized + 'static {
    /// The kernel's name for it.
    const NAME: &'static CStr;

    #[doc(hidden)]
    fn probe<O: Observer<Self>>() -> private::Probe;
}

mod private {
    pub trait Sealed {}

    /// A function with the signature that its tracepoint calls.
    #[derive(Clone, Copy)]
    pub struct Probe(pub(super) *mut super::c_void);
}

/// Who is told the events of a tracepoint.
pub trait Observer<T: Tracepoint>: Send + Sync + 'static {
    /// Is called for each event, where it happens.
    fn observe(&self, event: &T, context: &Unsleeping);
}

macro_rules! tracepoints {
    ($(
        $(#[$meta:meta])*
        $name:literal, $prototype:ident($($argument:ident: $type:ty),*) =>
        $event:ident { $($(#[$field_meta:meta])* $field:ident: $field_type:ty = $value:expr,)* }
    )*) => {$(
        $(#[$meta])*
        pub struct $event {
            $($(#[$field_meta])* pub $field: $field_type,)*
            // An event is for its observer, then and there.
            _here: NotThreadSafe,
        }

        impl private::Sealed for $event {}

        impl Tracepoint for $event {
            const NAME: &'static CStr = $name;

            fn probe<O: Observer<Self>>() -> private::Probe {
                // The kernel's own prototype: does not compile if that differs.
                const _: unsafe extern "C" fn(*mut c_void, $($type),*) -> c_int =
                    bindings::$prototype;

                /// # Safety
                ///
                /// `observer` must be valid.
                unsafe extern "C" fn probe<O: Observer<$event>>(
                    observer: *mut c_void,
                    $($argument: $type),*
                ) {
                    // SAFETY: By this function's contract.
                    let observer = unsafe { &*observer.cast_const().cast::<O>() };
                    let decode = || Some($event {
                        $($field: $value,)*
                        _here: NotThreadSafe,
                    });
                    if let Some(event) = decode() {
                        // SAFETY: Whatever it is, it is taken not to sleep.
                        observer.observe(&event, unsafe { Unsleeping::assume() });
                    }
                }

                let probe: unsafe extern "C" fn(*mut c_void, $($type),*) = probe::<O>;
                private::Probe(probe as *mut c_void)
            }
        }
    )*};
}

tracepoints! {
    /// A soft IRQ becomes pending on this CPU. Interrupts are off.
    c"softirq_raise", __traceiter_softirq_raise(number: c_uint) => SoftirqRaise {
        /// Which one.
        vector: softirq::Vector = softirq::Vector::from_raw(number)?,
    }

    /// A soft IRQ's action begins.
    c"softirq_entry", __traceiter_softirq_entry(number: c_uint) => SoftirqEntry {
        /// Which one.
        vector: softirq::Vector = softirq::Vector::from_raw(number)?,
    }

    /// A soft IRQ's action has ended.
    c"softirq_exit", __traceiter_softirq_exit(number: c_uint) => SoftirqExit {
        /// Which one.
        vector: softirq::Vector = softirq::Vector::from_raw(number)?,
    }

    /// A tasklet begins to run.
    c"tasklet_entry",
    __traceiter_tasklet_entry(tasklet: *mut bindings::tasklet_struct, function: *mut c_void) =>
    TaskletEntry {
        /// Which one it is: see [`Tasklet::id`](crate::tasklet::Tasklet::id).
        tasklet: usize = tasklet.addr(),
        /// The address of what it calls, which all tasklets of one type of handler share.
        function: usize = function.addr(),
    }

    /// A tasklet has run.
    c"tasklet_exit",
    __traceiter_tasklet_exit(tasklet: *mut bindings::tasklet_struct, function: *mut c_void) =>
    TaskletExit {
        /// Which one it is: see [`Tasklet::id`](crate::tasklet::Tasklet::id).
        tasklet: usize = tasklet.addr(),
        /// The address of what it calls, which all tasklets of one type of handler share.
        function: usize = function.addr(),
    }

    /// A piece of work is put on the list that its queue has it wait in; delayed work only when
    /// its delay is over.
    c"workqueue_queue_work", __traceiter_workqueue_queue_work(
        _cpu: c_int, link: *mut bindings::pool_workqueue, work: *mut bindings::work_struct
    ) => WorkqueueQueueWork {
        /// Which work it is: see [`Work::id`](crate::workqueue::Work::id).
        work: usize = work.addr(),
        /// The address of what it calls, which all work of one type of handler shares.
        function: usize = {
            // SAFETY: The tracepoint's work is valid, and set up.
            unsafe { function_of(work) }
        },
        /// On which queue it is: see [`Queue::id`](crate::workqueue::Queue::id).
        queue: usize = {
            // SAFETY: The tracepoint's link is valid, and begins with what `Link` has.
            unsafe { (*link.cast::<Link>()).queue.addr() }
        },
        /// Which pool of threads is to do it, by the pool's address.
        pool: usize = {
            // SAFETY: As for the queue, the link is valid and begins with what `Link` has.
            unsafe { (*link.cast::<Link>()).pool.addr() }
        },
    }

    /// A thread, or the soft IRQ, begins a piece of work.
    c"workqueue_execute_start", __traceiter_workqueue_execute_start(
        work: *mut bindings::work_struct
    ) => WorkqueueExecuteStart {
        /// Which work it is: see [`Work::id`](crate::workqueue::Work::id).
        work: usize = work.addr(),
        /// The address of what it calls, which all work of one type of handler shares.
        function: usize = {
            // SAFETY: The tracepoint's work is valid, and set up.
            unsafe { function_of(work) }
        },
    }

    /// A piece of work is done. It may be gone already.
    c"workqueue_execute_end", __traceiter_workqueue_execute_end(
        work: *mut bindings::work_struct, function: bindings::work_func_t
    ) => WorkqueueExecuteEnd {
        /// Which work it was: see [`Work::id`](crate::workqueue::Work::id).
        work: usize = work.addr(),
        /// The address of what it called, which all work of one type of handler shares.
        function: usize = function.map_or(0, |function| function as usize),
    }

    /// A timer begins to run.
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

    /// A handler of an interrupt line is called.
    c"irq_handler_entry",
    __traceiter_irq_handler_entry(irq: c_int, _action: *mut bindings::irqaction) =>
    IrqHandlerEntry {
        /// Linux's number of the line, as in `/proc/interrupts`.
        irq: u32 = irq.unsigned_abs(),
    }

    /// A handler of an interrupt line has returned.
    c"irq_handler_exit",
    __traceiter_irq_handler_exit(
        irq: c_int, _action: *mut bindings::irqaction, answer: c_int
    ) => IrqHandlerExit {
        /// Linux's number of the line, as in `/proc/interrupts`.
        irq: u32 = irq.unsigned_abs(),
        /// Whether the handler says that the interrupt was for it.
        is_handled: bool = answer != 0,
    }

    /// The local APIC's timer interrupts.
    c"local_timer_entry", __traceiter_local_timer_entry(vector: c_int) => LocalTimerEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// Another CPU interrupts to have this one schedule.
    c"reschedule_entry", __traceiter_reschedule_entry(vector: c_int) => RescheduleEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// The interrupt of another CPU that had this one schedule is over: what is to be
    /// scheduled will be, later.
    c"reschedule_exit", __traceiter_reschedule_exit(vector: c_int) => RescheduleExit {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// Another CPU interrupts to have functions called, here and elsewhere.
    c"call_function_entry", __traceiter_call_function_entry(vector: c_int) => CallFunctionEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// Another CPU interrupts to have functions called, here only.
    c"call_function_single_entry", __traceiter_call_function_single_entry(vector: c_int) =>
    CallFunctionSingleEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// The CPU interrupts itself to do IRQ work.
    c"irq_work_entry", __traceiter_irq_work_entry(vector: c_int) => IrqWorkEntry {
        /// The vector in the IDT.
        vector: u8 = vector as u8,
    }

    /// This CPU sends another one an interrupt, or IRQ work itself.
    c"ipi_send_cpu", __traceiter_ipi_send_cpu(
        cpu: c_uint, _caller: c_ulong, _callback: *mut c_void
    ) => IpiSendCpu {
        /// Which one gets it.
        cpu: CpuId = CpuId::from_u32(cpu)?,
    }

    /// This CPU is about to put a call into the queue of another one.
    c"csd_queue_cpu", __traceiter_csd_queue_cpu(
        cpu: c_uint,
        _caller: c_ulong,
        function: bindings::smp_call_func_t,
        csd: *mut bindings::call_single_data_t
    ) => CsdQueueCpu {
        /// Which one is to make it.
        cpu: CpuId = CpuId::from_u32(cpu)?,
        /// The address of what is to be called.
        function: usize = function.map_or(0, |function| function as usize),
        /// Which call it is: see [`Csd::id`](crate::smp::Csd::id).
        csd: usize = csd.addr(),
    }

    /// A function that another CPU, or this one, has had called begins.
    c"csd_function_entry", __traceiter_csd_function_entry(
        function: bindings::smp_call_func_t, csd: *mut bindings::call_single_data_t
    ) => CsdFunctionEntry {
        /// Its address.
        function: usize = function.map_or(0, |function| function as usize),
        /// Which call it is: see [`Csd::id`](crate::smp::Csd::id). 0 for one of this CPU to
        /// itself, which is in no queue.
        csd: usize = csd.addr(),
    }

    /// This CPU has found another one idle and polling: it will look into its queue, and needs
    /// no interrupt.
    c"sched_wake_idle_without_ipi", __traceiter_sched_wake_idle_without_ipi(cpu: c_int) =>
    WakeIdleWithoutIpi {
        /// Which one.
        cpu: CpuId = CpuId::from_i32(cpu)?,
    }

    /// This CPU goes from one task to another. Interrupts are off.
    c"sched_switch", __traceiter_sched_switch(
        _is_preempted: bool,
        previous: *mut bindings::task_struct,
        _next: *mut bindings::task_struct,
        state: c_uint
    ) => SchedSwitch {
        /// The number of the task that it leaves.
        pid: i32 = {
            // SAFETY: The tracepoint's task is valid; its number stays.
            unsafe { (*previous).pid }
        },
        /// What that task waits for: 0 for nothing but the CPU, 1 if it sleeps and a signal wakes it.
        state: u32 = state,
        /// How the scheduler treats it.
        policy: Policy = {
            // SAFETY: The tracepoint's task is valid.
            unsafe { task::policy_of(previous) }
        },
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

    /// The network takes a packet that a device has received.
    c"netif_receive_skb", __traceiter_netif_receive_skb(packet: *mut bindings::sk_buff) =>
    NetifReceiveSkb {
        /// Its bytes, without the device's own header.
        length: u32 = {
            // SAFETY: The tracepoint's packet is valid, and this CPU's alone.
            unsafe { (*packet).len }
        },
    }

    /// The kernel has accessed a page that is not there, or not for it to access so.
    c"page_fault_kernel", __traceiter_page_fault_kernel(
        faulted: c_ulong, regs: *mut bindings::pt_regs, error: c_ulong
    ) => PageFaultKernel {
        /// What was accessed.
        address: usize = faulted,
        /// The CPU's error code: bit 0, the page is there; 1, it was a write.
        error_code: u64 = error as u64,
        /// What was interrupted.
        registers: Registers = {
            // SAFETY: They are on the stack of the exception that this runs in.
            unsafe { Registers::of(regs) }
        },
    }

    /// A process has accessed a page that is not there, or not for it to access so.
    c"page_fault_user", __traceiter_page_fault_user(
        faulted: c_ulong, regs: *mut bindings::pt_regs, error: c_ulong
    ) => PageFaultUser {
        /// What was accessed.
        address: usize = faulted,
        /// The CPU's error code: bit 0, the page is there; 1, it was a write.
        error_code: u64 = error as u64,
        /// What was interrupted.
        registers: Registers = {
            // SAFETY: They are on the stack of the exception that this runs in.
            unsafe { Registers::of(regs) }
        },
        /// The last exception that the process has noted, and its error code: not yet this one.
        noted: (Vector, u64) = {
            let current = kernel::task::Task::current_raw();
            // SAFETY: It is the current task, which alone writes this, in its exceptions.
            let thread = unsafe { &(*current).thread };
            (Vector(thread.trap_nr as u8), thread.error_code as u64)
        },
    }

    /// A signal is sent. Interrupts are off.
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

/// How the kernel's `struct pool_workqueue`, which no header has, begins: what links a queue to a
/// pool of threads. See `kernel/workqueue.c`.
#[repr(C)]
struct Link {
    pool: *const c_void,
    queue: *const bindings::workqueue_struct,
}

/// What a piece of work calls.
///
/// # Safety
///
/// `work` is valid, and set up.
unsafe fn function_of(work: *const bindings::work_struct) -> usize {
    // SAFETY: By this function's contract. What it calls is set before it can be queued.
    unsafe { (*work).func }.map_or(0, |function| function as usize)
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

impl SoftirqEntry {
    /// Who serves it. Costs a step of the stack unwinder.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, softirq::Executor, tracepoint::{Observer, SoftirqEntry}};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// struct Overload(Atomic<u64>);
    ///
    /// impl Observer<SoftirqEntry> for Overload {
    ///     fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
    ///         if event.executor() == Executor::Ksoftirqd {
    ///             self.0.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    /// ```
    pub fn executor(&self) -> Executor {
        // The event exists nowhere but in its probe.
        Executor::current()
    }
}

/// An observer that is attached to tracepoints. Dropping it detaches it from all
/// of them, and waits until nothing calls it any more, which takes some grace
/// periods.
///
/// ```
/// # use irqlab::{context::Unsleeping, tracepoint::{Attached, Observer, SoftirqRaise}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Raised(Atomic<u64>);
///
/// impl Observer<SoftirqRaise> for Raised {
///     fn observe(&self, _event: &SoftirqRaise, _context: &Unsleeping) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// fn count() -> Result<Attached<Raised>> {
///     let mut attached = Attached::new(Arc::new(Raised(Atomic::new(0)), GFP_KERNEL)?);
///     attached.to::<SoftirqRaise>()?;
///     Ok(attached)
/// }
/// ```
///
/// # Invariants
///
/// Each of `points` calls its probe with a pointer to `observer`, whose type the
/// probe expects.
pub struct Attached<O> {
    points: KVec<(NonNull<bindings::tracepoint>, private::Probe)>,
    observer: Arc<O>,
}

// SAFETY: Tracepoints may be attached to and detached from on any thread; the
// observer is shared with all CPUs anyway.
unsafe impl<O: Send + Sync> Send for Attached<O> {}
// SAFETY: Through a shared reference there is only the observer, which is `Sync`.
unsafe impl<O: Send + Sync> Sync for Attached<O> {}

impl<O> Attached<O> {
    /// An observer that is attached to nothing yet.
    pub fn new(observer: Arc<O>) -> Self {
        // INVARIANT: There are no points.
        Self {
            points: KVec::new(),
            observer,
        }
    }

    /// Attaches the observer to a tracepoint. Sleeps.
    ///
    /// Errors: `ENOENT` if this kernel has no such tracepoint, `EEXIST` if the
    /// observer is attached to it already, `ENOMEM`.
    pub fn to<T: Tracepoint>(&mut self) -> Result
    where
        O: Observer<T>,
    {
        let point = find(T::NAME).ok_or(ENOENT)?;
        if self.points.iter().any(|(other, _)| *other == point) {
            return Err(EEXIST);
        }
        self.points.reserve(1, GFP_KERNEL)?;
        let probe = T::probe::<O>();
        // SAFETY: The tracepoint is the kernel's own, which stays. The probe has
        // the signature that it calls, and the observer is valid until `drop`
        // has waited for the last call.
        to_result(unsafe {
            bindings::tracepoint_probe_register(
                point.as_ptr(),
                probe.0,
                Arc::as_ptr(&self.observer).cast_mut().cast(),
            )
        })?;
        // INVARIANT: Just registered, with a probe for an `O`.
        Ok(self.points.push((point, probe), GFP_KERNEL)?)
    }

    /// The observer.
    pub fn observer(&self) -> &Arc<O> {
        &self.observer
    }
}

impl<O> Drop for Attached<O> {
    fn drop(&mut self) {
        if self.points.is_empty() {
            return;
        }
        for (point, probe) in &self.points {
            // Does not fail: without memory it leaves a stub in the probe's place.
            //
            // SAFETY: Registered with these, by the type invariant.
            unsafe {
                bindings::tracepoint_probe_unregister(
                    point.as_ptr(),
                    probe.0,
                    Arc::as_ptr(&self.observer).cast_mut().cast(),
                )
            };
        }
        // SAFETY: Dropping an attached observer is only correct where one may
        // sleep; the C side warns otherwise.
        unsafe { bindings::tracepoint_synchronize_unregister() };
    }
}

/// The kernel's tracepoint called `name`. Those of modules are not among them.
fn find(name: &'static CStr) -> Option<NonNull<bindings::tracepoint>> {
    struct Search {
        name: &'static CStr,
        found: Option<NonNull<bindings::tracepoint>>,
    }

    /// # Safety
    ///
    /// `point` must be a tracepoint and `search` a `Search` that nobody else uses.
    unsafe extern "C" fn compare(point: *mut bindings::tracepoint, search: *mut c_void) {
        // SAFETY: By this function's contract.
        let search = unsafe { &mut *search.cast::<Search>() };
        // SAFETY: A tracepoint has a name.
        let name = unsafe { CStr::from_char_ptr((*point).name) };
        if name == search.name {
            search.found = NonNull::new(point);
        }
    }

    let mut search = Search { name, found: None };
    // SAFETY: Calls the function for each tracepoint, with the search.
    unsafe { bindings::for_each_kernel_tracepoint(Some(compare), (&raw mut search).cast()) };
    search.found
}
