// SPDX-License-Identifier: GPL-2.0

//! Files: a text to read, a command to write, or both.

use super::{
    dir::{
        Dir,
        Entry, //
    },
    opened::Opened,
};
use crate::{
    bindings,
    compat::this_module,
    context::{
        Context,
        Task, //
    },
    text::Text,
};
use core::marker::PhantomData;
use kernel::{
    error::from_result,
    ffi::c_longlong,
    prelude::*,
    str::CStr,
    sync::Arc,
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
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
/// ```
pub trait Stream: Send + 'static {
    /// Appends the next lines, some thousand bytes; nothing at the end.
    ///
    /// Errors are `read`'s, and the next `read` begins anew.
    fn next(&mut self, text: &mut Text, task: &Task) -> Result;

    /// Begins anew: the same text comes again.
    fn rewind(&mut self);
}

/// The longest command, in bytes. More is refused with `E2BIG`.
const COMMAND_MAX: usize = 4096;

/// A file in debugfs. Dropping it removes it, and waits for its readers and writers.
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
/// ```
pub struct File<T: Content> {
    // First the entry, which waits for the callbacks that use the content.
    _entry: Entry,
    _content: Arc<T>,
}

impl<T: Content> File<T> {
    /// Creates the file `name` in `dir`, owned by module `M`, which is not
    /// unloaded while the file is open.
    ///
    /// Errors: `EEXIST`, `ENOMEM`.
    pub fn new<M: ModuleMetadata>(dir: &Dir, name: &CStr, content: Arc<T>) -> Result<Self> {
        let mode = bindings::S_IFREG
            | match T::MODE {
                Mode::ReadOnly => 0o400,
                Mode::ReadWrite => 0o600,
                Mode::WriteOnly => 0o200,
            };
        // SAFETY: The operations are static and expect a `T`, which the file
        // keeps until the entry is removed.
        let dentry = unsafe {
            bindings::debugfs_create_file_full(
                name.as_char_ptr(),
                mode as bindings::umode_t,
                dir.as_raw(),
                Arc::as_ptr(&content).cast_mut().cast(),
                core::ptr::null(),
                &Operations::<T, M>::TABLE,
            )
        };
        Ok(Self {
            _entry: Entry::new(dentry, Some(dir.clone()))?,
            _content: content,
        })
    }
}

/// The callbacks of a file with content `T`, in module `M`.
struct Operations<T, M>(PhantomData<(T, M)>);

impl<T: Content, M: ModuleMetadata> Operations<T, M> {
    const TABLE: bindings::file_operations = bindings::file_operations {
        owner: this_module::<M>().as_ptr(),
        open: Some(Self::open),
        // Without one of these debugfs would refuse it by itself, and nobody learn why.
        read: Some(Self::read),
        write: Some(Self::write),
        llseek: Some(bindings::default_llseek),
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `inode` must be that of a debugfs file made for a `T` that is not removed
    /// during `'a`.
    unsafe fn content<'a>(inode: *mut bindings::inode) -> &'a T {
        // SAFETY: By this function's contract debugfs keeps the pointer given to it.
        unsafe { &*(*inode).i_private.cast_const().cast::<T>() }
    }

    extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: debugfs calls `open` with a valid file that is not yet
            // anybody else's.
            let is_read = unsafe { (*file).f_mode } & bindings::FMODE_READ != 0;
            // SAFETY: debugfs keeps the file from being removed meanwhile.
            let content = unsafe { Self::content(inode) };
            let opened = if is_read && T::MODE != Mode::WriteOnly {
                // SAFETY: System calls run in a task that may sleep.
                Opened::new(content, unsafe { Task::assume() })
            } else {
                Opened::empty()
            }?;
            // SAFETY: The file is valid, and not yet anybody else's.
            unsafe { (*file).private_data = opened.into_foreign() };
            Ok(0)
        })
    }

    extern "C" fn read(
        file: *mut bindings::file,
        buffer: *mut c_char,
        count: usize,
        position: *mut c_longlong,
    ) -> isize {
        if T::MODE == Mode::WriteOnly {
            // SAFETY: The file is valid, and debugfs keeps it from being removed
            // meanwhile.
            let content = unsafe { Self::content((*file).f_inode) };
            content.refused(EINVAL, "this file can only be written");
            return EINVAL.to_errno() as isize;
        }
        // SAFETY: `open` has put it there, and only `release` takes it, when nobody reads.
        let opened = unsafe { <Pin<KBox<Opened>>>::borrow((*file).private_data) };
        // SAFETY: The position is the caller's own for as long as this runs.
        let position = unsafe { &mut *position };
        let buffer = UserSlice::new(UserPtr::from_addr(buffer.addr()), count).writer();
        // SAFETY: System calls run in a task that may sleep.
        match opened.read(buffer, position, unsafe { Task::assume() }) {
            Ok(len) => len as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    extern "C" fn write(
        file: *mut bindings::file,
        buffer: *const c_char,
        count: usize,
        _position: *mut c_longlong,
    ) -> isize {
        // SAFETY: The file is valid, and debugfs keeps it from being removed
        // meanwhile.
        let content = unsafe { Self::content((*file).f_inode) };
        let refuse = |error, why| {
            content.refused(error, why);
            Err(error)
        };
        let written = || -> Result {
            if T::MODE == Mode::ReadOnly {
                return refuse(EINVAL, "this file can only be read");
            }
            if count > COMMAND_MAX {
                return refuse(E2BIG, "the command is too long");
            }
            let mut bytes = KVec::new();
            UserSlice::new(UserPtr::from_addr(buffer.addr()), count)
                .read_all(&mut bytes, GFP_KERNEL)?;
            let Ok(command) = core::str::from_utf8(&bytes) else {
                return refuse(EINVAL, "a command is UTF-8 text");
            };
            // SAFETY: System calls run in a task that may sleep.
            content.write(command.trim(), unsafe { Task::assume() })
        };
        match written() {
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // May come after the file was removed: uses nothing but its own.
        //
        // SAFETY: `open` has put it there, and nobody uses it any more.
        drop(unsafe { <Pin<KBox<Opened>>>::from_foreign((*file).private_data) });
        0
    }
}
