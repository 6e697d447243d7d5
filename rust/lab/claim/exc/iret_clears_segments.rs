// SPDX-License-Identifier: GPL-2.0

//! IRET clears data segment registers that hold a more privileged segment (of a lower DPL).
//!
//! It takes a program: it touches a page, and the page fault's handler, which the claim watches, loads
//! the kernel's data segment into ES. Back in user mode the program reads ES, and tells it by a second
//! page fault.

use crate::claim::{
    prelude::*,
    skip,
    user_part, //
};
use irqlab::{
    context::{
        Snapshot,
        Unsleeping, //
    },
    idt,
    segment::{
        self,
        Data, //
    },
    tracepoint::{
        Attached,
        Observer,
        PageFaultUser, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "Examines the content of DS, ES, FS and GS registers. If any of these registers contains a DPL \
            lower than the CPL then the register is cleared, this is done for security reasons.",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same, by the CPU; a CPU with FRED returns by ERETU instead",
    functions: "swapgs_restore_regs_and_return_to_usermode",
    control: "loads the segment of user mode",
    next: "cat idt",
}

/// What the program has in CX when the handler is to load ES, and when it tells what it found.
const LOAD: u64 = 0x6972_716c_6162_0001;
const TELL: u64 = 0x6972_716c_6162_0002;

struct Segments {
    loads: Data,
    /// What was in ES after it was loaded last.
    left: Atomic<u32>,
    /// The process that has ES loaded, 0 for none.
    loaded_in: Atomic<i32>,
    nr_told: Atomic<u64>,
    nr_cleared: Atomic<u64>,
    last: Atomic<u64>,
}

impl Observer<PageFaultUser> for Segments {
    fn observe(&self, fault: &PageFaultUser, _context: &Unsleeping) {
        let pid = Snapshot::take().pid;
        match fault.registers.cx {
            LOAD => {
                segment::load_es(self.loads);
                self.left.store(segment::es().into(), Relaxed);
                self.loaded_in.store(pid, Relaxed);
            }
            TELL if self.loaded_in.cmpxchg(pid, 0, Full).is_ok() => {
                let found = fault.registers.ax;
                self.nr_cleared.add(u64::from(found == 0), Relaxed);
                self.last.store(found, Relaxed);
                self.nr_told.add(1, Relaxed);
            }
            _ => (),
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 500;

    if idt::is_fred() {
        skip!("CR4.FRED = 1: the way back to user mode is not IRET");
    }
    let segments = Segments {
        loads: trial.pick(Data::Kernel, Data::User),
        left: Atomic::new(0),
        loaded_in: Atomic::new(0),
        nr_told: Atomic::new(0),
        nr_cleared: Atomic::new(0),
        last: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(segments, GFP_KERNEL)?);
    attached.to::<PageFaultUser>()?;
    let seen = attached.observer();
    if !trial.eventually(PATIENCE_MS, || seen.nr_told.load(Relaxed) > 0) {
        return Err(user_part::missing(
            "EXC-22",
            fmt!("no program told what it found in ES in {PATIENCE_MS} ms"),
        ));
    }
    let (nr_told, nr_cleared) = (seen.nr_told.load(Relaxed), seen.nr_cleared.load(Relaxed));
    let left = seen.left.load(Relaxed);
    evidence.check(
        left == seen.loads as u32,
        fmt!(
            "{nr_told} times a page fault's handler loaded ES with a segment of DPL {}, and left {left:#x} in it",
            trial.pick(0, 3)
        ),
    )?;
    evidence.check(
        nr_cleared == nr_told,
        fmt!(
            "back in user mode ES was 0 {nr_cleared} times, the last time {:#x}",
            seen.last.load(Relaxed)
        ),
    )?;
    evidence.holds()
}
