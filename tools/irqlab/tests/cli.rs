// SPDX-License-Identifier: GPL-2.0

//! The tool as a user has it, on files that a lab once had (`tests/lab`; its README says how they were recorded).

use serde_json::Value;
use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A copy of the recorded lab, for a test to write to, and for what the tool writes; gone when the test ends.
struct Lab(PathBuf);

impl Lab {
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("irqlab-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab"),
            &directory.join("lab"),
        );
        Self(directory)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_irqlab"));
        if !arguments.contains(&"--debugfs") {
            command.arg("--debugfs").arg(self.0.join("lab"));
        }
        command.env("COLUMNS", "80").args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it starts")
    }

    /// What the tool prints when it succeeds.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// What it complains of, with that exit code.
    fn complains(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        String::from_utf8(output.stderr).expect("it complains in text")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(arguments)).expect("it is JSON")
    }

    fn collected(&self, name: &str) -> String {
        let path = self.file(name);
        self.says(&["collect", "-o", &path]);
        path
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let beside = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &beside);
        } else {
            fs::copy(entry.path(), beside).unwrap();
        }
    }
}

#[test]
fn every_table_fits_the_terminal() {
    let lab = Lab::new("fits");
    for arguments in [
        &["list"][..],
        &["list", "files"],
        &["claim", "TASK-02"],
        &["claim", "TASK"],
        &["show", "bench"],
        &["show", "ipi/matrix"],
        &["tape"],
    ] {
        for line in lab.says(arguments).lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
}

#[test]
fn a_document_has_all_that_the_lab_says() {
    let lab = Lab::new("document");
    let document = lab.json(&["collect"]);
    assert_eq!(document["format"], "irqlab 1");
    let bench = &document["benches"][0];
    let tasklet = bench["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["mechanism"] == "tasklet")
        .unwrap();
    assert!(tasklet["p50"].as_u64().unwrap() > 0);
    let counted: u64 = bench["distributions"]["tasklet"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["stage"] == "bottom")
        .map(|row| row["count"].as_u64().unwrap())
        .sum();
    assert_eq!(
        counted,
        tasklet["count"].as_u64().unwrap(),
        "the distribution has as many events as the bench counted"
    );
    let claims = document["claims"].as_array().unwrap();
    assert!(claims
        .iter()
        .any(|claim| claim["id"] == "TASK-06" && claim["verdict"] == "outdated"));
    assert!(claims
        .iter()
        .all(|claim| !claim["statement"].as_str().unwrap().is_empty()
            && !claim["group"].as_str().unwrap().is_empty()));
    assert!(!document["knobs"]["tape"]["sections"][0]["rows"]
        .as_array()
        .unwrap()
        .is_empty());
    for knob in ["memory", "softirq_times", "ipi/who"] {
        assert!(
            document["knobs"][knob]["sections"][0]["rows"][0].is_object(),
            "{knob}"
        );
    }
}

#[test]
fn a_bench_has_its_command_its_figures_and_its_victims() {
    let lab = Lab::new("victims");
    let document = lab.json(&["collect"]);
    let bench = &document["benches"][0];
    assert!(bench["asked"]
        .as_str()
        .unwrap()
        .starts_with("line=sim0 count=100 "));
    assert!(bench["rows"][0]["net_p50"].is_u64() && bench["rows"][0]["wake_min"].is_u64());
    let rows = |knob: &str| {
        bench["victims"][knob]["sections"][0]["rows"]
            .as_array()
            .unwrap()
    };
    let fifo = rows("victims/latencies")
        .iter()
        .find(|row| row["victim"] == "fifo")
        .unwrap();
    assert!(fifo["bottom_us"] == 50 && fifo["where"] == "here" && fifo["max"].as_u64() > Some(0));
    assert!(rows("victims/ran")
        .iter()
        .any(|row| row["who"] == "TASKLET/irq_exit"));
    assert!(rows("worst").iter().any(|row| row["event"] == "woken"
        && row["under"]
            .as_str()
            .unwrap()
            .starts_with("tasklet: event ")));
    // What belongs to the bench is with the bench only.
    assert!(document["knobs"]
        .as_object()
        .unwrap()
        .keys()
        .all(|knob| knob != "worst" && !knob.starts_with("victims/")));
}

#[test]
fn every_table_as_json_has_the_same_columns_and_rows() {
    let lab = Lab::new("json");
    let is_header = |line: &str| line.len() > 1 && line.starts_with('#') && !line.starts_with("# ");
    let mut nr_tables = 0;
    for entry in lab.json(&["--json", "list", "files"])["files"]
        .as_array()
        .unwrap()
    {
        let knob = entry["file"].as_str().unwrap();
        let text = fs::read_to_string(lab.file(&format!("lab/{knob}"))).unwrap();
        let shown = lab.json(&["--json", "show", knob]);
        let lines = text.lines().skip_while(|line| !is_header(line));
        let (headers, rows): (Vec<_>, Vec<_>) = lines
            .filter(|line| !line.trim().is_empty())
            .filter(|line| is_header(line) || !line.starts_with('#'))
            .partition(|line| is_header(line));
        if headers.is_empty() {
            assert!(shown.is_string(), "{knob}");
            continue;
        }
        nr_tables += 1;
        let sections = shown["sections"].as_array().unwrap();
        assert_eq!(sections.len(), headers.len(), "{knob}");
        for (section, header) in sections.iter().zip(headers) {
            let columns = section["columns"].as_array().unwrap();
            let columns = columns.iter().map(|column| column.as_str().unwrap());
            let names = header[1..].split_whitespace();
            assert!(
                columns.eq(names.map(|name| name.trim_matches('"'))),
                "{knob}"
            );
        }
        let of_sections = sections
            .iter()
            .map(|section| section["rows"].as_array().unwrap().len());
        assert_eq!(of_sections.sum::<usize>(), rows.len(), "{knob}");
    }
    assert!(nr_tables > 20, "{nr_tables} tables");
}

/// A document as that one, but for one mechanism, which is slower.
fn slower(lab: &Lab, path: &str) -> String {
    let mut slower: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for row in slower["benches"][0]["distributions"]["tasklet"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .filter(|row| row["stage"] == "bottom")
    {
        for end in ["from_ns", "to_ns"] {
            row[end] = (row[end].as_u64().unwrap() * 1000).into();
        }
    }
    let slower_path = lab.file("slower.json");
    fs::write(&slower_path, slower.to_string()).unwrap();
    slower_path
}

#[test]
fn a_run_differs_from_itself_in_nothing_and_from_a_slower_one_in_what_is_slower() {
    let lab = Lab::new("compare");
    let a = lab.collected("a.json");
    assert!(lab.says(&["compare", &a, &a]).starts_with("0 of "));
    let b = slower(&lab, &a);
    let output = lab.run(&["--json", "compare", &a, &b]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["latencies"].as_array().unwrap().len(), 1, "{found}");
    assert!(found["latencies"][0]["what"]
        .as_str()
        .unwrap()
        .starts_with("tasklet on "));
}

/// What was recorded of a stock kernel, twice, and of one with PREEMPT_RT, on a busy machine.
fn recorded(name: &str) -> String {
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runs");
    runs.join(name).with_extension("json").display().to_string()
}

#[test]
fn two_runs_of_a_kernel_differ_in_nothing() {
    let lab = Lab::new("same");
    let said = lab.says(&["compare", &recorded("stock"), &recorded("stock_again")]);
    assert!(
        said.contains("0 of 32 latencies differ") && said.contains("0 contexts and 0 verdicts"),
        "{said}"
    );
}

#[test]
fn two_kernels_differ_in_what_is_not_noise() {
    let lab = Lab::new("kernels");
    for stock in ["stock", "stock_again"] {
        let output = lab.run(&["--json", "compare", &recorded(stock), &recorded("rt")]);
        assert_eq!(output.status.code(), Some(1));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = |part: &str, key: &str| -> Vec<String> {
            let found = found[part].as_array().unwrap().iter();
            found
                .map(|one| one[key].as_str().unwrap().to_owned())
                .collect()
        };
        // Bottom halves in soft IRQ context run in threads there; what runs in hard IRQ context is as it was.
        let latencies = all("latencies", "what");
        assert!(
            latencies.contains(&"tasklet on sim0: top half to bottom half".to_owned()),
            "{found}"
        );
        assert!(
            latencies.iter().all(|what| what.starts_with("tasklet ")),
            "{found}"
        );
        assert!(
            all("contexts", "what").contains(&"tasklet on edu0".to_owned()),
            "{found}"
        );
        assert!(
            all("contexts", "what")
                .iter()
                .all(|what| !what.starts_with("hard ")),
            "{found}"
        );
        assert_eq!(all("verdicts", "claim"), ["SIRQ-04", "SIRQ-05", "SIRQ-10"]);
        assert_eq!(all("settings", "what"), ["kernel", "preemption"]);
    }
}

#[test]
fn a_trace_connects_raise_top_half_bottom_half_and_task() {
    let lab = Lab::new("perfetto");
    let document = lab.collected("a.json");
    let trace = lab.json(&["export", "--perfetto", &document]);
    let events = trace["traceEvents"].as_array().unwrap();
    for event in events {
        let phase = event["ph"].as_str().unwrap();
        assert!(["M", "X", "i", "s", "t", "f"].contains(&phase), "{event}");
        assert!(
            event["pid"].is_u64() && event["name"].is_string(),
            "{event}"
        );
        assert!(
            phase == "M" || event["ts"].is_number() && event["tid"].is_u64(),
            "{event}"
        );
        assert!(
            phase != "X" || event["dur"].as_f64().unwrap() >= 0.0,
            "{event}"
        );
    }
    let of_first: Vec<&str> = events
        .iter()
        .filter(|event| event["id"] == 1)
        .map(|event| event["ph"].as_str().unwrap())
        .collect();
    assert_eq!(of_first, ["s", "t", "t", "f"]);
}

#[test]
fn figures_for_prometheus_have_a_type_and_a_value() {
    let lab = Lab::new("prometheus");
    let text = lab.says(&["export", "--prometheus"]);
    let mut typed = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            typed = rest.split(' ').next().unwrap().to_owned();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&typed), "{line}");
            let (labels, value) = line.rsplit_once(' ').unwrap();
            assert!(
                labels.ends_with('}') && value.parse::<f64>().is_ok(),
                "{line}"
            );
        }
    }
    for sample in [
        "irqlab_claims{verdict=\"holds\"} ",
        "irqlab_net_latency_seconds{line=\"sim0\",mechanism=\"tasklet\",",
        "irqlab_victim_latency_seconds{line=\"sim0\",mechanism=\"tasklet\",victim=\"fifo\",where=\"here\",",
        "irqlab_softirqs_total{vector=\"TIMER\",what=\"raised\"} ",
        "irqlab_softirq_seconds_total{cpu=\"0\",vector=\"TASKLET\"} ",
        "irqlab_interrupts_total{cpu=\"0\",kind=\"CAL\"} ",
        "irqlab_calls_total{from=\"",
        "irqlab_memory_bytes{what=\"irqlab_text\"} ",
    ] {
        assert!(text.contains(&format!("\n{sample}")), "there is no {sample}");
    }
    // The same sample twice would be refused.
    let mut samples: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    let all = samples.len();
    samples.sort_unstable();
    samples.dedup();
    assert_eq!(samples.len(), all);
}

#[test]
fn csv_has_as_many_fields_in_each_line() {
    let lab = Lab::new("csv");
    for table in ["ipi/matrix", "ipi/counters", "memory", "softirq_times"] {
        let text = lab.says(&["export", &format!("--csv={table}")]);
        let fields: Vec<_> = text.lines().map(|line| line.matches(',').count()).collect();
        assert!(
            fields.len() > 1 && fields.iter().all(|count| *count == fields[0]),
            "{table}: {text}"
        );
    }
    for (table, header) in [
        ("bench", "line,mechanism,cpu,count,lost,coalesced,"),
        ("distributions", "line,mechanism,stage,from_ns,to_ns,count,asked\nsim0,"),
        ("victims/latencies", "line,mechanism,top_us,bottom_us,victim,where,count,p50,p99,max,under,asked,note\nsim0,tasklet,0,50,timer,here,"),
        ("victims/ran", "line,mechanism,top_us,bottom_us,kind,who,"),
        ("victims/complaints", "line,mechanism,"),
        ("worst", "line,time,cpu,event,subject,detail,context,IF,current,under,asked,note\nsim0,"),
    ] {
        let text = lab.says(&["export", &format!("--csv={table}")]);
        assert!(text.starts_with(header), "{table}: {text}");
    }
}

#[test]
fn csv_of_a_document_needs_no_table() {
    let lab = Lab::new("csv-document");
    let document = lab.collected("a.json");
    let text = lab.says(&["export", "--csv", &document]);
    assert!(text.starts_with("line,mechanism,cpu,"), "{text}");
    assert_eq!(text, lab.says(&["export", "--csv=bench", &document]));
}

#[test]
fn a_page_stands_alone() {
    let lab = Lab::new("page");
    let document = lab.collected("a.json");
    let page = lab.file("page.html");
    lab.says(&["report", &document, &document, "-o", &page]);
    let text = fs::read_to_string(&page).unwrap();
    for outside in ["src=", "http://", "https://", "@import", "url("] {
        assert!(!text.contains(outside), "it has {outside}");
    }
    for part in [
        "id=\"way\"",
        "id=\"mechanisms\"",
        "id=\"victims\"",
        "The worst event",
        "id=\"softirqs\"",
        "Who made CPUs call",
        "The lab itself",
        "id=\"ipi\"",
        "id=\"fixup\"",
        "id=\"claims\"",
        "id=\"2-claims\"",
        "TASK-06",
    ] {
        assert!(text.contains(part), "there is no {part}");
    }
    let pictures = lab.file("pictures");
    fs::create_dir(&pictures).unwrap();
    lab.says(&["report", &document, "-o", &page, "--pictures", &pictures]);
    for picture in ["one_interrupt.svg", "ipi_matrix.svg"] {
        let svg = fs::read_to_string(Path::new(&pictures).join(picture)).unwrap();
        assert!(
            svg.starts_with("<svg ") && svg.contains("xmlns=") && svg.ends_with("</svg>\n"),
            "{picture}"
        );
    }
}

#[test]
fn complaints_have_a_cure_and_a_code() {
    let lab = Lab::new("complaints");
    assert!(lab.complains(4, &["show", "none"]).contains("irqlab list"));
    assert!(lab
        .complains(4, &["claim", "NONE-1"])
        .contains("irqlab list claims"));
    assert!(lab
        .complains(3, &["--debugfs", "/none", "list"])
        .contains("modprobe irqlab"));
    assert!(lab
        .complains(5, &["report", "/none.json"])
        .contains("irqlab collect -o"));
    assert!(lab.complains(4, &["tape", "--cpu", "x"]).contains("0,2-3"));
    assert!(lab
        .complains(5, &["export", "--csv=none"])
        .contains("bench claims"));
    lab.complains(2, &["none"]);
    let wrong = lab.file("wrong.json");
    fs::write(&wrong, "{}").unwrap();
    assert!(lab
        .complains(5, &["report", &wrong])
        .contains("no collection"));
}

#[test]
fn a_command_reaches_its_file() {
    let lab = Lab::new("tell");
    // It cannot be read, so that it was not recorded.
    fs::write(lab.file("lab/lines/sim0/trigger"), "").unwrap();
    lab.says(&["tell", "lines/sim0/trigger", "5"]);
    assert_eq!(
        fs::read_to_string(lab.file("lab/lines/sim0/trigger")).unwrap(),
        "5"
    );
}

/// The lab still has what an earlier run measured, which would be taken for the result of this one.
#[test]
fn a_refused_run_shows_no_earlier_one() {
    let lab = Lab::new("refused");
    for what in ["bench", "matrix", "call", "claims"] {
        let tool = lab.command(&["run", what]);
        // A file that can be read, but not written, by root neither.
        let output = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(tool.get_program())
            .args(tool.get_args())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{what}: {said}");
        assert!(said.contains("The lab refused"), "{what}: {said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{what}");
    }
}

#[test]
fn no_file_outside_the_lab_is_read_or_written() {
    let lab = Lab::new("outside");
    let victim = lab.file("victim");
    fs::write(&victim, "kept").unwrap();
    for name in [
        &victim,
        "../victim",
        "lines/../../victim",
        "./../victim",
        "",
    ] {
        for arguments in [&["tell", name, "x"][..], &["show", name]] {
            let said = lab.complains(4, arguments);
            assert!(said.contains("The lab has no "), "{arguments:?}: {said}");
        }
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
}

#[test]
fn a_refused_command_is_not_why_a_file_cannot_be_read() {
    let lab = Lab::new("directory");
    fs::write(
        lab.file("lab/last_error"),
        "bench: EBUSY: a bench is running\n",
    )
    .unwrap();
    let said = lab.complains(4, &["show", "lines"]);
    assert!(!said.contains("EBUSY"), "{said}");
}

#[test]
fn what_cannot_be_written_is_said() {
    let lab = Lab::new("full");
    for arguments in [
        &["list"][..],
        &["show", "claims"],
        &["--json", "list"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = lab.command(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{arguments:?}: {said}");
        assert!(said.contains("Standard output cannot be written"), "{said}");
    }
}

#[test]
fn the_exit_code_stays_when_nobody_reads() {
    let lab = Lab::new("unread");
    let a = lab.collected("a.json");
    let b = slower(&lab, &a);
    for (code, arguments) in [
        (0, &["list"][..]),
        (0, &["watch"]),
        (1, &["compare", &a, &b]),
    ] {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let output = lab
            .command(arguments)
            .stdout(OwnedFd::from(writer))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(said, "", "{arguments:?}");
    }
}

#[test]
fn what_would_be_ignored_is_refused() {
    let lab = Lab::new("ignored");
    for arguments in [
        &["tape", "--events", "5"][..],
        &["tape", "--tries", "5"],
        &["tape", "--record", "tasklet", "--tries", "5"],
        &["tape", "--stop-at", "0"],
        &["tape", "--record", "tasklet", "--events", "0"],
    ] {
        lab.complains(2, arguments);
    }
}

#[test]
fn manual_and_completions_name_every_command() {
    let lab = Lab::new("manual");
    let (page, bash) = (lab.says(&["man"]), lab.says(&["completions", "bash"]));
    for command in [
        "list", "run", "claim", "watch", "tape", "collect", "report", "compare", "export",
    ] {
        assert!(
            page.contains(command) && bash.contains(command),
            "{command}"
        );
    }
}
