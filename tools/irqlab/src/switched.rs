// SPDX-License-Identifier: GPL-2.0

//! What the lab only counts while it is asked to: `softirqs`, `nesting`, `ipi/who`.

use crate::{error::Result, lab::Lab};

/// A switch of the lab's that is on as long as this lives; if it was off, it is off again after that.
pub struct SwitchedOn<'a> {
    lab: &'a Lab,
    knob: &'static str,
    was_on: bool,
}

impl<'a> SwitchedOn<'a> {
    pub fn new(lab: &'a Lab, knob: &'static str) -> Result<Self> {
        let was_on = lab
            .table(knob)?
            .notes
            .first()
            .is_some_and(|note| note.starts_with("on;"));
        if !was_on {
            lab.tell(knob, "on")?;
        }
        Ok(Self { lab, knob, was_on })
    }
}

impl Drop for SwitchedOn<'_> {
    fn drop(&mut self) {
        if !self.was_on {
            // The module may be gone.
            let _ = self.lab.tell(self.knob, "off");
        }
    }
}
