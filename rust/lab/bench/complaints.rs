// SPDX-License-Identifier: GPL-2.0

//! Complaints: what the kernel puts into its log meanwhile.

use irqlab::{
    clock,
    tracepoint::Message, //
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

/// How many are kept.
const NR: usize = 8;

/// The first of them.
pub(super) struct Complaints {
    /// 0 while they are not to be noted.
    begin_ns: Atomic<u64>,
    nr: Atomic<u32>,
    kept: [Complaint; NR],
}

/// A message that anybody may note in any context, and that stays as it is then.
struct Complaint {
    is_there: Atomic<bool>,
    at_ns: Atomic<u64>,
    words: [Atomic<u64>; Message::NR_WORDS],
}

impl Complaints {
    pub(super) const fn new() -> Self {
        Self {
            begin_ns: Atomic::new(0),
            nr: Atomic::new(0),
            kept: [const {
                Complaint {
                    is_there: Atomic::new(false),
                    at_ns: Atomic::new(0),
                    words: [const { Atomic::new(0) }; Message::NR_WORDS],
                }
            }; NR],
        }
    }

    /// Forgets all, and begins.
    pub(super) fn begin(&self, now_ns: u64) {
        for kept in &self.kept {
            kept.is_there.store(false, Relaxed);
        }
        self.nr.store(0, Relaxed);
        self.begin_ns.store(now_ns, Release);
    }

    pub(super) fn end(&self) {
        self.begin_ns.store(0, Relaxed);
    }

    pub(super) fn note(&self, message: &Message) {
        let begin_ns = self.begin_ns.load(Acquire);
        if begin_ns == 0 {
            return;
        }
        let index = self.nr.fetch_add(1, Relaxed) as usize;
        if let Some(kept) = self.kept.get(index) {
            let at_ns = clock::elapsed_ns(begin_ns, clock::now_ns());
            kept.at_ns.store(at_ns.unwrap_or(0), Relaxed);
            for (to, word) in kept.words.iter().zip(message.words()) {
                to.store(word, Relaxed);
            }
            kept.is_there.store(true, Release);
        }
    }

    /// How many there were, and the first of them with their times.
    pub(super) fn all(&self) -> (u32, impl Iterator<Item = (u64, Message)> + '_) {
        let kept = self.kept.iter().filter(|kept| kept.is_there.load(Acquire));
        let kept = kept.map(|kept| {
            let words = core::array::from_fn(|index| kept.words[index].load(Relaxed));
            (kept.at_ns.load(Relaxed), Message::from_words(words))
        });
        (self.nr.load(Relaxed), kept)
    }
}
