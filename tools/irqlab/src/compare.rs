// SPDX-License-Identifier: GPL-2.0

//! `compare`: what differs between two runs, or two kernels, by more than noise.
//!
//! Much moves a median by chance: a busy moment delays half of the events, a busy sibling slows a CPU down for as long
//! as a mechanism is measured. So a difference has to be there
//!
//! - of nearly all events, not only of half of them;
//! - on every line: each is measured at a time of its own, and what chance does to one it hardly does to all;
//! - by more than what the same takes within either run: from raise to top half all mechanisms of a line go one way, so
//!   that whatever they differ by there is noise.

mod print;

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
/// The parts of all events that are the fastest, and all but the slowest.
const FASTEST: f64 = 0.1;
const NEARLY_ALL: f64 = 0.9;
/// The verdict on a claim of which nothing was seen.
const SKIP: &str = "skip";
/// The part of all bottom halves that is no more than an exception.
const EXCEPTION: f64 = 0.1;

/// The stages of a mechanism, and what each is of an interrupt's way.
const STAGES: [(&str, &str); 3] = [
    ("top", "raise to top half"),
    ("bottom", "top half to bottom half"),
    ("waiter", "bottom half to task"),
];

pub fn compare(given: &ArgMatches, is_json: bool) -> Result<u8> {
    let load =
        |name: &str| collect::load(given.get_one::<PathBuf>(name).expect("clap asks for one"));
    let (a, b) = (load("a")?, load("b")?);
    let percent = *given.get_one::<u64>("ratio").expect("it has a default");
    let found = Comparison::new(&a, &b, percent);
    if is_json {
        show::print_json(&found.json());
    } else {
        found.print();
    }
    Ok(if found.is_same() { 0 } else { SOMETHING_FOUND })
}

/// By how many percent a median has to differ, unless somebody asks for another figure: what a CPU loses to a busy
/// sibling is less.
pub const PERCENT: u64 = 100;

pub struct Comparison {
    /// What, in A, in B: of the machines and of what was asked for, which do not count as differences.
    pub settings: Vec<[String; 3]>,
    pub latencies: Vec<Difference>,
    /// Mechanism and line, in A, in B.
    pub contexts: Vec<[String; 3]>,
    /// Claim, in A, in B, evidence of B.
    pub verdicts: Vec<[String; 4]>,
    /// The same of claims that only one of the runs could show, which are no differences.
    pub shown_once: Vec<[String; 4]>,
    /// How many latencies were compared, and how many had too few events.
    pub nr_compared: usize,
    nr_few: usize,
}

#[derive(Clone)]
pub struct Difference {
    pub what: String,
    pub a: f64,
    pub b: f64,
    pub chance: f64,
}

impl Difference {
    /// How much slower or faster B is.
    pub fn in_words(&self) -> String {
        if self.b > self.a {
            format!("{:.1} times slower", self.b / self.a.max(1.0))
        } else {
            format!("{:.1} times faster", self.a / self.b.max(1.0))
        }
    }
}

/// What came of one thing on one line.
struct Tried<T> {
    kind: String,
    /// Which mechanism, and which stage of it.
    of: [String; 2],
    found: Option<T>,
}

impl Comparison {
    pub fn new(a: &Value, b: &Value, percent: u64) -> Self {
        let (verdicts, shown_once) = verdicts(a, b);
        let mut new = Self {
            settings: settings(a, b),
            latencies: Vec::new(),
            contexts: Vec::new(),
            verdicts,
            shown_once,
            nr_compared: 0,
            nr_few: 0,
        };
        let ratio = 1.0 + percent as f64 / 100.0;
        let (mut latencies, mut contexts) = (Vec::new(), Vec::new());
        for (one, other) in pairs(a, b) {
            let (name, kind) = (name_of(one), kind_of(one));
            for (mechanism, rows) in one["distributions"].as_object().into_iter().flatten() {
                let others = &other["distributions"][mechanism];
                for (stage, what) in STAGES {
                    // Of the stage that is noise itself all of it counts, of others not what is a rare exception.
                    let part = if stage == STAGES[0].0 {
                        1.0
                    } else {
                        NEARLY_ALL
                    };
                    let ratio = ratio.max(noise(one, part)).max(noise(other, part));
                    let of = |rows| Distribution::of(rows, "stage", stage);
                    let what = format!("{mechanism} on {name}: {what}");
                    if let Some(found) = new.compare(what, &of(rows), &of(others), ratio) {
                        latencies.push(Tried {
                            kind: kind.clone(),
                            of: [mechanism.clone(), stage.to_owned()],
                            found,
                        });
                    }
                }
                let (here, there) = (&one["contexts"][mechanism], &other["contexts"][mechanism]);
                contexts.push(Tried {
                    kind: kind.clone(),
                    of: [mechanism.clone(), String::new()],
                    found: moved(here, there)
                        .map(|[here, there]| [format!("{mechanism} on {name}"), here, there]),
                });
            }
        }
        new.latencies = on_all_lines(&latencies);
        new.contexts = on_all_lines(&contexts);
        for (stage, what) in [
            ("one_way", "call of another CPU, one way"),
            ("round_trip", "call of another CPU, and back"),
        ] {
            let of =
                |document| Distribution::of_rows(collect::rows(document, "ipi/cdf"), "what", stage);
            let found = new.compare(what.to_owned(), &of(a), &of(b), ratio);
            new.latencies.extend(found.flatten());
        }
        new
    }

    /// Nothing of too few events; of enough, the difference if there is one.
    fn compare(
        &mut self,
        what: String,
        a: &Distribution,
        b: &Distribution,
        ratio: f64,
    ) -> Option<Option<Difference>> {
        let parts = [FASTEST, 0.5, NEARLY_ALL];
        let (here, there) = (a.quantiles(parts)?, b.quantiles(parts)?);
        if a.count() < FEW || b.count() < FEW {
            self.nr_few += 1;
            return None;
        }
        self.nr_compared += 1;
        let (fast, slow) = if here[1] <= there[1] {
            (here, there)
        } else {
            (there, here)
        };
        let is_slower = |part: usize| slow[part] / fast[part].max(1.0) >= ratio;
        let is_apart = fast[2] < slow[0];
        let chance = a.chance(b);
        let differs = is_slower(0) && is_slower(1) && is_apart && chance < RARE;
        Some(differs.then_some(Difference {
            what,
            a: here[1],
            b: there[1],
            chance,
        }))
    }

    pub fn is_same(&self) -> bool {
        self.latencies.is_empty() && self.contexts.is_empty() && self.verdicts.is_empty()
    }

    fn json(&self) -> Value {
        let latency = |of: &Difference| json!({"what": of.what, "a_p50_ns": of.a, "b_p50_ns": of.b, "chance": of.chance});
        let triple = |[what, a, b]: &[String; 3]| json!({"what": what, "a": a, "b": b});
        let verdict = |[id, a, b, evidence]: &[String; 4]| json!({"claim": id, "a": a, "b": b, "evidence": evidence});
        json!({
            "settings": self.settings.iter().map(triple).collect::<Vec<_>>(),
            "latencies": self.latencies.iter().map(latency).collect::<Vec<_>>(),
            "contexts": self.contexts.iter().map(triple).collect::<Vec<_>>(),
            "verdicts": self.verdicts.iter().map(verdict).collect::<Vec<_>>(),
            "shown_once": self.shown_once.iter().map(verdict).collect::<Vec<_>>(),
            "compared": self.nr_compared,
            "too_few_events": self.nr_few,
        })
    }
}

/// What was found on every line on which it was tried. What was tried on one line only counts if there is no more
/// than one line.
fn on_all_lines<T: Clone>(tried: &[Tried<T>]) -> Vec<T> {
    let alike = |one: &Tried<T>| -> Vec<bool> {
        let is_alike = |other: &&Tried<T>| other.kind == one.kind && other.of == one.of;
        let alike = tried.iter().filter(is_alike);
        alike.map(|other| other.found.is_some()).collect()
    };
    let has_lines = tried.iter().any(|one| alike(one).len() > 1);
    let is_confirmed = |one: &&Tried<T>| {
        let alike = alike(one);
        alike.iter().all(|is_found| *is_found) && (alike.len() > 1 || !has_lines)
    };
    let confirmed = tried.iter().filter(is_confirmed);
    confirmed.filter_map(|one| one.found.clone()).collect()
}

/// How many times as long as with the fastest mechanism it takes from raise to top half, with all (1) or a part of
/// them.
fn noise(bench: &Value, part: f64) -> f64 {
    let mechanisms = bench["distributions"].as_object().into_iter().flatten();
    let tops = mechanisms.map(|(_, rows)| Distribution::of(rows, "stage", STAGES[0].0));
    let tops = tops.filter(|top| top.count() >= FEW);
    let mut fastest: Vec<f64> = tops.filter_map(|top| top.quantile(FASTEST)).collect();
    fastest.sort_by(f64::total_cmp);
    let (Some(low), last) = (
        fastest.first(),
        (fastest.len() as f64 * part).ceil() as usize,
    ) else {
        return 1.0;
    };
    fastest[last.max(1) - 1] / low.max(1.0)
}

/// What a bench was asked for, but for line and count: benches of one kind do the same to the machine.
fn kind_of(bench: &Value) -> String {
    let asked = bench["asked"].as_str().unwrap_or("");
    let words = asked.split_whitespace();
    let words = words.filter(|word| !word.starts_with("line=") && !word.starts_with("count="));
    words.collect::<Vec<_>>().join(" ")
}

fn name_of(bench: &Value) -> String {
    let line = show::field(&bench["line"]);
    match bench["victims"].as_object() {
        Some(tables) if !tables.is_empty() => format!("{line}, with victims"),
        _ => line,
    }
}

/// What the runs have been made with and on.
fn settings(a: &Value, b: &Value) -> Vec<[String; 3]> {
    let named = [
        ("kernel", "kernel"),
        ("preemption", "preemption"),
        ("cpus", "CPUs"),
        ("cpu", "CPU"),
        ("command_line", "command line"),
        ("clock", "clock"),
    ];
    let machines = named.map(|(key, what)| {
        [
            what.to_owned(),
            show::field(&a["machine"][key]),
            show::field(&b["machine"][key]),
        ]
    });
    let benches = pairs(a, b);
    let benches = benches.iter().map(|(one, other)| {
        [
            format!("bench of {}", name_of(one)),
            show::field(&one["asked"]),
            show::field(&other["asked"]),
        ]
    });
    let both = machines.into_iter().chain(benches);
    both.filter(|[_, a, b]| a != b).collect()
}

/// The benches that were asked for alike; and those of one line, if there are no such.
fn pairs<'a>(a: &'a Value, b: &'a Value) -> Vec<(&'a Value, &'a Value)> {
    let benches = |of: &'a Value| of["benches"].as_array().map_or(&[][..], Vec::as_slice);
    let partner = |one: &Value, among: &'a [Value]| {
        let is_alike =
            |other: &&Value| other["line"] == one["line"] && other["asked"] == one["asked"];
        among.iter().find(is_alike)
    };
    let pair = |one: &'a Value| {
        let is_free =
            |other: &&Value| other["line"] == one["line"] && partner(other, benches(a)).is_none();
        let other = partner(one, benches(b)).or_else(|| benches(b).iter().find(is_free))?;
        Some((one, other))
    };
    benches(a).iter().filter_map(pair).collect()
}

/// Where most of the bottom halves ran, if in the other run hardly any ran there, for both. One that was delayed now
/// and then runs in ksoftirqd instead, which is noise.
fn moved(a: &Value, b: &Value) -> Option<[String; 2]> {
    let places = |table: &Value| -> Vec<(String, f64)> {
        let rows = table["sections"][0]["rows"]
            .as_array()
            .into_iter()
            .flatten();
        rows.filter(|row| row["stage"] == "bottom")
            .filter_map(|row| Some((show::field(&row["place"]), row["count"].as_f64()?)))
            .collect()
    };
    let (here, there) = (places(a), places(b));
    let most = |places: &[(String, f64)]| {
        let most = places.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        most.map(|(place, _)| place.clone())
    };
    let part = |places: &[(String, f64)], of: &str| {
        let all: f64 = places.iter().map(|(_, count)| count).sum();
        let own = places.iter().find(|(place, _)| place == of);
        own.map_or(0.0, |(_, count)| count / all)
    };
    let (one, other) = (most(&here)?, most(&there)?);
    let is_moved = part(&there, &one) < EXCEPTION && part(&here, &other) < EXCEPTION;
    is_moved.then_some([one, other])
}

/// Claims that came out differently; and those of which only one of the runs has seen anything: the other was too
/// busy, or had not what it takes.
fn verdicts(a: &Value, b: &Value) -> (Vec<[String; 4]>, Vec<[String; 4]>) {
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
                if one["verdict"] == SKIP {
                    &one["evidence"]
                } else {
                    &other["evidence"]
                },
            ]
            .map(show::field)
        })
    };
    claims(a)
        .iter()
        .filter_map(changed)
        .partition(|[_, one, other, _]| one != SKIP && other != SKIP)
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
        let found = Comparison::new(&a, &a, PERCENT);
        assert!(found.is_same());
        assert_eq!(found.nr_compared, 1);
        assert!(Comparison::new(&a, &document(1010, "holds", "softirq"), PERCENT).is_same());
    }

    #[test]
    fn what_is_more_than_twice_as_slow_differs() {
        let found = Comparison::new(
            &document(1000, "holds", "softirq"),
            &document(2500, "holds", "softirq"),
            PERCENT,
        );
        assert_eq!(found.latencies.len(), 1);
        assert!(found.latencies[0]
            .what
            .starts_with("tasklet on sim0: top half to bottom"));
    }

    #[test]
    fn what_one_line_shows_and_another_does_not_is_noise() {
        let lines = |of: [u64; 2]| {
            let mut document = document(of[0], "holds", "softirq");
            let mut other = self::document(of[1], "holds", "task")["benches"][0].clone();
            other["line"] = json!("edu0");
            document["benches"].as_array_mut().unwrap().push(other);
            document
        };
        let found = |a, b| Comparison::new(&lines(a), &lines(b), PERCENT);
        assert!(found([1000, 1000], [2500, 1000]).is_same());
        assert!(found([1000, 1000], [1000, 2500]).is_same());
        assert_eq!(found([1000, 1000], [2500, 2500]).latencies.len(), 2);
        // Of a kind of its own, that the other line is not of.
        let (mut a, mut b) = (lines([1000, 1000]), lines([2500, 2500]));
        for document in [&mut a, &mut b] {
            let mut long = document["benches"][0].clone();
            long["asked"] = json!("line=sim0 bottom_us=1000");
            document["benches"].as_array_mut().unwrap().push(long);
        }
        assert_eq!(Comparison::new(&a, &b, PERCENT).latencies.len(), 2);
    }

    #[test]
    fn what_is_no_more_than_the_noise_of_a_run_is_noise() {
        let with_tops = |from: u64, tops: [u64; 3]| {
            let mut document = document(from, "holds", "softirq");
            for (index, top) in tops.iter().enumerate() {
                document["benches"][0]["distributions"][format!("other_{index}")] =
                    json!([{"stage": "top", "from_ns": top, "to_ns": top, "count": 40}]);
            }
            document
        };
        let quiet = with_tops(1000, [500, 510, 520]);
        let found = |b| Comparison::new(&quiet, &b, PERCENT);
        assert_eq!(found(with_tops(2500, [500, 510, 520])).latencies.len(), 1);
        assert!(found(with_tops(2500, [500, 510, 1600])).is_same());
    }

    #[test]
    fn the_fastest_tenth_tells_a_busy_moment() {
        let with_fast = |from: u64| {
            let mut document = document(from, "holds", "softirq");
            let rows = &mut document["benches"][0]["distributions"]["tasklet"];
            let fast = json!({"stage": "bottom", "from_ns": 900, "to_ns": 900, "count": 8});
            rows.as_array_mut().unwrap().push(fast);
            document
        };
        assert!(Comparison::new(&with_fast(1000), &with_fast(2500), PERCENT).is_same());
    }

    #[test]
    fn what_now_and_then_ran_elsewhere_is_noise() {
        let places = |softirq: u64, ksoftirqd: u64| {
            let row = |count: u64, place: &str| json!({"stage": "bottom", "count": count, "place": place});
            json!({"sections": [{"rows": [row(softirq, "softirq,irq-stack"), row(ksoftirqd, "softirq,task-stack")]}]})
        };
        assert_eq!(moved(&places(60, 40), &places(40, 60)), None);
        assert!(moved(&places(99, 1), &places(1, 99)).is_some());
    }

    #[test]
    fn what_one_run_could_not_show_is_no_difference() {
        let found = Comparison::new(
            &document(1000, "holds", "softirq"),
            &document(1000, "skip", "softirq"),
            PERCENT,
        );
        assert!(found.is_same());
        assert_eq!(found.shown_once[0][..3], ["TASK-01", "holds", "skip"]);
    }

    #[test]
    fn benches_that_were_asked_for_differently_are_said() {
        let mut other = document(1000, "holds", "softirq");
        other["benches"][0]["asked"] = json!("line=sim0 load=hog");
        let found = Comparison::new(&document(1000, "holds", "softirq"), &other, PERCENT);
        assert_eq!(
            found.settings[0],
            ["bench of sim0", "-", "line=sim0 load=hog"]
        );
    }

    #[test]
    fn verdicts_and_contexts_differ() {
        let found = Comparison::new(
            &document(1000, "holds", "softirq"),
            &document(1000, "outdated", "task"),
            PERCENT,
        );
        assert!(found.latencies.is_empty());
        assert_eq!(found.contexts[0], ["tasklet on sim0", "softirq", "task"]);
        assert_eq!(found.verdicts[0][..3], ["TASK-01", "holds", "outdated"]);
        // Not tried in one of them: no difference.
        let mut untried = document(1000, "holds", "softirq");
        untried["claims"][0]["verdict"] = Value::Null;
        assert!(Comparison::new(&document(1000, "holds", "softirq"), &untried, PERCENT).is_same());
    }
}
