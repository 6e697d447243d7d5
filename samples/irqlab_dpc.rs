// SPDX-License-Identifier: GPL-2.0

//! A driver as for Windows: its interrupt service routine requests the device's DPC.
//!
//! The device is a simulated line, so that this runs on any machine:
//!
//! ```sh
//! insmod irqlab_core.ko && insmod irqlab_dpc.ko
//! echo raise > /sys/kernel/debug/irqlab_dpc/line
//! cat /sys/kernel/debug/irqlab_dpc/line    # interrupts 1, DPC 1, finished 1, last IRP 1
//! grep irqlab_dpc /proc/interrupts         # the kernel's own count
//! ```
//!
//! Raise many times: on a busy CPU the DPC runs less often than the service routine, because a
//! request finds it queued; but all requests are finished, because the device counts them. The IRP
//! of the last run is then that of the first request which it finished.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        SoftIrq,
        Task, //
    },
    debugfs,
    dpc::{
        Device,
        DeviceObject,
        Dpc,
        ForIsr,
        System, //
    },
    emit, irq, sim,
    text::Text,
};
use kernel::{
    device::Core,
    driver, platform,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

module! {
    type: Sample,
    name: "irqlab_dpc",
    authors: ["The irqlab contributors"],
    description: "A driver whose interrupt service routine requests a DPC",
    license: "GPL",
}

const NAME: &CStr = c"irqlab_dpc";

/// The device, with what its service routine and its DPC share.
struct Disk {
    nr_interrupts: Atomic<usize>,
    nr_dpcs: Atomic<usize>,
    /// Requests whose interrupt came, and which the DPC has yet to finish.
    nr_ready: Atomic<usize>,
    nr_finished: Atomic<usize>,
    last_irp: Atomic<usize>,
}

/// The interrupt service routine: what cannot wait.
struct ServiceRoutine(Pin<KBox<DeviceObject<Disk>>>);

impl irq::Handler for ServiceRoutine {
    fn handle(&self, _irq: &HardIrq) -> irq::IrqReturn {
        // The IRP, Windows' object for a request, is only its number here.
        let irp = self.0.nr_interrupts.fetch_add(1, Relaxed) + 1;
        self.0.nr_ready.fetch_add(1, Full);
        self.0.request_dpc(irp, 0);
        irq::IrqReturn::Handled
    }
}

impl Device for Disk {
    fn dpc_for_isr(
        _dpc: &Dpc<ForIsr<Self>>,
        device: &Self,
        irp: usize,
        _context: usize,
        _softirq: &SoftIrq,
    ) {
        // All that are ready, not only the one that is named.
        let nr_ready = device.nr_ready.xchg(0, Full);
        device.nr_finished.add(nr_ready, Relaxed);
        device.nr_dpcs.add(1, Relaxed);
        device.last_irp.store(irp, Relaxed);
    }
}

/// The file `line`: write `raise`; read what ran.
struct Line(Arc<irq::Registration<ServiceRoutine>>);

impl debugfs::Content for Line {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        let disk = &self.0.handler().0;
        emit!(
            text,
            "interrupts {}, DPC {}, finished {}, last IRP {}\n",
            disk.nr_interrupts.load(Relaxed),
            disk.nr_dpcs.load(Relaxed),
            disk.nr_finished.load(Relaxed),
            disk.last_irp.load(Relaxed)
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
/// then the service routine, and with it the device and its DPC.
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
        let disk = Disk {
            nr_interrupts: Atomic::new(0),
            nr_dpcs: Atomic::new(0),
            nr_ready: Atomic::new(0),
            nr_finished: Atomic::new(0),
            last_irp: Atomic::new(0),
        };
        let device_object = DeviceObject::new(&System::new()?, disk);
        let service_routine = ServiceRoutine(KBox::pin_init(device_object, GFP_KERNEL)?);
        let line = irqlab::platform::line(device, 0)?;
        let registration = line.request(irq::Sharing::Exclusive, NAME, Ok(service_routine))?;

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
