// SPDX-License-Identifier: GPL-2.0

//! Why a command was refused: a number for programs, a sentence for people.

use crate::command::{
    Fault,
    Value, //
};
use irqlab::{
    emit,
    error::EOPNOTSUPP,
    text::Text, //
};
use kernel::{
    alloc::AllocError,
    fmt,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// The answer to a command that could not be carried out.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    reason: Text,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The command was wrong, or something went wrong.
    Refused,
    /// Somebody else was in the way: what a user has set or does, another driver, a device that was unbound.
    Prevented,
    /// This machine cannot show what a claim is about, or not now.
    Skipped(Obstacle),
}

/// What keeps a claim from being shown. What may pass has words that its evidence begins with: programs tell by them
/// whether to try again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// This machine, or its kernel, has not what it takes, or somebody else does not permit it.
    Machine,
    /// Something came late, or others came between. That may be so for as long as the host is busy.
    Busy,
    /// What has to come, or to come together, did not. If others see theirs come, time and again, the experiment or
    /// the kernel is at fault.
    Missed,
    /// What was measured took no time by the clock, or hardly any.
    Coarse,
}

impl Obstacle {
    /// The words, with what comes behind them.
    const fn words(self) -> &'static str {
        match self {
            Obstacle::Machine => "",
            Obstacle::Busy => "the machine is too busy: ",
            Obstacle::Missed => "missed: ",
            Obstacle::Coarse => "the clock is too coarse: ",
        }
    }
}

/// What carrying out a command gives.
pub(crate) type Answer<T = ()> = core::result::Result<T, Refusal>;

/// Refuses with an error code and a formatted reason.
macro_rules! refuse {
    ($error:expr, $($arg:tt)*) => {
        return Err($crate::refusal::Refusal::new($error, ::kernel::prelude::fmt!($($arg)*)))
    };
}
pub(crate) use refuse;

/// As [`refuse`], for what somebody else is the cause of: no fault of the lab.
macro_rules! prevented {
    ($error:expr, $($arg:tt)*) => {
        return Err($crate::refusal::Refusal::prevented($error, ::kernel::prelude::fmt!($($arg)*)))
    };
}
pub(crate) use prevented;

impl Refusal {
    pub(crate) fn new(error: Error, reason: fmt::Arguments<'_>) -> Self {
        let mut text = Text::new();
        // Without memory for the reason the error code has to do.
        let _ = text.append(reason);
        Self {
            error,
            reason: text,
            kind: Kind::Refused,
        }
    }

    /// Refuses because of somebody else.
    pub(crate) fn prevented(error: Error, reason: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::Prevented,
            ..Self::new(error, reason)
        }
    }

    pub(crate) fn is_prevented(&self) -> bool {
        self.kind == Kind::Prevented
    }

    /// Refuses an experiment that this machine cannot carry out, or not now.
    pub(crate) fn skip(obstacle: Obstacle, reason: fmt::Arguments<'_>) -> Self {
        Self {
            kind: Kind::Skipped(obstacle),
            ..Self::new(EOPNOTSUPP, reason)
        }
    }

    pub(crate) fn is_skip(&self) -> bool {
        matches!(self.kind, Kind::Skipped(_))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Kind::Skipped(obstacle) = self.kind {
            return f.write_fmt(fmt!("{}{}", obstacle.words(), self.reason));
        }
        let name = self.error.name().unwrap_or(c"error");
        if self.reason.is_empty() {
            f.write_fmt(fmt!("{}", name))
        } else {
            f.write_fmt(fmt!("{}: {}", name, self.reason))
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            error,
            reason: Text::new(),
            kind: Kind::Refused,
        }
    }
}

impl From<AllocError> for Refusal {
    fn from(error: AllocError) -> Self {
        Error::from(error).into()
    }
}

/// Names with commas between.
pub(crate) struct List<'a>(pub(crate) &'a [&'a str]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            f.write_fmt(fmt!("{separator}{name}"))?;
        }
        Ok(())
    }
}

/// As it was given.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.key.is_empty() { "" } else { "=" };
        f.write_fmt(fmt!("{}{}{}", self.key, separator, self.text))
    }
}

impl From<Fault<'_>> for Refusal {
    fn from(fault: Fault<'_>) -> Self {
        match fault {
            Fault::NotAnAssignment(word) => {
                Self::new(EINVAL, fmt!("'{word}' is not of the form key=value"))
            }
            Fault::UnknownKey(key, []) => {
                Self::new(EINVAL, fmt!("no parameter '{key}'; there are none here"))
            }
            Fault::UnknownKey(key, keys) => Self::new(
                EINVAL,
                fmt!("no parameter '{key}'; there are: {}", List(keys)),
            ),
            Fault::Repeated(key) => Self::new(EINVAL, fmt!("'{key}' is given twice")),
            Fault::NotANumber(value) => Self::new(EINVAL, fmt!("'{value}' is not a number")),
            Fault::OutOfRange(value, low, high) => {
                Self::new(ERANGE, fmt!("{value} is not within {low} to {high}"))
            }
            Fault::NotAnAddress(value) => Self::new(
                EINVAL,
                fmt!("'{value}' is not an address, as 0x7f0000000000"),
            ),
            Fault::NotASwitch(value) => Self::new(EINVAL, fmt!("'{value}' is neither 0 nor 1")),
        }
    }
}

/// The last refusal of any knob, as the line that `last_error` shows.
#[pin_data]
pub(crate) struct LastError {
    #[pin]
    line: Mutex<Text>,
}

impl LastError {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            line <- new_mutex!(Text::new(), "LastError::line"),
        })
    }

    /// Notes that `knob` refused, and gives the error code for the writer.
    pub(crate) fn note(&self, knob: &CStr, refusal: Refusal) -> Error {
        let mut line = Text::new();
        let _ = emit!(&mut line, "{}: {}\n", knob, refusal);
        *self.line.lock() = line;
        refusal.error
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(text, "{}", *self.line.lock())
    }
}
