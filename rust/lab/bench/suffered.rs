// SPDX-License-Identifier: GPL-2.0

//! What the victims suffered from each mechanism of a run, as the tables in `victims`.

use super::{
    ran::{
        Ran,
        Share, //
    },
    victims::{
        Latencies,
        Victim,
        Victims, //
    },
    worst::WorstEvent,
};
use crate::{
    record::{
        Merged,
        Summary, //
    },
    work::Halves,
};
use irqlab::{
    cpu::CpuId,
    emit,
    text::Text,
    tracepoint::Message, //
};
use kernel::prelude::*;

/// What was suffered from one mechanism.
pub(super) struct Suffered {
    pub(super) mechanism: &'static str,
    pub(super) halves: Halves,
    latencies: KVec<Latency>,
    run_ns: u64,
    shares: KVec<Share>,
    left_out: u64,
    nr_complaints: u32,
    complaints: KVec<(u64, Message)>,
    pub(super) worst: WorstEvent,
}

/// How long one victim has waited.
struct Latency {
    victim: Victim,
    /// The other CPU; nothing for the one on which the half worked.
    elsewhere: Option<CpuId>,
    count: u64,
    summary: Summary,
}

impl Suffered {
    /// What was, in a run that took `run_ns`.
    pub(super) fn of(
        mechanism: &'static str,
        halves: Halves,
        victims: &Victims,
        ran: &Ran,
        run_ns: u64,
        worst: WorstEvent,
    ) -> Result<Self> {
        let mut latencies = KVec::new();
        let mut add = |elsewhere, seen: &Latencies| -> Result {
            for victim in Victim::ALL {
                let latency = seen.of(victim);
                let one = Latency {
                    victim,
                    elsewhere,
                    count: latency.counts().sum(),
                    summary: Merged::new(core::iter::once(latency))?.summary(),
                };
                // Elsewhere there is no other line, and not everybody contends for a lock.
                let is_there = match victim {
                    Victim::Line => elsewhere.is_none(),
                    Victim::Lock => one.count > 0,
                    _ => true,
                };
                if is_there {
                    latencies.push(one, GFP_KERNEL)?;
                }
            }
            Ok(())
        };
        add(None, victims.here())?;
        if let Some((cpu, seen)) = victims.elsewhere() {
            add(Some(cpu), seen)?;
        }
        let mut shares = KVec::new();
        for share in ran.shares() {
            shares.push(share, GFP_KERNEL)?;
            // Who took most of the time first.
            for index in (1..shares.len()).rev() {
                if shares[index - 1].total_ns >= shares[index].total_ns {
                    break;
                }
                shares.swap(index - 1, index);
            }
        }
        let mut complaints = KVec::new();
        let (nr_complaints, kept) = ran.complaints.all();
        for complaint in kept {
            complaints.push(complaint, GFP_KERNEL)?;
        }
        Ok(Self {
            mechanism,
            halves,
            latencies,
            run_ns,
            shares,
            left_out: ran.left_out(),
            nr_complaints,
            complaints,
            worst,
        })
    }

    /// How many bytes it takes, without the worst event.
    pub(super) fn nr_bytes(&self) -> usize {
        size_of::<Self>()
            + self.latencies.capacity() * size_of::<Latency>()
            + self.shares.capacity() * size_of::<Share>()
            + self.complaints.capacity() * size_of::<(u64, Message)>()
    }

    pub(super) fn show_latencies_header(text: &mut Text) -> Result {
        emit!(
            text,
            "{:<17} {:>6} {:>9} {:<10} {:<9} {:>5} {:>9} {:>9} {:>9}\n",
            "#mechanism",
            "top_us",
            "bottom_us",
            "victim",
            "where",
            "count",
            "p50",
            "p99",
            "max"
        )
    }

    pub(super) fn show_latencies(&self, text: &mut Text) -> Result {
        for Latency {
            victim,
            elsewhere,
            count,
            summary,
        } in &self.latencies
        {
            self.show_mechanism(text)?;
            emit!(text, " {:<10} ", victim.name())?;
            match elsewhere {
                Some(cpu) => emit!(text, "CPU{:<6}", cpu.as_u32())?,
                None => emit!(text, "{:<9}", "here")?,
            }
            let Summary { p50, p99, max, .. } = summary;
            match count {
                0 => emit!(text, " {count:>5} {0:>9} {0:>9} {0:>9}\n", "-")?,
                _ => emit!(text, " {count:>5} {p50:>9} {p99:>9} {max:>9}\n")?,
            }
        }
        Ok(())
    }

    pub(super) fn show_ran_header(text: &mut Text) -> Result {
        emit!(
            text,
            "{:<17} {:>6} {:>9} {:<7} {:<22} {:>6} {:>10} {:>10} {:>10}\n",
            "#mechanism",
            "top_us",
            "bottom_us",
            "kind",
            "who",
            "runs",
            "total",
            "max",
            "first"
        )
    }

    pub(super) fn show_ran(&self, text: &mut Text) -> Result {
        self.show_mechanism(text)?;
        let run_ns = self.run_ns;
        emit!(
            text,
            " {:<7} {:<22} {:>6} {run_ns:>10} {run_ns:>10} {:>10}",
            "all",
            "-",
            1,
            0
        )?;
        if self.left_out > 0 {
            emit!(text, " # and {} runs of others", self.left_out)?;
        }
        emit!(text, "\n")?;
        for share in &self.shares {
            self.show_mechanism(text)?;
            let mut who = Text::new();
            emit!(&mut who, "{}", share.who)?;
            emit!(
                text,
                " {:<7} {:<22} {:>6} {:>10} {:>10} {:>10}\n",
                share.who.kind(),
                who.as_str(),
                share.runs,
                share.total_ns,
                share.max_ns,
                share.first_ns
            )?;
        }
        Ok(())
    }

    pub(super) fn show_complaints_header(text: &mut Text) -> Result {
        emit!(
            text,
            "{:<17} {:>6} {:>9} {:>10} message\n",
            "#mechanism",
            "top_us",
            "bottom_us",
            "at"
        )
    }

    pub(super) fn show_complaints(&self, text: &mut Text) -> Result {
        for (at_ns, message) in &self.complaints {
            self.show_mechanism(text)?;
            emit!(text, " {at_ns:>10} {}\n", message.as_str())?;
        }
        let shown = self.complaints.len() as u64;
        match u64::from(self.nr_complaints).saturating_sub(shown) {
            0 => Ok(()),
            more => emit!(text, "# {}: and {more} more\n", self.mechanism),
        }
    }

    fn show_mechanism(&self, text: &mut Text) -> Result {
        let Halves { top_us, bottom_us } = self.halves;
        emit!(text, "{:<17} {top_us:>6} {bottom_us:>9}", self.mechanism)
    }
}
