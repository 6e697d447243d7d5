// SPDX-License-Identifier: GPL-2.0

//! Settings: the memory that attempts are made at, and who watches them.

use super::{
    attempt::OutcomeCell,
    case::{
        Region,
        With,
        VALUE, //
    },
    Attempt,
    Case,
    Seen, //
};
use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    context::{
        Caller,
        Kind,
        Snapshot,
        Task, //
    },
    exception::Watch,
    fixup::{
        self,
        address::PAGE_SIZE,
        Address,
        Island,
        Paging, //
    },
    user::{
        Page,
        Protection, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A setting, for the task that makes it.
pub(crate) struct Setting<'a> {
    /// Only once it is needed: it registers a handler for NMIs.
    caller: Option<Caller>,
    watch: Watch<Seen>,
    pub(crate) island: Island,
    valid: Page<'a>,
    readonly: Page<'a>,
    none: Page<'a>,
}

const WORD: usize = size_of::<u64>();

impl<'a> Setting<'a> {
    pub(crate) fn new(task: &'a Task) -> Answer<Self> {
        let page = |protection| -> Answer<Page<'a>> {
            match Page::new(protection, task) {
                Ok(page) => Ok(page),
                Err(error) => refuse!(error, "no memory in the user space of this task"),
            }
        };
        let setting = Self {
            caller: None,
            watch: Watch::new(Arc::new(Seen::new(), GFP_KERNEL)?)?,
            island: Island::new()?,
            valid: page(Protection::ReadWrite)?,
            readonly: page(Protection::Read)?,
            none: page(Protection::None)?,
        };
        // As it is with memory that is in use: all that is there has been touched.
        for offset in (0..PAGE_SIZE).step_by(WORD) {
            let valid = Address::user(setting.valid.address() + offset, task)?;
            fixup::write(&valid, VALUE, Paging::Served(task))?;
            fixup::write(&setting.island.inside(offset), VALUE, Paging::Refused)?;
        }
        fixup::read(
            &Address::user(setting.readonly.address(), task)?,
            Paging::Served(task),
        )?;
        Ok(setting)
    }

    /// The page of user memory that is there.
    pub(crate) fn valid(&self) -> usize {
        self.valid.address()
    }

    /// Makes an attempt. `offset` is where in its page, rounded down to fit.
    ///
    /// An attempt in a soft IRQ that another task serves, as on `PREEMPT_RT`, is refused
    /// with `ESRCH`, in its outcome, if it is about user memory.
    ///
    /// Refusals: `EINVAL` if the case wants an address and there is none, `EPERM` if
    /// that is the kernel's, `EBUSY` if somebody else has the NMIs.
    pub(crate) fn attempt(
        &mut self,
        case: &'static Case,
        kind: Kind,
        offset: usize,
        at: Option<usize>,
        task: &Task,
    ) -> Answer<Attempt> {
        let within = offset % (PAGE_SIZE - 2 * WORD);
        let user = |at: usize| match Address::user(at, task) {
            Ok(address) => Ok(address),
            Err(error) => refuse!(error, "{:#x} is not user memory of this task", at),
        };
        // Mapped as long as the attempt takes.
        let absent;
        let address = match case.region {
            Region::UserValid => user(self.valid.address() + (within & !(WORD - 1)))?,
            Region::UserReadOnly => user(self.readonly.address() + within)?,
            Region::UserNone => user(self.none.address() + within)?,
            Region::UserAbsent => {
                absent = Page::new(Protection::ReadWrite, task)?;
                user(absent.address() + within)?
            }
            Region::UserUnmapped => {
                let page = Page::new(Protection::None, task)?;
                user(page.address() + within)?
            }
            Region::UserAt => match at {
                Some(at) => user(at)?,
                None => refuse!(EINVAL, "{}: address=<address> is missing", case.name),
            },
            Region::Null => user(within)?,
            Region::Kernel => self.island.inside(within & !(WORD - 1)),
            Region::KernelEnd => self.island.inside(PAGE_SIZE - WORD),
            Region::Guard => self.island.guard(within),
            Region::Text => Address::text(),
            Region::NonCanonical | Region::Nowhere => Address::non_canonical(within),
        };
        if self.caller.is_none() && kind != Kind::Task {
            self.caller = Some(Caller::new(task)?);
        }
        let with = With {
            address,
            island: &self.island,
            watch: &self.watch,
            offset,
        };
        let cell = OutcomeCell::new();
        self.watch.observer().clear();
        match &self.caller {
            Some(caller) if kind != Kind::Task => {
                let attempt = || {
                    let at = Snapshot::take();
                    cell.store((case.run)(&with, Paging::Refused), &at);
                };
                caller.call(kind, task, &attempt)?;
            }
            _ => {
                let at = Snapshot::take();
                cell.store((case.run)(&with, Paging::Served(task)), &at);
            }
        }
        let (outcome, at) = cell.load();
        let seen = self.watch.observer();
        let (exception, stack) = seen.first().unzip();
        Ok(Attempt {
            case,
            kind,
            at,
            address: match case.region {
                Region::Nowhere => 0,
                _ => address.as_raw(),
            },
            outcome,
            nr_exceptions: seen.count(),
            exception,
            stack: stack.flatten(),
        })
    }
}
