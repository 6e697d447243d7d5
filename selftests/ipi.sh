#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Interrupts between CPUs: the kernel counts as many as were sent, all pairs of CPUs are measured, and
# CPUs that come and go meanwhile break nothing.
#
# Who waits for each call before the next has an interrupt for each; else several may share one. The
# kernel counts those of others too, which is what the limits leave room for: 2 % of the calls, 50 a
# second, ten times what a quiet time of the same length has shown (column "background"), and some to spare.

# shellcheck disable=SC2016  # conditions for awk

. "$(dirname "$0")/lib.sh"

cpus=$(grep -c ^processor /proc/cpuinfo)
last=$(sed -n 's/^processor[^:]*: //p' /proc/cpuinfo | tail -n 1)
online=/sys/devices/system/cpu/cpu$last/online
spare=$((${SHORT:-0} ? 100 : 20))

# call KEY=VALUE... - send, which leaves rows: kind from cpu wait count sent ran in_hardirq pending counter
# interrupts background
call() {
	must ipi/call "$*"
}

# each_row CONDITION... - awk conditions, of which each has to hold in each row of the call
each_row() {
	rules='' nth=0
	for condition; do
		nth=$((nth + 1))
		rules="$rules !($condition) { print \"condition $nth: \" \$0; wrong = 1 }"
	done
	awk -v many="$many" -v spare="$spare" -v wrong=0 -v kind="${kind:-}" -v symbol="${symbol:-}" '
		/^#/ { for (i = 1; i < NF; i++) if ($i == "took") took_us = $(i + 1); next }
		{ rows++; slack = $5 / 50 + took_us / 20000 + 10 * $12 + spare }
		'"$rules"'
		END { exit wrong || !rows || took_us == "" }' "$lab/ipi/call" || fail "not in each row: $*"
}

needs_others() {
	[ "$cpus" -gt 1 ] || skip "there is no other CPU"
}

# ---- Counts --------------------------------------------------------------------------------------

# is_counted_by_the_kernel KIND COUNT [KEY=VALUE...]
is_counted_by_the_kernel() {
	needs_others
	kind=$1 count=$2
	shift 2
	symbol=$(counter_of "$kind")
	counted "$symbol"
	before=$value
	call "kind=$kind" "count=$count" "$@"
	counted "$symbol"
	after=$value
	# The kernel counts a kick when it has told its tracepoint.
	each_row '$1 == kind && $6 == many && $7 == many && $9 == 0 && $10 == symbol' \
		'$8 <= $7' '$11 + ($1 == "reschedule") >= $8 && $11 <= $7 + slack'
	# And the witness: all of it, on all CPUs.
	awk '
		/^#/ { for (i = 1; i < NF; i++) if ($i == "took") took_us = $(i + 1); next }
		{ ran += $8; slack += $5 / 50 + took_us / 20000 + 10 * $12 + 100 }
		END { print ran, ran + 4 * slack }' "$lab/ipi/call" >"$work/value"
	content "$work/value"
	# shellcheck disable=SC2086  # words
	within "/proc/interrupts" $((after - before)) $value
}

counter_of() {
	case $1 in
	reschedule) echo RES ;;
	irq_work) echo IWI ;;
	nmi) echo NMI ;;
	*) echo CAL ;;
	esac
}

# Inline, with interrupts off: there is none to count.
is_no_interrupt() {
	[ "$1" = self ] || needs_others
	call "kind=$1" "count=$many"
	each_row '$6 == many && $7 == many && $8 == 0 && ($11 == "-" || $11 <= slack)'
}

# The sender's own is inline, the others' are interrupts.
is_inline_at_home() {
	needs_others
	call kind=each "count=$many" from=0
	each_row '$6 == many && $7 == many' '$3 == 0 ? $8 == 0 && $11 <= slack : $11 >= $8 && $11 <= $7 + slack'
}

# A CPU that is about to idle may find a call before its interrupt comes, as often as the host lets that happen; one
# that is busy is interrupted by each.
interrupts_who_is_busy() {
	needs_others
	call "kind=$1" count=20 target=busy from=0
	each_row '$6 == 20 && $7 == 20' '$8 == ($1 == "each" && $3 == 0 ? 0 : 20)'
}

# One for each call, whichever CPU the kernel takes.
is_sent_to_one() {
	needs_others
	call kind=any "count=$many"
	each_row '$6 == $7 && $11 >= $8 && $11 <= $7 + slack'
	awk '!/^#/ { sum += $7 } END { print sum }' "$lab/ipi/call" >"$work/value"
	content "$work/value"
	same "all that ran" "$value" "$many"
}

# Several may share an interrupt, and still each is made: at most two, as each sender waits.
merges_but_loses_nothing() {
	needs_others
	# Each waits for the other all the time, which takes long.
	cleanup="many=$many"
	many=$((many / 5))
	call kind=contended senders=2 "count=$many" "cpus=0-$last"
	each_row '$6 == $7 && ($7 == many || $7 == 2 * many)' '$11 >= $8 / 2 && $11 <= $7 + slack'
}

# shares_its_cpu_with_other_senders KIND - programs that unmap memory have TLBs flushed, from the same CPUs
shares_its_cpu_with_other_senders() {
	needs_others
	./user_part all &
	cleanup="kill $!"
	call "kind=$1" senders=2 count=100 "cpus=0-$last"
	each_row '$6 == $7 && ($7 == 100 || $7 == 200)'
}

# goes_on_without_waiting KIND [TARGET] - what is refused as pending is not sent, and what is sent is run
goes_on_without_waiting() {
	needs_others
	call "kind=$1" "count=$many" wait=0 ${2:+target=$2}
	each_row '$6 + $9 == many && $11 <= $6 + slack'
	case $1 in
	# Several kicks are seen as one.
	reschedule) each_row '$7 > 0 && $11 + 1 >= $7' ;;
	*) each_row '$6 == $7' ;;
	esac
}

# shows_what_proc_interrupts_shows - between two looks at it
shows_what_proc_interrupts_shows() {
	cat /proc/interrupts >"$work/before"
	cat "$lab/ipi/counters" >"$work/counters"
	cat /proc/interrupts >"$work/after"
	for symbol in NMI LOC IWI RES CAL TLB; do
		for file in before after; do
			awk -v symbol="$symbol:" '$1 == symbol' "$work/$file"
		done
		awk -v symbol="$symbol" '
			FNR == 1 { for (i = 1; i <= NF; i++) if ($i == symbol) column = i; next }
			{ printf "%s%s", FNR == 2 ? "" : " ", $column }
			END { print "" }' "$work/counters"
	done >"$work/three"
	awk '
		NR % 3 == 1 { for (i = 1; i <= NF; i++) low[i] = $i; name = $1 }
		NR % 3 == 2 { for (i = 1; i <= NF; i++) high[i] = $i }
		NR % 3 == 0 {
			for (i = 1; i <= NF; i++)
				if ($i < low[i + 1] || $i > high[i + 1]) {
					print name " CPU " i - 1 ": " $i " is not within " low[i + 1] " to " high[i + 1]
					wrong = 1
				}
			rows++
		}
		END { exit wrong || rows != 6 }' "$work/three" || fail "counters differ"
}

# begin_wakes FROM TO - two processes, on a CPU each, wake each other all the time, by a call
begin_wakes() {
	rm -f "$work/ping" "$work/pong"
	mkfifo "$work/ping" "$work/pong"
	(
		# To open both ways does not wait, and who reads sees no end.
		exec 5<>"$work/ping" 6<>"$work/pong"
		# shellcheck disable=SC2016  # those shells read it
		exec taskset $((1 << $1)) sh -c 'while echo >&5; do read -r _ <&6; done'
	) &
	waking=$!
	(
		exec 5<>"$work/ping" 6<>"$work/pong"
		# shellcheck disable=SC2016
		exec taskset $((1 << $2)) sh -c 'while read -r _ <&5; do echo >&6; done'
	) &
	cleanup="kill $waking $!"
}

# scales_its_background CALLS - what is counted of others in a quiet time is scaled to the time of the calls. The
# time of a few calls is much shorter, so that little is left of it; by the kernel's count, which has all of it.
scales_its_background() {
	needs_others
	begin_wakes 0 "$last"
	# A busy host may take its time for one.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		counted CAL "$last"
		before=$value
		call kind=async "count=$1" "cpus=$last" from=0
		counted CAL "$last"
		awk -v counted=$((value - before)) '
			/^#/ {
				for (i = 1; i < NF; i++) {
					if ($i == "took") took_us = $(i + 1)
					if ($(i - 1) " " $i == "background of") quiet_us = $(i + 1)
				}
				next
			}
			# It is rounded up.
			($12 - 1) * quiet_us > counted * took_us { wrong = 1 }
			END { exit wrong || !quiet_us }' "$lab/ipi/call" || fail "$((value - before)) counted: $(cat "$lab/ipi/call")"
	done
}

# ---- Times ---------------------------------------------------------------------------------------

pairs() {
	grep -v '^#' "$lab/ipi/matrix"
}

# has_all_pairs KIND PAIRS [KEY=VALUE...]
has_all_pairs() {
	needs_others
	kind=$1 wanted=$2
	shift 2
	uptime
	start=$value
	must ipi/matrix "kind=$kind rounds=50 $*"
	uptime
	within "hundredths of a second" $((value - start)) 0 1000
	awk -v wanted="$wanted" '
		function rises(from) {
			return $from == "-" || $from <= $(from + 1) && $(from + 1) <= $(from + 2) && $(from + 2) <= $(from + 3)
		}
		/^#/ { next }
		seen[$1, $2]++ || /unmeasured/ || $3 < 1 || $3 > 50 || !rises(4) || !rises(8) { print; wrong = 1 }
		{ rows++ }
		END {
			if (rows != wanted)
				print rows + 0 " pairs instead of " wanted
			exit wrong || rows != wanted
		}' "$lab/ipi/matrix" || fail "not all are measured"
}

# measures_disjoint_pairs_at_once KIND - in as many steps as all need who have one partner at a time
measures_disjoint_pairs_at_once() {
	needs_others
	must ipi/matrix "kind=$1 rounds=1 parallel=1 budget_ms=600000"
	same "pairs" "$(pairs | grep -vc unmeasured)" $((cpus * (cpus - 1)))
	# With an odd number one has a rest each time. There and back are two steps.
	same "steps" "$(sed -n 's/^# .* ms, \([0-9]*\) steps; done$/\1/p' "$lab/ipi/matrix")" $(((cpus - 1 + cpus % 2) * 2))
	pairs | awk '$13 !~ /^[01]$/ || $14 !~ /^[0-9-]+:[0-9-]+$/ { print; wrong = 1 } END { exit wrong }' ||
		fail "no word of how near they are"
}

# shows_who_sends matrix KIND - by the kernel's tracepoint, which is called on the sender: from there to the other
# CPU, in the order of the rows
shows_who_sends() {
	needs_others
	has_tracefs || skip "this kernel has no tracefs"
	[ -d $tracing/events/csd/csd_queue_cpu ] || skip "the kernel does not trace who calls whom"
	cleanup="echo 0 >$tracing/events/csd/csd_queue_cpu/enable; echo >$tracing/trace"
	echo >$tracing/trace
	echo 1 >$tracing/events/csd/csd_queue_cpu/enable
	must "ipi/$1" "kind=$2 rounds=1 cpus=0-$last"
	echo 0 >$tracing/events/csd/csd_queue_cpu/enable
	# Of others' calls there may be some in between.
	sed -nE 's/.*\[0*([0-9]+)\].* csd_queue_cpu: cpu=([0-9]+) .*irqlab.*/\1 \2/p' $tracing/trace | uniq >"$work/sent"
	pairs | cut -d ' ' -f 1,2 >"$work/pairs"
	diff "$work/sent" "$work/pairs" || fail "not as sent"
}

# some_least_time_is_longer KIND - of some pair, than that of the row before, which was measured before
some_least_time_is_longer() {
	must ipi/matrix "kind=$1 rounds=20"
	pairs | awk 'NR > 1 && $4 > last { good = 1 } { last = $4 } END { exit !good }'
}

# has_its_own_least_time KIND - each pair, and not that of one before. By chance they might become shorter from one to the
# next, but not each time.
has_its_own_least_time() {
	[ $((cpus * (cpus - 1))) -ge 6 ] || skip "too few pairs to tell"
	for _ in 1 2 3 4 5 6; do
		! some_least_time_is_longer "$1" || return 0
	done
	fail "the longer it goes on, the shorter: $(cat "$lab/ipi/matrix")"
}

# A pair is measured, or says why not.
keeps_its_budget() {
	needs_others
	uptime
	start=$value
	must ipi/matrix "rounds=1000000 budget_ms=$1"
	uptime
	within "hundredths of a second" $((value - start)) 0 $(($1 / 10 + 200))
	same "pairs" "$(pairs | wc -l)" $((cpus * (cpus - 1)))
	pairs | awk '($3 > 0) == /unmeasured/ { print; wrong = 1 } END { exit wrong }' || fail "neither"
}

is_running() {
	grep -q '^# .* running, ' "$lab/ipi/matrix"
}

shows_its_progress() {
	needs_others
	(echo "rounds=1000000 budget_ms=60000" >"$lab/ipi/matrix") &
	matrix=$!
	cleanup="kill $matrix 2>/dev/null"
	eventually is_running || fail "it does not run"
	must_answer ipi/matrix EBUSY rounds=1
	must_answer ipi/call EBUSY kind=single
	is_running || fail "it did not go on"
	kill "$matrix"
	wait "$matrix"
	! is_running || fail "it goes on"
	must_have_said ipi/matrix EINTR
	must ipi/matrix rounds=1
}

# meets_interrupts_that_are_off matrix KIND HOLD_US - the target and the sender wait for each other, and
# who has met interrupts that are off has waited for as long as they were to be off. The lab says how
# many have; where all have, the shortest time is as long, by a clock that goes on.
meets_interrupts_that_are_off() {
	needs_others
	waits=1
	if [ "$2" = nmi ] || ! clock_goes_on; then
		waits=0
	fi
	must ipi/matrix "kind=$2 rounds=50 target=irqs_off hold_us=$3 cpus=0,$last"
	pairs | awk -v hold_ns=$(($3 * 1000)) -v waits=$waits '
		function wrong(what) { print what ": " $0; bad = 1 }
		{ rows++ }
		NF < 12 || $12 !~ /^[0-9]+$/ || $12 > $3 { wrong("no count of those that have"); next }
		# On a busy host the CPU that is to be met comes late, or goes early, however often.
		$12 < 1 { wrong("none has met") }
		# An NMI does not wait. What a bucket holds differs by 3 %.
		waits && $12 == $3 && $4 < hold_ns * 0.95 { wrong("met, but did not wait") }
		waits && $12 > $3 / 2 && $5 < hold_ns * 0.95 { wrong("most have met, but did not wait") }
		END { exit bad || rows != 2 }' || fail "$(cat "$lab/ipi/matrix")"
	must ipi/call "kind=$2 count=20 target=irqs_off hold_us=$3 cpus=$last from=0"
	awk '!/^#/ && ($13 !~ /^[0-9]+$/ || $13 < 1 || $13 > $7) { print; bad = 1 } END { exit bad }' "$lab/ipi/call" ||
		fail "no call has met"
}

# is_met_by_nobody KIND [TARGET] - where nobody is held, there is nothing to count
is_met_by_nobody() {
	needs_others
	must ipi/matrix "kind=$1 rounds=2 cpus=0,$last target=$2"
	pairs | awk '$12 != "-" { print; bad = 1 } END { exit bad }' || fail "counted"
}

# adds_up [KEY=VALUE...] - the distribution of a call has all of it
adds_up() {
	call "kind=single" count=1000 "cpus=$last" from=0
	awk '
		/^#/ { next }
		{ sum[$1] += $4; if ($3 < $2 || $5 != sum[$1]) wrong = 1; percent[$1] = $6 }
		END {
			exit wrong || sum["one_way"] > 1000 || sum["one_way"] < 900 || sum["round_trip"] != 1000 ||
				percent["one_way"] != "100.00" || percent["round_trip"] != "100.00"
		}' "$lab/ipi/cdf" || fail "$(cat "$lab/ipi/cdf")"
}

has_all_modes() {
	needs_others
	must ipi/modes "count=10 batches=3"
	same "modes" "$(grep -v '^#' "$lab/ipi/modes" | cut -d ' ' -f 1-3 | tr '\n' ' ')" \
		"dry_run 10 3 self 10 3 single 10 3 broadcast 10 3 contended 10 3 "
}

# ---- CPUs that come and go -----------------------------------------------------------------------

# probe KNOB COMMAND - has to be carried out, or to be answered with ENXIO
probe() {
	tell "$1" "$2"
	echo "$answer" >>"$work/answers"
	case $answer in
	ok | ENXIO) ;;
	*) echo "$1: $2: $answer; $(cat "$lab/last_error")" >>"$work/wrong" ;;
	esac
}

answers_enxio_while_a_cpu_is_offline() {
	needs_others
	[ -e "$online" ] || skip "the CPU cannot be taken offline"
	cleanup="echo 1 >$online"
	echo 0 >"$online" || skip "the CPU cannot be taken offline"
	for command in "kind=single cpus=$last" "kind=async cpus=0,$last" "kind=broadcast cpus=1-$last" \
		"kind=nmi cpus=$last" "kind=reschedule cpus=$last" "kind=task cpus=$last" \
		"kind=self from=$last" "kind=irq_work from=$last" "kind=single cpus=0 from=$last"; do
		must_answer ipi/call ENXIO "$command"
		must_have_said ipi/call ENXIO
		case $command:$said in
		*from=* | *"CPU $last is offline"*) ;;
		*) fail "'$command' does not name CPU $last: $said" ;;
		esac
	done
	must ipi/matrix "rounds=2 cpus=0-$last"
	pairs | awk -v last="$last" '
		($1 == last || $2 == last) != /unmeasured: ENXIO/ { print; wrong = 1 }
		END { exit wrong || NR < 2 }' || fail "not what is offline"
}

survives_hotplug() {
	needs_others
	[ -e "$online" ] || skip "the CPU cannot be taken offline"
	: >"$work/going"
	: >"$work/answers"
	: >"$work/wrong"
	while [ -e "$work/going" ]; do
		for kind in single async broadcast each where reschedule nmi task; do
			probe ipi/call "kind=$kind count=20 cpus=1-$last"
		done
		probe ipi/call "kind=single count=20 from=$last cpus=0"
		probe ipi/call "kind=async count=200 wait=0 cpus=$last"
		probe ipi/call "kind=broadcast count=20 wait=0 cpus=0-$last"
		probe ipi/call "kind=single count=5 cpus=$last target=irqs_off hold_us=500"
		probe ipi/matrix "rounds=5 cpus=0-$last budget_ms=1000"
		probe ipi/modes "count=5 batches=2 cpu=$last"
	done &
	probes=$!
	cleanup="rm -f $work/going; wait $probes; echo 1 >$online"
	round=0
	while [ $round -lt "$1" ]; do
		echo 0 >"$online" || fail "the CPU cannot be taken offline"
		echo 1 >"$online" || fail "the CPU cannot be brought online"
		round=$((round + 1))
	done
	rm -f "$work/going"
	wait $probes
	[ ! -s "$work/wrong" ] || fail "$(sort "$work/wrong" | uniq -c)"
	for wanted in ok ENXIO; do
		grep -q "^$wanted$" "$work/answers" || fail "no probe was answered with $wanted"
	done
	call "kind=single" count=100 "cpus=1-$last"
	each_row '$7 == 100'
}

# ---- Who -----------------------------------------------------------------------------------------

# begin_who - count, for the rest of the check
begin_who() {
	needs_others
	cleanup="must ipi/who off; must ipi/who reset"
	must ipi/who reset
	must ipi/who on
}

# sent_to WHAT FUNCTION - set value to how many of them CPU 0 has sent the last one
sent_to() {
	awk -v to="$last" -v what="$1" -v function_="$2" '
		$1 == 0 && $2 == to && $3 == what && $5 ~ function_ { sum += $4 }
		END { print sum + 0 }' "$lab/ipi/who" >"$work/value"
	content "$work/value"
}

# The tracer has each call of the lab's own function, too.
names_who_calls() {
	begin_who
	has_tracefs || skip "this kernel has no tracefs"
	mkdir $instance || fail "no buffer"
	cleanup="$cleanup; echo 0 >$instance/events/enable; rmdir $instance"
	echo 1 >$instance/events/csd/csd_queue_cpu/enable || skip "this kernel cannot trace calls"
	call kind=single from=0 "cpus=$last" count=200
	must ipi/who off
	echo 0 >$instance/events/enable
	sent_to call irqlab
	same "calls of the lab" "$value" 200
	same "those that the tracer saw" "$(grep -c "csd_queue_cpu: cpu=$last .*func=[^ ]*irqlab" $instance/trace)" 200
	# Each call waits for the last, and so has an interrupt of its own; but where the other CPU polls.
	each_row '$7 == 200'
	sent_to interrupt generic_smp_call_function_single_interrupt
	within "interrupts for them" "$value" 1 2000
	call kind=single from=0 "cpus=$last" count=10
	sent_to call irqlab
	same "calls, while it is off" "$value" 200
	must ipi/who reset
	! grep -v '^#' "$lab/ipi/who" || fail "still there after a reset"
}

names_who_reschedules() {
	begin_who
	call kind=reschedule from=0 "cpus=$last" count=200
	must ipi/who off
	sent_to reschedule irqlab
	same "reschedule interrupts" "$value" 200
}

names_the_targets_of_a_broadcast() {
	begin_who
	[ "$cpus" -gt 2 ] || skip "a broadcast to one CPU is a call"
	call kind=broadcast from=0 count=100
	must ipi/who off
	# Some find the CPU idle and polling, or with calls in its queue.
	awk '$1 == 0 && $3 == "call" && $5 ~ /irqlab/ { calls[$2] += $4 }
		END {
			for (cpu in calls) { n++; if (calls[cpu] != 100) { print calls[cpu] " to " cpu; bad = 1 } }
			exit bad || n != '$((cpus - 1))'
		}' "$lab/ipi/who" || fail "$(cat "$lab/ipi/who")"
}

# ---- The table -----------------------------------------------------------------------------------

run_table <<-END
	shows_what_proc_interrupts_shows counters
	is_counted_by_the_kernel single $many
	is_counted_by_the_kernel async $many
	is_counted_by_the_kernel broadcast $many
	is_counted_by_the_kernel where $many
	is_counted_by_the_kernel reschedule $many
	is_counted_by_the_kernel irq_work $many
	is_counted_by_the_kernel nmi $many
	is_inline_at_home each
	interrupts_who_is_busy single
	interrupts_who_is_busy async
	interrupts_who_is_busy broadcast
	interrupts_who_is_busy each
	interrupts_who_is_busy irq_work
	interrupts_who_is_busy nmi
	interrupts_who_is_busy reschedule
	is_no_interrupt self
	is_no_interrupt task
	is_sent_to_one any
	merges_but_loses_nothing contended
	shares_its_cpu_with_other_senders contended
	goes_on_without_waiting single
	goes_on_without_waiting async
	goes_on_without_waiting broadcast
	goes_on_without_waiting each
	goes_on_without_waiting reschedule
	goes_on_without_waiting reschedule irqs_off
	goes_on_without_waiting irq_work
	scales_its_background 1
	has_all_pairs single $((cpus * (cpus - 1)))
	has_all_pairs async $((cpus * (cpus - 1))) target=busy
	has_its_own_least_time single
	has_all_pairs reschedule $((cpus * (cpus - 1)))
	has_all_pairs nmi $((cpus * (cpus - 1))) target=irqs_off
	has_all_pairs task $((cpus * (cpus - 1)))
	has_all_pairs single $((cpus * (cpus - 1))) parallel=1
	has_all_pairs self $cpus
	has_all_pairs irq_work $cpus
	measures_disjoint_pairs_at_once single
	measures_disjoint_pairs_at_once reschedule
	measures_disjoint_pairs_at_once task
	shows_who_sends matrix async
	keeps_its_budget 1
	keeps_its_budget 1000
	shows_its_progress matrix
	meets_interrupts_that_are_off matrix async 100
	meets_interrupts_that_are_off matrix async 5000
	meets_interrupts_that_are_off matrix single 100
	meets_interrupts_that_are_off matrix reschedule 100
	meets_interrupts_that_are_off matrix nmi 100
	is_met_by_nobody single idle
	is_met_by_nobody single busy
	is_met_by_nobody task irqs_off
	adds_up cdf
	has_all_modes modes
	names_who_calls who
	names_who_reschedules who
	names_the_targets_of_a_broadcast who
	answers_enxio_while_a_cpu_is_offline call
	survives_hotplug $(is_short && echo 10 || echo 100)
END
