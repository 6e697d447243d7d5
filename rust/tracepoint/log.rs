// SPDX-License-Identifier: GPL-2.0

//! What the kernel says in its log.

use super::tracepoints;
use crate::bindings;
use kernel::prelude::*;

tracepoints! {
    /// A message is put into the kernel's log, by anybody, in any context.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::{Attached, Console, Message, Observer}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// struct Complaints(Atomic<usize>);
    ///
    /// fn is_about_work(text: &Message) -> bool {
    ///     text.as_str().contains("workqueue:")
    /// }
    ///
    /// impl Observer<Console> for Complaints {
    ///     fn observe(&self, message: &Console, _context: &Unsleeping) {
    ///         if is_about_work(&message.text) {
    ///             self.0.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// let mut attached = Attached::new(Arc::new(Complaints(Atomic::new(0)), GFP_KERNEL)?);
    /// attached.to::<Console>()?;
    /// pr_info!("workqueue: all is well\n");
    /// assert!(attached.observer().0.load(Relaxed) >= 1);
    /// ```
    c"console", __traceiter_console(text: *const c_char, len: usize) => Console {
        /// What it begins with.
        text: Message = {
            // SAFETY: The tracepoint's text is that long, and nobody changes it before this returns.
            Message::of(unsafe { core::slice::from_raw_parts(text.cast(), len) })
        },
    }
}

/// How much is kept of a message, in bytes.
const MAX_LEN: usize = Message::NR_WORDS * size_of::<u64>();

/// The beginning of a message.
#[derive(Clone, Copy)]
pub struct Message {
    /// What is not printable in ASCII, and what is behind the end, is blank.
    bytes: [u8; MAX_LEN],
}

impl Message {
    /// How many words it takes in atomics.
    pub const NR_WORDS: usize = 15;

    fn of(text: &[u8]) -> Self {
        let mut bytes = [b' '; MAX_LEN];
        for (to, from) in bytes.iter_mut().zip(text) {
            if from.is_ascii_graphic() {
                *to = *from;
            }
        }
        Self { bytes }
    }

    /// The text, in one line.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes).map_or("?", str::trim_end)
    }

    /// The text in words, for atomics.
    ///
    /// ```
    /// # use irqlab::tracepoint::Message;
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// struct Last([Atomic<u64>; Message::NR_WORDS]);
    ///
    /// impl Last {
    ///     fn keep(&self, message: &Message) {
    ///         for (to, word) in self.0.iter().zip(message.words()) {
    ///             to.store(word, Relaxed);
    ///         }
    ///     }
    ///
    ///     fn get(&self) -> Message {
    ///         Message::from_words(core::array::from_fn(|index| self.0[index].load(Relaxed)))
    ///     }
    /// }
    ///
    /// let last = Last([const { Atomic::new(0) }; Message::NR_WORDS]);
    /// assert_eq!(last.get().as_str(), "");
    /// # last.keep(&last.get());
    /// ```
    pub fn words(&self) -> [u64; Self::NR_WORDS] {
        core::array::from_fn(|index| {
            let word = core::array::from_fn(|byte| self.bytes[index * size_of::<u64>() + byte]);
            u64::from_le_bytes(word)
        })
    }

    /// The inverse of [`Self::words`].
    pub fn from_words(words: [u64; Self::NR_WORDS]) -> Self {
        let byte = |at: usize| words[at / size_of::<u64>()].to_le_bytes()[at % size_of::<u64>()];
        let bytes: [u8; MAX_LEN] = core::array::from_fn(byte);
        Self::of(&bytes)
    }
}
