#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Samples: each does what its header says, and leaves nothing behind.

. "$(dirname "$0")/lib.sh"

drivers=/sys/bus/pci/drivers

# A sample's debugfs file; the edu sample has one for the device that it was given.
file() {
	case $1 in
	irqlab_edu) echo "../$(cat "$work/device")/factorial" ;;
	*) echo "../$1/line" ;;
	esac
}

# begin SAMPLE - insert it, until the check ends
begin() {
	cleanup="end $1"
	if [ "$1" = irqlab_edu ]; then
		device=$(cd "$drivers/irqlab-edu" && echo 0000:*)
		device=${device##* }
		[ "$device" != '0000:*' ] || skip "no edu device (QEMU: -device edu)"
		echo "$device" >"$work/device"
		echo "$device" >"$drivers/irqlab-edu/unbind"
	fi
	insert "$1" || fail "cannot be inserted"
}

end() {
	! is_inserted "$1" || rmmod "$1"
	if [ -e "$work/device" ]; then
		cat "$work/device" >"$drivers/irqlab-edu/bind"
		rm "$work/device"
	fi
}

number() {
	awk -v name="$1" '$NF ~ name { sub(":", "", $1); print $1 }' /proc/interrupts
}

# shows SAMPLE TEXT - whether its file matches
shows() {
	grep -qE "^$2\$" "$lab/$(file "$1")"
}

# ---- One check for each idea ---------------------------------------------------------------------

# A tasklet may run less often than it is scheduled; here each has its time.
defers_to_a_tasklet() {
	begin "$1"
	for raised in 1 2 3 4 5; do
		must "$(file "$1")" raise
		eventually shows "$1" "top half $raised, tasklet $raised" ||
			fail "raised $raised: $(cat "$lab/$(file "$1")")"
	done
	counted "$(number "$1")"
	same "interrupts that the kernel counted" "$value" 5
}

# Interrupts come on all CPUs; a number that both bottom halves add to, in two steps, stays the sum.
needs_no_lock() {
	begin "$1"
	raising=
	for _ in $(seq "$(grep -c ^processor /proc/cpuinfo)"); do
		(for _ in $(seq $((many / 20))); do
			echo raise >"$lab/$(file "$1")"
		done) &
		raising="$raising $!"
	done
	# shellcheck disable=SC2086  # words
	wait $raising
	eventually adds_up "$1" || fail "after all: $(cat "$lab/$(file "$1")")"
}

# adds_up SAMPLE - whether "both" is the sum of the two, which have run
adds_up() {
	IFS=', ' read -r _ _ _ _ receive _ transmit _ both <"$lab/$(file "$1")"
	[ "$receive" -gt 0 ] && [ "$transmit" -gt 0 ] && [ "$both" = $((receive + transmit)) ]
}

requests_a_dpc() {
	begin "$1"
	for raised in 1 2 3 4 5; do
		must "$(file "$1")" raise
		eventually shows "$1" "interrupts $raised, DPC $raised, finished $raised, last IRP $raised" ||
			fail "raised $raised: $(cat "$lab/$(file "$1")")"
	done
	counted "$(number "$1")"
	same "interrupts that the kernel counted" "$value" 5
}

serves_in_a_thread_that_sleeps() {
	begin "$1"
	must "$(file "$1")" raise
	eventually shows "$1" "served by irq/$(number "$1")-.*" ||
		fail "raised 1: $(cat "$lab/$(file "$1")")"
	us=$(sed 's/.* \([0-9]*\) us after.*/\1/' "$lab/$(file "$1")")
	# Ticks that come late, as an emulated CPU's do, make a sleep that is counted in ticks shorter.
	within "microseconds, of which it slept 5000" "$us" 1000 1000000
}

# The task holds what the handler needs: it blocks, and ends when the task has let go.
blocks_on_what_a_task_holds() {
	begin "$1"
	must "$(file "$1")" raise
	eventually shows "$1" "served 1, blocked 0; last in .*" || fail "raised: $(cat "$lab/$(file "$1")")"
	must "$(file "$1")" hold
	eventually shows "$1" "served 2, blocked 1; last in intr_5/.*" ||
		fail "raised while held: $(cat "$lab/$(file "$1")")"
	counted "$(number "$1")"
	same "interrupts that the kernel counted" "$value" 2
}

computes_factorials() {
	begin "$1"
	file=$(file "$1") number=$(number "$1")
	while read -r n factorial; do
		counted "$number"
		before=$value
		must "$file" "$n"
		content "$lab/$file"
		same "$n!" "$value" "$factorial"
		counted "$number"
		same "interrupts" $((value - before)) 1
	done <<-END
		0 1
		1 1
		5 120
		12 479001600
	END
}

# answers SAMPLE ERROR to COMMAND
answers() {
	begin "$1"
	before=$(cat "$lab/$(file "$1")")
	must_answer "$(file "$1")" "$2" "$4"
	same "what it shows" "$(cat "$lab/$(file "$1")")" "$before"
}

keeps_the_library_inserted() {
	begin "$1"
	! rmmod irqlab_core 2>/dev/null || fail "irqlab_core was removed"
}

stays_while_its_file_is_open() {
	begin "$1"
	exec 5<"$lab/$(file "$1")"
	! rmmod "$1" 2>/dev/null || fail "it was removed"
	exec 5<&-
	rmmod "$1" || fail "it cannot be removed after close"
}

leaves_nothing_behind() {
	begin "$1"
	file=$(file "$1")
	[ -e "$lab/$file" ] || fail "$file was never there"
	[ "$(number "$1")" ] || fail "it never had an interrupt"
	rmmod "$1" || fail "it cannot be removed"
	[ ! -e "$lab/${file%/*}" ] || fail "${file%/*} is left"
	same "its interrupt" "$(number "$1")" ""
}

{
	cat <<-'END'
		defers_to_a_tasklet irqlab_tasklet
		answers irqlab_tasklet EINVAL to lower
		needs_no_lock irqlab_old_bh
		answers irqlab_old_bh EINVAL to lower
		requests_a_dpc irqlab_dpc
		answers irqlab_dpc EINVAL to lower
		serves_in_a_thread_that_sleeps irqlab_threaded
		answers irqlab_threaded EINVAL to lower
		blocks_on_what_a_task_holds irqlab_interrupt_thread
		answers irqlab_interrupt_thread EINVAL to lower
		computes_factorials irqlab_edu
		answers irqlab_edu EINVAL to five
		answers irqlab_edu EINVAL to -1
		answers irqlab_edu ERANGE to 13
	END
	for sample in irqlab_tasklet irqlab_old_bh irqlab_dpc irqlab_threaded irqlab_interrupt_thread irqlab_edu; do
		echo keeps_the_library_inserted $sample
		echo stays_while_its_file_is_open $sample
		echo leaves_nothing_behind $sample
	done
} | run_table
