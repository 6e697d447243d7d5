// SPDX-License-Identifier: GPL-2.0

//! A line that is disabled for a while.

use super::registration::Registration;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Keeps a line disabled. Made by [`Registration::disable`] or [`Registration::disable_nosync`], whose
/// registration it holds: giving the line back meanwhile would reset its depth. May be dropped anywhere but
/// in an NMI.
///
/// # Invariants
///
/// The line counts it among those that it is disabled for, unless it was revoked.
pub struct Disabled<T: 'static>(Arc<Registration<T>>);

impl<T> Disabled<T> {
    /// Errors: `ENODEV` after the device was unbound.
    pub(super) fn new(registration: &Arc<Registration<T>>) -> Result<Self> {
        registration.line().disable()?;
        // INVARIANT: Just counted.
        Ok(Self(registration.clone()))
    }
}

impl<T> Drop for Disabled<T> {
    fn drop(&mut self) {
        // By the type invariant it is this guard's to undo.
        self.0.line().enable();
    }
}
