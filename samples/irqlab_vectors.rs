// SPDX-License-Identifier: GPL-2.0

//! A driver with an interrupt for each queue of its device, each sent to a CPU of its own.
//!
//! It asks for MSI-X, takes MSI where there is none, and else the pin (INTx). With fewer interrupts than queues,
//! the first one serves all of them.
//!
//! The device is an Intel 82574 network card, as QEMU has it with `-device e1000e`. It is not used as one: software can
//! have it raise the cause of each of its queues.
//!
//! ```sh
//! insmod irqlab_core.ko && insmod irqlab_vectors.ko     # types=3: without MSI-X; types=1: the pin
//! cd /sys/kernel/debug/irqlab_vectors
//! echo raise > queues
//! cat queues                                       # how often each was served, and by which CPU last
//! grep irqlab_vectors /proc/interrupts
//! ```

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    cpu,
    debugfs,
    emit,
    irq::{
        self,
        Affinity, //
    },
    new_raw_spinlock,
    raw_spinlock::RawSpinLock,
    text::Text, //
};
use kernel::{
    device::Core,
    io::Io,
    pci,
    prelude::*,
    sync::Arc, //
};

kernel::module_pci_driver! {
    type: Driver,
    name: "irqlab_vectors",
    authors: ["The irqlab contributors"],
    description: "A PCI driver with an interrupt for each queue",
    license: "GPL",
    params: {
        types: u32 {
            default: 7,
            description: "Types of interrupts to take: 1 INTx, 2 MSI, 4 MSI-X, or the sum of several (default: 7)",
        },
    },
}

const NAME: &CStr = c"irqlab_vectors";

/// Two that receive and two that send.
const NR_QUEUES: usize = 4;

/// The registers, as offsets into BAR 0.
mod register {
    /// Read: the causes that were raised. Write: takes these back.
    pub(super) const CAUSES: usize = 0xc0;
    /// Write: raises these causes.
    pub(super) const RAISE: usize = 0xc8;
    /// Write: lets these causes interrupt.
    pub(super) const UNMASK: usize = 0xd0;
    /// Write: lets these no more.
    pub(super) const MASK: usize = 0xd8;
    /// Which MSI-X message each queue sends: four bits for each, the highest says that they are valid.
    pub(super) const MESSAGES: usize = 0xe4;
    pub(super) const END: usize = 0x100;
}

/// The cause of a queue.
const fn cause(queue: usize) -> u32 {
    1 << (20 + queue)
}

const ALL_CAUSES: u32 = cause(0) | cause(1) | cause(2) | cause(3);

/// The device, and what its handlers have seen.
#[pin_data]
struct Queues {
    bar: irqlab::pci::DevresBar<{ register::END }>,
    /// The handlers of several CPUs and who reads share it: a lock that spins, on every kernel.
    #[pin]
    seen: RawSpinLock<[Seen; NR_QUEUES]>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    count: u32,
    cpu: u32,
}

impl Queues {
    /// Has the device interrupt no more, and takes back what it has raised.
    fn silence(&self) {
        // It is there for as long as the device is bound.
        let Some(bar) = self.bar.try_access() else {
            return;
        };
        bar.write32(u32::MAX, register::MASK);
        bar.write32(u32::MAX, register::CAUSES);
        // Writes may be under way for a while. An answer comes behind them.
        bar.read32(register::CAUSES);
    }
}

/// As long as this is there, the device may interrupt.
struct Interrupting(Arc<Queues>);

impl Interrupting {
    /// Errors: `ENODEV` after the device was unbound.
    fn new(queues: Arc<Queues>, is_one_each: bool) -> Result<Self> {
        let bar = queues.bar.try_access().ok_or(ENODEV)?;
        if is_one_each {
            // Queue 0 sends message 0, and so on.
            bar.write32(0xba98, register::MESSAGES);
        }
        bar.write32(ALL_CAUSES, register::UNMASK);
        drop(bar);
        Ok(Self(queues))
    }
}

impl Drop for Interrupting {
    fn drop(&mut self) {
        self.0.silence();
    }
}

/// The handler of one interrupt.
struct Handler {
    queues: Arc<Queues>,
    /// The queue whose message it is; none if it serves all queues.
    queue: Option<usize>,
}

impl irq::Handler for Handler {
    fn handle(&self, irq: &HardIrq) -> irq::IrqReturn {
        let Some(bar) = self.queues.bar.try_access() else {
            return irq::IrqReturn::None;
        };
        let raised = match self.queue {
            // The message says it all. Who reads the causes may take back those of others.
            Some(queue) => cause(queue),
            None => bar.read32(register::CAUSES) & ALL_CAUSES,
        };
        if raised == 0 {
            // Another device on the same line.
            return irq::IrqReturn::None;
        }
        bar.write32(raised, register::CAUSES);
        self.queues
            .seen
            .with_irqs_off(irq.irqs_off(), |queues, off| {
                for (queue, seen) in queues.iter_mut().enumerate() {
                    if raised & cause(queue) != 0 {
                        seen.count += 1;
                        seen.cpu = off.cpu().as_u32();
                    }
                }
            });
        irq::IrqReturn::Handled
    }
}

/// The file `queues`: write `raise`; read what became of it.
struct File {
    queues: Arc<Queues>,
    kind: pci::IrqType,
    nr_interrupts: usize,
}

impl debugfs::Content for File {
    const MODE: debugfs::Mode = debugfs::Mode::ReadWrite;

    fn read(&self, text: &mut Text, _task: &Task) -> Result {
        emit!(text, "# {} of {:?}\n", self.nr_interrupts, self.kind)?;
        emit!(text, "# {:<6} {:>6} {:>4}\n", "queue", "served", "cpu")?;
        let queues = self.queues.seen.with(|queues, _off| *queues);
        for (queue, seen) in queues.iter().enumerate() {
            emit!(text, "  {:<6} {:>6} {:>4}\n", queue, seen.count, seen.cpu)?;
        }
        Ok(())
    }

    fn write(&self, command: &str, _task: &Task) -> Result {
        if command != "raise" {
            return Err(EINVAL);
        }
        let bar = self.queues.bar.try_access().ok_or(ENODEV)?;
        for queue in 0..NR_QUEUES {
            bar.write32(cause(queue), register::RAISE);
        }
        Ok(())
    }
}

/// The driver, as what a bound device has. On unbind, first the file goes, so that nobody raises. Then the device is
/// silenced: what it raises when its handler is gone nobody would take back, and others on its line would be
/// interrupted without end. Then the lines get back their CPUs, and then the handlers go.
struct Driver {
    _file: debugfs::File<File>,
    _interrupting: Interrupting,
    _affinities: KVec<Affinity>,
    _registrations: KVec<Arc<irq::Registration<Handler>>>,
}

irqlab::pci_device_table!(
    DEVICES,
    <Driver as pci::Driver>::IdInfo,
    [(irqlab::pci::device_id(0x8086, 0x10d3), ())]
);

/// The types that the parameter names.
fn types() -> pci::IrqTypes {
    let asked = irqlab::parameter::<u32>(module_parameters::types.value());
    let mut types = pci::IrqTypes::default();
    for (bit, kind) in [
        (1, pci::IrqType::Intx),
        (2, pci::IrqType::Msi),
        (4, pci::IrqType::MsiX),
    ] {
        if asked & bit != 0 {
            types = types.with(kind);
        }
    }
    types
}

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: pci::IdTable<()> = &DEVICES;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: irqlab::pci::IdInfo<'bound, ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        device.enable_device_mem()?;
        // A message is a write to memory, which the device may only do as a bus master.
        device.set_master();
        let bar = device.iomap_region_sized::<{ register::END }>(0, NAME)?;
        let queues = try_pin_init!(Queues {
            bar: bar.into_devres()?,
            seen <- new_raw_spinlock!([Seen::default(); NR_QUEUES]),
        });
        let queues = Arc::pin_init(queues, GFP_KERNEL)?;
        // Whatever state it was left in.
        queues.silence();

        let vectors = irqlab::pci::vectors(device, 1, NR_QUEUES as u32, types())?;
        let is_one_each = vectors.lines.len() == NR_QUEUES;
        let nr_interrupts = if is_one_each { NR_QUEUES } else { 1 };
        let mut registrations = KVec::new();
        let mut affinities = KVec::new();
        let mut cpus = cpu::online().cycle();
        for (queue, line) in vectors.lines.iter().enumerate().take(nr_interrupts) {
            let handler = Handler {
                queues: queues.clone(),
                queue: is_one_each.then_some(queue),
            };
            registrations.push(
                line.request(irq::Sharing::Shared, NAME, Ok(handler))?,
                GFP_KERNEL,
            )?;
            if is_one_each {
                let affinity = Affinity::new(line)?;
                match affinity.set(cpus.by_ref().take(1)) {
                    // It has no vector left: the interrupt stays where the kernel has put it.
                    Ok(()) | Err(ENOSPC) => affinities.push(affinity, GFP_KERNEL)?,
                    Err(error) => return Err(error),
                }
            }
        }

        let interrupting = Interrupting::new(queues.clone(), is_one_each)?;
        let dir = debugfs::Dir::new(NAME)?;
        let content = File {
            queues,
            kind: vectors.kind,
            nr_interrupts,
        };
        let content = Arc::new(content, GFP_KERNEL)?;
        Ok(Self {
            _file: debugfs::File::new::<LocalModule>(&dir, c"queues", content)?,
            _interrupting: interrupting,
            _affinities: affinities,
            _registrations: registrations,
        })
    }
}
