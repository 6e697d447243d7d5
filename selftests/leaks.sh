#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Leaks: nothing that the module allocated outlives it. Only for kernels with CONFIG_DEBUG_KMEMLEAK,
# booted with kmemleak=on; it misses fresh leaks unless booted with slab_debug=F too.

. "$(dirname "$0")/lib.sh"

kmemleak=/sys/kernel/debug/kmemleak

# leaves_nothing MODULE... - insert modules, use the lab, remove them, and look
leaves_nothing() {
	! is_inserted irqlab || rmmod irqlab irqlab_core
	# What has leaked before is not ours. The kernel that the short form is for has leaked nothing.
	is_short || echo scan >"$kmemleak"
	echo clear >"$kmemleak"
	inserted=
	for module; do
		insert "$module"
		inserted="$module $inserted"
	done
	must claims all
	is_short || must claims "all control"
	benches
	for module in $inserted; do
		rmmod "$module"
	done
	# An object counts as leaked if its age is some seconds and its contents did not change.
	sleep 6
	echo scan >"$kmemleak"
	echo scan >"$kmemleak"
	cat "$kmemleak" >"$work/leaks"
	insert irqlab
	! [ -s "$work/leaks" ] || fail "$(cat "$work/leaks")"
}

benches() {
	for line in $(lines); do
		must bench "line=$line count=10"
	done
}

# It scans when it is told to.
if ! echo scan=off 2>/dev/null >"$kmemleak"; then
	ktap_print_header
	ktap_skip_all "this kernel has no kmemleak, or it is off: boot with kmemleak=on slab_debug=F"
	exit "$KSFT_SKIP"
fi
run_table <<END
leaves_nothing irqlab_core irqlab irqlab_tasklet irqlab_old_bh irqlab_dpc irqlab_interrupt_thread irqlab_threaded irqlab_edu $(is_short || echo irqlab_stress)
END
