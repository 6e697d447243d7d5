// SPDX-License-Identifier: GPL-2.0

//! The way of one interrupt, drawn to scale: a lane for each CPU and context that it crosses.

use super::{chart, context_of, escape};
use crate::{
    show,
    time_line::{ways, Event, Way},
};
use serde_json::Value;
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 196.0;
const RIGHT: f64 = WIDTH - 24.0;
/// Where the lanes begin; above are the durations.
const TOP: f64 = 64.0;
const LANE: f64 = 44.0;

/// What is shown first.
const FIRST: &str = "tasklet";

pub fn part(document: &Value) -> Option<String> {
    let events = Event::of_document(document);
    let mut pictures: Vec<(String, String)> = Vec::new();
    // As the bench has them: those that run soonest first.
    for name in mechanisms(document, &events) {
        if let Some(svg) = typical(document, &events, &name) {
            pictures.push((name, svg));
        }
    }
    if pictures.is_empty() {
        return None;
    }
    let first = if pictures.iter().any(|(name, _)| name == FIRST) {
        FIRST.to_owned()
    } else {
        pictures[0].0.clone()
    };
    let mut text = String::from(
        "<p>The lab raised an interrupt; its <b>top half</b>, the handler, ran in hard IRQ context and left the rest to a \
         <b>bottom half</b>, which woke the task that waited. Each lane is one CPU in one context, with the stack that it \
         uses; time goes to the right, to scale. Of three interrupts it is the one that took neither long nor short. The \
         tape that noted it made everything somewhat slower.</p>",
    );
    text += &chart::choices(
        "way",
        pictures.iter().map(|(name, _)| name.as_str()),
        &first,
    );
    for (name, svg) in &pictures {
        let hidden = if *name == first { "" } else { " data-later" };
        let about = about(document, name);
        let _ = write!(
            text,
            "<figure class=way data-group=way data-name=\"{name}\"{hidden}><figcaption><b>{name}</b>{about}</figcaption>\
             <div class=scroll>{svg}</div></figure>",
            name = escape(name),
            about = if about.is_empty() { String::new() } else { format!(": {}", escape(&about)) },
        );
    }
    text += "<p class=keys><span class=\"key hardirq\">hard IRQ</span><span class=\"key softirq\">soft IRQ</span>\
             <span class=\"key task\">task</span><span>Interrupts are off (IF=0) in hard IRQ context, on in the others.</span></p>";
    Some(text)
}

/// The picture of a mechanism, if there is one of it on the tape.
pub fn picture(document: &Value, mechanism: &str) -> Option<String> {
    typical(document, &Event::of_document(document), mechanism)
}

fn mechanisms(document: &Value, events: &[Event]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let benched = document["benches"].as_array().into_iter().flatten();
    let benched = benched
        .flat_map(|bench| bench["rows"].as_array().into_iter().flatten())
        .map(|row| show::field(&row["mechanism"]));
    let taped = events
        .iter()
        .filter(|event| event.event == "raise")
        .map(|event| event.subject.clone());
    for name in benched.chain(taped) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The lab's own words for a mechanism.
fn about(document: &Value, mechanism: &str) -> String {
    let mut benches = document["benches"].as_array().into_iter().flatten();
    let note = benches.find_map(|bench| bench["contexts"][mechanism]["notes"][0].as_str());
    note.and_then(|note| note.split_once(": "))
        .map_or(String::new(), |(_, about)| about.to_owned())
}

/// A lane: a CPU, in a context.
#[derive(Clone, PartialEq)]
struct Lane {
    cpu: u64,
    context: &'static str,
    name: &'static str,
    /// Whose time it is, in a task's lane.
    task: String,
}

impl Lane {
    fn of(event: &Event) -> Self {
        let (context, name) = context_of(&event.context);
        let task = if context == "task" {
            event.current.clone()
        } else {
            String::new()
        };
        Self {
            cpu: event.cpu,
            context,
            name,
            task,
        }
    }

    fn order(&self) -> (u64, u8) {
        let depth = match self.context {
            "task" => 2,
            "softirq" => 1,
            _ => 0,
        };
        (self.cpu, depth)
    }
}

/// Something that took its time in a lane.
struct Bar {
    lane: Lane,
    from: f64,
    to: f64,
    text: String,
}

fn typical(document: &Value, events: &[Event], mechanism: &str) -> Option<String> {
    let way = Way::typical(&ways(events, mechanism), events)?;
    Some(drawn(document, events, mechanism, way))
}

/// One way, to scale, with what else was on its CPUs.
pub fn drawn(document: &Value, events: &[Event], mechanism: &str, way: Way) -> String {
    let (start, end) = (events[way.raise].time, events[way.woken].time);
    let span = (end - start).max(1.0);
    let steps = [
        (way.raise, "raised"),
        (way.top, "top half"),
        (way.bottom, "bottom half"),
        (way.woken, "task woken"),
    ];
    let mut bars = bars(events, start - span, end + span * 0.25);
    bars.retain(|bar| bar.to >= start && bar.from <= end);
    let mut lanes: Vec<Lane> = Vec::new();
    let of_steps = steps.iter().map(|(index, _)| Lane::of(&events[*index]));
    let cpus: Vec<u64> = of_steps.clone().map(|lane| lane.cpu).collect();
    bars.retain(|bar| cpus.contains(&bar.lane.cpu));
    for lane in of_steps.chain(bars.iter().map(|bar| bar.lane.clone())) {
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
    }
    lanes.sort_by_key(Lane::order);

    let bottom = TOP + LANE * lanes.len() as f64;
    let height = bottom + 34.0;
    let x = |time: f64| {
        LEFT + ((time - start) / (end - start).max(1.0)).clamp(0.0, 1.0) * (RIGHT - LEFT)
    };
    let y =
        |lane: &Lane| TOP + LANE * lanes.iter().position(|other| other == lane).unwrap_or(0) as f64;
    let mut svg = format!(
        "<svg class=way viewBox=\"0 0 {WIDTH} {height}\" role=img aria-label=\"An interrupt through {}, from raise to woken task: {}\">",
        escape(mechanism), show::time(span)
    );
    // Lanes.
    let mut last_cpu = None;
    for lane in &lanes {
        let top = y(lane);
        let _ = write!(
            svg,
            "<rect class=\"lane {}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\"/>\
             <text class=label x=\"64\" y=\"{:.1}\">{}</text><text class=tick x=\"64\" y=\"{:.1}\">{}</text>",
            lane.context, top + 2.0, RIGHT - LEFT, LANE - 4.0, top + 19.0, lane.name, top + 33.0,
            escape(&shortened(&stack_of(document, mechanism, lane), 22)),
        );
        if last_cpu != Some(lane.cpu) {
            let _ = write!(
                svg,
                "<text class=cpu x=\"4\" y=\"{:.1}\">CPU {}</text>",
                top + 19.0,
                lane.cpu
            );
            if last_cpu.is_some() {
                let _ = write!(
                    svg,
                    "<line class=border x1=\"4\" x2=\"{RIGHT}\" y1=\"{top:.1}\" y2=\"{top:.1}\"/>"
                );
            }
            last_cpu = Some(lane.cpu);
        }
    }
    // Time.
    let step = chart::round_steps(span);
    let mut mark = 0.0;
    while mark <= span {
        let at = x(start + mark);
        let _ = write!(
            svg,
            "<line class=grid x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/><text class=tick x=\"{at:.1}\" y=\"{:.1}\" text-anchor=middle>{}</text>",
            bottom + 18.0, if mark == 0.0 { "0".to_owned() } else { axis_time(mark) }
        );
        mark += step;
    }
    for bar in &bars {
        let (from, to) = (x(bar.from), x(bar.to));
        let _ = write!(
            svg,
            "<rect class=\"bar {}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\" rx=2 data-tip=\"{}\"/>",
            bar.lane.context, y(&bar.lane) + 9.0, (to - from).max(1.5), LANE - 18.0, escape(&bar.text)
        );
    }
    steps_of(&mut svg, events, &steps, &x, &y, bottom);
    svg + "</svg>"
}

/// The four steps: lines through all lanes, durations above, and the path that leads from one to the next.
fn steps_of(
    svg: &mut String,
    events: &[Event],
    steps: &[(usize, &str); 4],
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(&Lane) -> f64,
    bottom: f64,
) {
    let center = |index: usize| y(&Lane::of(&events[index])) + LANE / 2.0;
    let mut path = String::new();
    for (number, (index, _)) in steps.iter().enumerate() {
        let at = x(events[*index].time);
        let _ = write!(
            svg,
            "<line class=step x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{bottom}\"/>",
            TOP - 6.0
        );
        let _ = if number == 0 {
            write!(path, "M{at:.1} {:.1}", center(*index))
        } else {
            write!(path, "L{at:.1} {:.1}", center(*index))
        };
    }
    let _ = write!(svg, "<path class=flow d=\"{path}\"/>");
    // The names of steps, moved apart where they are close to one another; no name leaves the picture.
    let mut places: Vec<f64> = steps
        .iter()
        .map(|(index, _)| x(events[*index].time))
        .collect();
    const APART: f64 = 82.0;
    for number in 1..places.len() {
        places[number] = places[number].max(places[number - 1] + APART);
    }
    let mut limit = RIGHT - 30.0;
    for place in places.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - APART;
    }
    let colours = ["task", "hardirq", "", "task"];
    for (number, ((index, name), place)) in steps.iter().zip(&places).enumerate() {
        let event = &events[*index];
        let at = x(event.time);
        let lane = Lane::of(event);
        let class = if number == 2 {
            lane.context
        } else {
            colours[number]
        };
        let since = event.time - events[steps[0].0].time;
        let _ = write!(
            svg,
            "<path class=leader d=\"M{place:.1} 44L{at:.1} {}\"/><text class=label x=\"{place:.1}\" y=\"22\" text-anchor=middle>{name}</text>\
             <text class=tick x=\"{place:.1}\" y=\"38\" text-anchor=middle>{}</text>\
             <circle class=\"dot {class}\" cx=\"{at:.1}\" cy=\"{:.1}\" r=6 data-tip=\"{}\"/>",
            TOP - 6.0,
            if number == 0 { "0".to_owned() } else { format!("+ {}", show::time(since)) },
            center(*index),
            escape(&format!("{name}, {} after it was raised: CPU {}, {}, {}, in the time of {}", show::time(since), event.cpu, lane.name, event.interrupts, event.current)),
        );
    }
}

/// Handlers and softirqs, from their entries to their exits; interrupts of which only the entry is known, as points.
fn bars(events: &[Event], from: f64, to: f64) -> Vec<Bar> {
    let mut bars = Vec::new();
    for (index, event) in events
        .iter()
        .enumerate()
        .filter(|(_, event)| (from..=to).contains(&event.time))
    {
        let (exit, text) = match event.event.as_str() {
            "handler_entry" => (
                "handler_exit",
                format!("handler of interrupt {}", event.subject),
            ),
            "softirq_entry" => (
                "softirq_exit",
                format!("soft IRQ {}, served at {}", event.subject, event.detail),
            ),
            "interrupt" => ("", format!("interrupt: {}", event.subject)),
            "softirq_raise" => ("", format!("soft IRQ {} raised", event.subject)),
            _ => continue,
        };
        let is_end = |other: &&Event| {
            other.cpu == event.cpu && other.event == exit && other.subject == event.subject
        };
        let end = if exit.is_empty() {
            Some(event)
        } else {
            events[index..].iter().find(is_end)
        };
        let Some(end) = end else { continue };
        let text = if exit.is_empty() {
            text
        } else {
            format!("{text}: {}", show::time(end.time - event.time))
        };
        bars.push(Bar {
            lane: Lane::of(event),
            from: event.time,
            to: end.time,
            text: format!("{text}, on CPU {}", event.cpu),
        });
    }
    bars
}

/// Which stack that is: the lab has looked where its halves ran. In a task's lane, whose it is.
fn stack_of(document: &Value, mechanism: &str, lane: &Lane) -> String {
    if lane.context == "task" {
        return lane.task.clone();
    }
    let mut benches = document["benches"].as_array().into_iter().flatten();
    let place = benches.find_map(|bench| {
        let rows = bench["contexts"][mechanism]["sections"][0]["rows"].as_array()?;
        let row = rows
            .iter()
            .find(|row| show::field(&row["place"]).starts_with(lane.context))?;
        Some(show::field(&row["place"]))
    });
    let stack = place
        .as_deref()
        .and_then(|place| place.split(',').nth(2))
        .unwrap_or("irq-stack");
    stack.replace('-', " ")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Without figures that say nothing: "10 µs", not "10.0 µs".
pub fn axis_time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        _ => (ns / 1e6, "ms"),
    };
    format!("{} {unit}", (value * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_way_has_its_lanes_and_steps() {
        let row = |time: u64, cpu: u64, event: &str, subject: &str, context: &str| json!({"time": time, "cpu": cpu, "event": event, "subject": subject, "detail": "-", "context": context, "IF": "IF=0", "current": "sh/1"});
        let document = json!({"knobs": {"tape": {"sections": [{"rows": [
            row(0, 1, "raise", "tasklet", "task"), row(1000, 1, "handler_entry", "26", "hardirq"), row(2000, 1, "top_half", "tasklet", "hardirq"),
            row(3000, 1, "handler_exit", "26", "hardirq"), row(3500, 1, "softirq_entry", "TASKLET", "softirq"),
            row(4000, 1, "bottom_half", "tasklet", "softirq"), row(4500, 1, "softirq_exit", "TASKLET", "softirq"),
            row(6000, 1, "woken", "tasklet", "task"),
        ]}]}}});
        let svg = picture(&document, "tasklet").unwrap();
        assert_eq!(svg.matches("class=\"lane ").count(), 3);
        assert_eq!(svg.matches("class=\"dot ").count(), 4);
        assert_eq!(svg.matches("class=\"bar ").count(), 2);
        assert!(picture(&document, "timer").is_none());
    }

    #[test]
    fn times_on_the_axis_are_short() {
        assert_eq!(axis_time(10_000.0), "10 µs");
        assert_eq!(axis_time(2_500_000.0), "2.5 ms");
    }
}
