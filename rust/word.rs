// SPDX-License-Identifier: GPL-2.0

//! Words that hot paths share with others: what is done with one is an instruction or two.
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
///
/// let answer = Answer::none();
/// assert_eq!(answer.get(), None);
/// answer.give(42);
/// assert_eq!(answer.get(), Some(42));
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

    /// Puts `new` there if `old` is there. Returns what was there, as an error if that was another. Where it
    /// succeeds it orders all before against all after it, as those below do.
    ///
    /// ```
    /// # use irqlab::word::Word;
    /// fn is_taken_by_me(owner: &Word, me: u64) -> bool {
    ///     owner.cmpxchg(0, me).is_ok()
    /// }
    ///
    /// let owner = Word::new(0);
    /// assert!(is_taken_by_me(&owner, 1) && !is_taken_by_me(&owner, 2));
    /// ```
    #[inline(always)]
    pub fn cmpxchg(&self, old: u64, new: u64) -> Result<u64, u64> {
        self.0
            .compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed)
    }

    /// Puts `value` there. Returns what was there.
    ///
    /// ```
    /// # use irqlab::word::Word;
    /// fn take_all(pending: &Word) -> u64 {
    ///     pending.swap(0)
    /// }
    ///
    /// let pending = Word::new(0b101);
    /// assert_eq!((take_all(&pending), take_all(&pending)), (0b101, 0));
    /// ```
    #[inline(always)]
    pub fn swap(&self, value: u64) -> u64 {
        self.0.swap(value, Ordering::SeqCst)
    }

    /// Adds `value`, and wraps around. Returns what was there.
    ///
    /// ```
    /// # use irqlab::word::Word;
    /// /// How many are inside with me, at first.
    /// fn visit(inside: &Word, look_around: impl FnOnce()) -> u64 {
    ///     let others = inside.fetch_add(1);
    ///     look_around();
    ///     inside.fetch_sub(1);
    ///     others
    /// }
    ///
    /// let inside = Word::new(0);
    /// let mut others = 0;
    /// visit(&inside, || others = visit(&inside, || ()));
    /// assert_eq!((others, inside.load()), (1, 0));
    /// ```
    #[inline(always)]
    pub fn fetch_add(&self, value: u64) -> u64 {
        self.0.fetch_add(value, Ordering::SeqCst)
    }

    /// Subtracts `value`, and wraps around. Returns what was there.
    #[inline(always)]
    pub fn fetch_sub(&self, value: u64) -> u64 {
        self.0.fetch_sub(value, Ordering::SeqCst)
    }

    /// Sets the bits of `value`. Who has to know what was there should look afterwards if that does: this is one
    /// instruction as long as nobody asks.
    ///
    /// ```
    /// # use irqlab::word::Word;
    /// const MASKED: u64 = 1;
    ///
    /// fn mask(state: &Word, is_masked: bool) {
    ///     if is_masked {
    ///         state.set_bits(MASKED);
    ///     } else {
    ///         state.clear_bits(MASKED);
    ///     }
    /// }
    ///
    /// let state = Word::new(0b110);
    /// mask(&state, true);
    /// assert_eq!(state.load(), 0b111);
    /// mask(&state, false);
    /// assert_eq!(state.load(), 0b110);
    /// ```
    #[inline(always)]
    pub fn set_bits(&self, value: u64) {
        self.0.fetch_or(value, Ordering::SeqCst);
    }

    /// Clears the bits of `value`, as [`Self::set_bits`] sets them.
    #[inline(always)]
    pub fn clear_bits(&self, value: u64) {
        self.0.fetch_and(!value, Ordering::SeqCst);
    }
}
