// SPDX-License-Identifier: GPL-2.0

//! Calls between CPUs: the medians as a heat map, the distributions as curves.

use super::{chart, escape};
use crate::{collect, distribution::Distribution, show};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write};

/// With more CPUs the cells have no figures in them, and only every eighth CPU has its number.
const MANY: usize = 16;

pub fn part(document: &Value) -> Option<String> {
    let mut text = String::new();
    if let Some(map) = heat_map(document) {
        let _ = write!(
            text,
            "<p>How long a call takes from one CPU (rows) to another (columns), one way: the median. The lab says: {}.</p><div class=\"scroll heat\">{map}</div>",
            escape(&notes(document).join("; "))
        );
    }
    let rows = collect::rows(document, "ipi/cdf");
    let of = |what| Distribution::of_rows(rows, "what", what);
    let both = [
        ("one way".to_owned(), "hardirq", of("one_way")),
        ("and back".to_owned(), "task", of("round_trip")),
    ];
    if let Some(curves) = chart::curves(&both) {
        let _ = write!(
            text,
            "<h3>How many calls arrived within which time, and were back</h3>{curves}"
        );
    }
    text += &who(document).unwrap_or_default();
    (!text.is_empty()).then_some(text)
}

/// Which functions made CPUs interrupt each other, the most frequent ones first.
fn who(document: &Value) -> Option<String> {
    const MOST: usize = 12;

    let mut functions: Vec<(String, String, u64, BTreeSet<String>)> = Vec::new();
    for row in collect::rows(document, "ipi/who") {
        let (what, function) = (show::field(&row["what"]), show::field(&row["function"]));
        let count = row["count"].as_u64().unwrap_or(0);
        let pair = format!(
            "{} → {}",
            show::field(&row["from"]),
            show::field(&row["to"])
        );
        let known = functions
            .iter_mut()
            .find(|known| known.0 == what && known.1 == function);
        match known {
            Some(known) => {
                known.2 += count;
                known.3.insert(pair);
            }
            None => functions.push((what, function, count, BTreeSet::from([pair]))),
        }
    }
    functions.sort_by_key(|known| std::cmp::Reverse(known.2));
    if functions.is_empty() {
        return None;
    }
    let mut text = String::from(
        "<h3>Who made CPUs call or interrupt each other meanwhile</h3><div class=scroll><table class=who><thead><tr><th>function</th>\
         <th>what</th><th class=number>times</th><th>from which CPU to which</th></tr></thead><tbody>",
    );
    for (what, function, count, pairs) in functions.iter().take(MOST) {
        let pairs = if pairs.len() > 6 {
            format!("{} pairs", pairs.len())
        } else {
            pairs.iter().cloned().collect::<Vec<_>>().join(", ")
        };
        let _ = write!(
            text,
            "<tr><th scope=row><code>{}</code></th><td>{}</td><td class=number>{count}</td><td>{}</td></tr>",
            escape(function), escape(what), escape(&pairs)
        );
    }
    text += "</tbody></table></div>";
    if functions.len() > MOST {
        let _ = write!(
            text,
            "<p class=hint>{} other functions did it less often.</p>",
            functions.len() - MOST
        );
    }
    Some(text)
}

fn notes(document: &Value) -> Vec<String> {
    let notes = collect::notes(document, "ipi/matrix");
    notes
        .into_iter()
        .filter(|note| !note.starts_with("'-'"))
        .map(str::to_owned)
        .collect()
}

pub fn heat_map(document: &Value) -> Option<String> {
    let rows = collect::rows(document, "ipi/matrix");
    let number = |row: &Value, column: &str| row[column].as_u64();
    let mut cpus: Vec<u64> = rows
        .iter()
        .flat_map(|row| [number(row, "from"), number(row, "to")])
        .flatten()
        .collect();
    cpus.sort_unstable();
    cpus.dedup();
    let medians: Vec<f64> = rows
        .iter()
        .filter_map(|row| row["one_way_p50"].as_f64())
        .collect();
    let (low, high) = (
        medians.iter().copied().reduce(f64::min)?,
        medians.iter().copied().reduce(f64::max)?,
    );
    let is_many = cpus.len() > MANY;
    let size = if is_many {
        (720.0 / cpus.len() as f64).max(4.0)
    } else {
        76.0
    };
    let (left, top) = (64.0, 34.0);
    let side = size * cpus.len() as f64;
    let (width, height) = (left + side + 130.0, top + side.max(140.0) + 8.0);
    let mut svg = format!("<svg class=heat viewBox=\"0 0 {width:.0} {height:.0}\" style=\"max-width:{width:.0}px\" role=img aria-label=\"Time of a call, by pairs of CPUs\">");
    for (place, cpu) in cpus.iter().enumerate() {
        let at = size * (place as f64 + 0.5);
        if !is_many || place % 8 == 0 {
            let _ = write!(
                svg,
                "<text class=tick x=\"{:.1}\" y=\"{}\" text-anchor=middle>to {cpu}</text><text class=tick x=\"{}\" y=\"{:.1}\" text-anchor=end>from {cpu}</text>",
                left + at, top - 10.0, left - 8.0, top + at + 4.0
            );
        }
    }
    // Small differences are to look small: the darkest is at least half as long again as the lightest.
    let high = high.max(low * 1.5);
    let share = |ns: f64| {
        if high > low {
            (ns - low) / (high - low)
        } else {
            0.0
        }
    };
    for row in rows {
        let place = |column| {
            number(row, column).and_then(|cpu| cpus.iter().position(|other| *other == cpu))
        };
        let (Some(from), Some(to)) = (place("from"), place("to")) else {
            continue;
        };
        let (x, y) = (left + size * to as f64, top + size * from as f64);
        let time = |column: &str| {
            row[column]
                .as_f64()
                .map_or("not measured".to_owned(), show::time)
        };
        let tip = format!(
            "from CPU {} to CPU {}: least {}, half within {}, 99 % {}, longest {}; and back, half within {}",
            show::field(&row["from"]), show::field(&row["to"]), time("one_way_min"), time("one_way_p50"), time("one_way_p99"), time("one_way_max"), time("round_trip_p50")
        );
        let median = row["one_way_p50"].as_f64();
        let heat = median.map_or("none".to_owned(), |ns| format!("{:.2}", share(ns)));
        let _ = write!(
            svg,
            "<g data-tip=\"{}\"><rect class=\"cell{}\" style=\"--heat:{heat}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            escape(&tip), if median.is_none() { " none" } else { "" }, x + 1.0, y + 1.0, size - 2.0, size - 2.0
        );
        if !is_many {
            let class = if median.is_some_and(|ns| share(ns) > 0.55) {
                "on-dark"
            } else {
                "on-light"
            };
            let _ = write!(svg, "<text class=\"figure {class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=middle>{}</text>", x + size / 2.0, y + size / 2.0 + 4.0, median.map_or("–".to_owned(), show::time));
        }
        svg += "</g>";
    }
    // What the colours mean.
    let x = left + side + 24.0;
    for part in 0..10 {
        let heat = f64::from(9 - part) / 9.0;
        let _ = write!(svg, "<rect class=cell style=\"--heat:{heat:.2}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"16\" height=\"12.5\"/>", top + 12.0 * f64::from(part));
    }
    let _ = write!(
        svg,
        "<text class=tick x=\"{t:.1}\" y=\"{:.1}\">{}</text><text class=tick x=\"{t:.1}\" y=\"{:.1}\">{}</text>",
        top + 10.0, show::time(high), top + 120.0, show::time(low), t = x + 22.0
    );
    Some(svg + "</svg>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn functions_are_added_up_over_pairs() {
        let row = |from: u64, to: u64, count: u64, function: &str| json!({"from": from, "to": to, "what": "call", "count": count, "function": function});
        let rows = [
            row(0, 1, 3, "flush_tlb_func"),
            row(1, 0, 4, "flush_tlb_func"),
            row(1, 0, 5, "<T>::run"),
        ];
        let text = part(&json!({"knobs": {"ipi/who": {"sections": [{"rows": rows}]}}})).unwrap();
        assert!(text.contains("<code>flush_tlb_func</code></th><td>call</td><td class=number>7</td><td>0 → 1, 1 → 0</td>"), "{text}");
        assert!(text.find("flush_tlb").unwrap() < text.find("&lt;T&gt;::run").unwrap());
    }

    #[test]
    fn every_pair_has_a_cell() {
        let row =
            |from: u64, to: u64, ns: Value| json!({"from": from, "to": to, "one_way_p50": ns});
        let document = json!({"knobs": {"ipi/matrix": {"sections": [{"rows": [row(0, 1, json!(900)), row(1, 0, json!(1100)), row(0, 5, Value::Null)]}]}}});
        let svg = heat_map(&document).unwrap();
        assert_eq!(svg.matches("<g ").count(), 3);
        assert_eq!(svg.matches("cell none").count(), 1);
        assert!(svg.contains("to 5"));
        assert!(heat_map(&json!({})).is_none());
    }
}
