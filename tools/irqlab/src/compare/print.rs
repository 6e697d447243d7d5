// SPDX-License-Identifier: GPL-2.0

//! A comparison as tables.

use super::{Comparison, Difference, FEW};
use crate::show;

impl Comparison {
    pub fn print(&self) {
        table(&["made with", "A", "B"], &self.settings);
        let rows: Vec<_> = self.latencies.iter().map(row).collect();
        table(&["latency", "p50 in A", "p50 in B", "difference"], &rows);
        table(
            &["bottom half of", "ran in, in A", "ran in, in B"],
            &self.contexts,
        );
        table(&["claim", "A", "B", "evidence of B"], &self.verdicts);
        table(
            &["not compared", "A", "B", "why one could not show it"],
            &self.shown_once,
        );
        let few = match self.nr_few {
            0 => String::new(),
            few => format!(" {few} more had fewer than {FEW} events."),
        };
        let noise = self.nr_compared - self.latencies.len();
        show::print(&format!(
            "{} of {} latencies differ, the other {noise} by no more than noise.{few} {} contexts and {} verdicts differ.\n",
            self.latencies.len(), self.nr_compared, self.contexts.len(), self.verdicts.len()
        ));
    }
}

fn row(of: &Difference) -> [String; 4] {
    [
        of.what.clone(),
        show::time(of.a),
        show::time(of.b),
        format!("B is {}", of.in_words()),
    ]
}

/// A table with a line behind it; none without rows.
fn table<const N: usize>(columns: &[&str; N], rows: &[[String; N]]) {
    if !rows.is_empty() {
        show::table(
            columns,
            &rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
        );
        show::print("\n");
    }
}
