#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# KUnit: the unit tests of the files that need nothing but core, as they went in this kernel when the
# module was inserted. Only for kernels with CONFIG_KUNIT.

. "$(dirname "$0")/lib.sh"

kunit=/sys/kernel/debug/kunit

# cases - "passes SUITE CASE" for each test case of the module
cases() {
	for suite in "$kunit"/irqlab*; do
		sed -nE "s|^ +(not )?ok [0-9]+ ([^ ]+).*|passes ${suite##*/} \2|p" "$suite/results"
	done
}

passes() {
	grep -qE "^ +ok [0-9]+ $2( |\$)" "$kunit/$1/results" || fail "$(cat "$kunit/$1/results")"
}

if ! [ -d "$kunit" ]; then
	ktap_print_header
	ktap_skip_all "this kernel has no KUnit"
	exit "$KSFT_SKIP"
fi
cases | run_table
