// SPDX-License-Identifier: GPL-2.0

//! Whether an interrupt has come is checked after every instruction.
//!
//! An interrupt that waits in the local APIC finds a window of interrupts that are on: nothing but `sti`
//! and `cli`, or an instruction in between.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    runs::Runs,
    waiting, //
};
use irqlab::{
    interrupt_window::{
        self,
        Window, //
    },
    irq_work::IrqWork,
    lapic, //
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "The check if an interrupt arrived is done after the execution of every asm instruction.",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "every x86 has had one exception: STI that turns interrupts on holds them back for one more \
            instruction, which is why the idle loop's `sti; hlt` misses none",
    functions: "native_safe_halt()",
    control: "an instruction is between STI and CLI both times",
    next: "echo EXC-05 > claims; grep ^EXC-05 claims",
}

const COUNT: u64 = 20;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 2000;

    let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?;
    let nr_waiting = Atomic::new(0u64);
    let nr_taken_in = |window| {
        let mut nr_taken = 0;
        for _ in 0..COUNT {
            let before = work.count();
            let raise = || {
                work.queue();
                let waits = waiting::arrives(lapic::IRQ_WORK_VECTOR);
                nr_waiting.add(u64::from(waits), Relaxed);
            };
            let look = || work.count() - before;
            nr_taken += interrupt_window::open(window, trial.task, raise, look)?;
            if !trial.eventually(PATIENCE_MS, || work.count() > before) {
                skip!("this machine loses the interrupt that a CPU sends itself");
            }
        }
        Ok::<_, crate::refusal::Refusal>(nr_taken)
    };
    let empty = nr_taken_in(trial.pick(Window::Empty, Window::Nop))?;
    let nop = nr_taken_in(Window::Nop)?;
    let nr_waiting = nr_waiting.load(Relaxed);
    if nr_waiting == 0 {
        skip!("no interrupt waited in the local APIC: a CPU cannot send itself one here");
    }
    evidence.check(
        nr_waiting == 2 * COUNT,
        fmt!(
            "{nr_waiting} of {} times an interrupt waited in the local APIC",
            2 * COUNT
        ),
    )?;
    evidence.check(
        nop == COUNT,
        fmt!("sti; nop; cli: taken before cli {nop} of {COUNT} times"),
    )?;
    if empty == COUNT && !trial.is_control() {
        evidence.note(fmt!("sti; cli: taken {empty} times"))?;
        return evidence.holds();
    }
    evidence.check(
        empty == 0,
        fmt!(
            "{}: taken {empty} of {COUNT} times",
            trial.pick("sti; cli", "sti; nop; cli once more")
        ),
    )?;
    evidence.outdated()
}
