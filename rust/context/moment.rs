// SPDX-License-Identifier: GPL-2.0

//! Moments: what a [`Snapshot`] is made of, as it is read, in some twenty instructions.
//!
//! C header: [`arch/x86/include/asm/current.h`](srctree/arch/x86/include/asm/current.h),
//! [`arch/x86/include/asm/preempt.h`](srctree/arch/x86/include/asm/preempt.h)

use super::{
    Snapshot,
    StackRegion, //
};
use crate::{
    bindings,
    clock::{
        Counter,
        Stamp, //
    },
    cpu::CpuId,
};
use core::{
    arch::asm,
    mem::offset_of, //
};

/// The context of one moment, as raw words.
///
/// ```
/// # use irqlab::{clock::Counter, context::{Moment, Snapshot}, cpu::CpuId};
/// fn look_later(later: impl FnOnce()) -> Snapshot {
///     let (cpu, moment) = (CpuId::current(), Moment::take(Counter::current()));
///     later();
///     moment.snapshot(cpu)
/// }
///
/// fn is_in_hard_irq(moment: &Moment, cpu: CpuId) -> bool {
///     moment.snapshot_at(0, cpu).hardirq_depth() > 0
/// }
///
/// fn is_later(moment: &Moment, other: &Moment) -> bool {
///     moment.stamp() > other.stamp()
/// }
///
/// fn keep(moment: &Moment, words: &mut [u64; Moment::WORDS]) -> Moment {
///     *words = moment.into_words();
///     Moment::from_words(*words)
/// }
///
/// # let cpu = CpuId::current();
/// let moment = Moment::take(Counter::current());
/// assert!(!is_in_hard_irq(&moment, cpu));
/// let mut words = [0; Moment::WORDS];
/// let same = keep(&moment, &mut words);
/// assert!(!is_later(&same, &moment) && !is_later(&moment, &same));
/// # assert_eq!(look_later(|| ()).hardirq_depth(), 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    stamp: Stamp,
    /// As the kernel has it; on `PREEMPT_RT` with the task's count of soft IRQs in the upper half.
    preempt_count: u64,
    /// The current task's id, and above it the flags of the CPU.
    pid_flags: u64,
    stack_pointer: u64,
    /// Where the current task's stack begins.
    task_stack: u64,
    comm: [u64; 2],
}

impl Moment {
    /// How many words it takes.
    pub const WORDS: usize = 7;

    /// Takes the moment of here and now. May be called in any context. It makes no call, unless the
    /// counter is the kernel's clock.
    #[inline(always)]
    pub fn take(counter: Counter) -> Self {
        // First, so that what follows is not part of what is measured before it.
        Self::at(Stamp::now(counter))
    }

    pub(crate) fn at(stamp: Stamp) -> Self {
        let mut words = [0; Self::WORDS];
        // SAFETY: There is room for all words.
        unsafe { Self::store(stamp, words.as_mut_ptr()) };
        Self::from_words(words)
    }

    /// Stores the words of a moment that has this stamp, which is to be taken right before. Written by hand: it
    /// takes two registers, so that who calls it has to save none.
    ///
    /// # Safety
    ///
    /// `words` is valid for writes of [`Self::WORDS`] words.
    #[inline(always)]
    pub(crate) unsafe fn store(stamp: Stamp, words: *mut u64) {
        // SAFETY: By the contract there is room for the stamp.
        unsafe { words.write(stamp.into_raw()) };
        // SAFETY: By the contract there is room for all words. The variables are this CPU's own, and there
        // in every context. `current_task` is valid for as long as the task runs this code, and all the fields
        // are within it; the name may change meanwhile, which can tear it but no more. The flags go by way of
        // the stack, which has room for a word in every context.
        unsafe {
            #[cfg(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS)]
            asm!(
                "mov {word}, qword ptr gs:[rip + {preempt_count}]",
                "mov qword ptr [{words} + 8], {word}",
                words = in(reg) words,
                word = out(reg) _,
                preempt_count = sym __preempt_count,
                options(nostack, preserves_flags),
            );
            // It is half a word there.
            #[cfg(not(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS))]
            asm!(
                "mov {word:e}, dword ptr gs:[rip + {preempt_count}]",
                "mov qword ptr [{words} + 8], {word}",
                words = in(reg) words,
                word = out(reg) _,
                preempt_count = sym __preempt_count,
                options(nostack, preserves_flags),
            );
            #[cfg(CONFIG_PREEMPT_RT)]
            asm!(
                "mov {word}, qword ptr gs:[rip + {current_task}]",
                "mov {word:e}, dword ptr [{word} + {count_at}]",
                "mov dword ptr [{words} + 12], {word:e}",
                words = in(reg) words,
                word = out(reg) _,
                current_task = sym current_task,
                count_at = const offset_of!(bindings::task_struct, softirq_disable_cnt),
                options(nostack, preserves_flags),
            );
            asm!(
                "pushfq",
                "pop {word}",
                "mov dword ptr [{words} + 20], {word:e}",
                "mov qword ptr [{words} + 24], rsp",
                "mov {task}, qword ptr gs:[rip + {current_task}]",
                "mov {word:e}, dword ptr [{task} + {pid_at}]",
                "mov dword ptr [{words} + 16], {word:e}",
                "mov {word}, qword ptr [{task} + {stack_at}]",
                "mov qword ptr [{words} + 32], {word}",
                "mov {word}, qword ptr [{task} + {comm_at}]",
                "mov qword ptr [{words} + 40], {word}",
                "mov {word}, qword ptr [{task} + {comm_at} + 8]",
                "mov qword ptr [{words} + 48], {word}",
                words = in(reg) words,
                task = out(reg) _,
                word = out(reg) _,
                current_task = sym current_task,
                pid_at = const offset_of!(bindings::task_struct, pid),
                stack_at = const offset_of!(bindings::task_struct, stack),
                comm_at = const offset_of!(bindings::task_struct, comm),
                options(preserves_flags),
            );
        }
    }

    /// When it was.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The words of it.
    #[inline(always)]
    pub const fn into_words(self) -> [u64; Self::WORDS] {
        let [comm_low, comm_high] = self.comm;
        [
            self.stamp.into_raw(),
            self.preempt_count,
            self.pid_flags,
            self.stack_pointer,
            self.task_stack,
            comm_low,
            comm_high,
        ]
    }

    /// The inverse of [`Self::into_words`].
    pub const fn from_words(words: [u64; Self::WORDS]) -> Self {
        let [stamp, preempt_count, pid_flags, stack_pointer, task_stack, comm_low, comm_high] =
            words;
        Self {
            stamp: Stamp::from_raw(stamp),
            preempt_count,
            pid_flags,
            stack_pointer,
            task_stack,
            comm: [comm_low, comm_high],
        }
    }

    /// What it says, if it is of this CPU.
    pub fn snapshot(&self, cpu: CpuId) -> Snapshot {
        self.snapshot_at(self.stamp.to_ns(), cpu)
    }

    /// The same, for those who know the time or have no use for it: to convert it takes the most of it.
    pub fn snapshot_at(&self, stamp_ns: u64, cpu: CpuId) -> Snapshot {
        let mut comm = [0; 16];
        comm[..8].copy_from_slice(&self.comm[0].to_le_bytes());
        comm[8..].copy_from_slice(&self.comm[1].to_le_bytes());
        Snapshot {
            stamp_ns,
            cpu: cpu.as_u32(),
            preempt_count: self.preempt_count(),
            softirq_count: self.softirq_count(),
            irqs_disabled: self.irqs_disabled(),
            stack: self.stack(cpu),
            pid: self.pid_flags as u32 as i32,
            comm,
        }
    }

    /// Without the bits that ask for a reschedule.
    const fn preempt_count(&self) -> u64 {
        let bits = if cfg!(CONFIG_HAS_SEPARATE_PREEMPT_RESCHED_BITS) {
            u32::MAX
        } else {
            i32::MAX as u32
        };
        self.preempt_count & bits as u64
    }

    const fn softirq_count(&self) -> u64 {
        let count = if cfg!(CONFIG_PREEMPT_RT) {
            self.preempt_count >> 32
        } else {
            self.preempt_count
        };
        count & bindings::SOFTIRQ_MASK
    }

    /// Whether the interrupt flag was 0.
    const fn irqs_disabled(&self) -> bool {
        const INTERRUPT_FLAG: u64 = 1 << 9;

        self.pid_flags >> 32 & INTERRUPT_FLAG == 0
    }

    fn stack(&self, cpu: CpuId) -> StackRegion {
        // SAFETY: Only compares, with addresses that it reads from the CPU's TSS, which every possible
        // CPU has.
        let raw = unsafe {
            bindings::stack_region(
                cpu.as_u32(),
                self.stack_pointer as usize,
                self.task_stack as usize,
            )
        };
        StackRegion::from_raw(raw as u8)
    }
}

// Variables that each CPU has for itself, of which only the address is used.
extern "C" {
    static __preempt_count: u8;
    static current_task: u8;
}
