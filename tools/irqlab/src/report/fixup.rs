// SPDX-License-Identifier: GPL-2.0

//! A fault of the kernel that does no harm: the steps from the access to where it goes on.

use super::escape;
use crate::{collect, show};
use serde_json::Value;
use std::fmt::Write;

pub fn part(document: &Value) -> Option<String> {
    let rows = collect::rows(document, "fixup/steps");
    if rows.is_empty() {
        return None;
    }
    let mut text = String::from(
        "<p>Some instructions of the kernel may fault: each has an entry in the exception table, which says where to go on, \
         the <b>fixup</b>. The lab had one such instruction execute where it faults.</p><ol class=steps>",
    );
    for row in rows {
        let what = show::field(&row["what"]);
        let (name, words) = what.split_once(char::is_whitespace).unwrap_or((&what, ""));
        let _ = write!(
            text,
            "<li class=\"{}\"><b>{}</b><span>{}</span></li>",
            class(name),
            escape(name),
            escape(words.trim())
        );
    }
    Some(text + "</ol>")
}

/// Who acts: the code that accesses, the CPU, or the handler of the exception.
fn class(step: &str) -> &'static str {
    match step {
        "access" | "resumed" => "task",
        "exception" | "saved" => "hardirq",
        _ => "softirq",
    }
}
