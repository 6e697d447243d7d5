// SPDX-License-Identifier: GPL-2.0

//! The claims, as a list that one can filter: verdict, statement, evidence, and why.

use super::escape;
use crate::show;
use serde_json::Value;
use std::fmt::Write;

const VERDICTS: [(&str, &str); 4] = [
    ("holds", "hold"),
    ("outdated", "are outdated"),
    ("skip", "skipped"),
    ("fails", "fail"),
];

pub fn part(document: &Value) -> Option<String> {
    let claims = document["claims"]
        .as_array()
        .filter(|claims| !claims.is_empty())?;
    let mut text = String::from(
        "<p>What textbooks and documentation state, put to the test on this kernel. A claim that <b>holds</b> is true here; one \
         that is <b>outdated</b> was true once, and the evidence says what this kernel does instead; one that was \
         <b>skipped</b> could not be shown on this machine; one that <b>fails</b> shows a fault of the lab or the kernel. Open \
         one to see why.</p><div class=filters><input type=search placeholder=\"Filter: a word, a function, an id\" \
         aria-label=\"Filter claims\"><div class=choices>",
    );
    for (verdict, words) in VERDICTS {
        let count = claims
            .iter()
            .filter(|claim| claim["verdict"] == verdict)
            .count();
        if count > 0 {
            let _ = write!(text, "<button type=button class=\"verdict {verdict}\" data-verdict={verdict} aria-pressed=false>{count} {words}</button>");
        }
    }
    text += "</div><select aria-label=\"Group of claims\"><option value=\"\">all groups</option>";
    let mut last = "";
    for claim in claims {
        let group = claim["group"].as_str().unwrap_or("");
        if group != last {
            let _ = write!(
                text,
                "<option value=\"{0}\">{0}: {1}</option>",
                escape(group),
                escape(&show::field(&claim["group_title"]))
            );
            last = group;
        }
    }
    text += "</select></div><p class=shown aria-live=polite></p><div class=claims>";
    last = "";
    for claim in claims {
        let group = claim["group"].as_str().unwrap_or("");
        if group != last {
            let _ = write!(
                text,
                "<h3 data-heading=\"{}\">{}</h3>",
                escape(group),
                escape(&format!("{group}: {}", show::field(&claim["group_title"])))
            );
            last = group;
        }
        text += &one(claim, group);
    }
    Some(text + "</div>")
}

fn one(claim: &Value, group: &str) -> String {
    let verdict = claim["verdict"].as_str().unwrap_or("untried");
    let id = escape(&show::field(&claim["id"]));
    let mut text = format!(
        "<details class=claim data-id=\"{id}\" data-verdict=\"{verdict}\" data-of=\"{}\"><summary><span class=id>{id}</span>\
         <span class=\"verdict {verdict}\">{verdict}</span><span class=statement>{}</span><span class=evidence>{}</span></summary><dl>",
        escape(group), escape(&show::field(&claim["statement"])), escape(&show::field(&claim["evidence"])), verdict = escape(verdict),
    );
    for (key, what) in [
        ("here", "Why"),
        ("functions", "Functions"),
        ("the_text_says", "The text says"),
        ("where", "Where"),
        ("the_control", "The control breaks"),
        ("try_next", "Try next"),
    ] {
        if let Some(words) = claim["info"][key].as_str() {
            let words = escape(words);
            let words = if ["functions", "try_next"].contains(&key) {
                format!("<code>{words}</code>")
            } else {
                words
            };
            let _ = write!(text, "<dt>{what}</dt><dd>{words}</dd>");
        }
    }
    text + "</dl></details>"
}
