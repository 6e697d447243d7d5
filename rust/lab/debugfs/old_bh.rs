// SPDX-License-Identifier: GPL-2.0

//! `old_bh/`: the 32 slots of the bottom halves that Linux 2.4 had.
//!
//! Write to `slots` one of `init`, `remove`, `mark`, `disable` and `enable`, and the number of a
//! slot; after `mark`, as you like, `count=1`: how often, before it can run.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    command::{
        assignments,
        number,
        number_or, //
    },
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    debugfs::{
        Dir,
        Mode, //
    },
    old_bh::NR_SLOTS,
    text::Text,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) struct Files {
    _slots: KnobFile<Slots>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let dir = root.subdir(c"old_bh")?;
        Ok(Self {
            _slots: file(&dir, lab, Slots)?,
        })
    }
}

/// `slots`: who has which, and what they did.
struct Slots;

impl Knob for Slots {
    const NAME: &'static CStr = c"slots";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.old_bh.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let mut words = command.splitn(3, |c: char| c.is_ascii_whitespace());
        let (verb, slot) = (words.next().unwrap_or(""), words.next());
        if !["init", "remove", "mark", "disable", "enable"].contains(&verb) {
            refuse!(
                EINVAL,
                "'{}' is not one of: init, remove, mark, disable, enable",
                verb
            );
        }
        let Some(slot) = slot else {
            refuse!(EINVAL, "the number of the slot is missing");
        };
        let slot = number(slot, 0..=u64::from(NR_SLOTS - 1))? as u32;
        let rest = words.next().unwrap_or("");
        if verb == "mark" {
            let [count] = assignments(rest, &["count"])?;
            return lab.old_bh.mark(slot, number_or(count, 1, 1..=1000)?, task);
        }
        let [] = assignments(rest, &[])?;
        match verb {
            "init" => lab.old_bh.init(slot, task),
            "remove" => lab.old_bh.remove(slot),
            "disable" => lab.old_bh.disable(slot, task),
            _ => lab.old_bh.enable(slot),
        }
    }
}
