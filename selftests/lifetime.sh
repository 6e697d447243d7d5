#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Lifetime: modules, devices and CPUs come and go while interrupts fly, files are open and benches
# run. Nothing may break, and nothing may be left behind.
#
# LONG=1 in the environment makes it 100 insertions instead of 10; SHORT=1, 1.

. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034  # lib.sh reads it
keeps_cpus=

# restore - whatever the check did, the next one finds the module inserted and its devices bound
restore() {
	rm -f "$work/storm"
	wait
	is_inserted irqlab || insert irqlab
	[ ! -e "$work/unbound" ] || bind
}

# storm - raise interrupts from both sources, as long as the check runs. The pauses are for rmmod, which
# is refused while a file is open.
storm() {
	: >"$work/storm"
	while [ -e "$work/storm" ]; do
		for line in sim0 edu0 sim1 edu1; do
			echo 50 >"$lab/lines/$line/trigger"
		done
		pause 0.1
	done 2>/dev/null &
}

# must_hold GROUP - what holds otherwise has to hold now, too; that group, in the short form
must_hold() {
	# shellcheck disable=SC2046  # a word
	must claims $(is_short && echo "$1" || echo all)
	! failed_claims '' || exit 1
}

# traces - what the lab leaves in the system while it is inserted
traces() {
	[ ! -e "$lab" ] || echo "$lab"
	grep -E ' (sim|edu)[01]' /proc/interrupts
	ls -d "$platform" "$pci" /sys/bus/platform/devices/irqlab-* 2>/dev/null
	# shellcheck disable=SC2009  # there is no pgrep for this
	ps | grep -E '[ []irqlab|irq/[0-9]+-(sim|edu)[01]' | grep -v 'grep\|sh'
}

# unreclaimable - kB that the kernel holds and cannot drop: slab, vmalloc, per-CPU memory, stacks
unreclaimable() {
	echo 3 >/proc/sys/vm/drop_caches
	pause 0.5
	awk '/^(SUnreclaim|Percpu|VmallocUsed|KernelStack):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# ---- Files ---------------------------------------------------------------------------------------

stays_while_a_file_is_open() {
	cleanup=restore
	exec 5<"$lab/lines/sim0/info"
	! rmmod irqlab 2>/dev/null || fail "removed while a file was open to read"
	grep -q '^irq ' <&5 || fail "the open file cannot be read"
	exec 5<&-
	exec 5>"$lab/lines/sim0/trigger"
	! rmmod irqlab 2>/dev/null || fail "removed while a file was open to write"
	info sim0 handled
	handled=$value
	echo 1 >&5 || fail "the open file cannot be written"
	eventually is_more sim0 "$handled" || fail "written, but not handled"
	exec 5>&-
	remove
}

# The file of a device that was unbound is gone, but whoever has it open may close it.
outlives_its_open_files() {
	cleanup=restore
	exec 5<"$lab/lines/$1/info" 6>"$lab/lines/$1/trigger"
	unbind "$1"
	cat <&5 >/dev/null 2>&1
	! echo 1 2>/dev/null >&6 || fail "its trigger can still be written"
	exec 5<&- 6>&-
	bind
	must_work
}

# ---- Insertion -----------------------------------------------------------------------------------

leaves_nothing_behind() {
	cleanup=restore
	[ "$(traces)" ] || fail "no traces while it is inserted: this test cannot see them"
	remove
	same "what is left" "$(traces)" ""
}

# logged - what the lab has said since the mark
logged() {
	value=$(dmesg | sed '1,/ inserted by '$$'$/d' | sed -n 's/^.*irqlab: //p')
}

# Where nothing is wrong, its version is all there is to say.
says_its_version() {
	cleanup=restore
	remove
	echo "inserted by $$" >/dev/kmsg
	insert irqlab || fail "it cannot be inserted"
	logged
	case $value in
	*"$newline"*) fail "it says: $value" ;;
	'version '[0-9]*) ;;
	*) fail "it says: $value" ;;
	esac
}

# has_lines_for_its_devices MODULE - as many of QEMU's edu devices as it has names for
has_lines_for_its_devices() {
	cleanup=restore
	remove
	nr_devices=0
	for device in /sys/bus/pci/devices/*; do
		content "$device/vendor"
		vendor=$value
		content "$device/device"
		[ "$vendor $value" != '0x1234 0x11e8' ] || nr_devices=$((nr_devices + 1))
	done
	[ $nr_devices != 0 ] || skip "no PCI device of its"
	insert irqlab || fail "it cannot be inserted"
	nr_lines=0
	for line in "$lab"/lines/edu*; do
		[ ! -e "$line" ] || nr_lines=$((nr_lines + 1))
	done
	same "lines" $nr_lines $((nr_devices < 2 ? nr_devices : 2))
	must_work
}

is_inserted_only_once() {
	# modprobe takes care that it is not tried.
	file=/lib/irqlab/irqlab.ko
	[ -e "$file" ] || file=$(modinfo -n irqlab)
	! insmod "$file" 2>/dev/null || fail "inserted twice"
	must_work
}

# The library is a module of its own, which the lab brings along.
library_does_nothing_alone() {
	cleanup=restore
	remove
	rmmod irqlab_core || fail "the library stays"
	before=$(ls -d /sys/kernel/debug/* /sys/bus/*/drivers/*)
	insert irqlab_core
	same "what it makes" "$(ls -d /sys/kernel/debug/* /sys/bus/*/drivers/*; traces)" "$before"
	rmmod irqlab_core
	insert irqlab || fail "the lab does not bring it along"
	! rmmod irqlab_core 2>/dev/null || fail "removed while the lab is there"
	must_work
}

refuses_a_wrong_parameter() {
	cleanup=restore
	remove
	for parameter in edu_msi dangerous; do
		! insert irqlab $parameter=perhaps 2>/dev/null || fail "inserted with $parameter"
	done
	for number in 1 9 300; do
		! insert irqlab sim_lines=$number 2>/dev/null || fail "inserted with $number simulated lines"
	done
	same "what is left" "$(traces)" ""
}

# More lines are as good as the first two, and interrupt together with one of them.
has_as_many_lines_as_it_is_told() {
	cleanup='remove; restore'
	remove
	insert irqlab sim_lines=8 || fail "cannot be inserted"
	for line in sim0 sim1 sim2 sim3 sim4 sim5 sim6 sim7; do
		info $line kind
		same "kind of $line" "$value" simulated
	done
	must_work
	info sim7 handled
	before=$value
	must bench "line=sim0 mechanisms=hard count=20 lines=8"
	info sim7 handled
	same "interrupts of sim7" $((value - before)) 20
}

# Bottom halves of every mechanism are pending when the module goes. As for memory, the kernel itself
# keeps some 25 kB more after each round; the records of one mechanism are 64 kB, on four CPUs.
# Smaller leaks are for kmemleak to find.
comes_and_goes_in_a_storm() {
	rounds=$((${LONG:-0} ? 100 : ${SHORT:-0} ? 1 : 10))
	warm=$((${SHORT:-0} ? 1 : 4))
	cleanup=restore
	mechanisms=$(mechanisms)
	storm
	for round in $(seq -$warm $rounds); do
		# One after the other, on both sources.
		# shellcheck disable=SC2086  # words
		set -- $mechanisms
		shift $(((round + warm) % $#))
		for line in "$lab"/lines/*0; do
			# Refused while the storm has the line.
			echo "$1" 2>/dev/null >"$line/handlers" && [ $# -gt 1 ] && shift
		done
		remove
		# Warm after the first ones.
		[ "$round" != 0 ] || before=$(unreclaimable)
		insert irqlab || fail "round $round: cannot be inserted"
	done
	info sim0 handled
	handled=$value
	eventually is_more sim0 "$handled" || fail "the storm is over"
	rm "$work/storm"
	wait
	remove
	same "what is left" "$(traces)" ""
	# A single round says nothing about memory.
	! is_short || return 0
	grown=$(($(unreclaimable) - before))
	allowed=$((rounds * 50))
	if [ $grown -ge $allowed ] && grep -q ' kasan_quarantine_put$' /proc/kallsyms; then
		# It holds for a while what is freed.
		allowed=$((rounds * 500))
	fi
	[ $grown -lt $allowed ] || fail "memory grew by $grown kB in $rounds rounds"
}

# Handlers wait at every level, in threads of the module's, for what does not come, and more interrupts
# wait behind them; old bottom halves are marked, and disabled; DPCs are in both kinds of queue.
is_removed_while_all_are_busy() {
	rounds=$((${LONG:-0} ? 100 : ${SHORT:-0} ? 1 : 10))
	cleanup=restore
	storm
	for round in $(seq $rounds); do
		must interrupt_threads/on 1
		for level in 1 2 3 4 5 6 7 8 9 10; do
			must interrupt_threads/handlers "level=$level wait=release"
			must interrupt_threads/raise "level=$level cpu=0 count=2"
		done
		for slot in 20 21; do
			must old_bh/slots "init $slot"
			must old_bh/slots "mark $slot count=100"
			must old_bh/slots "disable $slot"
			must old_bh/slots "mark $slot count=100"
		done
		for row in sim0:dpc sim1:dpc_threaded edu0:int_thread_blocks edu1:old_bh; do
			# Refused while the storm has the line.
			eventually attaches "${row%:*}" "${row#*:}" || fail "round $round: ${row#*:} is not attached"
			tell "lines/${row%:*}/trigger" 50
		done
		remove
		! cat /proc/[0-9]*/comm 2>/dev/null | grep '^intr_\|^irqlab' || fail "round $round: threads are left"
		insert irqlab || fail "round $round: cannot be inserted"
	done
	rm "$work/storm"
	wait
	must_work
}

# attaches LINE MECHANISM - whether it is on the line now; or there is no such line
attaches() {
	[ -e "$lab/lines/$1" ] || return 0
	tell "lines/$1/handlers" "$2"
	[ "$answer" = ok ]
}

# Probes of the kernel's tracepoints run on all CPUs while they are attached, detached, and unloaded.
is_removed_while_it_watches() {
	rounds=$((${LONG:-0} ? 50 : ${SHORT:-0} ? 1 : 5))
	cleanup=restore
	storm
	for round in $(seq $rounds); do
		for switch in "softirqs on" "nesting on" "tape_on 1" "softirqs off" "softirqs on"; do
			must "${switch% *}" "${switch#* }"
		done
		remove
		insert irqlab || fail "round $round: cannot be inserted"
	done
	for file in softirqs nesting; do
		head -n 1 "$lab/$file" | grep -q '^# off' || fail "$file is on"
	done
	rm "$work/storm"
	wait
	must_work
}

takes_msi() {
	[ -e "$lab/lines/edu0" ] || skip "no edu device (QEMU: -device edu)"
	cleanup='remove; restore'
	remove
	insert irqlab edu_msi=1 || fail "cannot be inserted"
	for line in edu0 edu1; do
		info $line kind
		same "kind" "$value" MSI
	done
	must_work
	must bench "line=edu0 count=20"
	awk '!/^#/ && ($4 != 20 || $5 != 0) { print; bad = 1 } END { exit bad }' "$lab/bench" || exit 1
	must_hold IRQ
	must claims IRQ-05
	grep -q '^IRQ-05 *holds .*edu0 and edu1 have lines of their own' "$lab/claims" ||
		fail "$(grep '^IRQ-05' "$lab/claims")"
}

# ---- Devices -------------------------------------------------------------------------------------

is_unbound_and_bound_in_a_storm() {
	cleanup=restore
	storm
	for _ in $(seq $((${SHORT:-0} ? 3 : 5))); do
		unbind "$1"
		bind
	done
	rm "$work/storm"
	wait
	must_work
}

# The bench ends when its device leaves, and says so.
is_unbound_during_a_bench() {
	cleanup=restore
	(echo "line=$1 count=1000000 mechanisms=hard period_us=1000 budget_ms=60000" >"$lab/bench") &
	eventually is_busy "$1" || fail "the bench does not run"
	unbind "$1"
	wait
	must_have_said bench ENODEV
	same "how it ended" "$(sed -n 's/.* of 1000000 events: //p' "$lab/bench")" "the source was gone"
	tell bench "line=$1"
	same "the answer of a bench on it" "$answer" ENODEV
	bind
	must_work
	must bench "line=$1 count=20 mechanisms=hard"
}

# So does who raises interrupts: else all of them would hold up who unbinds the device.
is_unbound_while_it_is_triggered() {
	cleanup=restore
	info "$1" raised
	before=$value
	(echo 1000000 >"$lab/lines/$1/trigger") &
	eventually has_raised_more "$1" || fail "nothing is raised"
	unbind "$1"
	wait
	must_have_said "lines/$1/trigger" ENODEV
	grep -q 'the device left after [0-9]* of 1000000$' "$lab/last_error" || fail "$(cat "$lab/last_error")"
	bind
	must_work
}

has_raised_more() {
	info "$1" raised
	[ "$value" -gt "$before" ]
}

# ---- CPUs and signals ----------------------------------------------------------------------------

# The bench ends when its CPU leaves, and says so.
goes_offline_during_a_bench() {
	online=/sys/devices/system/cpu/$1/online
	[ -e "$online" ] || skip "it cannot be taken offline"
	cleanup="echo 1 >$online"
	must deferral/hard/latency clear
	(echo "line=sim0 count=1000000 mechanisms=hard,tasklet period_us=1000 cpu=${1#cpu}" >"$lab/bench") &
	bench=$!
	eventually grep -q '^bottom [1-9]' "$lab/deferral/hard/context" || fail "the bench does not run"
	echo 0 >"$online" || fail "it cannot be taken offline"
	! wait $bench || fail "the bench did not fail"
	must_have_said bench ENXIO
	same "how it ended" "$(sed -n 's/.* of 1000000 events: //p' "$lab/bench")" "the CPU left"
	awk '!/^#/ && ($1 != "hard" || $4 < 1 || $5 != 0) { print; bad = 1 } END { exit bad }' "$lab/bench" || exit 1
	content "$online"
	same "online" "$value" 0
	must_hold IPI
	echo 1 >"$online"
	must bench "line=sim0 count=20 mechanisms=hard cpu=${1#cpu}"
}

# goes_on_beside_a_bench WHAT - what wants the lock that keeps CPUs online does not wait for a bench: it
# is done while that still runs, which ends by itself before the test does
goes_on_beside_a_bench() {
	cleanup=stop_waiting
	online=/sys/devices/system/cpu/$1/online
	(echo "line=sim0 count=1000000 mechanisms=hard period_us=1000 budget_ms=$((${SHORT:-0} ? 40000 : 10000))" \
		>"$lab/bench") &
	bench=$!
	eventually is_busy sim0 || fail "the bench does not run"
	case $1 in
	cpu*)
		[ -e "$online" ] || skip "it cannot be taken offline"
		echo 0 >"$online" || fail "it cannot be taken offline"
		echo 1 >"$online" || fail "it does not come online again"
		;;
	irqlab_*)
		insert "$1" || skip "there is no $1"
		rmmod "$1" || fail "it cannot be removed"
		;;
	events)
		# Any will do: none that interrupts hit while their code is being patched, which QEMU may get wrong.
		[ -e /sys/kernel/tracing/events/module ] || skip "there are no trace events"
		echo 1 >/sys/kernel/tracing/events/module/enable
		echo 0 >/sys/kernel/tracing/events/module/enable
		;;
	*)
		[ -e "$lab/lines/$1" ] || skip "there is no $1"
		unbind "$1"
		bind
		;;
	esac
	is_busy sim0 || fail "it was done only when the bench had ended"
	kill $bench
	wait $bench
	eventually is_idle sim0 || fail "the bench does not end"
}

stop_waiting() {
	wait
	[ ! -e "$work/unbound" ] || bind
	[ ! -e "$online" ] || echo 1 >"$online"
}

# has_ended PROCESS - it has no files any more
has_ended() {
	[ ! -e "/proc/$1/fd/0" ]
}

# ends_when_it_is_killed MECHANISM - also one that is disabled, as nobody waits for it
ends_when_it_is_killed() {
	(echo 1000000 >"$lab/deferral/$1/schedule") &
	writer=$!
	cleanup="wait; must deferral/$1/enabled 1"
	eventually is_busy sim0 || fail "it does not run"
	kill -KILL $writer
	# Looking at the line would leave an error, too; and the line is given back before the error is told.
	eventually has_ended $writer || fail "it goes on after 2 s: $(cat "$lab/progress")"
	must_have_said "deferral/$1/schedule" EINTR
	eventually is_idle sim0 || fail "it has the line still"
	cleanup=
}

# An event may be raised many times, and a half work for long.
ends_in_a_burst_when_it_is_killed() {
	info sim0 handled
	handled=$value
	(echo "line=sim0 count=1 burst=1000 mechanisms=$1 top_us=50000 budget_ms=600000" >"$lab/bench") &
	writer=$!
	cleanup='wait'
	eventually is_more sim0 "$handled" || fail "it does not run"
	kill -KILL $writer
	eventually has_ended $writer || fail "it goes on after 2 s: $(cat "$lab/progress")"
	eventually is_idle sim0 || fail "it has the line still"
	cleanup=
}

# The victims of another CPU are not counted where they do not belong.
ends_when_the_cpu_of_victims_leaves() {
	[ "$1" != none ] || skip "there is no other CPU"
	online=/sys/devices/system/cpu/$1/online
	[ -e "$online" ] || skip "it cannot be taken offline"
	first=$(cpus | head -n 1)
	info sim0 handled
	handled=$value
	cleanup="wait; echo 1 >$online"
	(echo "line=sim0 count=1000000 mechanisms=hard bottom_us=100 victims=1 cpu=$first budget_ms=60000" >"$lab/bench") &
	bench=$!
	eventually is_more sim0 "$handled" || fail "the bench does not run"
	echo 0 >"$online" || fail "it cannot be taken offline"
	! wait $bench || fail "the bench did not fail"
	must_have_said bench ENXIO
	echo 1 >"$online"
	must bench "line=sim0 count=20 mechanisms=hard bottom_us=100 victims=1 cpu=$first"
}

ends_when_it_is_killed_while_it_is_disabled() {
	must "deferral/$1/enabled" 0
	ends_when_it_is_killed "$1"
	must "deferral/$1/enabled" 1
}

# What is in the queues of a CPU that goes offline runs elsewhere.
runs_dpcs_while_it_comes_and_goes() {
	online=/sys/devices/system/cpu/$1/online
	[ -e "$online" ] || skip "it cannot be taken offline"
	cleanup="wait; echo 1 >$online"
	for mechanism in dpc dpc_high dpc_threaded; do
		for _ in 1 2 3; do
			echo 0 >"$online"
			echo 1 >"$online"
		done 2>/dev/null &
		must "deferral/$mechanism/schedule" 300
		wait
	done
	awk '!/^#/ && $3 { print; bad = 1 } END { exit bad }' "$lab/dpc/queues" || fail "not empty"
	must_hold DPC
}

ends_on_a_signal() {
	! timeout -s "$2" 0.3 dd if=/dev/fd/3 of="$lab/bench" 2>/dev/null 3<<-END || fail "it ended by itself"
		line=sim0 count=1000000 mechanisms=hard
	END
	must_have_said bench EINTR
	eventually is_idle sim0 || fail "it goes on"
	awk '!/^#/ && $4 < 1000000 && $5 == 0 { good = 1 } END { exit !good }' "$lab/bench" ||
		fail "not what was measured before: $(cat "$lab/bench")"
	must_work
}

# neighbour LINE - set neighbour to another line on the same interrupt, or to nothing
neighbour() {
	neighbour=
	info "$1" irq
	irq=$value
	for other in "$lab"/lines/*; do
		other=${other##*/}
		info "$other" irq
		[ "$other" = "$1" ] || [ "$value" != "$irq" ] || neighbour=$other
	done
}

# must_be_handled LINE - one interrupt is raised there, handled, and counted by the kernel
must_be_handled() {
	info "$1" irq
	irq=$value
	counted "$irq"
	before=$value
	info "$1" handled
	handled=$value
	must "lines/$1/trigger" 1
	becomes "$1: handled" $((handled + 1)) info "$1" handled
	becomes "irq $irq, counted by the kernel" $((before + 1)) counted "$irq"
}

# A signal that ends the task which had the line must not cost the line its handler: the kernel starts no
# thread for a task that a fatal signal waits for.
is_given_back_after_a_signal() {
	cleanup="end_bench; echo none >$lab/lines/$1/handlers"
	neighbour "$1"
	must "lines/$1/handlers" threaded
	(echo "line=$1 count=1000000 mechanisms=hard" >"$lab/bench") &
	bench=$! benched=$1
	eventually is_busy "$1" || fail "the bench does not run: $(cat "$lab/last_error")"
	kill -s "$2" $bench
	wait $bench
	eventually is_idle "$1" || fail "the bench does not end"
	cleanup="echo none >$lab/lines/$1/handlers"
	same "$1's mechanism" "$(tail -n 1 "$lab/lines/$1/handlers")" threaded
	must_be_handled "$1"
	[ -z "$neighbour" ] || must_be_handled "$neighbour"
	must "lines/$1/handlers" none
	must_be_handled "$1"
}

# Whoever is killed while it changes the handlers leaves the line with those from before, or the new ones.
survives_writers_that_are_killed() {
	cleanup="wait; echo none >$lab/lines/$1/handlers"
	neighbour "$1"
	must "lines/$1/handlers" threaded
	for _ in $(seq $((${SHORT:-0} ? 40 : 200))); do
		while :; do
			echo none
			echo threaded
		done 2>/dev/null >"$lab/lines/$1/handlers" &
		pause 0.01
		kill -KILL $!
	done
	wait
	eventually is_idle "$1" || fail "somebody has it"
	case $(tail -n 1 "$lab/lines/$1/handlers") in
	none | threaded) ;;
	*) fail "handlers: $(cat "$lab/lines/$1/handlers" "$lab/last_error")" ;;
	esac
	must_be_handled "$1"
	[ -z "$neighbour" ] || must_be_handled "$neighbour"
}

# complaints - how often the kernel or the lab has complained about a line
complaints() {
	dmesg | grep -c 'nobody cared\|Flags mismatch\|is not given back\|nothing is on\|lost its top half'
}

stop_bench_and_restore() {
	kill "$bench"
	restore
}

# While an experiment has the other line on its interrupt, a device that comes has to wait: it has no files,
# by which its interrupt could be raised, before it has a top half.
comes_while_its_neighbour_is_in_use() {
	neighbour "$1"
	[ "$neighbour" ] || skip "nothing else is on its interrupt"
	cleanup=stop_bench_and_restore
	complained=$(complaints)
	unbind "$1"
	(echo "line=$neighbour count=1000000 mechanisms=threaded" >"$lab/bench") &
	bench=$!
	eventually is_busy "$neighbour" || fail "the bench does not run: $(cat "$lab/last_error")"
	(echo "$device" >"$driver/bind") &
	bind=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pause 0.05
		[ ! -e "$lab/lines/$1" ] || fail "its files are there while the bench has $neighbour"
	done
	kill $bench
	wait $bench
	wait $bind || fail "it was not bound"
	rm -f "$work/unbound"
	cleanup=restore
	must_be_handled "$1"
	must_be_handled "$neighbour"
	same "complaints in the log" "$(complaints)" "$complained"
}

# KUnit's tests, which an insertion runs where there is KUnit, are not what this is about.
filter=/sys/module/kunit/parameters/filter_glob
if [ -e "$filter" ]; then
	content "$filter"
	tests=$value
	printf none >"$filter" # a newline would be part of it
	trap 'printf %s "$tests" >"$filter"; rmmod irqlab; insert irqlab; rm -rf "$work"' EXIT
fi

{
	echo stays_while_a_file_is_open irqlab
	lines | each outlives_its_open_files
	echo leaves_nothing_behind irqlab
	echo says_its_version irqlab
	echo has_lines_for_its_devices irqlab
	echo is_inserted_only_once irqlab
	echo library_does_nothing_alone irqlab_core
	echo refuses_a_wrong_parameter irqlab
	echo comes_and_goes_in_a_storm irqlab
	echo is_removed_while_it_watches irqlab
	echo is_removed_while_all_are_busy irqlab
	echo takes_msi irqlab
	echo has_as_many_lines_as_it_is_told irqlab
	lines | each is_unbound_and_bound_in_a_storm
	lines | each is_unbound_during_a_bench
	lines | each is_unbound_while_it_is_triggered
	echo "goes_offline_during_a_bench cpu$(($(grep -c '^processor' /proc/cpuinfo) - 1))"
	for signal in TERM KILL; do
		lines | each is_given_back_after_a_signal $signal
	done
	lines | each survives_writers_that_are_killed
	echo comes_while_its_neighbour_is_in_use edu1
	last=cpu$(($(grep -c '^processor' /proc/cpuinfo) - 1))
	for what in "$last" irqlab_tasklet events edu1 sim1; do
		echo "goes_on_beside_a_bench $what"
	done
	for mechanism in hard tasklet percpu_wq; do
		echo "ends_when_it_is_killed $mechanism"
	done
	for mechanism in tasklet percpu_wq; do
		echo "ends_when_it_is_killed_while_it_is_disabled $mechanism"
	done
	echo ends_in_a_burst_when_it_is_killed hard
	second=$(cpus | sed -n 2p)
	echo "ends_when_the_cpu_of_victims_leaves ${second:+cpu}${second:-none}"
	echo "runs_dpcs_while_it_comes_and_goes cpu$(($(grep -c '^processor' /proc/cpuinfo) - 1))"
	echo ends_on_a_signal bench INT
	echo ends_on_a_signal bench TERM
} 2>/dev/null | run_table
