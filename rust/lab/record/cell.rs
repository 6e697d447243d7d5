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
        for (word, value) in self.words.iter().zip(pack(snapshot)) {
            word.store(value, Relaxed);
        }
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

pub(crate) fn pack(snapshot: &Snapshot) -> [u64; PACKED] {
    let (name_low, name_high) = snapshot.comm.split_at(8);
    [
        snapshot.stamp_ns,
        u64::from(snapshot.cpu) << 32 | u64::from(snapshot.pid as u32),
        snapshot.preempt_count,
        snapshot.softirq_count << 16
            | u64::from(snapshot.irqs_disabled) << 8
            | u64::from(snapshot.stack.into_raw()),
        bytes_to_word(name_low),
        bytes_to_word(name_high),
    ]
}

pub(crate) fn unpack(words: [u64; PACKED]) -> Snapshot {
    let [stamp_ns, cpu_pid, preempt_count, rest, name_low, name_high] = words;
    let mut comm = [0; 16];
    comm[..8].copy_from_slice(&name_low.to_le_bytes());
    comm[8..].copy_from_slice(&name_high.to_le_bytes());
    Snapshot {
        stamp_ns,
        cpu: (cpu_pid >> 32) as u32,
        preempt_count,
        softirq_count: rest >> 16,
        irqs_disabled: rest >> 8 & 1 == 1,
        stack: StackRegion::from_raw(rest as u8),
        pid: cpu_pid as u32 as i32,
        comm,
    }
}

fn bytes_to_word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}
