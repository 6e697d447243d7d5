#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compare.sh PART... - what one event costs in irqlab and in C, as rows that tools/bench makes tables of
#
# Parts: mechanisms, few, loads, bursts, tracing, fixup, calls. In a guest that counts instructions (`make bench`) a
# nanosecond is an instruction, and the rows come out the same each time. LINE, COUNT and MECHANISMS are the
# line, how many events, and of which mechanisms (by default of all).

. "$(dirname "$0")/lib.sh"

line=${LINE:-sim0}
count=${COUNT:-200}
mechanisms=${MECHANISMS:-all}
in_c=/sys/kernel/debug/irqlab_deferral_c
tracing=/sys/kernel/tracing/events

# Those that stand for the others where one thing grows: the top half itself, each kind of soft IRQ and of thread.
few=hard,tasklet,bh_wq,threaded,kthread,percpu_wq

# Of such lists, names on both sides; "all" is everybody.
both() {
	[ "$1" != all ] || { echo "$2"; return; }
	[ "$2" != all ] || { echo "$1"; return; }
	echo "$1" | tr , '\n' | grep -xF "$(echo "$2" | tr , '\n')" | tr '\n' , | sed 's/,$//'
}

# rows WHO WHAT FILE - of a bench's table; WHAT is cpus, burst, load and what is traced
rows() {
	awk -v who="$1" -v what="$2" '
		/^#mechanism/ {
			sub("^#", "")
			for (i = 1; i <= NF; i++)
				at[$i] = i
		}
		function cell(name) { return name in at ? $at[name] : "-" }
		/^#/ || $1 == "mechanism" { next }
		{
			sub(/ #.*/, "")
			split(cell("contexts"), place, /[,;]/)
			print "event", who, $1, what, cell("count"), cell("lost"), cell("irq_min"), cell("min"), cell("wake_min"),
			      cell("irq_p50"), cell("p50"), cell("p99"), cell("wake_p50"), place[1] ? place[1] : "-"
		}' "$3"
}

# events MECHANISMS BURST LOAD TRACED COUNT [KEY=VALUE...] - what irqlab's bench says, and C's if nothing is loaded
events() {
	what="$(grep -c ^processor /proc/cpuinfo) $2 $3 $4"
	wanted=$(both "$mechanisms" "$1") burst=$2 load=$3 traced=$4 count_now=$5
	shift 5
	[ "$wanted" ] || return 0
	must bench "line=$line count=$count_now mechanisms=$wanted burst=$burst load=$load" "$@"
	rows irqlab "$what" "$lab/bench"
	# Where only the mechanism changes, nobody needs C's figures.
	[ "$load$traced" = nonenone ] || return 0
	wanted=$(both "$wanted" "$(sed -n 's/^# mechanisms: //p' $in_c)")
	case $line in
	sim0 | irqsim0) [ ! "$wanted" ] || {
		echo "line=$line count=$count_now mechanisms=$wanted burst=$burst" >$in_c || fail "C: refused"
		rows C "$what" $in_c
	} ;;
	esac
}

mechanisms() {
	events all 1 none none "$count"
	sed -n 's/^# to record an event costs \([0-9]*\) ns.*/own \1/p' "$lab/bench"
}

few() {
	events $few 1 none none "$count"
}

loads() {
	for load in softirq hog hog_fifo irqs_off; do
		events all 1 $load none 50
	done
}

# How many events are on their way at once.
bursts() {
	for burst in 2 4 8 16; do
		events $few $burst none none "$count"
	done
}

# trace EVENT MECHANISM - the same while the kernel traces an event that comes between two stages
trace() {
	file=$tracing/$1
	echo 1 >"$file/enable" || fail "no $1"
	events "$2" 1 none "${1#*/}" "$count"
	echo 0 >"$file/enable"
	key=$3
	echo "hist:keys=$key" >"$file/trigger" || fail "no hist of $1"
	events "$2" 1 none "${1#*/}+hist" "$count"
	echo "!hist:keys=$key" >"$file/trigger"
}

tracing() {
	trace irq/irq_handler_entry hard irq
	trace irq/tasklet_entry tasklet func
	trace workqueue/workqueue_execute_start bh_wq function
}

# An access that has an entry in the exception table, and one that has none.
fixup() {
	must claims FIX-08
	sed -n 's/^FIX-08 .*plain accesses take \([0-9]*\) ns; guarded ones \([0-9]*\) ns.*/fixup \1 \2/p' "$lab/claims"
}

# Calls between CPUs. In turn, so that whatever drifts drifts for both; the best counts. What the CPUs do besides
# takes some nanoseconds of most. A waiting CPU gives way to the others there, so that its waiting hardly counts.
calls() {
	insert irqlab_ipi_c count=100 batches=50 || fail "no irqlab_ipi_c"
	for _ in 1 2 3 4 5 6; do
		must ipi/modes "count=100 batches=50"
		sed -n 's/^[^#]/irqlab &/p' "$lab/ipi/modes"
		sed -n 's/^[^#]/C &/p' /sys/kernel/debug/irqlab_ipi_c
	done | awk '
		!($1 " " $2 in best) || $5 < best[$1 " " $2] { best[$1 " " $2] = $5 }
		!($2 in seen) { seen[$2]; name[++names] = $2 }
		END {
			for (i = 1; i <= names; i++)
				print "call", name[i], best["C " name[i]], best["irqlab " name[i]]
		}'
	rmmod irqlab_ipi_c
}

insert irqlab_deferral_c || exit 1
echo "kernel $(uname -r) $(uname -v | grep -o 'PREEMPT_[A-Z]*') $(grep -c ^processor /proc/cpuinfo)"
for part; do
	# In this shell: what fails ends it.
	"$part"
done
