// SPDX-License-Identifier: GPL-2.0

//! What was seen of an exception, noted in its handler without a lock.

use crate::record::{
    pack,
    unpack,
    PACKED, //
};
use irqlab::{
    context::{
        Stack,
        StackRegion,
        Unsleeping, //
    },
    exception::{
        Exception,
        Observer,
        Registers,
        Vector, //
    },
    fixup::table,
    trace, //
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Full,
    Relaxed,
    Release, //
};

/// The first exception of a guarded instruction since it was asked, and how many there
/// were. One instruction is attempted at a time, so that nobody else writes.
pub(crate) struct Seen {
    count: Atomic<u64>,
    is_complete: Atomic<bool>,
    words: [Atomic<u64>; WORDS],
}

const FIELDS: usize = 12;
const STACK: usize = 4;
const WORDS: usize = FIELDS + STACK + PACKED;

impl Seen {
    pub(crate) const fn new() -> Self {
        Self {
            count: Atomic::new(0),
            is_complete: Atomic::new(false),
            words: [const { Atomic::new(0) }; WORDS],
        }
    }

    /// Forgets.
    pub(crate) fn clear(&self) {
        self.is_complete.store(false, Relaxed);
        self.count.store(0, Release);
    }

    /// How many exceptions there were.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Acquire)
    }

    /// The first, and the stack that its handler ran on.
    pub(crate) fn first(&self) -> Option<(Exception, Option<Stack>)> {
        if !self.is_complete.load(Acquire) {
            return None;
        }
        let words: [u64; WORDS] = core::array::from_fn(|index| self.words[index].load(Relaxed));
        let [vector, error_code, has_address, address, ip, sp, flags, rest @ ..] = words;
        let [ax, cx, dx, ss, orig_ax, low, high, pointer, region, at @ ..] = rest;
        let vector = Vector(vector as u8);
        let ip = ip as usize;
        let is_trap = vector == Vector::BP;
        let exception = Exception {
            vector,
            error_code,
            address: (has_address != 0).then_some(address as usize),
            registers: Registers {
                ip,
                sp: sp as usize,
                flags,
                ax,
                cx,
                dx,
                ss: ss as u16,
                orig_ax,
            },
            entry: table::search(ip.wrapping_sub(usize::from(is_trap))),
            at: unpack(at),
        };
        let stack = (high > low).then_some(Stack {
            region: StackRegion::from_raw(region as u8),
            low: low as usize,
            high: high as usize,
            pointer: pointer as usize,
        });
        Some((exception, stack))
    }
}

impl Observer for Seen {
    fn observe(&self, exception: &Exception, _context: &Unsleeping) {
        let Some(entry) = &exception.entry else {
            return;
        };
        let registers = &exception.registers;
        trace::note(|| trace::Fault {
            vector: exception.vector.0,
            error_code: exception.error_code,
            address: exception.address.unwrap_or(0),
            ip: registers.ip,
            fixup: entry.fixup,
        });
        if self.count.fetch_add(1, Full) > 0 {
            return;
        }
        let stack = Stack::current();
        let bounds = stack.map_or([0; STACK], |stack| {
            [
                stack.low as u64,
                stack.high as u64,
                stack.pointer as u64,
                stack.region.into_raw().into(),
            ]
        });
        let fields = [
            exception.vector.0.into(),
            exception.error_code,
            exception.address.is_some().into(),
            exception.address.unwrap_or(0) as u64,
            registers.ip as u64,
            registers.sp as u64,
            registers.flags,
            registers.ax,
            registers.cx,
            registers.dx,
            registers.ss.into(),
            registers.orig_ax,
        ];
        let values = fields.into_iter().chain(bounds).chain(pack(&exception.at));
        for (word, value) in self.words.iter().zip(values) {
            word.store(value, Relaxed);
        }
        self.is_complete.store(true, Release);
    }
}
