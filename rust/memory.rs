// SPDX-License-Identifier: GPL-2.0

//! What a module takes of the kernel's memory by being there.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use crate::{
    bindings,
    compat::this_module, //
};
use kernel::ModuleMetadata;

/// The bytes of a module, in whole pages.
///
/// ```
/// # use irqlab::memory::Module;
/// # use kernel::{prelude::*, ModuleMetadata};
/// fn show<M: ModuleMetadata>() {
///     let Module { text, rodata, data } = Module::of::<M>();
///     pr_info!("{} of code, {} of constants, {} of variables\n", text, rodata, data);
/// }
///
/// # use crate::LocalModule;
/// show::<LocalModule>();
/// assert!(Module::of::<LocalModule>().text > 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// Code.
    pub text: u32,
    /// What does not change, or not any more once the module has begun.
    pub rodata: u32,
    /// What does.
    pub data: u32,
}

impl Module {
    /// Those of the module whose `module!` names `M`.
    pub fn of<M: ModuleMetadata>() -> Self {
        // SAFETY: The kernel has filled in the sizes before it began the module, and they stay as long as its code,
        // a part of which this is.
        let memory = unsafe { &(*this_module::<M>().as_ptr()).mem };
        let size = |part: bindings::mod_mem_type| memory[part as usize].size;
        Self {
            text: size(bindings::mod_mem_type_MOD_TEXT),
            rodata: size(bindings::mod_mem_type_MOD_RODATA)
                + size(bindings::mod_mem_type_MOD_RO_AFTER_INIT),
            data: size(bindings::mod_mem_type_MOD_DATA),
        }
    }

    /// Those of this library's module.
    ///
    /// ```
    /// # use irqlab::memory::Module;
    /// assert!(Module::of_library().text > 0);
    /// ```
    pub fn of_library() -> Self {
        Self::of::<crate::LocalModule>()
    }
}
