#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Cleanups: a check of the other tests may end at any point, as it fails there. Whatever it has changed until
# then, its cleanup puts back.

. "$(dirname "$0")/lib.sh"

# puts_back TEST N - each of its checks is broken off after its Nth command to the lab
puts_back() {
	BREAK=$2 ONLY='' "./$1" >"$work/ktap" 2>&1
	! grep -A 9 '^# not as it was' "$work/ktap" || fail "not all is put back"
	grep -q '^ok .* lab: leaves all as it was' "$work/ktap" || fail "$(tail -n 9 "$work/ktap")"
}

run_table <<-END
	puts_back knobs.sh 1
	puts_back knobs.sh 2
	puts_back bad_input.sh 1
	puts_back old_bh.sh 1
	puts_back lines.sh 1
END
