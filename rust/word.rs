// SPDX-License-Identifier: GPL-2.0

//! Words that hot paths share with others: a load or a store is one instruction.
//!
//! `kernel::sync::atomic::Atomic` is what all else uses. But as long as the kernel does not inline its
//! helpers (`CONFIG_RUST_INLINE_HELPERS`), each access to one is a call of a C function, which costs
//! a dozen instructions: more than what is measured.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

/// A word that several contexts and CPUs load and store.
///
/// A store that [releases](Self::store_release) makes all that was stored before it visible to whoever
/// sees it by a load that [acquires](Self::load_acquire). On x86-64 all four are plain moves, and the
/// orders bind the compiler.
///
/// ```
/// # use irqlab::word::Word;
/// struct Answer {
///     value: Word,
///     is_there: Word,
/// }
///
/// impl Answer {
///     const fn none() -> Self {
///         Self { value: Word::new(0), is_there: Word::new(0) }
///     }
///
///     fn give(&self, value: u64) {
///         self.value.store(value);
///         self.is_there.store_release(1);
///     }
///
///     fn get(&self) -> Option<u64> {
///         (self.is_there.load_acquire() == 1).then(|| self.value.load())
///     }
/// }
/// ```
pub struct Word(AtomicU64);

impl Word {
    /// A word with this value.
    pub const fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// What is there.
    #[inline(always)]
    pub fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// What is there, before anything that comes later is looked at.
    #[inline(always)]
    pub fn load_acquire(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Puts `value` there.
    #[inline(always)]
    pub fn store(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Puts `value` there, after all that was stored before.
    #[inline(always)]
    pub fn store_release(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }
}
