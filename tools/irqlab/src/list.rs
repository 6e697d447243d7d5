// SPDX-License-Identifier: GPL-2.0

//! `list` and `show`: what the lab has.

use crate::{
    error::Result,
    lab::Lab,
    show,
    table::{Content, Table},
};
use clap::ArgMatches;
use serde_json::{json, Map, Value};

pub fn list(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<()> {
    let chosen = given.get_one::<String>("what").map(String::as_str);
    let mut all = Map::new();
    for (what, gather) in [
        ("lines", lines as fn(&Lab) -> Result<Value>),
        ("mechanisms", mechanisms),
        ("claims", claims),
        ("files", files),
    ] {
        // Files are many: only if asked for.
        if chosen == Some(what) || chosen.is_none() && what != "files" {
            all.insert(what.to_owned(), gather(lab)?);
        }
    }
    if is_json {
        show::print_json(&Value::Object(all));
        return Ok(());
    }
    let mut is_first = true;
    for (what, columns) in [
        (
            "lines",
            &[
                "line",
                "kind",
                "irq",
                "controller",
                "mechanism",
                "raised",
                "handled",
            ][..],
        ),
        ("mechanisms", &["mechanism", "enabled", "what it is"]),
        (
            "claims",
            &[
                "group", "claims", "holds", "outdated", "skip", "fails", "about",
            ],
        ),
        ("files", &["file"]),
    ] {
        if let Some(Value::Array(entries)) = all.get(what) {
            if !is_first {
                show::print("\n");
            }
            is_first = false;
            let row = |entry: &Value| {
                columns
                    .iter()
                    .map(|column| show::field(&entry[*column]))
                    .collect()
            };
            show::table(columns, &entries.iter().map(row).collect::<Vec<_>>());
        }
    }
    Ok(())
}

fn lines(lab: &Lab) -> Result<Value> {
    let mut lines = Vec::new();
    for name in lab.names("lines") {
        let info = lab.table(&format!("lines/{name}/info"))?;
        let mut line = Map::from_iter([("line".to_owned(), json!(name))]);
        for row in info.rows() {
            line.insert(
                row.get(Some(0)).to_owned(),
                crate::table::value_of(row.get(Some(1))),
            );
        }
        // While an experiment has the line, it does not say which mechanism it is.
        let handlers = lab
            .table(&format!("lines/{name}/handlers"))
            .unwrap_or_default();
        line.insert(
            "mechanism".to_owned(),
            json!(handlers
                .rows()
                .first()
                .map_or("busy", |row| row.get(Some(0)))),
        );
        lines.push(Value::Object(line));
    }
    Ok(json!(lines))
}

fn mechanisms(lab: &Lab) -> Result<Value> {
    let mut mechanisms = Vec::new();
    for name in lab.names("deferral") {
        let context = lab.table(&format!("deferral/{name}/context"))?;
        let about = context
            .notes
            .first()
            .and_then(|note| note.split_once(": "))
            .map_or("", |(_, about)| about);
        let is_enabled = lab.value(&format!("deferral/{name}/enabled"))?;
        mechanisms
            .push(json!({ "mechanism": name, "enabled": is_enabled == "1", "what it is": about }));
    }
    Ok(json!(mechanisms))
}

fn claims(lab: &Lab) -> Result<Value> {
    let table: Table = lab.table("claims")?;
    let mut groups: Vec<Value> = Vec::new();
    for row in table.rows() {
        let (group, about) = row
            .under
            .as_deref()
            .and_then(|note| note.split_once(": "))
            .unwrap_or(("", ""));
        if groups.last().is_none_or(|last| last["group"] != group) {
            let empty = json!({"group": group, "about": about, "claims": 0, "holds": 0, "outdated": 0, "skip": 0, "fails": 0});
            groups.push(empty);
        }
        let last = groups.last_mut().expect("there is one");
        for what in ["claims", row.get(Some(1))] {
            if let Some(count) = last[what].as_u64() {
                last[what] = json!(count + 1);
            }
        }
    }
    Ok(json!(groups))
}

fn files(lab: &Lab) -> Result<Value> {
    Ok(lab
        .readable()
        .into_iter()
        .map(|file| json!({ "file": file }))
        .collect())
}

/// A file, as a table that fits the terminal.
pub fn show(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<()> {
    let file: &String = given.get_one("file").expect("clap asks for one");
    let content = lab.content(file)?;
    if is_json {
        show::print_json(&content.to_json());
        return Ok(());
    }
    match content {
        Content::Text(text) => show::print(&format!("{text}\n")),
        Content::Table(table) => print(&table),
    }
    Ok(())
}

/// Notes, then the sections.
pub fn print(table: &Table) {
    for note in &table.notes {
        for line in show::wrap(note, show::width().unwrap_or(usize::MAX)) {
            show::print(&format!("{line}\n"));
        }
    }
    for section in &table.sections {
        let has_notes = section.rows.iter().any(|row| row.note.is_some());
        let mut columns: Vec<&str> = section.columns.iter().map(String::as_str).collect();
        if has_notes {
            columns.push("note");
        }
        let rows = section.rows.iter().map(|row| {
            let mut fields = row.fields.clone();
            fields.resize(section.columns.len(), String::new());
            fields.extend(has_notes.then(|| row.note.clone().unwrap_or_default()));
            fields
        });
        show::table(&columns, &rows.collect::<Vec<_>>());
    }
}
