#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# report.sh [--all] [--collect FILE] - what this kernel does with an interrupt, on one page
#
# Sends interrupts down every line through every mechanism, puts all claims to the test, and prints
# what came of it; with --all, each claim with its whole evidence; with --collect, also puts all of it into a
# file, from which `irqlab report` makes a page for a browser. While that goes on, standard error says
# what is being done. What the lab refuses is left out, with the reason. Exit code: 0; 1 if a claim fails, an
# event was lost or something was refused; 4 without the module.

all=0 collect=
while [ $# != 0 ]; do
	case $1 in
	--all) all=1 ;;
	--collect) collect=$2 && shift ;;
	esac
	shift
done

lab=${IRQLAB:-/sys/kernel/debug/irqlab}
work=$(mktemp -d) || exit 1
trap 'kill $background 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
background=

# How many events to measure on the first line of a kind, with how many milliseconds for each
# mechanism: some wait for the tick. And on the other lines.
COUNT=100
BUDGET_MS=40
COUNT_OTHERS=2

if ! [ -e "$lab/claims" ]; then
	echo "report: $lab is not there: insert irqlab.ko, mount debugfs, be root" >&2
	exit 4
fi
if ! cat "$lab/claims" >"$work/claims.before" 2>/dev/null; then
	echo "report: $lab/claims cannot be read. Be root. Where the kernel is locked down" \
		"(/sys/kernel/security/lockdown), not even root may: boot without Secure Boot or lockdown=." >&2
	exit 4
fi

# tell FILE WORDS - give a command to the lab, or say why it was refused
tell() {
	echo "$2" 2>/dev/null >"$lab/$1" && return
	echo "$1: '$2' was refused: $(cat "$lab/last_error")" >>"$work/refused"
	tail -n 1 "$work/refused" | sed 's/^/report: /' >&2
	return 1
}

# show_progress - say every few seconds which step a long command is at
show_progress() {
	shown=
	while sleep 4; do
		{ read -r _ && read -r knob step steps item _; } <"$lab/progress" || return
		[ "$step" = - ] || [ "$steps" = 0 ] || [ "$knob $step" = "$shown" ] || echo "report: $knob: $item, $step of $steps" >&2
		shown="$knob $step"
	done
}

# lines - a row for each line: name, kind, irq, controller, raised, handled
lines() {
	for line in "$lab"/lines/*; do
		awk -v line="${line##*/}" '
			{ value[$1] = $2 }
			END { print line, value["kind"], value["irq"], value["controller"], value["raised"],
			            value["handled"] }' "$line/info"
	done
}

# has_a_table LINE - one of each kind; what the kernel simulates is as what the lab does
has_a_table() {
	case $1 in
	irqsim*) return 1 ;;
	*0) ;;
	*) return 1 ;;
	esac
}

# ---- Raise, measure, try -------------------------------------------------------------------------

names=$(cd "$lab/lines" && echo *)
if [ -r "$lab/progress" ]; then
	show_progress >/dev/null &
	background=$!
fi
lines >"$work/lines.before"
cat /proc/interrupts >"$work/interrupts.before"
for line in $names; do
	count=$COUNT_OTHERS
	! has_a_table "$line" || count=$COUNT
	echo "report: sending interrupts down the line $line, through every mechanism" >&2
	: >"$work/bench.$line"
	tell bench "line=$line count=$count budget_ms=$BUDGET_MS" || continue
	cat "$lab/bench" >"$work/bench.$line"
	# The distributions are only there until the next bench.
	[ ! "$collect" ] ||
		./irqlab collect --debugfs "$lab" --bench-only -o "$work/$line.json"
done
cat /proc/interrupts >"$work/interrupts.after"
lines >"$work/lines.after"

echo "report: putting $(grep -vc '^#' "$work/claims.before") claims to the test" >&2
# What some claims watch for.
./user_part all &
background="$background $!"
tell claims all
cat "$lab/claims" >"$work/claims.after"
# shellcheck disable=SC2086  # one or two
kill $background 2>/dev/null
background=

# ---- The page ------------------------------------------------------------------------------------

preemption=$(uname -v | grep -o 'PREEMPT_[A-Z]*')
dynamic=$(sed -n 's/.*(\(.*\)).*/\1/p' /sys/kernel/debug/sched/preempt 2>/dev/null)
model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
# Which versions irqlab has been tested with: those in a list that the guest has beside this file.
version=$(uname -r)
version=${version%%[+-]*}
tested=
if [ -e "${0%/*}/kernels.known" ]; then
	tested="Series ${version%.*}, version $version: one of those that irqlab has been tested with"
	grep -qxF "$version" "${0%/*}/kernels.known" ||
		tested="Series ${version%.*}, version $version: not one of those that irqlab has been tested with: $(
			tr '\n' ' ' <"${0%/*}/kernels.known")"
fi
cat <<END
irqlab on Linux $(uname -r) ($preemption${dynamic:+, $dynamic}), $(grep -c ^processor /proc/cpuinfo) CPUs ($model)${tested:+
$tested}

LINES: what was raised, what the lab's top half served, and what the kernel counted
  line    kind       irq  controller    raised    served    counted in /proc/interrupts
END
awk '
	FILENAME ~ /lines/ {
		if (FILENAME ~ /before/) {
			raised[$1] = $5
			handled[$1] = $6
			next
		}
		count++
		name[count] = $1
		row[count] = sprintf("  %-7s %-10s %3s  %-10s %9d %9d", $1, $2, $3, $4, $5 - raised[$1],
		                     $6 - handled[$1])
		irq[count] = $3
		shared[$3] = shared[$3] " " $1
		next
	}
	FNR == 1 { cpus = NF; next }
	{
		sub(":", "", $1)
		for (cpu = 0; cpu < cpus; cpu++)
			counted[$1, cpu] += FILENAME ~ /after/ ? $(cpu + 2) : -$(cpu + 2)
	}
	END {
		for (i = 1; i <= count; i++) {
			text = ""
			for (cpu = 0; cpu < cpus; cpu++)
				if (counted[irq[i], cpu] > 0)
					text = text (text ? ", " : "") counted[irq[i], cpu] " on CPU " cpu
			others = shared[irq[i]]
			sub(" " name[i], "", others)
			print row[i] "    " (text ? text : "nothing") (others ? " with" others : "")
		}
	}' "$work"/lines.before "$work"/lines.after "$work"/interrupts.*

measured=
for line in $names; do
	! has_a_table "$line" || ! grep -qv '^#' "$work/bench.$line" || measured="$measured $work/bench.$line"
done
echo
echo "MECHANISMS: from top half to bottom half, and on to a waiting task, in microseconds"
# shellcheck disable=SC2086  # none of these names has a blank
[ -z "$measured" ] || awk -v rows="$work/lines.after" '
	function us(ns) { return ns == "-" ? ns : sprintf("%.1f", ns / 1000) }
	BEGIN {
		while ((getline <rows) > 0)
			kind[$1] = $2
	}
	FNR == 1 {
		line = FILENAME
		sub(".*/bench.", "", line)
		heading = heading sprintf("  %-29s", line " (" kind[line] ")")
		names = names sprintf(" %9s %9s %9s ", "p50", "p99", "to task")
		nr_lines++
	}
	/^#/ { next }
	!($1 in row) { order[++nr] = $1 }
	{
		# Contexts that differ in the stack only are one.
		places = split($15, place, ";")
		groups = 0
		for (i = 1; i <= places; i++) {
			split(place[i], part, ",")
			context = part[1] ", " part[2]
			sub("-stack", "", part[3])
			if (!(context in stacks))
				contexts[++groups] = context
			stacks[context] = stacks[context] (stacks[context] ? "/" : "") part[3]
		}
		text = ""
		for (i = 1; i <= groups; i++) {
			text = text (text ? "; " : "") contexts[i] ", " stacks[contexts[i]] " stack"
			delete stacks[contexts[i]]
		}
		if ($15 ~ /^task/) {
			sub("/[0-9]*$", "", $16)
			text = text " (" $16 ")"
		}
		if ($4 == "-") {
			text = $0
			sub(".* # ", "", text)
		}
		# What the first line shows stands for the others.
		if (!($1 in ran_in))
			ran_in[$1] = text
		lost[$1] += $5
		while (columns[$1] < nr_lines - 1) {
			row[$1] = row[$1] sprintf(" %9s %9s %9s ", "", "", "")
			columns[$1]++
		}
		row[$1] = row[$1] sprintf(" %9s %9s %9s ", us($7), us($9), us($12))
		columns[$1]++
	}
	END {
		printf "  %-17s%s\n  %-17s%s  lost  bottom half ran in\n", "", heading, "mechanism", names
		for (i = 1; i <= nr; i++) {
			while (columns[order[i]]++ < nr_lines)
				row[order[i]] = row[order[i]] sprintf(" %9s %9s %9s ", "", "", "")
			printf "  %-17s%s %5d  %s\n", order[i], row[order[i]], lost[order[i]], ran_in[order[i]]
		}
	}' $measured
case $model in
*TCG*)
	echo "  The CPUs are emulated: compare the rows, do not take them for the times of a machine."
	;;
esac

echo
echo "CLAIMS: what textbooks state, put to the test on this kernel"
awk -v all="$all" '
	# Wraps the text; the first line begins with start. No more than so many lines, unless that is 0.
	function show(start, text, most,    words, word, i, line, lines) {
		words = split(text, word, " ")
		for (i = 1; i <= words; i++) {
			if (line && length(line) + 1 + length(word[i]) > 79) {
				if (most && ++lines == most) {
					line = line " …"
					break
				}
				printf "%-20s %s\n", start, line
				line = start = ""
			}
			line = line (line ? " " : "") word[i]
		}
		printf "%-20s %s\n", start, line
	}
	/^# [A-Z]+: / {
		printf "\n %s\n", substr($0, 2)
	}
	/^#/ { next }
	{
		split($0, part, "\"")
		show(sprintf("  %-8s %s", $1, $2), part[2])
		evidence = substr($0, length(part[1] part[2]) + 4)
		if (all || $2 == "fails")
			show("", evidence)
		else if ($2 != "holds")
			show("", evidence, 2)
	}' "$work/claims.after"

refused=0
if [ -e "$work/refused" ]; then
	refused=1
	echo
	echo "REFUSED by the lab"
	sed 's/^/  /' "$work/refused"
fi

echo
awk '
	/^# [A-Z]+: / {
		group[++groups] = substr($2, 1, length($2) - 1)
		title[groups] = $0
		sub("^# [A-Z]+: ", "", title[groups])
	}
	/^#/ { next }
	{ count[groups, $2]++ }
	END {
		print "SUMMARY   holds  outdated  skipped  FAIL"
		for (i = 1; i <= groups; i++)
			printf "  %-6s %6d %9d %8d %5d  %s\n", group[i], count[i, "holds"], count[i, "outdated"],
			       count[i, "skip"], count[i, "fails"], title[i]
	}' "$work/claims.after"
[ "$all" = 1 ] || echo "What each experiment saw: make run ALL=1, or in the guest ./report.sh --all, or cat claims"
cat "$work"/bench.* "$work"/claims.after | awk -v refused="$refused" '
	/^# [A-Z]+: / { is_claim = 1 }
	/^#/ { next }
	is_claim { claims++; verdict[$2]++; next }
	{ events += $4 + $5; lost += $5; asked++ }
	/# only/ && !/time was up/ { short++ }
	END {
		text = claims " claims:"
		kinds = split("holds outdated skip fails", kind, " ")
		split("hold outdated skipped FAIL", name, " ")
		for (i = 1; i <= kinds; i++)
			if (verdict[kind[i]]) {
				text = text separator " " verdict[kind[i]] " " name[i]
				separator = ","
			}
		print text "; " events " events measured, " (lost ? lost " LOST" : "none lost")
		exit verdict["fails"] || lost || short || refused || !claims || !events
	}'
code=$?

if [ "$collect" ]; then
	echo "report: collecting what a page for a browser shows" >&2
	./irqlab collect --debugfs "$lab" --measure --with "$work"/*.json -o "$collect" || exit
fi
exit $code
