// SPDX-License-Identifier: GPL-2.0

//! A driver whose interrupt is served by a thread, because that has to sleep:
//! for memory, for a mutex, for a device behind a slow bus.
//!
//! The device is a simulated line, so that this runs on any machine:
//!
//! ```sh
//! insmod irqlab_core.ko && insmod irqlab_threaded.ko
//! echo raise > /sys/kernel/debug/irqlab_threaded/line
//! cat /sys/kernel/debug/irqlab_threaded/line   # who served it, after how long
//! ps | grep irq/                               # the thread
//! ```
//!
//! Take the `task` away from `handle_threaded`, or call `sleep_ms` in `handle`, where there is no task to call it
//! of: it does not compile.

#![forbid(unsafe_code)]

use irqlab::{
    clock,
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    debugfs,
    emit,
    irq,
    sim,
    text::Text, //
};
use kernel::{
    device::Core,
    driver, new_mutex, platform,
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

module! {
    type: Sample,
    name: "irqlab_threaded",
    authors: ["The irqlab contributors"],
    description: "A driver whose interrupt is served by a thread that sleeps",
    license: "GPL",
}

const NAME: &CStr = c"irqlab_threaded";

/// What the slow device behind the line would take, in milliseconds.
const TRANSFER_MS: u32 = 5;

#[pin_data]
struct Handler {
    raised_ns: Atomic<u64>,
    /// How the last interrupt was served.
    #[pin]
    last: Mutex<Text>,
}

impl irq::ThreadedHandler for Handler {
    fn handle(&self, _irq: &HardIrq) -> irq::ThreadedIrqReturn {
        self.raised_ns.store(clock::now_ns(), Relaxed);
        irq::ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self, task: &Task) -> irq::IrqReturn {
        task.sleep_ms(TRANSFER_MS);
        let now = Snapshot::take();
        let after_ns = now.stamp_ns.wrapping_sub(self.raised_ns.load(Relaxed));
        let mut last = Text::new();
        // Without memory there is nothing to read, no more.
        let _ = emit!(
            &mut last,
            "served by {}, {} us after the interrupt\n",
            now.comm(),
            after_ns / 1000
        );
        *self.last.lock() = last;
        irq::IrqReturn::Handled
    }
}

/// The file `line`: write `raise`; read how that was served.
struct Line(Arc<irq::Registration<Handler>>);

impl debugfs::Content for Line {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        emit!(text, "{}", *self.0.handler().last.lock())
    }

    fn write(&self, command: &str, _task: &Task) -> Result {
        match command {
            "raise" => self.0.line().set_pending(),
            _ => Err(EINVAL),
        }
    }
}

/// The driver, as what a bound device has. On unbind, first the file goes, and
/// then the handler.
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
        let handler = try_pin_init!(Handler {
            raised_ns: Atomic::new(0),
            last <- new_mutex!(Text::new()),
        });
        let line = irqlab::platform::line(device, 0)?;
        let registration = line.request_threaded(irq::Sharing::Exclusive, NAME, handler)?;

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
