// SPDX-License-Identifier: GPL-2.0

//! The lab's tables, as its files show them: the one place that knows how they are written.
//!
//! ```text
//! # a note, which says something of the table or of the rows below it
//! #name value          the header of a section: the names of the columns
//! one 1                a row; the last column takes what is left of the line
//! "two words" 2 # why  text in quotation marks is one field; a row may end with a note of its own
//! ```
//!
//! A file without a header is not a table but a text.

use serde_json::{json, Map, Value};

/// What a file of the lab says.
#[derive(Debug, PartialEq)]
pub enum Content {
    Text(String),
    Table(Table),
}

#[derive(Debug, Default, PartialEq)]
pub struct Table {
    pub notes: Vec<String>,
    pub sections: Vec<Section>,
}

/// The rows that have one header in common.
#[derive(Debug, Default, PartialEq)]
pub struct Section {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Row {
    pub fields: Vec<String>,
    /// What stands behind the fields.
    pub note: Option<String>,
    /// The last note above the row, within the section.
    pub under: Option<String>,
}

impl Content {
    pub fn parse(text: &str) -> Self {
        let is_header = |line: &str| {
            line.starts_with('#') && !line[1..].starts_with([' ', '\n']) && line.len() > 1
        };
        if text.lines().any(is_header) {
            Content::Table(Table::parse(text, is_header))
        } else {
            Content::Text(text.trim_end().to_owned())
        }
    }

    pub fn into_table(self) -> Option<Table> {
        match self {
            Content::Table(table) => Some(table),
            Content::Text(_) => None,
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Content::Text(text) => json!(text),
            Content::Table(table) => table.to_json(),
        }
    }
}

impl Table {
    fn parse(text: &str, is_header: impl Fn(&str) -> bool) -> Self {
        let mut table = Table::default();
        let mut under = None;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if is_header(line) {
                let names = line[1..].split_whitespace();
                let columns = names
                    .map(|name| name.trim_matches('"').to_owned())
                    .collect();
                table.sections.push(Section {
                    columns,
                    rows: Vec::new(),
                });
                under = None;
            } else if let Some(note) = line.strip_prefix('#') {
                let note = note.trim().to_owned();
                // What was left out is of the part that goes on behind it.
                let goes_on = note.starts_with("and ") && note.ends_with(" more");
                if !table.sections.is_empty() && !goes_on {
                    under = Some(note.clone());
                }
                table.notes.push(note);
            } else if let Some(section) = table.sections.last_mut() {
                section.rows.push(Row {
                    under: under.clone(),
                    ..Row::parse(line, section.columns.len())
                });
            }
        }
        table
    }

    /// The rows of the first section.
    pub fn rows(&self) -> &[Row] {
        self.sections.first().map_or(&[], |section| &section.rows)
    }

    pub fn to_json(&self) -> Value {
        let sections: Vec<_> = self.sections.iter().map(Section::to_json).collect();
        json!({ "notes": self.notes, "sections": sections })
    }
}

impl Section {
    fn to_json(&self) -> Value {
        // What all rows are under says nothing of one of them.
        let has_parts = self.rows.windows(2).any(|two| two[0].under != two[1].under);
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| row.to_json(&self.columns, has_parts))
            .collect();
        json!({ "columns": self.columns, "rows": rows })
    }

    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

impl Row {
    /// Splits a line into as many fields as there are columns.
    fn parse(line: &str, nr_columns: usize) -> Self {
        let (mut fields, mut rest) = (Vec::new(), line.trim());
        while !rest.is_empty() && fields.len() < nr_columns {
            let is_last = fields.len() + 1 == nr_columns;
            let (field, behind) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted.split_once('"').unwrap_or((quoted, ""))
            } else if rest.starts_with("# ") {
                break;
            } else if is_last {
                rest.find(" # ").map_or((rest, ""), |at| rest.split_at(at))
            } else {
                rest.find(char::is_whitespace)
                    .map_or((rest, ""), |at| rest.split_at(at))
            };
            fields.push(readable(field.trim()));
            rest = behind.trim_start();
        }
        let note = rest.trim_start_matches('#').trim();
        Self {
            fields,
            note: (!note.is_empty()).then(|| note.to_owned()),
            under: None,
        }
    }

    pub fn get(&self, column: Option<usize>) -> &str {
        column
            .and_then(|index| self.fields.get(index))
            .map_or("", String::as_str)
    }

    fn to_json(&self, columns: &[String], has_parts: bool) -> Value {
        let fields = columns.iter().zip(&self.fields);
        let mut row: Map<_, _> = fields
            .map(|(column, field)| (column.clone(), value_of(field)))
            .collect();
        if let Some(under) = self.under.as_ref().filter(|_| has_parts) {
            row.insert("under".to_owned(), json!(under));
        }
        if let Some(note) = &self.note {
            row.insert("note".to_owned(), json!(note));
        }
        Value::Object(row)
    }
}

/// A function of Rust by the name that its source has; the kernel knows it by a mangled one.
fn readable(field: &str) -> String {
    match rustc_demangle::try_demangle(field) {
        Ok(name) => format!("{name:#}"),
        Err(_) => field.to_owned(),
    }
}

/// A number as such; `-`, which the lab writes where there is none, as null.
pub fn value_of(field: &str) -> Value {
    if field == "-" {
        return Value::Null;
    }
    let is_number =
        field.parse::<f64>().is_ok() && field.ends_with(|last: char| last.is_ascii_digit());
    match serde_json::from_str::<Value>(field) {
        Ok(value @ Value::Number(_)) if is_number => value,
        _ => json!(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Content::parse(text).into_table().expect("a table")
    }

    #[test]
    fn a_file_without_a_header_is_a_text() {
        assert_eq!(Content::parse("1\n"), Content::Text("1".to_owned()));
        assert_eq!(
            Content::parse("# a note\n"),
            Content::Text("# a note".to_owned())
        );
        assert_eq!(Content::parse(""), Content::Text(String::new()));
    }

    #[test]
    fn the_last_column_takes_the_rest() {
        let steps = table("#step what\n2 exception   #PF (vector 14), error code 0x0\n");
        assert_eq!(
            steps.rows()[0].fields,
            ["2", "exception   #PF (vector 14), error code 0x0"]
        );
    }

    #[test]
    fn a_statement_is_one_field_and_groups_are_notes() {
        let claims = table(
            "# holds: …\n#id verdict \"statement\" evidence\n# TASK: tasklets\n\
             TASK-01  holds    \"a tasklet runs once\" ran 1 times; 2 # 3\nTASK-02  -        \"two words\"\n",
        );
        let rows = claims.rows();
        assert_eq!(
            rows[0].fields,
            ["TASK-01", "holds", "a tasklet runs once", "ran 1 times; 2"]
        );
        assert_eq!(rows[0].under.as_deref(), Some("TASK: tasklets"));
        assert_eq!(rows[1].fields, ["TASK-02", "-", "two words"]);
    }

    #[test]
    fn a_row_may_say_why_it_is_short() {
        let bench = table("#mechanism p50 current\nkthread - - # not measured: no such thread\ntimer 12 sh/1 # only 5 of 9\n");
        assert_eq!(
            bench.rows()[0].note.as_deref(),
            Some("not measured: no such thread")
        );
        assert_eq!(bench.rows()[1].fields, ["timer", "12", "sh/1"]);
        let json = bench.to_json();
        assert_eq!(json["sections"][0]["rows"][0]["p50"], Value::Null);
        assert_eq!(json["sections"][0]["rows"][1]["p50"], json!(12));
        assert_eq!(json["sections"][0]["rows"][1]["note"], json!("only 5 of 9"));
    }

    #[test]
    fn sections_have_columns_of_their_own() {
        let context = table("# a tasklet\n#stage count place\ntop 5 hardirq,IF=0\n#stage last\ntop hardirq IF=0 cpu=1\n");
        assert_eq!(context.sections.len(), 2);
        assert_eq!(
            context.sections[1].rows[0].fields,
            ["top", "hardirq IF=0 cpu=1"]
        );
    }

    #[test]
    fn a_row_says_which_part_it_belongs_to() {
        let worst = table("# of each\n#time event\n# hard: 1 of 1\n5 raise\n# tasklet: 2 of 9\n7 raise\n# and 5 more\n9 woken\n");
        let json = worst.to_json();
        assert_eq!(json["sections"][0]["rows"][0]["under"], "hard: 1 of 1");
        assert_eq!(json["sections"][0]["rows"][2]["under"], "tasklet: 2 of 9");
        let matrix = table("#from to\n# at most 50 rounds\n0 1\n1 0\n").to_json();
        assert!(matrix["sections"][0]["rows"][0]["under"].is_null());
    }

    #[test]
    fn functions_of_rust_have_the_names_of_their_source() {
        let who = table("#from function\n0 flush_tlb_func\n1 _RNvMNtNtCs2ZQKok5HCwU_6irqlab3smp4callINtB2_4OncelE3runB6_\n");
        assert_eq!(who.rows()[0].fields[1], "flush_tlb_func");
        assert_eq!(
            who.rows()[1].fields[1],
            "<irqlab::smp::call::Once<i32>>::run"
        );
    }

    #[test]
    fn numbers_are_those_that_json_has() {
        assert_eq!(value_of("0x10"), json!("0x10"));
        assert_eq!(value_of("007"), json!("007"));
        assert_eq!(value_of("81.00"), json!(81.0));
        assert_eq!(value_of("-14"), json!(-14));
        assert_eq!(value_of("inf"), json!("inf"));
        assert_eq!(value_of("0-3"), json!("0-3"));
    }
}
