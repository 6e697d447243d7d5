// SPDX-License-Identifier: GPL-2.0

//! `claim`: what a claim says, what came of it, and why.

use crate::{
    collect,
    error::{Error, Result, SOMETHING_FOUND},
    lab::Lab,
    run, show,
};
use clap::ArgMatches;
use serde_json::Value;

pub fn claim(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<u8> {
    let id = given
        .get_one::<String>("id")
        .expect("clap asks for one")
        .to_uppercase();
    let control = given.get_flag("control");
    let chosen = |lab: &Lab| -> Result<Vec<Value>> {
        let mut claims = collect::claims(lab)?;
        claims.retain(|claim| claim["id"] == *id || claim["group"] == *id);
        Ok(claims)
    };
    if chosen(lab)?.is_empty() {
        return Err(Error::refused(
            format!("There is no claim or group {id}."),
            "`irqlab list claims` shows the groups, `irqlab claim TASK` those of a group.",
        ));
    }
    if given.get_flag("run") || control {
        run::command(
            lab,
            "claims",
            &if control {
                format!("{id} control")
            } else {
                id.clone()
            },
        )?;
    }
    let claims = chosen(lab)?;
    if is_json {
        show::print_json(&Value::Array(claims.clone()));
    } else if let [only] = &claims[..] {
        print(only);
    } else {
        let row = |claim: &Value| {
            ["id", "verdict", "statement"]
                .map(|column| show::field(&claim[column]))
                .to_vec()
        };
        show::table(
            &["id", "verdict", "statement"],
            &claims.iter().map(row).collect::<Vec<_>>(),
        );
    }
    Ok(code(&claims, control))
}

/// 1 if a claim fails, as only a control is to do.
pub fn code(claims: &[Value], control: bool) -> u8 {
    let found = claims.iter().any(|claim| claim["verdict"] == "fails");
    if found && !control {
        SOMETHING_FOUND
    } else {
        0
    }
}

fn print(claim: &Value) {
    let info = &claim["info"];
    let verdict = match claim["verdict"].as_str() {
        None => "not tried yet: irqlab claim --run",
        Some(verdict) => verdict,
    };
    let rows = [
        (
            "claim",
            show::field(&claim["id"]) + ": " + &show::field(&claim["statement"]),
        ),
        ("verdict", verdict.to_owned()),
        ("evidence", show::field(&claim["evidence"])),
        ("why", show::field(&info["here"])),
        ("functions", show::field(&info["functions"])),
        ("the text says", show::field(&info["the_text_says"])),
        ("where", show::field(&info["where"])),
        ("control", show::field(&info["the_control"])),
        ("try next", show::field(&info["try_next"])),
    ];
    let width = show::width().unwrap_or(usize::MAX);
    for (what, words) in rows
        .iter()
        .filter(|(_, words)| !words.is_empty() && words != "-")
    {
        for (number, line) in show::wrap(words, width.saturating_sub(15).max(20))
            .iter()
            .enumerate()
        {
            show::print(&format!(
                "{:<13}  {line}\n",
                if number == 0 { what } else { "" }
            ));
        }
    }
}
