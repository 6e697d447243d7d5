// SPDX-License-Identifier: GPL-2.0

//! A place for one snapshot, written from any context without a lock.

use irqlab::context::{
    Snapshot,
    StackRegion, //
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Full,
    Relaxed,
    Release, //
};

/// The last snapshot that was stored.
///
/// The sequence number is odd while somebody writes. A writer that finds another
/// one at it, which it has interrupted, leaves: the snapshots are of the same
/// moment. A reader that sees the number change tries again.
pub(crate) struct SnapshotCell {
    sequence: Atomic<u64>,
    words: [Atomic<u64>; PACKED],
}

impl SnapshotCell {
    pub(crate) fn new() -> Self {
        Self {
            sequence: Atomic::new(0),
            words: [const { Atomic::new(0) }; PACKED],
        }
    }

    #[inline]
    pub(crate) fn store(&self, snapshot: &Snapshot) {
        let sequence = self.sequence.load(Relaxed);
        let is_free = sequence & 1 == 0;
        if !is_free || self.sequence.cmpxchg(sequence, sequence + 1, Full).is_err() {
            return;
        }
        store_words(&self.words, snapshot);
        self.sequence.store(sequence + 2, Release);
    }

    /// The snapshot, unless there is none or writers leave no time to read it.
    pub(crate) fn load(&self) -> Option<Snapshot> {
        const TRIES: usize = 100;
        for _ in 0..TRIES {
            let before = self.sequence.load(Acquire);
            if before == 0 {
                return None;
            }
            let words = core::array::from_fn(|index| self.words[index].load(Acquire));
            if before & 1 == 0 && self.sequence.load(Relaxed) == before {
                return Some(unpack(words));
            }
            core::hint::spin_loop();
        }
        None
    }
}

/// How many words a snapshot takes.
pub(crate) const PACKED: usize = 6;

/// Stores a snapshot, a word at a time.
#[inline]
pub(crate) fn store_words(words: &[Atomic<u64>; PACKED], snapshot: &Snapshot) {
    let packed = pack(snapshot);
    for (index, word) in words.iter().enumerate() {
        word.store(packed[index], Relaxed);
    }
}

#[inline]
pub(crate) fn pack(snapshot: &Snapshot) -> [u64; PACKED] {
    let name = u128::from_le_bytes(snapshot.comm);
    [
        snapshot.stamp_ns,
        u64::from(snapshot.cpu) << 32 | u64::from(snapshot.pid as u32),
        snapshot.preempt_count,
        snapshot.softirq_count << 16
            | u64::from(snapshot.irqs_disabled) << 8
            | u64::from(snapshot.stack.into_raw()),
        name as u64,
        (name >> 64) as u64,
    ]
}

pub(crate) fn unpack(words: [u64; PACKED]) -> Snapshot {
    let [stamp_ns, cpu_pid, preempt_count, rest, name_low, name_high] = words;
    Snapshot {
        stamp_ns,
        cpu: (cpu_pid >> 32) as u32,
        preempt_count,
        softirq_count: rest >> 16,
        irqs_disabled: rest >> 8 & 1 == 1,
        stack: StackRegion::from_raw(rest as u8),
        pid: cpu_pid as u32 as i32,
        comm: (u128::from(name_high) << 64 | u128::from(name_low)).to_le_bytes(),
    }
}
