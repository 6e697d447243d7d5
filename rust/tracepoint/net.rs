// SPDX-License-Identifier: GPL-2.0

//! The network.

use super::tracepoints;
use crate::bindings;
use kernel::prelude::*;

tracepoints! {
    /// The network takes a packet that a device has received.
    c"netif_receive_skb", __traceiter_netif_receive_skb(packet: *mut bindings::sk_buff) =>
    NetifReceiveSkb {
        /// Its bytes, without the device's own header.
        length: u32 = {
            // SAFETY: The tracepoint's packet is valid, and this CPU's alone.
            unsafe { (*packet).len }
        },
    }
}
