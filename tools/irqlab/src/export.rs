// SPDX-License-Identifier: GPL-2.0

//! `export`: the lab's figures for programs that draw, sum up or keep them.

use crate::{
    collect,
    distribution::Distribution,
    error::{Error, Result},
    lab::Lab,
    show,
    time_line::{self, Event, Lines},
};
use clap::ArgMatches;
use serde_json::{json, Value};
use std::{collections::BTreeSet, fmt::Write, path::PathBuf};

pub fn export(open: impl Fn() -> Result<Lab>, given: &ArgMatches) -> Result<String> {
    let document = match given.get_one::<PathBuf>("file") {
        Some(path) => collect::load(path)?,
        None => collect::document(&open()?)?,
    };
    if let Some(table) = given.get_one::<String>("csv") {
        csv(&document, table)
    } else if given.get_flag("perfetto") {
        perfetto(&document)
    } else {
        Ok(prometheus(&document))
    }
}

// ---- CSV -------------------------------------------------------------------------------------------

fn csv(document: &Value, table: &str) -> Result<String> {
    let (columns, rows): (Vec<String>, Vec<Value>) = match table {
        "bench" => {
            let benches = document["benches"].as_array().into_iter().flatten();
            let rows: Vec<_> = benches
                .flat_map(|bench| of_bench(bench, &bench["rows"]))
                .collect();
            let columns = [
                "line",
                "mechanism",
                "cpu",
                "count",
                "lost",
                "coalesced",
                "irq_p50",
                "p50",
                "p90",
                "p99",
                "p99.9",
                "max",
                "wake_p50",
                "wake_p99",
                "contexts",
                "current",
                "top_cpus",
                "bottom_cpus",
                "task_cpus",
                "net_irq",
                "net_p50",
                "net_wake",
                "irq_min",
                "min",
                "wake_min",
                "asked",
                "note",
            ];
            (columns.map(str::to_owned).to_vec(), rows)
        }
        "claims" => {
            let rows = document["claims"].as_array().cloned().unwrap_or_default();
            (
                ["id", "group", "verdict", "statement", "evidence"]
                    .map(str::to_owned)
                    .to_vec(),
                rows,
            )
        }
        "distributions" => {
            let columns = [
                "line",
                "mechanism",
                "stage",
                "from_ns",
                "to_ns",
                "count",
                "asked",
            ]
            .map(str::to_owned)
            .to_vec();
            (columns, distributions(document))
        }
        knob if collect::VICTIMS.contains(&knob) => {
            let benches = document["benches"].as_array().into_iter().flatten();
            let of = benches.map(|bench| (bench, &bench["victims"][knob]["sections"][0]));
            let of: Vec<_> = of.filter(|(_, section)| section.is_object()).collect();
            let columns = of.first().map(|(_, section)| &section["columns"]);
            let columns = columns.and_then(Value::as_array).ok_or_else(|| {
                Error::file(
                    format!("There is no table {knob}."),
                    "Have one made: irqlab run bench victims=1, or collect with --measure.",
                )
            })?;
            let own = columns.iter().map(show::field);
            let columns = ["line".to_owned()].into_iter().chain(own);
            let rows = of
                .iter()
                .flat_map(|(bench, section)| of_bench(bench, &section["rows"]));
            let more = ["under", "asked", "note"].map(str::to_owned);
            (columns.chain(more).collect(), rows.collect())
        }
        knob => {
            let section = &document["knobs"][knob]["sections"][0];
            let columns = section["columns"].as_array().ok_or_else(|| {
                let tables = document["knobs"].as_object().into_iter().flatten();
                let names: Vec<_> = tables
                    .filter(|(_, value)| value.is_object())
                    .map(|(name, _)| name.as_str())
                    .chain(collect::VICTIMS)
                    .collect();
                Error::file(
                    format!("There is no table {knob}."),
                    format!("There are: bench claims distributions {}", names.join(" ")),
                )
            })?;
            let columns = columns
                .iter()
                .map(show::field)
                .chain(["under".to_owned(), "note".to_owned()])
                .collect();
            (
                columns,
                section["rows"].as_array().cloned().unwrap_or_default(),
            )
        }
    };
    let mut text = columns
        .iter()
        .map(|column| quoted(column))
        .collect::<Vec<_>>()
        .join(",")
        + "\n";
    for row in rows {
        let fields: Vec<_> = columns
            .iter()
            .map(|column| {
                if row[column].is_null() {
                    String::new()
                } else {
                    quoted(&show::field(&row[column]))
                }
            })
            .collect();
        text += &(fields.join(",") + "\n");
    }
    Ok(text)
}

/// Rows of a bench that say of which one.
fn of_bench(bench: &Value, rows: &Value) -> Vec<Value> {
    let mut rows = rows.as_array().cloned().unwrap_or_default();
    for row in &mut rows {
        row["line"] = bench["line"].clone();
        row["asked"] = bench["asked"].clone();
    }
    rows
}

fn distributions(document: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for bench in document["benches"].as_array().into_iter().flatten() {
        for (mechanism, rows) in bench["distributions"].as_object().into_iter().flatten() {
            for mut row in of_bench(bench, rows) {
                row["mechanism"] = json!(mechanism);
                all.push(row);
            }
        }
    }
    all
}

/// A field of RFC 4180.
fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

// ---- Perfetto --------------------------------------------------------------------------------------

/// The tape in the trace event format, which Perfetto and Chrome read: a track for each CPU, handlers and softirqs
/// as slices, and each interrupt's way from raise to woken task as a flow through slices of its own.
fn perfetto(document: &Value) -> Result<String> {
    let tape = Event::of_document(document);
    if tape.is_empty() {
        return Err(Error::file(
            "There is nothing on the tape.",
            "Record one: irqlab tape --record tasklet; or collect with --measure.",
        ));
    }
    let cpus: BTreeSet<u64> = tape.iter().map(|event| event.cpu).collect();
    let mut events = vec![
        json!({"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "CPUs, as the tape of irqlab saw them"}}),
    ];
    for cpu in &cpus {
        events.push(json!({"ph": "M", "name": "thread_name", "pid": 1, "tid": cpu, "args": {"name": format!("CPU {cpu}")}}));
    }
    slices(&tape, &Lines::of_document(document), &mut events);
    flows(&tape, &mut events);
    Ok(json!({"traceEvents": events, "displayTimeUnit": "ns"}).to_string() + "\n")
}

fn us(ns: f64) -> f64 {
    ns / 1000.0
}

fn args(event: &Event) -> Value {
    json!({"context": event.context, "interrupts": event.interrupts, "current": event.current, "detail": event.detail})
}

/// What has an entry and an exit is a slice; of anything else it is known that it was.
fn slices(tape: &[Event], lines: &Lines, events: &mut Vec<Value>) {
    for (index, event) in tape.iter().enumerate() {
        let (name, exit) = match event.event.as_str() {
            "handler_entry" => {
                let names = lines.names(&event.subject);
                let names = names.map_or(String::new(), |names| format!(" ({names})"));
                (format!("irq {}{names}", event.subject), "handler_exit")
            }
            "softirq_entry" => (format!("softirq {}", event.subject), "softirq_exit"),
            "handler_exit" | "softirq_exit" | "top_half" | "bottom_half" | "raise" | "woken" => {
                continue
            }
            other => {
                let name = format!("{other} {}", event.subject);
                events.push(json!({"ph": "i", "s": "t", "name": name, "cat": other, "pid": 1, "tid": event.cpu, "ts": us(event.time), "args": args(event)}));
                continue;
            }
        };
        let ends = |other: &&Event| {
            other.cpu == event.cpu && other.event == exit && other.subject == event.subject
        };
        // What has no end any more on the tape is left out.
        if let Some(end) = tape[index..].iter().find(ends) {
            events.push(json!({
                "ph": "X", "name": name, "cat": event.event.split('_').next(), "pid": 1, "tid": event.cpu,
                "ts": us(event.time), "dur": us(end.time - event.time), "args": args(event),
            }));
        }
    }
}

/// Each step of a way is a slice as short as can be, for the arrows begin and end at slices.
fn flows(tape: &[Event], events: &mut Vec<Value>) {
    const SHORT_US: f64 = 0.1;

    let mechanisms: BTreeSet<&str> = tape
        .iter()
        .filter(|event| event.event == "raise")
        .map(|event| event.subject.as_str())
        .collect();
    let mut id = 0;
    for mechanism in mechanisms {
        for way in time_line::ways(tape, mechanism) {
            id += 1;
            let steps = [
                (way.raise, "raise", "s"),
                (way.top, "top half", "t"),
                (way.bottom, "bottom half", "t"),
                (way.woken, "task", "f"),
            ];
            for (index, what, phase) in steps {
                let event = &tape[index];
                let name = format!("{what}: {mechanism}");
                events.push(json!({
                    "ph": "X", "name": name, "cat": "irqlab", "pid": 1, "tid": event.cpu, "ts": us(event.time), "dur": SHORT_US, "args": args(event),
                }));
                let mut arrow = json!({
                    "ph": phase, "id": id, "name": mechanism, "cat": "irqlab", "pid": 1, "tid": event.cpu, "ts": us(event.time),
                });
                if phase == "f" {
                    // To the slice that is there, not to the next.
                    arrow["bp"] = json!("e");
                }
                events.push(arrow);
            }
        }
    }
}

// ---- Prometheus ------------------------------------------------------------------------------------

/// The text format: figures that only grow are counters, distributions are summaries.
fn prometheus(document: &Value) -> String {
    let mut text = String::new();
    let machine = &document["machine"];
    let labels = ["kernel", "preemption", "cpu"].map(|key| (key, show::field(&machine[key])));
    head(&mut text, "irqlab_info", "gauge", "What was measured on");
    sample(&mut text, "irqlab_info", &labels, 1.0);
    benches(&mut text, document);
    victims(&mut text, document);
    head(
        &mut text,
        "irqlab_claims",
        "gauge",
        "Claims by their verdict",
    );
    for verdict in ["holds", "outdated", "skip", "fails"] {
        let claims = document["claims"].as_array().into_iter().flatten();
        let count = claims.filter(|claim| claim["verdict"] == verdict).count();
        sample(
            &mut text,
            "irqlab_claims",
            &[("verdict", verdict.to_owned())],
            count as f64,
        );
    }
    for family in FAMILIES {
        family.of(&mut text, document);
    }
    text
}

/// The benches: what is the same of two is asked for by different commands.
fn benches(text: &mut String, document: &Value) {
    let name = "irqlab_latency_seconds";
    head(
        text,
        name,
        "summary",
        "Latency of a stage: raise to top half, to bottom half, to the waiting task",
    );
    let all = || document["benches"].as_array().into_iter().flatten();
    for bench in all() {
        for (mechanism, rows) in bench["distributions"].as_object().into_iter().flatten() {
            for stage in ["top", "bottom", "waiter"] {
                let seen = Distribution::of(rows, "stage", stage);
                let labels = [
                    ("line", show::field(&bench["line"])),
                    ("mechanism", mechanism.clone()),
                    ("stage", stage.to_owned()),
                    ("asked", show::field(&bench["asked"])),
                ];
                let figures = [0.5, 0.9, 0.99].map(|part| (part, seen.quantile(part)));
                summary(text, name, &labels, &figures, seen.count());
            }
        }
    }
    for (name, column, scale, help) in [
        (
            "irqlab_lost_events",
            "lost",
            1.0,
            "Events whose bottom half did not run in time",
        ),
        (
            "irqlab_coalesced_events",
            "coalesced",
            1.0,
            "Events that a bottom half served together with another one",
        ),
        (
            "irqlab_net_irq_seconds",
            "net_irq",
            1e9,
            "Median from raise to top half, without what recording costs",
        ),
        (
            "irqlab_net_latency_seconds",
            "net_p50",
            1e9,
            "Median from top half to bottom half, without what recording costs",
        ),
        (
            "irqlab_net_wake_seconds",
            "net_wake",
            1e9,
            "Median from bottom half to task, without what recording costs",
        ),
    ] {
        head(text, name, "gauge", help);
        for bench in all() {
            for row in bench["rows"].as_array().into_iter().flatten() {
                let labels = [
                    ("line", show::field(&row["line"])),
                    ("mechanism", show::field(&row["mechanism"])),
                    ("asked", show::field(&bench["asked"])),
                ];
                if let Some(value) = row[column].as_f64() {
                    sample(text, name, &labels, value / scale);
                }
            }
        }
    }
}

/// What others have suffered.
fn victims(text: &mut String, document: &Value) {
    let name = "irqlab_victim_latency_seconds";
    head(
        text,
        name,
        "summary",
        "How long others waited for their turn that were due while a half worked",
    );
    for bench in document["benches"].as_array().into_iter().flatten() {
        let rows = &bench["victims"][collect::VICTIMS[0]]["sections"][0]["rows"];
        for row in rows.as_array().into_iter().flatten() {
            let labels = [
                ("line", show::field(&bench["line"])),
                ("mechanism", show::field(&row["mechanism"])),
                ("victim", show::field(&row["victim"])),
                ("where", show::field(&row["where"])),
                ("asked", show::field(&bench["asked"])),
            ];
            let figures = [(0.5, "p50"), (0.99, "p99"), (1.0, "max")]
                .map(|(part, column)| (part, row[column].as_f64()));
            summary(
                text,
                name,
                &labels,
                &figures,
                row["count"].as_f64().unwrap_or(0.0),
            );
        }
    }
}

/// A table of the lab as samples.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    knob: &'static str,
    labels: &'static [&'static str],
    /// The label that says which column it is, if there are several.
    column: Option<&'static str>,
    /// The columns, and how many of their units are one of the sample's.
    values: &'static [(&'static str, f64)],
}

const FAMILIES: [Family; 5] = [
    Family {
        name: "irqlab_softirqs_total",
        kind: "counter",
        help: "Softirqs since they are watched",
        knob: "softirqs",
        labels: &["vector"],
        column: Some("what"),
        values: &[("raised", 1.0), ("entered", 1.0)],
    },
    Family {
        name: "irqlab_softirq_seconds_total",
        kind: "counter",
        help: "How long softirqs ran since they are watched",
        knob: "softirq_times",
        labels: &["cpu", "vector"],
        column: None,
        values: &[("total", 1e9)],
    },
    Family {
        name: "irqlab_interrupts_total",
        kind: "counter",
        help: "The kernel's own counts of interrupts without a line",
        knob: "ipi/counters",
        labels: &["cpu"],
        column: Some("kind"),
        values: &[
            ("NMI", 1.0),
            ("LOC", 1.0),
            ("IWI", 1.0),
            ("RES", 1.0),
            ("CAL", 1.0),
            ("TLB", 1.0),
        ],
    },
    Family {
        name: "irqlab_calls_total",
        kind: "counter",
        help: "Calls and interrupts between CPUs since they are watched, by function",
        knob: "ipi/who",
        labels: &["from", "to", "what", "function"],
        column: None,
        values: &[("count", 1.0)],
    },
    Family {
        name: "irqlab_memory_bytes",
        kind: "gauge",
        help: "What the modules take, and what the lab has allocated for what it records",
        knob: "memory",
        labels: &["what"],
        column: None,
        values: &[("bytes", 1.0)],
    },
];

impl Family {
    fn of(&self, text: &mut String, document: &Value) {
        head(text, self.name, self.kind, self.help);
        // Of what differs in nothing that is shown, as a function's calls from several places in it, the sum.
        let mut samples: Vec<(Vec<(&str, String)>, f64)> = Vec::new();
        for row in collect::rows(document, self.knob) {
            for (column, scale) in self.values {
                let Some(value) = row[*column].as_f64() else {
                    continue;
                };
                let labels = self
                    .labels
                    .iter()
                    .map(|label| (*label, show::field(&row[*label])));
                let which = self.column.map(|label| (label, (*column).to_owned()));
                let labels: Vec<_> = labels.chain(which).collect();
                match samples.iter_mut().find(|(known, _)| *known == labels) {
                    Some((_, sum)) => *sum += value / scale,
                    None => samples.push((labels, value / scale)),
                }
            }
        }
        for (labels, value) in samples {
            sample(text, self.name, &labels, value);
        }
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Quantiles, of which some may be unknown, in nanoseconds; and of how many. Nothing of nothing.
fn summary(
    text: &mut String,
    name: &str,
    labels: &[(&str, String)],
    quantiles: &[(f64, Option<f64>)],
    count: f64,
) {
    if count == 0.0 {
        return;
    }
    for (part, ns) in quantiles {
        if let Some(ns) = ns {
            let mut labels = labels.to_vec();
            labels.push(("quantile", part.to_string()));
            sample(text, name, &labels, ns / 1e9);
        }
    }
    sample(text, &format!("{name}_count"), labels, count);
}

fn sample(text: &mut String, name: &str, labels: &[(&str, String)], value: f64) {
    let escaped = |value: &str| {
        value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let labels: Vec<_> = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
        .collect();
    let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape() -> Value {
        let row = |time: u64, event: &str, subject: &str| json!({"time": time, "cpu": 0, "event": event, "subject": subject, "IF": "IF=0"});
        json!({"knobs": {"tape": {"sections": [{"rows": [
            row(0, "raise", "tasklet"), row(1000, "handler_entry", "26"), row(2000, "top_half", "tasklet"),
            row(3000, "handler_exit", "26"), row(4000, "bottom_half", "tasklet"), row(5000, "woken", "tasklet"),
            row(6000, "handler_entry", "26"),
        ]}]}}})
    }

    #[test]
    fn an_interrupt_is_one_flow() {
        let trace: Value = serde_json::from_str(&perfetto(&tape()).unwrap()).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let phases: Vec<_> = events
            .iter()
            .filter(|event| event["id"] == 1)
            .map(|event| event["ph"].as_str().unwrap())
            .collect();
        assert_eq!(phases, ["s", "t", "t", "f"]);
        // The second entry has no exit on the tape.
        let slices: Vec<_> = events
            .iter()
            .filter(|event| event["name"] == "irq 26")
            .collect();
        assert_eq!(slices.len(), 1);
        assert_eq!(slices[0]["dur"], 2.0);
    }

    #[test]
    fn lines_have_their_names() {
        let mut document = tape();
        document["knobs"]["lines/sim0/info"] = json!({"sections": [{"rows": [{"key": "kind", "value": "simulated"}, {"key": "irq", "value": 26}]}]});
        let trace = perfetto(&document).unwrap();
        assert!(trace.contains("\"irq 26 (sim0)\""), "{trace}");
    }

    /// The Trace Event Format that Perfetto reads: what each phase must have, and that each arrow is at a slice.
    #[test]
    fn a_viewer_can_read_it() {
        let trace: Value = serde_json::from_str(&perfetto(&tape()).unwrap()).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let of_phase =
            |phase: &'static str| events.iter().filter(move |event| event["ph"] == phase);
        for event in events {
            let must_be = |key: &str, is_so: bool| assert!(is_so, "{key} of {event}");
            must_be("name", event["name"].is_string());
            must_be("pid", event["pid"].is_u64());
            match event["ph"].as_str().unwrap() {
                "M" => must_be("args", event["args"]["name"].is_string()),
                "X" => must_be("dur", event["dur"].as_f64().is_some_and(|us| us >= 0.0)),
                "i" => must_be("s", event["s"] == "t"),
                "s" | "t" | "f" => must_be(
                    "id and cat",
                    event["id"].is_u64() && event["cat"].is_string(),
                ),
                other => panic!("no phase {other}"),
            }
            if event["ph"] != "M" {
                must_be("tid and ts", event["tid"].is_u64() && event["ts"].is_f64());
            }
        }
        for arrow in ["s", "t", "f"].into_iter().flat_map(of_phase) {
            let is_there = |slice: &Value| {
                let (begin, length) = (
                    slice["ts"].as_f64().unwrap(),
                    slice["dur"].as_f64().unwrap(),
                );
                let at = arrow["ts"].as_f64().unwrap();
                slice["tid"] == arrow["tid"] && (begin..=begin + length).contains(&at)
            };
            assert!(of_phase("X").any(is_there), "no slice at {arrow}");
        }
        assert_eq!(of_phase("s").count(), of_phase("f").count());
    }

    #[test]
    fn an_empty_tape_is_an_error_with_a_cure() {
        let error = perfetto(&json!({})).unwrap_err().to_string();
        assert!(error.contains("irqlab tape --record"), "{error}");
    }

    #[test]
    fn csv_is_quoted() {
        let document = json!({"claims": [{"id": "A-01", "verdict": null, "statement": "one, \"two\"", "evidence": "x"}]});
        assert_eq!(
            csv(&document, "claims").unwrap(),
            "id,group,verdict,statement,evidence\nA-01,,,\"one, \"\"two\"\"\",x\n"
        );
        assert!(csv(&document, "none").is_err());
    }
}
