// SPDX-License-Identifier: GPL-2.0

//! Text that grows, for tables and evidence whose length is not known in advance.

use kernel::{
    fmt,
    prelude::*, //
};

/// Appends formatted text to a [`Text`], as `write!` would; unlike it, it takes
/// everything that the kernel's `fmt!` takes.
///
/// ```
/// # use irqlab::{emit, text::Text};
/// # use kernel::prelude::*;
/// fn table(text: &mut Text) -> Result {
///     emit!(text, "{:<8} {:>6}\n", "cpu", 3)
/// }
///
/// let mut text = Text::new();
/// table(&mut text)?;
/// assert_eq!(text.as_str(), "cpu           3\n");
/// ```
#[macro_export]
macro_rules! emit {
    ($text:expr, $($arg:tt)*) => {
        $crate::text::Text::append($text, ::kernel::prelude::fmt!($($arg)*))
    };
}

/// A growing buffer for [`emit!`](crate::emit).
///
/// Writing fails only for want of memory, and then for good: [`Self::finish`]
/// tells, so that half a table is never taken for a whole one.
///
/// ```
/// # use irqlab::{cpu, emit, text::Text};
/// # use kernel::prelude::*;
/// fn online() -> Result<KVVec<u8>> {
///     let mut text = Text::new();
///     for cpu in cpu::online() {
///         text.separate(", ")?;
///         emit!(&mut text, "{}", cpu.as_u32())?;
///     }
///     if !text.is_empty() {
///         pr_info!("online: {}, in {} bytes\n", text.as_str(), text.nr_bytes());
///     }
///     text.finish()
/// }
///
/// assert!(!online()?.is_empty());
/// ```
#[derive(Default)]
pub struct Text {
    bytes: KVVec<u8>,
    is_truncated: bool,
}

impl Text {
    /// No text yet. Does not allocate.
    pub const fn new() -> Self {
        Self {
            bytes: KVVec::new(),
            is_truncated: false,
        }
    }

    /// What was written so far. Only whole `str`s are ever appended.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes).unwrap_or("")
    }

    /// How many bytes of memory it takes.
    pub fn nr_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends what stands between two items of a list, unless nothing was written yet.
    ///
    /// Errors: `ENOMEM`.
    pub fn separate(&mut self, separator: &str) -> Result {
        if self.is_empty() {
            return Ok(());
        }
        self.append(fmt!("{separator}"))
    }

    /// What [`emit!`](crate::emit) calls.
    ///
    /// Errors: `ENOMEM`.
    #[doc(hidden)]
    pub fn append(&mut self, arguments: fmt::Arguments<'_>) -> Result {
        fmt::Write::write_fmt(self, arguments).map_err(|_| ENOMEM)
    }

    /// The bytes, if all of them are there.
    ///
    /// Errors: `ENOMEM` if something could not be written.
    pub fn finish(self) -> Result<KVVec<u8>> {
        if self.is_truncated {
            Err(ENOMEM)
        } else {
            Ok(self.bytes)
        }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if !self.is_truncated
            && self
                .bytes
                .extend_from_slice(s.as_bytes(), GFP_KERNEL)
                .is_ok()
        {
            return Ok(());
        }
        self.is_truncated = true;
        Err(fmt::Error)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
