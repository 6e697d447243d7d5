// SPDX-License-Identifier: GPL-2.0

//! A PCI driver: QEMU's educational device computes a factorial, and says by an
//! interrupt that it is done.
//!
//! QEMU must be run with `-device edu`. If irqlab is inserted, it has bound all such devices;
//! take one from it, and this driver binds it when it is inserted:
//!
//! ```sh
//! cd /sys/bus/pci/drivers/irqlab-edu && ls     # 0000:00:08.0, for example
//! echo 0000:00:08.0 > unbind
//! insmod irqlab_edu.ko                         # needs irqlab_core.ko
//! echo 5 > /sys/kernel/debug/0000:00:08.0/factorial
//! cat /sys/kernel/debug/0000:00:08.0/factorial # 120
//! rmmod irqlab_edu && echo 0000:00:08.0 > bind # give it back
//! ```
//!
//! Device: [QEMU's specification](https://www.qemu.org/docs/master/specs/edu.html)

#![forbid(unsafe_code)]

use irqlab::{
    completion::{
        Completion,
        Waited, //
    },
    context::{
        HardIrq,
        Task, //
    },
    debugfs,
    emit,
    irq,
    text::Text, //
};
use kernel::{
    device::Core,
    io::Io,
    new_mutex, pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

kernel::module_pci_driver! {
    type: Driver,
    name: "irqlab_edu",
    authors: ["The irqlab contributors"],
    description: "A PCI driver for QEMU's educational device",
    license: "GPL",
}

/// The registers, as offsets into BAR 0.
mod register {
    pub(super) const FACTORIAL: usize = 0x08;
    pub(super) const STATUS: usize = 0x20;
    pub(super) const CAUSES: usize = 0x24;
    pub(super) const ACKNOWLEDGE: usize = 0x64;
    pub(super) const END: usize = 0x100;
}

/// In `STATUS`: a factorial is being computed.
const COMPUTING: u32 = 0x1;
/// In `STATUS`: raise the interrupt when a factorial is done.
const INTERRUPT_WHEN_DONE: u32 = 0x80;
/// In `CAUSES`: a factorial is done.
const DONE: u32 = 0x1;
/// The greatest whose factorial fits into the register.
const MAX: u32 = 12;

/// The handler, which has all that it needs of the device.
#[pin_data]
struct Handler {
    bar: irqlab::pci::DevresBar<{ register::END }>,
    #[pin]
    done: Completion,
}

impl Handler {
    /// Has the device not interrupt any more, and takes back what it has raised. Returns whether it computes nothing
    /// that it could still say to be done.
    fn silence(&self) -> bool {
        // It is there for as long as the device is bound.
        let Some(bar) = self.bar.try_access() else {
            return true;
        };
        bar.write32(0, register::STATUS);
        let is_done = bar.read32(register::STATUS) & COMPUTING == 0;
        bar.write32(u32::MAX, register::ACKNOWLEDGE);
        // Writes may be under way for a while. An answer comes behind them.
        bar.read32(register::CAUSES);
        is_done
    }
}

impl irq::Handler for Handler {
    fn handle(&self, _irq: &HardIrq) -> irq::IrqReturn {
        let Some(bar) = self.bar.try_access() else {
            return irq::IrqReturn::None;
        };
        let causes = bar.read32(register::CAUSES);
        if causes == 0 {
            // Another device on the same line.
            return irq::IrqReturn::None;
        }
        bar.write32(causes, register::ACKNOWLEDGE);
        if causes & DONE != 0 {
            self.done.complete();
        }
        irq::IrqReturn::Handled
    }
}

/// Has the device interrupt no more when it is dropped: what it raised when its handler is gone nobody would take
/// back, and others on its line would be interrupted without end.
struct Silencer(Arc<irq::Registration<Handler>>);

impl Drop for Silencer {
    fn drop(&mut self) {
        // A factorial takes a small part of that, and only a writer that did not wait has left one.
        const TRIES: u32 = 1000;

        // A driver is unbound by a task.
        let Some(task) = Task::current() else {
            return;
        };
        for _ in 0..TRIES {
            if self.0.handler().silence() {
                return;
            }
            task.sleep_ms(1);
        }
    }
}

/// The file `factorial`: write a number; read its factorial.
#[pin_data]
struct Factorial {
    registration: Arc<irq::Registration<Handler>>,
    // Also what makes users wait for each other.
    #[pin]
    last: Mutex<u32>,
}

impl debugfs::Content for Factorial {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        emit!(text, "{}\n", *self.last.lock())
    }

    fn write(&self, command: &str, task: &Task) -> Result {
        let n: u32 = command.parse().map_err(|_| EINVAL)?;
        if n > MAX {
            return Err(ERANGE);
        }
        let mut last = self.last.lock();
        let handler = self.registration.handler();
        // Of a writer that did not wait to the end.
        while handler.done.try_wait() {}
        {
            let bar = handler.bar.try_access().ok_or(ENODEV)?;
            bar.write32(INTERRUPT_WHEN_DONE, register::STATUS);
            bar.write32(n, register::FACTORIAL);
        }
        // Not while the BAR is held: unbinding waits for that.
        match handler.done.wait_ms(task, 1000) {
            Waited::Completed => (),
            Waited::TimedOut => return Err(ETIMEDOUT),
            Waited::Interrupted => return Err(EINTR),
        }
        let bar = handler.bar.try_access().ok_or(ENODEV)?;
        *last = bar.read32(register::FACTORIAL);
        Ok(())
    }
}

/// The driver, as what a bound device has. On unbind, first the file goes, so that nobody has anything computed. Then
/// the device is silenced, and then the handler goes.
struct Driver {
    _file: debugfs::File<Factorial>,
    _silencer: Silencer,
}

irqlab::pci_device_table!(
    DEVICES,
    <Driver as pci::Driver>::IdInfo,
    [(irqlab::pci::device_id(0x1234, 0x11e8), ())]
);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: pci::IdTable<()> = &DEVICES;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: irqlab::pci::IdInfo<'bound, ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        device.enable_device_mem()?;
        // MSI is a write to memory, which the device may only do as a bus master.
        device.set_master();
        let bar = device.iomap_region_sized::<{ register::END }>(0, c"irqlab_edu")?;
        let handler = try_pin_init!(Handler {
            bar: bar.into_devres()?,
            done <- Completion::new(),
        });
        // MSI where it can, else INTx, which others may be on.
        let line = irqlab::pci::line(device, pci::IrqTypes::all())?;
        let registration = line.request(irq::Sharing::Shared, c"irqlab_edu", handler)?;
        let silencer = Silencer(registration.clone());

        let dir = debugfs::Dir::new(device.as_ref().name())?;
        let content = try_pin_init!(Factorial {
            registration,
            last <- new_mutex!(1),
        });
        let content = Arc::pin_init(content, GFP_KERNEL)?;
        Ok(Self {
            _file: debugfs::File::new::<LocalModule>(&dir, c"factorial", content)?,
            _silencer: silencer,
        })
    }
}
