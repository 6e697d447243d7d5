// SPDX-License-Identifier: GPL-2.0

//! The kernel's soft IRQs while the lab measured: how many, how soon, served by whom, and for how long they ran.

use super::escape;
use crate::{collect, show};
use serde_json::Value;
use std::fmt::Write;

/// Who serves soft IRQs: the column, and a name for a person.
const SERVERS: [(&str, &str); 6] = [
    ("irq_exit", "interrupt exit"),
    ("bh_enable", "bottom halves enabled"),
    ("ksoftirqd", "ksoftirqd"),
    ("ktimers", "ktimers"),
    ("idle", "idle task"),
    ("other", "others"),
];

pub fn part(document: &Value) -> Option<String> {
    let rows = collect::rows(document, "softirqs").iter();
    let rows: Vec<_> = rows
        .filter(|row| row["entered"].as_u64() > Some(0))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let is_used = |column: &str| rows.iter().any(|row| row[column].as_u64() > Some(0));
    let servers: Vec<_> = SERVERS
        .iter()
        .filter(|(column, _)| is_used(column))
        .collect();
    let mut text = String::from(
        "<p>While the lab measured what others wait for, and calls between CPUs, the kernel raised soft IRQs: how long each of \
         them waited until it was entered, who served it how often, and for how long it ran, on all CPUs together.</p><div class=scroll>\
         <table class=softirqs><thead><tr><th>soft IRQ</th><th class=number>entered</th><th class=number>half waited at most</th>\
         <th class=number>longest wait</th>",
    );
    for (_, name) in &servers {
        let _ = write!(text, "<th class=number>by {name}</th>");
    }
    text +=
        "<th class=number>ran, in all</th><th class=number>longest run</th></tr></thead><tbody>";
    for row in rows {
        let time = |column: &str| row[column].as_f64().map_or("–".to_owned(), show::time);
        let count = |column: &str| escape(&show::field(&row[column]));
        let _ = write!(
            text,
            "<tr><th scope=row>{}</th><td class=number>{}</td><td class=number>{}</td><td class=number>{}</td>",
            count("vector"), count("entered"), time("p50"), time("max")
        );
        for (column, _) in &servers {
            let _ = write!(text, "<td class=number>{}</td>", count(column));
        }
        let times = collect::rows(document, "softirq_times").iter();
        let own = times.filter(|time| time["vector"] == row["vector"]);
        let (mut total, mut longest) = (0.0, 0.0_f64);
        for time in own {
            total += time["total"].as_f64().unwrap_or(0.0);
            longest = longest.max(time["max"].as_f64().unwrap_or(0.0));
        }
        let _ = write!(
            text,
            "<td class=number>{}</td><td class=number>{}</td></tr>",
            show::time(total),
            show::time(longest)
        );
    }
    Some(text + "</tbody></table></div>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_served_nothing_has_no_column_and_times_are_of_all_cpus() {
        let section = |rows: Value| json!({"sections": [{"rows": rows}]});
        let document = json!({"knobs": {
            "softirqs": section(json!([
                {"vector": "TIMER", "raised": 3, "p50": 900, "max": 5000, "entered": 3, "irq_exit": 3, "ksoftirqd": 0},
                {"vector": "BLOCK", "raised": 0, "p50": 0, "max": 0, "entered": 0},
            ])),
            "softirq_times": section(json!([
                {"cpu": 0, "vector": "TIMER", "runs": 2, "total": 2000, "max": 1500},
                {"cpu": 1, "vector": "TIMER", "runs": 1, "total": 4000, "max": 4000},
            ])),
        }});
        let text = part(&document).unwrap();
        assert!(
            text.contains("by interrupt exit")
                && !text.contains("ksoftirqd")
                && !text.contains("BLOCK"),
            "{text}"
        );
        assert!(
            text.contains(">6.00 µs<") && text.contains(">4.00 µs<"),
            "{text}"
        );
        assert!(part(&json!({})).is_none());
    }
}
