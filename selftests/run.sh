#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [-l | -s] [-p N/M] [-o TEXT] [TEST...] - run the tests, on any machine with irqlab.ko inserted
#
#   -l      the long form, with 100 insertions where otherwise 10 do
#   -s      the short form, for kernels that check themselves and are slow: what the module does, but
#           less often, on fewer lines, with fewer inputs, and without what is not about the module
#   -p N/M  only the Nth of M parts of them
#   -o TEXT only the checks with that text in their names
#
# Gives KTAP, with the lines of each test indented below its name. Exit code: 0; 1 if anything failed; 4 if
# everything was skipped. A test also fails if the kernel warned while it ran.

cd "$(dirname "$0")" || exit 1
part=1/1
while getopts lsp:o: option; do
	case $option in
	l) export LONG=1 ;;
	s) export SHORT=1 ;;
	p) part=$OPTARG ;;
	o) export ONLY="$OPTARG" ;;
	*) exit 1 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# = 0 ]; then
	set -- claims.sh knobs.sh lifetime.sh lines.sh ipi.sh bad_input.sh stress.sh examples.sh exceptions.sh kunit.sh user_exceptions \
		samples.sh leaks.sh old_bh.sh loads.sh hotplug.sh soak.sh storm.sh tool.sh trace.sh victims.sh
	[ "${SHORT:-}" ] || set -- "$@" tlb_shootdown cleanups.sh
fi
index=0
for test; do
	[ $((index % ${part#*/} + 1)) != "${part%/*}" ] || set -- "$@" "$test"
	index=$((index + 1))
	shift
done
# busybox's does not end the whole process group, and its shell prefers it.
timeout=/usr/bin/timeout
[ -x "$timeout" ] || timeout=timeout
status=$(mktemp) || exit 1
trap 'rm -f "$status"' EXIT

# The taints that tell of trouble: bad page, oops, warning, soft lockup. An out-of-tree module taints
# too, which is no trouble.
find_troubles() {
	read -r taint </proc/sys/kernel/tainted
	troubles=$((taint & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14)))
}

echo "TAP version 13"
echo "1..$#"
number=0 failed=0 passed=0
for test; do
	number=$((number + 1))
	find_troubles
	before=$troubles
	{
		# In a process group of its own, which ends with it. A debug kernel is slow.
		"$timeout" 1800 "./$test" </dev/null 2>&1
		echo $? >"$status"
	} | while IFS= read -r line; do
		printf '    %s\n' "$line" # at once, unlike sed
		case $line in
		'TAP version '* | 'KTAP version '*) echo "    # Subtest: ${test%.sh}" ;;
		esac
	done
	result="ok $number ${test%.sh}"
	read -r code <"$status"
	find_troubles
	if [ "$troubles" != "$before" ]; then
		echo "# the kernel is in trouble; the end of its log:"
		dmesg | tail -n 40 | sed 's/^/#   /'
		code=1
	fi
	case $code in
	0) passed=$((passed + 1)) ;;
	4) result="$result # SKIP" ;;
	*)
		[ "$code" != 124 ] || echo "# not done in time"
		result="not $result"
		failed=$((failed + 1))
		;;
	esac
	echo "$result"
done
[ "$failed" = 0 ] || exit 1
[ "$passed" != 0 ] || exit 4
