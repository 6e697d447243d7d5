// SPDX-License-Identifier: GPL-2.0

use super::{
    by_thread,
    Kind, //
};
use irqlab::{
    clock,
    kthread::Priority, //
};

pub(super) const KIND: Kind = Kind {
    name: "hog",
    about: "an ordinary thread that never sleeps",
    start: |_lab, cpu, _task| {
        by_thread::start(cpu, Priority::Normal, |_task| clock::spin_ns(50_000))
    },
};
