// SPDX-License-Identifier: GPL-2.0

//! The soft IRQs of the whole kernel: how often each was raised and served, how
//! long it waited, and who served it.

use crate::{
    record::{
        Distribution,
        Merged, //
    },
    watch::{
        Event,
        Probes,
        Switched,
        Watcher, //
    },
};
use irqlab::{
    clock,
    cpu::PerCpu,
    emit,
    softirq::{
        Executor,
        Vector, //
    },
    text::Text,
    tracepoint::{
        Attached,
        SoftirqEntry,
        SoftirqExit,
        SoftirqRaise, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        SetOnce, //
    },
};

/// What was seen of all soft IRQs. Nothing is there until it is switched on.
pub(crate) struct Softirqs(SetOnce<PerCpu<Seens>>);

/// By the vector's number.
type Seens = KVVec<Seen>;

/// What takes longer is slow: so long the kernel serves soft IRQs in a row before it leaves them to ksoftirqd.
const SLOW_NS: u64 = 2_000_000;

/// One service of a soft IRQ.
pub(crate) struct Service {
    /// Since when it is served; 0 if it is not, or was not seen to begin.
    since_ns: Atomic<u64>,
    /// Whom it is served by.
    executor: Atomic<u32>,
}

impl Service {
    pub(crate) const fn new() -> Self {
        Self {
            since_ns: Atomic::new(0),
            executor: Atomic::new(0),
        }
    }

    /// What has begun does not count any more.
    pub(crate) fn forget(&self) {
        self.since_ns.store(0, Relaxed);
    }

    /// It begins to be served. Soft IRQs do not interrupt each other; only on `PREEMPT_RT` may a task that serves
    /// one preempt another one that does: then nothing is known of either.
    pub(crate) fn begin(&self, executor: Executor, now_ns: u64) {
        if self.since_ns.xchg(now_ns, Full) != 0 {
            self.forget();
        }
        self.executor.store(executor as u32, Relaxed);
    }

    /// It has been served: by whom, and since when.
    pub(crate) fn end(&self) -> Option<(Executor, u64)> {
        let since_ns = self.since_ns.xchg(0, Full);
        (since_ns > 0).then(|| (Executor::from_raw(self.executor.load(Relaxed)), since_ns))
    }
}

/// What was seen of one soft IRQ on one CPU.
struct Seen {
    raised: Atomic<u64>,
    /// Since when it is pending; 0 if it is not known to be.
    pending_since_ns: Atomic<u64>,
    latency: Distribution,
    service: Service,
    runs: Atomic<u64>,
    total_ns: Atomic<u64>,
    max_ns: Atomic<u64>,
    /// How many runs were slow, and who served the longest one.
    nr_slow: Atomic<u64>,
    max_by: Atomic<u32>,
    served: [Atomic<u64>; Executor::ALL.len()],
}

impl Seen {
    fn new() -> Result<Self> {
        Ok(Self {
            raised: Atomic::new(0),
            pending_since_ns: Atomic::new(0),
            latency: Distribution::new()?,
            service: Service::new(),
            runs: Atomic::new(0),
            total_ns: Atomic::new(0),
            max_ns: Atomic::new(0),
            nr_slow: Atomic::new(0),
            max_by: Atomic::new(0),
            served: [const { Atomic::new(0) }; Executor::ALL.len()],
        })
    }

    fn reset(&self) {
        self.raised.store(0, Relaxed);
        self.pending_since_ns.store(0, Relaxed);
        self.latency.clear();
        for count in [&self.runs, &self.total_ns, &self.max_ns, &self.nr_slow] {
            count.store(0, Relaxed);
        }
        for count in &self.served {
            count.store(0, Relaxed);
        }
    }

    /// It has been served.
    fn leave(&self) {
        let Some((executor, since_ns)) = self.service.end() else {
            return;
        };
        let ns = clock::elapsed_ns(since_ns, clock::now_ns()).unwrap_or(0);
        self.runs.add(1, Relaxed);
        self.total_ns.add(ns, Relaxed);
        if ns > SLOW_NS {
            self.nr_slow.add(1, Relaxed);
        }
        if ns >= self.max_ns.load(Relaxed) {
            self.max_ns.store(ns, Relaxed);
            self.max_by.store(executor as u32, Relaxed);
        }
    }
}

impl Softirqs {
    pub(crate) const fn new() -> Self {
        Self(SetOnce::new())
    }

    /// Sees to it that there is something to count in. One at a time calls this.
    fn open(&self) -> Result {
        if self.0.as_ref().is_some() {
            return Ok(());
        }
        // On the heap one by one: together they are too much for a kernel's stack.
        let seen = || {
            let mut all = KVVec::with_capacity(Vector::ALL.len(), GFP_KERNEL)?;
            for _ in Vector::ALL {
                all.push(Seen::new()?, GFP_KERNEL)?;
            }
            Ok(all)
        };
        self.0.populate(PerCpu::new(seen)?);
        Ok(())
    }

    /// What was seen on each CPU.
    fn all(&self) -> impl Iterator<Item = &Seens> + Clone {
        self.0.as_ref().into_iter().flat_map(PerCpu::iter)
    }

    /// How many bytes all of it takes.
    pub(crate) fn nr_bytes(&self) -> usize {
        let mut nr_bytes = 0;
        for seen in self.all().flatten() {
            nr_bytes += size_of_val(seen) + seen.latency.nr_bytes();
        }
        nr_bytes
    }

    pub(crate) fn reset(&self) {
        for seen in self.all().flatten() {
            seen.reset();
        }
    }

    fn sum(&self, vector: Vector, count: impl Fn(&Seen) -> &Atomic<u64>) -> u64 {
        let counts = self.all().map(|seen| count(&seen[vector as usize]));
        counts.map(|count| count.load(Relaxed)).sum()
    }
}

impl Watcher for Softirqs {
    fn begin(&self) {
        // What was pending when it was switched off has been served since.
        for seen in self.all().flatten() {
            seen.pending_since_ns.store(0, Relaxed);
            seen.service.forget();
        }
    }

    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        probes.observer().open()?;
        // In this order, so that hardly any is entered whose raise was not seen: it takes a while to attach.
        probes.to::<SoftirqRaise>()?;
        probes.to::<SoftirqEntry>()?;
        probes.to::<SoftirqExit>()
    }

    fn see(&self, event: Event) {
        let Some(seen) = self.0.as_ref().map(PerCpu::local) else {
            return;
        };
        match event {
            Event::Raised(vector) => {
                let seen = &seen[vector as usize];
                seen.raised.add(1, Relaxed);
                // The first of those that one service answers.
                let now_ns = clock::now_ns();
                let _ = seen.pending_since_ns.cmpxchg(0, now_ns, Relaxed);
            }
            Event::Entered(vector, executor) => {
                let seen = &seen[vector as usize];
                seen.served[executor as usize].add(1, Relaxed);
                // 0 if it was raised before anybody watched.
                let since_ns = seen.pending_since_ns.xchg(0, Full);
                let now_ns = clock::now_ns();
                if since_ns > 0 {
                    let latency_ns = clock::elapsed_ns(since_ns, now_ns);
                    seen.latency.count(latency_ns.unwrap_or(0));
                }
                seen.service.begin(executor, now_ns);
            }
            Event::Left(vector) => seen[vector as usize].leave(),
            _ => (),
        }
    }
}

/// Shows a row for each soft IRQ.
pub(crate) fn show(softirqs: &Switched<Softirqs>, text: &mut Text) -> Result {
    let state = if softirqs.is_on() { "on" } else { "off" };
    emit!(
        text,
        "# {}; latencies from raise to entry, in ns; entered: in all, and by whom\n\
         {:<8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        state,
        "#vector",
        "raised",
        "p50",
        "p99",
        "max",
        "entered"
    )?;
    for executor in Executor::ALL {
        emit!(text, " {:>9}", executor)?;
    }
    emit!(text, "\n")?;
    for vector in Vector::ALL {
        let parts = softirqs.all().map(|seen| &seen[vector as usize].latency);
        let latency = Merged::new(parts)?.summary();
        let served = Executor::ALL
            .map(|executor| softirqs.sum(vector, |seen| &seen.served[executor as usize]));
        emit!(
            text,
            "{:<8} {:>8} {:>9} {:>9} {:>9} {:>9}",
            vector,
            softirqs.sum(vector, |seen| &seen.raised),
            latency.p50,
            latency.p99,
            latency.max,
            served.iter().sum::<u64>()
        )?;
        for count in served {
            emit!(text, " {:>9}", count)?;
        }
        emit!(text, "\n")?;
    }
    Ok(())
}

/// Shows a row for each CPU and each soft IRQ that was served there.
pub(crate) fn show_times(softirqs: &Switched<Softirqs>, text: &mut Text) -> Result {
    let state = if softirqs.is_on() { "on" } else { "off" };
    let preempted = if cfg!(CONFIG_PREEMPT_RT) {
        ", with who preempts them"
    } else {
        ""
    };
    emit!(
        text,
        "# {state}; times in ns{preempted}; slow: runs of more than {SLOW_NS} ns; by: who served the longest\n\
         {:<4} {:<8} {:>8} {:>12} {:>10} {:>5} by\n",
        "#cpu",
        "vector",
        "runs",
        "total",
        "max",
        "slow"
    )?;
    let seen = softirqs.0.as_ref();
    for (cpu, seen) in seen.into_iter().flat_map(PerCpu::with_cpus) {
        for vector in Vector::ALL {
            let seen = &seen[vector as usize];
            let runs = seen.runs.load(Relaxed);
            if runs > 0 {
                emit!(
                    text,
                    "{:<4} {:<8} {runs:>8} {:>12} {:>10} {:>5} {}\n",
                    cpu.as_u32(),
                    vector,
                    seen.total_ns.load(Relaxed),
                    seen.max_ns.load(Relaxed),
                    seen.nr_slow.load(Relaxed),
                    Executor::from_raw(seen.max_by.load(Relaxed))
                )?;
            }
        }
    }
    Ok(())
}
