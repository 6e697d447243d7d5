// SPDX-License-Identifier: GPL-2.0

//! All CPUs: which are online, sets of them, a slot for each, and running something on them.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)

mod bound;
mod hotplug;
mod hypervisor;
mod idle;
mod per_cpu;
mod run;
mod set;
mod taken_offline;
mod topology;

pub use bound::{
    run_bound,
    Bound, //
};
pub use hotplug::{
    HotplugCounter,
    HotplugExcluded, //
};
pub use hypervisor::is_virtual;
pub use idle::is_idle_polling;
pub use kernel::cpu::CpuId;
pub use per_cpu::PerCpu;
pub use set::Set;
pub use taken_offline::TakenOffline;
pub use topology::{
    node_of,
    share_core, //
};

pub use run::{
    is_online,
    next_online,
    online,
    run_on,
    Here, //
};
