// SPDX-License-Identifier: GPL-2.0

//! Files: a text to read, a command to write, or both.

use super::{
    dir::{
        Dir,
        Entry, //
    },
    node::Node,
    opened::Opens,
};
use crate::{
    compat::this_module,
    context::Task,
    text::Text, //
};
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    str::CStr,
    sync::Arc,
    ModuleMetadata, //
};

/// Who may do what with a file. Everything is root's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 0400
    ReadOnly,
    /// 0600
    ReadWrite,
    /// 0200
    WriteOnly,
}

/// What is behind a file.
pub trait Content: Send + Sync + 'static {
    /// Who may do what. Root may open every file for both: what the mode leaves out is then refused
    /// with `EINVAL`, which [`Self::refused`] is told.
    const MODE: Mode;

    /// Writes the file's text of this moment. Must not change any state.
    ///
    /// Errors are `open`'s.
    fn read(&self, _text: &mut Text, _task: &Task) -> Result {
        Err(EINVAL)
    }

    /// The file's text of this moment as a stream, if it is too long to be kept for each who
    /// has the file open. Must not change any state.
    ///
    /// Errors are `open`'s.
    fn stream(&self, _task: &Task) -> Result<Option<KBox<dyn Stream>>> {
        Ok(None)
    }

    /// Carries out one command, given without the white space around it.
    ///
    /// Errors are `write`'s.
    fn write(&self, _command: &str, _task: &Task) -> Result {
        Err(EINVAL)
    }

    /// Learns that the file itself refused something, and why: a write before it became a
    /// command, a text, or what the mode leaves out.
    fn refused(&self, _error: Error, _why: &'static str) {}
}

/// A [`Content`], whatever its type is.
pub(super) trait Untyped: Send + Sync {
    fn read(&self, text: &mut Text, task: &Task) -> Result;
    fn stream(&self, task: &Task) -> Result<Option<KBox<dyn Stream>>>;
    fn write(&self, command: &str, task: &Task) -> Result;
    fn refused(&self, error: Error, why: &'static str);
}

impl<T: Content> Untyped for T {
    fn read(&self, text: &mut Text, task: &Task) -> Result {
        Content::read(self, text, task)
    }

    fn stream(&self, task: &Task) -> Result<Option<KBox<dyn Stream>>> {
        Content::stream(self, task)
    }

    fn write(&self, command: &str, task: &Task) -> Result {
        Content::write(self, command, task)
    }

    fn refused(&self, error: Error, why: &'static str) {
        Content::refused(self, error, why);
    }
}

/// A text that is produced as it is read, from what does not change meanwhile.
///
/// ```
/// # use irqlab::{context::Task, debugfs::{Content, Mode, Stream}, emit, text::Text};
/// # use kernel::prelude::*;
/// /// A number a line, from what comes next.
/// struct Count(u32);
///
/// impl Stream for Count {
///     fn next(&mut self, text: &mut Text, _task: &Task) -> Result {
///         for _ in 0..100 {
///             if self.0 == 1_000_000 {
///                 break;
///             }
///             emit!(text, "{}\n", self.0)?;
///             self.0 += 1;
///         }
///         Ok(())
///     }
///
///     fn rewind(&mut self) {
///         self.0 = 0;
///     }
/// }
///
/// struct Numbers;
///
/// impl Content for Numbers {
///     const MODE: Mode = Mode::ReadWrite;
///
///     fn stream(&self, _task: &Task) -> Result<Option<KBox<dyn Stream>>> {
///         Ok(Some(KBox::new(Count(0), GFP_KERNEL)?))
///     }
///
///     fn write(&self, command: &str, _task: &Task) -> Result {
///         if command == "hello" { Ok(()) } else { Err(EINVAL) }
///     }
///
///     fn refused(&self, error: Error, why: &'static str) {
///         pr_info!("{why}: {error:?}\n");
///     }
/// }
///
/// let first = Numbers.stream(task)?.ok_or(EINVAL)?;
/// # let (mut first, mut text) = (first, Text::new());
/// first.next(&mut text, task)?;
/// assert!(text.as_str().starts_with("0\n1\n") && text.as_str().ends_with("\n99\n"));
/// assert_eq!(Numbers.write("hello", task), Ok(()));
/// # assert_eq!(Numbers.write("bye", task), Err(EINVAL));
/// # if irqlab::lockdown::refuses_debugfs() { skip!("locked down") }
/// # let dir = irqlab::debugfs::Dir::new(c"example")?;
/// # let numbers = kernel::sync::Arc::new(Numbers, GFP_KERNEL)?;
/// # let file = irqlab::debugfs::File::new::<crate::LocalModule>(&dir, c"numbers", numbers)?;
/// # // The kernel cannot read it, but opens it; and closes it when this task returns to user mode.
/// # let read = irqlab::proc::read(c"/sys/kernel/debug/example/numbers", task);
/// # assert!(matches!(read, Err(EINVAL | ENOENT)));
/// ```
pub trait Stream: Send + 'static {
    /// Appends the next lines, some thousand bytes; nothing at the end.
    ///
    /// Errors are `read`'s, and the next `read` begins anew.
    fn next(&mut self, text: &mut Text, task: &Task) -> Result;

    /// Begins anew: the same text comes again.
    fn rewind(&mut self);
}

/// A file in debugfs. Dropping it removes it, and waits for its readers and writers. Who has it open reads and
/// writes no more, with `EIO`, and closes it whenever it likes.
///
/// ```
/// # use irqlab::{context::Task, debugfs::{Content, Dir, File, Mode}, emit, text::Text};
/// # use kernel::{prelude::*, sync::Arc, ModuleMetadata};
/// struct Answer;
///
/// impl Content for Answer {
///     const MODE: Mode = Mode::ReadOnly;
///
///     fn read(&self, text: &mut Text, _task: &Task) -> Result {
///         emit!(text, "42\n")
///     }
/// }
///
/// fn publish<M: ModuleMetadata>(dir: &Dir) -> Result<File<Answer>> {
///     File::new::<M>(dir, c"answer", Arc::new(Answer, GFP_KERNEL)?)
/// }
///
/// # use crate::LocalModule;
/// # if irqlab::lockdown::refuses_debugfs() { skip!("locked down") }
/// let dir = Dir::new(c"example")?;
/// let file = publish::<LocalModule>(&dir)?;
/// # let mut text = Text::new();
/// # Answer.read(&mut text, task)?;
/// # assert_eq!(text.as_str(), "42\n");
/// # // The kernel cannot read it, but opens it; and closes it when this task returns to user mode.
/// # let read = irqlab::proc::read(c"/sys/kernel/debug/example/answer", task);
/// # assert!(matches!(read, Err(EINVAL | ENOENT)));
/// ```
pub struct File<T: Content> {
    // First the entry, which waits for the callbacks that use the node.
    _entry: Entry,
    _node: KBox<Node>,
    _of: PhantomData<T>,
}

impl<T: Content> File<T> {
    /// Creates the file `name` in `dir`, owned by module `M`, which is not
    /// unloaded while the file is open.
    ///
    /// Errors: `EEXIST`, `ENOMEM`.
    pub fn new<M: ModuleMetadata>(dir: &Dir, name: &CStr, content: Arc<T>) -> Result<Self> {
        let node = Node {
            content,
            mode: T::MODE,
            owner: this_module::<M>(),
            opens: Opens::new()?,
        };
        let node = KBox::new(node, GFP_KERNEL)?;
        // SAFETY: The file keeps the node in its box until the entry is removed.
        let dentry = unsafe { node.create(name, dir) };
        Ok(Self {
            _entry: Entry::new(dentry, Some(dir.clone()))?,
            _node: node,
            _of: PhantomData,
        })
    }
}
