// SPDX-License-Identifier: GPL-2.0

//! Which functions the running kernel has, and its addresses as it lets people see them.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
    fmt,
    prelude::*,
    str::CStr, //
};

/// Whether the kernel, or a module that is loaded, has a function called `name`,
/// exported or not. Without kprobes: no.
pub fn exists(name: &CStr, _task: &Task) -> bool {
    // SAFETY: The name is a C string; the token proves that this may sleep.
    unsafe { bindings::symbol_exists(name.as_char_ptr()) }
}

/// The symbol around an address, shown as `name+0xoffset/0xsize [module]`.
///
/// ```
/// # use irqlab::symbol::Name;
/// # use kernel::prelude::*;
/// fn say(ip: usize) {
///     pr_info!("at {}\n", Name::of(ip));
/// }
///
/// say(irqlab::syscall::entry());
/// // No symbol has a name for it.
/// assert!(!Name::of(1).is_beginning());
/// ```
pub struct Name {
    text: [u8; bindings::KSYM_SYMBOL_LEN],
    len: usize,
}

impl Name {
    /// Looks the address up; one without a symbol is shown as a number, or as 0 to whom the
    /// kernel shows no addresses.
    pub fn of(address: usize) -> Self {
        let name = Self::look_up(address);
        if name.as_str().starts_with("0x") {
            return Self::look_up(Address(address).shown());
        }
        name
    }

    fn look_up(address: usize) -> Self {
        let mut text = [0; bindings::KSYM_SYMBOL_LEN];
        // SAFETY: The text is as long as the C side takes it to be.
        let len = unsafe { bindings::sprint_symbol(text.as_mut_ptr(), address) };
        Self {
            text,
            len: usize::try_from(len).unwrap_or(0),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let bytes = self.text.get(..self.len).unwrap_or(&[]);
        core::str::from_utf8(bytes).unwrap_or("?")
    }

    /// The module that has it. Nothing if that is the kernel itself.
    ///
    /// ```
    /// # use irqlab::{fixup::{table, Address}, symbol::Name, syscall};
    /// # use kernel::prelude::*;
    /// fn is_in_the_library(address: usize) -> bool {
    ///     Name::of(address).module() == Some(table::MODULE)
    /// }
    ///
    /// pr_info!("that of version {}\n", irqlab::VERSION);
    /// assert!(is_in_the_library(Address::text().as_raw()));
    /// // The kernel's own.
    /// assert!(!is_in_the_library(syscall::entry()));
    /// ```
    pub fn module(&self) -> Option<&str> {
        self.as_str().split_once('[')?.1.strip_suffix(']')
    }

    /// The function and the offset in it.
    ///
    /// ```
    /// # use irqlab::{context::Task, symbol::{self, Name}};
    /// # use kernel::prelude::*;
    /// fn show(address: usize, task: &Task) {
    ///     let name = Name::of(address);
    ///     pr_info!("{} is {}\n", name.as_str(), name.place());
    ///     pr_info!("{} bytes are left\n", name.len_behind().unwrap_or(0));
    ///     if name.is_beginning() {
    ///         pr_info!("it is where {} begins\n", name.function());
    ///     }
    ///     if symbol::exists(c"kthread_stop", task) {
    ///         pr_info!("the kernel can stop its threads\n");
    ///     }
    /// }
    ///
    /// show(irqlab::syscall::entry(), task);
    /// assert!(Name::of(irqlab::syscall::entry()).is_beginning());
    /// assert!(!symbol::exists(c"irqlab_no_such_function", task));
    /// ```
    pub fn place(&self) -> &str {
        let text = self.as_str();
        text.split(['/', ' ']).next().unwrap_or(text)
    }

    /// How many bytes the function has from the address on. Nothing if no function is known there.
    pub fn len_behind(&self) -> Option<usize> {
        let (offset, len) = self.offset_and_len()?;
        len.checked_sub(offset)
    }

    /// Whether the address is that of the function's first byte.
    pub fn is_beginning(&self) -> bool {
        self.offset_and_len().is_some_and(|(offset, _)| offset == 0)
    }

    fn offset_and_len(&self) -> Option<(usize, usize)> {
        let (_, numbers) = self.as_str().split_once("+0x")?;
        let (offset, rest) = numbers.split_once("/0x")?;
        let len = rest.split(' ').next()?;
        let parse = |digits| usize::from_str_radix(digits, 16).ok();
        Some((parse(offset)?, parse(len)?))
    }

    /// The function.
    pub fn function(&self) -> &str {
        let text = self.as_str();
        text.split(['+', ' ']).next().unwrap_or(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An address, shown as `0x…`; as 0x0 if it is the kernel's, to whom `kptr_restrict` hides
/// those from. Only to be shown in a task.
///
/// ```
/// # use irqlab::symbol::Address;
/// # use kernel::prelude::*;
/// fn say(ip: usize) {
///     pr_info!("at {}\n", Address(ip));
/// }
///
/// say(irqlab::syscall::entry());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub usize);

impl Address {
    /// What may be shown of it.
    fn shown(self) -> usize {
        let is_kernel = self.0 >> (usize::BITS - 1) == 1;
        // SAFETY: Can be called in any context.
        if is_kernel && unsafe { bindings::hides_addresses() } {
            0
        } else {
            self.0
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!("{:#x}", self.shown()))
    }
}
