// SPDX-License-Identifier: GPL-2.0

//! `claims`: runs experiments, and shows each statement with its verdict and the evidence.
//!
//! Write a claim's id, a group (`TASK`) or `all`, in upper or lower case; a second word `control` runs
//! the broken variant of each instead, which must not hold.

use super::{
    named_file,
    Knob,
    KnobFile, //
};
use crate::{
    claim::{
        self,
        Variant, //
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
    text::Text, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};

pub(super) struct Claims;

impl Knob for Claims {
    const NAME: &'static CStr = c"claims";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.claims.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let mut words = command.split_ascii_whitespace();
        let Some(which) = words.next() else {
            refuse!(EINVAL, "an id, a group or 'all' is missing");
        };
        let variant = match words.next() {
            None => Variant::Experiment,
            Some("control") => Variant::Control,
            Some(word) => refuse!(EINVAL, "'{}' is not 'control'", word),
        };
        if let Some(word) = words.next() {
            refuse!(EINVAL, "'{}' is one word too many", word);
        }
        lab.claims.run(lab, which, variant, task)
    }
}

/// `claims_info/<id>`: what a claim is about, for one who wants to understand its evidence.
pub(super) struct Info(claim::Info);

impl Info {
    /// A file for each claim.
    pub(super) fn files(root: &Dir, lab: &Arc<Lab>) -> Result<KVec<KnobFile<Self>>> {
        let dir = root.subdir(c"claims_info")?;
        let mut files = KVec::new();
        for info in claim::infos() {
            let name = CString::try_from_fmt(fmt!("{}", info.id()))?;
            files.push(named_file(&dir, lab, &name, Self(info))?, GFP_KERNEL)?;
        }
        Ok(files)
    }
}

impl Knob for Info {
    const NAME: &'static CStr = c"claims_info";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.claims.explain(&self.0, text)?)
    }
}
