// SPDX-License-Identifier: GPL-2.0

//! Who had which of the 32 slots in Linux 2.4.

/// The slot that any driver could use: its routine ran the task queue `tq_immediate`.
pub const IMMEDIATE_BH: u32 = 9;

/// The slots that Linux 2.4 gave to somebody, from number 0 on: the name, and whose it was.
const NAMES: [(&str, &str); 15] = [
    ("TIMER_BH", "timers that have expired"),
    ("TQUEUE_BH", "the task queue tq_timer, at every tick"),
    ("DIGI_BH", "Digi serial cards"),
    ("SERIAL_BH", "serial ports"),
    ("RISCOM8_BH", "RISCom/8 serial cards"),
    ("SPECIALIX_BH", "Specialix IO8+ serial cards"),
    ("AURORA_BH", "Aurora serial cards"),
    ("ESP_BH", "Hayes ESP serial cards"),
    ("SCSI_BH", "SCSI commands that have ended"),
    ("IMMEDIATE_BH", "the task queue tq_immediate, of any driver"),
    ("CYCLADES_BH", "Cyclades serial cards"),
    ("CM206_BH", "Philips CM206 CD-ROM drives"),
    ("JS_BH", "joysticks"),
    ("MACSERIAL_BH", "serial ports of Macintoshes"),
    ("ISICOM_BH", "Multi-Tech serial cards"),
];

/// The name of slot `number` in Linux 2.4, and whose it was; nothing if it was free.
///
/// ```
/// # use irqlab::old_bh;
/// # use kernel::prelude::*;
/// if let Some((name, user)) = old_bh::name(old_bh::IMMEDIATE_BH) {
///     pr_info!("{name}: {user}\n");
/// }
/// assert_eq!(old_bh::name(u32::MAX), None);
/// ```
pub fn name(number: u32) -> Option<(&'static str, &'static str)> {
    NAMES.get(number as usize).copied()
}
