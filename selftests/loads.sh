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
			none_fails "$group" "run $run under $1"
		done
		kill -0 "$loading" || fail "the load has ended"
		clean_up
		run=$((run + 1))
	done
	some_were_shown "under $1"
}

loads="fork traffic timers hogs"
is_short && loads=fork
{
	for load in $loads; do
		echo "stays_right $load ${RUNS:-1}"
	done
} | run_table
