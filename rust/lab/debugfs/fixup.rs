// SPDX-License-Identifier: GPL-2.0

//! `fixup/`: accesses that fault, and what was seen of them.
//!
//! Write to `access` the name of a case, and if you like a context (`task`, `softirq`,
//! `hardirq`, `nmi`; else all), `count=1`, `offset=` in the page, `seed=1` of chance,
//! and, for the cases `user` and `user_write`, `address=` in hexadecimal. Instead of a
//! case, `all` is all of them, and `random` any. `reset` forgets what was counted.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    command::{
        self,
        assignments,
        number,
        number_or, //
    },
    fixup::{
        show_table,
        Case,
        Plan,
        Which, //
    },
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::{
        Kind,
        Task, //
    },
    debugfs::{
        Dir,
        Mode, //
    },
    text::Text,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) struct Files {
    _access: KnobFile<Access>,
    _steps: KnobFile<Steps>,
    _table: KnobFile<Table>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let dir = root.subdir(c"fixup")?;
        Ok(Self {
            _access: file(&dir, lab, Access)?,
            _steps: file(&dir, lab, Steps)?,
            _table: file(&dir, lab, Table)?,
        })
    }
}

/// `access`: attempts, and what came of them.
struct Access;

impl Knob for Access {
    const NAME: &'static CStr = c"access";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.fixups.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        if command == "reset" {
            let _experiment = lab.begin(fmt!("fixup/access"))?;
            lab.fixups.reset();
            return Ok(());
        }
        lab.fixups.run(lab, &plan(command)?, task)
    }
}

fn plan(command: &str) -> Answer<Plan> {
    let (name, rest) = split(command);
    let which = match name {
        "" => refuse!(EINVAL, "the name of a case is missing"),
        "all" => Which::All,
        "random" => Which::Random,
        name => Which::One(Case::find(name)?),
    };
    let (word, after) = split(rest);
    let (kind, rest) = match Kind::ALL.into_iter().find(|kind| kind.name() == word) {
        Some(kind) => (Some(kind), after),
        None if word.is_empty() || word.contains('=') => (None, rest),
        None => refuse!(ENODEV, "no context '{}'", word),
    };
    let [count, offset, seed, address] =
        assignments(rest, &["count", "offset", "seed", "address"])?;
    let offset = match offset {
        Some(word) => Some(number(word, 0..=4095)? as usize),
        None => None,
    };
    let address = match address {
        Some(word) => Some(command::address(word)?),
        None => None,
    };
    Ok(Plan {
        which,
        kind,
        count: number_or(count, 1, 1..=1_000_000)?,
        offset,
        address,
        seed: number_or(seed, 1, 0..=u64::MAX)?,
    })
}

/// The first word, and what is behind it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim_ascii();
    text.split_once(|c: char| c.is_ascii_whitespace())
        .unwrap_or((text, ""))
}

/// `steps`: what the last attempt went through.
struct Steps;

impl Knob for Steps {
    const NAME: &'static CStr = c"steps";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.fixups.show_steps(text)?)
    }
}

/// `table`: the exception table of this module.
struct Table;

impl Knob for Table {
    const NAME: &'static CStr = c"table";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(show_table(text)?)
    }
}
