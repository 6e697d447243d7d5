// SPDX-License-Identifier: GPL-2.0

//! Steps of a flow: a controller that records what the kernel has it do, and in which order.

use crate::claim::prelude::*;
use irqlab::{
    emit,
    irq_chip::Chip,
    text::Text, //
};
use kernel::sync::atomic::{
    Atomic,
    Full,
    Relaxed, //
};

/// What is recorded: what the chip does, and what runs on the line.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Step {
    Mask = 1,
    Unmask,
    Ack,
    MaskAck,
    Eoi,
    Handler,
    Thread,
}

impl Step {
    const ALL: [Step; 7] = [
        Step::Mask,
        Step::Unmask,
        Step::Ack,
        Step::MaskAck,
        Step::Eoi,
        Step::Handler,
        Step::Thread,
    ];

    const fn name(self) -> &'static str {
        match self {
            Step::Mask => "mask",
            Step::Unmask => "unmask",
            Step::Ack => "ack",
            Step::MaskAck => "mask_ack",
            Step::Eoi => "eoi",
            Step::Handler => "handler",
            Step::Thread => "thread",
        }
    }
}

/// Steps in their order, four bits each, the last one lowest: up to 16.
pub(super) struct Order(Atomic<u64>);

impl Order {
    const BITS: u32 = 4;

    pub(super) fn new() -> Self {
        Self(Atomic::new(0))
    }

    pub(super) fn note(&self, step: Step) {
        let mut steps = self.0.load(Relaxed);
        while let Err(others) = self
            .0
            .cmpxchg(steps, steps << Self::BITS | step as u64, Full)
        {
            steps = others;
        }
    }

    /// The steps so far, and forgets them.
    pub(super) fn take(&self) -> u64 {
        self.0.xchg(0, Full)
    }

    pub(super) const fn of(steps: &[Step]) -> u64 {
        let mut packed = 0;
        let mut index = 0;
        while index < steps.len() {
            packed = packed << Self::BITS | steps[index] as u64;
            index += 1;
        }
        packed
    }
}

/// The chip does nothing but to record.
impl Chip for Order {
    fn mask(&self, _hwirq: u32) {
        self.note(Step::Mask);
    }

    fn unmask(&self, _hwirq: u32) {
        self.note(Step::Unmask);
    }

    fn ack(&self, _hwirq: u32) {
        self.note(Step::Ack);
    }

    fn mask_ack(&self, _hwirq: u32) {
        self.note(Step::MaskAck);
    }

    fn eoi(&self, _hwirq: u32) {
        self.note(Step::Eoi);
    }
}

/// Appends them, in their order.
pub(super) fn show(text: &mut Text, steps: u64) -> Result {
    let count = (u64::BITS - steps.leading_zeros()).div_ceil(Order::BITS);
    for index in (0..count).rev() {
        let code = steps >> (index * Order::BITS) & 0xf;
        if let Some(step) = Step::ALL.iter().find(|step| **step as u64 == code) {
            emit!(text, " {}", step.name())?;
        }
    }
    Ok(())
}
