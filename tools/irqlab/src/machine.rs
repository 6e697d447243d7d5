// SPDX-License-Identifier: GPL-2.0

//! What the figures were measured on: the kernel, the machine, the parameters.

use serde_json::{json, Map, Value};
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

pub fn describe() -> Value {
    let cpuinfo = line_of("/proc/cpuinfo", usize::MAX);
    let field = |name: &str| {
        let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    let flags = field("flags").unwrap_or_default();
    let model = field("model name").unwrap_or_default();
    let version = line_of("/proc/sys/kernel/version", 1);
    let preemption = version
        .split_whitespace()
        .find(|word| word.starts_with("PREEMPT"))
        .unwrap_or("no preemption");
    // "none voluntary full (lazy)": the one in brackets.
    let modes = line_of("/sys/kernel/debug/sched/preempt", 1);
    let mode = modes
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(mode, _)| mode);
    let memory = line_of("/proc/meminfo", 1);
    let memory_kb: Option<u64> = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse().ok());
    json!({
        "kernel": line_of("/proc/sys/kernel/osrelease", 1),
        "version": version,
        "preemption": mode.map_or(preemption.to_owned(), |mode| format!("{preemption}, {mode}")),
        "cpus": cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        "cpu": model,
        "is_emulated": model.contains("TCG"),
        "is_virtual": flags.split(' ').any(|flag| flag == "hypervisor"),
        "memory_kb": memory_kb,
        "command_line": line_of("/proc/cmdline", 1),
        "clock": line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource", 1),
        "parameters": parameters(),
    })
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The module's parameters, as far as the kernel shows them.
fn parameters() -> Value {
    let entries = fs::read_dir("/sys/module/irqlab/parameters")
        .into_iter()
        .flatten()
        .flatten();
    let shown = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let value = fs::read_to_string(entry.path()).ok()?;
        Some((name, json!(value.trim())))
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

/// The first lines of a file; nothing if it cannot be read.
fn line_of(path: &str, nr_lines: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().take(nr_lines).collect();
    lines.join("\n")
}
