// SPDX-License-Identifier: GPL-2.0

//! `irqlab`: runs the lab's experiments and shows what came of them.
//!
//! The lab speaks by text files in debugfs, which `lab` reads and `table` understands. All that it has to say is
//! one JSON document (`collect`), from which reports, comparisons and exports are made, on any machine.

mod claim;
mod cli;
mod collect;
mod compare;
mod distribution;
mod error;
mod export;
mod lab;
mod list;
mod machine;
mod report;
mod run;
mod show;
mod switched;
mod table;
mod tape;
mod time_line;
mod watch;

use clap::ArgMatches;
use error::{Error, Result};
use lab::Lab;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let matches = match cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(instead) => {
            // Help, or what is wrong with the command line.
            if let Err(error) = instead.print() {
                show::unwritten(&error);
            }
            return ExitCode::from(instead.exit_code() as u8);
        }
    };
    match dispatch(&matches) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if !error.is_silent() {
                eprintln!("irqlab: {error}");
            }
            ExitCode::from(error.code)
        }
    }
}

fn dispatch(matches: &ArgMatches) -> Result<u8> {
    let is_json = matches.get_flag("json");
    let root: &PathBuf = matches.get_one("debugfs").expect("it has a default");
    let open = || Lab::open(root);
    let (name, given) = matches.subcommand().expect("clap asks for one");
    match name {
        "list" => list::list(&open()?, given, is_json)?,
        "show" => list::show(&open()?, given, is_json)?,
        "tell" => {
            let file: &String = given.get_one("file").expect("clap asks for one");
            open()?.tell(file, &cli::joined(given, "command"))?;
        }
        "run" => return run::run(&open()?, given, is_json),
        "claim" => return claim::claim(&open()?, given, is_json),
        "watch" => watch::watch(&open()?, given, is_json)?,
        "tape" => tape::tape(&open()?, given, is_json)?,
        "collect" => collect(&open()?, given)?,
        "report" => report(given)?,
        "compare" => return compare::compare(given, is_json),
        "export" => {
            let text = export::export(open, given)?;
            write(given.get_one("output"), &text)?;
        }
        "man" => {
            let mut page = Vec::new();
            clap_mangen::Man::new(cli::command())
                .render(&mut page)
                .map_err(|error| unwritten("the page", &error))?;
            show::print(&String::from_utf8_lossy(&page));
        }
        "completions" => {
            let shell: clap_complete::Shell = *given.get_one("shell").expect("clap asks for one");
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut cli::command(), "irqlab", &mut script);
            show::print(&String::from_utf8_lossy(&script));
        }
        _ => unreachable!("clap knows no other"),
    }
    Ok(0)
}

fn collect(lab: &Lab, given: &ArgMatches) -> Result<()> {
    let others = given.get_many::<PathBuf>("with").into_iter().flatten();
    let others = others
        .map(|path| collect::load(path))
        .collect::<Result<Vec<_>>>()?;
    let document = if given.get_flag("bench-only") {
        let benches: Vec<_> = collect::bench(lab)?.into_iter().collect();
        serde_json::json!({ "format": collect::FORMAT, "benches": benches })
    } else {
        // What is measured then makes the lab forget the last bench.
        let last =
            serde_json::json!({ "benches": collect::bench(lab)?.into_iter().collect::<Vec<_>>() });
        if given.get_flag("measure") {
            collect::measure(lab, &show::say)?;
        }
        let mut document = collect::document(lab)?;
        let known: Vec<_> = others.into_iter().chain([last]).collect();
        collect::add_benches(&mut document, &known);
        document
    };
    write(given.get_one("output"), &format!("{document}\n"))
}

fn report(given: &ArgMatches) -> Result<()> {
    let paths: Vec<&PathBuf> = given.get_many("file").into_iter().flatten().collect();
    let documents = paths
        .iter()
        .map(|path| collect::load(path))
        .collect::<Result<Vec<_>>>()?;
    if let Some(directory) = given.get_one::<PathBuf>("pictures") {
        for (name, svg) in report::pictures(&documents[0]) {
            write(Some(&directory.join(name).with_extension("svg")), &svg)?;
        }
    }
    let beside = paths[0].with_extension("html");
    write(
        Some(given.get_one("output").unwrap_or(&beside)),
        &report::page(&documents),
    )
}

/// Writes a file that is whole or not there; or to standard output.
fn write(path: Option<&PathBuf>, text: &str) -> Result<()> {
    let Some(path) = path else {
        show::print(text);
        return Ok(());
    };
    let written = if path.exists() && !path.is_file() {
        // A device or a pipe.
        fs::write(path, text)
    } else {
        let mut beside = path.clone().into_os_string();
        beside.push(".tmp");
        fs::write(Path::new(&beside), text).and_then(|()| fs::rename(&beside, path))
    };
    written.map_err(|error| unwritten(&path.display().to_string(), &error))
}

fn unwritten(what: &str, error: &std::io::Error) -> Error {
    Error::file(
        format!("{what} cannot be written: {error}."),
        "Name another file with -o, in a directory that is there.",
    )
}
