// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::{error::EXIT_CODES, lab};
use clap::{value_parser, Arg, ArgAction, ArgMatches, Command};
use std::path::PathBuf;

pub fn command() -> Command {
    Command::new("irqlab")
        .version(clap::crate_version!())
        .about("Runs the experiments of the interrupt laboratory irqlab, and shows what came of them")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(
            Arg::new("debugfs")
                .long("debugfs")
                .value_name("DIR")
                .help("Where the lab's files are")
                .default_value(lab::DEFAULT)
                .value_parser(value_parser!(PathBuf))
                .global(true),
        )
        .arg(flag("json", "Print JSON instead of tables").global(true))
        .subcommands([
            Command::new("list")
                .about("Show the lines, mechanisms, groups of claims, and files that the lab has")
                .arg(Arg::new("what").value_name("WHAT").value_parser(["lines", "mechanisms", "claims", "files"])),
            Command::new("show")
                .about("Show a file of the lab, such as softirqs or ipi/matrix")
                .arg(Arg::new("file").required(true)),
            Command::new("tell")
                .about("Give a file of the lab a command; if it is refused, say why")
                .arg(Arg::new("file").required(true))
                .arg(words("command").required(true)),
            run(),
            Command::new("claim")
                .about("Show a claim: statement, verdict, evidence, and why; or all claims of a group")
                .arg(Arg::new("id").value_name("ID").help("For example TASK-02, or TASK").required(true))
                .arg(flag("run", "Put it to the test first"))
                .arg(flag("control", "Run it without its decisive step: it should fail")),
            Command::new("watch")
                .about("Show softirqs, interrupts and what is running, again and again, as top does")
                .arg(seconds("interval", "Seconds from one page to the next").default_value("1"))
                .arg(number("count", "End after so many pages").short('n')),
            tape(),
            Command::new("collect")
                .about("Write all that the lab can say as one JSON document")
                .arg(output("To a file instead of standard output"))
                .arg(flag("measure", "First have the lab make what a report shows: a tape, bottom halves that others wait for, calls between CPUs, a fault"))
                .arg(flag("bench-only", "Only the last bench, to be added to a later document by --with"))
                .arg(files("with").long("with").num_args(1..).help("Add the benches of these documents")),
            Command::new("report")
                .about("Make one HTML file of documents that collect has written")
                .arg(files("file").required(true).num_args(1..))
                .arg(output("Where to [default: the first FILE, ending in .html]"))
                .arg(files("pictures").long("pictures").value_name("DIR").help("Also write some of its pictures as SVG files there")),
            Command::new("compare")
                .about("Say what differs between two documents by more than noise")
                .after_help(
                    "A latency differs if its median and its fastest tenth are further off than --ratio and than what the \
                     same takes within A or B, nearly all events of one are slower than nearly all of the other, and chance \
                     alone would hardly do that (p < 0.001): on every line that A and B have. The rest is noise. A bottom \
                     half ran elsewhere if hardly any ran in B where most did in A, and the other way round. A claim that \
                     only one of the two could show is named, but is no difference.\n\n\
                     Exit code: 0 if nothing differs, 1 if something does.",
                )
                .arg(files("a").value_name("A").required(true))
                .arg(files("b").value_name("B").required(true))
                .arg(number("ratio", "Percent by which a median has to differ").default_value("100")),
            Command::new("export")
                .about("Write for other programs: a spreadsheet, Perfetto, Prometheus")
                .arg(files("file").help("A document; default: the lab as it is now"))
                .arg(
                    Arg::new("csv")
                        .long("csv")
                        .value_name("TABLE")
                        .num_args(0..=1)
                        // Or it would take FILE for its own.
                        .require_equals(true)
                        .default_missing_value("bench")
                        .help(
                            "A table as CSV: bench (if none is named), claims, distributions, or a file of the lab such as \
                             ipi/matrix or victims/latencies",
                        ),
                )
                .arg(flag("perfetto", "The tape as a trace that the Perfetto and Chrome viewers open"))
                .arg(flag("prometheus", "Figures in the text format of Prometheus"))
                .group(clap::ArgGroup::new("format").args(["csv", "perfetto", "prometheus"]).required(true))
                .arg(output("To a file instead of standard output")),
            Command::new("man").about("Write the manual page: irqlab man > irqlab.1"),
            Command::new("completions")
                .about("Write completions for a shell: source <(irqlab completions bash)")
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(clap_complete::Shell))),
        ])
}

const BENCH_OPTIONS: &str = "\
What to measure:
  line=sim0 mechanisms=all count=1000 burst=1 period_us=0 budget_ms= cpu=0
What else the CPU does meanwhile:
  load=none|softirq|hog|hog_fifo|irqs_off|work|hard load_priority=1
How long the halves work, and who acknowledges the interrupts of an edu line:
  top_us=0 bottom_us=0 ack=top|bottom|disabled|never
What others suffer from that: timers, another line, tasks; one of them of SCHED_FIFO, or behind a lock:
  victims=1 priority=50 contend=none|mutex|rt_mutex

README.md says under Knobs what each of them means.";

fn run() -> Command {
    Command::new("run")
        .about("Run an experiment, show how far it is, then what came of it. Ctrl-C ends it in good order")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("bench")
                .about("Send a line's interrupts through mechanisms: line=sim0 count=1000 mechanisms=all …")
                .arg(words("options").help("As for the file bench; default: line=sim0"))
                .after_help(BENCH_OPTIONS),
            Command::new("claims")
                .about("Put claims to the test: all, groups, or ids")
                .arg(words("which").help("Default: all"))
                .arg(flag("control", "Run each without its decisive step: it should fail")),
            Command::new("matrix")
                .about("Measure calls between every two CPUs: kind=single rounds=100 cpus=0-3 parallel=1 …")
                .arg(words("options").help("As for the file ipi/matrix"))
                .after_help(
                    "With parallel=1, pairs that have no CPU in common are measured at the same time. That is for \
                     kind=single, reschedule or task, and for targets that are idle.",
                ),
            Command::new("call")
                .about("Have one CPU call the others: kind=single count=1000 …")
                .arg(words("options").help("As for the file ipi/call; default: kind=single")),
        ])
}

fn tape() -> Command {
    Command::new("tape")
        .about("Show what the tape has, or record one")
        .arg(Arg::new("record").long("record").value_name("MECHANISM").help("First send interrupts through this one"))
        .arg(above_0("events", "So many interrupts [default: 3]").requires("recorded"))
        .arg(above_0("stop-at", "Repeat that until one took so many microseconds from raise to task; show what led there. Through tasklet, unless --record says otherwise").value_name("US"))
        .arg(above_0("tries", "Repeat at most so often [default: 100]").requires("stop-at"))
        .group(clap::ArgGroup::new("recorded").args(["record", "stop-at"]).multiple(true))
        .arg(Arg::new("cpu").long("cpu").value_name("LIST").help("Only these CPUs, for example 0,2-3"))
        .arg(list("event", "Only these events, for example top_half,softirq_entry"))
        .arg(list("subject", "Only what is about these: a mechanism, a line's interrupt number, a softirq"))
        .arg(Arg::new("line").long("line").help("Only interrupts of this line"))
        .arg(Arg::new("start-at").long("start-at").value_name("EVENT").help("Only from the first of these on, for example raise"))
        .arg(number("from", "Only from this time on").value_name("NS"))
        .arg(number("to", "Only until this time").value_name("NS"))
        .arg(number("last", "Only so many, the last"))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .action(ArgAction::SetTrue)
}

fn number(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .help(help)
        .value_parser(value_parser!(u64))
}

fn above_0(name: &'static str, help: &'static str) -> Arg {
    number(name, help).value_parser(value_parser!(u64).range(1..))
}

fn seconds(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("SECONDS")
        .help(help)
        .value_parser(value_parser!(f64))
}

fn list(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("NAMES")
        .help(help)
        .value_delimiter(',')
}

fn words(name: &'static str) -> Arg {
    Arg::new(name).value_name("WORDS").num_args(0..)
}

fn files(name: &'static str) -> Arg {
    Arg::new(name)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
}

fn output(help: &'static str) -> Arg {
    files("output").long("output").short('o').help(help)
}

/// What stands behind a name, joined by blanks.
pub fn joined(matches: &ArgMatches, name: &str) -> String {
    let words: Vec<_> = matches
        .get_many::<String>(name)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
