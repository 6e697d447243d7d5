#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Storms: interrupts as fast as they can be raised, on two lines at once, which go to other CPUs than those that
# raise them. Each is accounted for: the lab's counts against the kernel's.
#
# STORM= in the environment says how many interrupts each line is to have: 20000 by default, 3000 in the short form.

. "$(dirname "$0")/lib.sh"

count=${STORM:-$((${SHORT:-0} ? 3000 : 20000))}

# The most that one command raises.
most=500000

# stages MECHANISM STAGE - set value to how often the stage ran
stages() {
	value=$(awk -v stage="$2" '/^#/ { table = $0 } table ~ /count place/ && $1 == stage { sum += $2 }
		END { print sum + 0 }' "$lab/deferral/$1/context")
}

# latencies MECHANISM STAGE - set value to how many latencies of the stage were counted
latencies() {
	value=$(awk -v stage="$2" '$1 == stage { sum += $4 } END { print sum + 0 }' "$lab/deferral/$1/latency")
}

# interrupts LINE - set value to how many of them the kernel has counted, on all CPUs
interrupts() {
	info "$1" irq
	value=$(awk -v irq="$value:" '$1 == irq { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i; print sum }' /proc/interrupts)
}

# begin_counting EVENT KEY - have the kernel count its own events, each by a field
begin_counting() {
	has_tracefs && mkdir -p $instance && [ -e "$instance/events/$1/trigger" ] &&
		echo "hist:keys=$2.sym" >"$instance/events/$1/trigger"
}

# counted_by_kernel EVENT - set value to how often it had a function of the lab
counted_by_kernel() {
	value=$(awk '/\[irqlab/ { for (i = 1; i < NF; i++) if ($i == "hitcount:") sum += $(i + 1) }
		END { print sum + 0 }' "$instance/events/$1/hist")
}

end_counting() {
	[ ! -d "$instance" ] || rmdir "$instance"
}

# let_go LINE - nothing is on it, and it may go anywhere
let_go() {
	must "lines/$1/handlers" none
	must "lines/$1/affinity" all
}

# raise_all LINE CPU - in the background; of a long storm it says now and then that it goes on
raise_all() {
	taskset $((1 << $2)) sh -c "
		left=$count
		while [ \$left -gt 0 ]; do
			some=\$((left < $most ? left : $most))
			echo \$some >$lab/lines/$1/trigger || exit 1
			left=\$((left - some))
			[ \$left -eq 0 ] || echo \"# $1: \$left to go\" >&3
		done" &
	raisers="$raisers $!"
}

# accounts LINE MECHANISM EVENT - after the storm: what was raised, what the kernel counted, what the lab recorded
accounts() {
	becomes "events of $2 on their way" 0 pending_of "$2"
	account "$2"
	echo "# $2 on $1: raised $raised, recorded $recorded, coalesced $coalesced, refused $refused, lost $lost," \
		"pending $pending, unmatched $unmatched" >&3
	same "raised on $1" "$raised" "$count"
	same "recorded, coalesced, refused, lost and pending" $((recorded + coalesced + refused + lost + pending)) "$count"
	same "lost and refused" "$((lost + refused))" 0
	interrupts "$1"
	kernel=$((value - $(cat "$work/interrupts.$1")))
	info "$1" handled
	same "handled" $((value - $(cat "$work/handled.$1"))) "$kernel"
	stages "$2" top
	same "top halves" "$value" "$kernel"
	stages "$2" bottom
	same "bottom halves" "$value" "$recorded"
	tops=$kernel
	[ "$recorded" -le "$tops" ] || fail "more bottom halves than top halves: $recorded, $tops"
	latencies "$2" top
	top_latencies=$value
	latencies "$2" bottom
	bottom_latencies=$value
	# A task that waited for one of them counts, too.
	latencies "$2" waiter
	known=$((top_latencies + bottom_latencies + value))
	stages "$2" waiter
	same "latencies, and those of which one end is not known" $((known + unmatched)) $((tops + recorded + value))
	if [ -e "$work/counting.$2" ]; then
		counted_by_kernel "$3"
		same "bottom halves, by the kernel's $3" "$value" "$recorded"
	fi
}

pending_of() {
	account "$1"
	value=$pending
}

# Raised on two CPUs, served on two others if there are so many.
accounts_for_every_interrupt() {
	first=$(cpus | sed -n 1p) second=$(cpus | sed -n 2p) third=$(cpus | sed -n 3p) last=$(cpus | tail -n 1)
	[ "$second" ] || skip "there is no other CPU"
	cleanup='end_counting; let_go sim0; let_go sim1'
	must lines/sim0/handlers tasklet
	must lines/sim1/handlers percpu_wq
	must lines/sim0/affinity "$last"
	must lines/sim1/affinity "${third:-$first}"
	must deferral/tasklet/latency clear
	must deferral/percpu_wq/latency clear
	begin_counting irq/tasklet_entry func && : >"$work/counting.tasklet"
	begin_counting workqueue/workqueue_execute_start function && : >"$work/counting.percpu_wq"
	for line in sim0 sim1; do
		interrupts $line
		echo "$value" >"$work/interrupts.$line"
		info $line handled
		echo "$value" >"$work/handled.$line"
	done
	raisers=''
	raise_all sim0 "$first"
	raise_all sim1 "$second"
	for raiser in $raisers; do
		wait "$raiser" || fail "not all could be raised: $(cat "$lab/last_error")"
	done
	accounts sim0 tasklet irq/tasklet_entry
	accounts sim1 percpu_wq workqueue/workqueue_execute_start
}

echo "accounts_for_every_interrupt sim0,sim1" | run_table
