// SPDX-License-Identifier: GPL-2.0

//! Steering: sends a line to one CPU for the length of an experiment.
//!
//! A controller may do what it was asked only at the line's next interrupt, which
//! still goes to the old CPU: an I/O APIC cannot be reprogrammed safely at any
//! other time. So interrupts are raised here until one has arrived where it should.

use super::{
    Lent,
    Line, //
};
use crate::refusal::{
    refuse,
    Answer,
    Refusal, //
};
use irqlab::{
    context::Task,
    cpu::{
        is_online,
        CpuId,
        Set, //
    },
    irq::Affinity, //
};
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};

/// Sends a line to one CPU. Dropping it sends the line back to where it went
/// before. Made by [`Lent::steer`].
pub(crate) struct Steered<'a> {
    line: &'a Line,
    /// What to undo: `None` if the line did not have to move.
    moved: Option<Moved>,
}

struct Moved {
    affinity: Affinity,
    /// Where the line went before.
    from: Option<CpuId>,
}

impl Lent<'_> {
    /// Has the interrupts of the line arrive at `cpu` until the answer is dropped.
    ///
    /// Nothing may be attached when it is made and when it is dropped: both raise
    /// some interrupts, with a top half of their own, to see the line arrive. A
    /// line whose interrupts arrive where they are raised is left alone.
    ///
    /// Refusals: `ENXIO` if the CPU is offline, `EPERM` if the controller cannot
    /// choose a CPU, `ENOSPC` if the CPU has no vector left, `ETIMEDOUT` if the
    /// line does not get there, `EIO` if an interrupt was lost, `ENODEV` after the
    /// device was unbound.
    pub(crate) fn steer(&self, cpu: CpuId) -> Answer<Steered<'_>> {
        let line: &Line = self;
        // Also if it is there: it may be about to move, which shows only when it has.
        let moved = if line.source.is_local() {
            None
        } else {
            Some(Moved {
                affinity: Affinity::new(line.source.line())?,
                from: line.source.line().info()?.cpu,
            })
        };
        // From here on, what was moved is moved back, whatever goes wrong.
        let steered = Steered { line, moved };
        if let Some(moved) = &steered.moved {
            let _top_half = line.put_on(None)?;
            if !moved.go(line, cpu)? {
                refuse!(
                    ETIMEDOUT,
                    "{} does not go to CPU {}, which may have no vector left for it",
                    line.name(),
                    cpu.as_u32()
                );
            }
        }
        Ok(steered)
    }
}

impl Line {
    /// Asks the controller to send the line to `cpu`, which may be done only at
    /// the next interrupt.
    ///
    /// Refusals: `EBUSY` while an experiment has the line, and as [`Lent::steer`].
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
            ENODEV => Refusal::new(ENODEV, fmt!("the device of {name} was unbound")),
            other => Refusal::new(
                other,
                fmt!("the kernel could not send {name} to CPU {cpu_nr}"),
            ),
        }
    }
}

impl Moved {
    /// Sends the line to `cpu`. Returns whether it went.
    fn go(&self, line: &Line, cpu: CpuId) -> Answer<bool> {
        let asked = self.affinity.set(core::iter::once(cpu));
        asked.map_err(|error| line.cannot_move(cpu, error))?;
        raise_until(line, || is_at(line, cpu))
    }

    /// First to the CPU where the line went, then to all that it may go to: of
    /// those the controller keeps the one it has.
    fn undo(self, line: &Line) -> Answer<bool> {
        let _top_half = line.put_on(None)?;
        // Dropped before the top half, as it asks once more.
        let moved = self;
        if let Some(from) = moved.from.filter(|from| is_online(*from)) {
            if !moved.go(line, from)? {
                return Ok(false);
            }
        }
        moved.affinity.restore()?;
        raise_until(line, || moved.affinity.is_restored())
    }
}

impl Drop for Steered<'_> {
    fn drop(&mut self) {
        let Some(moved) = self.moved.take() else {
            return;
        };
        let name = self.line.name();
        match moved.undo(self.line) {
            Ok(true) => (),
            Ok(false) => pr_warn!("{}: still not where it went before\n", name),
            // It has no CPU any more.
            Err(refusal) if refusal.error == ENODEV => (),
            Err(refusal) => pr_warn!("{}: does not go back: {}\n", name, refusal),
        }
    }
}

/// Whether the controller sends the line to `cpu`, and may send it to no other: else it
/// chooses again when a handler is requested.
fn is_at(line: &Line, cpu: CpuId) -> Result<bool> {
    let (asked, effective) = Affinity::of(line.source.line())?;
    let is_it = |cpus: &Set| cpus.len() == 1 && cpus.contains(cpu);
    Ok(is_it(&asked) && is_it(&effective))
}

/// Raises interrupts, one after the other, until the line `is_there`: at most so
/// many. Returns whether it is. The top half is on the line: of one that nobody has the
/// kernel only notes what is asked.
fn raise_until(line: &Line, is_there: impl Fn() -> Result<bool>) -> Answer<bool> {
    const ATTEMPTS: u32 = 200;

    let task = Task::current().ok_or(EINVAL)?;
    for _ in 0..ATTEMPTS {
        if is_there()? {
            return Ok(true);
        }
        raise_and_wait(line, task)?;
        // The last move may have to be cleaned up.
        task.sleep_us(100, 100);
    }
    Ok(false)
}

/// Raises one interrupt, and waits for the lab's top half.
fn raise_and_wait(line: &Line, task: &Task) -> Answer {
    const PATIENCE_MS: u32 = 2000;

    let handled = line.counts.handled.load(Relaxed);
    line.raise()?;
    for _ in 0..PATIENCE_MS * 10 {
        if line.counts.handled.load(Relaxed) != handled {
            return Ok(());
        }
        task.sleep_us(100, 100);
    }
    refuse!(EIO, "an interrupt of {} was lost", line.name());
}
