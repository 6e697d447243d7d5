// SPDX-License-Identifier: GPL-2.0

//! What the pictures have in common: axes, curves.

use super::escape;
use crate::{distribution::Distribution, show};
use std::fmt::Write;

/// What a picture needs where it is a file of its own: a background, and a type face.
pub const ALONE: &str = "font-family=\"system-ui, sans-serif\"";

/// The part of the style sheet that a picture needs: colours, and what is marked as its own.
pub fn alone_style(style: &str) -> String {
    let (start, end) = ("/* pictures */", "/* page */");
    let part = style
        .split_once(start)
        .and_then(|(_, rest)| rest.split_once(end))
        .map_or("", |(part, _)| part);
    format!(":root {{ background: var(--paper) }} {part}")
}

/// Buttons of which one is pressed; each shows what has its name in this group.
pub fn choices<'a>(group: &str, names: impl Iterator<Item = &'a str>, first: &str) -> String {
    let mut text = format!("<div class=choices data-choose={group}>");
    for name in names {
        let _ = write!(
            text,
            "<button type=button data-name=\"{escaped}\" aria-pressed={}>{escaped}</button>",
            name == first,
            escaped = escape(name)
        );
    }
    text + "</div>"
}

/// A logarithmic axis of times.
pub struct LogAxis {
    low: f64,
    high: f64,
    left: f64,
    right: f64,
}

impl LogAxis {
    /// From the power of ten below `low_ns` to where `high_ns` is, between two places.
    pub fn new(low_ns: f64, high_ns: f64, left: f64, right: f64) -> Self {
        let low = low_ns.max(1.0).log10().floor();
        let high = (high_ns.max(10.0).log10() * 4.0).ceil() / 4.0;
        Self {
            low,
            high: high.max(low + 1.0),
            left,
            right,
        }
    }

    pub fn x(&self, ns: f64) -> f64 {
        let part = (ns.max(1.0).log10() - self.low) / (self.high - self.low);
        self.left + part.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// For the script: what the axis shows where.
    pub fn attributes(&self) -> String {
        format!(
            "data-low=\"{}\" data-high=\"{}\" data-left=\"{}\" data-right=\"{}\"",
            self.low, self.high, self.left, self.right
        )
    }

    /// Lines at powers of ten, from `top` to `bottom`, with their times below.
    pub fn grid(&self, top: f64, bottom: f64) -> String {
        self.times(bottom + 16.0) + &self.lines(top, bottom)
    }

    /// The lines alone.
    pub fn lines(&self, top: f64, bottom: f64) -> String {
        let mut text = String::new();
        for power in self.powers() {
            let x = self.x(10f64.powi(power));
            let _ = write!(
                text,
                "<line class=grid x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
            );
        }
        text
    }

    /// The times alone, of as many lines as there is room for.
    pub fn times(&self, y: f64) -> String {
        const ROOM: f64 = 42.0;

        let mut text = String::new();
        let last = self.powers().last().unwrap_or(0);
        let step = (self.right - self.left) / (self.high - self.low);
        let every = (ROOM / step).ceil().max(1.0) as i32;
        for power in self.powers().filter(|power| (last - power) % every == 0) {
            let _ = write!(
                text,
                "<text class=tick x=\"{:.1}\" y=\"{y}\" text-anchor=middle>{}</text>",
                self.x(10f64.powi(power)),
                power_of_ten(power)
            );
        }
        text
    }

    fn powers(&self) -> std::ops::RangeInclusive<i32> {
        self.low as i32..=self.high as i32
    }
}

fn power_of_ten(power: i32) -> String {
    let (unit, base) = match power {
        ..3 => ("ns", 0),
        3..6 => ("µs", 3),
        6..9 => ("ms", 6),
        _ => ("s", 9),
    };
    format!(
        "{} {unit}",
        10u64.pow(u32::try_from(power - base).unwrap_or(0))
    )
}

/// Where the ticks of a linear axis are: some 5 to 10 round figures.
pub fn round_steps(span: f64) -> f64 {
    let rough = (span / 6.0).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|step| rough <= step * power)
        .unwrap_or(10.0);
    step * power
}

/// Curves of distributions: how many of all (up) took at most how long (right).
pub fn curves(curves: &[(String, &str, Distribution)]) -> Option<String> {
    const WIDTH: f64 = 960.0;
    const HEIGHT: f64 = 330.0;
    const TOP: f64 = 12.0;
    const BOTTOM: f64 = 290.0;

    let low = curves
        .iter()
        .filter_map(|(_, _, seen)| seen.min())
        .min_by(f64::total_cmp)?;
    let high = curves
        .iter()
        .filter_map(|(_, _, seen)| seen.max())
        .max_by(f64::total_cmp)?;
    let axis = LogAxis::new(low, high, 56.0, WIDTH - 14.0);
    let y = |part: f64| BOTTOM - part * (BOTTOM - TOP);
    let mut svg = format!("<div class=scroll><svg class=curves viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"Distributions of latencies\" {}>", axis.attributes());
    svg += &axis.grid(TOP, BOTTOM);
    for part in [0.0, 0.25, 0.5, 0.75, 0.9, 1.0] {
        let _ = write!(
            svg,
            "<line class=grid x1=\"56\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=tick x=\"48\" y=\"{:.1}\" text-anchor=end>{:.0} %</text>",
            WIDTH - 14.0, y(part) + 4.0, part * 100.0, y = y(part)
        );
    }
    let mut legend = String::from("<div class=legend>");
    for (name, class, seen) in curves.iter().filter(|(_, _, seen)| seen.count() > 0.0) {
        let mut path = String::new();
        let mut last = y(0.0);
        for (index, (ns, part)) in seen.curve().into_iter().enumerate() {
            let x = axis.x(ns);
            let _ = if index == 0 {
                write!(path, "M{x:.1} {last:.1}")
            } else {
                write!(path, "L{x:.1} {last:.1}L{x:.1} {:.1}", y(part))
            };
            last = y(part);
        }
        let points: Vec<String> = seen
            .curve()
            .iter()
            .map(|(ns, part)| format!("{ns:.0},{part:.4}"))
            .collect();
        let name = escape(name);
        let _ = write!(
            svg,
            "<path class=\"curve {class}\" d=\"{path}\" data-name=\"{name}\" data-points=\"{}\"/>",
            points.join(" ")
        );
        let median = seen.quantile(0.5).map_or(String::new(), show::time);
        let _ = write!(legend, "<button type=button class=\"key {class}\" data-name=\"{name}\" title=\"half within {median}\">{name}</button>");
    }
    Some(svg + "</svg></div>" + &legend + "</div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ends() {
        let axis = LogAxis::new(90.0, 5_000_000.0, 0.0, 100.0);
        assert_eq!(axis.x(10.0), 0.0);
        assert!(axis.x(5_000_000.0) <= 100.0 && axis.x(5_000_000.0) > 95.0);
        assert_eq!(power_of_ten(2), "100 ns");
        assert_eq!(power_of_ten(4), "10 µs");
        assert_eq!(power_of_ten(6), "1 ms");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(round_steps(60.0), 10.0);
        assert_eq!(round_steps(7000.0), 2000.0);
        assert!(round_steps(0.0) > 0.0);
    }
}
