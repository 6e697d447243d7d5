#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Hotplug: CPUs go offline and come online all the time while claims are put to the test. No claim may
# fail for that: its experiment holds all the same, or says what came between. Last of the
# tests, as a kernel may trust its clock less when a CPU was offline.
#
#   RUNS=   how often all claims, group by group (1)

. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034  # lib.sh reads it
keeps_cpus=

switches=$(echo /sys/devices/system/cpu/cpu[1-9]*/online)
is_short && switches=${switches%% *}
case $switches in
*\**) switches= ;;
esac

# come_and_go - take each CPU offline and bring it back, as long as there is $work/going
come_and_go() {
	while [ -e "$work/going" ]; do
		for online in $switches; do
			echo 0 >"$online" && echo cycle >>"$work/cycles"
			pause 0.05
			echo 1 >"$online"
			pause 0.05
		done
	done 2>/dev/null
}

# never_fails WHICH TIMES - put claims to the test so often
never_fails() {
	[ "$switches" ] || skip "no CPU can be taken offline"
	: >"$work/going"
	: >"$work/cycles"
	come_and_go &
	changing=$!
	./user_part all 2>/dev/null &
	playing=$!
	cleanup="rm -f $work/going; kill $playing; wait $changing $playing"
	eventually test -s "$work/cycles" || skip "no CPU can be taken offline"
	run=0 shown=0
	while [ $run -lt "$2" ]; do
		none_fails "$1" "run $run"
		run=$((run + 1))
	done
	some_were_shown "$1"
	clean_up
	for online in $switches; do
		content "$online"
		same "$online" "$value" 1
	done
}

# allowed THREAD - set value to the CPUs that it may run on
allowed() {
	value=''
	for comm in /proc/[0-9]*/comm; do
		read -r name <"$comm" || continue
		[ "$name" = "$1" ] || continue
		while read -r key value; do
			[ "$key" != Cpus_allowed_list: ] || return 0
		done <"${comm%comm}status"
	done
	value=''
}

# is_bound_again - an interrupt thread that had to run while its CPU was offline is back there when
# it goes on the next time. Of level 4: there is one of level 5 for each mechanism, too.
is_bound_again() {
	[ "$switches" ] || skip "no CPU can be taken offline"
	online=${switches%% *}
	home=${online%/online}
	home=${home##*cpu}
	cleanup="echo 1 >$online; echo 0 >$lab/$1/on; echo level=4 wait=nothing >$lab/$1/handlers"
	must "$1/on" 1
	must "$1/handlers" "level=4 wait=release"
	allowed "intr_4/$home"
	same "at first" "$value" "$home"
	must "$1/raise" "level=4 cpu=$home"
	echo 0 >"$online" || skip "no CPU can be taken offline"
	must "$1/release" 4
	becomes "level 4" "- 1 0 1 1 1" level "$home" 4
	echo 1 >"$online"
	must "$1/raise" "level=4 cpu=$home"
	must "$1/release" 4
	becomes "level 4" "- 2 0 2 2 2" level "$home" 4
	allowed "intr_4/$home"
	same "afterwards" "$value" "$home"
}

# serves_a_cpu_that_was_offline MECHANISM - as the module was inserted: no event may be lost there
serves_a_cpu_that_was_offline() {
	[ "$switches" ] || skip "no CPU can be taken offline"
	online=${switches%% *}
	late=${online%/online}
	late=${late##*cpu}
	cleanup="echo 1 >$online; is_inserted irqlab || insert irqlab"
	remove
	echo 0 >"$online" || skip "no CPU can be taken offline"
	insert irqlab || fail "the module was not inserted"
	echo 1 >"$online"
	must bench "line=sim0 cpu=$late count=20 budget_ms=20000 mechanisms=$1"
	sed -n "s/^$1 /&/p" "$lab/bench"
	same "count, lost, CPUs of the halves" "$(awk -v name="$1" '$1 == name { print $4, $5, $17, $18 }' "$lab/bench")" \
		"20 0 $late $late"
}

# stayed_away - how often the lab has complained of a CPU
stayed_away() {
	dmesg | grep -c 'does not come back online'
}

# shows_if_allowed ID EXPERIMENT CONTROL - one that takes a CPU offline itself, which the user has to allow; what the
# evidence of either has to have
shows_if_allowed() {
	[ "$switches" ] || skip "no CPU can be taken offline"
	cleanup='remove; insert irqlab'
	before=$(stayed_away)
	remove
	insert irqlab dangerous=1 || fail "the module was not inserted"
	must claims "$1"
	grep -Eq "^$1 *holds .*$2" "$lab/claims" || fail "$(grep "^$1 " "$lab/claims")"
	must claims "$1 control"
	grep -Eq "^$1 *fails .*$3" "$lab/claims" || fail "$(grep "^$1 " "$lab/claims")"
	same "CPUs that did not come back, by the log" "$(stayed_away)" "$before"
}

# shows ID - all CPUs are back, and so has this to hold
shows() {
	must claims "$1"
	grep -q "^$1 *holds " "$lab/claims" || fail "$(grep "^$1 " "$lab/claims")"
}

run_table <<-END
	$(claim_groups 2>/dev/null | each never_fails "${RUNS:-1}")
	never_fails TASK-03 $((${SHORT:-0} ? 10 : 50))
	is_bound_again interrupt_threads
	serves_a_cpu_that_was_offline int_thread
	serves_a_cpu_that_was_offline int_thread_blocks
	serves_a_cpu_that_was_offline dpc
	serves_a_cpu_that_was_offline dpc_threaded
	shows_if_allowed IPI-13 INIT.[1-9][0-9]*.times;.start-up.[1-9][0-9]*.times INIT.0.times.*;.it.is.online.again
	shows TASK-01
	shows TASK-03
	shows WORK-03
END
