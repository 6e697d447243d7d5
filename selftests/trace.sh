#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The module's own trace events, as the kernel's tracer shows them: their fields, and their counts beside the
# lab's and those of the kernel's own events.

. "$(dirname "$0")/lib.sh"

# end_trace - nothing more is traced; what was is in $work/trace, an event a line: name, fields
end_trace() {
	echo 0 >$instance/events/enable
	sed -n 's/^ .*\[[0-9]*\] [^ ]* *[0-9.]*: \([a-z_]*\): /\1 /p' $instance/trace >"$work/trace"
}

# traced PATTERN - set value to how many events match
traced() {
	value=$(grep -Ec "^$1" "$work/trace")
}

# all_are WANTED PATTERN... - of each there are so many
all_are() {
	due=$1
	shift
	for pattern; do
		traced "$pattern"
		same "events '$pattern'" "$value" "$due"
	done
}

# has_fields EVENT FIELD... - as a tracer finds them
has_fields() {
	trace "irqlab/$1"
	format=$instance/events/irqlab/$1/format
	shift
	for field; do
		grep -q "field:.*[ :]$field;" "$format" || fail "no field $field: $(cat "$format")"
	done
}

# One interrupt after the other: each has a number, which goes from the raising to the task.
follows_an_interrupt() {
	mechanism=$1 count=20
	info sim0 handled
	before=$value
	info sim0 irq
	irq=$value
	trace irqlab/raise irqlab/top irqlab/bottom irqlab/wake irq/irq_handler_entry
	must "deferral/$mechanism/schedule" $count
	end_trace
	info sim0 handled
	same "handled" $((value - before)) $count
	all_are $count "raise line=sim0 mechanism=$mechanism event=" "top line=sim0 mechanism=$mechanism event=" \
		"bottom mechanism=$mechanism event=" "wake mechanism=$mechanism event=" "irq_handler_entry irq=$irq name=sim0"
	awk '
		$1 == "irq_handler_entry" { next }
		{
			for (i = 2; i <= NF; i++)
				if (sub("^event=", "", $i)) {
					number = $i + 0
					way[number] = way[number] " " $1
					if (!first || number < first) first = number
					if (number > last) last = number
				}
		}
		END {
			for (n in way)
				if (way[n] != " raise top bottom wake") { print n ":" way[n]; wrong = 1 }
			if (last - first + 1 != '$count') { print "numbers " first " to " last; wrong = 1 }
			exit wrong
		}' "$work/trace" || fail "no way of an interrupt"
}

# Latencies are those of the lab's own distribution: none is below its least, or above its greatest.
agrees_on_latencies() {
	must "deferral/$1/latency" clear
	trace irqlab/top irqlab/bottom irqlab/wake
	must "deferral/$1/schedule" 20
	end_trace
	awk '
		FILENAME ~ /trace$/ {
			stage = $1 == "wake" ? "waiter" : $1
			for (i = 2; i <= NF; i++)
				if (sub("^latency_ns=", "", $i)) seen[stage, ++n[stage]] = $i + 0
			next
		}
		/^#/ { next }
		{
			counted[$1] += $4
			for (i = 1; i <= n[$1]; i++)
				if (seen[$1, i] >= $2 + 0 && seen[$1, i] <= $3 + 0 && !done[$1, i]++) found[$1]++
		}
		END {
			for (stage in n)
				if (n[stage] != 20 || found[stage] != 20 || counted[stage] != 20) {
					print stage ": traced " n[stage] ", counted " counted[stage] ", in the same buckets " found[stage]
					wrong = 1
				}
			exit wrong || n["top"] != 20
		}' "$work/trace" "$lab/deferral/$1/latency" || fail "not the same"
}

# What the kernel's own events say of the same interrupts, in the same run: as many of them, and as long a way from
# the top half to the bottom half. The tracer's own time between two of its events is the lab's to tell: both
# have an event of the lab right behind them. Microseconds are what the tracer shows.
agrees_with_the_kernels_own_events() {
	info sim0 irq
	irq=$value
	must "deferral/$1/latency" clear
	trace irqlab/top irqlab/bottom irq/irq_handler_entry "$2"
	must "deferral/$1/schedule" 51
	echo 0 >$instance/events/enable
	sed -n 's/^ .*\[[0-9]*\] [^ ]* *\([0-9.]*\): \([a-z_]*\): /\1 \2 /p' $instance/trace |
		awk -v irq="irq=$irq" -v own="${2#*/}" -v mechanism="mechanism=$1" '
			$2 == "irq_handler_entry" && $3 == irq { entered = $1; nr_entered++ }
			$2 == "top" { top = $1 }
			$2 == own { begun = $1 }
			$2 == "bottom" && $3 == mechanism {
				nr_begun++
				print "way", (begun - entered) * 1e9
				print "probes", (top - entered + $1 - begun) * 1e9
			}
			END { print "counts", nr_entered, nr_begun }' >"$work/seen"
	same "interrupts and bottom halves" "$(sed -n 's/^counts //p' "$work/seen")" "51 51"
	ran_bottom "$1"
	same "bottom halves that the lab has recorded" "$value" 51
	# The 26th of 51, in order.
	for what in way probes; do
		sed -n "s/^$what //p" "$work/seen" | sort -n | sed -n 26p >"$work/median.$what"
	done
	awk -v way="$(cat "$work/median.way")" -v probes="$(cat "$work/median.probes")" '
		$1 == "bottom" {
			sum += $4
			if (sum >= 26 && !done++) {
				off = way < $2 ? $2 - way : way > $3 ? way - $3 : 0
				print "lab", $2, "to", $3, "kernel", way, "probes", probes
				exit off > probes + 2000
			}
		}' "$lab/deferral/$1/latency" || fail "medians differ by more than the probes take"
}

# Programs in eBPF, attached to the kernel's own events, count the same: as many, and of times as long, but that they
# have buckets from each power of two to the next, and that their own time is in some of it.
agrees_with_ebpf() {
	info sim0 irq
	begin_ebpf "$value" "$2"
	must "deferral/$1/latency" clear
	must "deferral/$1/schedule" 51
	end_ebpf
	same "events that eBPF has missed" "$(sed -n 's/^missed //p' "$work/ebpf")" 0
	ran_bottom "$1"
	same "bottom halves that the lab has recorded" "$value" 51
	awk '
		BEGIN { wrong = 1 }
		# The bucket of the 26th of 51, in order.
		$1 == "bucket" { counted += $4; if (counted >= 26 && !high++) { least = $2 / 2; most = $3 * 2 } }
		$1 == "bottom" {
			sum += $4
			if (sum >= 26 && !done++) {
				print "eBPF has counted " counted ", the lab: " $2 " to " $3 ", eBPF: " least * 2 " to " most / 2
				wrong = counted != 51 || $3 < least || $2 > most
			}
		}
		END { exit wrong }' "$work/ebpf" "$lab/deferral/$1/latency" || fail "they do not agree"
}

# ran_bottom MECHANISM - set value to how often its bottom half ran
ran_bottom() {
	value=$(awk '/^#stage last/ { exit } $1 == "bottom" { sum += $2 } END { print sum + 0 }' "$lab/deferral/$1/context")
}

shows_lines_without_a_mechanism() {
	must "lines/$1/handlers" none
	info "$1" handled
	before=$value
	trace irqlab/raise irqlab/top
	# One after the other: of a device that keeps its line raised, several are served as one.
	for nth in 0 1 2 3 4; do
		must "lines/$1/trigger" 1
		eventually is_more "$1" $((before + nth)) || fail "not handled"
	done
	end_trace
	all_are 5 "raise line=$1 mechanism=none event=0$" "top line=$1 mechanism=none event=0 "
}

# Beside the lab's own counts, for every kind that can do it.
counts_calls() {
	[ "$(grep -c ^processor /proc/cpuinfo)" != 1 ] || skip "there is no other CPU"
	trace irqlab/call_send irqlab/call_run
	must ipi/call "kind=$1 count=5 wait=$2"
	end_trace
	# shellcheck disable=SC2046  # three numbers
	set -- "$1" $(awk '!/^#/ { asked += $6 + $9; ran += $7; hard += $8 } END { print asked, ran, hard }' "$lab/ipi/call")
	[ "$3" -gt 0 ] || fail "no call ran"
	all_are "$2" "call_send kind=$1 target="
	all_are "$3" "call_run kind=$1 in_hardirq="
	all_are "$4" "call_run kind=$1 in_hardirq=1"
}

counts_faults() {
	trace irqlab/fault exceptions/page_fault_kernel
	must fixup/access reset
	must fixup/access "user_unmapped $1 count=5"
	end_trace
	seen=$(awk '$1 == "user_unmapped" { print $8 }' "$lab/fixup/access")
	same "attempts of which the lab has seen an exception" "$seen" 5
	traced "fault vector=14 error_code=0x0 address=0x[0-9a-f]+ ip=irqlab_load.* fixup=irqlab_load"
	# The lab has touched a page of memory before, to have it there.
	within "faults" "$value" 5 6
	all_are "$value" "page_fault_kernel address=.* ip=irqlab_load"
}

shows_verdicts() {
	trace irqlab/verdict
	must claims TASK-01
	must claims "TASK-01 control"
	must claims TASK-01
	end_trace
	all_are 2 "verdict id=TASK-01 verdict=holds is_control=0"
	all_are 1 "verdict id=TASK-01 verdict=fails is_control=1"
	all_are 3 verdict
}

# A tracer that has gone leaves nothing behind.
tells_nobody_when_off() {
	trace irqlab/raise irqlab/top irqlab/bottom irqlab/wake
	end_trace
	must deferral/tasklet/schedule 3
	end_trace
	all_are 0 ""
}

{
	echo "has_fields raise line mechanism event common_pid"
	echo "has_fields top line mechanism event latency_ns"
	echo "has_fields bottom mechanism event latency_ns"
	echo "has_fields wake mechanism event latency_ns"
	echo "has_fields call_send kind target"
	echo "has_fields call_run kind in_hardirq"
	echo "has_fields fault vector error_code address ip fixup"
	echo "has_fields verdict id verdict is_control"
	mechanisms | each follows_an_interrupt
	echo "agrees_on_latencies tasklet"
	echo "agrees_on_latencies kthread"
	echo "agrees_with_the_kernels_own_events tasklet irq/tasklet_entry"
	echo "agrees_with_the_kernels_own_events percpu_wq workqueue/workqueue_execute_start"
	echo "agrees_with_ebpf tasklet tasklet_entry"
	lines | each shows_lines_without_a_mechanism
	for kind in single async irq_work broadcast each self; do
		echo "counts_calls $kind 1"
	done
	echo "counts_calls any 1"
	echo "counts_calls single 0"
	echo "counts_calls async 0"
	for context in task softirq hardirq nmi; do
		echo "counts_faults $context"
	done
	echo "shows_verdicts TASK-01"
	echo "tells_nobody_when_off irqlab"
} | run_table
