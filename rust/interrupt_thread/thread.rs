// SPDX-License-Identifier: GPL-2.0

//! One interrupt thread: the handler's state in a place of its own, and the kernel thread that
//! takes it over when it blocks.

use super::{
    cpu::{
        Bells,
        Cpu, //
    },
    level::Level,
    life::Life,
    run::{
        Alarm,
        Run, //
    },
    wakeup::{
        Gate,
        Wakeup, //
    },
    Handler,
};
use crate::{
    context::Task,
    hrtimer::HrTimer,
    kthread, //
};
use core::{
    cell::UnsafeCell,
    future::Future,
    mem::MaybeUninit,
    task::{
        Context,
        Poll,
        Waker, //
    }, //
};
use kernel::{
    cpu::CpuId,
    prelude::*,
    sync::Arc, //
};

/// An interrupt thread, whatever its handler's type.
pub(super) trait Thread: Send + Sync {
    /// Takes the thread out of the pool and runs the handler until it ends or blocks. If it
    /// blocks, [`Self::park`] has to follow.
    fn begin(&self) -> Poll<()>;

    /// Has the handler wait, now that everybody may know that it does.
    fn park(&self);

    /// Goes on with a handler that had blocked, in its kernel thread.
    fn resume(&self) -> Poll<()>;
}

/// An interrupt thread whose handler's state is an `F`, which `make` makes.
///
/// # Invariants
///
/// Only who has moved the life to `Polling`, until it moves it on, and `drop` access
/// `state`. It is initialised in every life but `Idle`, and in `Polling` between `begin` and
/// the first poll. A slot is only handed out as a `KBox<dyn Thread>`, out of which nothing can
/// be moved: so the state stays where it is.
struct Slot<M, F> {
    state: UnsafeCell<MaybeUninit<F>>,
    make: M,
    wakeup: Arc<Wakeup>,
    waker: Waker,
    // Behind the state, which may refer to it.
    _alarm: Arc<HrTimer<Alarm>>,
}

// SAFETY: It owns an `F`, which is `Send`, and an `M`, which is too; the rest is `Send`.
unsafe impl<M: Send, F: Send> Send for Slot<M, F> {}
// SAFETY: By the type invariant one thread of execution at a time accesses the `F`, which is
// `Send`; `M` is `Sync`, and so is the rest.
unsafe impl<M: Sync, F: Send> Sync for Slot<M, F> {}

/// Makes the thread of `cpu` and `level` that serves its interrupts by `handler`.
pub(super) fn new<H: Handler>(
    cpu: CpuId,
    level: Level,
    handler: &Arc<H>,
    gate: &Arc<Gate>,
    index: usize,
) -> Result<KBox<dyn Thread>> {
    let wakeup = Wakeup::new(gate.clone(), index)?;
    let alarm = Arc::pin_init(HrTimer::new(Ok(Alarm(wakeup.clone()))), GFP_KERNEL)?;
    let handler = handler.clone();
    let for_handler = alarm.clone();
    let make = move || H::serve(handler.clone(), Run::new(cpu, level, for_handler.clone()));
    boxed(make, wakeup, alarm)
}

/// Here the type of the future gets a name.
fn boxed<M, F>(make: M, wakeup: Arc<Wakeup>, alarm: Arc<HrTimer<Alarm>>) -> Result<KBox<dyn Thread>>
where
    M: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    // INVARIANT: The life is `Idle`.
    let slot = Slot {
        state: UnsafeCell::new(MaybeUninit::uninit()),
        make,
        waker: wakeup.waker(),
        wakeup,
        _alarm: alarm,
    };
    Ok(KBox::new(slot, GFP_KERNEL)?)
}

impl<M, F: Future<Output = ()>> Slot<M, F> {
    /// Runs the handler until it ends or blocks.
    ///
    /// # Safety
    ///
    /// The caller has moved the life to `Polling`, and the state is initialised.
    unsafe fn poll(&self) -> Poll<()> {
        let state = self.state.get().cast::<F>();
        // SAFETY: By the contract the caller has the state for itself, and it is initialised; by
        // the type invariant it stays where it is until it is dropped, below or in `drop`.
        let future = unsafe { Pin::new_unchecked(&mut *state) };
        if future
            .poll(&mut Context::from_waker(&self.waker))
            .is_pending()
        {
            return Poll::Pending;
        }
        // SAFETY: Initialised, and nobody uses it any more: the life becomes `Idle` below.
        unsafe { core::ptr::drop_in_place(state) };
        self.wakeup.step(Life::ready);
        Poll::Ready(())
    }
}

impl<M, F> Thread for Slot<M, F>
where
    M: Fn() -> F + Send + Sync,
    F: Future<Output = ()> + Send,
{
    fn begin(&self) -> Poll<()> {
        if self.wakeup.step(Life::begin).is_none() {
            // The level's mask keeps this from happening.
            return Poll::Ready(());
        }
        // SAFETY: This has moved the life to `Polling`, so that by the type invariant nobody
        // else accesses the state; it was `Idle`, so that nothing is overwritten.
        unsafe { (*self.state.get()).write((self.make)()) };
        // SAFETY: The life is `Polling` by this function, and the state initialised.
        unsafe { self.poll() }
    }

    fn park(&self) {
        self.wakeup.schedule_if(self.wakeup.step(Life::park));
    }

    fn resume(&self) -> Poll<()> {
        if self.wakeup.step(Life::resume).is_none() {
            return Poll::Pending;
        }
        // SAFETY: This has moved the life to `Polling`; it was `Scheduled`, in which the state
        // is initialised by the type invariant.
        let poll = unsafe { self.poll() };
        if poll.is_pending() {
            self.park();
        }
        poll
    }
}

impl<M, F> Drop for Slot<M, F> {
    fn drop(&mut self) {
        if self.wakeup.life() != Life::Idle {
            // SAFETY: Initialised by the type invariant, and nobody else is there.
            unsafe { self.state.get_mut().assume_init_drop() };
        }
    }
}

/// The kernel thread of one interrupt thread: it goes on with a handler that had blocked.
pub(super) struct Body {
    pub(super) cpu: Arc<Cpu>,
    pub(super) bells: Arc<Bells>,
    pub(super) level: Level,
}

impl kthread::Handler<kthread::Kind> for Body {
    fn run(this: &kthread::Work<Self>, _task: &Task) {
        if this.cpu.resume(this.level) {
            this.bells.ring();
        }
    }
}
