// SPDX-License-Identifier: GPL-2.0

//! The lab in debugfs: each file is a [`Knob`], in the file named after its place.
//!
//! A write is one command, answered by its return code; why one was refused is
//! the line in `last_error`. A read is a table whose header names the columns.

use crate::{
    laboratory::Lab,
    refusal::{
        Answer,
        Refusal, //
    },
};
use irqlab::{
    context::Task,
    debugfs::{
        self,
        Dir,
        File,
        Mode,
        Stream, //
    },
    text::Text,
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};

mod bench;
mod claims;
mod deferral;
mod dpc;
mod fixup;
mod idt;
mod interrupt_threads;
mod ipi;
mod lapic;
mod last_error;
mod lines;
mod memory;
mod old_bh;
mod progress;
mod stacks;
mod switched;
mod tape;
mod victims;

pub(crate) use lines::LineFiles;

/// A file of the lab.
trait Knob: Send + Sync + 'static {
    const NAME: &'static CStr;
    const MODE: Mode;

    /// Shows the table of this moment.
    fn show(&self, _lab: &Lab, _text: &mut Text, _task: &Task) -> Answer {
        Err(EINVAL.into())
    }

    /// The table of this moment to be shown a piece at a time, if it is long.
    fn stream(&self, _lab: &Lab, _task: &Task) -> Answer<Option<KBox<dyn Stream>>> {
        Ok(None)
    }

    /// Carries out one command.
    fn command(&self, _lab: &Arc<Lab>, _command: &str, _task: &Task) -> Answer {
        Err(EINVAL.into())
    }
}

/// A knob as a file, which puts down in `last_error` what it refuses.
struct Content<K> {
    knob: K,
    /// Seen from the lab's directory.
    path: CString,
    lab: Arc<Lab>,
}

impl<K> Content<K> {
    fn refuse(&self, refusal: Refusal) -> Error {
        self.lab.last_error.note(&self.path, refusal)
    }
}

impl<K: Knob> debugfs::Content for Content<K> {
    const MODE: Mode = K::MODE;

    fn read(&self, text: &mut Text, task: &Task) -> Result {
        let shown = self.knob.show(&self.lab, text, task);
        shown.map_err(|refusal| self.refuse(refusal))
    }

    fn stream(&self, task: &Task) -> Result<Option<KBox<dyn Stream>>> {
        let stream = self.knob.stream(&self.lab, task);
        stream.map_err(|refusal| self.refuse(refusal))
    }

    fn write(&self, command: &str, task: &Task) -> Result {
        let done = self.knob.command(&self.lab, command, task);
        done.map_err(|refusal| self.refuse(refusal))
    }

    fn refused(&self, error: Error, why: &'static str) {
        self.refuse(Refusal::new(error, fmt!("{why}")));
    }
}

type KnobFile<K> = File<Content<K>>;

fn file<K: Knob>(dir: &Dir, lab: &Arc<Lab>, knob: K) -> Result<KnobFile<K>> {
    named_file(dir, lab, K::NAME, knob)
}

/// A file that is one of several of its kind, by a name of its own.
fn named_file<K: Knob>(dir: &Dir, lab: &Arc<Lab>, name: &CStr, knob: K) -> Result<KnobFile<K>> {
    let content = Content {
        knob,
        path: dir.path_of(name)?,
        lab: lab.clone(),
    };
    File::new::<crate::LocalModule>(dir, name, Arc::new(content, GFP_KERNEL)?)
}

/// The files that are there as long as the lab is.
pub(crate) struct Files {
    _bench: KnobFile<bench::Bench>,
    _claims: KnobFile<claims::Claims>,
    _claims_info: KVec<KnobFile<claims::Info>>,
    _last_error: KnobFile<last_error::LastError>,
    _deferral: deferral::Files,
    _dpc: dpc::Files,
    _fixup: fixup::Files,
    _idt: KnobFile<idt::IdtKnob>,
    _interrupt_threads: interrupt_threads::Files,
    _ipi: ipi::Files,
    _lapic: KnobFile<lapic::Lapic>,
    _memory: KnobFile<memory::Memory>,
    _old_bh: old_bh::Files,
    _progress: KnobFile<progress::Progress>,
    _stacks: KnobFile<stacks::StacksKnob>,
    _softirqs: KnobFile<switched::Softirqs>,
    _softirq_times: KnobFile<switched::SoftirqTimes>,
    _nesting: KnobFile<switched::Nesting>,
    _tape: KnobFile<tape::Tape>,
    _tape_on: KnobFile<tape::TapeOn>,
    _tape_size: KnobFile<tape::TapeSize>,
    _victims: victims::Files,
    _worst: KnobFile<victims::Worst>,
}

impl Files {
    pub(crate) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        Ok(Self {
            _bench: file(root, lab, bench::Bench)?,
            _claims: file(root, lab, claims::Claims)?,
            _claims_info: claims::Info::files(root, lab)?,
            _last_error: file(root, lab, last_error::LastError)?,
            _deferral: deferral::Files::new(root, lab)?,
            _dpc: dpc::Files::new(root, lab)?,
            _fixup: fixup::Files::new(root, lab)?,
            _idt: file(root, lab, idt::IdtKnob)?,
            _interrupt_threads: interrupt_threads::Files::new(root, lab)?,
            _ipi: ipi::Files::new(root, lab)?,
            _lapic: file(root, lab, lapic::Lapic)?,
            _memory: file(root, lab, memory::Memory)?,
            _old_bh: old_bh::Files::new(root, lab)?,
            _progress: file(root, lab, progress::Progress)?,
            _stacks: file(root, lab, stacks::StacksKnob)?,
            _softirqs: file(root, lab, switched::Softirqs)?,
            _softirq_times: file(root, lab, switched::SoftirqTimes)?,
            _nesting: file(root, lab, switched::Nesting)?,
            _tape: file(root, lab, tape::Tape)?,
            _tape_on: file(root, lab, tape::TapeOn)?,
            _tape_size: file(root, lab, tape::TapeSize)?,
            _victims: victims::Files::new(root, lab)?,
            _worst: file(root, lab, victims::Worst)?,
        })
    }
}
