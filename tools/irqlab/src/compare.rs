// SPDX-License-Identifier: GPL-2.0

//! `compare`: what differs between two runs, or two kernels, by more than noise.

use crate::{
    collect,
    distribution::Distribution,
    error::{Result, SOMETHING_FOUND},
    show,
};
use clap::ArgMatches;
use serde_json::{json, Value};
use std::path::PathBuf;

/// A probability that nobody takes for chance.
const RARE: f64 = 0.001;
/// With fewer events nothing is said.
const FEW: f64 = 20.0;

pub fn compare(given: &ArgMatches, is_json: bool) -> Result<u8> {
    let load =
        |name: &str| collect::load(given.get_one::<PathBuf>(name).expect("clap asks for one"));
    let (a, b) = (load("a")?, load("b")?);
    let percent = *given.get_one::<u64>("ratio").expect("it has a default");
    let found = Comparison::new(&a, &b, 1.0 + percent as f64 / 100.0);
    if is_json {
        show::print_json(&found.json());
    } else {
        found.print();
    }
    Ok(if found.is_same() { 0 } else { SOMETHING_FOUND })
}

pub struct Comparison {
    /// What, in A, in B: of the machines, which do not count as differences.
    machines: Vec<[String; 3]>,
    pub latencies: Vec<Difference>,
    /// Mechanism, in A, in B.
    contexts: Vec<[String; 3]>,
    /// Claim, in A, in B, evidence of B.
    verdicts: Vec<[String; 4]>,
    /// How many latencies were compared, and how many had too few events.
    nr_compared: usize,
    nr_few: usize,
}

pub struct Difference {
    pub what: String,
    pub a: f64,
    pub b: f64,
    pub chance: f64,
}

impl Comparison {
    pub fn new(a: &Value, b: &Value, ratio: f64) -> Self {
        let mut new = Self {
            machines: machines(a, b),
            latencies: Vec::new(),
            contexts: Vec::new(),
            verdicts: verdicts(a, b),
            nr_compared: 0,
            nr_few: 0,
        };
        for (line, one, other) in pairs(a, b) {
            for (mechanism, rows) in one["distributions"].as_object().into_iter().flatten() {
                let others = &other["distributions"][mechanism];
                for (stage, what) in [
                    ("top", "raise to top half"),
                    ("bottom", "top half to bottom half"),
                    ("waiter", "bottom half to task"),
                ] {
                    let what = format!("{mechanism} on {line}: {what}");
                    new.compare(
                        what,
                        &Distribution::of(rows, "stage", stage),
                        &Distribution::of(others, "stage", stage),
                        ratio,
                    );
                }
                let (here, there) = (
                    contexts(&one["contexts"][mechanism]),
                    contexts(&other["contexts"][mechanism]),
                );
                if !here.is_empty() && !there.is_empty() && here != there {
                    new.contexts.push([
                        format!("{mechanism} on {line}"),
                        here.join("; "),
                        there.join("; "),
                    ]);
                }
            }
        }
        for (stage, what) in [
            ("one_way", "call of another CPU, one way"),
            ("round_trip", "call of another CPU, and back"),
        ] {
            let of =
                |document| Distribution::of_rows(collect::rows(document, "ipi/cdf"), "what", stage);
            new.compare(what.to_owned(), &of(a), &of(b), ratio);
        }
        new
    }

    fn compare(&mut self, what: String, a: &Distribution, b: &Distribution, ratio: f64) {
        let quartiles =
            |of: &Distribution| Some([of.quantile(0.25)?, of.quantile(0.5)?, of.quantile(0.75)?]);
        let (Some(here), Some(there)) = (quartiles(a), quartiles(b)) else {
            return;
        };
        if a.count() < FEW || b.count() < FEW {
            self.nr_few += 1;
            return;
        }
        self.nr_compared += 1;
        let (low, high) = (here[1].min(there[1]).max(1.0), here[1].max(there[1]));
        let is_apart = here[2] < there[0] || there[2] < here[0];
        let chance = a.chance(b);
        if high / low >= ratio && is_apart && chance < RARE {
            self.latencies.push(Difference {
                what,
                a: here[1],
                b: there[1],
                chance,
            });
        }
    }

    pub fn is_same(&self) -> bool {
        self.latencies.is_empty() && self.contexts.is_empty() && self.verdicts.is_empty()
    }

    /// What differs, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let machines = self
            .machines
            .iter()
            .map(|[what, a, b]| format!("{what}: {b} instead of {a}"));
        let latencies = self.latencies.iter().map(|of| {
            format!(
                "{}: {} instead of {}",
                of.what,
                show::time(of.b),
                show::time(of.a)
            )
        });
        let contexts = self
            .contexts
            .iter()
            .map(|[what, a, b]| format!("{what}: the bottom half ran in {b} instead of {a}"));
        let verdicts = self
            .verdicts
            .iter()
            .map(|[id, a, b, _]| format!("{id}: {b} instead of {a}"));
        machines
            .chain(latencies)
            .chain(contexts)
            .chain(verdicts)
            .collect()
    }

    fn json(&self) -> Value {
        let latency = |of: &Difference| json!({"what": of.what, "a_p50_ns": of.a, "b_p50_ns": of.b, "chance": of.chance});
        let triple = |[what, a, b]: &[String; 3]| json!({"what": what, "a": a, "b": b});
        json!({
            "machines": self.machines.iter().map(triple).collect::<Vec<_>>(),
            "latencies": self.latencies.iter().map(latency).collect::<Vec<_>>(),
            "contexts": self.contexts.iter().map(triple).collect::<Vec<_>>(),
            "verdicts": self.verdicts.iter().map(|[id, a, b, evidence]| json!({"claim": id, "a": a, "b": b, "evidence": evidence})).collect::<Vec<_>>(),
            "compared": self.nr_compared,
            "too_few_events": self.nr_few,
        })
    }

    fn print(&self) {
        if !self.machines.is_empty() {
            show::table(
                &["machine", "A", "B"],
                &self
                    .machines
                    .iter()
                    .map(|row| row.to_vec())
                    .collect::<Vec<_>>(),
            );
            show::print("\n");
        }
        if !self.latencies.is_empty() {
            let row = |of: &Difference| {
                let (ratio, word) = if of.b > of.a {
                    (of.b / of.a, "slower")
                } else {
                    (of.a / of.b, "faster")
                };
                vec![
                    of.what.clone(),
                    show::time(of.a),
                    show::time(of.b),
                    format!("B is {ratio:.1} times {word}"),
                ]
            };
            show::table(
                &["latency", "p50 in A", "p50 in B", "difference"],
                &self.latencies.iter().map(row).collect::<Vec<_>>(),
            );
            show::print("\n");
        }
        if !self.contexts.is_empty() {
            show::table(
                &["bottom half of", "ran in, in A", "ran in, in B"],
                &self
                    .contexts
                    .iter()
                    .map(|row| row.to_vec())
                    .collect::<Vec<_>>(),
            );
            show::print("\n");
        }
        if !self.verdicts.is_empty() {
            show::table(
                &["claim", "A", "B", "evidence of B"],
                &self
                    .verdicts
                    .iter()
                    .map(|row| row.to_vec())
                    .collect::<Vec<_>>(),
            );
            show::print("\n");
        }
        let few = if self.nr_few > 0 {
            format!(" {} more had fewer than {FEW} events.", self.nr_few)
        } else {
            String::new()
        };
        let noise = self.nr_compared - self.latencies.len();
        show::print(&format!(
            "{} of {} latencies differ, the other {noise} by no more than noise.{few} {} contexts and {} verdicts differ.\n",
            self.latencies.len(), self.nr_compared, self.contexts.len(), self.verdicts.len()
        ));
    }
}

fn machines(a: &Value, b: &Value) -> Vec<[String; 3]> {
    let named = [
        ("kernel", "kernel"),
        ("preemption", "preemption"),
        ("cpus", "CPUs"),
        ("cpu", "CPU"),
        ("command_line", "command line"),
        ("clock", "clock"),
    ];
    let both = named.map(|(key, what)| {
        [
            what.to_owned(),
            show::field(&a["machine"][key]),
            show::field(&b["machine"][key]),
        ]
    });
    both.into_iter().filter(|[_, a, b]| a != b).collect()
}

/// The benches of the same line.
fn pairs<'a>(a: &'a Value, b: &'a Value) -> Vec<(&'a str, &'a Value, &'a Value)> {
    let benches = |of: &'a Value| of["benches"].as_array().map_or(&[][..], Vec::as_slice);
    let pair = |one: &'a Value| {
        let other = benches(b)
            .iter()
            .find(|other| other["line"] == one["line"])?;
        Some((one["line"].as_str()?, one, other))
    };
    benches(a).iter().filter_map(pair).collect()
}

/// Where most of the bottom halves ran. One that was delayed now and then runs in ksoftirqd instead, which is noise.
fn contexts(table: &Value) -> Vec<String> {
    let rows = table["sections"][0]["rows"]
        .as_array()
        .into_iter()
        .flatten();
    let bottom = rows.filter(|row| row["stage"] == "bottom");
    let most = bottom.max_by_key(|row| row["count"].as_u64());
    most.map(|row| show::field(&row["place"]))
        .into_iter()
        .collect()
}

fn verdicts(a: &Value, b: &Value) -> Vec<[String; 4]> {
    let claims = |of: &Value| of["claims"].as_array().cloned().unwrap_or_default();
    let others = claims(b);
    let changed = |one: &Value| {
        let other = others.iter().find(|other| other["id"] == one["id"])?;
        let is_known = !one["verdict"].is_null() && !other["verdict"].is_null();
        (is_known && one["verdict"] != other["verdict"]).then(|| {
            [
                &one["id"],
                &one["verdict"],
                &other["verdict"],
                &other["evidence"],
            ]
            .map(show::field)
        })
    };
    claims(a).iter().filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(from: u64, verdict: &str, place: &str) -> Value {
        let rows: Vec<_> = (0..40)
            .map(|i| json!({"stage": "bottom", "from_ns": from + i, "to_ns": from + i, "count": 1}))
            .collect();
        json!({
            "machine": {"kernel": "7.3.4"},
            "benches": [{
                "line": "sim0",
                "distributions": {"tasklet": rows},
                "contexts": {"tasklet": {"sections": [{"rows": [{"stage": "bottom", "count": 40, "place": place}]}]}},
            }],
            "claims": [{"id": "TASK-01", "verdict": verdict, "evidence": "ran"}],
        })
    }

    #[test]
    fn the_same_twice_differs_in_nothing() {
        let a = document(1000, "holds", "softirq");
        let found = Comparison::new(&a, &a, 1.5);
        assert!(found.is_same());
        assert_eq!(found.nr_compared, 1);
        assert!(Comparison::new(&a, &document(1010, "holds", "softirq"), 1.5).is_same());
    }

    #[test]
    fn what_is_twice_as_slow_differs() {
        let found = Comparison::new(
            &document(1000, "holds", "softirq"),
            &document(2000, "holds", "softirq"),
            1.5,
        );
        assert_eq!(found.latencies.len(), 1);
        assert!(found.latencies[0]
            .what
            .starts_with("tasklet on sim0: top half to bottom"));
    }

    #[test]
    fn verdicts_and_contexts_differ() {
        let found = Comparison::new(
            &document(1000, "holds", "softirq"),
            &document(1000, "outdated", "task"),
            1.5,
        );
        assert!(found.latencies.is_empty());
        assert_eq!(found.contexts[0], ["tasklet on sim0", "softirq", "task"]);
        assert_eq!(found.verdicts[0][..3], ["TASK-01", "holds", "outdated"]);
        // Not tried in one of them: no difference.
        let mut untried = document(1000, "holds", "softirq");
        untried["claims"][0]["verdict"] = Value::Null;
        assert!(Comparison::new(&document(1000, "holds", "softirq"), &untried, 1.5).is_same());
    }
}
