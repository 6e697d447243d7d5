// SPDX-License-Identifier: GPL-2.0

//! The handlers are do_*(), reached through error_code and left through ret_from_exception; do_IRQ()
//! serves interrupts.
//!
//! All of these have other names now. Which functions an exception and an interrupt really go through
//! is seen from within: the stack has the return addresses.

use crate::{
    claim::prelude::*,
    refusal::refuse, //
};
use irqlab::{
    context::{
        Caller,
        Kind,
        Unsleeping, //
    },
    emit,
    exception::{
        Exception,
        Observer,
        Watch, //
    },
    fixup::{
        self,
        Island,
        Paging, //
    },
    stack_trace::StackTrace,
    symbol::{
        self,
        Name, //
    },
    text::Text,
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "The name of the functions which implements exception handling always starts with the \
            prefix do_.",
    section: "do_handler_name(); Exception Handlers; Interrupt Handler Activation",
    today: "since Linux 5.8 the functions are called exc_*(), reached through asm_exc_* and error_entry, \
            and left through error_return; do_IRQ() has become common_interrupt()",
    functions: "asm_exc_page_fault, exc_page_fault(), asm_common_interrupt, common_interrupt()",
    control: "looks at the stack where there is neither exception nor interrupt",
    next: "cat idt",
}

/// Each old name, and what there is instead.
const NAMES: [(&CStr, &CStr); 6] = [
    (c"do_page_fault", c"exc_page_fault"),
    (c"do_divide_error", c"exc_divide_error"),
    (c"do_general_protection", c"exc_general_protection"),
    (c"do_IRQ", c"common_interrupt"),
    (c"error_code", c"error_entry"),
    (c"ret_from_exception", c"error_return"),
];

/// The calls that led to a place.
struct Calls([Atomic<usize>; StackTrace::LONGEST]);

impl Calls {
    fn new() -> Self {
        Self([const { Atomic::new(0) }; StackTrace::LONGEST])
    }

    fn note(&self) {
        for (place, address) in self.0.iter().zip(StackTrace::take().addresses()) {
            place.store(*address, Relaxed);
        }
    }

    /// Of the functions, those whose names begin so, from the outermost.
    ///
    /// Refusals: `EIO` if nobody has looked at the stack.
    fn named(&self, beginnings: &[&str]) -> Answer<Text> {
        let mut text = Text::new();
        let all = self.0.iter().map(|place| place.load(Relaxed));
        let addresses = all.filter(|address| *address != 0);
        if addresses.clone().next().is_none() {
            refuse!(EIO, "the calls that led there were not seen");
        }
        for address in addresses {
            let name = Name::of(address);
            let function = name.function();
            if beginnings.iter().any(|part| function.starts_with(part)) {
                text.separate(", ")?;
                emit!(&mut text, "{}", function)?;
            }
        }
        Ok(text)
    }
}

impl Observer for Calls {
    fn observe(&self, exception: &Exception, _context: &Unsleeping) {
        if exception.entry.is_some() {
            self.note();
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const HANDLERS: [&str; 3] = ["do_page_fault", "exc_", "asm_exc_"];
    // Without a local APIC the tick, which has a line, does what waits.
    const INTERRUPTS: [&str; 5] = [
        "do_IRQ",
        "sysvec_",
        "asm_sysvec_",
        "common_interrupt",
        "asm_common_interrupt",
    ];

    let (mut old_names, mut new_names) = (Text::new(), Text::new());
    let (mut nr_old, mut nr_new) = (0, 0);
    for (old, new) in NAMES {
        for (name, names, count) in [
            (old, &mut old_names, &mut nr_old),
            (new, &mut new_names, &mut nr_new),
        ] {
            if symbol::exists(name, trial.task) {
                *count += 1;
                names.separate(", ")?;
                emit!(names, "{}", name)?;
            }
        }
    }
    let calls = Arc::new(Calls::new(), GFP_KERNEL)?;
    let interrupted = Calls::new();
    if trial.is_control() {
        calls.note();
        interrupted.note();
    } else {
        let island = Island::new()?;
        let _watch = Watch::new(calls.clone())?;
        let _ = fixup::read(&island.guard(0), Paging::Refused);
        let caller = Caller::new(trial.task)?;
        caller.call(Kind::HardIrq, trial.task, &|| interrupted.note())?;
    }
    let path = calls.named(&HANDLERS)?;
    let is_as_in_text = path.as_str().contains("do_page_fault") && nr_old == NAMES.len();
    evidence.check(
        is_as_in_text || path.as_str().contains("exc_page_fault"),
        fmt!("a page fault goes through [{path}]"),
    )?;
    let path = interrupted.named(&INTERRUPTS)?;
    evidence.check(!path.is_empty(), fmt!("an interrupt through [{path}]"))?;
    if is_as_in_text {
        return evidence.holds();
    }
    evidence.check(nr_new == NAMES.len(), fmt!("this kernel has {new_names}"))?;
    evidence.check(
        nr_old == 0,
        fmt!(
            "and of the names of the text {nr_old}{}{old_names}",
            if nr_old > 0 { ": " } else { "" }
        ),
    )?;
    evidence.outdated()
}
