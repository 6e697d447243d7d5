#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the guest, where the module is inserted.

# shellcheck source=/dev/null
. ./ktap_helpers.sh

line=/sys/kernel/debug/@NAME@/line

# check TITLE COMMAND... - one test, which passes if the command succeeds
check() {
	title=$1
	shift
	if "$@"; then ktap_test_pass "$title"; else ktap_test_fail "$title"; fi
}

runs_both_halves() {
	for _ in 1 2 3; do
		echo raise >"$line"
		usleep 100000
	done
	[ "$(cat "$line")" = "top half 3, tasklet 3" ]
}

is_counted_by_the_kernel() {
	[ "$(awk '/ @NAME@$/ { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i; print sum }' /proc/interrupts)" = 3 ]
}

refuses_what_it_does_not_know() {
	! echo nonsense 2>/dev/null >"$line"
}

ktap_print_header
ktap_set_plan 4
check "runs both halves" runs_both_halves
check "is counted by the kernel" is_counted_by_the_kernel
check "refuses what it does not know" refuses_what_it_does_not_know
check "can be removed" rmmod @NAME@
ktap_finished
