#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Claims: every experiment gives a verdict with evidence, and its control, in which the one thing
# differs that the claim is about, fails.

. "$(dirname "$0")/lib.sh"

ids() {
	awk '!/^#/ { print $1 }' "$lab/claims"
}

groups() {
	ids | sed 's/-.*//' | sort -u
}

verdict() {
	awk -v id="$1" '$1 == id { print $2 }' "$lab/claims"
}

evidence() {
	sed -n "s/^$1 *[^ ]* *//p" "$lab/claims"
}

is_control() {
	case $(evidence "$1") in '[control: '*) ;; *) return 1 ;; esac
}

others() {
	grep -v "^$1 " "$lab/claims"
}

# must_be_real ID - the last run was of the experiment, and showed something
must_be_real() {
	evidence=$(evidence "$1")
	! is_control "$1" || fail "$1: still that of the control: $evidence"
	[ -n "$evidence" ] || fail "$1: no evidence"
	case $(verdict "$1") in
	holds | outdated | skip) ;;
	*) fail "$1: $(verdict "$1"): $evidence" ;;
	esac
}

gives_a_verdict() {
	before=$(others "$1")
	must claims "$1"
	must_be_real "$1"
	same "the other claims" "$(others "$1")" "$before"
	[ "$(verdict "$1")" != skip ] || skip "$(evidence "$1")"
}

can_fail() {
	before=$(others "$1")
	must claims "$1 control"
	is_control "$1" || fail "not marked as that of the control: $(evidence "$1")"
	same "the other claims" "$(others "$1")" "$before"
	case $(verdict "$1") in
	fails) ;;
	skip) skip "$(evidence "$1")" ;;
	*) fail "the control says $(verdict "$1"): $(evidence "$1")" ;;
	esac
}

# After the controls: the claims of the group change, and only they do.
runs_as_a_group() {
	before=$(others "$1-[0-9]*")
	must claims "$1"
	for id in $(ids | grep "^$1-"); do
		must_be_real "$id"
	done
	same "the other groups" "$(others "$1-[0-9]*")" "$before"
}

run_together() {
	id=$(ids | head -n 1)
	must claims "$id control"
	must claims all
	for id in $(ids); do
		must_be_real "$id"
	done
}

# What EXC-12 watches.
./user_exceptions raise 2>/dev/null &
raising=$!
trap 'kill $raising; rm -rf "$work"' EXIT

{
	ids | each gives_a_verdict
	ids | each can_fail
	groups | each runs_as_a_group
	echo run_together all
} 2>/dev/null | run_table
