// SPDX-License-Identifier: GPL-2.0

//! Who ran on a CPU meanwhile, how often, for how long, and from when on.
//!
//! The kernel's own tracepoints tell. A time is from where somebody begins to where they end, with whatever
//! has interrupted them there.

use super::complaints::Complaints;
use crate::softirqs::Service;
use irqlab::{
    clock,
    context::{
        Snapshot,
        Unsleeping, //
    },
    cpu::CpuId,
    softirq::{
        Executor,
        Vector, //
    },
    tracepoint::{
        Attached,
        Console,
        IrqHandlerEntry,
        IrqHandlerExit,
        Observer,
        SchedSwitch,
        SoftirqEntry,
        SoftirqExit, //
    },
};
use kernel::{
    fmt,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// Who is told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Task {
        pid: i32,
        comm: [u8; 16],
    },
    SoftIrq(Vector, Executor),
    /// The handlers of a line, by its number.
    Handler(u32),
}

impl Who {
    const TASK: u64 = 1;
    const SOFT_IRQ: u64 = 2;
    const HANDLER: u64 = 3;

    /// A number that no other has, and which is not 0.
    fn key(self) -> u64 {
        let (kind, number) = match self {
            Who::Task { pid, .. } => (Self::TASK, pid as u32),
            Who::SoftIrq(vector, executor) => {
                (Self::SOFT_IRQ, (vector as u32) << 8 | executor as u32)
            }
            Who::Handler(irq) => (Self::HANDLER, irq),
        };
        kind << 32 | u64::from(number)
    }

    fn of(key: u64, comm: [u8; 16]) -> Option<Self> {
        let number = key as u32;
        Some(match key >> 32 {
            Self::TASK => Who::Task {
                pid: number as i32,
                comm,
            },
            Self::SOFT_IRQ => Who::SoftIrq(
                Vector::from_raw(number >> 8)?,
                Executor::from_raw(number & 0xff),
            ),
            Self::HANDLER => Who::Handler(number),
            _ => return None,
        })
    }

    pub(super) const fn kind(self) -> &'static str {
        match self {
            Who::Task { .. } => "task",
            Who::SoftIrq(..) => "softirq",
            Who::Handler(_) => "handler",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Task { pid, comm } => {
                let name = comm.split(|byte| *byte == 0).next().unwrap_or(comm);
                let name = core::str::from_utf8(name).unwrap_or("?");
                f.write_fmt(fmt!("{name}/{pid}"))
            }
            Who::SoftIrq(vector, executor) => f.write_fmt(fmt!("{vector}/{executor}")),
            Who::Handler(irq) => f.write_fmt(fmt!("irq{irq}")),
        }
    }
}

/// What is known of one of them.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) who: Who,
    pub(super) runs: u64,
    pub(super) total_ns: u64,
    pub(super) max_ns: u64,
    /// When they began for the first time, counted from the beginning.
    pub(super) first_ns: u64,
}

/// The same while it is counted.
struct Entry {
    /// 0 while it is free.
    key: Atomic<u64>,
    comm: [Atomic<u64>; 2],
    runs: Atomic<u64>,
    total_ns: Atomic<u64>,
    max_ns: Atomic<u64>,
    first_ns: Atomic<u64>,
}

/// Who ran on one CPU, and what the kernel said meanwhile.
pub(super) struct Ran {
    cpu: CpuId,
    /// 0 while nobody is to be counted.
    begin_ns: Atomic<u64>,
    /// Since when the present task and handler run; 0 if there is none.
    task_since_ns: Atomic<u64>,
    handler_since_ns: Atomic<u64>,
    softirqs: [Service; Vector::ALL.len()],
    entries: KVVec<Entry>,
    left_out: Atomic<u64>,
    pub(super) complaints: Complaints,
}

impl Ran {
    /// Looks at `cpu`, from the time when it is told to begin.
    pub(super) fn on(cpu: CpuId) -> Result<Attached<Self>> {
        /// More than there are on a CPU in the time of a run, of those that matter.
        const NR_ENTRIES: usize = 64;

        let mut entries = KVVec::with_capacity(NR_ENTRIES, GFP_KERNEL)?;
        for _ in 0..NR_ENTRIES {
            let entry = Entry {
                key: Atomic::new(0),
                comm: [const { Atomic::new(0) }; 2],
                runs: Atomic::new(0),
                total_ns: Atomic::new(0),
                max_ns: Atomic::new(0),
                first_ns: Atomic::new(0),
            };
            entries.push(entry, GFP_KERNEL)?;
        }
        let ran = Self {
            cpu,
            begin_ns: Atomic::new(0),
            task_since_ns: Atomic::new(0),
            handler_since_ns: Atomic::new(0),
            softirqs: [const { Service::new() }; Vector::ALL.len()],
            entries,
            left_out: Atomic::new(0),
            complaints: Complaints::new(),
        };
        let mut attached = Attached::new(Arc::new(ran, GFP_KERNEL)?);
        attached.to::<SchedSwitch>()?;
        attached.to::<SoftirqEntry>()?;
        attached.to::<SoftirqExit>()?;
        attached.to::<IrqHandlerEntry>()?;
        attached.to::<IrqHandlerExit>()?;
        attached.to::<Console>()?;
        Ok(attached)
    }

    /// Forgets everything, and begins.
    pub(super) fn begin(&self) {
        self.end();
        for entry in &self.entries {
            for number in [&entry.key, &entry.runs, &entry.total_ns, &entry.max_ns] {
                number.store(0, Relaxed);
            }
        }
        self.left_out.store(0, Relaxed);
        let now_ns = clock::now_ns();
        self.task_since_ns.store(now_ns, Relaxed);
        self.handler_since_ns.store(0, Relaxed);
        self.softirqs.iter().for_each(Service::forget);
        self.complaints.begin(now_ns);
        self.begin_ns.store(now_ns, Relaxed);
    }

    /// Counts nobody any more. Returns how long it was.
    pub(super) fn end(&self) -> u64 {
        let begin_ns = self.begin_ns.xchg(0, Full);
        self.complaints.end();
        clock::elapsed_ns(begin_ns, clock::now_ns())
            .filter(|_| begin_ns > 0)
            .unwrap_or(0)
    }

    /// Those that ran.
    pub(super) fn shares(&self) -> impl Iterator<Item = Share> + '_ {
        self.entries.iter().filter_map(Entry::share)
    }

    /// How many runs there was no place to count for.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Relaxed)
    }

    /// Whether what happens here and now counts.
    fn is_looking(&self) -> bool {
        self.begin_ns.load(Relaxed) > 0 && CpuId::current() == self.cpu
    }

    /// Somebody has run from `since_ns` until now.
    fn count(&self, who: Who, since_ns: u64, now_ns: u64) {
        let begin_ns = self.begin_ns.load(Relaxed);
        let Some(ns) = clock::elapsed_ns(since_ns, now_ns).filter(|_| since_ns > 0) else {
            return;
        };
        let first_ns = since_ns.saturating_sub(begin_ns);
        if !self
            .entries
            .iter()
            .any(|entry| entry.count(who, first_ns, ns))
        {
            self.left_out.add(1, Relaxed);
        }
    }
}

impl Entry {
    /// Counts them here, if this is their place or is free. Soft and hard IRQs interrupt tasks in this.
    fn count(&self, who: Who, first_ns: u64, ns: u64) -> bool {
        let key = who.key();
        if self.key.load(Relaxed) != key {
            if self.key.cmpxchg(0, key, Full).is_err() {
                return false;
            }
            self.first_ns.store(first_ns, Relaxed);
            if let Who::Task { comm, .. } = who {
                let comm = u128::from_le_bytes(comm);
                self.comm[0].store(comm as u64, Relaxed);
                self.comm[1].store((comm >> 64) as u64, Relaxed);
            }
        }
        self.runs.add(1, Relaxed);
        self.total_ns.add(ns, Relaxed);
        // Nobody is counted on two CPUs, nor interrupts its own counting.
        self.max_ns
            .store(self.max_ns.load(Relaxed).max(ns), Relaxed);
        true
    }

    fn share(&self) -> Option<Share> {
        let [low, high] = [&self.comm[0], &self.comm[1]].map(|word| word.load(Relaxed));
        let comm = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        Some(Share {
            who: Who::of(self.key.load(Acquire), comm)?,
            runs: self.runs.load(Relaxed),
            total_ns: self.total_ns.load(Relaxed),
            max_ns: self.max_ns.load(Relaxed),
            first_ns: self.first_ns.load(Relaxed),
        })
    }
}

impl Observer<SchedSwitch> for Ran {
    fn observe(&self, _event: &SchedSwitch, _context: &Unsleeping) {
        if self.is_looking() {
            // The task that leaves is the current one.
            let Snapshot {
                pid,
                comm,
                stamp_ns,
                ..
            } = Snapshot::take();
            let since_ns = self.task_since_ns.xchg(stamp_ns, Relaxed);
            self.count(Who::Task { pid, comm }, since_ns, stamp_ns);
        }
    }
}

impl Observer<SoftirqEntry> for Ran {
    fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
        if self.is_looking() {
            let service = &self.softirqs[event.vector as usize];
            service.begin(event.executor(), clock::now_ns());
        }
    }
}

impl Observer<SoftirqExit> for Ran {
    fn observe(&self, event: &SoftirqExit, _context: &Unsleeping) {
        if self.is_looking() {
            let service = &self.softirqs[event.vector as usize];
            if let Some((executor, since_ns)) = service.end() {
                let who = Who::SoftIrq(event.vector, executor);
                self.count(who, since_ns, clock::now_ns());
            }
        }
    }
}

impl Observer<IrqHandlerEntry> for Ran {
    fn observe(&self, _event: &IrqHandlerEntry, _context: &Unsleeping) {
        if self.is_looking() {
            self.handler_since_ns.store(clock::now_ns(), Relaxed);
        }
    }
}

impl Observer<IrqHandlerExit> for Ran {
    fn observe(&self, event: &IrqHandlerExit, _context: &Unsleeping) {
        if self.is_looking() {
            let since_ns = self.handler_since_ns.xchg(0, Relaxed);
            self.count(Who::Handler(event.irq), since_ns, clock::now_ns());
        }
    }
}

impl Observer<Console> for Ran {
    fn observe(&self, message: &Console, _context: &Unsleeping) {
        self.complaints.note(&message.text);
    }
}
