# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # who sources this reads `failed`, and sets `work`
#
# For tests on this machine that run a command after the other: KTAP of what is checked of the last one, whose
# output is in $work/said.

number=0 failed=0

# check NAME CONDITION... - and if that does not hold, show what was said
check() {
	local name=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		sed 's/^/# /' "$work/said"
		show_more | sed 's/^/# /'
		failed=1
	fi
}

# What else there is to show.
show_more() { :; }

# says TEXT - wherever its lines break
says() { tr -s ' \n' ' ' <"$work/said" | grep -qF -- "$1"; }
