// SPDX-License-Identifier: GPL-2.0

//! Cases: what is attempted, and where. Each is a line of the table.

use super::Seen;
use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    exception::Watch,
    fixup::{
        access,
        instructions,
        Address,
        Island,
        Outcome,
        Paging, //
    },
};
use kernel::prelude::*;

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// A page of user memory that is there, to be read and written.
    UserValid,
    /// One that is there, to be read.
    UserReadOnly,
    /// One that user space may do nothing with.
    UserNone,
    /// One that was mapped, but never touched.
    UserAbsent,
    /// A page where nothing is mapped.
    UserUnmapped,
    /// User memory at the address that the command gives.
    UserAt,
    /// The first page of user memory.
    Null,
    /// A page of vmalloc() memory.
    Kernel,
    /// Its last word, so that the next one is not there.
    KernelEnd,
    /// The guard page behind.
    Guard,
    /// The module's code.
    Text,
    /// An address that cannot be mapped.
    NonCanonical,
    /// None: it is not about memory.
    Nowhere,
}

/// What an access may use.
pub(crate) struct With<'a> {
    pub(crate) address: Address<'a>,
    pub(crate) island: &'a Island,
    pub(crate) watch: &'a Watch<Seen>,
    pub(crate) offset: usize,
}

/// One line of the table.
pub(crate) struct Case {
    /// How the knobs call it.
    pub(crate) name: &'static str,
    pub(crate) region: Region,
    pub(crate) run: fn(&With<'_>, Paging<'_>) -> Result<Outcome>,
}

/// What is in the words that are there; written again by the stores.
pub(crate) const VALUE: u64 = 0x0123_4567_89ab_cdef;

fn load(with: &With<'_>, paging: Paging<'_>) -> Result<Outcome> {
    access::load(&with.address, paging)
}

fn store(with: &With<'_>, paging: Paging<'_>) -> Result<Outcome> {
    access::store(&with.address, VALUE, paging)
}

macro_rules! cases {
    ($($name:literal $region:ident $run:expr,)*) => {
        /// All of them.
        pub(crate) const ALL: &'static [Case] = &[$(Case {
            name: $name,
            region: Region::$region,
            run: $run,
        },)*];
    };
}

impl Case {
    cases! {
        "user_valid" UserValid load,
        "user_valid_write" UserValid store,
        "user_unmapped" UserUnmapped load,
        "user_unmapped_write" UserUnmapped store,
        "user_readonly_write" UserReadOnly store,
        "user_none" UserNone load,
        "user_absent" UserAbsent load,
        "user_absent_write" UserAbsent store,
        "user" UserAt load,
        "user_write" UserAt store,
        "null" Null load,
        "null_write" Null store,
        "kernel_valid" Kernel load,
        "kernel_valid_write" Kernel store,
        "guard" Guard load,
        "guard_write" Guard store,
        "text_write" Text |with, paging| access::rewrite(&with.address, paging),
        "non_canonical" NonCanonical load,
        "non_canonical_write" NonCanonical store,
        "by_default" UserUnmapped |with, paging| access::load_default(&with.address, paging),
        "by_uaccess" UserUnmapped |with, paging| access::load_uaccess(&with.address, paging),
        "by_fault" UserUnmapped |with, paging| access::load_fault(&with.address, paging),
        "by_fault_gp" NonCanonical |with, paging| access::load_fault(&with.address, paging),
        "by_zeropad" KernelEnd |with, _| Ok(access::load_zeropad(with.island, with.offset % 8)),
        "by_ucopy_len" KernelEnd |with, paging| access::copy(&with.address, paging),
        "divide" Nowhere |_, _| Ok(instructions::divide()),
        "undefined" Nowhere |_, _| Ok(instructions::undefined()),
        "rdmsr" Nowhere |_, _| Ok(instructions::rdmsr()),
        "wrmsr" Nowhere |_, _| Ok(instructions::wrmsr()),
        "breakpoint" Nowhere |with, _| Ok(instructions::breakpoint(with.watch)),
    }

    /// The case called `name`.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn find(name: &str) -> Answer<&'static Case> {
        match Self::ALL.iter().find(|case| case.name == name) {
            Some(case) => Ok(case),
            None => refuse!(ENODEV, "no case '{}'", name),
        }
    }

    /// Whether the command has to give an address.
    pub(crate) fn wants_address(&self) -> bool {
        self.region == Region::UserAt
    }
}
