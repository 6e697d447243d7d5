// SPDX-License-Identifier: GPL-2.0

//! What bottom halves do to others: how long those waited, who had the CPU meanwhile, and the worst event.

use super::{
    chart::{choices, LogAxis},
    context_of, escape, way,
};
use crate::{
    collect::VICTIMS,
    show,
    time_line::{ways, Event, Way},
};
use serde_json::Value;
use std::fmt::Write;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 20.0;
/// How many of those are shown that had the CPU for longest.
const MOST: usize = 8;

pub fn part(document: &Value) -> Option<String> {
    let benches = document["benches"].as_array()?.iter();
    let with_victims: Vec<&Value> = benches
        .filter(|bench| !table(bench, VICTIMS[0]).is_empty())
        .collect();
    let mut figures: Vec<(String, String)> = Vec::new();
    for bench in &with_victims {
        for mechanism in mechanisms(bench) {
            let name = if with_victims.len() > 1 {
                format!("{mechanism} on {}", show::field(&bench["line"]))
            } else {
                mechanism.clone()
            };
            figures.push((name, figure(document, bench, &mechanism)));
        }
    }
    let (first, _) = figures.first()?;
    let mut text = String::from(
        "<p>While the top or the bottom half of an interrupt works, others wait. Here the lab had a half work for long, and \
         meanwhile several things fall due, on the CPU of the line and on another one: how long did each of them wait for \
         its turn? A half in hard IRQ context makes all of them wait, one in soft IRQ context lets other interrupts through, \
         and one in a task lets pass whatever is more urgent than that task.</p>",
    );
    text += &choices(
        "victims",
        figures.iter().map(|(name, _)| name.as_str()),
        first,
    );
    for (name, figure) in &figures {
        let hidden = if name == first { "" } else { " data-later" };
        let _ = write!(
            text,
            "<div data-group=victims data-name=\"{}\"{hidden}>{figure}</div>",
            escape(name)
        );
    }
    Some(text)
}

/// The rows of one of the tables.
fn table<'a>(bench: &'a Value, knob: &str) -> &'a [Value] {
    let rows = bench["victims"][knob]["sections"][0]["rows"].as_array();
    rows.map_or(&[], Vec::as_slice)
}

fn of_mechanism<'a>(
    bench: &'a Value,
    knob: &str,
    mechanism: &'a str,
) -> impl Iterator<Item = &'a Value> {
    let rows = table(bench, knob).iter();
    rows.filter(move |row| row["mechanism"] == mechanism)
}

fn mechanisms(bench: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in table(bench, VICTIMS[0]) {
        let name = show::field(&row["mechanism"]);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn figure(document: &Value, bench: &Value, mechanism: &str) -> String {
    let first = of_mechanism(bench, VICTIMS[0], mechanism).next();
    let us = |column: &str| first.and_then(|row| row[column].as_f64()).unwrap_or(0.0);
    let halves = [("top half", us("top_us")), ("bottom half", us("bottom_us"))];
    let halves = halves.iter().filter(|(_, us)| *us > 0.0);
    let halves: Vec<_> = halves
        .map(|(half, us)| format!("the {half} works for {}", way::axis_time(us * 1000.0)))
        .collect();
    let about = if halves.is_empty() {
        "the halves are as short as can be".to_owned()
    } else {
        halves.join(", ")
    };
    let mut text = format!(
        "<h3>{}: {about}</h3>{}",
        escape(mechanism),
        latencies(bench, mechanism)
    );
    text += &ran(bench, mechanism);
    text += &complaints(bench, mechanism);
    text + &worst(document, bench, mechanism)
}

fn latencies(bench: &Value, mechanism: &str) -> String {
    let all = table(bench, VICTIMS[0]).iter();
    let figures = all.flat_map(|row| [row["p50"].as_f64(), row["max"].as_f64()]);
    let figures: Vec<f64> = figures.flatten().collect();
    let low = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let high = figures.iter().copied().fold(10.0, f64::max);
    let low = if low.is_finite() { low } else { 1.0 };
    let axis = LogAxis::new(low, high, 22.0, WIDTH - 22.0);
    let mut text = format!(
        "<div class=scroll><table class=victims><thead><tr><th>who waits</th><th>CPU</th><th class=number>times</th>\
         <th class=number>half within</th><th class=number>longest</th><th><svg class=plot viewBox=\"0 0 {WIDTH} {HEIGHT}\">{}</svg></th></tr></thead><tbody>",
        axis.times(15.0)
    );
    for row in of_mechanism(bench, VICTIMS[0], mechanism) {
        let time = |column: &str| row[column].as_f64().map_or("–".to_owned(), show::time);
        let victim = show::field(&row["victim"]);
        let (class, name) = victim_of(&victim);
        let place = match row["where"].as_str() {
            Some("here") => "the line's".to_owned(),
            Some(other) => other.trim_start_matches("CPU").to_owned(),
            None => "–".to_owned(),
        };
        let _ = write!(
            text,
            "<tr><th scope=row><span class=\"key {class}\">{}</span></th><td>{}</td><td class=number>{}</td><td class=number>{}</td>\
             <td class=number>{}</td><td>{}</td></tr>",
            escape(name), escape(&place), escape(&show::field(&row["count"])), time("p50"), time("max"), plot(&axis, row, class),
        );
    }
    text + "</tbody></table></div>"
}

/// The class of a victim's context, and what it is.
fn victim_of(victim: &str) -> (&'static str, &str) {
    match victim {
        "timer" => ("hardirq", "timer, in hard IRQ context"),
        "soft_timer" => ("softirq", "timer, in soft IRQ context"),
        "line" => ("hardirq", "another line's top half"),
        "fifo" => ("task", "SCHED_FIFO task"),
        "task" => ("task", "ordinary task"),
        "lock" => ("task", "who wants the lock"),
        other => ("task", other),
    }
}

/// From the median to the longest.
fn plot(axis: &LogAxis, row: &Value, class: &str) -> String {
    let (Some(median), Some(longest)) = (row["p50"].as_f64(), row["max"].as_f64()) else {
        return String::new();
    };
    let (from, to, middle) = (axis.x(median), axis.x(longest), HEIGHT / 2.0);
    let mut svg = format!("<svg class=plot viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=true>");
    svg += &axis.lines(0.0, HEIGHT);
    let _ = write!(
        svg,
        "<line class=whisker x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
         <line class=median x1=\"{from:.1}\" x2=\"{from:.1}\" y1=3 y2=\"{}\"/>\
         <circle class=\"dot {class}\" cx=\"{to:.1}\" cy=\"{middle}\" r=3.5 />",
        HEIGHT - 3.0
    );
    svg + "</svg>"
}

/// Who had the CPU, with the part that was theirs as a bar.
fn ran(bench: &Value, mechanism: &str) -> String {
    let rows = of_mechanism(bench, VICTIMS[1], mechanism);
    let (all, mut shares): (Vec<_>, Vec<_>) = rows.partition(|row| row["kind"] == "all");
    let total = all.first().and_then(|row| row["total"].as_f64());
    let Some(total) = total.filter(|total| *total > 0.0) else {
        return String::new();
    };
    let time_of = |row: &Value| row["total"].as_f64().unwrap_or(0.0);
    shares.sort_by(|a, b| time_of(b).total_cmp(&time_of(a)));
    let mut text = format!(
        "<h3>Who had the CPU in these {}</h3><div class=scroll><table class=victims><thead><tr><th>who</th><th class=number>times</th>\
         <th class=number>in all</th><th class=number>longest</th><th class=number>first after</th><th></th></tr></thead><tbody>",
        show::time(total)
    );
    for row in shares.iter().take(MOST) {
        let time = |column: &str| row[column].as_f64().map_or("–".to_owned(), show::time);
        let who = show::field(&row["who"]);
        let (class, name) = match row["kind"].as_str().unwrap_or("") {
            "handler" => (
                "hardirq",
                format!("handler of {}", who.replace("irq", "interrupt ")),
            ),
            "softirq" => {
                let (vector, by) = who.split_once('/').unwrap_or((&who, "–"));
                ("softirq", format!("soft IRQ {vector}, served at {by}"))
            }
            kind => (
                context_of(kind).0,
                who.rsplit_once('/')
                    .map_or(who.as_str(), |(task, _)| task)
                    .to_owned(),
            ),
        };
        let _ = write!(
            text,
            "<tr><th scope=row><span class=\"key {class}\">{}</span></th><td class=number>{}</td><td class=number>{}</td>\
             <td class=number>{}</td><td class=number>{}</td><td><svg class=plot viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=true>\
             <rect class=\"bar {class}\" x=22 y=5 width=\"{:.1}\" height=\"{}\" rx=2 /></svg></td></tr>",
            escape(&name), escape(&show::field(&row["runs"])), time("total"), time("max"), time("first"),
            (time_of(row) / total).min(1.0) * (WIDTH - 44.0), HEIGHT - 10.0,
        );
    }
    text += "</tbody></table></div><p class=hint>The time of a task includes that of what interrupted it.";
    if shares.len() > MOST {
        let _ = write!(text, " {} others had less.", shares.len() - MOST);
    }
    text + "</p>"
}

fn complaints(bench: &Value, mechanism: &str) -> String {
    let messages: Vec<_> = of_mechanism(bench, VICTIMS[2], mechanism).collect();
    if messages.is_empty() {
        return String::new();
    }
    let mut text = String::from("<h3>What the kernel said to it</h3><ul>");
    for row in messages {
        let _ = write!(
            text,
            "<li>after {}: <code>{}</code></li>",
            row["at"].as_f64().map_or("–".to_owned(), show::time),
            escape(&show::field(&row["message"]))
        );
    }
    text + "</ul>"
}

/// The event that took longest: its way, if all of that was noted, and everything around it.
fn worst(document: &Value, bench: &Value, mechanism: &str) -> String {
    let start = format!("{mechanism}: ");
    // Where there is one mechanism only, its rows do not say which.
    let is_own = |row: &&Value| {
        row["under"]
            .as_str()
            .is_none_or(|under| under.starts_with(&start))
    };
    let rows = table(bench, VICTIMS[3]).iter().filter(is_own);
    let events: Vec<Event> = rows.filter_map(Event::of).collect();
    let notes = bench["victims"][VICTIMS[3]]["notes"].as_array();
    let mut notes = notes.into_iter().flatten().filter_map(Value::as_str);
    let (Some(about), false) = (
        notes.find_map(|note| note.strip_prefix(&start)),
        events.is_empty(),
    ) else {
        return String::new();
    };
    let about = in_short(about);
    let mut text = format!("<h3>The worst event</h3><p>{}</p>", escape(&about));
    if let Some(svg) = Way::longest(&ways(&events, mechanism), &events)
        .map(|way| way::drawn(document, &events, mechanism, way))
    {
        let _ = write!(text, "<div class=scroll>{svg}</div>");
    }
    let _ = write!(
        text,
        "<details class=events><summary>All {} events around it</summary><div class=scroll><table><thead><tr><th class=number>time</th>\
         <th>CPU</th><th>event</th><th>of</th><th></th><th>context</th><th>in the time of</th></tr></thead><tbody>",
        events.len()
    );
    for event in &events {
        let detail = if event.detail == "-" {
            ""
        } else {
            &event.detail
        };
        let _ = write!(
            text,
            "<tr><td class=number>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><span class=\"key {}\">{}, {}</span></td><td>{}</td></tr>",
            show::time(event.time), event.cpu, escape(&event.event), escape(&event.subject), escape(detail),
            context_of(&event.context).0, escape(&event.context), escape(&event.interrupts), escape(&event.current),
        );
    }
    text + "</tbody></table></div></details>"
}

/// The lab's words with nanoseconds as a person wants to read them: "… took longest, 61.38 ms from its raising …".
fn in_short(about: &str) -> String {
    let mut words: Vec<String> = about.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        if words[index] == "ns" {
            if let Ok(ns) = words[index - 1].parse() {
                words[index - 1] = show::time(ns);
                words[index].clear();
            }
        }
    }
    words.retain(|word| !word.is_empty());
    let text = words.join(" ");
    // When it was raised is a place in the table, which has no meaning of its own.
    match text.split_once(" at ") {
        Some((before, after)) => {
            let after = after.split_once(' ').map_or("", |(_, rest)| rest);
            format!("{before} {after}.").replacen("event", "Event", 1)
        }
        None => text + ".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nanoseconds_become_times() {
        assert_eq!(
            in_short("event 1 of 9 took longest, 61381945 ns from its raising at 200000 until its task ran"),
            "Event 1 of 9 took longest, 61.38 ms from its raising until its task ran."
        );
    }

    #[test]
    fn a_bench_without_victims_has_no_part() {
        assert!(part(&json!({"benches": [{"line": "sim0", "rows": [], "victims": {}}]})).is_none());
        assert!(part(&json!({})).is_none());
    }

    #[test]
    fn each_victim_has_a_row_and_each_share_a_bar() {
        let wait = |victim: &str, place: &str| json!({"mechanism": "tasklet", "top_us": 0, "bottom_us": 1000, "victim": victim, "where": place, "count": 9, "p50": 1000, "p99": 5000, "max": 9000});
        let share = |kind: &str, who: &str, total: u64| json!({"mechanism": "tasklet", "kind": kind, "who": who, "runs": 1, "total": total, "max": total, "first": 0});
        let section = |rows: Value| json!({"notes": [], "sections": [{"rows": rows}]});
        let document = json!({"benches": [{"line": "sim0", "victims": {
            "victims/latencies": section(json!([wait("timer", "here"), wait("task", "CPU1")])),
            "victims/ran": section(json!([share("all", "-", 2000), share("softirq", "TASKLET/irq_exit", 1500), share("task", "sh/7", 500)])),
            "victims/complaints": section(json!([{"mechanism": "tasklet", "at": 5000, "message": "too <long>"}])),
        }}]});
        let text = part(&document).unwrap();
        assert!(text.contains("the bottom half works for 1 ms"), "{text}");
        assert!(
            text.contains("timer, in hard IRQ context") && text.contains("<td>1</td>"),
            "{text}"
        );
        assert!(
            text.contains("soft IRQ TASKLET, served at irq_exit"),
            "{text}"
        );
        assert_eq!(text.matches("class=\"bar ").count(), 2);
        assert!(text.contains("too &lt;long&gt;"), "{text}");
    }
}
