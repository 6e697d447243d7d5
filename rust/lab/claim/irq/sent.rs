// SPDX-License-Identifier: GPL-2.0

//! The interrupt command register (ICR) at work.

use crate::claim::prelude::*;
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    interrupt::local_interrupt_disable,
    lapic::{
        self,
        Delivery,
        State, //
    },
    smp::{
        self,
        Counter, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

/// An interrupt that was sent to another CPU, or to the only one.
pub(super) struct Sent {
    pub(super) from: CpuId,
    pub(super) to: CpuId,
    pub(super) is_in_icr: bool,
    /// How many of its kind the other CPU has counted meanwhile.
    pub(super) counted: u32,
}

impl Sent {
    pub(super) fn to_another(trial: &Trial<'_>) -> Answer<Self> {
        let from = CpuId::current();
        let to = cpu::online().find(|cpu| *cpu != from).unwrap_or(from);
        let before = Counter::Reschedule.on(to);
        let is_in_icr = Atomic::new(false);
        let cpus = core::iter::once(from);
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |_here| {
            let off = local_interrupt_disable();
            if smp::reschedule(to).is_ok() {
                let command = State::read(&off).command;
                let is_it = command.vector() == lapic::RESCHEDULE_VECTOR
                    && command.delivery() == Delivery::Fixed;
                is_in_icr.store(is_it, Relaxed);
            }
        })?;
        let counted = || Counter::Reschedule.on(to).wrapping_sub(before);
        trial.come("an interrupt to another CPU", || counted() > 0)?;
        Ok(Self {
            from,
            to,
            is_in_icr: is_in_icr.load(Relaxed),
            counted: counted(),
        })
    }
}
