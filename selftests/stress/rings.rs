// SPDX-License-Identifier: GPL-2.0

//! Nothing that is noted in a ring is lost, doubled or torn, whoever interrupts whom.
//!
//! A task notes on one CPU, and an NMI interrupts it there, at any instruction, and notes as well. Meanwhile another
//! CPU reads. The task notes as often as there is room for, or twice as often, and waits for the next NMI.

use irqlab::{
    context::{
        Kind,
        Task, //
    },
    cpu::{
        self,
        CpuId, //
    },
    nmi::Sender,
    ring::{
        Reader,
        Rings,
        Writer, //
    },
    word::Word,
    workqueue::Queue,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

const NR_SLOTS: usize = 64;
const NR_NMIS: u64 = 1000;
/// How many more the task notes each time. Has no factor in common with the slots.
const STEP: usize = 37;

/// Who notes: in a context, with a number for each time.
struct Noter {
    kind: Kind,
    nr_tried: Word,
    nr_full: Word,
}

impl Noter {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            nr_tried: Word::new(0),
            nr_full: Word::new(0),
        }
    }

    /// Only called by one at a time.
    fn note(&self, writer: &Writer) {
        let number = self.nr_tried.load() + 1;
        self.nr_tried.store(number);
        let tag = number << 2 | self.kind as u64;
        if writer.note_quickly(|| tag).is_none() {
            writer.note(tag, || self.nr_full.store(self.nr_full.load() + 1));
        }
    }
}

/// What was read of each noter.
struct Seen {
    nr_seen: [u64; Kind::ALL.len()],
    last: [u64; Kind::ALL.len()],
    nr_wrong: u64,
}

#[pin_data]
struct Reading {
    #[pin]
    state: Mutex<(Reader, Seen)>,
}

impl Reading {
    /// Reads what is there. Each noter's numbers come in order, and each moment is of the context that noted it.
    fn read(&self, noting: CpuId) {
        let mut state = self.state.lock();
        let (reader, seen) = &mut *state;
        while let Some(noted) = reader.next() {
            let (kind, number) = ((noted.tag & 3) as usize, noted.tag >> 2);
            let snapshot = noted.moment.snapshot(noted.cpu);
            let is_right = noted.cpu == noting
                && snapshot.kind() as usize == kind
                // An NMI may interrupt any other task.
                && (kind != Kind::Task as usize || snapshot.comm().starts_with("kworker/"))
                && number > seen.last[kind];
            seen.nr_wrong += u64::from(!is_right);
            seen.last[kind] = number;
            seen.nr_seen[kind] += 1;
        }
    }
}

/// Calls `report` for each test, if there are two CPUs.
pub(crate) fn try_all(
    workers: &Queue<Task>,
    task: &Task,
    mut report: impl FnMut(&str, bool),
) -> Result {
    let (Some(noting), Some(sending)) = (cpu::online().next(), cpu::online().last()) else {
        return Ok(());
    };
    if noting == sending {
        return Ok(());
    }
    let writer = Writer::new();
    let reader = Rings::with_slots(NR_SLOTS)?;
    writer.connect(reader.rings());
    let seen = Seen {
        nr_seen: [0; Kind::ALL.len()],
        last: [0; Kind::ALL.len()],
        nr_wrong: 0,
    };
    let reading = KBox::pin_init(
        pin_init!(Reading {
            state <- new_mutex!((reader, seen), "Reading::state"),
        }),
        GFP_KERNEL,
    )?;
    let (in_task, in_nmi) = (Noter::new(Kind::Task), Noter::new(Kind::Nmi));
    let nr_sent = Word::new(0);
    let is_done = Word::new(0);
    let sender = Sender::new(task)?;
    cpu::run_on(workers, [noting, sending].into_iter(), task, |here| {
        if here.cpu == noting {
            let mut round = 0;
            while is_done.load() == 0 && !here.is_stopped() {
                let before = in_nmi.nr_tried.load();
                round += 1;
                for _ in 0..round * STEP % (2 * NR_SLOTS) {
                    in_task.note(&writer);
                }
                while in_nmi.nr_tried.load() == before && is_done.load() == 0 && !here.is_stopped()
                {
                    here.task.yield_if_needed();
                }
            }
            // Nobody reads any more.
            for _ in 0..2 * NR_SLOTS {
                in_task.note(&writer);
            }
            return;
        }
        for _ in 0..NR_NMIS {
            let sent = sender.call_on_while(here.hotplug_excluded(), noting, &|_interrupted| {
                in_nmi.note(&writer)
            });
            if here.is_stopped() || sent.is_err() {
                break;
            }
            nr_sent.store(nr_sent.load() + 1);
            reading.read(noting);
            here.task.yield_if_needed();
        }
        is_done.store(1);
    })?;
    reading.read(noting);
    let state = reading.state.lock();
    let seen = &state.1;
    let are_all_seen = [&in_task, &in_nmi].into_iter().all(|noter| {
        let nr_seen = seen.nr_seen[noter.kind as usize];
        nr_seen > 0 && nr_seen + noter.nr_full.load() == noter.nr_tried.load()
    });
    report(
        "each NMI has tried",
        nr_sent.load() == NR_NMIS && in_nmi.nr_tried.load() == NR_NMIS,
    );
    report("seen, or told that there is no room", are_all_seen);
    // Whoever finds no room takes no slot: half of the rounds leave some.
    report(
        "of the NMIs a fourth or more find room",
        seen.nr_seen[Kind::Nmi as usize] * 4 >= nr_sent.load(),
    );
    report("in order, and whole", seen.nr_wrong == 0);
    report("full now and then", in_task.nr_full.load() > 0);
    Ok(())
}
