// SPDX-License-Identifier: GPL-2.0

//! What an open file has of its own: its text, whole or the piece that is being read.

use super::{
    file::{
        Mode,
        Stream, //
    },
    node::Node, //
};
use crate::{
    bindings,
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
        Arc,
        Mutex, //
    },
    uaccess::UserSliceWriter, //
};

/// How much text all open files together may hold, in bytes, unless one has all of it.
const HELD_MAX: usize = 32 << 20;

/// How much they hold.
static HELD: Atomic<usize> = Atomic::new(0);

/// All that have a file open.
#[pin_data]
pub(super) struct Opens {
    #[pin]
    all: Mutex<KVec<Arc<Opened>>>,
}

impl Opens {
    /// Errors: `ENOMEM`.
    pub(super) fn new() -> Result<Arc<Self>> {
        let opens = pin_init!(Self {
            all <- new_mutex!(KVec::new(), "Opens::all"),
        });
        Arc::pin_init(opens, GFP_KERNEL)
    }

    /// Takes from all what they have of the file's content and of its module. The file was removed, so that no
    /// others come.
    pub(super) fn revoke(&self) {
        let all = core::mem::take(&mut *self.all.lock());
        for opened in &all {
            opened.let_go();
        }
    }
}

/// What an open file has.
#[pin_data]
pub(super) struct Opened {
    // Nothing when it was revoked.
    #[pin]
    held: Mutex<Option<Held>>,
    opens: Arc<Opens>,
}

struct Held {
    /// From where the rest comes; nothing if all is here.
    stream: Option<KBox<dyn Stream>>,
    bytes: KVVec<u8>,
    /// Where in the text they begin.
    start: usize,
    _share: Share,
    // Last: it has the stream's code.
    _owner: Owner,
}

impl Opened {
    /// The text of `node` at this moment, unless it `is_read` not.
    ///
    /// Errors: those of the content, `ENOMEM`, `ENFILE` if open files hold too much, `ENXIO` if the content's
    /// module is leaving.
    pub(super) fn new(node: &Node, is_read: bool, task: &Task) -> Result<Arc<Self>> {
        let owner = Owner::get(node.owner)?;
        let mut stream = None;
        let mut text = Text::new();
        if is_read && node.mode != Mode::WriteOnly {
            stream = node.content.stream(task)?;
            if stream.is_none() {
                node.content.read(&mut text, task)?;
            }
        }
        let bytes = text.finish()?;
        let share = Share::of(bytes.len()).inspect_err(|error| {
            let why = "those who have files open hold too much text";
            node.content.refused(*error, why);
        })?;
        let held = Held {
            stream,
            bytes,
            start: 0,
            _share: share,
            _owner: owner,
        };
        let opened = pin_init!(Self {
            held <- new_mutex!(Some(held), "Opened::held"),
            opens: node.opens.clone(),
        });
        let opened = Arc::pin_init(opened, GFP_KERNEL)?;
        node.opens.all.lock().push(opened.clone(), GFP_KERNEL)?;
        Ok(opened)
    }

    /// For who closes it.
    pub(super) fn close(self: Arc<Self>) {
        // First: who revokes it finds it, and waits for this.
        self.let_go();
        let is_other = |other: &mut Arc<Self>| !Arc::ptr_eq(other, &self);
        self.opens.all.lock().retain(is_other);
    }

    /// With the lock held, so that the module's code is not run any more when this has returned to anybody.
    fn let_go(&self) {
        *self.held.lock() = None;
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
        let held = Option::as_mut(&mut *held).ok_or(EIO)?;
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

/// A reference to a module, which is not removed meanwhile.
struct Owner(&'static ThisModule);

impl Owner {
    /// Errors: `ENXIO` if it is leaving.
    fn get(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: The module is there: a file of it is opened, which is removed before the module ends. (Who forgets
        // the file leaves the kernel with code that is gone, in C as here.)
        if unsafe { bindings::try_module_get(module.as_ptr()) } {
            Ok(Self(module))
        } else {
            Err(ENXIO)
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: `get` has taken a reference. The module is there: unless its insertion fails it stays for that,
        // and who fails has its files revoked first.
        unsafe { bindings::module_put(self.0.as_ptr()) };
    }
}
