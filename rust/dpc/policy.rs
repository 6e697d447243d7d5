// SPDX-License-Identifier: GPL-2.0

//! Where in its queue a DPC goes, and when the queue is drained: the decisions alone.
//!
//! ```text
//!               insert(), tick(), idle(): drain it!          begin()
//!     resting ──────────────────────────────▶ requested ───────────▶ active
//!      ▲ │                                        ▲                   │  │
//!      │ └── insert(): it can wait                └──── pause() ──────┘  │
//!      └───────────────────── end(), once it is empty ───────────────────┘
//! ```
//!
//! Only `core` is used, so that the tests also run on the host:
//! `rustc --test --edition 2021 rust/dpc/policy.rs`.

/// How much a DPC matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Importance {
    /// At the end of the queue, which is not drained for it alone unless there is little to
    /// do or it has become long.
    Low,
    /// At the end; a queue of this CPU is drained at once.
    Medium,
    /// At the end; the queue of any CPU is drained at once.
    MediumHigh,
    /// At the head; the queue of any CPU is drained at once.
    High,
}

impl Importance {
    /// All of them, the least important first.
    pub const ALL: [Importance; 4] = [
        Importance::Low,
        Importance::Medium,
        Importance::MediumHigh,
        Importance::High,
    ];

    /// The name that the lab's tables use.
    pub const fn name(self) -> &'static str {
        match self {
            Importance::Low => "low",
            Importance::Medium => "medium",
            Importance::MediumHigh => "medium_high",
            Importance::High => "high",
        }
    }

    /// The end of the queue at which such a DPC is put.
    pub const fn end(self) -> End {
        match self {
            Importance::High => End::Head,
            _ => End::Tail,
        }
    }
}

/// An end of a queue. DPCs are taken from the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Runs next.
    Head,
    /// Runs after all that are there.
    Tail,
}

/// Who puts a DPC into a CPU's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// That CPU itself.
    Local,
    /// Another one.
    Remote,
}

/// What can be set, with Windows' names for it where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// At how many DPCs a queue is drained at once, at most: `KiMaximumDpcQueueDepth`.
    pub maximum_depth: u32,
    /// Below how many DPCs a tick even a Low one is run at once: `KiMinimumDpcRate`.
    pub minimum_rate: u32,
    /// Below how many DPCs a tick a queue is drained earlier: `KiIdealDpcRate`.
    pub ideal_rate: u32,
    /// After how many quiet ticks the maximum depth rises again: `KiAdjustDpcThreshold`.
    pub adjustment: u32,
    /// How long a tick is, in milliseconds; 0 is as 1, or the CPU would do nothing but tick.
    pub tick_ms: u32,
    /// After how many ticks in one DPC the watchdog notes it; 0: never. `DpcTimeLimit`.
    pub dpc_limit: u32,
    /// After how many ticks in DPCs without a pause the watchdog notes it; 0: never.
    /// `DpcWatchdogLimit`.
    pub sum_limit: u32,
    /// Whether threaded DPCs run in a thread: `ThreadDpcEnable`.
    pub threaded: bool,
    /// Whether a CPU that has nothing else to do drains its queue.
    pub idle_drain: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            maximum_depth: 4,
            minimum_rate: 3,
            ideal_rate: 20,
            adjustment: 20,
            tick_ms: 10,
            dpc_limit: 100,
            sum_limit: 1000,
            threaded: true,
            idle_drain: true,
        }
    }
}

/// What the watchdog has found to take too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// A single DPC.
    Dpc,
    /// DPCs one after the other, without a pause.
    Sum,
}

impl Overrun {
    /// The name that the lab's tables use.
    pub const fn name(self) -> &'static str {
        match self {
            Overrun::Dpc => "dpc",
            Overrun::Sum => "sum",
        }
    }
}

/// What is to be done after a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Drain the queue.
    pub requests: bool,
    /// Complain about these: one DPC, and all without a pause.
    pub overruns: [Option<Overrun>; 2],
    /// Nothing would change at the next ticks: there need not be any.
    pub is_at_rest: bool,
}

/// The state of one queue, but for what is in it.
///
/// ```
/// # use irqlab::dpc::policy::{End, Importance, Origin, Overrun, Parameters, Policy, Tick};
/// # use kernel::prelude::*;
/// let parameters = Parameters::default();
/// let mut queue = Policy::new(&parameters);
///
/// // Who puts a DPC in is told whether the CPU is to be interrupted: once.
/// let importance = Importance::High;
/// assert_eq!(importance.end(), End::Head);
/// assert!(queue.insert(importance, Origin::Local, &parameters) && !queue.request());
/// // The CPU drains it, with a pause.
/// queue.begin();
/// queue.take();
/// queue.pause();
/// queue.begin();
/// queue.end();
/// // One more is taken out before it runs.
/// queue.insert(Importance::Low, Origin::Local, &parameters);
/// queue.remove();
/// assert_eq!(queue.depth, 0);
///
/// // What else tells when to drain it.
/// let Tick { requests, overruns, .. } = queue.tick(&parameters);
/// for overrun in overruns.into_iter().flatten() {
///     pr_info!("{} took too long\n", overrun.name());
/// }
/// assert!(!requests && !queue.idle(&parameters));
/// queue.restart(&Parameters { maximum_depth: 1, ..parameters });
/// # assert_eq!(queue.maximum_depth, 1);
/// # assert_eq!(importance.name(), "high");
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    /// How many DPCs are in the queue.
    pub depth: u32,
    /// The depth at which it is drained at once. Adapts itself.
    pub maximum_depth: u32,
    /// How many DPCs a tick are inserted: half of it is the last tick's, a quarter that of
    /// the one before, and so on.
    pub rate: u32,
    /// How many DPCs were inserted.
    pub nr_inserted: u64,
    /// How many of them before the last tick.
    pub nr_inserted_at_tick: u64,
    /// How many ticks there were.
    pub nr_ticks: u64,
    /// How many more quiet ones until the maximum depth may rise.
    pub ticks_to_adjust: u32,
    /// A DPC of the queue runs, or the next one is looked for.
    pub is_active: bool,
    /// The queue's CPU has been told to drain it.
    pub is_requested: bool,
    dpc_ticks: u32,
    sum_ticks: u32,
}

impl Policy {
    /// An empty queue.
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            depth: 0,
            maximum_depth: parameters.maximum_depth,
            rate: 0,
            nr_inserted: 0,
            nr_inserted_at_tick: 0,
            nr_ticks: 0,
            ticks_to_adjust: parameters.adjustment,
            is_active: false,
            is_requested: false,
            dpc_ticks: 0,
            sum_ticks: 0,
        }
    }

    /// Forgets what was adapted to other parameters.
    pub fn restart(&mut self, parameters: &Parameters) {
        self.maximum_depth = parameters.maximum_depth;
        self.ticks_to_adjust = parameters.adjustment;
    }

    /// One more is in the queue. Returns whether the CPU is to be told to drain it.
    pub fn insert(
        &mut self,
        importance: Importance,
        origin: Origin,
        parameters: &Parameters,
    ) -> bool {
        self.depth = self.depth.wrapping_add(1);
        self.nr_inserted = self.nr_inserted.wrapping_add(1);
        let is_long = self.depth >= self.maximum_depth;
        let is_urgent = match origin {
            Origin::Local => importance > Importance::Low || self.rate < parameters.minimum_rate,
            Origin::Remote => importance >= Importance::MediumHigh,
        };
        (is_long || is_urgent) && self.request()
    }

    /// Unless the CPU drains the queue already, or knows that it is to, has it told so.
    pub fn request(&mut self) -> bool {
        let is_new = !self.is_active && !self.is_requested;
        self.is_requested = true;
        is_new
    }

    /// One was removed before it ran.
    pub fn remove(&mut self) {
        self.depth = self.depth.wrapping_sub(1);
    }

    /// The CPU begins to drain the queue.
    pub fn begin(&mut self) {
        self.is_active = true;
    }

    /// One is taken, and will run now.
    pub fn take(&mut self) {
        self.depth = self.depth.wrapping_sub(1);
        self.dpc_ticks = 0;
    }

    /// The CPU does something else first, but is to come back.
    pub fn pause(&mut self) {
        self.is_active = false;
        self.is_requested = true;
    }

    /// The queue was found empty.
    pub fn end(&mut self) {
        self.is_active = false;
        self.is_requested = false;
        self.sum_ticks = 0;
    }

    /// The CPU has nothing else to do. Returns whether it is to be told to drain the queue.
    pub fn idle(&mut self, parameters: &Parameters) -> bool {
        parameters.idle_drain && self.depth > 0 && self.request()
    }

    /// A tick has passed.
    pub fn tick(&mut self, parameters: &Parameters) -> Tick {
        self.nr_ticks = self.nr_ticks.wrapping_add(1);
        let new = self.nr_inserted.wrapping_sub(self.nr_inserted_at_tick);
        self.nr_inserted_at_tick = self.nr_inserted;
        let sum = new.wrapping_add(u64::from(self.rate));
        self.rate = (sum / 2).min(u64::from(u32::MAX)) as u32;
        let requests = if self.depth > 0 && !self.is_active && !self.is_requested {
            self.ticks_to_adjust = parameters.adjustment;
            // Few DPCs wait for others to join them: let them wait for fewer.
            if self.rate < parameters.ideal_rate && self.maximum_depth > 1 {
                self.maximum_depth -= 1;
            }
            self.request()
        } else {
            self.ticks_to_adjust = self.ticks_to_adjust.saturating_sub(1);
            if self.ticks_to_adjust == 0 {
                self.ticks_to_adjust = parameters.adjustment;
                if self.maximum_depth < parameters.maximum_depth {
                    self.maximum_depth += 1;
                }
            }
            false
        };
        Tick {
            requests,
            overruns: self.watch(parameters),
            is_at_rest: self.depth == 0
                && !self.is_active
                && !self.is_requested
                && self.rate == 0
                && self.maximum_depth == parameters.maximum_depth,
        }
    }

    /// The watchdog's part of a tick. Each overrun is told once.
    fn watch(&mut self, parameters: &Parameters) -> [Option<Overrun>; 2] {
        if !self.is_active {
            return [None; 2];
        }
        self.dpc_ticks = self.dpc_ticks.saturating_add(1);
        self.sum_ticks = self.sum_ticks.saturating_add(1);
        [
            (self.dpc_ticks == parameters.dpc_limit).then_some(Overrun::Dpc),
            (self.sum_ticks == parameters.sum_limit).then_some(Overrun::Sum),
        ]
    }
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_dpc_policy))]
mod tests {
    use super::*;

    const DEFAULT: Parameters = Parameters {
        maximum_depth: 4,
        minimum_rate: 3,
        ideal_rate: 20,
        adjustment: 20,
        tick_ms: 10,
        dpc_limit: 5,
        sum_limit: 8,
        threaded: true,
        idle_drain: true,
    };

    /// A queue at a rate, in which so many wait.
    fn queue(rate: u32, depth: u32) -> Policy {
        let mut queue = Policy::new(&DEFAULT);
        queue.rate = rate;
        queue.depth = depth;
        queue
    }

    #[test]
    fn only_high_goes_to_the_head() {
        for importance in Importance::ALL {
            let is_head = importance.end() == End::Head;
            assert_eq!(is_head, importance == Importance::High);
        }
    }

    #[test]
    fn what_is_urgent_starts_draining() {
        // Importance, rate, depth before; whether it starts: locally, remotely.
        let table = [
            (Importance::Low, 3, 0, false, false),
            (Importance::Low, 2, 0, true, false),
            (Importance::Low, 3, 2, false, false),
            (Importance::Low, 3, 3, true, true),
            (Importance::Medium, 3, 0, true, false),
            (Importance::Medium, 0, 0, true, false),
            (Importance::Medium, 3, 3, true, true),
            (Importance::MediumHigh, 3, 0, true, true),
            (Importance::High, 3, 0, true, true),
        ];
        for (importance, rate, depth, local, remote) in table {
            for (origin, starts) in [(Origin::Local, local), (Origin::Remote, remote)] {
                let mut queue = queue(rate, depth);
                assert_eq!(queue.insert(importance, origin, &DEFAULT), starts);
                // Once is enough.
                assert!(!starts || !queue.insert(Importance::High, origin, &DEFAULT));
            }
        }
    }

    #[test]
    fn a_queue_that_is_drained_is_not_requested() {
        let mut queue = queue(0, 0);
        queue.begin();
        assert!(!queue.insert(Importance::High, Origin::Local, &DEFAULT));
        queue.take();
        queue.end();
        assert!(queue.insert(Importance::High, Origin::Local, &DEFAULT));
        queue.begin();
        queue.pause();
        assert!(!queue.insert(Importance::High, Origin::Local, &DEFAULT));
    }

    #[test]
    fn the_rate_is_halved_at_each_tick() {
        let mut queue = queue(0, 0);
        for (new, rate) in [
            (40, 20),
            (40, 30),
            (0, 15),
            (1, 8),
            (0, 4),
            (0, 2),
            (0, 1),
            (0, 0),
        ] {
            queue.nr_inserted += new;
            queue.tick(&DEFAULT);
            assert_eq!(queue.rate, rate);
        }
    }

    #[test]
    fn the_depth_falls_while_dpcs_wait_and_recovers_slowly() {
        let mut queue = queue(0, 1);
        for depth in [3, 2, 1, 1] {
            assert!(queue.tick(&DEFAULT).requests);
            assert_eq!(queue.maximum_depth, depth);
            queue.end();
        }
        queue.depth = 0;
        for depth in [2, 3, 4] {
            for _ in 1..DEFAULT.adjustment {
                queue.tick(&DEFAULT);
                assert_eq!(queue.maximum_depth, depth - 1);
            }
            queue.tick(&DEFAULT);
            assert_eq!(queue.maximum_depth, depth);
        }
        assert!(queue.tick(&DEFAULT).is_at_rest);
    }

    #[test]
    fn at_the_ideal_rate_the_depth_stays() {
        let mut queue = queue(40, 1);
        assert!(queue.tick(&DEFAULT).requests);
        assert_eq!((queue.rate, queue.maximum_depth), (20, 4));
    }

    #[test]
    fn an_idle_cpu_drains_what_is_there() {
        assert!(!queue(0, 0).idle(&DEFAULT));
        assert!(queue(0, 1).idle(&DEFAULT));
        let without = Parameters {
            idle_drain: false,
            ..DEFAULT
        };
        assert!(!queue(0, 1).idle(&without));
    }

    #[test]
    fn the_watchdog_barks_once() {
        let mut queue = queue(0, 3);
        queue.begin();
        queue.take();
        let barks: [_; 12] = core::array::from_fn(|tick| {
            // The second begins.
            if tick == 6 {
                queue.take();
            }
            queue.tick(&DEFAULT).overruns
        });
        let mut expected = [[None; 2]; 12];
        expected[4] = [Some(Overrun::Dpc), None];
        expected[7] = [None, Some(Overrun::Sum)];
        expected[10] = [Some(Overrun::Dpc), None];
        assert_eq!(barks, expected);
    }

    #[test]
    fn two_limits_passed_at_once_are_both_told() {
        let equal = Parameters {
            sum_limit: DEFAULT.dpc_limit,
            ..DEFAULT
        };
        let mut queue = queue(0, 1);
        queue.begin();
        queue.take();
        let barks: [_; 12] = core::array::from_fn(|_tick| queue.tick(&equal).overruns);
        let mut expected = [[None; 2]; 12];
        expected[4] = [Some(Overrun::Dpc), Some(Overrun::Sum)];
        assert_eq!(barks, expected);
    }

    /// Random operations on a model of a queue: none is lost, run twice, or stuck.
    #[test]
    fn nothing_is_lost_in_100000_operations() {
        const NR_DPCS: usize = 16;

        let mut seed = 1u32;
        let mut random = |n: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed % n
        };
        let mut policy = Policy::new(&DEFAULT);
        // What is in the queue, in its order.
        let mut queue = [0; NR_DPCS];
        let mut len = 0;
        let mut is_queued = [false; NR_DPCS];
        let (mut nr_inserted, mut nr_run, mut nr_removed) = (0, 0, 0);
        // Whether the CPU has been told to drain it.
        let mut is_told = false;
        for _ in 0..100_000 {
            let dpc = random(NR_DPCS as u32) as usize;
            match random(10) {
                0..=4 if !is_queued[dpc] => {
                    let importance = Importance::ALL[random(4) as usize];
                    let origin = [Origin::Local, Origin::Remote][random(2) as usize];
                    let at = match importance.end() {
                        End::Head => 0,
                        End::Tail => len,
                    };
                    queue.copy_within(at..len, at + 1);
                    queue[at] = dpc;
                    len += 1;
                    is_queued[dpc] = true;
                    nr_inserted += 1;
                    is_told |= policy.insert(importance, origin, &DEFAULT);
                }
                5 if is_queued[dpc] => {
                    let at = queue.iter().position(|other| *other == dpc).unwrap();
                    queue.copy_within(at + 1..len, at);
                    len -= 1;
                    is_queued[dpc] = false;
                    nr_removed += 1;
                    policy.remove();
                }
                6 => is_told |= policy.tick(&DEFAULT).requests,
                7 => is_told |= policy.idle(&DEFAULT),
                // The CPU gets round to it, and may not come to the end.
                _ if is_told => {
                    policy.begin();
                    is_told = false;
                    for _ in 0..random(8) {
                        if len == 0 {
                            break;
                        }
                        policy.take();
                        let dpc = queue[0];
                        queue.copy_within(1..len, 0);
                        len -= 1;
                        assert!(is_queued[dpc]);
                        is_queued[dpc] = false;
                        nr_run += 1;
                    }
                    if len == 0 {
                        policy.end();
                    } else {
                        policy.pause();
                        is_told = true;
                    }
                }
                _ => (),
            }
            assert_eq!(policy.depth as usize, len);
            assert_eq!(nr_inserted, nr_run + nr_removed + len);
            // Stuck: it waits for a CPU that nobody has told.
            assert_eq!(policy.is_requested, is_told);
            assert!((1..=4).contains(&policy.maximum_depth));
        }
        assert!(nr_run > 10_000 && nr_removed > 1000);
        // And in the end a tick comes for what is left.
        is_told |= policy.tick(&DEFAULT).requests;
        assert!(is_told || len == 0);
    }
}
