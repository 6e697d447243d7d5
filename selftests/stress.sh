#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Stress: irqlab_stress.ko tests the library's types while it is inserted, and says in the kernel's log
# how each test went. Insertion fails if one of them did.

. "$(dirname "$0")/lib.sh"

# Several CPUs cancel one work item at once, as they may. While one takes it, by an atomic bit operation,
# the others read bits of the same word that this does not change, without telling KCSAN so. And who waits for a
# line's handlers first looks without a lock whether one runs, and looks again with it.
if [ -e /sys/kernel/debug/kcsan ]; then
	echo '!work_grab_pending' >/sys/kernel/debug/kcsan
	echo '!__synchronize_irq' >/sys/kernel/debug/kcsan
fi

# shellcheck disable=SC2046  # a parameter, or none
pass_on irqlab_stress $(is_short && echo operations=10000)
