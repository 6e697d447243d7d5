#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The bottom halves of Linux 2.4: what each command does to a slot, as old_bh/slots shows it. Slots 15
# to 31 had no owner then, and here they have none unless a check takes one.

. "$(dirname "$0")/lib.sh"

slots=old_bh/slots

# slot NUMBER - set value to its row: name, by whom it is taken, and the six numbers
slot() {
	while read -r number value; do
		[ "$number" != "$1" ] || break
	done <"$lab/$slots"
	# shellcheck disable=SC2086  # words
	set -- $value
	value="$*"
}

# counts NUMBER - set value to marks, runs, and turns while it was empty
counts() {
	slot "$1"
	# shellcheck disable=SC2086  # words
	set -- $value
	value="$5 $6 $8"
}

# state NUMBER - set value to who has taken it, how often it is disabled, and whether it is marked
state() {
	slot "$1"
	# shellcheck disable=SC2086  # words
	set -- $value
	value="$2 $3 $4"
}

# more NUMBER MARKS RUNS EMPTY - set expected to what counts has to be when so many have been added
more() {
	counts "$1"
	# shellcheck disable=SC2086  # numbers
	set -- "$2" "$3" "$4" $value
	expected="$(($4 + $1)) $(($5 + $2)) $(($6 + $3))"
}

# take NUMBER - until the check ends
take() {
	cleanup="give_back $1"
	must $slots "init $1"
	must_be "$1" "user 0 0"
}

give_back() {
	while tell $slots "enable $1" && [ "$answer" = ok ]; do :; done
	tell $slots "remove $1"
}

must_be() {
	state "$1"
	same "who has slot $1, how often it is disabled, whether it is marked" "$value" "$2"
}

# ---- The table -----------------------------------------------------------------------------------

has_32_slots_with_their_names() {
	awk '
		/^#/ { next }
		{
			rows++
			if ($1 != rows - 1 || ($1 < 15) != ($2 ~ /^[A-Z0-9]+_BH$/)) { print; bad = 1 }
			if ($2 == "IMMEDIATE_BH" && ($1 != 9 || $3 != "mechanism")) { print; bad = 1 }
		}
		END { exit bad || rows != 32 }' "$lab/$1" || exit 1
}

counts_what_the_mechanism_does() {
	more 9 10 10 0
	must deferral/old_bh/schedule 10
	becomes "marks, runs, empty turns" "$expected" counts 9
}

runs_once_for_all_marks() {
	take 20
	more 20 5 1 0
	must $slots "mark 20 count=5"
	becomes "marks, runs, empty turns" "$expected" counts 20
	more 20 1 1 0
	must $slots "mark 20"
	becomes "marks, runs, empty turns" "$expected" counts 20
}

does_nothing_while_it_is_empty() {
	must_be 21 "- 0 0"
	more 21 3 0 1
	must $slots "mark 21 count=3"
	becomes "marks, runs, empty turns" "$expected" counts 21
	must_be 21 "- 0 0"
}

waits_until_it_is_enabled_as_often() {
	take 22
	must $slots "disable 22"
	must $slots "disable 22"
	more 22 1 0 0
	must $slots "mark 22"
	for times in 2 1; do
		pause 0.05
		must_be 22 "user $times 1"
		finds "$expected" counts 22 || same "marks, runs, empty turns" "$value" "$expected"
		[ $times = 1 ] || must $slots "enable 22"
	done
	more 22 0 1 0
	must $slots "enable 22"
	becomes "marks, runs, empty turns" "$expected" counts 22
	must_be 22 "user 0 0"
}

runs_once_more_before_it_is_removed() {
	take 23
	more 23 1 1 0
	must $slots "mark 23"
	must $slots "remove 23"
	finds "$expected" counts 23 || same "marks, runs, empty turns" "$value" "$expected"
	must_be 23 "- 0 0"
}

refuses_what_its_state_forbids() {
	take 24
	must_answer $slots EBUSY "init 24"
	must_have_said $slots EBUSY
	must_answer $slots EPERM "enable 24"
	must_have_said $slots EPERM
	must $slots "disable 24"
	must_answer $slots EBUSY "remove 24"
	must_have_said $slots EBUSY
	must_be 24 "user 1 0"
	for _ in $(seq 99); do
		must $slots "disable 24"
	done
	must_answer $slots ERANGE "disable 24"
	must_have_said $slots ERANGE
	must_be 24 "user 100 0"
}

# ---- Lifetime ------------------------------------------------------------------------------------

restore() {
	rm -f "$work/busy"
	wait
	# With it go the slots that are taken, however often they are disabled.
	! is_inserted irqlab || remove
	insert irqlab
}

# All that can be taken are: a third is disabled and marked, the others are marked all the time, as is
# the mechanism's.
leaves_nothing_behind_with_all_busy() {
	cleanup=restore
	rounds=$((${LONG:-0} ? 100 : ${SHORT:-0} ? 2 : 10))
	: >"$work/busy"
	while [ -e "$work/busy" ]; do
		for number in 15 17 18 20 21 23; do
			echo "mark $number count=10" >"$lab/$slots"
		done
		echo 20 >"$lab/deferral/old_bh/schedule"
		pause 0.02
	done 2>/dev/null &
	for round in $(seq $rounds); do
		for number in $(seq 15 31); do
			must $slots "init $number"
			if [ $((number % 3)) = 1 ]; then
				must $slots "disable $number"
				must $slots "mark $number"
			fi
		done
		must_be 16 "user 1 1"
		eventually rmmod irqlab 2>"$work/rmmod" || fail "round $round: $(cat "$work/rmmod")"
		[ ! -e "$lab" ] || fail "round $round: $lab is left"
		insert irqlab || fail "round $round: cannot be inserted"
	done
	rm "$work/busy"
	wait
	counts_what_the_mechanism_does
}

{
	echo "has_32_slots_with_their_names $slots"
	echo "counts_what_the_mechanism_does $slots"
	echo "runs_once_for_all_marks $slots"
	echo "does_nothing_while_it_is_empty $slots"
	echo "waits_until_it_is_enabled_as_often $slots"
	echo "runs_once_more_before_it_is_removed $slots"
	echo "refuses_what_its_state_forbids $slots"
	echo "leaves_nothing_behind_with_all_busy irqlab"
} 2>/dev/null | run_table
