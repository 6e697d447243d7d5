// SPDX-License-Identifier: GPL-2.0

//! How near two CPUs are to each other.
//!
//! C header: [`include/linux/topology.h`](srctree/include/linux/topology.h)

use super::CpuId;
use crate::bindings;

/// Whether both are threads of one core (SMT), or the same. Only of CPUs that were online does the kernel know.
///
/// ```
/// # use irqlab::cpu::{share_core, CpuId};
/// fn how_far(one: CpuId, other: CpuId) -> &'static str {
///     if share_core(one, other) { "on one core" } else { "on two cores" }
/// }
///
/// let here = CpuId::current();
/// assert_eq!(how_far(here, here), "on one core");
/// ```
pub fn share_core(one: CpuId, other: CpuId) -> bool {
    // SAFETY: Both are possible CPUs, each of which has a mask; they are compared without a lock.
    unsafe { bindings::cpus_share_core(one.as_u32(), other.as_u32()) }
}

/// The NUMA node of a CPU, if the machine has told.
///
/// ```
/// # use irqlab::cpu::{node_of, CpuId};
/// fn share_memory(one: CpuId, other: CpuId) -> bool {
///     node_of(one) == node_of(other)
/// }
///
/// let here = CpuId::current();
/// assert!(share_memory(here, here));
/// ```
pub fn node_of(cpu: CpuId) -> Option<u32> {
    // SAFETY: It is a possible CPU, each of which has a number there.
    u32::try_from(unsafe { bindings::node_of_cpu(cpu.as_u32()) }).ok()
}
