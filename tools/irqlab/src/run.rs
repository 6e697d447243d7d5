// SPDX-License-Identifier: GPL-2.0

//! `run`: experiments, with their progress on standard error.
//!
//! An experiment is one write to a file of the lab, which takes as long as it does. A second process of this tool
//! makes it (`irqlab tell`): ending that is what ends an experiment early, after which the lab is idle again and has
//! what was measured until then.

use crate::{
    claim, cli, collect,
    error::{Error, Result, INTERRUPTED, SOMETHING_FOUND},
    lab::Lab,
    list, show,
};
use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::{
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        OnceLock,
    },
    thread,
    time::Duration,
};

/// How often it is looked how far an experiment is.
const LOOK: Duration = Duration::from_millis(50);

pub fn run(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<u8> {
    let (what, given) = given.subcommand().expect("clap asks for one");
    match what {
        "bench" => bench(
            lab,
            &or(cli::joined(given, "options"), "line=sim0"),
            is_json,
        ),
        "claims" => claims(lab, given, is_json),
        "matrix" => table(
            lab,
            "ipi/matrix",
            &or(cli::joined(given, "options"), "rounds=100"),
            is_json,
        ),
        _ => table(
            lab,
            "ipi/call",
            &or(cli::joined(given, "options"), "kind=single"),
            is_json,
        ),
    }
}

fn or(given: String, default: &str) -> String {
    if given.is_empty() {
        default.to_owned()
    } else {
        given
    }
}

fn bench(lab: &Lab, options: &str, is_json: bool) -> Result<u8> {
    // The lab has sim0 if no line is given; the tool says so.
    let options = if options.contains("line=") {
        options.to_owned()
    } else {
        format!("line=sim0 {options}")
    };
    let ended = experiment(lab, "bench", &options)?;
    let table = lab.table("bench")?;
    let victims = lab.table(collect::VICTIMS[0])?;
    let has_victims = !victims.rows().is_empty();
    if is_json {
        let mut shown = table.to_json();
        if has_victims {
            shown[collect::VICTIMS[0]] = victims.to_json();
        }
        show::print_json(&shown);
    } else {
        list::print(&table);
        if has_victims {
            show::print("\n");
            list::print(&victims);
        }
    }
    ended?;
    let rows = table.to_json()["sections"][0]["rows"].clone();
    let lost = rows
        .as_array()
        .into_iter()
        .flatten()
        .any(|row| row["lost"].as_u64() > Some(0));
    Ok(if lost { SOMETHING_FOUND } else { 0 })
}

fn table(lab: &Lab, knob: &str, options: &str, is_json: bool) -> Result<u8> {
    let ended = experiment(lab, knob, options)?;
    table_of(lab, knob, is_json)?;
    ended?;
    Ok(0)
}

fn table_of(lab: &Lab, knob: &str, is_json: bool) -> Result<()> {
    let table = lab.table(knob)?;
    if is_json {
        show::print_json(&table.to_json());
    } else {
        list::print(&table);
    }
    Ok(())
}

fn claims(lab: &Lab, given: &ArgMatches, is_json: bool) -> Result<u8> {
    let which = or(cli::joined(given, "which"), "all").to_uppercase();
    let control = given.get_flag("control");
    let mut ended = Ok(());
    for word in which.split_whitespace() {
        let word = if word == "ALL" { "all" } else { word };
        ended = experiment(
            lab,
            "claims",
            &if control {
                format!("{word} control")
            } else {
                word.to_owned()
            },
        )?;
        if ended.is_err() {
            break;
        }
    }
    let mut claims = collect::claims(lab)?;
    let is_chosen = |claim: &Value| {
        let mut words = which.split_whitespace();
        words.any(|word| word == "ALL" || claim["id"] == word || claim["group"] == word)
    };
    claims.retain(|claim| is_chosen(claim) && !claim["verdict"].is_null());
    if is_json {
        show::print_json(&Value::Array(claims.clone()));
    } else {
        let columns = ["id", "verdict", "statement", "evidence"];
        let row = |claim: &Value| columns.map(|column| show::field(&claim[column])).to_vec();
        show::table(&columns, &claims.iter().map(row).collect::<Vec<_>>());
        show::print(&format!("{}\n", summary(&claims)));
    }
    ended?;
    Ok(claim::code(&claims, control))
}

fn summary(claims: &[Value]) -> String {
    let count = |verdict: &str| {
        claims
            .iter()
            .filter(|claim| claim["verdict"] == verdict)
            .count()
    };
    let counts = [
        ("holds", "hold"),
        ("outdated", "outdated"),
        ("skip", "skipped"),
        ("fails", "FAIL"),
    ];
    let said: Vec<_> = counts
        .iter()
        .filter(|(verdict, _)| count(verdict) > 0)
        .map(|(verdict, word)| format!("{} {word}", count(verdict)))
        .collect();
    format!("{} claims: {}", claims.len(), said.join(", "))
}

/// Whether somebody wants to end it: by Ctrl-C, or by SIGTERM.
pub fn is_interrupted() -> bool {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    static WATCHED: OnceLock<()> = OnceLock::new();
    WATCHED.get_or_init(|| {
        // Without that, Ctrl-C ends the tool at once: nothing worse.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    });
    INTERRUPTED.load(Ordering::Relaxed)
}

/// As [`command`], but one that was interrupted is no error yet: the lab has what it measured until then. After a refusal
/// the lab has only what an earlier experiment measured, which nobody asks for here.
fn experiment(lab: &Lab, knob: &str, words: &str) -> Result<Result<()>> {
    match command(lab, knob, words) {
        Err(error) if error.code != INTERRUPTED => Err(error),
        ended => Ok(ended),
    }
}

/// Gives the lab a command, and shows how far it is until it has been carried out.
pub fn command(lab: &Lab, knob: &str, words: &str) -> Result<()> {
    is_interrupted();
    let itself = std::env::current_exe().map_err(|error| {
        Error::refused(
            format!("This program cannot be started again: {error}."),
            "Mount /proc.",
        )
    })?;
    let mut teller = Command::new(itself)
        .arg("--debugfs")
        .arg(lab.root())
        .args(["tell", knob, "--", words])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| {
            Error::refused(
                format!("A second process cannot be started: {error}."),
                "Free some memory.",
            )
        })?;
    // Until it is known how much there is to do, there is no bar.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(
        ProgressStyle::with_template("{prefix} {bar:30} {pos} of {len} {wide_msg}")
            .expect("it is well formed"),
    );
    bar.set_prefix(knob.to_owned());
    let ended = loop {
        match teller.try_wait() {
            Ok(Some(status)) => break status,
            _ if is_interrupted() => {
                // The signal may have come to this process alone.
                let _ = teller.kill();
            }
            _ => show_progress(lab, &bar),
        }
        thread::sleep(LOOK);
    };
    bar.finish_and_clear();
    if is_interrupted() {
        let text = format!("Interrupted. The lab has ended '{words}' for {knob}, and has what was measured until then.");
        return Err(Error::interrupted(text));
    }
    match ended.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Error::said(u8::try_from(code).unwrap_or(u8::MAX))),
        None => Err(Error::interrupted(format!(
            "Somebody ended '{words}' for {knob} by a signal."
        ))),
    }
}

fn show_progress(lab: &Lab, bar: &ProgressBar) {
    let Ok(table) = lab.table("progress") else {
        return;
    };
    let Some(row) = table.rows().first() else {
        return;
    };
    let field = |name: &str| row.get(table.sections[0].column(name));
    if let (Ok(step), Ok(of @ 1..)) = (field("step").parse(), field("of").parse()) {
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_length(of);
        bar.set_position(step);
        bar.set_message(field("item").to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_summary_counts_what_there_is() {
        let claims = [
            json!({"verdict": "holds"}),
            json!({"verdict": "skip"}),
            json!({"verdict": "holds"}),
        ];
        assert_eq!(summary(&claims), "3 claims: 2 hold, 1 skipped");
    }
}
