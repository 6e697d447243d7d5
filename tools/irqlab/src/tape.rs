// SPDX-License-Identifier: GPL-2.0

//! `tape`: the time line, whole or what one asks for; recorded anew, also until something takes long.

use crate::{
    error::{Error, Result},
    lab::Lab,
    run, show,
    time_line::{self, Event},
};
use clap::ArgMatches;
use serde_json::{json, Value};

/// How much of what led to a slow interrupt is shown: so many events before it is raised.
const BEFORE: usize = 12;

pub fn tape(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<()> {
    let number = |name: &str| given.get_one::<u64>(name).copied();
    let events = number("events").unwrap_or(3);
    let mut seen = match (given.get_one::<String>("record"), number("stop-at")) {
        (None, None) => read(lab)?,
        (mechanism, Some(us)) => {
            let mechanism = mechanism.map_or("tasklet", String::as_str);
            slow(
                lab,
                mechanism,
                events,
                us as f64 * 1000.0,
                number("tries").unwrap_or(100),
            )?
        }
        (Some(mechanism), None) => {
            record(lab, mechanism, events)?;
            read(lab)?
        }
    };
    name_lines(lab, &mut seen);
    if let Some(first) = given.get_one::<String>("start-at") {
        let start = seen.iter().position(|event| &event.event == first);
        let start = start.ok_or_else(|| {
            Error::refused(
                format!("There is no event {first} on the tape."),
                "`irqlab tape` shows those that there are.",
            )
        })?;
        seen.drain(..start);
    }
    let is_wanted = Filter::of(lab, given)?;
    seen.retain(|event| is_wanted.lets(event));
    if let Some(last) = number("last") {
        seen.drain(
            ..seen
                .len()
                .saturating_sub(usize::try_from(last).unwrap_or(usize::MAX)),
        );
    }
    if is_json {
        for event in &seen {
            show::print_json_line(&to_json(event));
        }
        return Ok(());
    }
    let row = |event: &Event| {
        vec![
            format!("{:.0}", event.time),
            event.cpu.to_string(),
            event.event.clone(),
            event.subject.clone(),
            event.detail.clone(),
            event.context.clone(),
            event.interrupts.clone(),
            event.current.clone(),
        ]
    };
    let columns = [
        "time", "cpu", "event", "subject", "detail", "context", "IF", "current",
    ];
    show::table(&columns, &seen.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

fn to_json(event: &Event) -> Value {
    json!({
        "time": event.time, "cpu": event.cpu, "event": event.event, "subject": event.subject,
        "detail": event.detail, "context": event.context, "IF": event.interrupts, "current": event.current,
    })
}

fn read(lab: &Lab) -> Result<Vec<Event>> {
    let table = lab.table("tape")?.to_json();
    let rows = table["sections"][0]["rows"]
        .as_array()
        .into_iter()
        .flatten();
    Ok(rows.filter_map(Event::of).collect())
}

/// Says of a handler's interrupt which of the lab's lines have that.
fn name_lines(lab: &Lab, tape: &mut [Event]) {
    let tables = lab.names("lines").into_iter().filter_map(|line| {
        let info = lab.table(&format!("lines/{line}/info")).ok()?;
        Some((line, info.to_json()))
    });
    let lines = time_line::Lines::of(tables);
    for event in tape {
        if event.event == "handler_entry" {
            if let Some(names) = lines.names(&event.subject) {
                event.detail = names;
            }
        }
    }
}

/// A tape of some interrupts through a mechanism; off again also if that is refused.
fn record(lab: &Lab, mechanism: &str, events: u64) -> Result<()> {
    lab.tell("tape_on", "1")?;
    let sent = lab.tell(
        &format!("deferral/{mechanism}/schedule"),
        &events.to_string(),
    );
    lab.tell("tape_on", "0")?;
    sent
}

/// Records until an interrupt takes as long as that: what led there, and its way.
fn slow(lab: &Lab, mechanism: &str, events: u64, limit_ns: f64, tries: u64) -> Result<Vec<Event>> {
    let mut longest: f64 = 0.0;
    for _ in 0..tries {
        record(lab, mechanism, events)?;
        let tape = read(lab)?;
        let ways = time_line::ways(&tape, mechanism);
        longest = ways
            .iter()
            .map(|way| way.duration(&tape))
            .fold(longest, f64::max);
        if let Some(way) = ways.iter().find(|way| way.duration(&tape) >= limit_ns) {
            let took = show::time(way.duration(&tape));
            show::say(&format!(
                "from raise to woken task an interrupt took {took}; this led there"
            ));
            return Ok(tape[way.raise.saturating_sub(BEFORE)..=way.woken].to_vec());
        }
        if run::is_interrupted() {
            return Err(Error::interrupted("Interrupted. The tape is off."));
        }
    }
    Err(Error::refused(
        format!(
            "None of {tries} tries of {events} interrupts took {}; the longest: {}.",
            show::time(limit_ns),
            show::time(longest)
        ),
        "Ask for less with --stop-at, or for more with --tries.",
    ))
}

struct Filter {
    cpus: Option<Vec<u64>>,
    events: Vec<String>,
    subjects: Vec<String>,
    from: f64,
    to: f64,
}

impl Filter {
    fn of(lab: &Lab, given: &ArgMatches) -> Result<Self> {
        let words = |name: &str| {
            given
                .get_many::<String>(name)
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut subjects = words("subject");
        if let Some(line) = given.get_one::<String>("line") {
            let info = lab.table(&format!("lines/{line}/info"))?;
            let irq = info.rows().iter().find(|row| row.get(Some(0)) == "irq");
            subjects.push(irq.map_or("none", |row| row.get(Some(1))).to_owned());
        }
        let cpus = given
            .get_one::<String>("cpu")
            .map(|list| cpus_of(list))
            .transpose()?;
        let time =
            |name: &str, default: f64| given.get_one::<u64>(name).map_or(default, |ns| *ns as f64);
        Ok(Self {
            cpus,
            events: words("event"),
            subjects,
            from: time("from", 0.0),
            to: time("to", f64::INFINITY),
        })
    }

    fn lets(&self, event: &Event) -> bool {
        self.cpus
            .as_ref()
            .is_none_or(|cpus| cpus.contains(&event.cpu))
            && (self.events.is_empty() || self.events.contains(&event.event))
            && (self.subjects.is_empty() || self.subjects.contains(&event.subject))
            && (self.from..=self.to).contains(&event.time)
    }
}

/// A list as the kernel writes it: `0,2-3`.
fn cpus_of(list: &str) -> Result<Vec<u64>> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<u64>> {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
        // More than a kernel can have would only take memory.
        (from <= to && to < 8192).then_some(from..=to)
    };
    let ranges: Option<Vec<_>> = list.split(',').map(range).collect();
    let ranges = ranges.ok_or_else(|| {
        Error::refused(
            format!("'{list}' is no list of CPUs."),
            "Write it as 0,2-3.",
        )
    })?;
    Ok(ranges.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpus_of("0,2-4").unwrap(), [0, 2, 3, 4]);
        for wrong in ["", "x", "3-1", "0-99999999999", "1,"] {
            assert!(cpus_of(wrong).is_err(), "{wrong}");
        }
    }
}
