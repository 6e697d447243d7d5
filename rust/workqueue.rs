// SPDX-License-Identifier: GPL-2.0

//! Work queues of one's own, and work that knows the context it runs in.
//!
//! ```text
//!            queue() = true              a worker takes it
//!     idle ──────────────────▶ pending ──────────────────▶ running
//!      ▲                        │   ▲ queue() = false         │
//!      │ cancel() = true        │   └──── queue() = true ─────┤
//!      └◀───────────────────────┘                             │
//!      └◀─────────────────────────────────────────────────────┘
//! ```
//!
//! A [`Queue<Task>`] runs work in kernel threads, which may sleep; a
//! [`Queue<SoftIrq>`] (a BH work queue) runs it in the soft IRQ. The type of a
//! piece of work says which kind it is for, so that work that sleeps cannot be
//! put on a BH queue. `kernel::workqueue` has one queue type for both, and no
//! way to make, flush or cancel: hence this module.
//!
//! [`Queue<Task>`]: Queue
//! [`Queue<SoftIrq>`]: Queue
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

mod delayed;
mod queue;
mod work;

pub use crate::deferred::Handler;

pub use delayed::{
    Delayed,
    DelayedWork, //
};

pub use queue::{
    system_per_cpu,
    Queue, //
};

pub use work::{
    Disabled,
    Kind,
    Work, //
};
