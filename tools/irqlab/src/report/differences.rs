// SPDX-License-Identifier: GPL-2.0

//! What differs between the first run of a report and another one.

use super::{context_of, escape, name_of};
use crate::{
    compare::{Comparison, PERCENT},
    show,
};
use serde_json::Value;
use std::fmt::Write;

pub fn part(first: &Value, document: &Value) -> String {
    let found = Comparison::new(first, document, PERCENT);
    let from = escape(&name_of(first));
    let mut text = format!("<section class=differences><h2>What differs from {from}</h2>");
    if found.is_same() {
        text += "<p>Nothing does by more than noise.</p>";
    } else {
        let _ = write!(
            text,
            "<p>{} of {} latencies are more than noise apart, on every line.</p>",
            found.latencies.len(),
            found.nr_compared
        );
    }
    text += &table(["made with", "there", "here"], &found.settings);
    let latencies: Vec<_> = found
        .latencies
        .iter()
        .map(|of| {
            [
                of.what.clone(),
                show::time(of.a),
                show::time(of.b),
                of.in_words(),
            ]
        })
        .collect();
    text += &table(["half of all within", "there", "here", ""], &latencies);
    text += &table(
        ["bottom halves of", "ran there in", "and here in"],
        &places(&found.contexts),
    );
    text += &table(["claim", "there", "here", "evidence here"], &found.verdicts);
    text += &table(
        ["claim that one could not show", "there", "here", "why"],
        &found.shown_once,
    );
    text + "</section>"
}

/// Mechanisms that moved from and to the same place, in one row.
fn places(contexts: &[[String; 3]]) -> Vec<[String; 3]> {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for [what, here, there] in contexts {
        let mechanism = what.split(" on ").next().unwrap_or(what);
        let (here, there) = (place(here), place(there));
        match rows
            .iter_mut()
            .find(|row| row[1] == here && row[2] == there)
        {
            Some(row) if row[0].split(", ").any(|known| known == mechanism) => {}
            Some(row) => {
                let _ = write!(row[0], ", {mechanism}");
            }
            None => rows.push([mechanism.to_owned(), here, there]),
        }
    }
    rows
}

/// A place as the lab has it, as words: "soft IRQ, task stack".
fn place(place: &str) -> String {
    let stack = place.split(',').nth(2).unwrap_or("").replace('-', " ");
    format!("{}, {stack}", context_of(place).1)
}

fn table<const N: usize>(columns: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from("<div class=scroll><table><thead><tr>");
    for column in columns {
        let _ = write!(text, "<th>{}</th>", escape(column));
    }
    text += "</tr></thead><tbody>";
    for row in rows {
        text += "<tr>";
        for field in row {
            let _ = write!(text, "<td>{}</td>", escape(field));
        }
        text += "</tr>";
    }
    text + "</tbody></table></div>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_that_moved_alike_are_one_row() {
        let moved = |what: &str| {
            [what, "softirq,IF=1,irq-stack", "softirq,IF=1,task-stack"].map(str::to_owned)
        };
        let rows = places(&[
            moved("tasklet on edu0"),
            moved("dpc on edu0"),
            moved("tasklet on sim0"),
        ]);
        assert_eq!(
            rows,
            [[
                "tasklet, dpc",
                "soft IRQ, irq stack",
                "soft IRQ, task stack"
            ]]
        );
    }

    #[test]
    fn the_same_differs_in_nothing() {
        assert!(part(&Value::Null, &Value::Null).contains("Nothing does"));
    }
}
