// SPDX-License-Identifier: GPL-2.0

//! The network, as far as it makes soft IRQs: a packet that the machine sends to itself.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// The bytes of the headers in front of the data: of IPv4, and of UDP.
///
/// ```
/// # use irqlab::{context::Unsleeping, net::HEADERS, tracepoint::{NetifReceiveSkb, Observer}};
/// # use kernel::sync::atomic::{Atomic, Relaxed};
/// /// Counts packets with 100 bytes of data.
/// struct Seen(Atomic<usize>);
///
/// impl Observer<NetifReceiveSkb> for Seen {
///     fn observe(&self, packet: &NetifReceiveSkb, _context: &Unsleeping) {
///         if packet.length == HEADERS + 100 {
///             self.0.add(1, Relaxed);
///         }
///     }
/// }
///
/// # use irqlab::{net, tracepoint::Attached};
/// # use kernel::{prelude::*, sync::Arc};
/// let mut attached = Attached::new(Arc::new(Seen(Atomic::new(0)), GFP_KERNEL)?);
/// # if cfg!(not(CONFIG_NET)) { skip!("a kernel without a network") }
/// attached.to::<NetifReceiveSkb>()?;
/// # if net::send_to_self(&mut [0; 100], task).is_err() { skip!("no loopback device") }
/// net::send_to_self(&mut [0; 100], task)?;
/// # eventually!(task, attached.observer().0.load(Relaxed) > 0);
/// // A moment later:
/// assert!(attached.observer().0.load(Relaxed) >= 1);
/// ```
pub const HEADERS: u32 = 20 + 8;

/// Sends a UDP datagram with `data` through the loopback device, to a port where nobody waits for it.
///
/// Errors: `ENETUNREACH` if the loopback device is down, `EAFNOSUPPORT` if the kernel has no IPv4,
/// `ENOMEM`, and what else the network answers.
///
/// ```
/// # use irqlab::{context::Task, net};
/// # use kernel::prelude::*;
/// fn raise_net_rx(task: &Task) -> Result {
///     net::send_to_self(&mut [0; 100], task)
/// }
///
/// # // ENETUNREACH, EAFNOSUPPORT
/// # let is_missing = |error: Error| matches!(error.to_errno(), -101 | -97);
/// # if raise_net_rx(task).is_err_and(is_missing) { skip!("no loopback device") }
/// assert_eq!(raise_net_rx(task), Ok(()));
/// ```
pub fn send_to_self(data: &mut [u8], _task: &Task) -> Result {
    // SAFETY: As many bytes are valid, which C only reads; the token proves that this may sleep.
    to_result(unsafe { bindings::send_to_self(data.as_mut_ptr().cast(), data.len()) })
}
