// SPDX-License-Identifier: GPL-2.0

//! A page fault puts the process to sleep.
//!
//! It does where the page has to be fetched, for which a page of the lab's own stands, whose provider
//! sleeps. Memory that only has to be given to the process is a minor fault.

use crate::claim::prelude::*;
use irqlab::{
    context::Task,
    demand::{
        self,
        Provider, //
    },
    fixup::{
        self,
        Address,
        Paging, //
    },
    task,
    user::{
        self,
        Protection, //
    },
};
use kernel::sync::Arc;

claim! {
    quote: "When there is a Page Fault, the current process must be put in sleep therefore the Page Fault \
            exception never gives rises to further exceptions.",
    section: "nested execution of Ex./Int. Handlers",
    today: "only where the page has to be read from somewhere; a minor fault, such as the first access to \
            new memory, is served at once",
    functions: "handle_mm_fault(), do_anonymous_page(), __do_fault()",
    control: "the provider does not sleep",
    next: "echo user_absent task > fixup/access; cat fixup/steps",
}

/// Provides a page, after a while.
struct Fetched {
    sleep_ms: u32,
}

impl Provider for Fetched {
    fn provide(&self, task: &Task) {
        if self.sleep_ms > 0 {
            task.sleep_ms(self.sleep_ms);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// A task can have to wait for a lock by chance, or be stopped until it need not sleep any more; but
    /// hardly each time.
    const TRIES: usize = 5;

    trial.own_user_memory()?;
    let nr_sleeps_at = |address: usize| -> Result<usize> {
        let address = Address::user(address, trial.task)?;
        let before = task::nr_voluntary_switches(trial.task);
        fixup::read(&address, Paging::Served(trial.task))?;
        Ok(task::nr_voluntary_switches(trial.task).wrapping_sub(before))
    };
    let (mut minor, mut nr_fetched) = (usize::MAX, 0);
    for _ in 0..TRIES {
        let page = user::Page::new(Protection::ReadWrite, trial.task)?;
        minor = minor.min(nr_sleeps_at(page.address())?);
        let provider = Fetched {
            sleep_ms: trial.pick(1, 0),
        };
        let page =
            demand::Page::new::<crate::LocalModule>(Arc::new(provider, GFP_KERNEL)?, trial.task)?;
        nr_fetched += usize::from(nr_sleeps_at(page.address())? > 0);
    }
    evidence.check(
        2 * nr_fetched > TRIES,
        fmt!(
            "a page whose provider {}: the task gave up the CPU in {nr_fetched} of {TRIES} faults",
            trial.pick("sleeps", "does not sleep")
        ),
    )?;
    evidence.note(fmt!(
        "a page of new memory: {minor} times, the least of {TRIES} faults"
    ))?;
    match minor {
        0 => evidence.outdated(),
        _ => evidence.holds(),
    }
}
