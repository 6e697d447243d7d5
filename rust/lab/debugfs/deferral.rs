// SPDX-License-Identifier: GPL-2.0

//! `deferral/<mechanism>/`: one mechanism, to schedule, switch off and look into.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    bench, command,
    laboratory::Lab,
    mechanism::Instance,
    record::{
        Account,
        Stage,
        WhileDisabled, //
    },
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    completion::Waited,
    context::Task,
    debugfs::{
        Dir,
        Mode, //
    },
    emit,
    text::Text,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The files of all mechanisms.
pub(super) struct Files {
    _all: KVec<InstanceFiles>,
}

struct InstanceFiles {
    _schedule: KnobFile<Schedule>,
    _enabled: KnobFile<Enabled>,
    _latency: KnobFile<Latency>,
    _context: KnobFile<Context>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let deferral = root.subdir(c"deferral")?;
        let mut all = KVec::new();
        for instance in &lab.mechanisms {
            let dir = deferral.subdir(instance.name)?;
            let files = InstanceFiles {
                _schedule: file(&dir, lab, Schedule(instance.clone()))?,
                _enabled: file(&dir, lab, Enabled(instance.clone()))?,
                _latency: file(&dir, lab, Latency(instance.clone()))?,
                _context: file(&dir, lab, Context(instance.clone()))?,
            };
            all.push(files, GFP_KERNEL)?;
        }
        Ok(Self { _all: all })
    }
}

/// `schedule`: write how many interrupts to send through the mechanism, on the
/// line `sim0`. Each is awaited, unless the mechanism is disabled: `context` then
/// counts whether it keeps or refuses them.
struct Schedule(Arc<Instance>);

impl Knob for Schedule {
    const NAME: &'static CStr = c"schedule";
    const MODE: Mode = Mode::WriteOnly;

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let count = command::number(command, 1..=1_000_000)?;
        let experiment = lab.begin(fmt!("deferral/{}/schedule", self.0.name))?;
        let group = lab.lines.group("sim0")?;
        let reserved = group.reserve()?;
        let _attachment = reserved.attach(&self.0)?;
        let (name, record) = (self.0.name(), self.0.record());
        let is_enabled = self.0.is_enabled();
        for done in 0..count {
            experiment.step(done + 1, count, fmt!("{name}"));
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done, count);
            }
            if reserved.is_leaving() {
                refuse!(ENODEV, "the device left after {} of {}", done, count);
            }
            if !is_enabled {
                reserved.raise_for(record)?;
                record.make_room();
                task.yield_if_needed();
                continue;
            }
            match bench::send(&reserved, record, task)? {
                Waited::Completed => (),
                Waited::TimedOut => refuse!(EIO, "event {} of {} was lost", done + 1, count),
                Waited::Interrupted => {
                    refuse!(EINTR, "interrupted after {} of {}", done, count)
                }
            }
        }
        Ok(())
    }
}

/// `enabled`: 0 while the mechanism is disabled, else 1. Not to be changed while
/// an experiment runs, which may count on it.
struct Enabled(Arc<Instance>);

impl Knob for Enabled {
    const NAME: &'static CStr = c"enabled";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(emit!(text, "{}\n", u8::from(self.0.is_enabled()))?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let is_on = command::switch(command)?;
        let _experiment = lab.begin(fmt!("deferral/{}/enabled", self.0.name))?;
        if is_on {
            self.0.enable();
            Ok(())
        } else {
            self.0.disable(task)
        }
    }
}

/// `latency`: the whole distribution of both stages; write `clear` to begin anew, but not
/// while an experiment runs, whose events it would forget.
struct Latency(Arc<Instance>);

impl Knob for Latency {
    const NAME: &'static CStr = c"latency";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        emit!(
            text,
            "# top: raise to top half; bottom: top half to bottom half\n\
             #stage from_ns to_ns count\n"
        )?;
        for stage in Stage::ALL {
            for (from_ns, to_ns, count) in self.0.record().latency(stage)?.buckets() {
                emit!(text, "{} {} {} {}\n", stage.name(), from_ns, to_ns, count)?;
            }
        }
        Ok(())
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        if command != "clear" {
            refuse!(EINVAL, "'{}' is not 'clear'", command);
        }
        let _experiment = lab.begin(fmt!("deferral/{}/latency", self.0.name))?;
        self.0.record().clear();
        Ok(())
    }
}

/// `context`: where both stages ran: how often in each place, and last on each CPU; and
/// what became of events while the mechanism was disabled.
struct Context(Arc<Instance>);

impl Knob for Context {
    const NAME: &'static CStr = c"context";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        emit!(text, "# {}: {}\n", self.0.name, self.0.about)?;
        emit!(text, "#stage count place\n")?;
        for stage in Stage::ALL {
            for (place, count) in self.0.record().places(stage) {
                emit!(text, "{} {} {}\n", stage.name(), count, place)?;
            }
        }
        emit!(text, "#stage last\n")?;
        for stage in Stage::ALL {
            for snapshot in self.0.record().lasts(stage)? {
                emit!(text, "{} {}\n", stage.name(), snapshot)?;
            }
        }
        let WhileDisabled { kept, refused } = self.0.record().while_disabled();
        emit!(
            text,
            "#while_disabled count\nkept {}\nrefused {}\n",
            kept,
            refused
        )?;
        let Account {
            raised,
            recorded,
            coalesced,
            refused,
            lost,
            pending,
            unmatched,
        } = self.0.record().account();
        emit!(
            text,
            "#events count\nraised {}\nrecorded {}\ncoalesced {}\nrefused {}\nlost {}\npending {}\nunmatched {}\n",
            raised,
            recorded,
            coalesced,
            refused,
            lost,
            pending,
            unmatched
        )?;
        Ok(())
    }
}
