// SPDX-License-Identifier: GPL-2.0

//! Who interrupts whom: calls and interrupts between CPUs of the whole kernel, by sender, target and function.
//!
//! The kernel puts a call into the target's queue, and sends an interrupt if the queue was empty: so there are more
//! calls than interrupts. Interrupts that only have a CPU schedule call nothing; these are told apart by the code
//! that sends them.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    context::Unsleeping,
    cpu::CpuId,
    emit,
    symbol::Name,
    text::Text,
    tracepoint::{
        Attached,
        CsdQueueCpu,
        IpiSendCpu,
        IpiSendCpumask,
        Observer, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A call, to the function with an address.
    Call,
    /// An interrupt that calls the function with an address.
    Interrupt,
    /// An interrupt that only has the target schedule, sent by the code at an address.
    Reschedule,
}

impl What {
    const ALL: [What; 3] = [What::Call, What::Interrupt, What::Reschedule];

    const fn name(self) -> &'static str {
        match self {
            What::Call => "call",
            What::Interrupt => "interrupt",
            What::Reschedule => "reschedule",
        }
    }
}

/// What is counted together.
struct Key {
    what: What,
    from: u32,
    to: u32,
    address: usize,
}

impl Key {
    /// The upper half of each address of the kernel's and its modules' code.
    const CODE: usize = 0xffff_ffff << 32;
    /// More CPUs than these do not fit.
    const MAX_CPUS: u32 = 1 << 15;

    /// One word, which is not 0; nothing for what does not fit in it.
    fn pack(&self) -> Option<u64> {
        let fits = self.from < Self::MAX_CPUS && self.to < Self::MAX_CPUS;
        (fits && self.address & Self::CODE == Self::CODE).then(|| {
            (self.what as u64 + 1) << 62
                | u64::from(self.from) << 47
                | u64::from(self.to) << 32
                | (self.address & !Self::CODE) as u64
        })
    }

    fn unpack(word: u64) -> Option<Self> {
        let what = (word >> 62).checked_sub(1)?;
        Some(Self {
            what: *What::ALL.get(what as usize)?,
            from: (word >> 47) as u32 % Self::MAX_CPUS,
            to: (word >> 32) as u32 % Self::MAX_CPUS,
            address: Self::CODE | (word as u32) as usize,
        })
    }
}

/// How many of them can be told apart.
const NR_SLOTS: usize = 1024;

/// How often each of them was seen.
struct Counts {
    slots: KVVec<Slot>,
    /// What there is no slot for.
    left_out: Atomic<u64>,
}

/// A slot of the hash table, with the count of one of them.
struct Slot {
    /// 0 while it is free.
    key: Atomic<u64>,
    count: Atomic<u64>,
}

impl Counts {
    fn new() -> Result<Self> {
        let mut slots = KVVec::with_capacity(NR_SLOTS, GFP_KERNEL)?;
        for _ in 0..NR_SLOTS {
            let slot = Slot {
                key: Atomic::new(0),
                count: Atomic::new(0),
            };
            slots.push(slot, GFP_KERNEL)?;
        }
        Ok(Self {
            slots,
            left_out: Atomic::new(0),
        })
    }

    /// Counts one that this CPU sends.
    fn count(&self, what: What, to: CpuId, address: usize) {
        let key = Key {
            what,
            from: CpuId::current().as_u32(),
            to: to.as_u32(),
            address,
        };
        let slot = key.pack().and_then(|word| self.slot(word));
        match slot {
            Some(slot) => slot.count.add(1, Relaxed),
            None => self.left_out.add(1, Relaxed),
        }
    }

    /// The slot of a key: its own, or a free one that it takes, of some behind where it should be.
    fn slot(&self, word: u64) -> Option<&Slot> {
        const NR_TRIES: usize = 16;
        /// Mixes well: 2^64 divided by the golden ratio.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

        let first = (word.wrapping_mul(MULTIPLIER) >> 32) as usize;
        for index in 0..NR_TRIES {
            let slot = self.slots.get(first.wrapping_add(index) % NR_SLOTS)?;
            let there = match slot.key.load(Relaxed) {
                // Somebody else may be quicker, even with the same.
                0 => slot
                    .key
                    .cmpxchg(0, word, Full)
                    .map_or_else(|other| other, |_| word),
                there => there,
            };
            if there == word {
                return Some(slot);
            }
        }
        None
    }
}

impl Observer<CsdQueueCpu> for Counts {
    fn observe(&self, call: &CsdQueueCpu, _context: &Unsleeping) {
        self.count(What::Call, call.cpu, call.function);
    }
}

impl Observer<IpiSendCpu> for Counts {
    fn observe(&self, sent: &IpiSendCpu, _context: &Unsleeping) {
        match sent.callback {
            0 => self.count(What::Reschedule, sent.cpu, sent.caller),
            callback => self.count(What::Interrupt, sent.cpu, callback),
        }
    }
}

impl Observer<IpiSendCpumask> for Counts {
    fn observe(&self, sent: &IpiSendCpumask, _context: &Unsleeping) {
        for cpu in sent.cpus.iter() {
            self.count(What::Interrupt, cpu, sent.callback);
        }
    }
}

/// Who interrupts whom, with a switch. What was counted stays until it is switched on again.
#[pin_data]
pub(crate) struct Who {
    #[pin]
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: Option<Arc<Counts>>,
    attached: Option<Attached<Counts>>,
}

impl Who {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_mutex!(State::default(), "Who::state"),
        })
    }

    /// Carries out `on`, which counts from 0, unless it is on; `off`, or `reset`, which may be the state already.
    ///
    /// Refusals: `EINVAL` for anything else.
    pub(crate) fn command(&self, command: &str) -> Answer {
        let mut state = self.state.lock();
        match command {
            "on" if state.attached.is_none() => state.begin(),
            "on" => Ok(()),
            "off" => {
                state.attached = None;
                Ok(())
            }
            "reset" if state.attached.is_some() => {
                state.attached = None;
                state.begin()
            }
            "reset" => {
                state.counts = None;
                Ok(())
            }
            _ => refuse!(EINVAL, "'{command}' is not one of: on, off, reset"),
        }
    }

    /// How many bytes the counts take.
    pub(super) fn nr_bytes(&self) -> usize {
        let state = self.state.lock();
        let counts = state.counts.as_ref();
        counts.map_or(0, |counts| size_of_val(&*counts.slots))
    }

    /// Shows a row for each that was seen.
    pub(crate) fn show(&self, text: &mut Text) -> Result {
        let state = self.state.lock();
        let is_on = if state.attached.is_some() {
            "on"
        } else {
            "off"
        };
        emit!(
            text,
            "# {is_on}; calls in a CPU's queue, and interrupts; the function that is called, or of a reschedule \
             interrupt the one that sends it\n\
             {:<5} {:<5} {:<10} {:>8} function\n",
            "#from",
            "to",
            "what",
            "count"
        )?;
        let slots = state.counts.iter().flat_map(|counts| counts.slots.iter());
        for slot in slots {
            if let Some(key) = Key::unpack(slot.key.load(Relaxed)) {
                emit!(
                    text,
                    "{:<5} {:<5} {:<10} {:>8} {}\n",
                    key.from,
                    key.to,
                    key.what.name(),
                    slot.count.load(Relaxed),
                    Name::of(key.address).function()
                )?;
            }
        }
        let left_out = state.counts.as_ref();
        match left_out.map_or(0, |counts| counts.left_out.load(Relaxed)) {
            0 => Ok(()),
            more => emit!(text, "# and {more} of others\n"),
        }
    }
}

impl State {
    fn begin(&mut self) -> Answer {
        let counts = Arc::new(Counts::new()?, GFP_KERNEL)?;
        let mut attached = Attached::new(counts.clone());
        attached.to::<CsdQueueCpu>()?;
        attached.to::<IpiSendCpu>()?;
        attached.to::<IpiSendCpumask>()?;
        self.counts = Some(counts);
        self.attached = Some(attached);
        Ok(())
    }
}
