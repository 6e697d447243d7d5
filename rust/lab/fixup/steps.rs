// SPDX-License-Identifier: GPL-2.0

//! The steps that an attempt went through, from the access to where it went on.

use super::Attempt;
use irqlab::{
    emit,
    exception::{
        Registers,
        Vector, //
    },
    fixup::{
        table,
        End, //
    },
    symbol::{
        Address,
        Name, //
    },
    text::Text,
};
use kernel::{
    fmt,
    prelude::*, //
};

/// Shows them: a line each, by their numbers.
pub(super) fn show(attempt: &Attempt, text: &mut Text) -> Result {
    emit!(
        text,
        "1 access      {} in {} context",
        attempt.case.name,
        attempt.at.map_or(attempt.kind, |at| at.kind())
    )?;
    if attempt.address != 0 {
        emit!(text, ", at address {}", Address(attempt.address))?;
    }
    emit!(text, "\n")?;
    let Ok(outcome) = attempt.outcome else {
        return emit!(text, "  not tried: this is another task's context\n");
    };
    match &attempt.exception {
        Some(seen) => {
            emit!(
                text,
                "2 exception   {} (vector {}), error code {:#x}{}",
                seen.vector,
                seen.vector.0,
                seen.error_code,
                ErrorCode(seen.vector, seen.error_code)
            )?;
            if let Some(address) = seen.address {
                emit!(text, ", faulting address {}", Address(address))?;
            }
            let Registers {
                ip,
                sp,
                flags,
                ax,
                dx,
                ..
            } = seen.registers;
            emit!(
                text,
                ", handled on the {} stack\n\
                 3 saved       ip={} {} ax={:#x} dx={:#x} sp={} IF={} AC={}\n",
                seen.at.stack,
                Address(ip),
                Name::of(ip).place(),
                ax,
                dx,
                Address(sp),
                u8::from(flags & Registers::IF != 0),
                u8::from(flags & Registers::AC != 0)
            )?;
        }
        // A #GP that has a fixup is not reported to anybody.
        None => emit!(
            text,
            "2 exception   none was reported\n3 saved       unknown\n"
        )?,
    }
    let Some(entry) = attempt.entry() else {
        return emit!(text, "4 search      no entry\n");
    };
    let index = table::entries().take_while(|other| *other != entry).count();
    emit!(
        text,
        "4 search      entry {} of {} in the table of [{}], at {}\n",
        index,
        table::len(),
        table::MODULE,
        Address(entry.at)
    )?;
    emit!(
        text,
        "5 entry       instruction {} {}, fixup {} {}, handler {}",
        Address(entry.instruction),
        Name::of(entry.instruction).place(),
        Address(entry.fixup),
        Name::of(entry.fixup).place(),
        entry.handler
    )?;
    if entry.handler == table::Handler::ImmReg {
        emit!(text, " {}={}", entry.register_name(), entry.immediate)?;
    }
    if entry.flags & 2 != 0 {
        emit!(text, ", dx=0")?;
    }
    emit!(text, "\n6 left        ")?;
    match outcome.end {
        End::Done => emit!(text, "no error")?,
        End::Error(errno) => emit!(text, "error {}", errno)?,
        End::Trapped(vector) => emit!(text, "vector {}", vector)?,
    }
    emit!(text, ", value {:#x}\n", outcome.value)?;
    emit!(
        text,
        "7 resumed     at {} {}, {}\n",
        Address(outcome.resumed_at),
        Name::of(outcome.resumed_at).place(),
        match (outcome.end, attempt.nr_exceptions) {
            (End::Done, 0) => "as the access succeeded",
            (End::Done, _) => "as the exception was served",
            _ => "the label behind the access",
        }
    )
}

/// What the bits of a page fault's error code say.
struct ErrorCode(Vector, u64);

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != Vector::PF {
            return Ok(());
        }
        let bit = |bit: u32, set, clear| if self.1 >> bit & 1 == 1 { set } else { clear };
        f.write_fmt(fmt!(
            " ({}, {}, {}{})",
            bit(0, "page protected", "page not there"),
            bit(1, "write", "read"),
            bit(2, "user mode", "kernel mode"),
            bit(4, ", fetch", "")
        ))
    }
}
