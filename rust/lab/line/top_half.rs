// SPDX-License-Identifier: GPL-2.0

//! The lab's top half on a line: it counts, and defers to a mechanism if there is one.

use super::{
    Counts,
    Heard,
    Line, //
};
use crate::{
    mechanism::{
        Instance,
        Mechanism, //
    },
    record::Record,
    refusal::{
        prevented,
        refuse,
        Answer,
        Refusal, //
    },
    source::Source,
};
use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    irq::{
        self,
        IrqReturn,
        Registration,
        ThreadedIrqReturn, //
    },
    kthread::{
        self,
        Work,
        Worker, //
    },
    trace,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// The top half.
pub(super) struct TopHalf {
    line: &'static str,
    source: Arc<dyn Source>,
    counts: Arc<Counts>,
    mechanism: Option<Arc<Instance>>,
}

/// The mechanism that a top half gives its interrupts to, and that one's record.
type Used<'a> = Option<(&'a dyn Mechanism, &'a Record)>;

/// The top half while it is on its line.
pub(super) type OnLine = Arc<Registration<TopHalf>>;

impl TopHalf {
    /// The mechanism, if there is one, and its record: looked up once for an interrupt.
    #[inline]
    fn used(&self) -> Used<'_> {
        let instance = self.mechanism.as_ref();
        instance.map(|instance| (&*instance.mechanism, instance.record()))
    }

    /// Serves an interrupt, if it is for this: `defer` has the mechanism do its part.
    #[inline]
    fn serve(
        &self,
        heard: Heard,
        used: Used<'_>,
        defer: impl FnOnce(&dyn Mechanism) -> ThreadedIrqReturn,
    ) -> ThreadedIrqReturn {
        if heard == Heard::Others {
            self.counts.foreign.fetch_add(1);
            return ThreadedIrqReturn::None;
        }
        self.counts.handled.fetch_add(1);
        match used {
            None => {
                trace::note(|| trace::Top {
                    line: self.line,
                    mechanism: "none",
                    event: 0,
                    latency_ns: 0,
                });
                ThreadedIrqReturn::Handled
            }
            // The mechanism has it already.
            Some((_, record)) if heard == Heard::Again && record.is_served() => {
                record.work.top();
                ThreadedIrqReturn::Handled
            }
            Some((mechanism, record)) => {
                record.top(self.line);
                defer(mechanism)
            }
        }
    }

    #[inline]
    fn serve_hard(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        let used = self.used();
        let heard = acknowledge(used, || self.source.acknowledge(irq));
        self.serve(heard, used, |mechanism| mechanism.defer(irq))
    }
}

/// Whose interrupt it is; `now` tells the device that it was heard, unless that is to be later.
#[inline]
fn acknowledge(used: Used<'_>, now: impl FnOnce() -> bool) -> Heard {
    let later = used.and_then(|(_, record)| record.work.acknowledge_later());
    later.unwrap_or_else(|| if now() { Heard::Ours } else { Heard::Others })
}

/// The same of a handler that has no thread to wake.
#[inline]
fn without_thread(served: ThreadedIrqReturn) -> IrqReturn {
    match served {
        ThreadedIrqReturn::None => IrqReturn::None,
        ThreadedIrqReturn::Handled | ThreadedIrqReturn::WakeThread => IrqReturn::Handled,
    }
}

impl irq::Handler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        without_thread(self.serve_hard(irq))
    }
}

impl irq::ThreadableHandler for TopHalf {
    fn handle(&self) -> IrqReturn {
        let used = self.used();
        let heard = acknowledge(used, || self.source.acknowledge_anywhere());
        without_thread(self.serve(heard, used, |mechanism| {
            if let Some(handler) = mechanism.anywhere() {
                handler.run();
            }
            ThreadedIrqReturn::Handled
        }))
    }
}

impl irq::ThreadedHandler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        self.serve_hard(irq)
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        if let Some(instance) = &self.mechanism {
            if let Some(bottom_half) = instance.mechanism.thread() {
                bottom_half.run(task);
            }
        }
        IrqReturn::Handled
    }
}

impl Line {
    /// Puts the lab's top half on the line, with `mechanism`. The caller has the
    /// line's state.
    ///
    /// Refusals: `EBUSY` if somebody on the same interrupt does not agree to what
    /// the mechanism needs, `ENODEV` after the device was unbound, `ENOMEM`.
    pub(super) fn put_on(&self, mechanism: Option<&Arc<Instance>>) -> Answer<OnLine> {
        let is_threaded = needs_thread(mechanism);
        if is_threaded {
            // Asked first, as the kernel would log it.
            let others = self.source.line().handlers()?;
            if !others.names.to_bytes().is_empty() && !others.are_oneshot {
                return Err(self.taken_by(&others, is_threaded));
            }
        }
        let top_half = TopHalf {
            line: self.name(),
            source: self.source.clone(),
            counts: self.counts.clone(),
            mechanism: mechanism.cloned(),
        };
        match self.requester.request(top_half) {
            Ok(on_line) => Ok(on_line),
            Err(EBUSY) => Err(self.taken_by(&self.source.line().handlers()?, is_threaded)),
            Err(ENODEV) => prevented!(ENODEV, "the device of {} was unbound", self.name()),
            Err(error) => refuse!(error, "the kernel takes no handler on {}", self.name()),
        }
    }

    /// Why `others` keep the lab off the line, and the cure.
    fn taken_by(&self, others: &irq::Handlers, is_threaded: bool) -> Refusal {
        let (name, irq, others) = (self.name(), self.source.line().irq(), &*others.names);
        if is_threaded {
            Refusal::prevented(
                EBUSY,
                fmt!(
                    "{name} shares interrupt {irq} with {others}, without a thread; on one interrupt \
                     all handlers have threads, or none. Unbind the other driver, boot with \
                     threadirqs, or insert irqlab with edu_msi=1"
                ),
            )
        } else {
            Refusal::prevented(
                EBUSY,
                fmt!("interrupt {irq} of {name} is taken by {others}; unbind that driver"),
            )
        }
    }
}

/// Whether `mechanism` runs in a thread of the line.
pub(super) fn needs_thread(mechanism: Option<&Arc<Instance>>) -> bool {
    mechanism.is_some_and(|instance| instance.mechanism.thread().is_some())
}

/// Requests a line's handlers in a kernel thread of the lab's own.
///
/// The kernel starts a thread for a threaded handler, and gives that up if a fatal
/// signal waits for the requesting task, or memory is short and it was chosen to be
/// killed. A line must get back its handler whatever happens to the task that had it.
pub(super) struct Requester(Pin<KBox<Work<Request>>>);

#[pin_data]
struct Request {
    line: Arc<irq::Line>,
    sharing: irq::Sharing,
    name: &'static CStr,
    /// One request at a time.
    #[pin]
    turn: Mutex<()>,
    #[pin]
    asked: Mutex<Option<TopHalf>>,
    #[pin]
    answer: Mutex<Option<Result<OnLine>>>,
}

impl Requester {
    pub(super) fn new(
        worker: Arc<Worker>,
        name: &'static CStr,
        source: &Arc<dyn Source>,
    ) -> Result<Self> {
        let request = try_pin_init!(Request {
            line: source.line().clone(),
            sharing: source.sharing(),
            name,
            turn <- new_mutex!((), "Request::turn"),
            asked <- new_mutex!(None, "Request::asked"),
            answer <- new_mutex!(None, "Request::answer"),
        }? Error);
        Ok(Self(KBox::pin_init(
            Work::new(worker, request),
            GFP_KERNEL,
        )?))
    }

    fn request(&self, top_half: TopHalf) -> Result<OnLine> {
        let task = Task::current().ok_or(EINVAL)?;
        let request = &self.0;
        let _turn = request.turn.lock();
        *request.asked.lock() = Some(top_half);
        request.queue();
        request.flush(task)?;
        let answer = request.answer.lock().take();
        answer.unwrap_or(Err(EINVAL))
    }
}

impl kthread::Handler<kthread::Kind> for Request {
    fn run(this: &Work<Self>, _task: &Task) {
        let Some(top_half) = this.asked.lock().take() else {
            return;
        };
        let mechanism = top_half.mechanism.as_ref();
        let answer = if needs_thread(mechanism) {
            this.line
                .request_threaded(this.sharing, this.name, Ok(top_half))
        } else if mechanism.is_some_and(|instance| instance.mechanism.anywhere().is_some()) {
            this.line
                .request_threadable(this.sharing, this.name, Ok(top_half))
        } else {
            this.line.request(this.sharing, this.name, Ok(top_half))
        };
        *this.answer.lock() = Some(answer);
    }
}
