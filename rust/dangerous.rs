// SPDX-License-Identifier: GPL-2.0

//! Forbidden operations, for experiments that show how the kernel reports them.
//!
//! Everything here makes the kernel report a bug on the console, with a stack
//! trace, and taints it. After [`schedule`] the kernel works on as before, unless it was
//! told to panic on warnings; [`load`] and [`push`] end the task or the machine. Use them
//! in a guest that does nothing else.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use crate::{
    bindings,
    context::HardIrq,
    fixup::{
        access,
        address::PAGE_SIZE,
        Address,
        Island,
        Outcome, //
    },
    interrupt::local_interrupt_disable,
    task::{
        self,
        Policy, //
    },
};
use core::arch::asm;
use kernel::prelude::*;

/// What the scheduler left of the context that it was called in.
#[derive(Clone, Copy, Debug)]
pub struct Aftermath {
    /// How many hard IRQ handlers the kernel counted afterwards.
    pub hardirq_depth: u32,
    /// Whether interrupts were off afterwards.
    pub irqs_disabled: bool,
}

/// Calls the scheduler from a hard IRQ handler, as everything does that blocks.
///
/// The kernel says "scheduling while atomic", and takes its count of contexts
/// for broken: it resets it. Count and interrupts are as before when this
/// returns.
///
/// Another task on this CPU could use the IRQ stack that this runs on. So the interrupted one has to be one
/// that the scheduler has no reason to leave: it runs, and has a real-time priority. Only a thread that the
/// kernel itself puts above those could take the CPU, such as the one that stops CPUs.
///
/// Errors: `EPERM` if the interrupted task is none of that kind; nothing was done then.
///
/// ```no_run
/// # use irqlab::{context::HardIrq, dangerous};
/// # use kernel::prelude::*;
/// fn misbehave(irq: &HardIrq) -> Result {
///     let aftermath = dangerous::schedule(irq)?;
///     pr_info!("counted {} hard IRQs\n", aftermath.hardirq_depth);
///     Ok(())
/// }
/// ```
pub fn schedule(_irq: &HardIrq) -> Result<Aftermath> {
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while this interrupts it, and changes its state itself.
    let (policy, state) = unsafe {
        (
            task::policy_of(current),
            (&raw const (*current).__state).read_volatile(),
        )
    };
    let stays = matches!(policy, Policy::Fifo(_) | Policy::RoundRobin(_));
    if !stays || state != bindings::TASK_RUNNING {
        return Err(EPERM);
    }
    let mut count = 0;
    let mut irqs_disabled = false;
    // SAFETY: Both point to variables of the right type. That the scheduler may
    // not be called here is what the kernel checks, reports, and survives, as it finds that the task that
    // runs is the one to run, as was just checked; the
    // helper puts back what the kernel resets, so that the context of the token
    // is there again.
    unsafe { bindings::schedule_in_hardirq(&mut count, &mut irqs_disabled) };
    Ok(Aftermath {
        hardirq_depth: ((count as u64 & bindings::HARDIRQ_MASK) >> bindings::HARDIRQ_SHIFT) as u32,
        irqs_disabled,
    })
}

/// Whether the kernel has warned since it was booted, by its taint.
///
/// ```
/// # use irqlab::dangerous;
/// # use kernel::prelude::*;
/// if dangerous::has_warned() {
///     pr_info!("what comes now is not the first report\n");
/// }
/// ```
pub fn has_warned() -> bool {
    // SAFETY: May be called in any context.
    unsafe { bindings::test_taint(bindings::TAINT_WARN) != 0 }
}

/// Reads a word without an entry in the exception table: if nothing is there, the
/// kernel oopses.
///
/// ```no_run
/// # use irqlab::{dangerous, fixup::Island};
/// # use kernel::prelude::*;
/// fn fall_off_the_end() -> Result {
///     let island = Island::new()?;
///     let _ = dangerous::load(&island.guard(0));
///     Ok(())
/// }
/// ```
pub fn load(address: &Address<'_>) -> Outcome {
    // SAFETY: A load has no effect on memory. That it may fault, with no entry in the
    // table, is what the kernel checks, reports, and ends this task for.
    unsafe { access::irqlab_load_unguarded(address.as_raw()) }
}

/// Where [`push`] has its stack.
#[derive(Clone, Copy)]
pub enum Stack<'a> {
    /// In the page of an island.
    There(&'a Island),
    /// In its guard page: there is none.
    Missing(&'a Island),
}

impl Stack<'_> {
    /// The address above it, in the middle of a page.
    ///
    /// ```
    /// # use irqlab::{dangerous::Stack, fixup::Island};
    /// fn is_above(island: &Island, address: usize) -> bool {
    ///     address < Stack::There(island).top()
    /// }
    ///
    /// # use kernel::prelude::*;
    /// let island = Island::new()?;
    /// assert!(is_above(&island, island.inside(0).as_raw()));
    /// assert!(!is_above(&island, island.guard(0).as_raw()));
    /// ```
    pub fn top(&self) -> usize {
        match self {
            Stack::There(island) => island.inside(PAGE_SIZE / 2).as_raw(),
            Stack::Missing(island) => island.guard(PAGE_SIZE / 2).as_raw(),
        }
    }
}

/// Pushes a word on a stack of its own, with interrupts off: with nothing there, a page
/// fault that cannot be delivered, as it would have to push more. That is a double
/// fault, which ends the machine.
///
/// ```no_run
/// # use irqlab::{dangerous::{self, Stack}, fixup::Island};
/// # use kernel::prelude::*;
/// fn halt() -> Result {
///     let island = Island::new()?;
///     dangerous::push(Stack::Missing(&island));
///     Ok(())
/// }
/// ```
pub fn push(stack: Stack<'_>) {
    let _guard = local_interrupt_disable();
    // SAFETY: The word below the top is in a page of the island, which is borrowed, and to which there is no
    // reference; or in its guard page, where nothing is, which the machine ends for. The stack pointer is as
    // it was behind the assembly, in which only what has a stack of its own can interrupt: interrupts
    // are off, and NMIs and machine checks have one.
    unsafe {
        asm!(
            "xchgq %rsp, {top}",
            "pushq %rax",
            "popq %rax",
            "xchgq %rsp, {top}",
            top = inout(reg) stack.top() => _,
            options(att_syntax),
        );
    }
}
