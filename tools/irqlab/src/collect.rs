// SPDX-License-Identifier: GPL-2.0

//! `collect`: all that the lab can say, as one JSON document.
//!
//! ```text
//! format    "irqlab 1"
//! time      seconds since 1970
//! machine   kernel, preemption, CPUs, command line, …
//! claims    [{id, group, group_title, verdict, statement, evidence, info: {…}}]
//! benches   [{line, asked, notes, rows, distributions: {mechanism: rows}, contexts: {mechanism: table},
//!             victims: {path: table}}]; asked: the command; victims: those tables that only a bench with victims=1 has
//! knobs     {path: text or {notes, sections: [{columns, rows}]}}
//! ```

use crate::{
    distribution::Distribution,
    error::{Error, Result},
    lab::Lab,
    machine,
    switched::SwitchedOn,
    table::Table,
};
use serde_json::{json, Map, Value};
use std::{fs, path::Path};

pub const FORMAT: &str = "irqlab 1";

/// The tables of a bench with victims=1.
pub const VICTIMS: [&str; 4] = [
    "victims/latencies",
    "victims/ran",
    "victims/complaints",
    "worst",
];

/// What stands before the command, in a note of the table `bench`.
const ASKED: &str = "asked for: ";

/// What is in the lab now.
pub fn document(lab: &Lab) -> Result<Value> {
    let mut knobs = Map::new();
    for path in lab.readable() {
        let is_elsewhere = ["claims", "bench", "claims_info/", "deferral/"]
            .iter()
            .chain(&VICTIMS)
            .any(|known| path.starts_with(known));
        if !is_elsewhere {
            // A file that cannot be read now, such as the tape of a CPU that left, is left out.
            if let Ok(content) = lab.content(&path) {
                knobs.insert(path, content.to_json());
            }
        }
    }
    Ok(json!({
        "format": FORMAT,
        "time": machine::now(),
        "machine": machine::describe(),
        "claims": claims(lab)?,
        "benches": bench(lab)?.into_iter().collect::<Vec<_>>(),
        "knobs": knobs,
    }))
}

/// The last bench, with what the lab has of each of its mechanisms; none if there was none.
pub fn bench(lab: &Lab) -> Result<Option<Value>> {
    let table = lab.table("bench")?;
    let (Some(section), notes) = (table.sections.first(), &table.notes) else {
        return Ok(None);
    };
    let (mechanism, line) = (section.column("mechanism"), section.column("line"));
    let count = section.column("count");
    let Some(first) = section.rows.first() else {
        return Ok(None);
    };
    let (mut distributions, mut contexts) = (Map::new(), Map::new());
    for row in &section.rows {
        let name = row.get(mechanism);
        let table_of = |knob: &str| lab.table(&format!("deferral/{name}/{knob}"));
        if let (Ok(latency), Ok(context)) = (table_of("latency"), table_of("context")) {
            let latencies = latency.to_json()["sections"][0]["rows"].clone();
            // Else the mechanism has been used since, and forgot what the bench had it do.
            if Distribution::of(&latencies, "stage", "bottom")
                .count()
                .to_string()
                == row.get(count)
            {
                distributions.insert(name.to_owned(), latencies);
                contexts.insert(name.to_owned(), context.to_json());
            }
        }
    }
    let asked = notes.iter().find_map(|note| note.strip_prefix(ASKED));
    Ok(Some(json!({
        "line": first.get(line),
        "asked": asked,
        "notes": notes,
        "rows": table.to_json()["sections"][0]["rows"],
        "distributions": distributions,
        "contexts": contexts,
        "victims": victims(lab),
    })))
}

/// What the last bench has of its victims; nothing if it had none.
fn victims(lab: &Lab) -> Map<String, Value> {
    let tables = VICTIMS
        .iter()
        .filter_map(|knob| Some((*knob, lab.table(knob).ok()?)));
    let has_rows = |table: &Table| !table.rows().is_empty();
    let tables: Vec<_> = tables.collect();
    if !tables.iter().any(|(_, table)| has_rows(table)) {
        return Map::new();
    }
    tables
        .into_iter()
        .map(|(knob, table)| (knob.to_owned(), table.to_json()))
        .collect()
}

/// All claims, with what the lab knows of each.
pub fn claims(lab: &Lab) -> Result<Vec<Value>> {
    let table = lab.table("claims")?;
    Ok(claims_of(&table, |id| {
        lab.read(&format!("claims_info/{id}")).unwrap_or_default()
    }))
}

fn claims_of(table: &Table, info: impl Fn(&str) -> String) -> Vec<Value> {
    let Some(section) = table.sections.first() else {
        return Vec::new();
    };
    let column = |name| section.column(name);
    let (id, verdict) = (column("id"), column("verdict"));
    let (statement, evidence) = (column("statement"), column("evidence"));
    let claims = section.rows.iter().map(|row| {
        let (group, title) = row
            .under
            .as_deref()
            .and_then(|note| note.split_once(": "))
            .unwrap_or(("", ""));
        let mut seen = row.get(evidence).to_owned();
        if let Some(note) = &row.note {
            seen += &format!(" # {note}");
        }
        json!({
            "id": row.get(id),
            "group": group,
            "group_title": title,
            "verdict": crate::table::value_of(row.get(verdict)),
            "statement": row.get(statement),
            "evidence": seen,
            "info": info_of(&info(row.get(id))),
        })
    });
    claims.collect()
}

/// `claims_info`: a line for each thing that there is to know, what it is in the first 14 columns.
fn info_of(text: &str) -> Value {
    let lines = text
        .lines()
        .filter(|line| line.len() > 15 && line.is_char_boundary(14) && line.is_char_boundary(15));
    let pairs = lines
        .map(|line| line.split_at(15))
        .filter(|(what, _)| what.ends_with(' '));
    let known =
        pairs.map(|(what, words)| (what.trim().to_lowercase().replace(' ', "_"), json!(words)));
    let of_interest = known.filter(|(what, _)| {
        [
            "the_text_says",
            "where",
            "here",
            "functions",
            "the_control",
            "try_next",
        ]
        .contains(&what.as_str())
    });
    Value::Object(of_interest.collect())
}

/// Has the lab make what there is nothing of yet: a tape of each mechanism, a bottom half that works for long and
/// others that wait for it, a matrix of calls, a fault.
pub fn measure(lab: &Lab, say: &dyn Fn(&str)) -> Result<()> {
    const TAPE_SIZE: &str = "4096";
    const EVENTS: &str = "3";
    // A mechanism for each place where a bottom half can be.
    const LONG: &str = "line=sim0 mechanisms=hard,tasklet,threaded,percpu_wq count=20 budget_ms=150 bottom_us=1000 victims=1";

    say("noting the way of an interrupt through each mechanism");
    let size = lab.value("tape_size")?;
    lab.tell("tape_size", TAPE_SIZE)?;
    lab.tell("tape_on", "1")?;
    for mechanism in lab.names("deferral") {
        // One that cannot be had on this machine has no time line.
        let _ = lab.tell(&format!("deferral/{mechanism}/schedule"), EVENTS);
    }
    lab.tell("tape_on", "0")?;
    lab.tell("tape_size", &size)?;
    let _softirqs = SwitchedOn::new(lab, "softirqs")?;
    let _who = SwitchedOn::new(lab, "ipi/who")?;
    say("having bottom halves work for long, and others wait for them");
    // Whoever uses the line goes before.
    let _ = lab.tell("bench", LONG);
    say("having each CPU call each other one");
    // With one CPU there is nobody to call.
    let _ = lab.tell("ipi/matrix", "rounds=100 budget_ms=1500");
    let _ = lab.tell("fixup/access", "user_unmapped hardirq");
    Ok(())
}

/// Adds the benches of other documents, of those that were asked for alike the first: the lab only has the last.
pub fn add_benches(document: &mut Value, others: &[Value]) {
    let mut benches: Vec<Value> = Vec::new();
    for from in others.iter().chain([&*document]) {
        for bench in from["benches"].as_array().into_iter().flatten() {
            let is_alike =
                |known: &Value| known["line"] == bench["line"] && known["asked"] == bench["asked"];
            if !benches.iter().any(is_alike) {
                benches.push(bench.clone());
            }
        }
    }
    document["benches"] = json!(benches);
}

/// Reads a document that `collect` has written.
pub fn load(path: &Path) -> Result<Value> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Error::file(
            format!("{shown} cannot be read: {error}."),
            "Write one with `irqlab collect -o FILE`.",
        )
    })?;
    let document: Value = serde_json::from_str(&text).map_err(|error| {
        Error::file(
            format!("{shown} is not whole JSON: {error}."),
            "Write it again with `irqlab collect -o FILE`.",
        )
    })?;
    if document["format"] != FORMAT {
        return Err(Error::file(
            format!("{shown} is no collection of this tool ({FORMAT})."),
            "Write one with `irqlab collect -o FILE`, by the same version of the tool.",
        ));
    }
    Ok(document)
}

/// The rows of a table in a document.
pub fn rows<'a>(document: &'a Value, knob: &str) -> &'a [Value] {
    let rows = document["knobs"][knob]["sections"][0]["rows"].as_array();
    rows.map_or(&[], Vec::as_slice)
}

pub fn notes<'a>(document: &'a Value, knob: &str) -> Vec<&'a str> {
    let notes = document["knobs"][knob]["notes"]
        .as_array()
        .into_iter()
        .flatten();
    notes.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Content;

    #[test]
    fn claims_have_group_and_info() {
        let text = "# holds: …\n#id verdict \"statement\" evidence\n# TASK: tasklets\n\
                    TASK-01  holds    \"runs once\" ran 1 # not 2 times\nTASK-02  -        \"another\"\n";
        let Content::Table(table) = Content::parse(text) else {
            panic!("a table")
        };
        let info = "TASK-01: runs once\n\nThe text says  every activation\nHere           so since Linux 2.3\n\
                    Last result    holds ran 1\n\n";
        let claims = claims_of(&table, |_| info.to_owned());
        assert_eq!(claims[0]["group"], "TASK");
        assert_eq!(claims[0]["group_title"], "tasklets");
        assert_eq!(claims[0]["evidence"], "ran 1 # not 2 times");
        assert_eq!(
            claims[0]["info"],
            json!({"the_text_says": "every activation", "here": "so since Linux 2.3"})
        );
        assert_eq!(claims[1]["verdict"], Value::Null);
    }

    #[test]
    fn benches_of_others_come_first_and_alike_ones_once() {
        let long = json!({"line": "sim0", "asked": "line=sim0 bottom_us=1000"});
        let mut document = json!({"benches": [{"line": "sim1"}, {"line": "sim0"}, long]});
        add_benches(
            &mut document,
            &[json!({"benches": [{"line": "sim0", "rows": [1]}]})],
        );
        assert_eq!(
            document["benches"],
            json!([{"line": "sim0", "rows": [1]}, {"line": "sim1"}, long])
        );
    }
}
