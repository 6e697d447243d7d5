// SPDX-License-Identifier: GPL-2.0

//! A page of user memory that a function of one's own provides, when it is touched first.
//!
//! ```text
//!     access ──▶ #PF ──▶ the kernel's page fault handler ──▶ Provider::provide ──▶ access again
//! ```
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    bindings,
    compat::this_module,
    context::{
        Context,
        Task, //
    },
    fixup::address::PAGE_SIZE,
    user::Mapping,
};
use kernel::{
    prelude::*,
    sync::Arc,
    types::ForeignOwnable,
    ModuleMetadata, //
};

/// Who provides the page.
pub trait Provider: Send + Sync + 'static {
    /// Is called in the page fault's handler, and may sleep. Then the page, full of zeros, is there.
    ///
    /// The token says no more than that. The handler holds a lock of the task's user space: the whole
    /// one's for reading, or the mapping's. Who changes that space, or has a page fault of it served, can
    /// wait for this lock, and so for itself, for ever. So this may not call [`Page::new`] or
    /// `user::Page::new`, drop a page of either type, or access user memory with
    /// [`Paging::Served`](crate::fixup::Paging::Served).
    fn provide(&self, task: &Task);
}

/// The page, in the current task's user space. Dropping it unmaps it, and drops the provider: user space may have
/// moved the mapping, and gets `SIGBUS` when it touches the page there.
///
/// The provider's module stays as long as there is a provider, also if the page is forgotten here.
///
/// ```
/// # use irqlab::{context::Task, demand::{Page, Provider}, fixup::{self, Address, Paging}};
/// # use kernel::{prelude::*, sync::Arc, ModuleMetadata};
/// struct Slow;
///
/// impl Provider for Slow {
///     fn provide(&self, task: &Task) {
///         task.sleep_ms(1);
///     }
/// }
///
/// fn wait_for_it<M: ModuleMetadata>(task: &Task) -> Result<u64> {
///     let page = Page::new::<M>(Arc::new(Slow, GFP_KERNEL)?, task)?;
///     fixup::read(&Address::user(page.address(), task)?, Paging::Served(task))
/// }
///
/// # use crate::LocalModule;
/// assert_eq!(wait_for_it::<LocalModule>(task)?, 0);
/// ```
pub struct Page<'a> {
    // First: nobody is to find it without a provider.
    mapping: Mapping<'a>,
    _provided: Provided,
}

impl<'a> Page<'a> {
    /// Maps it, somewhere. `M` is the module that this is called in.
    ///
    /// Errors: `ESRCH` if the task, a kernel thread, has no user space, `ENOMEM`.
    pub fn new<M: ModuleMetadata>(provider: Arc<impl Provider>, task: &'a Task) -> Result<Self> {
        Self::map(provider, this_module::<M>(), task)
    }

    fn map<T: Provider>(
        provider: Arc<T>,
        owner: &'static ThisModule,
        task: &'a Task,
    ) -> Result<Self> {
        let mut file = core::ptr::null_mut();
        let mapping = Mapping::new(task, || {
            let context = provider.into_foreign();
            // SAFETY: The context is of a `T`, for which both functions are. The C side calls `release`
            // once, after which nothing of it is left, whether or not this succeeds. Both are of the module
            // that calls this, which the C side keeps until then. The place for the file is this function's.
            unsafe {
                bindings::map_demand(
                    PAGE_SIZE,
                    Some(provide::<T>),
                    Some(release::<T>),
                    context.cast(),
                    owner.as_ptr(),
                    &mut file,
                )
            }
        })?;
        // INVARIANT: It was mapped, so that this is its file.
        let provided = Provided(file);
        Ok(Self {
            mapping,
            _provided: provided,
        })
    }

    /// Where it begins.
    pub fn address(&self) -> usize {
        self.mapping.address()
    }
}

/// The provider, as the C side has it. Dropping it waits until it does not provide, and drops it: the code of its
/// module is not called any more.
///
/// # Invariants
///
/// A file that the C side has mapped, with a reference to it.
struct Provided(*mut bindings::file);

impl Drop for Provided {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and never again. It may sleep: `Page` is dropped by the task that has made
        // it, as that one's token is neither `Send` nor `Sync`.
        unsafe { bindings::end_demand(self.0) };
    }
}

/// # Safety
///
/// For the C side, with the context of a `T`, before it is released.
unsafe extern "C" fn provide<T: Provider>(context: *mut c_void) {
    // SAFETY: By this function's contract.
    let provider = unsafe { Arc::<T>::borrow(context.cast()) };
    // SAFETY: The handler of a page fault on user memory may sleep.
    provider.provide(unsafe { Task::assume() });
}

/// # Safety
///
/// For the C side, once, with the context of a `T`.
unsafe extern "C" fn release<T: Provider>(context: *mut c_void) {
    // SAFETY: By this function's contract nobody uses it after this.
    drop(unsafe { Arc::<T>::from_foreign(context.cast()) });
}
