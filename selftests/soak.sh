#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Soak: everything against everything. Benches and claims run while CPUs go off and on, devices are unbound
# and bound, writers are killed in the middle of a command, and four writers switch lines and mechanisms.
# Any single command may be refused. What counts is that the kernel has nothing to report, that everything
# ends, and that the lab works afterwards as if nothing had happened.
#
# SOAK_S= in the environment says for how many seconds: 15 by default, 8 in the short form.

. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034  # lib.sh reads it
keeps_cpus=

seconds=${SOAK_S:-$((${SHORT:-0} ? 8 : 15))}

# forever COMMAND... - in the background, as long as the soak lasts, and count how often
forever() {
	while [ -e "$work/soaking" ]; do
		"$@"
		echo >>"$work/rounds.$1"
	done >/dev/null 2>&1 &
	workers="$workers $!"
}

# write FILE COMMAND - whatever becomes of it
write() {
	echo "$2" >"$lab/$1"
}

run_benches() {
	write bench "line=sim0 count=200 budget_ms=100 mechanisms=all"
	write bench "line=edu0 count=200 budget_ms=50 cpu=1 load=softirq mechanisms=hard,tasklet,threaded,percpu_wq"
	write ipi/call "kind=single count=50"
	write ipi/matrix "rounds=10 budget_ms=200"
	write deferral/tasklet/schedule 20
}

run_claims() {
	for group in TASK SIRQ IRQ IPI WORK EXC FIX OLD DPC SOL; do
		write claims "$group"
		# A fault of the lab or of the kernel, whatever goes on beside it.
		failed_claims '' >>"$work/failed"
	done
}

# More than the first stays online.
cycle_cpus() {
	for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
		echo 0 >"$cpu/online"
		pause 0.03
		echo 1 >"$cpu/online"
	done
	pause 0.1
}

cycle_devices() {
	for path in "$pci"/0000:* "$platform"/irqlab-*; do
		[ -e "$path" ] || continue
		echo "${path##*/}" >"${path%/*}/unbind"
		pause 0.02
		echo "${path##*/}" >"${path%/*}/bind"
	done
	pause 0.1
}

# In a process that a signal ends, unlike a shell, which ends when the write has come back.
kill_writers() {
	for signal in TERM INT KILL; do
		for row in "bench:line=sim1 count=100000 mechanisms=threaded,tasklet" "claims:all" \
			"lines/edu0/handlers:threaded" "lines/edu0/trigger:100000" "lines/sim0/handlers:tasklet" \
			"deferral/threaded/schedule:100000" "ipi/matrix:rounds=100000"; do
			echo "${row#*:}" >"$work/killed"
			dd if="$work/killed" of="$lab/${row%%:*}" bs=4096 conv=notrunc &
			pause 0.0"$((${#row} % 5))"
			kill -s "$signal" $!
			wait $!
		done
	done
}

# switch WRITER - one of four, each a step ahead of the last
switch() {
	for mechanism in "$lab"/deferral/*; do
		mechanism=${mechanism##*/}
		for line in "$lab"/lines/*; do
			line=${line##*/}
			write "lines/$line/handlers" "$mechanism"
			write "lines/$line/trigger" 5
			write "deferral/$mechanism/enabled" $(($1 & 1))
			write "lines/$line/enabled" $(($1 >> 1 & 1))
			write "lines/$line/handlers" none
			write "lines/$line/enabled" 1
			write "deferral/$mechanism/enabled" 1
		done
	done
}

look() {
	cat "$lab/bench" "$lab/claims" "$lab/tape" "$lab"/lines/*/* "$lab"/deferral/*/*
	pause 0.05
}

# survives - all of it at once
survives() {
	workers=
	: >"$work/soaking"
	cleanup=end
	forever run_benches
	forever run_claims
	forever cycle_cpus
	forever cycle_devices
	forever kill_writers
	for writer in 0 1 2 3; do
		forever switch "$writer"
	done
	forever look
	sleep "$seconds"
	end
	for worker in run_benches cycle_cpus cycle_devices kill_writers switch look; do
		[ -s "$work/rounds.$worker" ] || fail "$worker was not done once in $seconds s"
	done
}

# end - the soak, when all workers have come to the end of their round
end() {
	cleanup=
	rm "$work/soaking"
	for worker in $workers; do
		wait "$worker"
	done
}

no_claim_fails() {
	[ ! -s "$work/failed" ] || fail "$(sort "$work/failed" | uniq -c)"
}

# tidy - as the lab is after it was inserted
tidy() {
	for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
		[ ! -e "$cpu/online" ] || echo 1 >"$cpu/online" || fail "${cpu##*/} does not come online"
	done
	for driver in "$platform" "$pci"; do
		case $driver in
		"$platform") devices='/sys/bus/platform/devices/irqlab-*' ;;
		*) devices=$(grep -l 0x11e8 /sys/bus/pci/devices/*/device | sed 's,/device$,,') ;;
		esac
		for device in $devices; do
			[ -e "$device/driver" ] || echo "${device##*/}" >"$driver/bind" ||
				fail "${device##*/} cannot be bound"
		done
	done
	for mechanism in "$lab"/deferral/*; do
		[ ! -e "$mechanism/enabled" ] || must "deferral/${mechanism##*/}/enabled" 1
	done
	for line in "$lab"/lines/*; do
		must "lines/${line##*/}/enabled" 1
		must "lines/${line##*/}/handlers" none
	done
}

works_as_before() {
	tidy
	must_work
	for mechanism in "$lab"/deferral/*; do
		must "deferral/${mechanism##*/}/schedule" 3
	done
	must bench "line=sim0 count=3 mechanisms=all"
}

# can_be_removed - nothing holds on to the module, and it comes back
can_be_removed() {
	remove
	insert irqlab || fail "the module cannot be inserted again"
}

{
	echo "survives lab"
	echo "no_claim_fails lab"
	echo "works_as_before lab"
	echo "can_be_removed lab"
} | run_table
