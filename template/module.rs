// SPDX-License-Identifier: GPL-2.0

//! A driver on irqlab's library: the top half of an interrupt leaves the work to a tasklet.
//!
//! The line is a simulated one, which any machine has.

#![forbid(unsafe_code)]

use irqlab::context::{HardIrq, SoftIrq, Task};
use irqlab::tasklet::{self, Tasklet};
use irqlab::{debugfs, emit, irq, sim, text::Text};
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::{device::Core, driver, platform, prelude::*, sync::Arc};

module! {
    type: Mine,
    name: "@NAME@",
    authors: ["You"],
    description: "A driver on irqlab's library",
    license: "GPL",
}

const NAME: &CStr = c"@NAME@";

/// The top half, with interrupts off: what cannot wait.
struct TopHalf(Pin<KBox<Tasklet<BottomHalf>>>);

impl irq::Handler for TopHalf {
    fn handle(&self, _irq: &HardIrq) -> irq::IrqReturn {
        self.0.schedule();
        irq::IrqReturn::Handled
    }
}

/// The bottom half, with interrupts on: the rest.
struct BottomHalf {
    runs: Atomic<u64>,
}

impl tasklet::Handler<tasklet::Kind> for BottomHalf {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.runs.add(1, Relaxed);
    }
}

/// The file /sys/kernel/debug/@NAME@/line: write "raise"; read how often the bottom half ran.
struct Line(Arc<irq::Registration<TopHalf>>);

impl debugfs::Content for Line {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        emit!(text, "{}\n", self.0.handler().0.runs.load(Relaxed))
    }

    fn write(&self, command: &str, _task: &Task) -> Result {
        match command {
            "raise" => self.0.line().set_pending(),
            _ => Err(EINVAL),
        }
    }
}

/// What the bound device has. On unbind the file goes first, then the handler, then its tasklet.
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
        let runs = Atomic::new(0);
        let top = TopHalf(KBox::pin_init(
            Tasklet::new(Ok(BottomHalf { runs })),
            GFP_KERNEL,
        )?);
        let line = irqlab::platform::line(device, 0)?;
        let registration = line.request(irq::Sharing::Exclusive, NAME, Ok(top))?;
        let content = Arc::new(Line(registration), GFP_KERNEL)?;
        let dir = debugfs::Dir::new(NAME)?;
        Ok(Self {
            _file: debugfs::File::new::<LocalModule>(&dir, c"line", content)?,
        })
    }
}

/// The module: a device, which is unbound first, and the driver for it.
#[pin_data]
struct Mine {
    device: sim::Device,
    #[pin]
    driver: driver::Registration<platform::Adapter<Driver>>,
}

impl kernel::InPlaceModule for Mine {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            driver <- driver::Registration::new(NAME, module),
            device: sim::Device::new(NAME, 0)?,
        })
    }
}
