// SPDX-License-Identifier: GPL-2.0

//! Interrupt lines and the handlers on them.
//!
//! ```text
//!    device ──owns──▶ Line ◀──requests── Registration ──calls──▶ your handler
//!      │ unbinds        │ revoked: no        │ dropped: freed
//!      └───────────────▶┘ handler any more   └
//! ```
//!
//! A [`Line`] belongs to a bound device. While the device is bound, handlers
//! come and go: [`Line::request`] and [`Line::request_threaded`] give a
//! [`Registration`], and dropping it frees the handler. When the device is
//! unbound first, the line is revoked: every handler is freed then, and later
//! requests answer `ENODEV`.
//!
//! This differs from `kernel::irq`, whose registrations borrow the bound device
//! and therefore cannot be made later than `probe`, nor without `unsafe`.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

mod action;
mod affinity;
mod disabled;
mod gate;
mod handler;
mod info;
mod late;
mod line;
mod options;
mod registration;

pub use affinity::Affinity;

pub use disabled::Disabled;

pub use handler::{
    Handler,
    IrqReturn,
    ThreadableHandler,
    ThreadedHandler,
    ThreadedIrqReturn, //
};

pub use info::{
    isa_lines,
    ChipName,
    Handlers,
    Info, //
};

pub(crate) use late::LateQueue;

pub use line::Line;

pub use options::{
    Options,
    Sharing,
    Trigger, //
};

pub use registration::Registration;
