#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Simulated lines: raised by several CPUs at once, without any device, and while CPUs come and go. The kernel's
# irq_sim, if it loses its way, calls the handler of IRQ 0: so that one's count is watched.

. "$(dirname "$0")/lib.sh"

# begin_watch - remember the count of IRQ 0, which must stand still by itself
begin_watch() {
	counted 0
	timer=$value
	pause 0.2
	finds "$timer" counted 0 || skip "IRQ 0 is in use"
}

end_watch() {
	counted 0
	same "the count of IRQ 0" "$value" "$timer"
}

# trigger_at_once COUNT LINE LINE - on CPU 0 the first, on CPU 1 the second, as often
trigger_at_once() {
	[ -d /sys/devices/system/cpu/cpu1 ] || skip "one CPU"
	taskset 1 sh -c "echo $1 >'$lab/lines/$2/trigger'" &
	first=$!
	taskset 2 sh -c "echo $1 >'$lab/lines/$3/trigger'" || fail "$3 was not triggered"
	wait "$first" || fail "$2 was not triggered"
}

# both LINE - set value to "raised handled"
both() {
	info "$1" raised
	raised=$value
	info "$1" handled
	value="$raised $value"
}

# is_raised_beside LINE OTHER - two CPUs, each with a line of its own: all arrive, and nothing else does
is_raised_beside() {
	[ -d "$lab/lines/$2" ] || skip "no $2"
	begin_watch
	for line in "$1" "$2"; do
		both "$line"
		eval "before_$line='$value'"
	done
	trigger_at_once 30000 "$1" "$2"
	for line in "$1" "$2"; do
		eval "before=\$before_$line"
		becomes "raised and handled of $line" "$((${before% *} + 30000)) $((${before#* } + 30000))" both "$line"
	done
	end_watch
}

# Without the PCI devices, experiments that want two lines take simulated ones.
needs_no_device() {
	begin_watch
	for device in /sys/bus/pci/devices/*; do
		content "$device/device"
		if [ "$value" = 0x11e8 ]; then
			cleanup='echo 1 >/sys/bus/pci/rescan'
			echo 1 >"$device/remove"
		fi
	done
	[ ! -e "$lab/lines/edu0" ] || fail "edu0 is still there"
	for round in 1 2 3; do
		must claims IRQ
		! failed_claims IRQ || fail "in round $round"
	done
	for verdict in 'IRQ-01 *outdated' 'IRQ-05 *holds' 'IRQ-09 *outdated'; do
		grep "^$verdict " "$lab/claims" || fail "not $verdict: $(grep "^${verdict%% *}" "$lab/claims")"
	done
	end_watch
}

# sends LINE CPU
sends() {
	tell "lines/$1/affinity" "$2"
	[ "$answer" = ok ]
}

# outlives_its_cpu LINE - it goes to a CPU that leaves and comes while it is raised
outlives_its_cpu() {
	online=/sys/devices/system/cpu/cpu1/online
	[ -e "$online" ] || skip "CPU 1 cannot be taken offline"
	cleanup="must lines/$1/affinity all"
	must "lines/$1/affinity" 1
	# Refused now and then, while somebody else looks at the line.
	: >"$work/storm"
	(while [ -e "$work/storm" ]; do taskset 1 sh -c "echo 1000 >'$lab/lines/$1/trigger'"; done) &
	cleanup="rm -f $work/storm; wait; echo 1 >$online; must lines/$1/affinity all"
	for _ in 1 2 3; do
		echo 0 >"$online"
		content "$lab/lines/$1/affinity"
		[ "$value" = 0 ] || [ "$value" = - ] || fail "with CPU 1 offline, it goes to $value"
		info "$1" handled
		handled=$value
		pause 0.1
		info "$1" handled
		[ "$value" != "$handled" ] || fail "nothing arrives"
		echo 1 >"$online"
		# Refused while a command of the storm has the line.
		eventually sends "$1" 1 || fail "it cannot be sent to CPU 1"
	done
	# With the last command of the storm.
	rm "$work/storm"
	wait
	pause 0.1
	info "$1" handled
	handled=$value
	must "lines/$1/trigger" 1
	becomes "handled" $((handled + 1)) info "$1" handled
	must "lines/$1/affinity" all
	# Without being told, it goes again to the CPU that has come back.
	info "$1" irq
	irq=$value
	echo 0 >"$online"
	echo 1 >"$online"
	counted "$irq" 1
	before=$value
	taskset 2 sh -c "echo 10 >'$lab/lines/$1/trigger'"
	becomes "interrupts on CPU 1" $((before + 10)) counted "$irq" 1
}

# is_bound_beside_a_disabled_line LINE OTHER MECHANISM - on the same interrupt: the other stays disabled, and keeps
# what is raised meanwhile
is_bound_beside_a_disabled_line() {
	[ -d "$lab/lines/$1" ] || skip "no $1"
	info "$1" irq
	irq=$value
	info "$2" irq
	[ "$value" = "$irq" ] || skip "$1 and $2 have interrupts of their own"
	cleanup="must lines/$2/enabled 1; must lines/$2/handlers none; [ ! -e $work/unbound ] || bind"
	must "lines/$2/handlers" "$3"
	unbind "$1"
	must "lines/$2/enabled" 0
	bind
	content "$lab/lines/$2/enabled"
	same "whether $2 is enabled" "$value" 0
	info "$2" handled
	handled=$value
	must "lines/$2/trigger" 1
	pause 0.2
	info "$2" handled
	same "handled while $2 is disabled" "$value" "$handled"
	must "lines/$2/enabled" 1
	becomes "handled once $2 is enabled" $((handled + 1)) info "$2" handled
	must_work
}

{
	echo is_bound_beside_a_disabled_line edu0 edu1 none
	echo is_bound_beside_a_disabled_line edu1 edu0 threaded
	echo is_raised_beside sim0 sim1
	echo is_raised_beside irqsim0 irqsim1
	echo outlives_its_cpu sim0
	echo needs_no_device irqlab
} 2>/dev/null | run_table
