// SPDX-License-Identifier: GPL-2.0

//! The report: documents as one HTML file, which needs no network and no other file.
//!
//! The pictures are SVG, drawn here and coloured by `report/style.css`; `report/script.js` adds what moves:
//! choosing, filtering, values under the pointer. Without it all is there, one below the other.

mod chart;
mod claims;
mod differences;
mod fixup;
mod ipi;
mod mechanisms;
mod softirqs;
mod victims;
mod way;

use crate::{collect, show};
use serde_json::Value;
use std::fmt::Write;

const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = include_str!("report/script.js");

/// The pictures that documentation shows, by the names of their files: each an SVG of its own.
pub fn pictures(document: &Value) -> Vec<(&'static str, String)> {
    let named = [
        ("one_interrupt", way::picture(document, "tasklet")),
        ("ipi_matrix", ipi::heat_map(document)),
    ];
    let alone = |svg: String| {
        let svg = svg.replacen(
            "<svg ",
            &format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" {} ",
                chart::ALONE
            ),
            1,
        );
        let svg = svg.replacen(
            '>',
            &format!("><style>{}</style>", chart::alone_style(STYLE)),
            1,
        );
        as_xml(&svg) + "\n"
    };
    named
        .into_iter()
        .filter_map(|(name, svg)| Some((name, alone(svg?))))
        .collect()
}

/// The same with quotation marks around the values of all attributes, which HTML may leave out.
fn as_xml(svg: &str) -> String {
    let (mut xml, mut is_tag, mut is_quoted, mut is_bare) =
        (String::with_capacity(svg.len()), false, false, false);
    let mut letters = svg.chars().peekable();
    while let Some(letter) = letters.next() {
        if is_bare && [' ', '>'].contains(&letter) {
            xml.push('"');
            is_bare = false;
        }
        match letter {
            '"' if is_tag => is_quoted = !is_quoted,
            '<' if !is_quoted => is_tag = true,
            '>' if !is_quoted => is_tag = false,
            _ => {}
        }
        xml.push(letter);
        if is_tag && !is_quoted && letter == '=' && letters.peek() != Some(&'"') {
            xml.push('"');
            is_bare = true;
        }
    }
    xml
}

/// One of the page's parts: its name for links, its title, and what is in it. None if there is nothing to show.
struct Part {
    id: &'static str,
    title: &'static str,
    body: Option<String>,
}

pub fn page(documents: &[Value]) -> String {
    let title = documents.first().map_or(String::new(), name_of);
    let mut body = String::new();
    let mut links = String::new();
    for (number, document) in documents.iter().enumerate() {
        let prefix = if number == 0 {
            String::new()
        } else {
            format!("{}-", number + 1)
        };
        if number > 0 {
            let _ = write!(
                body,
                "<h1 class=next id=\"{prefix}top\">{}</h1>",
                escape(&name_of(document))
            );
            let _ = write!(
                links,
                "<a href=\"#{prefix}top\">{}</a>",
                escape(&name_of(document))
            );
            body += &differences::part(&documents[0], document);
        }
        body += &overview(document);
        for Part {
            id,
            title,
            body: part,
        } in parts(document)
        {
            let Some(part) = part else { continue };
            let _ = write!(
                body,
                "<section id=\"{prefix}{id}\"><h2>{title}</h2>{part}</section>"
            );
            if number == 0 {
                let _ = write!(links, "<a href=\"#{id}\">{title}</a>");
            }
        }
    }
    format!(
        "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <title>irqlab on {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>irqlab on {title}</h1><nav>{links}</nav></header>\n<main>{body}</main>\n\
         <footer>Made by irqlab {version} (GPL-2.0-only). Everything in this file was measured on the machine that it \
         names.</footer>\n<div id=tip hidden></div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        title = escape(&title),
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn parts(document: &Value) -> Vec<Part> {
    vec![
        Part {
            id: "way",
            title: "One interrupt, from raise to woken task",
            body: way::part(document),
        },
        Part {
            id: "mechanisms",
            title: "Mechanisms",
            body: mechanisms::part(document),
        },
        Part {
            id: "victims",
            title: "What others wait for",
            body: victims::part(document),
        },
        Part {
            id: "softirqs",
            title: "Soft IRQs",
            body: softirqs::part(document),
        },
        Part {
            id: "ipi",
            title: "Calls between CPUs",
            body: ipi::part(document),
        },
        Part {
            id: "fixup",
            title: "One fault, step by step",
            body: fixup::part(document),
        },
        Part {
            id: "claims",
            title: "Claims",
            body: claims::part(document),
        },
    ]
}

fn name_of(document: &Value) -> String {
    format!("Linux {}", show::field(&document["machine"]["kernel"]))
}

/// The machine, and what came of all of it, in figures.
fn overview(document: &Value) -> String {
    let machine = &document["machine"];
    let mut text = String::from("<section class=overview>");
    let claims = document["claims"].as_array().map_or(&[][..], Vec::as_slice);
    let count = |verdict: &str| {
        claims
            .iter()
            .filter(|claim| claim["verdict"] == verdict)
            .count()
    };
    let (mut events, mut lost) = (0, 0);
    for row in document["benches"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|bench| bench["rows"].as_array().into_iter().flatten())
    {
        events += row["count"].as_u64().unwrap_or(0);
        lost += row["lost"].as_u64().unwrap_or(0);
    }
    text += "<div class=tiles>";
    for (class, number, what) in [
        ("holds", count("holds"), "claims hold"),
        ("outdated", count("outdated"), "are outdated"),
        ("skip", count("skip"), "could not be shown here"),
        ("fails", count("fails"), "fail"),
    ] {
        let _ = write!(text, "<a class=\"tile {class}\" href=\"#claims\" data-verdict={class}><b>{number}</b>{what}</a>");
    }
    let _ = write!(
        text,
        "<a class=tile href=\"#mechanisms\"><b>{}</b>interrupts measured, {}</a></div>",
        events + lost,
        if lost == 0 {
            "none lost".to_owned()
        } else {
            format!("{lost} lost")
        }
    );
    let memory = machine["memory_kb"]
        .as_u64()
        .map_or(String::new(), |kb| format!("{} MB", kb / 1024));
    let what = match (machine["is_emulated"] == true, machine["is_virtual"] == true) {
        (true, _) => "emulated: compare the figures with one another, do not take them for the times of a machine",
        (_, true) => "virtual: the host may interrupt it at any time",
        _ => "real",
    };
    text += "<dl class=facts>";
    for (name, value) in [
        (
            "Kernel",
            format!(
                "{} {}",
                show::field(&machine["kernel"]),
                show::field(&machine["version"])
            ),
        ),
        ("Preemption", show::field(&machine["preemption"])),
        (
            "CPUs",
            format!(
                "{} × {}",
                show::field(&machine["cpus"]),
                show::field(&machine["cpu"])
            ),
        ),
        ("Machine", what.to_owned()),
        ("Memory", memory),
        ("Clock", show::field(&machine["clock"])),
        ("The lab itself", own_memory(document)),
        ("Measured", date(document["time"].as_u64().unwrap_or(0))),
        ("Command line", show::field(&machine["command_line"])),
    ] {
        if !value.is_empty() && value != "-" {
            let _ = write!(text, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
        }
    }
    text + "</dl></section>"
}

/// What the modules take, and what they have allocated for what they record.
fn own_memory(document: &Value) -> String {
    let rows = collect::rows(document, "memory");
    let bytes = |is_of: &dyn Fn(&str) -> bool| -> u64 {
        let rows = rows
            .iter()
            .filter(|row| row["what"].as_str().is_some_and(is_of));
        rows.filter_map(|row| row["bytes"].as_u64()).sum()
    };
    let is_code = |what: &str| what.ends_with("_text");
    let is_data = |what: &str| what.ends_with("_data") || what.ends_with("_rodata");
    let (code, data) = (bytes(&is_code), bytes(&is_data));
    if code == 0 {
        return String::new();
    }
    let recorded = bytes(&|what| !is_code(what) && !is_data(what));
    let kib = |bytes: u64| bytes.div_ceil(1024);
    format!(
        "{} KiB of code, {} KiB of data, {} KiB for what it records",
        kib(code),
        kib(data),
        kib(recorded)
    )
}

/// A day and a time of day in UTC: days are counted from 1 March of the year 0 (H. Hinnant's algorithm).
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        second / 3600,
        second / 60 % 60
    )
}

/// Text as HTML, also within quotation marks.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// The class of a context, by which it has its colour; and its name for a person.
fn context_of(place: &str) -> (&'static str, &'static str) {
    match place.split([',', ' ']).next().unwrap_or("") {
        "hardirq" => ("hardirq", "hard IRQ"),
        "softirq" => ("softirq", "soft IRQ"),
        "nmi" => ("nmi", "NMI"),
        _ => ("task", "task"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_795_668_799), "2026-11-26 04:53 UTC");
    }

    #[test]
    fn attributes_of_xml_are_quoted() {
        assert_eq!(
            as_xml("<a b=c d=\"e=f\">x=y</a><g h=2 />"),
            "<a b=\"c\" d=\"e=f\">x=y</a><g h=\"2\" />"
        );
    }

    #[test]
    fn whatever_is_in_a_document_is_text_in_the_page() {
        let evil = "<script>alert(\"x\")</script>";
        let document = json!({
            "machine": {"kernel": evil, "cpu": evil},
            "claims": [{"id": evil, "group": "EXC", "group_title": evil, "verdict": "holds", "statement": evil, "evidence": evil, "info": {"here": evil}}],
            "benches": [{"line": evil, "rows": [{"mechanism": evil, "p50": 1, "p99": 2, "contexts": evil, "current": evil, "note": evil}]}],
        });
        assert!(!page(&[document]).contains("<script>alert"));
    }

    #[test]
    fn a_page_of_nothing_is_a_page() {
        let text = page(&[json!({})]);
        assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n"));
    }
}
