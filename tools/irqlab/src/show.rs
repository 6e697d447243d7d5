// SPDX-License-Identifier: GPL-2.0

//! Tables on a terminal, as wide as that is; and as wide as they need to be where there is none.

use crate::error::Error;
use serde_json::Value;
use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// The least width of a column whose text goes on in the next line.
const LEAST: usize = 24;

/// Set when nobody reads any more.
static IS_UNREAD: AtomicBool = AtomicBool::new(false);

/// Whether what is printed is read by anybody still.
pub fn is_read() -> bool {
    !IS_UNREAD.load(Relaxed)
}

/// Prints. Says no more if nobody reads any more, as behind `| head`; if it cannot be written for another reason,
/// says why and ends.
pub fn print(text: &str) {
    if !is_read() {
        return;
    }
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        unwritten(&error);
    }
}

/// What becomes of standard output that cannot be written.
pub fn unwritten(error: &io::Error) {
    if error.kind() == io::ErrorKind::BrokenPipe {
        IS_UNREAD.store(true, Relaxed);
        return;
    }
    let error = Error::file(format!("Standard output cannot be written: {error}."), "");
    say(&error.to_string());
    std::process::exit(error.code.into());
}

pub fn print_json(value: &Value) {
    print(&format!("{value:#}\n"));
}

/// As one line, for what goes on.
pub fn print_json_line(value: &Value) {
    print(&format!("{value}\n"));
}

/// How wide the terminal is; none where there is none.
pub fn width() -> Option<usize> {
    let given = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let seen = || {
        console::Term::stdout()
            .size_checked()
            .map(|(_, columns)| usize::from(columns))
    };
    given.or_else(seen).filter(|width| *width > 0)
}

/// Says on standard error what is being done.
pub fn say(text: &str) {
    eprintln!("irqlab: {text}");
}

pub fn table(columns: &[&str], rows: &[Vec<String>]) {
    print(&layout(columns, rows, width().unwrap_or(usize::MAX)));
}

/// The table as text: in columns if they fit, of which the last may go on in the next line; else each row as
/// lines of its own.
fn layout(columns: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let cell = |row: &Vec<String>, index: usize| row.get(index).cloned().unwrap_or_default();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let widest = rows
                .iter()
                .map(|row| chars(&cell(row, index)))
                .max()
                .unwrap_or(0);
            widest.max(chars(name))
        })
        .collect();
    let Some((last, others)) = widths.split_last() else {
        return String::new();
    };
    let before: usize = others.iter().map(|width| width + 2).sum();
    if before + last.min(&LEAST) > width {
        return records(columns, rows, width);
    }
    let is_number = |index: usize| rows.iter().all(|row| is_number(&cell(row, index)));
    let numbers: Vec<bool> = (0..columns.len()).map(is_number).collect();
    let mut text = String::new();
    let heading: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (index, width) in others.iter().enumerate() {
            line += &pad(&cell(row, index), *width, numbers[index]);
            line += "  ";
        }
        let end = cell(row, others.len());
        let end = if numbers[others.len()] {
            pad(&end, *last, true)
        } else {
            end
        };
        for (number, part) in wrap(&end, width - before).iter().enumerate() {
            let start = if number == 0 {
                line.clone()
            } else {
                " ".repeat(before)
            };
            text += (start + part).trim_end();
            text += "\n";
        }
    }
    text
}

fn records(columns: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let names = columns
        .iter()
        .map(|column| chars(column))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        for (column, field) in columns.iter().zip(row) {
            let start = if *column == columns[0] {
                String::new()
            } else {
                "  ".to_owned()
            };
            let name = start + &pad(column, names, false) + "  ";
            let room = width.saturating_sub(names + 4).max(LEAST);
            for (number, part) in wrap(field, room).iter().enumerate() {
                text += &if number == 0 {
                    name.clone()
                } else {
                    " ".repeat(names + 4)
                };
                text += part;
                text += "\n";
            }
        }
    }
    text
}

/// Breaks a text between words.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    if chars(text) <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && chars(line) + 1 + chars(word) > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn pad(text: &str, width: usize, is_right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(chars(text)));
    if is_right {
        space + text
    } else {
        text.to_owned() + &space
    }
}

fn is_number(text: &str) -> bool {
    text.is_empty() || text == "-" || text.parse::<f64>().is_ok()
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// A JSON value as a field: null is `-`, as in the lab's tables.
pub fn field(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Nanoseconds as a person wants to read them.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e4 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |fields: [&str; 3]| fields.map(str::to_owned).to_vec();
        vec![
            row(["tasklet", "2", "a text of some words that is long"]),
            row(["timer", "-", "short"]),
        ]
    }

    #[test]
    fn numbers_stand_right_and_the_last_column_goes_on() {
        let text = layout(&["name", "count", "what"], &rows(), 40);
        assert_eq!(
            text,
            "name     count  what\ntasklet      2  a text of some words\n                that is long\ntimer        -  short\n"
        );
    }

    #[test]
    fn nothing_is_wider_than_a_narrow_terminal() {
        for width in [30, 40, 80] {
            let text = layout(&["name", "count", "what"], &rows(), width);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{text}"
            );
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time(90.0), "90 ns");
        assert_eq!(time(2431.0), "2.43 µs");
        assert_eq!(time(7_733_247.0), "7.73 ms");
    }
}
