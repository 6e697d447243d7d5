// SPDX-License-Identifier: GPL-2.0

//! A line: the right to put handlers on an interrupt while its device is bound.

use super::gate::Gate;
use crate::{
    bindings,
    context,
    error::{
        EDEADLK,
        EOPNOTSUPP, //
    }, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    devres,
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        Arc,
        Mutex, //
    },
};

/// An interrupt line of a bound device: of the platform bus
/// ([`platform::line`](crate::platform::line)) or of PCI ([`pci::line`](crate::pci::line)).
///
/// What looks the line up by its number does so inside the gate: the C side takes no reference to what it
/// finds. Who is inside never waits for handlers, but in [`Self::synchronize`], where they end soon
/// whoever closes the gate.
///
/// # Invariants
///
/// - While `gate` is open, somebody is inside, or `cookies` is `Some`, the device is bound and
///   `irq` is one of its interrupts, or the line's owner keeps `irq` allocated.
/// - `cookies` holds the cookie of every action that was requested through this
///   line and is not freed.
/// - While `gate` is open, `nr_disabled` counts the guards that have disabled the line.
/// - `is_behind_bus` says whether one has to wait for its controller, which is the same one all the time.
#[pin_data]
pub struct Line {
    irq: u32,
    is_behind_bus: bool,
    #[pin]
    cookies: Mutex<Option<KVec<Cookie>>>,
    #[pin]
    gate: Gate,
    nr_disabled: Atomic<u32>,
    /// Inside are those actions that are taken off later than their registration was dropped.
    #[pin]
    late: Gate,
}

/// What the C side knows an action by: the address of its `Action`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie(pub(super) *mut c_void);

// SAFETY: Only an identity here; whoever follows it answers for that.
unsafe impl Send for Cookie {}

impl Line {
    /// The line `irq` of `dev`. Revoked when `dev` is unbound.
    ///
    /// Errors: `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `irq` must be an interrupt of `dev`, and stay allocated until `dev` is unbound, when what devres
    /// keeps is released in reverse order: until what is registered there already.
    pub(crate) unsafe fn new(dev: &Device<Bound>, irq: u32) -> Result<Arc<Self>> {
        // INVARIANT: By this function's contract; the revocation below ends this before it ends.
        // INVARIANT: The kernel is asked here, once, as it takes long to find a line by its number.
        //
        // SAFETY: By this function's contract the line is allocated, so its descriptor stays.
        let is_behind_bus = unsafe { bindings::irq_is_behind_bus(irq) };
        let line = Arc::pin_init(Self::init(irq, is_behind_bus), GFP_KERNEL)?;
        devres::register(dev, Revoke(line.clone()), GFP_KERNEL)?;
        Ok(line)
    }

    /// The line `irq`.
    ///
    /// Errors: `ENOMEM`.
    ///
    /// # Safety
    ///
    /// The caller keeps `irq` allocated until it has called [`Self::revoke`], once. `is_behind_bus` says whether
    /// one has to wait for its controller.
    pub(crate) unsafe fn of_mapping(irq: u32, is_behind_bus: bool) -> Result<Arc<Self>> {
        // INVARIANT: The owner stands in for the device.
        Arc::pin_init(Self::init(irq, is_behind_bus), GFP_KERNEL)
    }

    fn init(irq: u32, is_behind_bus: bool) -> impl PinInit<Self> {
        pin_init!(Self {
            irq,
            is_behind_bus,
            cookies <- new_mutex!(Some(KVec::new()), "Line::cookies"),
            gate <- Gate::new(),
            nr_disabled: Atomic::new(0),
            late <- Gate::new(),
        })
    }

    /// Frees all handlers, and refuses new ones from now on. To be called once, where one may sleep.
    pub(crate) fn revoke(&self) {
        self.gate.close();
        // The guards do not enable it any more, and others may be on the line, which go on. Now, as a line
        // without handlers must not be enabled.
        for _ in 0..self.nr_disabled.xchg(0, Full) {
            // SAFETY: By the type invariant the line is allocated, as `cookies` has yet to be taken; and
            // each of the guards had disabled it once.
            unsafe { bindings::enable_irq(self.irq) };
        }
        let mut guard = self.cookies.lock();
        for cookie in guard.iter().flatten() {
            // SAFETY: By the type invariant the action is on the line; the vector is forgotten below, before
            // anybody else has the lock.
            unsafe { bindings::free_irq(self.irq, cookie.0) };
        }
        // INVARIANT: There is none left.
        *guard = None;
        drop(guard);
        // Their memory, and what their handlers own, may be of a module that ends next.
        self.late.close();
    }

    /// The number that Linux gave the line, as in `/proc/interrupts`.
    pub fn irq(&self) -> u32 {
        self.irq
    }

    /// Waits until no handler of the line runs, threads included.
    ///
    /// Errors: `ENODEV` after the device was unbound: then no handler runs that was requested through this;
    /// `EDEADLK` in a thread of the line, which would wait for itself.
    ///
    /// ```
    /// # use irqlab::{context::{HardIrq, Task}, irq::{Handler, IrqReturn, Line, Sharing}};
    /// # use irqlab::irq_chip::{Domain, Flow, Transparent};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler for Count {
    /// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    /// #         self.0.add(1, Relaxed);
    /// #         IrqReturn::Handled
    /// #     }
    /// # }
    /// /// Raises the line, and waits until it was served.
    /// fn raise_and_wait(line: &Line, task: &Task) -> Result {
    ///     line.set_pending()?;
    ///     while line.is_active()? {
    ///         task.sleep_us(10, 10);
    ///     }
    ///     line.synchronize(task)
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// # let count = Ok::<_, Error>(Count(Atomic::new(0)));
    /// # let registration = line.line().request(Sharing::Exclusive, c"example", count)?;
    /// // This controller does not tell which lines are active.
    /// assert_eq!(raise_and_wait(line.line(), task), Err(EINVAL));
    /// # eventually!(task, registration.handler().0.load(Relaxed) > 0);
    /// // A moment later:
    /// assert_eq!(registration.handler().0.load(Relaxed), 1);
    /// ```
    pub fn synchronize(&self, _task: &context::Task) -> Result {
        let _inside = self.gate.enter()?;
        if self.is_served_here() {
            return Err(EDEADLK);
        }
        // SAFETY: The token proves that this may sleep. The line stays allocated until this is outside.
        unsafe { bindings::synchronize_irq(self.irq) };
        Ok(())
    }

    /// Whether the current task is a thread of the line, so that it cannot wait for that.
    pub(super) fn is_served_here(&self) -> bool {
        // SAFETY: Looks at the current task only; may be called in any context.
        unsafe { bindings::irq_is_served_here(self.irq) }
    }

    /// Disables the line once more. For any context but an NMI; where the controller is behind a bus, for tasks.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub(super) fn disable(&self) -> Result {
        let _inside = self.gate.enter()?;
        // SAFETY: The line is allocated. By this function's contract the caller is where the controller can be
        // waited for, if it has to be.
        unsafe { bindings::disable_irq_nosync(self.irq) };
        // INVARIANT: For the guard that the caller makes.
        self.nr_disabled.fetch_add(1, Full);
        Ok(())
    }

    /// Undoes one [`Self::disable`]; after the device was unbound that was done. For any context but an NMI; where
    /// the controller is behind a bus, for tasks.
    pub(super) fn enable(&self) {
        if let Ok(_inside) = self.gate.enter() {
            // INVARIANT: For the guard that the caller drops.
            self.nr_disabled.fetch_sub(1, Full);
            // SAFETY: The line is allocated, and was disabled for that guard. By this function's contract the
            // caller is where the controller can be waited for, if it has to be.
            unsafe { bindings::enable_irq(self.irq) };
        }
    }

    /// Refuses what waits for the line's controller, where that is behind a bus and the caller may not wait.
    ///
    /// Errors: `EOPNOTSUPP` then.
    #[inline]
    fn may_ask_controller(&self) -> Result {
        match self.is_behind_bus {
            true => may_wait(),
            false => Ok(()),
        }
    }

    /// Whether one has to wait for the controller, so that only a task can disable or enable the line.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub(super) fn is_behind_bus(&self) -> Result<bool> {
        self.with_bound(|_irq| Ok(self.is_behind_bus))
    }

    pub(super) fn late(&self) -> &Gate {
        &self.late
    }

    /// Makes the line pending at its controller, as its device would. May be
    /// called in any context but an NMI.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller cannot, `EOPNOTSUPP` where the controller is behind a bus that one has to wait for, and this
    /// is no task that may, `ENXIO` if nobody has requested the line and its controller is of
    /// [`irq_chip`](crate::irq_chip). The kernel's `irq_sim` drops what is raised then, and
    /// while the line is masked.
    pub fn set_pending(&self) -> Result {
        let _inside = self.gate.enter()?;
        self.may_ask_controller()?;
        // SAFETY: The line is allocated. A controller that has to be waited for was refused where that cannot be;
        // besides that this may be called in any context but an NMI.
        let answer = unsafe {
            bindings::irq_set_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                true,
            )
        };
        // What raises interrupts calls nothing that it need not.
        if answer == 0 {
            return Ok(());
        }
        to_result(answer)
    }

    /// Whether the controller waits for the end of an interrupt that it has sent. An
    /// I/O APIC looks into the line's entry of its redirection table, where a
    /// level-triggered line has a bit for it (remote IRR). May be called in any context but an NMI.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller does not tell, `EOPNOTSUPP` as for [`Self::set_pending`].
    pub fn is_active(&self) -> Result<bool> {
        let _inside = self.gate.enter()?;
        self.may_ask_controller()?;
        let mut is_active = false;
        // SAFETY: The line is allocated, and the answer's variable is of the right type. A controller that has to
        // be waited for was refused where that cannot be; besides that this may be called in any context but an
        // NMI.
        to_result(unsafe {
            bindings::irq_get_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_ACTIVE,
                &mut is_active,
            )
        })?;
        Ok(is_active)
    }

    /// Runs `f`, which may not wait for handlers, while the device is kept bound.
    pub(super) fn with_bound<R>(&self, f: impl FnOnce(u32) -> Result<R>) -> Result<R> {
        let _inside = self.gate.enter()?;
        f(self.irq)
    }

    /// Runs `request`, which puts the action `cookie` on the line, and notes it.
    pub(super) fn add(&self, cookie: Cookie, request: impl FnOnce(u32) -> Result) -> Result {
        let mut guard = self.cookies.lock();
        let cookies = (*guard).as_mut().ok_or(ENODEV)?;
        cookies.reserve(1, GFP_KERNEL)?;
        request(self.irq)?;
        // SAFETY: The line is allocated: by the type invariant, as `cookies` is `Some`.
        unsafe { bindings::irq_learn_thread(self.irq) };
        // INVARIANT: The action is on the line and noted. Cannot fail: reserved.
        cookies.push(cookie, GFP_KERNEL)?;
        Ok(())
    }

    /// Frees the action `cookie`, unless revocation has done so.
    pub(super) fn remove(&self, cookie: Cookie) {
        let mut guard = self.cookies.lock();
        if let Some(cookies) = (*guard).as_mut() {
            if let Some(index) = cookies.iter().position(|&c| c == cookie) {
                // INVARIANT: Freed and forgotten. Cannot fail: just found.
                let _ = cookies.remove(index);
                // SAFETY: By the type invariant the action is on the line.
                unsafe { bindings::free_irq(self.irq, cookie.0) };
            }
        }
    }
}

/// Revokes a line when devres drops it.
struct Revoke(Arc<Line>);

impl Drop for Revoke {
    fn drop(&mut self) {
        self.0.revoke();
    }
}

/// Apart, so that those that need not ask keep no registers for it.
#[cold]
#[inline(never)]
fn may_wait() -> Result {
    context::Task::current().map(|_| ()).ok_or(EOPNOTSUPP)
}
