// SPDX-License-Identifier: GPL-2.0

//! What recording itself costs: the time from one stamp to the next when nothing else is between them.

use super::{
    Event,
    Mark,
    Record, //
};
use irqlab::{
    interrupt::local_interrupt_disable,
    ring::Rings, //
};
use kernel::prelude::*;

/// Records events of no mechanism in rings of its own, of which tracers are not told. Of some tries the median, in
/// nanoseconds; nothing if the clock does not show it, as it may stand still while interrupts are off.
pub(super) fn measure() -> Result<Option<u64>> {
    const NR_TRIES: usize = 33;
    const NR_SLOTS: usize = 2;

    let mut reader = Rings::with_slots(NR_SLOTS)?;
    let record = KBox::pin_init(Record::new(), GFP_KERNEL)?;
    let record: &Record = &record;
    record.writer.connect(reader.rings());
    let mut costs = [0; NR_TRIES];
    for cost in &mut costs {
        {
            let _guard = local_interrupt_disable();
            // Where stamps are of the clock, nothing is noted quickly.
            if !record.top_quickly(Event(0)) {
                record.note(Mark::Top, Event(0));
            }
            if !record.bottom_quickly(Event(0)) {
                record.note(Mark::Bottom, Event(0));
            }
        }
        if let (Some(top), Some(bottom)) = (reader.next(), reader.next()) {
            *cost = bottom
                .moment
                .stamp()
                .since_ns(top.moment.stamp())
                .unwrap_or(0);
        }
    }
    costs.sort_unstable();
    Ok(Some(costs[NR_TRIES / 2]).filter(|cost| *cost > 0))
}
