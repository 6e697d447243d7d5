// SPDX-License-Identifier: GPL-2.0

//! A driver as those of Linux 2.2: two bottom halves that share data and need no lock.
//!
//! One bottom half at a time runs in the whole system, whatever its slot. So both may read the same
//! number, add 1 and write it back:
//!
//! ```sh
//! insmod irqlab_core.ko && insmod irqlab_old_bh.ko
//! echo raise > /sys/kernel/debug/irqlab_old_bh/line
//! cat /sys/kernel/debug/irqlab_old_bh/line    # top half 1, receive 1, transmit 1, both 2
//! ```
//!
//! Raise from all CPUs at once: `both` stays the sum of the two. Two tasklets may run at the same
//! time, and would need a lock for it.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        SoftIrq,
        Task, //
    },
    debugfs, emit, irq,
    old_bh::{
        BottomHalves,
        Routine,
        Slot, //
    },
    sim,
    text::Text,
};
use kernel::{
    device::Core,
    driver, platform,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

module! {
    type: Sample,
    name: "irqlab_old_bh",
    authors: ["The irqlab contributors"],
    description: "A driver as those of Linux 2.2: two bottom halves that share data and need no lock",
    license: "GPL",
}

const NAME: &CStr = c"irqlab_old_bh";

/// Slots that were free in Linux 2.4.
const RECEIVE_BH: u32 = 20;
const TRANSMIT_BH: u32 = 21;

/// The top half: marks both.
struct TopHalf {
    runs: Atomic<u64>,
    receive: (Slot, Arc<BottomHalf>),
    transmit: (Slot, Arc<BottomHalf>),
}

impl irq::Handler for TopHalf {
    fn handle(&self, _irq: &HardIrq) -> irq::IrqReturn {
        self.runs.add(1, Relaxed);
        self.receive.0.mark();
        self.transmit.0.mark();
        irq::IrqReturn::Handled
    }
}

/// One of the two bottom halves.
struct BottomHalf {
    runs: Atomic<u64>,
    both: Arc<Atomic<u64>>,
}

impl Routine for BottomHalf {
    fn run(&self, _softirq: &SoftIrq) {
        self.runs.add(1, Relaxed);
        // Not one step but two, between which nobody else comes.
        let runs = self.both.load(Relaxed);
        self.both.store(runs + 1, Relaxed);
    }
}

/// The file `line`: write `raise`; read what ran.
struct Line(Arc<irq::Registration<TopHalf>>);

impl debugfs::Content for Line {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        let top = self.0.handler();
        let (receive, transmit) = (&top.receive.1, &top.transmit.1);
        emit!(
            text,
            "top half {}, receive {}, transmit {}, both {}\n",
            top.runs.load(Relaxed),
            receive.runs.load(Relaxed),
            transmit.runs.load(Relaxed),
            receive.both.load(Relaxed)
        )
    }

    fn write(&self, command: &str, _task: &Task) -> Result {
        match command {
            "raise" => self.0.line().set_pending(),
            _ => Err(EINVAL),
        }
    }
}

/// The driver, as what a bound device has. On unbind, first the file goes, and
/// then the handler, and with the handler its slots.
struct Driver {
    _file: debugfs::File<Line>,
}

impl platform::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    fn probe<'bound>(
        device: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        let task = Task::current().ok_or(EINVAL)?;
        // In Linux 2.4 there was one set, and the driver had its slots in that.
        let set = BottomHalves::new()?;
        let both = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let slot = |number| -> Result<(Slot, Arc<BottomHalf>)> {
            let bottom = BottomHalf {
                runs: Atomic::new(0),
                both: both.clone(),
            };
            let bottom = Arc::new(bottom, GFP_KERNEL)?;
            Ok((set.init(number, bottom.clone(), task)?, bottom))
        };
        let top = TopHalf {
            runs: Atomic::new(0),
            receive: slot(RECEIVE_BH)?,
            transmit: slot(TRANSMIT_BH)?,
        };
        let line = irqlab::platform::line(device, 0)?;
        let registration = line.request(irq::Sharing::Exclusive, NAME, Ok(top))?;

        let dir = debugfs::Dir::new(NAME)?;
        let content = Arc::new(Line(registration), GFP_KERNEL)?;
        Ok(Self {
            _file: debugfs::File::new::<LocalModule>(&dir, c"line", content)?,
        })
    }
}

/// The module: a device, and the driver for it.
#[pin_data]
struct Sample {
    // First the device, which the driver is there to unbind.
    device: sim::Device,
    #[pin]
    driver: driver::Registration<platform::Adapter<Driver>>,
}

impl kernel::InPlaceModule for Sample {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- driver::Registration::new(NAME, module),
            device: sim::Device::new(NAME, 0)?,
        })
    }
}
