// SPDX-License-Identifier: GPL-2.0

//! What an open file has of its own: its text, whole or the piece that is being read.

use super::file::{
    Content,
    Stream, //
};
use crate::{
    context::Task,
    text::Text, //
};
use kernel::{
    ffi::c_longlong,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    uaccess::UserSliceWriter, //
};

/// How much text all open files together may hold, in bytes, unless one has all of it.
const HELD_MAX: usize = 32 << 20;

/// How much they hold.
static HELD: Atomic<usize> = Atomic::new(0);

/// An open file's text.
#[pin_data]
pub(super) struct Opened {
    #[pin]
    held: Mutex<Held>,
    _share: Share,
}

struct Held {
    /// From where the rest comes; nothing if all is here.
    stream: Option<KBox<dyn Stream>>,
    bytes: KVVec<u8>,
    /// Where in the text they begin.
    start: usize,
}

impl Opened {
    /// The text of `content` at this moment.
    ///
    /// Errors: those of the content, `ENOMEM`, `ENFILE` if open files hold too much.
    pub(super) fn new<T: Content>(content: &T, task: &Task) -> Result<Pin<KBox<Self>>> {
        let stream = content.stream(task)?;
        let mut text = Text::new();
        if stream.is_none() {
            content.read(&mut text, task)?;
        }
        let bytes = text.finish()?;
        let share = Share::of(bytes.len()).inspect_err(|error| {
            content.refused(*error, "those who have files open hold too much text");
        })?;
        Self::with(stream, bytes, share)
    }

    /// For who only writes.
    ///
    /// Errors: `ENOMEM`.
    pub(super) fn empty() -> Result<Pin<KBox<Self>>> {
        Self::with(None, KVVec::new(), Share::of(0)?)
    }

    fn with(
        stream: Option<KBox<dyn Stream>>,
        bytes: KVVec<u8>,
        share: Share,
    ) -> Result<Pin<KBox<Self>>> {
        let held = Held {
            stream,
            bytes,
            start: 0,
        };
        let opened = pin_init!(Self {
            held <- new_mutex!(held, "Opened::held"),
            _share: share,
        });
        KBox::pin_init(opened, GFP_KERNEL)
    }

    /// Reads what is at `position`, and moves that on. Returns how many bytes that was: fewer
    /// than there are, perhaps, and 0 only at the end.
    pub(super) fn read(
        &self,
        mut buffer: UserSliceWriter,
        position: &mut c_longlong,
        task: &Task,
    ) -> Result<usize> {
        let at = usize::try_from(*position).map_err(|_| EINVAL)?;
        let mut held = self.held.lock();
        let bytes = held.at(at, task)?;
        let len = bytes.len().min(buffer.len());
        buffer.write_slice(bytes.get(..len).unwrap_or(&[]))?;
        *position = at.saturating_add(len) as c_longlong;
        Ok(len)
    }
}

impl Held {
    /// What is known of the text from `position` on.
    fn at(&mut self, position: usize, task: &Task) -> Result<&[u8]> {
        if position < self.start {
            self.rewind();
        }
        while position >= self.start + self.bytes.len() {
            let Some(stream) = &mut self.stream else {
                return Ok(&[]);
            };
            let mut text = Text::new();
            let next = stream.next(&mut text, task).and_then(|()| text.finish());
            match next {
                Ok(bytes) if bytes.is_empty() => return Ok(&[]),
                Ok(bytes) => {
                    self.start += self.bytes.len();
                    self.bytes = bytes;
                }
                Err(error) => {
                    self.rewind();
                    return Err(error);
                }
            }
        }
        Ok(self.bytes.get(position - self.start..).unwrap_or(&[]))
    }

    fn rewind(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.rewind();
            self.bytes.clear();
            self.start = 0;
        }
    }
}

/// Part of what open files may hold.
struct Share(usize);

impl Share {
    /// Errors: `ENFILE`.
    fn of(len: usize) -> Result<Self> {
        let before = HELD.fetch_add(len, Relaxed);
        let share = Self(len);
        if before > 0 && before.saturating_add(len) > HELD_MAX {
            return Err(ENFILE);
        }
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Relaxed);
    }
}
