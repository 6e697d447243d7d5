// SPDX-License-Identifier: GPL-2.0

//! A set of vectors, as a local APIC has them: a bit each.

/// A set of vectors, 0 to 255.
///
/// ```
/// # use irqlab::lapic::Vectors;
/// fn next_to_serve(requested: [u32; 8], in_service: &Vectors) -> Option<u8> {
///     let requested = Vectors::from_raw(requested);
///     requested.highest().filter(|vector| !in_service.contains(*vector))
/// }
///
/// fn nr_above(vectors: &Vectors, priority: u8) -> usize {
///     vectors.iter().filter(|vector| vector >> 4 > priority).count()
/// }
///
/// let none = Vectors::from_raw([0; 8]);
/// let two = [0, 1 << 4 | 1 << 5, 0, 0, 0, 0, 0, 0];
/// assert_eq!(next_to_serve(two, &none), Some(0x25));
/// assert_eq!(nr_above(&Vectors::from_raw(two), 1), 2);
/// assert_eq!(nr_above(&Vectors::from_raw(two), 2), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vectors([u32; 8]);

impl Vectors {
    /// The set in eight registers, the first of which has the vectors 0 to 31.
    pub const fn from_raw(registers: [u32; 8]) -> Self {
        Self(registers)
    }

    /// Whether `vector` is in it.
    pub const fn contains(&self, vector: u8) -> bool {
        self.0[vector as usize / 32] & 1 << (vector % 32) != 0
    }

    /// The vectors, lowest first. The last has the highest priority.
    pub fn iter(&self) -> impl Iterator<Item = u8> + Clone + '_ {
        (0..=u8::MAX).filter(|vector| self.contains(*vector))
    }

    /// The one with the highest priority.
    pub fn highest(&self) -> Option<u8> {
        (0..=u8::MAX).rev().find(|vector| self.contains(*vector))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 8]
    }
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_lapic_vectors))]
mod tests {
    use super::*;

    #[test]
    fn none() {
        let none = Vectors::default();
        assert!(none.is_empty());
        assert_eq!(none.highest(), None);
        assert_eq!(none.iter().count(), 0);
    }

    #[test]
    fn first_last_and_across_registers() {
        let set = Vectors::from_raw([1, 0x8000_0000 | 1, 0, 0, 0, 0, 0, 0x8000_0000]);
        assert!(set.iter().eq([0, 32, 63, 255]));
        assert_eq!(set.highest(), Some(255));
        assert!(set.contains(63) && !set.contains(31) && !set.contains(64));
    }

    #[test]
    fn all() {
        let all = Vectors::from_raw([u32::MAX; 8]);
        assert!(all.iter().eq(0..=255));
    }
}
