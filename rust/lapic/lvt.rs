// SPDX-License-Identifier: GPL-2.0

//! Entries of the local vector table: what the local APIC's own interrupts become.

/// How an interrupt is presented to the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// By its vector.
    Fixed,
    /// By its vector, to the CPU with the lowest priority of several.
    LowestPriority,
    /// As a system management interrupt.
    Smi,
    /// As an NMI.
    Nmi,
    /// As INIT, which resets the CPU.
    Init,
    /// As a start-up interrupt, which sets a CPU going after INIT.
    StartUp,
    /// By the vector that an 8259 gives for it.
    ExtInt,
    /// In a way that is reserved.
    Reserved,
}

impl Delivery {
    /// The one in bits 8 to 10 of an entry or a command.
    pub(crate) const fn of(register: u32) -> Self {
        match register >> 8 & 7 {
            0 => Delivery::Fixed,
            1 => Delivery::LowestPriority,
            2 => Delivery::Smi,
            4 => Delivery::Nmi,
            5 => Delivery::Init,
            6 => Delivery::StartUp,
            7 => Delivery::ExtInt,
            _ => Delivery::Reserved,
        }
    }

    /// The name that the manuals use.
    pub const fn name(self) -> &'static str {
        match self {
            Delivery::Fixed => "fixed",
            Delivery::LowestPriority => "lowest",
            Delivery::Smi => "SMI",
            Delivery::Nmi => "NMI",
            Delivery::Init => "INIT",
            Delivery::StartUp => "startup",
            Delivery::ExtInt => "ExtINT",
            Delivery::Reserved => "reserved",
        }
    }
}

/// When the timer interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerMode {
    /// Once, as it has counted down to 0.
    OneShot,
    /// And then counts again.
    Periodic,
    /// Once the time stamp counter has passed a value.
    TscDeadline,
    /// In a way that is reserved.
    Reserved,
}

impl TimerMode {
    /// The name that the manuals use.
    pub const fn name(self) -> &'static str {
        match self {
            TimerMode::OneShot => "one-shot",
            TimerMode::Periodic => "periodic",
            TimerMode::TscDeadline => "tsc-deadline",
            TimerMode::Reserved => "reserved",
        }
    }
}

/// An entry of the local vector table, as its register has it.
///
/// Not every field means something for every source: only LINT0 and LINT1 are
/// pins, with a trigger and a polarity; only the timer has a mode; the timer and
/// the error interrupt are always delivered by their vector.
///
/// ```
/// # use irqlab::lapic::{Delivery, Entry, TimerMode};
/// # use kernel::prelude::*;
/// fn show(entry: Entry) {
///     pr_info!("vector {:#x}, {}\n", entry.vector(), entry.delivery().name());
///     pr_info!("waits {}, masked {}\n", entry.is_pending(), entry.is_masked());
///     if entry.delivery() == Delivery::Fixed && entry.is_level_triggered() {
///         pr_info!("low {}, served {}\n", entry.is_active_low(), entry.is_remote_irr());
///     }
/// }
///
/// fn is_periodic(timer: Entry) -> bool {
///     pr_info!("{}\n", timer.timer_mode().name());
///     timer.timer_mode() == TimerMode::Periodic
/// }
///
/// show(Entry(0x1_00ef));
/// assert!(Entry(0x1_00ef).is_masked() && Entry(0x1_00ef).vector() == 0xef);
/// assert!(is_periodic(Entry(0x2_00ec)) && !is_periodic(Entry(0x0_00ec)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u32);

impl Entry {
    /// The vector, where it is delivered by one.
    pub const fn vector(self) -> u8 {
        self.0 as u8
    }

    /// How it is delivered.
    pub const fn delivery(self) -> Delivery {
        Delivery::of(self.0)
    }

    /// Whether one was sent to the CPU, which has not accepted it yet.
    pub const fn is_pending(self) -> bool {
        self.0 & 1 << 12 != 0
    }

    /// Whether a low pin is an active one.
    pub const fn is_active_low(self) -> bool {
        self.0 & 1 << 13 != 0
    }

    /// Whether a level-triggered one was accepted and waits for its EOI.
    pub const fn is_remote_irr(self) -> bool {
        self.0 & 1 << 14 != 0
    }

    /// Whether the pin's level counts rather than its edge.
    pub const fn is_level_triggered(self) -> bool {
        self.0 & 1 << 15 != 0
    }

    /// Whether it does not interrupt.
    pub const fn is_masked(self) -> bool {
        self.0 & 1 << 16 != 0
    }

    /// When the timer interrupts.
    pub const fn timer_mode(self) -> TimerMode {
        match self.0 >> 17 & 3 {
            0 => TimerMode::OneShot,
            1 => TimerMode::Periodic,
            2 => TimerMode::TscDeadline,
            _ => TimerMode::Reserved,
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_lapic_lvt))]
mod tests {
    use super::*;

    #[test]
    fn as_linux_sets_them_up() {
        let timer = Entry(0x4_00ec);
        assert_eq!(timer.vector(), 0xec);
        assert_eq!(timer.timer_mode(), TimerMode::TscDeadline);
        assert!(!timer.is_masked());
        let lint0 = Entry(0x1_0700);
        assert_eq!(lint0.delivery(), Delivery::ExtInt);
        assert!(lint0.is_masked() && !lint0.is_level_triggered() && !lint0.is_active_low());
        let lint1 = Entry(0x400);
        assert_eq!(lint1.delivery(), Delivery::Nmi);
        assert!(!lint1.is_masked());
    }

    #[test]
    fn each_flag_is_a_bit_of_its_own() {
        let flags = |entry: Entry| {
            [
                entry.is_pending(),
                entry.is_active_low(),
                entry.is_remote_irr(),
                entry.is_level_triggered(),
                entry.is_masked(),
            ]
        };
        for bit in 12..17 {
            let mut expected = [false; 5];
            expected[bit - 12] = true;
            assert_eq!(flags(Entry(1 << bit)), expected);
        }
    }
}
