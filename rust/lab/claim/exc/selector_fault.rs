// SPDX-License-Identifier: GPL-2.0

//! A general protection fault that has no fixup, as its handler saw it.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    context::Unsleeping,
    exception::{
        Exception,
        Observer,
        Vector,
        Watch, //
    },
    fixup::instructions::{
        self,
        BadSelector,
        BAD_SELECTOR, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// What was saved for the handler, and what had been there.
pub(super) struct SelectorFault {
    pub(super) ip: usize,
    pub(super) sp: usize,
    pub(super) ss: u16,
    pub(super) error_code: u64,
    pub(super) made: BadSelector,
}

struct Observed {
    ip: Atomic<usize>,
    sp: Atomic<usize>,
    ss: Atomic<u32>,
    error_code: Atomic<u64>,
    is_complete: Atomic<bool>,
}

impl Observer for Observed {
    fn observe(&self, exception: &Exception, _context: &Unsleeping) {
        let registers = &exception.registers;
        if exception.vector != Vector::GP || registers.ax != u64::from(BAD_SELECTOR) {
            return;
        }
        self.ip.store(registers.ip, Relaxed);
        self.sp.store(registers.sp, Relaxed);
        self.ss.store(registers.ss.into(), Relaxed);
        self.error_code.store(exception.error_code, Relaxed);
        self.is_complete.store(true, Release);
    }
}

/// Loads a bad selector.
///
/// Refusals: `EIO` if nobody was told of the fault.
pub(super) fn raise() -> Answer<SelectorFault> {
    let noted = Observed {
        ip: Atomic::new(0),
        sp: Atomic::new(0),
        ss: Atomic::new(0),
        error_code: Atomic::new(0),
        is_complete: Atomic::new(false),
    };
    let watch = Watch::new(Arc::new(noted, GFP_KERNEL)?)?;
    let made = instructions::load_bad_selector(&watch);
    let noted = watch.observer();
    if !noted.is_complete.load(Acquire) {
        refuse!(EIO, "nobody was told of a #GP");
    }
    Ok(SelectorFault {
        ip: noted.ip.load(Relaxed),
        sp: noted.sp.load(Relaxed),
        ss: noted.ss.load(Relaxed) as u16,
        error_code: noted.error_code.load(Relaxed),
        made,
    })
}
