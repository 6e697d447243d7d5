// SPDX-License-Identifier: GPL-2.0

//! There are at most 32 soft IRQs, and a module cannot add one.
//!
//! 32 is the width of the mask of those that are pending. That one cannot be
//! added is a matter of what the kernel exports.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    raiser::{
        self,
        Raiser, //
    },
    refusal::Answer,
    watch::Event,
    witness::Witness, //
};
use irqlab::{
    context::BottomHalvesDisabled,
    cpu::{
        self,
        CpuId, //
    },
    softirq::{
        self,
        Function,
        Vector, //
    },
    symbol,
};

claim! {
    quote: "The number of soft irqs is limited to 32, soft irqs are used within the kernel for example to update kernel timers and handle network traffic.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "ten, in a list that is fixed as the kernel is built; x86 keeps the pending ones in 16 bits since 6.2 (2023)",
    functions: "open_softirq(), softirq_vec, local_softirq_pending()",
    control: "looks for __tasklet_schedule(), which modules call, instead of open_softirq()",
    next: "cat /proc/softirqs: a row each",
}

/// The bits of the mask of pending soft IRQs.
const LIMIT: usize = 32;

fn served(cpu: CpuId) -> u64 {
    softirq::count(raiser::VECTOR, cpu)
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let function = if trial.is_control() {
        Function::TaskletSchedule
    } else {
        Function::Open
    };
    let is_there = symbol::exists(function.name(), trial.task);
    let is_exported = function.is_exported();

    // The one that can be raised is one of those that the kernel counts, and the
    // witness, who would be told any number, knows them all.
    let raiser = Raiser::new()?;
    let total = || -> u64 { cpu::online().map(served).sum() };
    let before = total();
    let witness =
        Witness::of(|event| matches!(event, Event::Raised(_) | Event::Entered(raiser::VECTOR, _)))?;
    {
        let _guard = BottomHalvesDisabled::new(trial.task);
        raiser.raise();
    }
    let has_run = trial.eventually(2000, || raiser.runs() == 1);
    let testimony = witness.testimony()?;
    let counted = total().wrapping_sub(before);
    let (mut seen, mut raised) = (0, 0);
    for cpu in cpu::online() {
        for noted in testimony.on(cpu, 0) {
            match noted.event {
                Event::Entered(raiser::VECTOR, _) => seen += 1,
                Event::Raised(_) => raised += 1,
                _ => (),
            }
        }
    }
    judge!(
        is_there && !is_exported && has_run && counted > 0 && seen > 0 && Vector::ALL.len() <= LIMIT,
        "{} of {} bits in use, {} to {}; {}() is {}, and {}exported, raise_softirq() {}exported; a \
         tasklet raised {}: entered {} times, {} counted; {} raised in all meanwhile",
        Vector::ALL.len(),
        LIMIT,
        Vector::ALL[0],
        Vector::ALL[Vector::ALL.len() - 1],
        function.name(),
        if is_there { "there" } else { "not there" },
        if is_exported { "" } else { "not " },
        if Function::Raise.is_exported() {
            ""
        } else {
            "not "
        },
        raiser::VECTOR,
        seen,
        counted,
        raised
    )
}
