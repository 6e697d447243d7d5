#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# consequences.sh [LINE [COUNT [MECHANISMS [US...]]]] - what bottom halves that work for so long do to others, as
# the tables of doc/choosing.md
#
# In a guest that counts instructions (`make consequences`) a nanosecond is an instruction, and the tables
# come out the same each time.

lab=${IRQLAB:-/sys/kernel/debug/irqlab}
line=${1:-sim0}
count=${2:-8}
mechanisms=${3:-all}
shift $(($# < 3 ? $# : 3))
[ $# != 0 ] || set -- 50 1000 20000
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

for us; do
	# Apart from each other: whoever was kept waiting by one event has had its turn before the next.
	command="line=$line count=$count mechanisms=$mechanisms bottom_us=$us period_us=$((us * 2 + 5000)) victims=1"
	if ! echo "$command" 2>/dev/null >"$lab/bench"; then
		echo "consequences: refused: $(cat "$lab/last_error")" >&2
		exit 1
	fi
	for table in latencies ran complaints; do
		grep -v '^#' "$lab/victims/$table" >>"$work/$table"
	done
done

# us(NS) - of nanoseconds, for awk
us='function us(ns) { return ns ~ /^[0-9]/ ? sprintf(ns < 9950 ? "%.1f" : "%.0f", ns / 1000) : "-" }'

echo "Linux $(uname -r), $(uname -v | grep -o 'PREEMPT_[A-Z]*'), line $line, $count events each."
echo "The longest wait in microseconds, while the bottom half works for $(echo "$*" | sed 's, , / ,g') microseconds:"
echo
awk "$us"'
	$3 != last { last = $3; length_of[++nr_lengths] = $3 }
	!($1 in is_known) { is_known[$1]; name[++names] = $1 }
	$5 != "here" { $4 = "elsewhere " $4 }
	{ cell[$1, $3, $4] = $9 }
	$5 != "here" { has_others = 1 }
	END {
		nr = split("timer,soft_timer,line,fifo,task" (has_others ? ",elsewhere task" : ""), victim, ",")
		printf "| mechanism | timer | timer, soft IRQ | other line | SCHED_FIFO task | ordinary task |"
		print (has_others ? " elsewhere |" : "")
		printf "|---"
		for (j = 1; j <= nr; j++)
			printf "|---:"
		print "|"
		for (i = 1; i <= names; i++) {
			printf "| `%s` |", name[i]
			for (j = 1; j <= nr; j++) {
				for (k = 1; k <= nr_lengths; k++)
					printf "%s %s", (k > 1 ? " /" : ""), us(cell[name[i], length_of[k], victim[j]])
				printf " |"
			}
			print ""
		}
	}' "$work/latencies"
echo
echo "When ksoftirqd took over first, in microseconds from the first event on, and how many of the soft IRQs it served:"
echo
awk "$us"'
	$3 != last { last = $3; length_of[++nr_lengths] = $3 }
	!($1 in is_known) { is_known[$1]; name[++names] = $1 }
	$4 != "softirq" { next }
	{ all[$1, $3] += $6 }
	$5 ~ "/ksoftirqd$" {
		by[$1, $3] += $6
		has_any[$1]
		if (!(($1, $3) in first) || $9 < first[$1, $3])
			first[$1, $3] = $9
	}
	END {
		printf "| mechanism |"
		for (k = 1; k <= nr_lengths; k++)
			printf " %d: from | of |", length_of[k]
		printf "\n|---|"
		for (k = 1; k <= nr_lengths; k++)
			printf "---:|---:|"
		print ""
		for (i = 1; i <= names; i++) {
			if (!(name[i] in has_any)) {
				others = others (others ? ", " : "") "`" name[i] "`"
				continue
			}
			printf "| `%s` |", name[i]
			for (k = 1; k <= nr_lengths; k++)
				printf " %s | %d of %d |", us(first[name[i], length_of[k]]), by[name[i], length_of[k]], \
					all[name[i], length_of[k]]
			print ""
		}
		print "\nNone: " (others ? others : "-") "."
	}' "$work/ran"
echo
if [ -s "$work/complaints" ]; then
	echo "What the kernel said: mechanism, work in top and bottom half, when, message:"
	echo
	sed 's/^/    /' "$work/complaints"
else
	echo "The kernel did not complain of any."
fi
