#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads: claims are put to the test on machines that have other things to do. No claim may fail for
# that: its experiment holds all the same, or says what came between.
#
#   RUNS=   how often under each load (1)

. "$(dirname "$0")/lib.sh"

# stays_right LOAD RUNS - put all claims to the test so often under a load
stays_right() {
	run=1 shown=0
	while [ "$run" -le "$2" ]; do
		# Each for its run: neither goes on for ever.
		./user_part all 2>/dev/null &
		playing=$!
		./make_load "$1" &
		loading=$!
		cleanup="kill $loading $playing; wait $loading $playing"
		for group in $(claim_groups); do
			must claims "$group"
			# Who runs the tests waits for a word, which takes long where the host is busy, too.
			echo "# run $run under $1: $group" >&3
			if failed=$(failed_claims "$group"); then
				fail "in run $run: $failed"
			fi
			shown=$((shown + $(shown_claims "$group")))
		done
		kill -0 "$loading" || fail "the load has ended"
		clean_up
		run=$((run + 1))
	done
	echo "# under $1: $shown results that were not skipped" >&3
	[ $shown != 0 ] || skip "all were skipped, each time"
}

loads="fork traffic timers hogs"
is_short && loads=fork
{
	for load in $loads; do
		echo "stays_right $load ${RUNS:-1}"
	done
} | run_table
