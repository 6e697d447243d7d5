// SPDX-License-Identifier: GPL-2.0
/*
 * Exports the library crate's symbols to other modules. The list is generated
 * from the objects, see Kbuild; the types do not matter to the linker.
 */

#include <linux/export.h>
#include <linux/module.h>

#define EXPORT_SYMBOL_RUST_GPL(sym) extern int sym; EXPORT_SYMBOL_GPL(sym)

#include "exports_generated.h"

MODULE_VERSION(VERSION);
