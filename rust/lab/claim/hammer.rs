// SPDX-License-Identifier: GPL-2.0

//! Requests from several CPUs at the same time, so that what they request has to share them.

use crate::{
    claim::prelude::*,
    overlap::Overlap, //
};
use irqlab::{
    clock,
    context::BottomHalvesDisabled,
    cpu::{
        self,
        CpuId, //
    },
};

/// Calls `request` on each of `cpus` at the same time, with the index of the CPU, over and over:
/// until `is_enough`, or for `max_ms`. What is requested comes inside of `overlap`.
pub(super) fn hammer(
    trial: &Trial<'_>,
    cpus: impl Iterator<Item = CpuId> + Clone + Sync,
    max_ms: u64,
    overlap: &Overlap,
    is_enough: impl Fn() -> bool + Sync,
    request: impl Fn(usize) + Sync,
) -> Result<usize> {
    let start_ns = clock::now_ns();
    cpu::run_on(&trial.lab().workers, cpus.clone(), trial.task, |here| {
        let index = cpus.clone().take_while(|cpu| *cpu != here.cpu).count();
        loop {
            let elapsed_ns = clock::now_ns().saturating_sub(start_ns);
            if elapsed_ns > max_ms * 1_000_000 || is_enough() || here.is_stopped() {
                break;
            }
            overlap.notice(|| {
                // What is requested runs when the guard goes, not some time later in ksoftirqd.
                let _guard = BottomHalvesDisabled::new(here.task);
                request(index);
            });
            here.task.yield_if_needed();
        }
    })
}
