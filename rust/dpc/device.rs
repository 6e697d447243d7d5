// SPDX-License-Identifier: GPL-2.0

//! The device form: one DPC that belongs to a device, and finishes its requests.

use super::{
    entry::Arguments,
    object::{
        Dpc,
        Handler,
        Ordinary, //
    },
    system::System,
};
use crate::context::SoftIrq;
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A device whose interrupt service routine leaves the rest to a DPC.
pub trait Device: Send + Sync + Sized + 'static {
    /// `DpcForIsr`: finishes what the interrupt service routine has begun. `irp` and
    /// `context` are those of the request that inserted the DPC; of requests that came
    /// until it ran there is only this one, so the device keeps for itself what else is to do.
    fn dpc_for_isr(
        dpc: &Dpc<ForIsr<Self>>,
        device: &Self,
        irp: usize,
        context: usize,
        softirq: &SoftIrq,
    );
}

/// A device with its DPC, which lives as long: dropping it waits for it.
///
/// ```
/// # use irqlab::{context::SoftIrq, dpc::{Device, DeviceObject, Dpc, ForIsr, System}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Disk {
///     nr_done: Arc<Atomic<u64>>,
/// }
///
/// impl Device for Disk {
///     fn dpc_for_isr(
///         _dpc: &Dpc<ForIsr<Self>>,
///         device: &Self,
///         irp: usize,
///         _context: usize,
///         _softirq: &SoftIrq,
///     ) {
///         pr_info!("request {irp} is done\n");
///         device.nr_done.add(1, Relaxed);
///     }
/// }
///
/// fn interrupt(disk: &DeviceObject<Disk>, irp: usize) {
///     // From the top half.
///     disk.request_dpc(irp, 0);
/// }
///
/// let system = System::new()?;
/// let nr_done = Arc::new(Atomic::new(0), GFP_KERNEL)?;
/// let disk = Disk { nr_done: nr_done.clone() };
/// let disk = KBox::pin_init(DeviceObject::new(&system, disk), GFP_KERNEL)?;
/// interrupt(&disk, 1);
/// system.flush(task)?;
/// assert_eq!(nr_done.load(Relaxed), 1);
/// ```
#[pin_data]
pub struct DeviceObject<D: Device> {
    #[pin]
    dpc: Dpc<ForIsr<D>>,
}

/// The handler of a device's DPC, which is the device.
pub struct ForIsr<D>(D);

impl<D: Device> DeviceObject<D> {
    /// An initialiser for a device with its DPC: `IoInitializeDpcRequest`.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, dpc::{Device, DeviceObject, Dpc, ForIsr, Importance, System}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Disk(Arc<Atomic<usize>>);
    /// # impl Device for Disk {
    /// #     fn dpc_for_isr(_: &Dpc<ForIsr<Self>>, device: &Self, irp: usize, _: usize, _: &SoftIrq) {
    /// #         device.0.add(irp, Relaxed);
    /// #     }
    /// # }
    /// fn urgent<D: Device>(system: &Arc<System>, device: D) -> Result<Pin<KBox<DeviceObject<D>>>> {
    ///     let object = KBox::pin_init(DeviceObject::new(system, device), GFP_KERNEL)?;
    ///     object.dpc().set_importance(Importance::High);
    ///     Ok(object)
    /// }
    ///
    /// let system = System::new()?;
    /// # let sum = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;
    /// # let disk = Disk(sum.clone());
    /// let object = urgent(&system, disk)?;
    /// object.request_dpc(17, 0);
    /// system.flush(task)?;
    /// # assert_eq!(sum.load(Relaxed), 17);
    /// ```
    pub fn new(system: &Arc<System>, device: D) -> impl PinInit<Self, Error> {
        let dpc = Dpc::new(system, Ok(ForIsr(device)));
        try_pin_init!(Self { dpc <- dpc }? Error)
    }

    /// Has the DPC run, for a request: `IoRequestDpc`. Returns false, and forgets both, if it
    /// is in a queue already. May be called in any context but NMI.
    #[inline]
    pub fn request_dpc(&self, irp: usize, context: usize) -> bool {
        self.dpc.insert(Arguments(irp, context))
    }

    /// The DPC, to set its importance and target.
    pub fn dpc(&self) -> &Dpc<ForIsr<D>> {
        &self.dpc
    }
}

impl<D> Deref for DeviceObject<D>
where
    D: Device,
{
    type Target = D;

    fn deref(&self) -> &D {
        &self.dpc.0
    }
}

impl<D: Device> Handler for ForIsr<D> {
    type Kind = Ordinary;

    fn run(this: &Dpc<Self>, arguments: Arguments, softirq: &SoftIrq) {
        D::dpc_for_isr(this, &this.0, arguments.0, arguments.1, softirq);
    }
}
