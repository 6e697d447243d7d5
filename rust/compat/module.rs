// SPDX-License-Identifier: GPL-2.0

//! The module that a type stands for, and the values of its parameters.

use core::borrow::Borrow;

/// The value of a module's parameter, of which `value()` returns a copy or a reference.
///
/// ```no_run
/// /// For a parameter of one's own module, of which `module!` makes this.
/// fn is_set(parameter: &kernel::module_param::ModuleParamAccess<u8>) -> bool {
///     irqlab::parameter::<u8>(parameter.value()) != 0
/// }
/// ```
pub fn parameter<T: Copy>(value: impl Borrow<T>) -> T {
    *value.borrow()
}

#[cfg(kernel_has_this_module)]
pub(crate) use kernel::module::this_module;

/// The module whose `module!` names `M`.
#[cfg(not(kernel_has_this_module))]
pub(crate) const fn this_module<M: kernel::ModuleMetadata>() -> &'static kernel::ThisModule {
    struct Of<M>(core::marker::PhantomData<M>);

    impl<M: kernel::ModuleMetadata> Of<M> {
        const THIS_MODULE: kernel::ThisModule = {
            #[expect(improper_ctypes, reason = "only its address is taken")]
            extern "C" {
                static __this_module: kernel::types::Opaque<kernel::bindings::module>;
            }
            // SAFETY: Every module has a `__this_module` of its own, which lives as long as its code. The
            // linker takes that of the module which this constant is in. It depends on `M`, which only the
            // crate that implements `ModuleMetadata` for it, or one built on that, knows.
            unsafe { kernel::ThisModule::from_ptr(__this_module.get()) }
        };
    }

    &Of::<M>::THIS_MODULE
}
