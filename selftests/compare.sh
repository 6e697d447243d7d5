#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compare.sh [LINE [COUNT]] - all mechanisms side by side, on an idle CPU and under each load, as the
# tables of doc/choosing.md; and what an exception fixup costs
#
# In a guest that counts instructions (`make bench`) a nanosecond is an instruction, and the tables
# come out the same each time.

lab=${IRQLAB:-/sys/kernel/debug/irqlab}
line=${1:-sim0}
count=${2:-50}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

loads="softirq hog hog_fifo irqs_off"

for load in none $loads; do
	if ! echo "line=$line count=$count budget_ms=100 load=$load" 2>/dev/null >"$lab/bench"; then
		echo "compare: refused: $(cat "$lab/last_error")" >&2
		exit 1
	fi
	sed 's/ #.*//' "$lab/bench" >"$work/$load"
done

echo "Linux $(uname -r), $(uname -v | grep -o 'PREEMPT_[A-Z]*'), line $line, $count events each, nanoseconds:"
echo
awk '
	BEGIN {
		print "| mechanism | raise to top half, p50 | top to bottom half, p50 | p99 | bottom half to task, p50 | runs in |"
		print "|---|---:|---:|---:|---:|---|"
	}
	/^#/ { next }
	{
		split($15, place, ",")
		printf "| `%s` | %s | %s | %s | %s | %s |\n", $1, $6, $7, $9, $12, place[1]
	}' "$work/none"
echo
echo "Top to bottom half under load, p50 / p99:"
echo
# shellcheck disable=SC2086  # words
(cd "$work" && awk '
	BEGIN {
		printf "| mechanism |"
		for (i = 1; i < ARGC; i++)
			printf " %s |", ARGV[i] "" == "none" ? "idle" : ARGV[i]
		printf "\n|---|"
		for (i = 1; i < ARGC; i++)
			printf "---:|"
		print ""
	}
	/^#/ { next }
	FILENAME == "none" { name[++names] = $1 }
	{ cell[$1, FILENAME] = $7 " / " $9 }
	END {
		for (i = 1; i <= names; i++) {
			printf "| `%s` |", name[i]
			for (j = 1; j < ARGC; j++)
				printf " %s |", cell[name[i], ARGV[j]]
			print ""
		}
	}' none $loads)
echo
echo "An access that has an entry in the exception table, and one that has none (claim FIX-08):"
echo
echo FIX-08 >"$lab/claims" && sed -n 's/^FIX-08 *[a-z]* *//p' "$lab/claims"
