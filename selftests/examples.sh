#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Examples: irqlab_examples.ko runs those of the library's documentation while it is inserted, and then gives up
# on purpose, so that nothing may have been left to be done by its code. A test is named by
# the file and the line of its example.

. "$(dirname "$0")/lib.sh"

due=ECANCELED
pass_on irqlab_examples
