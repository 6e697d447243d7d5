// SPDX-License-Identifier: GPL-2.0

//! The mechanisms: a table for each line, with box plots on one scale, and the distributions as curves.

use super::{
    chart::{self, LogAxis},
    context_of, escape,
};
use crate::{distribution::Distribution, show};
use serde_json::Value;
use std::fmt::Write;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 22.0;

pub fn part(document: &Value) -> Option<String> {
    let benches: Vec<&Value> = document["benches"]
        .as_array()?
        .iter()
        .filter(|bench| {
            bench["rows"]
                .as_array()
                .is_some_and(|rows| !rows.is_empty())
        })
        .collect();
    // What others suffer is a part of its own, and such a bench is shown here if there is no other.
    let has_victims = |bench: &&Value| {
        bench["victims"]
            .as_object()
            .is_some_and(|tables| !tables.is_empty())
    };
    let plain: Vec<_> = benches
        .iter()
        .copied()
        .filter(|bench| !has_victims(bench))
        .collect();
    let benches = if plain.is_empty() { benches } else { plain };
    // Lines of which only some events were measured say nothing of a distribution.
    let most = benches.iter().map(|bench| events(bench)).max()?;
    let benches: Vec<_> = benches
        .into_iter()
        .filter(|bench| events(bench) * 4 >= most)
        .collect();
    let mut text = String::from(
        "<p>Latencies from top half to bottom half: half of all events took at most p50, 99\u{a0}% at most \
         p99. <i>To task</i> is the p50 from there to the task that waits. In a box plot the box is the \
         middle half of all events, its line the median; the whiskers reach from 1\u{a0}% to 99\u{a0}%, and \
         the dot is the slowest. The scale is logarithmic: from one line to the next it is ten times as \
         long.</p>",
    );
    let names = names(&benches);
    if names.len() > 1 {
        text += &chart::choices("line", names.iter().map(String::as_str), &names[0]);
    }
    for (number, (bench, name)) in benches.iter().zip(&names).enumerate() {
        let line = escape(name);
        let hidden = if number == 0 { "" } else { " data-later" };
        let _ = write!(
            text,
            "<div data-group=line data-name=\"{line}\"{hidden}><h3>Line {line}</h3>"
        );
        text += &table(bench);
        if let Some(curves) = curves_of(bench) {
            let _ = write!(
                text,
                "<h3>How many were served within which time</h3>{curves}"
            );
        }
        text += "</div>";
    }
    Some(text)
}

/// Their lines; if a line has several, each with what it was asked for.
fn names(benches: &[&Value]) -> Vec<String> {
    let name = |bench: &&Value| {
        let line = show::field(&bench["line"]);
        let alike = benches
            .iter()
            .filter(|other| other["line"] == bench["line"]);
        match (alike.count(), bench["asked"].as_str()) {
            (2.., Some(asked)) => format!("{line} ({asked})"),
            _ => line,
        }
    };
    benches.iter().map(name).collect()
}

fn events(bench: &Value) -> u64 {
    let counts = bench["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["count"].as_u64());
    counts.max().unwrap_or(0)
}

fn bottom_of(bench: &Value, row: &Value) -> Distribution {
    let mechanism = row["mechanism"].as_str().unwrap_or("");
    Distribution::of(&bench["distributions"][mechanism], "stage", "bottom")
}

fn curves_of(bench: &Value) -> Option<String> {
    let rows = bench["rows"].as_array()?.iter();
    let named = rows.map(|row| {
        let place = show::field(&row["contexts"]);
        (
            show::field(&row["mechanism"]),
            context_of(&place).0,
            bottom_of(bench, row),
        )
    });
    chart::curves(&named.collect::<Vec<_>>())
}

fn table(bench: &Value) -> String {
    let rows = bench["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let figures = |column: &str| {
        rows.iter()
            .filter_map(|row| row[column].as_f64())
            .collect::<Vec<_>>()
    };
    let low = figures("p50").into_iter().fold(f64::INFINITY, f64::min);
    let high = figures("max").into_iter().fold(10.0, f64::max);
    let axis = LogAxis::new(
        if low.is_finite() { low / 2.0 } else { 1.0 },
        high,
        22.0,
        WIDTH - 22.0,
    );
    let mut text = format!(
        "<div class=scroll><table class=mechanisms><thead><tr><th>mechanism</th><th>bottom half ran in</th><th class=number>p50</th>\
         <th class=number>p99</th><th class=number>longest</th><th class=number>to task</th><th class=number>lost</th><th>{}</th></tr></thead><tbody>",
        head(&axis)
    );
    for row in rows {
        let time = |column: &str| row[column].as_f64().map_or("–".to_owned(), show::time);
        let note = row["note"].as_str().map_or(String::new(), |note| {
            format!("<small>{}</small>", escape(note))
        });
        let lost = row["lost"]
            .as_u64()
            .map_or("–".to_owned(), |lost| lost.to_string());
        let _ = write!(
            text,
            "<tr><th scope=row>{}{note}</th><td>{}</td><td class=number>{}</td><td class=number>{}</td><td class=number>{}</td>\
             <td class=number>{}</td><td class=number>{lost}</td><td>{}</td></tr>",
            escape(&show::field(&row["mechanism"])), places(row), time("p50"), time("p99"), time("max"), time("wake_p50"), plot(&axis, bench, row),
        );
    }
    text + "</tbody></table></div>"
}

/// The contexts in which a bottom half ran, and in whose time.
fn places(row: &Value) -> String {
    let Some(contexts) = row["contexts"].as_str() else {
        return "–".to_owned();
    };
    let mut text = String::new();
    let mut seen: Vec<&str> = Vec::new();
    for place in contexts.split(';') {
        let (class, name) = context_of(place);
        if !seen.contains(&class) {
            let _ = write!(
                text,
                "<span class=\"key {class}\" title=\"{}\">{name}</span> ",
                escape(place)
            );
            seen.push(class);
        }
    }
    if seen == ["task"] {
        let current = show::field(&row["current"]);
        let task = current
            .rsplit_once('/')
            .map_or(current.as_str(), |(task, _)| task);
        let _ = write!(text, "<small>{}</small>", escape(task));
    }
    text
}

fn head(axis: &LogAxis) -> String {
    let mut svg = format!("<svg class=plot viewBox=\"0 0 {WIDTH} {HEIGHT}\">");
    svg += &axis.times(16.0);
    svg + "</svg>"
}

fn plot(axis: &LogAxis, bench: &Value, row: &Value) -> String {
    let seen = bottom_of(bench, row);
    let number = |column: &str| row[column].as_f64();
    let quantile = |part: f64, column: &str| seen.quantile(part).or_else(|| number(column));
    let (Some(median), Some(longest)) = (quantile(0.5, "p50"), number("max")) else {
        return String::new();
    };
    let quartiles = (
        quantile(0.25, "p50").unwrap_or(median),
        quantile(0.75, "p90").unwrap_or(median),
    );
    let ends = (
        quantile(0.01, "p50").unwrap_or(median),
        quantile(0.99, "p99").unwrap_or(median),
    );
    let (class, _) = context_of(&show::field(&row["contexts"]));
    let middle = HEIGHT / 2.0;
    let tip = format!(
        "{}: {} events; 1 % within {}, a quarter {}, half {}, three quarters {}, 99 % {}; the slowest {}",
        show::field(&row["mechanism"]), show::field(&row["count"]), show::time(ends.0), show::time(quartiles.0), show::time(median),
        show::time(quartiles.1), show::time(ends.1), show::time(longest)
    );
    let mut svg = format!("<svg class=plot viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{tip}\" data-tip=\"{tip}\">", tip = escape(&tip));
    for power in 0..10 {
        let x = axis.x(10f64.powi(power));
        if x > 22.0 && x < WIDTH - 22.0 {
            let _ = write!(
                svg,
                "<line class=grid x1=\"{x:.1}\" x2=\"{x:.1}\" y1=0 y2=\"{HEIGHT}\"/>"
            );
        }
    }
    let (from, to) = (axis.x(quartiles.0), axis.x(quartiles.1));
    let _ = write!(
        svg,
        "<line class=whisker x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
         <rect class=\"bar {class}\" x=\"{from:.1}\" y=\"4\" width=\"{:.1}\" height=\"{}\" rx=2 />\
         <line class=median x1=\"{m:.1}\" x2=\"{m:.1}\" y1=3 y2=\"{}\"/><circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{middle}\" r=2.5 />",
        axis.x(ends.0), axis.x(ends.1), (to - from).max(2.0), HEIGHT - 8.0, HEIGHT - 3.0, axis.x(longest), m = axis.x(median),
    );
    svg + "</svg>"
}
