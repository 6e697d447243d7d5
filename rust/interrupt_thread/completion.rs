// SPDX-License-Identifier: GPL-2.0

//! Events that handlers of interrupt threads wait for.

use super::wait_list::{
    WaitList,
    Waiting, //
};
use core::{
    future::Future,
    task::{
        Context,
        Poll, //
    }, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full, //
    }, //
};

/// Counts events, each of which one handler consumes.
///
/// ```
/// # use irqlab::interrupt_thread::{Completion, Handler, Handlers, InterruptThreads, Level, Run};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Reply {
///     came: Completion,
///     nr_served: Atomic<u32>,
/// }
///
/// impl Handler for Reply {
///     async fn serve(this: Arc<Self>, _run: Run) {
///         this.came.wait().await;
///         this.nr_served.add(1, Relaxed);
///     }
/// }
///
/// # let reply = Reply { came: Completion::new()?, nr_served: Atomic::new(0) };
/// # let reply = Arc::new(reply, GFP_KERNEL)?;
/// # let level = Level::new(5).ok_or(EINVAL)?;
/// # let threads = InterruptThreads::new(Handlers::new().thread(level, reply.clone())?, task)?;
/// threads.raise(level)?;
/// // The handler waits, and the CPU goes on.
/// assert_eq!(reply.nr_served.load(Relaxed), 0);
/// reply.came.complete();
/// # eventually!(task, reply.nr_served.load(Relaxed) > 0);
/// // A moment later:
/// assert_eq!(reply.nr_served.load(Relaxed), 1);
/// ```
pub struct Completion {
    nr_events: Atomic<u64>,
    waiters: WaitList,
}

impl Completion {
    /// Nothing has come yet. Errors: `ENOMEM`.
    pub fn new() -> Result<Self> {
        Ok(Self {
            nr_events: Atomic::new(0),
            waiters: WaitList::new()?,
        })
    }

    /// Signals one event. May be called in any context but NMI.
    ///
    /// ```
    /// # use irqlab::interrupt_thread::Completion;
    /// # use kernel::prelude::*;
    /// fn one_is_there() -> Result<bool> {
    ///     let came = Completion::new()?;
    ///     came.complete();
    ///     Ok(came.try_wait() && !came.try_wait())
    /// }
    ///
    /// assert!(one_is_there()?);
    /// ```
    pub fn complete(&self) {
        self.nr_events.fetch_add(1, Full);
        self.waiters.wake_all();
    }

    /// Consumes one event, if there is one.
    pub fn try_wait(&self) -> bool {
        let mut before = self.nr_events.load(Acquire);
        while let Some(after) = before.checked_sub(1) {
            match self.nr_events.cmpxchg(before, after, Full) {
                Ok(_) => return true,
                Err(now) => before = now,
            }
        }
        false
    }

    /// Waits for one event, and consumes it.
    pub fn wait(&self) -> Wait<'_> {
        Wait {
            completion: self,
            waiting: self.waiters.waiting(),
        }
    }
}

/// What [`Completion::wait`] awaits.
#[must_use = "it does not wait before it is awaited"]
pub struct Wait<'a> {
    completion: &'a Completion,
    waiting: Waiting<'a>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.completion.try_wait() {
            return Poll::Ready(());
        }
        self.waiting.add(context.waker());
        // What came before the waker was on the list has not woken it.
        if self.completion.try_wait() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
