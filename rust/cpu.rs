// SPDX-License-Identifier: GPL-2.0

//! All CPUs: which are online, a slot for each, and running something on them.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)

mod per_cpu;
mod run;

pub use kernel::cpu::CpuId;
pub use per_cpu::PerCpu;

pub use run::{
    is_online,
    online,
    run_on,
    Here, //
};

pub(crate) use run::HotplugExcluded;
