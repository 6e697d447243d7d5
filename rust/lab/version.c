// SPDX-License-Identifier: GPL-2.0
/*
 * Rust's module! has no version.
 */

#include <linux/module.h>

MODULE_VERSION(VERSION);
