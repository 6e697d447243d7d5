// SPDX-License-Identifier: GPL-2.0

//! What recording itself costs: the time from one stamp to the next when nothing else is between them.

use super::{
    Event,
    Record, //
};
use irqlab::{
    interrupt::local_interrupt_disable,
    ring::Reader, //
};
use kernel::prelude::*;

/// Records events of no mechanism in rings that nobody else knows yet, and of which tracers are not told. Of some
/// tries the median, in nanoseconds.
pub(super) fn measure(reader: &mut Reader) -> Result<u64> {
    const NR_TRIES: usize = 33;

    let record = KBox::pin_init(Record::new(), GFP_KERNEL)?;
    let record: &Record = &record;
    record.writer.connect(reader.rings());
    let mut costs = [0; NR_TRIES];
    for cost in &mut costs {
        {
            let _guard = local_interrupt_disable();
            record.top_quickly(Event(0));
            record.bottom_quickly(Event(0));
        }
        let (mut before, mut last) = (None, None);
        while let Some(noted) = reader.next() {
            before = last;
            last = Some(noted.moment.stamp());
        }
        if let (Some(top), Some(bottom)) = (before, last) {
            *cost = bottom.since_ns(top).unwrap_or(0);
        }
    }
    costs.sort_unstable();
    Ok(costs[NR_TRIES / 2])
}
