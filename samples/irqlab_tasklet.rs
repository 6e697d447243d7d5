// SPDX-License-Identifier: GPL-2.0

//! A driver whose top half leaves the work to a tasklet.
//!
//! The device is a simulated line, so that this runs on any machine:
//!
//! ```sh
//! insmod irqlab_core.ko && insmod irqlab_tasklet.ko
//! echo raise > /sys/kernel/debug/irqlab_tasklet/line
//! cat /sys/kernel/debug/irqlab_tasklet/line    # top half 1, tasklet 1
//! grep irqlab_tasklet /proc/interrupts         # the kernel's own count
//! ```
//!
//! Raise many times: on a busy CPU the tasklet runs less often than the top
//! half, because it runs once however often it was scheduled.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        SoftIrq,
        Task, //
    },
    debugfs, emit, irq, sim,
    tasklet::{
        self,
        Tasklet, //
    },
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
    name: "irqlab_tasklet",
    authors: ["The irqlab contributors"],
    description: "A driver whose top half leaves the work to a tasklet",
    license: "GPL",
}

const NAME: &CStr = c"irqlab_tasklet";

/// The top half: what cannot wait.
struct TopHalf {
    runs: Atomic<u64>,
    tasklet: Pin<KBox<Tasklet<BottomHalf>>>,
}

impl irq::Handler for TopHalf {
    fn handle(&self, _irq: &HardIrq) -> irq::IrqReturn {
        // A real device would be told here that it was heard.
        self.runs.add(1, Relaxed);
        self.tasklet.schedule();
        irq::IrqReturn::Handled
    }
}

/// The bottom half: the rest, with interrupts on.
struct BottomHalf {
    runs: Atomic<u64>,
}

impl tasklet::Handler<tasklet::Kind> for BottomHalf {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.runs.add(1, Relaxed);
    }
}

/// The file `line`: write `raise`; read what ran.
struct Line(Arc<irq::Registration<TopHalf>>);

impl debugfs::Content for Line {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        let top = self.0.handler();
        let (top, bottom) = (top.runs.load(Relaxed), top.tasklet.runs.load(Relaxed));
        emit!(text, "top half {}, tasklet {}\n", top, bottom)
    }

    fn write(&self, command: &str, _task: &Task) -> Result {
        match command {
            "raise" => self.0.line().set_pending(),
            _ => Err(EINVAL),
        }
    }
}

/// The driver, as what a bound device has. On unbind, first the file goes, and
/// then the handler, and with the handler its tasklet.
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
        let bottom = BottomHalf {
            runs: Atomic::new(0),
        };
        let top = TopHalf {
            runs: Atomic::new(0),
            tasklet: KBox::pin_init(Tasklet::new(Ok(bottom)), GFP_KERNEL)?,
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
