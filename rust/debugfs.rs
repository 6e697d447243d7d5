// SPDX-License-Identifier: GPL-2.0

//! debugfs files that a module can be unloaded under.
//!
//! The kernel crate's debugfs files have no owner, so that `rmmod` succeeds
//! while one is open, and closing it then calls code that is gone. They also
//! drop formatting errors and know three modes. These files
//!
//! - keep their module loaded while they are open, and can be closed after it: when its insertion has failed,
//!   the kernel waits for nobody;
//! - hold the text of the moment when they were opened, so that partial and
//!   repeated reads agree with each other however much changes meanwhile (a
//!   `seq_file` would ask again for every page); of a long text they hold what it is
//!   written from, and a piece;
//! - hold together no more text than a small machine has room for;
//! - take one command a write, answered by the write's return code.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

mod dir;
mod file;
mod node;
mod opened;

pub use dir::Dir;

pub use file::{
    Content,
    File,
    Mode,
    Stream, //
};
