// SPDX-License-Identifier: GPL-2.0

//! Why the tool cannot do what it was asked for: a sentence, what helps, and an exit code for scripts.

use std::fmt;

/// Exit codes. 2 is that of a wrong command line.
pub const SOMETHING_FOUND: u8 = 1;
const NO_LAB: u8 = 3;
const REFUSED: u8 = 4;
const NO_FILE: u8 = 5;
pub const INTERRUPTED: u8 = 130;

/// What every page of help says of them.
pub const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 done, and a claim fails, events were lost, or two runs differ; 2 the command line is wrong; \
3 the lab is not there or may not be used; 4 the lab refused the command; 5 a file cannot be read or written; \
130 interrupted.";

#[derive(Debug)]
pub struct Error {
    what: String,
    cure: String,
    pub code: u8,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The lab is not there, or may not be used.
    pub fn no_lab(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(NO_LAB, what, cure)
    }

    /// The lab does not carry out a command.
    pub fn refused(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(REFUSED, what, cure)
    }

    /// A file cannot be read or written, or has something else in it.
    pub fn file(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::new(NO_FILE, what, cure)
    }

    /// Somebody pressed Ctrl-C.
    pub fn interrupted(what: impl Into<String>) -> Self {
        Self::new(INTERRUPTED, what, "")
    }

    /// Another process of this tool has said why already.
    pub fn said(code: u8) -> Self {
        Self::new(code, "", "")
    }

    fn new(code: u8, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cure: cure.into(),
            code,
        }
    }

    pub fn is_silent(&self) -> bool {
        self.what.is_empty()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if !self.cure.is_empty() {
            write!(f, "\n  {}", self.cure)?;
        }
        Ok(())
    }
}
