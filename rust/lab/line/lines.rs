// SPDX-License-Identifier: GPL-2.0

//! The lines of all devices that are bound, each with its directory in debugfs.

use super::{
    Group,
    Line, //
};
use crate::{
    laboratory::Lab,
    mechanism::Instance,
    refusal::{
        prevented,
        Answer,
        Refusal, //
    },
    source::{
        Source,
        SIMULATED, //
    },
};
use irqlab::{
    context::Task,
    debugfs::Dir,
    irq::Affinity,
    kthread::{
        Priority,
        Worker, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

/// All lines.
#[pin_data]
pub(crate) struct Lines {
    dir: Dir,
    /// Requests the handlers of all of them.
    worker: Arc<Worker>,
    /// One is added at a time, so that each finds the others on its interrupt.
    #[pin]
    adding: Mutex<()>,
    table: Arc<Table>,
    nr_removed: Atomic<u64>,
}

pub(super) type Table = Mutex<KVec<Entry>>;

pub(super) struct Entry {
    // First the files, which use the line.
    _files: crate::debugfs::LineFiles,
    pub(super) line: Arc<Line>,
}

impl Lines {
    pub(crate) fn new(dir: Dir) -> Result<impl PinInit<Self>> {
        let worker = Worker::new(c"irqlab_lines", Priority::Normal)?;
        let table = Arc::pin_init(new_mutex!(KVec::new(), "Lines::table"), GFP_KERNEL)?;
        Ok(pin_init!(Self {
            dir,
            worker,
            adding <- new_mutex!((), "Lines::adding"),
            table,
            nr_removed: Atomic::new(0),
        }))
    }

    /// Adds the line of a device that was bound, as soon as nobody has the others
    /// on its interrupt.
    ///
    /// Errors: `EBUSY` if that takes too long, `EINTR` after a signal, `ENOMEM`.
    pub(crate) fn add(
        &self,
        lab: &Arc<Lab>,
        name: &'static CStr,
        source: Arc<dyn Source>,
    ) -> Result {
        const PATIENCE_MS: u32 = 10_000;
        const STEP_MS: u32 = 5;

        // Drivers probe in task context.
        let task = Task::current().ok_or(EINVAL)?;
        for _ in 0..PATIENCE_MS / STEP_MS {
            match self.try_add(lab, name, &source) {
                // Not by waiting for the locks: they are of one class, and
                // nobody takes them in an order.
                Err(refusal) if refusal.error == EBUSY && !task.is_interrupted() => {
                    task.sleep_ms(STEP_MS);
                }
                answer => return told(name, answer),
            }
        }
        told(name, self.try_add(lab, name, &source))
    }

    /// Adds the line unless an experiment has another on its interrupt. Nobody can
    /// reach it, and so nobody can have its device raise an interrupt, before the
    /// top half is there.
    fn try_add(&self, lab: &Arc<Lab>, name: &'static CStr, source: &Arc<dyn Source>) -> Answer {
        // What somebody else has had the device raise.
        source.silence();
        let line = Line::new(name, source.clone(), self.worker.clone())?;
        let _adding = self.adding.lock();
        let group = self.group_of(line.clone())?;
        // The others stay as they are: a top half without a mechanism agrees to all of them, and a
        // line that is disabled must not be enabled for it.
        let mut reserved = group.keep()?;
        let done = reserved
            .put_all_on()
            .and_then(|()| Ok(self.publish(lab, line.clone())?));
        if done.is_err() {
            reserved.0[0].state.is_retired = true;
            reserved.0[0].state.top_half = None;
        }
        done
    }

    fn publish(&self, lab: &Arc<Lab>, line: Arc<Line>) -> Result {
        // Nobody else adds a line meanwhile. If there were no room for it, its files would be dropped with the
        // lock held that who writes to them waits for.
        self.table.lock().reserve(1, GFP_KERNEL)?;
        let entry = Entry {
            _files: crate::debugfs::LineFiles::new(&self.dir, lab, &line)?,
            line,
        };
        let mut table = self.table.lock();
        table.push(entry, GFP_KERNEL)?;
        // By name, however the devices were probed.
        for index in (1..table.len()).rev() {
            if table[index].line.name < table[index - 1].line.name {
                table.swap(index, index - 1);
            }
        }
        Ok(())
    }

    /// Removes the line of a device that is being unbound. Nothing of the lab
    /// is on it afterwards.
    pub(crate) fn remove(&self, name: &CStr) {
        self.nr_removed.add(1, Relaxed);
        let entry = {
            let mut table = self.table.lock();
            let index = table.iter().position(|entry| entry.line.name == name);
            index.and_then(|index| table.remove(index).ok())
        };
        if let Some(Entry { _files, line }) = entry {
            // The files wait for their readers and writers, who may be waiting
            // for the lock, so it is not held here; and who raise interrupts, until they see this.
            line.leave();
            drop(_files);
            line.retire();
        }
    }

    /// How many were removed so far.
    pub(crate) fn nr_removed(&self) -> u64 {
        self.nr_removed.load(Relaxed)
    }

    /// Has the simulated lines go to all CPUs until the answer is dropped, so that they
    /// interrupt the one that raises them. They get back what was asked for before.
    pub(crate) fn everywhere(&self) -> Result<KVec<Affinity>> {
        let mut affinities = KVec::new();
        for Entry { line, .. } in &*self.table.lock() {
            let irq_line = line.source.line();
            if irq_line.info()?.vector.is_none() {
                let affinity = Affinity::new(irq_line)?;
                // The kernel's own refuse: they can do nothing else.
                if irq_line.set_affinity_to_all().is_ok() {
                    affinities.push(affinity, GFP_KERNEL)?;
                }
            }
        }
        Ok(affinities)
    }

    /// How often each line has interrupted, by the kernel's own count: the line's number, and that.
    pub(crate) fn nr_interrupts(&self) -> Result<KVec<(u32, usize)>> {
        let mut counts = KVec::new();
        for Entry { line, .. } in &*self.table.lock() {
            let irq_line = line.source.line();
            // Not of one whose device leaves.
            if let Ok(count) = irq_line.nr_interrupts() {
                counts.push((irq_line.irq(), count), GFP_KERNEL)?;
            }
        }
        Ok(counts)
    }

    /// The line called `name`, and the others on the same interrupt.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn group(&self, name: &str) -> Answer<Group> {
        self.group_of(self.get(name)?)
    }

    fn group_of(&self, first: Arc<Line>) -> Answer<Group> {
        let irq = first.source.line().irq();
        let mut lines = KVec::new();
        lines.push(first.clone(), GFP_KERNEL)?;
        for Entry { line, .. } in &*self.table.lock() {
            if line.source.line().irq() == irq && !Arc::ptr_eq(line, &first) {
                lines.push(line.clone(), GFP_KERNEL)?;
            }
        }
        Ok(Group {
            lines,
            table: self.table.clone(),
        })
    }

    /// The first `nr` simulated lines that are not on the interrupt of `line`, each as a group.
    ///
    /// Refusals: `ENODEV` if there are fewer.
    pub(crate) fn simulated_besides(&self, line: &Line, nr: usize) -> Answer<KVec<Group>> {
        let irq = line.source.line().irq();
        let mut groups = KVec::new();
        for entry in &*self.table.lock() {
            let other = &entry.line;
            if groups.len() < nr
                && other.source.kind() == SIMULATED
                && other.source.line().irq() != irq
            {
                let mut lines = KVec::new();
                lines.push(other.clone(), GFP_KERNEL)?;
                let table = self.table.clone();
                groups.push(Group { lines, table }, GFP_KERNEL)?;
            }
        }
        if groups.len() < nr {
            let inserted: u8 = irqlab::parameter(crate::module_parameters::sim_lines.value());
            let cure = match usize::from(inserted) > nr {
                true => "bind those that are unbound, or take fewer",
                false => "sim_lines= is for more, as irqlab is inserted",
            };
            prevented!(
                ENODEV,
                "simulated lines besides {}: {}, and not {}; {}",
                line.name(),
                groups.len(),
                nr,
                cure
            );
        }
        Ok(groups)
    }

    /// The line called `name`.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn get(&self, name: &str) -> Answer<Arc<Line>> {
        let table = self.table.lock();
        let mut lines = table.iter().map(|entry| &entry.line);
        match lines.find(|line| line.name.to_bytes() == name.as_bytes()) {
            Some(line) => Ok(line.clone()),
            None => prevented!(ENODEV, "no line '{}'; lines/ has all", name),
        }
    }

    /// The line that has `mechanism`, unless there is none or an experiment has it.
    pub(crate) fn holder(&self, mechanism: &Instance) -> Option<&'static str> {
        let table = self.table.lock();
        let mut lines = table.iter().map(|entry| &entry.line);
        let is_holder =
            |line: &&Arc<Line>| line.attached().is_ok_and(|name| name == mechanism.name);
        lines.find(is_holder).map(|line| line.name())
    }
}

/// The error of a refusal, told in the log: who binds a driver reads no `last_error`.
fn told(name: &CStr, answer: Answer) -> Result {
    answer.map_err(|refusal: Refusal| {
        pr_err!("{}: not bound: {}\n", name, refusal);
        refusal.error
    })
}
