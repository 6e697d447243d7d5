// SPDX-License-Identifier: GPL-2.0

//! Steering: sends a line to one CPU for the length of an experiment.
//!
//! A controller may do what it was asked only at the line's next interrupt, which
//! still goes to the old CPU: an I/O APIC cannot be reprogrammed safely at any other
//! time. So interrupts are raised here until the kernel says that the line was moved.

use super::{
    Line,
    Reserved, //
};
use crate::refusal::{
    refuse,
    Answer,
    Refusal, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::{
        is_online,
        CpuId, //
    },
    irq::Affinity, //
};
use kernel::{
    prelude::*,
    time::msecs_to_jiffies, //
};

/// Sends a line to one CPU. Dropping it gives the line back the CPUs that it could
/// go to before. Made by [`Reserved::steer`].
pub(crate) struct Steered<'a> {
    line: &'a Line,
    /// What to undo: `None` if the line did not have to move.
    affinity: Option<Affinity>,
}

impl Reserved<'_> {
    /// Has the interrupts of the line arrive at `cpu` until the answer is dropped,
    /// whatever is attached meanwhile.
    ///
    /// Nothing may be attached when it is made and when it is dropped: both may have
    /// to raise interrupts, with a top half of their own. A line whose interrupts
    /// arrive where they are raised is left alone.
    ///
    /// Refusals: `ENXIO` if the CPU is offline, `EPERM` if the controller cannot
    /// choose a CPU, `ENOSPC` if the CPU has no vector left, `ETIMEDOUT` if the
    /// line does not get there, `EIO` if an interrupt was lost, `ENODEV` after the
    /// device was unbound.
    pub(crate) fn steer(&self, cpu: CpuId) -> Answer<Steered<'_>> {
        let line: &Line = self;
        if line.source.is_local() {
            return Ok(Steered {
                line,
                affinity: None,
            });
        }
        // While nobody has requested the line, the kernel says nothing true about where
        // it goes.
        let top_half = line.put_on(None)?;
        let affinity = Affinity::new(line.source.line())?;
        // Also if it goes there: as long as it may go elsewhere the kernel chooses anew at each request.
        let moved = affinity.set(core::iter::once(cpu));
        moved.map_err(|error| line.cannot_move(cpu, error))?;
        // From here on, what was moved is moved back, whatever goes wrong; with a top
        // half of its own, after this one.
        let steered = Steered {
            line,
            affinity: Some(affinity),
        };
        let has_arrived = raise_until(line, || is_at(line, cpu));
        drop(top_half);
        if !has_arrived? {
            refuse!(
                ETIMEDOUT,
                "{} does not go to CPU {}, which may have no vector left for it",
                line.name(),
                cpu.as_u32()
            );
        }
        Ok(steered)
    }
}

impl Line {
    /// Asks the controller to send the line to `cpu`, which may be done only at
    /// the next interrupt.
    ///
    /// Refusals: `EBUSY` while an experiment has the line, and as [`Reserved::steer`].
    pub(crate) fn move_to(&self, cpu: CpuId) -> Answer {
        let _state = self.try_state()?;
        let moved = self.source.line().set_affinity(cpu);
        moved.map_err(|error| self.cannot_move(cpu, error))
    }

    /// Lets the controller send the line to any CPU; a simulated line then interrupts the one that
    /// raises it.
    ///
    /// Refusals: `EBUSY` while an experiment has the line, `EPERM` if the controller cannot choose a
    /// CPU, `ENODEV` after the device was unbound.
    pub(crate) fn move_anywhere(&self) -> Answer {
        let _state = self.try_state()?;
        let moved = self.source.line().set_affinity_to_all();
        moved.map_err(|error| self.cannot_move(CpuId::current(), error))
    }

    /// Why the kernel did not send the line to `cpu`, in words.
    fn cannot_move(&self, cpu: CpuId, error: Error) -> Refusal {
        let (name, cpu_nr) = (self.name(), cpu.as_u32());
        match error {
            EINVAL if is_online(cpu) => {
                Refusal::new(EPERM, fmt!("the controller of {name} cannot choose a CPU"))
            }
            EINVAL => Refusal::new(ENXIO, fmt!("CPU {cpu_nr} is offline")),
            ENOSPC => Refusal::new(
                ENOSPC,
                fmt!("CPU {cpu_nr} has no vector left for {name}: choose another CPU"),
            ),
            ENODEV => Refusal::prevented(ENODEV, fmt!("the device of {name} was unbound")),
            other => Refusal::new(
                other,
                fmt!("the kernel could not send {name} to CPU {cpu_nr}"),
            ),
        }
    }
}

impl Steered<'_> {
    /// Returns whether the line can go again to all the CPUs of before.
    fn undo(&self, affinity: &Affinity) -> Answer<bool> {
        let _top_half = self.line.put_on(None)?;
        affinity.restore()?;
        raise_until(self.line, || affinity.is_restored())
    }
}

impl Drop for Steered<'_> {
    fn drop(&mut self) {
        let Some(affinity) = &self.affinity else {
            return;
        };
        let name = self.line.name();
        match self.undo(affinity) {
            Ok(true) => (),
            Ok(false) => pr_warn!("{}: still not where it went before\n", name),
            // It has no CPU any more.
            Err(refusal) if refusal.error == ENODEV => (),
            Err(refusal) => pr_warn!("{}: does not go back: {}\n", name, refusal),
        }
    }
}

/// Whether the line, which somebody has requested, may go to `cpu` only. The kernel notes so when it
/// has moved the line. Of the effective CPUs it keeps no account where the line could stay.
fn is_at(line: &Line, cpu: CpuId) -> Result<bool> {
    let (asked, _) = Affinity::of(line.source.line())?;
    Ok(asked.len() == 1 && asked.contains(cpu))
}

/// Raises interrupts, one after the other, until the line `is_there`: at most so
/// long. Returns whether it is.
fn raise_until(line: &Line, is_there: impl Fn() -> Result<bool>) -> Answer<bool> {
    const PATIENCE_MS: u32 = 2000;

    let task = Task::current().ok_or(EINVAL)?;
    let start = clock::ticks();
    loop {
        if is_there()? {
            return Ok(true);
        }
        if clock::ticks().wrapping_sub(start) > msecs_to_jiffies(PATIENCE_MS) {
            return Ok(false);
        }
        raise_and_wait(line, task)?;
        // The last move may have to be cleaned up.
        task.sleep_us(100, 100);
    }
}

/// Raises one interrupt, and waits for the lab's top half.
fn raise_and_wait(line: &Line, task: &Task) -> Answer {
    const PATIENCE_MS: u32 = 2000;

    let handled = line.counts.handled.load();
    line.raise()?;
    for _ in 0..PATIENCE_MS * 10 {
        if line.counts.handled.load() != handled {
            return Ok(());
        }
        task.sleep_us(100, 100);
    }
    refuse!(EIO, "an interrupt of {} was lost", line.name());
}
