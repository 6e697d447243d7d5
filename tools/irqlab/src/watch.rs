// SPDX-License-Identifier: GPL-2.0

//! `watch`: what goes on, again and again, as `top` does.

use crate::{
    error::{Error, Result},
    lab::Lab,
    run, show,
    switched::SwitchedOn,
    table::Table,
};
use clap::ArgMatches;
use serde_json::{json, Value};
use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant},
};

pub fn watch(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<()> {
    let interval: f64 = *given.get_one("interval").expect("it has a default");
    let interval = Duration::try_from_secs_f64(interval)
        .ok()
        .filter(|interval| *interval >= Duration::from_millis(50))
        .ok_or_else(|| {
            Error::refused(
                format!("{interval} seconds is no interval."),
                "Give at least 0.05.",
            )
        })?;
    let count = given.get_one::<u64>("count").copied();
    run::is_interrupted();
    let _softirqs = SwitchedOn::new(lab, "softirqs")?;
    let _nesting = SwitchedOn::new(lab, "nesting")?;
    let mut before = Sample::take(lab)?;
    let mut shown = 0;
    while show::is_read() && count.is_none_or(|count| shown < count) {
        let due = Instant::now() + interval;
        while Instant::now() < due && !run::is_interrupted() {
            thread::sleep(Duration::from_millis(20).min(interval));
        }
        if run::is_interrupted() {
            break;
        }
        let now = Sample::take(lab)?;
        if is_json {
            show::print_json_line(&now.json(&before));
        } else {
            now.page(&before);
        }
        before = now;
        shown += 1;
    }
    Ok(())
}

struct Sample {
    at: Instant,
    progress: Table,
    softirqs: Table,
    interrupts: Table,
    nesting: Table,
    lines: Vec<(String, u64)>,
}

impl Sample {
    fn take(lab: &Lab) -> Result<Self> {
        let mut lines = Vec::new();
        for line in lab.names("lines") {
            let info = lab.table(&format!("lines/{line}/info"))?;
            let handled = info.rows().iter().find(|row| row.get(Some(0)) == "handled");
            lines.push((
                line,
                handled
                    .and_then(|row| row.get(Some(1)).parse().ok())
                    .unwrap_or(0),
            ));
        }
        Ok(Self {
            at: Instant::now(),
            progress: lab.table("progress")?,
            softirqs: lab.table("softirqs")?,
            interrupts: lab.table("ipi/counters")?,
            nesting: lab.table("nesting")?,
            lines,
        })
    }

    /// The tables with each number that grows as so many a second.
    fn json(&self, before: &Self) -> Value {
        let seconds = (self.at - before.at).as_secs_f64();
        let lines = self.lines.iter().zip(&before.lines);
        let lines =
            lines.map(|((line, now), (_, then))| (line.clone(), json!(rate(*now, *then, seconds))));
        json!({
            "seconds": seconds,
            "progress": self.progress.to_json()["sections"][0]["rows"],
            "softirqs": rates(&self.softirqs, &before.softirqs, seconds, &["raised", "entered", "irq_exit", "bh_enable", "ksoftirqd", "ktimers", "idle", "other"]),
            "interrupts": rates(&self.interrupts, &before.interrupts, seconds, &["NMI", "LOC", "IWI", "RES", "CAL", "TLB"]),
            "nesting": self.nesting.to_json()["sections"][0]["rows"],
            "lines": Value::Object(lines.collect()),
        })
    }

    fn page(&self, before: &Self) {
        let values = self.json(before);
        let terminal = console::Term::stdout();
        if terminal.is_term() {
            let _ = terminal.clear_screen();
        }
        let progress = &values["progress"][0];
        match progress["step"].as_u64() {
            Some(step) => show::print(&format!(
                "running: {}, {} of {}: {}\n",
                show::field(&progress["knob"]),
                step,
                show::field(&progress["of"]),
                show::field(&progress["item"])
            )),
            None => show::print("idle\n"),
        }
        show::print(
            "\nsoftirqs a second; latency from raise to entry in ns, since they are watched\n",
        );
        let columns = [
            "vector",
            "raised",
            "entered",
            "irq_exit",
            "bh_enable",
            "ksoftirqd",
            "p50",
            "p99",
            "max",
        ];
        table_of(&values["softirqs"], &columns);
        show::print("\ninterrupts a second, by CPU\n");
        table_of(
            &values["interrupts"],
            &["cpu", "LOC", "IWI", "RES", "CAL", "TLB", "NMI"],
        );
        show::print("\nthe lab's lines: interrupts a second\n");
        let lines: Vec<_> = values["lines"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(line, rate)| json!({"line": line, "handled": rate}))
            .collect();
        table_of(&json!(lines), &["line", "handled"]);
        show::print("\nwhat interrupted what (rows interrupt columns), since they are watched\n");
        table_of(
            &values["nesting"],
            &[
                "interrupted_by",
                "idle",
                "task",
                "softirq",
                "hardirq",
                "nmi",
            ],
        );
        show::print(if terminal.is_term() {
            "\nCtrl-C ends it.\n"
        } else {
            "\n"
        });
    }
}

fn table_of(rows: &Value, columns: &[&str]) {
    let rows = rows.as_array().into_iter().flatten();
    let row = |row: &Value| {
        columns
            .iter()
            .map(|column| show::field(&row[*column]))
            .collect()
    };
    show::table(columns, &rows.map(row).collect::<Vec<_>>());
}

fn rate(now: u64, then: u64, seconds: f64) -> u64 {
    (now.saturating_sub(then) as f64 / seconds).round() as u64
}

/// The rows with some columns as so many a second; the first column names a row.
fn rates(now: &Table, before: &Table, seconds: f64, columns: &[&str]) -> Value {
    let json_of = |table: &Table| {
        table.to_json()["sections"][0]["rows"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let Some(key) = now
        .sections
        .first()
        .and_then(|section| section.columns.first())
    else {
        return json!([]);
    };
    let then: HashMap<String, Value> = json_of(before)
        .into_iter()
        .map(|row| (row[key].to_string(), row))
        .collect();
    let rows = json_of(now).into_iter().map(|mut row| {
        for column in columns {
            let old = then
                .get(&row[key].to_string())
                .and_then(|row| row[*column].as_u64());
            if let (Some(new), Some(old)) = (row[*column].as_u64(), old) {
                row[*column] = json!(rate(new, old, seconds));
            }
        }
        row
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Content;

    #[test]
    fn counts_become_rates() {
        let table = |text| Content::parse(text).into_table().unwrap();
        let (then, now) = (
            table("#cpu LOC CAL\n0 100 7\n1 5 5\n"),
            table("#cpu LOC CAL\n0 300 7\n2 9 9\n"),
        );
        let rates = rates(&now, &then, 2.0, &["LOC", "CAL"]);
        assert_eq!(rates[0], json!({"cpu": 0, "LOC": 100, "CAL": 0}));
        assert_eq!(rates[1], json!({"cpu": 2, "LOC": 9, "CAL": 9}));
    }
}
