#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compare.sh PART... - what one event costs in irqlab and in C, as rows that tools/bench makes tables of
#
# Parts: mechanisms, few, loads, bursts, lines, tracing, storm, fixup, calls. In a guest that counts instructions (`make bench`) a
# nanosecond is an instruction, and the rows come out the same each time. LINE, COUNT and MECHANISMS are the
# line, how many events, and of which mechanisms (by default of all).

. "$(dirname "$0")/lib.sh"

line=${LINE:-sim0}
count=${COUNT:-200}
mechanisms=${MECHANISMS:-all}
in_c=/sys/kernel/debug/irqlab_deferral_c
tracing=/sys/kernel/tracing

# Those that stand for the others where one thing grows: the top half itself, each kind of soft IRQ and of thread.
few=hard,tasklet,bh_wq,threaded,kthread,percpu_wq

# Of such lists, names on both sides; "all" is everybody.
both() {
	[ "$1" != all ] || { echo "$2"; return; }
	[ "$2" != all ] || { echo "$1"; return; }
	echo "$1" | tr , '\n' | grep -xF "$(echo "$2" | tr , '\n')" | tr '\n' , | sed 's/,$//'
}

# What a row is of.
kind=event

# rows WHO WHAT FILE - of a bench's table; WHAT is cpus, burst, lines, load and what is traced
rows() {
	awk -v kind="$kind" -v who="$1" -v what="$2" '
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
			print kind, who, $1, what, cell("count"), cell("lost"), cell("irq_min"), cell("min"), cell("wake_min"),
			      cell("irq_p50"), cell("p50"), cell("p99"), cell("wake_p50"), place[1] ? place[1] : "-"
		}' "$3"
}

# events MECHANISMS BURST LINES LOAD TRACED COUNT - what irqlab's bench says, and C's if nothing is loaded
events() {
	what="$(grep -c ^processor /proc/cpuinfo) $2 $3 $4 $5"
	wanted=$(both "$mechanisms" "$1") burst=$2 lines=$3 load=$4 traced=$5 count_now=$6
	[ "$wanted" ] || return 0
	must bench "line=$line count=$count_now mechanisms=$wanted burst=$burst lines=$lines load=$load"
	rows irqlab "$what" "$lab/bench"
	# Where only the mechanism changes, nobody needs C's figures.
	[ "$load$traced" = nonenone ] || return 0
	wanted=$(both "$wanted" "$(sed -n 's/^# mechanisms: //p' $in_c)")
	case $line in
	sim0 | irqsim0) [ ! "$wanted" ] || {
		echo "line=$line count=$count_now mechanisms=$wanted burst=$burst lines=$lines" >$in_c || fail "C: refused"
		rows C "$what" $in_c
	} ;;
	esac
}

mechanisms() {
	events all 1 1 none none "$count"
	sed -n 's/^# to record an event costs \([0-9]*\) ns.*/own \1/p' "$lab/bench"
}

few() {
	events $few 1 1 none none "$count"
}

loads() {
	for load in softirq hog hog_fifo irqs_off; do
		events all 1 1 $load none 50
	done
}

# How many events are on their way at once.
bursts() {
	for burst in 2 4 8 16; do
		events $few $burst 1 none none "$count"
	done
}

# How many lines interrupt at once. With one, there are as many all the same.
lines() {
	if ! [ -e "$lab/lines/sim7" ]; then
		rmmod irqlab
		insert irqlab sim_lines=8 || fail "no irqlab with more lines"
	fi
	kind=lines
	for lines in 1 2 4 8; do
		events $few 1 $lines none none "$count"
	done
	kind=event
}

# trace EVENT MECHANISM KEY - the same while the kernel traces an event that comes between two stages
trace() {
	file=$tracing/events/$1
	echo 1 >"$file/enable" || fail "no $1"
	events "$2" 1 1 none "${1#*/}" "$count"
	echo 0 >"$file/enable"
	key=$3
	echo "hist:keys=$key" >"$file/trigger" || fail "no hist of $1"
	events "$2" 1 1 none "${1#*/}+hist" "$count"
	echo "!hist:keys=$key" >"$file/trigger"
}

tracing() {
	trace irq/irq_handler_entry hard irq
	trace irq/tasklet_entry tasklet func
	trace workqueue/workqueue_execute_start bh_wq function
	info "$line" irq
	irq=$value
	begin_ebpf "$irq" tasklet_entry
	events hard 1 1 none irq_handler_entry+ebpf "$count"
	events tasklet 1 1 none tasklet_entry+ebpf "$count"
	end_ebpf
	begin_ebpf "$irq" workqueue_execute_start
	events bh_wq 1 1 none workqueue_execute_start+ebpf "$count"
	end_ebpf
	sed -n 's/^attached/ebpf/p' "$work/ebpf"
}

# raise_storm - set took to the instructions, or nanoseconds, that each event takes, with all that comes with it
events_of_a_storm=100000
raise_storm() {
	now
	took=$value
	must bench "line=$line mechanisms=tasklet count=$((events_of_a_storm / 100)) burst=100"
	now
	took=$(((value - took) / events_of_a_storm))
	account tasklet
	same "recorded, whatever else records" "$recorded $coalesced $lost" "$events_of_a_storm 0 0"
}

# now - set value to the time, in nanoseconds
now() {
	{ read -r _; read -r _; read -r _ _ value _; } </proc/timer_list
}

# tell_storm WHO BUFFER KEPT LOST - a row; BUFFER is in KiB
tell_storm() {
	same "events of $1 that are kept or lost" $(($3 + $4)) $events_of_a_storm
	echo "storm $1 $2 $3 $4 $took"
}

# of_ring KEY - set value to that number of ftrace's rings, of all CPUs
of_ring() {
	value=$(sed -n "s/^$1: //p" $tracing/per_cpu/cpu*/stats | awk '{ sum += $1 } END { print sum + 0 }')
}

# tell_ftrace WHO KEY - where KEY counts what is kept
tell_ftrace() {
	kept=0 lost=0
	of_ring "$2"
	kept=$value
	for key in overrun 'commit overrun' 'dropped events'; do
		of_ring "$key"
		lost=$((lost + value))
	done
	content $tracing/buffer_total_size_kb
	tell_storm "$1" "${value%% *}" "$kept" "$lost"
	echo >$tracing/trace
}

# Many interrupts in a row, a hundred at a time: what keeps what of them, and what each of them then takes in all.
storm() {
	[ "$line $mechanisms" = "sim0 all" ] || return 0
	# The first one also makes the rings.
	raise_storm
	raise_storm
	tell_storm irqlab $(($(sed -n 's/^rings //p' "$lab/memory") / 1024)) "$recorded" "$lost"
	file=$tracing/events/irq/irq_handler_entry
	info "$line" irq
	irq=$value
	only="irq == $irq"
	echo "$only" >$file/filter
	echo >$tracing/trace
	echo 1 >$file/enable
	raise_storm
	tell_ftrace ftrace entries
	cat $tracing/trace_pipe >/dev/null &
	raise_storm
	# Nothing more comes, and the reader has a moment for the rest.
	echo 0 >$file/enable
	eventually is_read || fail "not all is read"
	kill $!
	wait $!
	tell_ftrace ftrace+reader 'read events'
	echo 0 >$file/filter
	echo "hist:keys=irq if $only" >$file/trigger
	raise_storm
	tell_storm hist - "$(sed -n 's/^ *Hits: //p' $file/hist)" "$(sed -n 's/^ *Dropped: //p' $file/hist)"
	echo "!hist:keys=irq if $only" >$file/trigger
	begin_ebpf "$irq" tasklet_entry
	raise_storm
	end_ebpf
	tell_storm ebpf - "$(awk '$1 == "bucket" { sum += $4 } END { print sum + 0 }' "$work/ebpf")" \
		"$(sed -n 's/^missed //p' "$work/ebpf")"
}

is_read() {
	of_ring entries
	[ "$value" = 0 ]
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
	done >"$work/calls"
	awk '
		!($1 " " $2 in best) || $5 < best[$1 " " $2] { best[$1 " " $2] = $5 }
		!($2 in seen) { seen[$2]; name[++names] = $2 }
		END {
			for (i = 1; i <= names; i++)
				print "call", name[i], best["C " name[i]], best["irqlab " name[i]]
		}' "$work/calls"
	rmmod irqlab_ipi_c
}

insert irqlab_deferral_c || exit 1
echo "kernel $(uname -r) $(uname -v | grep -o 'PREEMPT_[A-Z]*') $(grep -c ^processor /proc/cpuinfo)"
for part; do
	# In this shell: what fails ends it.
	"$part"
done
