// SPDX-License-Identifier: GPL-2.0

//! The tape's events, and the ways of single interrupts in them: raise, top half, bottom half, woken task.

use crate::collect;
use serde_json::Value;

/// A line of the tape.
#[derive(Clone, Debug)]
pub struct Event {
    pub time: f64,
    pub cpu: u64,
    pub event: String,
    pub subject: String,
    pub detail: String,
    pub context: String,
    pub interrupts: String,
    pub current: String,
}

/// The lab's lines, and the number of each one's interrupt.
pub struct Lines(Vec<(String, String)>);

impl Lines {
    /// From the name and the table `info` of each.
    pub fn of(tables: impl Iterator<Item = (String, Value)>) -> Self {
        let irq = |(line, info): (String, Value)| {
            let rows = info["sections"][0]["rows"].as_array()?;
            let row = rows.iter().find(|row| row["key"] == "irq")?;
            Some((crate::show::field(&row["value"]), line))
        };
        Self(tables.filter_map(irq).collect())
    }

    pub fn of_document(document: &Value) -> Self {
        let knobs = document["knobs"].as_object().into_iter().flatten();
        Self::of(knobs.filter_map(|(knob, table)| {
            let line = knob.strip_prefix("lines/")?.strip_suffix("/info")?;
            Some((line.to_owned(), table.clone()))
        }))
    }

    /// Of those with this interrupt, which some share.
    pub fn names(&self, irq: &str) -> Option<String> {
        let own = self.0.iter().filter(|(other, _)| other == irq);
        let names: Vec<_> = own.map(|(_, line)| line.as_str()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

/// One interrupt's way, as places in the tape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    pub raise: usize,
    pub top: usize,
    pub bottom: usize,
    pub woken: usize,
}

impl Event {
    pub fn of_document(document: &Value) -> Vec<Self> {
        let mut events: Vec<_> = collect::rows(document, "tape")
            .iter()
            .filter_map(Self::of)
            .collect();
        events.sort_by(|a, b| a.time.total_cmp(&b.time));
        events
    }

    pub fn of(row: &Value) -> Option<Self> {
        // The subject of a handler's entry is a number.
        let text = |column: &str| crate::show::field(&row[column]);
        Some(Self {
            time: row["time"].as_f64()?,
            cpu: row["cpu"].as_u64()?,
            event: text("event"),
            subject: text("subject"),
            detail: text("detail"),
            context: text("context"),
            interrupts: text("IF"),
            current: text("current"),
        })
    }

    fn is(&self, event: &str, mechanism: &str) -> bool {
        self.event == event && self.subject == mechanism
    }
}

/// The whole ways through a mechanism: where each of the steps follows the one before.
pub fn ways(events: &[Event], mechanism: &str) -> Vec<Way> {
    let mut ways = Vec::new();
    let mut begun: Option<usize> = None;
    let (mut top, mut bottom) = (None, None);
    for (index, event) in events.iter().enumerate() {
        if event.is("raise", mechanism) {
            (begun, top, bottom) = (Some(index), None, None);
        } else if event.is("top_half", mechanism) {
            top = top.or(Some(index));
        } else if event.is("bottom_half", mechanism) {
            bottom = bottom.or(Some(index));
        } else if event.is("woken", mechanism) {
            if let (Some(raise), Some(top), Some(bottom)) =
                (begun.take(), top.take(), bottom.take())
            {
                ways.push(Way {
                    raise,
                    top,
                    bottom,
                    woken: index,
                });
            }
        }
    }
    ways
}

impl Way {
    pub fn duration(&self, events: &[Event]) -> f64 {
        events[self.woken].time - events[self.raise].time
    }

    /// The one that took neither long nor short.
    pub fn typical(ways: &[Way], events: &[Event]) -> Option<Way> {
        let mut sorted = ways.to_vec();
        sorted.sort_by(|a, b| a.duration(events).total_cmp(&b.duration(events)));
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }

    pub fn longest(ways: &[Way], events: &[Event]) -> Option<Way> {
        let by_duration = |a: &&Way, b: &&Way| a.duration(events).total_cmp(&b.duration(events));
        ways.iter().max_by(by_duration).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn events(of: &[(u64, &str, &str)]) -> Vec<Event> {
        let row = |(time, event, subject): &(u64, &str, &str)| {
            Event::of(
                &json!({"time": time, "cpu": 0, "event": event, "subject": subject, "IF": "IF=0"}),
            )
            .unwrap()
        };
        of.iter().map(row).collect()
    }

    #[test]
    fn a_way_is_whole_or_none() {
        let tape = events(&[
            (0, "bottom_half", "timer"),
            (1, "raise", "timer"),
            (2, "top_half", "timer"),
            (3, "top_half", "tasklet"),
            (9, "bottom_half", "timer"),
            (12, "woken", "timer"),
            (20, "raise", "timer"),
            (21, "woken", "timer"),
        ]);
        assert_eq!(
            ways(&tape, "timer"),
            [Way {
                raise: 1,
                top: 2,
                bottom: 4,
                woken: 5
            }]
        );
        assert_eq!(ways(&tape, "timer")[0].duration(&tape), 11.0);
        assert!(ways(&tape, "tasklet").is_empty());
    }
}
