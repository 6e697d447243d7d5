// SPDX-License-Identifier: GPL-2.0

//! An exception can begin on one CPU and end on another.
//!
//! The task touches a page of the lab's own, whose provider moves it in the page fault's handler.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    context::{
        Task,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId, //
    },
    demand::{
        Page,
        Provider, //
    },
    fixup::{
        self,
        Address,
        Paging, //
    },
    task::OnCpu,
    tracepoint::{
        Attached,
        Observer,
        PageFaultKernel, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "In multiprocessor systems there are several parallel kernel control paths, so an exception may \
            start on a CPU and end on another due to the process switch.",
    section: "nested execution of Ex./Int. Handlers",
    today: "the same, for exceptions of tasks whose handlers may sleep",
    functions: "exc_page_fault(), handle_mm_fault(), schedule()",
    control: "the task stays where it is",
    next: "echo user_absent task > fixup/access; cat fixup/steps",
}

/// Has the task go on on another CPU.
struct Mover {
    moves: bool,
    was_moved: Atomic<bool>,
}

impl Provider for Mover {
    fn provide(&self, task: &Task) {
        let here = CpuId::current();
        let other = cpu::next_online(here).filter(|_| self.moves);
        if let Some(other) = other {
            // Once it is there, it may stay.
            let there = OnCpu::new(other, task);
            let was_moved = there.is_ok() && CpuId::current() != here;
            self.was_moved.store(was_moved, Relaxed);
        }
    }
}

/// On which CPU the page fault of an address began, plus 1.
struct Began {
    at: Atomic<usize>,
    /// Whose page fault that is.
    pid: i32,
    cpu: Atomic<u32>,
}

impl Observer<PageFaultKernel> for Began {
    fn observe(&self, fault: &PageFaultKernel, _context: &Unsleeping) {
        if fault.address == self.at.load(Relaxed) && current!().pid() == self.pid {
            self.cpu.store(CpuId::current().as_u32() + 1, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// The scheduler may take a task back at once.
    const TRIES: usize = 10;

    trial.own_user_memory()?;
    let [_, _] = trial.cpus()?;
    if task_is_bound() {
        skip!("this task may run on one CPU only");
    }
    let began = Began {
        at: Atomic::new(0),
        pid: current!().pid(),
        cpu: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(began, GFP_KERNEL)?);
    attached.to::<PageFaultKernel>()?;
    let began = attached.observer();
    let (mut start, mut end, mut was_moved) = (0, 0, false);
    for _ in 0..TRIES {
        let mover = Mover {
            moves: trial.pick(true, false),
            was_moved: Atomic::new(false),
        };
        let mover = Arc::new(mover, GFP_KERNEL)?;
        let page = Page::new::<crate::LocalModule>(mover.clone(), trial.task)?;
        began.at.store(page.address(), Relaxed);
        let address = Address::user(page.address(), trial.task)?;
        fixup::read(&address, Paging::Served(trial.task))?;
        end = CpuId::current().as_u32() + 1;
        start = began.cpu.load(Relaxed);
        was_moved = mover.was_moved.load(Relaxed);
        if was_moved && start != end {
            break;
        }
    }
    if start == 0 {
        skip!("the page fault was not seen");
    }
    evidence.note(fmt!("a page fault began on CPU {}", start - 1))?;
    evidence.check(
        was_moved,
        fmt!(
            "in its handler the task {}",
            match was_moved {
                true => "slept, and woke up on another CPU",
                false => "stayed where it was",
            }
        ),
    )?;
    evidence.check(
        start != end,
        fmt!(
            "the load that had faulted went on on CPU {}",
            end.wrapping_sub(1)
        ),
    )?;
    evidence.holds()
}

fn task_is_bound() -> bool {
    irqlab::task::nr_cpus_allowed() == 1
}
