// SPDX-License-Identifier: GPL-2.0

//! A driver whose interrupt is served by an interrupt thread: it blocks only if it has to.
//!
//! The device is a simulated line, so that this runs on any machine:
//!
//! ```sh
//! insmod irqlab_core.ko && insmod irqlab_interrupt_thread.ko
//! cd /sys/kernel/debug/irqlab_interrupt_thread
//! echo raise > line
//! cat line      # served 1, blocked 0; last in sh: in the place of what it interrupted
//! echo hold > line
//! cat line      # served 2, blocked 1; last in intr_5/0: the mutex was taken
//! ```
//!
//! `hold` raises an interrupt while it holds the mutex that the handler needs. The handler
//! becomes a thread and waits, so that this task can go on and unlock it.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    debugfs, emit,
    interrupt_thread::{
        Handler,
        Handlers,
        InterruptThreads,
        Level,
        Mutex,
        Run, //
    },
    irq, sim,
    text::Text,
};
use kernel::{
    device::Core,
    driver,
    platform,
    prelude::*,
    sync::Arc, //
};

module! {
    type: Sample,
    name: "irqlab_interrupt_thread",
    authors: ["The irqlab contributors"],
    description: "A driver whose interrupt is served by an interrupt thread",
    license: "GPL",
}

const NAME: &CStr = c"irqlab_interrupt_thread";
const LEVEL: u8 = 5;

/// What the handler shares with the tasks that use the device.
struct Served {
    count: u64,
    last: Option<Snapshot>,
}

/// The handler.
struct Device {
    served: Mutex<Served>,
}

impl Handler for Device {
    async fn serve(this: Arc<Self>, _run: Run) {
        let mut served = this.served.lock().await;
        served.count += 1;
        served.last = Some(Snapshot::take());
    }
}

/// The top half only says that an interrupt of the level has come.
struct TopHalf {
    threads: InterruptThreads,
    level: Level,
}

impl irq::Handler for TopHalf {
    fn handle(&self, _irq: &HardIrq) -> irq::IrqReturn {
        // A real device would be told here that it was heard.
        match self.threads.raise(self.level) {
            Ok(_) => irq::IrqReturn::Handled,
            Err(_) => irq::IrqReturn::None,
        }
    }
}

/// The file `line`: write `raise` or `hold`; read what ran, and where.
struct Line {
    registration: Arc<irq::Registration<TopHalf>>,
    device: Arc<Device>,
}

impl debugfs::Content for Line {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, task: &Task) -> Result {
        let TopHalf { threads, level } = self.registration.handler();
        let blocked: u64 = threads
            .cpus()
            .map(|cpu| threads.stats(cpu, *level).blocks)
            .sum();
        let served = self.device.served.lock_in(task);
        let last = served.last.as_ref().map_or("-", Snapshot::comm);
        emit!(
            text,
            "served {}, blocked {}; last in {}\n",
            served.count,
            blocked,
            last
        )
    }

    fn write(&self, command: &str, task: &Task) -> Result {
        let line = self.registration.line();
        match command {
            "raise" => line.set_pending(),
            "hold" => {
                let _served = self.device.served.lock_in(task);
                line.set_pending()?;
                task.sleep_ms(10);
                Ok(())
            }
            _ => Err(EINVAL),
        }
    }
}

/// The driver, as what a bound device has. On unbind, first the file goes, and
/// then the top half, and with it the interrupt threads.
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
        let served = Served {
            count: 0,
            last: None,
        };
        let handler = Device {
            served: Mutex::new(served)?,
        };
        let handler = Arc::new(handler, GFP_KERNEL)?;
        let level = Level::new(LEVEL).ok_or(EINVAL)?;
        let handlers = Handlers::new().thread(level, handler.clone())?;
        // Drivers probe in task context.
        let task = Task::current().ok_or(EINVAL)?;
        let top = TopHalf {
            threads: InterruptThreads::new(handlers, task)?,
            level,
        };
        let line = irqlab::platform::line(device, 0)?;
        let content = Line {
            registration: line.request(irq::Sharing::Exclusive, NAME, Ok(top))?,
            device: handler,
        };
        let dir = debugfs::Dir::new(NAME)?;
        let content = Arc::new(content, GFP_KERNEL)?;
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
