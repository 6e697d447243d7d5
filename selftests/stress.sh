#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Stress: irqlab_stress.ko tests the library's types while it is inserted, and says in the kernel's log
# how each test went. Insertion fails if one of them did.

. "$(dirname "$0")/lib.sh"

said() {
	dmesg | sed -n 's/.*irqlab_stress: \(not ok\|ok\) - /\1 - /p'
}

# Several CPUs cancel one work item at once, as they may. While one takes it, by an atomic bit operation,
# the others read bits of the same word that this does not change, without telling KCSAN so. And who waits for a
# line's handlers first looks without a lock whether one runs, and looks again with it.
if [ -e /sys/kernel/debug/kcsan ]; then
	echo '!work_grab_pending' >/sys/kernel/debug/kcsan
	echo '!__synchronize_irq' >/sys/kernel/debug/kcsan
fi

ktap_print_header
before=$(said | wc -l)
# shellcheck disable=SC2046  # a parameter, or none
insert irqlab_stress $(is_short && echo operations=10000) 2>"$work/insmod"
code=$?
said | tail -n +$((before + 1)) >"$work/said"
if ! is_inserted irqlab_stress && ! [ -s "$work/said" ]; then
	ktap_skip_all "irqlab_stress.ko cannot be inserted: $(head -n 1 "$work/insmod")"
	exit "$KSFT_SKIP"
fi
! is_inserted irqlab_stress || rmmod irqlab_stress

ktap_set_plan $(($(wc -l <"$work/said") + 1))
while read -r result; do
	case $result in
	'ok - '*) ktap_test_pass "${result#ok - }" ;;
	*) ktap_test_fail "${result#not ok - }" ;;
	esac
done <"$work/said"
if [ "$KTAP_CNT_FAIL" = 0 ] && [ $code != 0 ]; then
	ktap_print_msg "$(cat "$work/insmod")"
	ktap_test_fail "irqlab_stress: inserted as no test failed"
else
	ktap_test_pass "irqlab_stress: inserted as no test failed"
fi
ktap_finished
