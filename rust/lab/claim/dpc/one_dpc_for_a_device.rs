// SPDX-License-Identifier: GPL-2.0

//! A device has one DPC. Requests that come until it runs give one run, with the first one's
//! IRP and context; so the device keeps a list of what is to do.

use super::probe::{
    system,
    ONLY_INSERTIONS, //
};
use crate::claim::prelude::*;
use irqlab::{
    context::{
        HardIrq,
        SoftIrq, //
    },
    dpc::{
        Device,
        DeviceObject,
        Dpc,
        ForIsr, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    new_raw_spinlock,
    raw_spinlock::RawSpinLock,
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "VOID IoRequestDpc (IN PDEVICE_OBJECT DeviceObject, IN PIRP Irp, IN PVOID Context): Schedules DPC for a device",
    section: "4.1.1.2. Example: Windows Deferred Procedure Calls",
    today: "rebuilt: the device and its DPC are one object",
    functions: "dpc::DeviceObject::request_dpc(), dpc::Device::dpc_for_isr(), IoInitializeDpcRequest, IoRequestDpc, DpcForIsr",
    control: "the second request comes in an interrupt of its own",
    next: "insmod /lib/irqlab/irqlab_dpc.ko; echo raise > ../irqlab_dpc/line; cat ../irqlab_dpc/line; \
           rmmod irqlab_dpc",
}

/// A device that counts its requests.
struct Disk {
    /// Begun by the ISR, not yet finished by the DPC.
    nr_begun: Atomic<usize>,
    nr_finished: Atomic<usize>,
    runs: Pin<KBox<RawSpinLock<Runs>>>,
}

#[derive(Clone, Copy, Default)]
struct Runs {
    count: usize,
    first: Option<(usize, usize)>,
}

impl Device for Disk {
    fn dpc_for_isr(
        _dpc: &Dpc<ForIsr<Self>>,
        device: &Self,
        irp: usize,
        context: usize,
        _softirq: &SoftIrq,
    ) {
        let nr_finished = device.nr_begun.xchg(0, Full);
        device.nr_finished.add(nr_finished, Relaxed);
        device.runs.with(|runs, _off| {
            runs.count += 1;
            runs.first = runs.first.or(Some((irp, context)));
        });
    }
}

/// What stands for the interrupt service routine: it begins some requests.
struct Isr {
    device: Arc<DeviceObject<Disk>>,
    next_irp: Atomic<usize>,
    at_once: usize,
    nr_accepted: Atomic<usize>,
    nr_requests: Atomic<usize>,
}

/// The first IRP, and the distance of a context from its IRP.
const FIRST_IRP: usize = 10;
const CONTEXT: usize = 100;

impl irq_work::Handler<irq_work::Kind<Now>> for Isr {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        for _ in 0..this.at_once {
            let irp = this.next_irp.fetch_add(1, Full);
            this.device.nr_begun.fetch_add(1, Full);
            let is_accepted = this.device.request_dpc(irp, irp + CONTEXT);
            this.nr_accepted.add(usize::from(is_accepted), Relaxed);
            this.nr_requests.fetch_add(1, Full);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let system = system(ONLY_INSERTIONS)?;
    let disk = Disk {
        nr_begun: Atomic::new(0),
        nr_finished: Atomic::new(0),
        runs: KBox::pin_init(new_raw_spinlock!(Runs::default()), GFP_KERNEL)?,
    };
    let device = Arc::pin_init(DeviceObject::new(&system, disk), GFP_KERNEL)?;
    let isr = Isr {
        device: device.clone(),
        next_irp: Atomic::new(FIRST_IRP),
        at_once: trial.pick(2, 1),
        nr_accepted: Atomic::new(0),
        nr_requests: Atomic::new(0),
    };
    let isr = KBox::pin_init(IrqWork::new(Ok(isr)), GFP_KERNEL)?;
    for nr_requests in [isr.at_once, 2] {
        if isr.nr_requests.load(Acquire) < nr_requests {
            isr.queue();
            trial.come("the DPC of the device", || {
                isr.nr_requests.load(Acquire) == nr_requests && device.nr_begun.load(Acquire) == 0
            })?;
        }
    }
    trial.settle();
    let runs = device.runs.with(|runs, _off| *runs);

    let nr_accepted = isr.nr_accepted.load(Relaxed);
    evidence.check(
        nr_accepted == 1,
        fmt!("of 2 requests in the ISR {nr_accepted} queued the DPC"),
    )?;
    let (irp, context) = runs.first.unwrap_or((0, 0));
    evidence.check(
        runs.count == 1 && (irp, context) == (FIRST_IRP, FIRST_IRP + CONTEXT),
        fmt!(
            "its runs: {}, the first with IRP {irp} and context {context}",
            runs.count
        ),
    )?;
    let nr_finished = device.nr_finished.load(Relaxed);
    evidence.check(
        nr_finished == 2,
        fmt!("and finished {nr_finished} requests, as the device keeps them"),
    )?;
    evidence.holds()
}
