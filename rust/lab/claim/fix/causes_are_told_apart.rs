// SPDX-License-Identifier: GPL-2.0

//! The causes of a page fault in the kernel are told apart.
//!
//! A page that is only absent is served; a wrong access and a bad pointer are fixed up. vmalloc() memory
//! was a cause where each task's page table got it on demand: here memory that a kernel thread has just
//! got is touched for the first time by a task with another page table. What has no fixup is a bug:
//! EXC-13.

use crate::{
    claim::prelude::*,
    fixup::{
        Case,
        Seen,
        Setting, //
    },
};
use irqlab::{
    context::Kind,
    cpu::CpuId,
    exception::Watch,
    fixup::{
        self,
        End,
        Island,
        Paging, //
    },
    smp,
};
use kernel::sync::Arc;

claim! {
    quote: "if it passes then the address can be still not be valid for that process, therefor a Page \
            Fault can be raised when: 1. the kernel attempts to address a page belonging to the process \
            address space but the frame does not exist or it is read-only; 2. the kernel addresses a page \
            belonging to its address space but the corresponding entry in the Page Table has not been yet \
            initialized; 3. there is bug in the kernel or an hardware error; 4. a system call service \
            routine attempts to read or write into a memory area whose address has been passed as a system \
            call parameter by it does not belong to the process address space",
    section: "The page fault",
    today: "the same, but for the second cause: since Linux 5.8 nothing is left to do in a fault on \
            vmalloc() memory; since 5.9 all page tables of x86-64 have the entries for it from the \
            beginning",
    functions: "exc_page_fault(), do_user_addr_fault(), handle_mm_fault(), preallocate_vmalloc_pages()",
    control: "the absent page has been touched before",
    next: "echo all > fixup/access; cat fixup/access",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.own_user_memory()?;
    // Case, error code of its page fault, how it ends.
    let efault = End::Error(EFAULT.to_errno());
    let cases = [
        (trial.pick("user_absent", "user_valid"), 0, End::Done),
        ("user_readonly_write", 3, efault),
        ("user_unmapped", 0, efault),
    ];
    let mut setting = Setting::new(trial.task)?;
    for (name, error_code, end) in cases {
        let attempt = setting.attempt(Case::find(name)?, Kind::Task, 0, None, trial.task)?;
        let Some(seen) = attempt.exception else {
            evidence.check(false, fmt!("{name}: no page fault"))?;
            continue;
        };
        evidence.check(
            seen.error_code == error_code && attempt.end() == Some(end),
            fmt!(
                "{name}: error code {}, {}",
                seen.error_code,
                match attempt.end() {
                    Some(End::Done) => "served",
                    Some(End::Error(_)) => "EFAULT",
                    _ => "something else",
                }
            ),
        )?;
    }
    let fresh = smp::call_in_task(CpuId::current(), trial.task, |_task| Island::new())??;
    let watch = Watch::new(Arc::new(Seen::new(), GFP_KERNEL)?)?;
    let read = fixup::read(&fresh.inside(0), Paging::Refused);
    let nr_faults = watch.observer().count();
    evidence.check(
        read == Ok(0),
        fmt!("fresh vmalloc() memory of another task: {nr_faults} page faults, then it is there"),
    )?;
    match nr_faults {
        0 => evidence.outdated(),
        _ => evidence.holds(),
    }
}
