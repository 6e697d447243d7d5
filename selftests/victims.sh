#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Victims: what a half of an interrupt's handling that works for long does to others, as `bench` with victims=1
# shows it. Witnesses are the kernel's tracer, what the scheduler knows of each task, and the log.

. "$(dirname "$0")/lib.sh"

# How long a half works here, and how many events there are: each of eight moments in it twice.
us=5000
events=16
# The first of these moments is after a sixteenth of it. Who has to wait for the end waits so long, in ns.
longest=$((us * 1000 * 15 / 16))

# In a kernel that forces handlers and soft IRQs into threads, others wait for other things.
needs_soft_irqs() {
	if is_rt || grep -qw threadirqs /proc/cmdline; then
		skip "this kernel has soft IRQs in threads"
	fi
}

needs_a_clock_that_goes_on() {
	clock_goes_on || skip "the kernel does not trust the TSC: its clock may stand still, and then jump"
}

# bench_victims COMMAND... - a run of events that keep apart from each other
bench_victims() {
	must bench "count=$events period_us=$((us * 2)) victims=1 $*"
}

# suffered MECHANISM VICTIM COLUMN - set value to what the table has of it, where the half works
suffered() {
	awk -v mechanism="$1" -v victim="$2" -v column="$3" '
		/^#mechanism/ { for (i = 1; i <= NF; i++) if ($i == column) field = i }
		$1 == mechanism && $4 == victim && $5 == "here" { print $field }' "$lab/victims/latencies" >"$work/value"
	content "$work/value"
	[ "$value" ] || fail "no $3 of $2 in: $(cat "$lab/victims/latencies")"
}

# All that is due while a half works has its turn, once for each event. What waits still is not asked again: so on a
# busy machine some are left out, and most of them show nothing.
gives_each_its_turn() {
	bench_victims "line=$1 mechanisms=tasklet,threaded,percpu_wq bottom_us=$us"
	awk -v events=$events '
		/^#/ || $5 != "here" { next }
		$6 < 1 || $6 > events { print "not 1 to " events ": " $0; bad = 1 }
		$6 < events / 2 { is_busy = 1 }
		$7 > $8 || $8 > $9 { print "they do not rise: " $0; bad = 1 }
		{ rows++ }
		END { if (rows != 15) { print rows " rows"; bad = 1 }; exit bad ? 1 : is_busy ? 4 : 0 }' "$lab/victims/latencies"
	case $? in
	0) ;;
	4) skip "the machine is too busy for victims to have their turns" ;;
	*) exit 1 ;;
	esac
}

# keeps_waiting VICTIM MECHANISM - the moment right after the half's beginning is among those when it is due
keeps_waiting() {
	case $2 in
	hard)
		needs_soft_irqs
		needs_a_clock_that_goes_on
		;;
	esac
	eventually waits "$1" "$2" bottom_us || fail "waits $value ns at most, where $us us of work are in its way"
}

# waits VICTIM MECHANISM HALF - for nearly all of what that half works. Where the machine stops the CPU as the
# victim is to begin its wait, that is shorter.
waits() {
	bench_victims "line=sim0 mechanisms=$2 $3=$us"
	suffered "$2" "$1" max
	[ "$value" -ge $longest ]
}

# keeps_waiting_in_the_top_half VICTIM MECHANISM
keeps_waiting_in_the_top_half() {
	needs_a_clock_that_goes_on
	[ "$2" = hard ] || needs_soft_irqs
	eventually waits "$1" "$2" top_us || fail "waits $value ns at most, where $us us of work are in its way"
	rows=$(awk -v least=$((us * 1000)) '$1 == "'"$2"'" && $7 >= least' "$lab/bench")
	[ "$rows" ] || fail "the bottom half begins before the top half has worked: $(cat "$lab/bench")"
}

# lets_pass VICTIM MECHANISM OTHER - where the half of a mechanism works, it waits less than half as long as with
# another: half of the times, as the machine may be busy
lets_pass() {
	needs_soft_irqs
	needs_a_clock_that_goes_on
	eventually waits_less "$@" || fail "$1 waits $value ns for $2, and $other ns for $3"
}

waits_less() {
	bench_victims "line=sim0 mechanisms=$2,$3 bottom_us=$us"
	suffered "$3" "$1" p50
	other=$value
	suffered "$2" "$1" p50
	[ $((value * 2)) -lt "$other" ]
}

# The line that shares the interrupt waits for the thread of the other: so long the interrupt is masked.
keeps_the_sharing_line_waiting() {
	[ -d "$lab/lines/edu1" ] || skip "no lines that share an interrupt"
	info edu0 irq
	irq=$value
	info edu1 irq
	[ "$value" = "$irq" ] || skip "edu0 and edu1 have interrupts of their own"
	eventually holds_the_sharing_line_up ||
		fail "edu1 waits $value ns at most, with $us us of work in a thread of edu0"
	eventually lets_the_sharing_line_pass || fail "edu1 waits $value ns for a tasklet of edu0, as for its thread"
	must_work
}

holds_the_sharing_line_up() {
	bench_victims "line=edu0 mechanisms=threaded bottom_us=$us"
	grep -q '; line: edu1$' "$lab/victims/latencies" || fail "not edu1: $(cat "$lab/victims/latencies")"
	suffered threaded line max
	[ "$value" -ge $longest ]
}

lets_the_sharing_line_pass() {
	bench_victims "line=edu0 mechanisms=tasklet bottom_us=$us"
	suffered tasklet line p50
	[ $((value * 2)) -lt $((us * 1000)) ]
}

# A task of a higher priority than that of the line's thread does not wait for it.
heeds_the_priority() {
	eventually waits_with_priority 40 || fail "of priority 40 it waits $value ns at most for a thread of priority 50"
	eventually passes_with_priority 60 || fail "of priority 60 it waits $value ns for a thread of priority 50"
}

waits_with_priority() {
	bench_victims "line=sim0 mechanisms=threaded bottom_us=$us priority=$1"
	suffered threaded fifo max
	[ "$value" -ge $longest ]
}

passes_with_priority() {
	bench_victims "line=sim0 mechanisms=threaded bottom_us=$us priority=$1"
	suffered threaded fifo p50
	[ $((value * 2)) -lt $((us * 1000)) ]
}

# The kernel says when the timer was due, and when the task was switched to: the lab cannot have seen it earlier.
agrees_with_the_tracer() {
	eventually agrees_for_once || fail "p50 and maximum of $seen events were $traced ns; the lab has $ours"
}

agrees_for_once() {
	trace timer/hrtimer_start timer/hrtimer_expire_entry sched/sched_switch
	bench_victims "line=sim0 mechanisms=tasklet bottom_us=$us cpu=0"
	echo 0 >$instance/events/enable
	cat $instance/trace >"$work/trace"
	rmdir $instance
	cleanup=
	suffered tasklet fifo p50
	ours=$value
	suffered tasklet fifo max
	ours="$ours $value"
	suffered tasklet fifo count
	counted=$value
	sed -n 's/^ .*\[\([0-9]*\)\] [^ ]* *\([0-9]*\)\.\([0-9]*\): \([a-z_]*\): /\1 \2\3000 \4 /p' "$work/trace" | awk '
		function field(name, i) {
			for (i = 4; i <= NF; i++)
				if (index($i, name "=") == 1)
					return substr($i, length(name) + 2)
		}
		$1 + 0 != 0 { next }
		$3 == "hrtimer_start" && /function=.*HardIrq.*irqlab/ { expires[field("hrtimer")] = field("expires") }
		$3 == "hrtimer_expire_entry" && field("hrtimer") in expires {
			due = $2 - (field("now") - expires[field("hrtimer")])
			delete expires[field("hrtimer")]
		}
		$3 == "sched_switch" && field("next_comm") == "irqlab_vf/0" && due {
			latency = $2 - due
			due = 0
			for (i = ++n; i > 1 && sorted[i - 1] > latency; i--)
				sorted[i] = sorted[i - 1]
			sorted[i] = latency
		}
		END { printf "%d %.0f %.0f\n", n, sorted[int((n + 1) / 2)], sorted[n] }' >"$work/traced"
	read -r seen median greatest <"$work/traced"
	traced="$median $greatest"
	same "events that the tracer and the lab have seen" "$seen" "$counted"
	# The tracer counts in microseconds, and a bucket of the lab is 3 % wide. Between the switch and what the
	# lab sees of it the host may take the CPU away: then it is tried again.
	slack=10000
	p50=${ours% *} max=${ours#* }
	[ $((max + slack)) -ge "$greatest" ] || fail "the lab saw at most $max ns, the tracer $greatest"
	[ $((p50 + slack)) -ge "$median" ] || fail "the lab saw $p50 ns half of the times, the tracer $median"
	[ "$p50" -le $((median + median / 16 + 500000)) ]
}

# run_ns TASK - set value to how long the scheduler has let it run, in ns, and slices to how often
run_ns() {
	for stat in /proc/[0-9]*/stat; do
		read -r pid comm _ <"$stat" || continue
		[ "$comm" != "($1)" ] || break
		pid=
	done 2>/dev/null
	[ "$pid" ] || fail "no task $1"
	[ -e "/proc/$pid/schedstat" ] || skip "this kernel does not tell how long a task has run"
	read -r value _ slices <"/proc/$pid/schedstat"
}

# ran MECHANISM KIND WHO COLUMN - set value to the sum of a column over those whose names match
ran() {
	awk -v mechanism="$1" -v kind="$2" -v who="$3" -v column="$4" '
		/^#mechanism/ { for (i = 1; i <= NF; i++) if ($i == column) field = i }
		$1 == mechanism && $4 == kind && $5 ~ who { sum += $field }
		END { printf "%.0f\n", sum }' "$lab/victims/ran" >"$work/value"
	content "$work/value"
}

# A soft IRQ that becomes pending while another one takes so long is left to ksoftirqd, and so are the next.
tells_when_ksoftirqd_takes_over() {
	needs_soft_irqs
	run_ns ksoftirqd/0
	before=$value slices_before=$slices
	bench_victims "line=sim0 mechanisms=tasklet bottom_us=$us cpu=0"
	run_ns ksoftirqd/0
	total=$((value - before)) slices=$((slices - slices_before))
	ran tasklet softirq '/ksoftirqd$' runs
	[ "$value" -gt 0 ] || fail "none: $(cat "$lab/victims/ran")"
	ran tasklet softirq '^HRTIMER/ksoftirqd$' first
	# From the first event that has kept it waiting on.
	[ "$value" -ge $((us * 1000)) ] || fail "it took over after $value ns, before the tasklet had ended"
	ran tasklet task '^ksoftirqd/0/' runs
	within "runs of ksoftirqd" "$value" 1 "$slices"
	ran tasklet task '^ksoftirqd/0/' total
	# The scheduler stops its clock a moment before the switch, or begins after it; its own clock leaves out
	# what the host has taken away.
	[ "$value" -ge $((total / 4)) ] || fail "ksoftirqd ran for $value ns of $total ns"
}

# The time that the handler takes is what it was told to work for, and it is told apart from the others.
counts_the_handler() {
	needs_soft_irqs
	needs_a_clock_that_goes_on
	info sim0 irq
	irq=$value
	bench_victims "line=sim0 mechanisms=hard,tasklet bottom_us=$us"
	ran hard handler "^irq$irq\$" runs
	same "handlers of sim0" "$value" $events
	ran hard handler "^irq$irq\$" total
	[ "$value" -ge $((events * us * 1000)) ] || fail "they took $value ns"
	ran tasklet softirq '^TASKLET/' total
	[ "$value" -ge $((events * us * 1000)) ] || fail "the tasklets took $value ns"
	ran tasklet handler "^irq$irq\$" runs
	same "handlers of sim0 that schedule a tasklet" "$value" $events
}

# What anybody puts into the log meanwhile.
tells_what_the_kernel_says() {
	(echo "line=sim0 mechanisms=hard count=1000000 victims=1" >"$lab/bench") &
	bench=$! benched=sim0
	cleanup=end_bench
	eventually is_watched || fail "no victims"
	echo "irqlab selftest: a complaint" >/dev/kmsg
	# Until the last event.
	pause 0.2
	end_bench
	grep -q '^hard  *0  *0  *[0-9][0-9]* irqlab selftest: a complaint$' "$lab/victims/complaints" ||
		fail "not there: $(cat "$lab/victims/complaints")"
	bench_victims "line=sim0 mechanisms=hard"
	! grep selftest "$lab/victims/complaints" || fail "still there"
}

# is_watched - whether events are sent that have victims
is_watched() {
	progress=
	read -r _ <"$lab/victims/ran"
	[ "$(thread_count)" -gt 0 ] && progressing
}

progressing() {
	while read -r knob step _; do
		progress="$knob $step"
	done <"$lab/progress"
	[ "$progress" = "bench 1" ]
}

thread_count() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^irqlab_v[ft]/'
}

# The module's own trace events say how long each event took, too: the one that is shown is one of the longest. Its
# time line has the whole way, and what the CPU did meanwhile.
shows_the_worst() {
	trace irqlab/raise irqlab/wake
	bench_victims "line=sim0 mechanisms=$1 bottom_us=$us"
	echo 0 >$instance/events/enable
	sed -n 's/^ .*\[[0-9]*\] [^ ]* *\([0-9]*\)\.\([0-9]*\): \([a-z]*\): /\1\2000 \3 /p' $instance/trace >"$work/trace"
	sed -n "s/^# $1: event \([0-9]*\) of $events took longest, \([0-9]*\) ns from its raising at \([0-9]*\) .*/\1 \2 \3/p" \
		"$lab/worst" >"$work/worst"
	read -r number took raised <"$work/worst" || fail "none: $(cat "$lab/worst")"
	awk -v mechanism="$1" -v number="$number" -v took="$took" '
		$2 == "raise" && $4 == "mechanism=" mechanism { n++; raised = $1 }
		$2 == "wake" && $3 == "mechanism=" mechanism { ns = $1 - raised; if (ns > max) max = ns; if (n == number) mine = ns }
		END {
			printf "the tracer: event %d took %.0f ns, the longest %.0f; the lab: %.0f\n", number, mine, max, took
			exit n != '$events' || mine < max * 7 / 8 || took < mine * 7 / 8 || mine < '$us' * 1000
		}' "$work/trace" || exit 1
	awk -v mechanism="$1" -v raised="$raised" -v took="$took" '
		function wrong(what) { print what ": " $0; bad = 1 }
		/^#/ { next }
		{ if ($1 < last) wrong("earlier than the line before"); last = $1; seen[$3]++ }
		$3 == "raise" && $4 == mechanism && $1 <= raised && $1 + 1000000 > raised { way = "raise"; raise = $1 }
		$3 == "top_half" && $4 == mechanism && way == "raise" { way = way " top" }
		$3 == "bottom_half" && $4 == mechanism && way == "raise top" { way = way " bottom" }
		$3 == "woken" && $4 == mechanism && way == "raise top bottom" { way = way " woken"; woken = $1 }
		END {
			$0 = way " after " woken - raise
			if (way != "raise top bottom woken" || woken - raise < took / 2)
				wrong("not the way")
			if (!seen["handler_entry"] || !seen["switch_to"])
				wrong("no handler, or no other task")
			exit bad
		}' "$lab/worst" || fail "$(cat "$lab/worst")"
}

# Who raises holds a lock that the bottom half wants. With an ordinary mutex the bottom half waits for a task whose
# priority is between theirs, and who has nothing to do with it: that runs for 2 ms. The kernel's tracer tells of
# priorities that are inherited.
inherits_priority() {
	! is_rt || skip "all mutexes of this kernel inherit priorities"
	contends mutex
	suffered threaded lock max
	[ "$value" -ge 1500000 ] || fail "with a mutex it waits $value ns, and not for the task in the middle"
	same "inherited priorities, with a mutex" "$boosts" 0
	eventually waits_not_for_the_middle || fail "with an rt_mutex it waits $value ns"
	# Where the host has taken the CPU away, the lock may have been given back by then.
	[ "$boosts" -gt 0 ] || fail "no priority was inherited"
}

waits_not_for_the_middle() {
	contends rt_mutex
	[ "$value" -lt 1500000 ]
}

# contends LOCK - set value to how long a thread waited for it half of the times, and boosts to how often the task
# that raises was given another priority
contends() {
	trace sched/sched_pi_setprio
	must bench "line=sim0 mechanisms=threaded,tasklet count=$events period_us=10000 bottom_us=100 victims=1 contend=$1"
	echo 0 >$instance/events/enable
	boosts=$(grep -c 'sched_pi_setprio: comm=kworker.* newprio=49' $instance/trace)
	rmdir $instance
	cleanup=
	suffered threaded lock count
	same "events in which a thread wanted the lock" "$value" $events
	! grep '^tasklet .* lock ' "$lab/victims/latencies" || fail "a tasklet has waited for a lock"
	suffered threaded lock p50
}

leaves_no_threads() {
	bench_victims "line=sim0 mechanisms=hard"
	same "threads of victims" "$(thread_count)" 0
	# Without victims there is nothing in the tables.
	must bench "line=sim0 mechanisms=hard count=1 bottom_us=1"
	! grep -v '^#' "$lab"/victims/* "$lab/worst" || fail "left from the last run"
	grep -q '^# the top half works for 0 us, the bottom half for 1 us' "$lab/bench" || fail "$(cat "$lab/bench")"
	must bench "line=sim0 mechanisms=hard count=1"
	! grep 'works for' "$lab/bench" || fail "it still works"
}

# interrupts_for EVENTS COMMAND... - set value to how many interrupts edu0 has sent for so many events
interrupts_for() {
	[ -d "$lab/lines/edu0" ] || skip "no device that holds its interrupt"
	finds INTx info edu0 kind || skip "its interrupts are messages"
	needs_soft_irqs
	sent=$1
	shift
	# Its own count: the interrupt may be somebody else's, too.
	info edu0 handled
	before=$value
	info edu0 irq
	counted "$value"
	counted_before=$value
	must bench "line=edu0 count=$sent period_us=2000 bottom_us=200 $*"
	info edu0 irq
	counted "$value"
	counted=$((value - counted_before))
	info edu0 handled
	value=$((value - before))
	[ "$counted" -ge "$value" ] || fail "/proc/interrupts has $counted, the top half ran $value times"
}

# Who acknowledges in time, or keeps the line masked or disabled until then, has one interrupt for each event; and
# some more to steer the line, and when the line is disabled the one on its way.
has_no_storm() {
	interrupts_for 10 "mechanisms=$1 ack=$2"
	within "runs of the top half for 10 events" "$value" 10 40
	[ "$(awk '$1 == "'"$1"'" { print $5 }' "$lab/bench")" = 0 ] || fail "lost: $(cat "$lab/bench")"
	must_work
}

# Acknowledged by a bottom half that interrupts can interrupt, the line goes on interrupting until then.
has_a_storm() {
	interrupts_for 10 "mechanisms=$1 ack=$2"
	[ "$value" -ge 100 ] || fail "only $value runs of the top half for 10 events"
	counts_each_once "$1" 10
	must_work
}

# counts_each_once MECHANISM EVENTS - however often a half runs only as nobody has acknowledged the event yet
counts_each_once() {
	same "count, lost, coalesced" "$(awk '$1 == "'"$1"'" { print $4, $5, $14 }' "$lab/bench")" "$2 0 0"
	account "$1"
	same "raised, recorded, coalesced, refused, lost, pending" "$raised $recorded $coalesced $refused $lost $pending" \
		"$2 $2 0 0 0 0"
}

# The lab ends the storm, long before the kernel takes the line for broken, and the line is as before.
ends_a_storm() {
	dmesg | grep -c 'nobody cared' >"$work/cared"
	uptime
	begun=$value
	interrupts_for 3 "mechanisms=$1 ack=never"
	runs=$value
	uptime
	# On a slow machine the time of one may be up before.
	least=$((value - begun < 200 ? 6000 : 100))
	within "runs of the top half for 3 events" "$runs" $least 6100
	says_that_a_storm_was_ended "$1" 3
	counts_each_once "$1" 3
	dmesg | grep -c 'nobody cared' | cmp - "$work/cared" || fail "the kernel gave up"
	must_work
	interrupts_for 10 "mechanisms=$1"
	within "runs of the top half for 10 events afterwards" "$value" 10 40
}

says_that_a_storm_was_ended() {
	grep -q "^$1 .* # $2 times the top half ended a storm, after 2000 runs or 2000 ms" "$lab/bench" ||
		fail "$(cat "$lab/bench")"
}

# Where the top half takes long, too, the storm is ended when it has had the CPU for long enough.
ends_a_storm_in_time() {
	interrupts_for 1 "mechanisms=$1 ack=never top_us=40000"
	within "runs of the top half" "$value" 2 100
	says_that_a_storm_was_ended "$1" 1
	must_work
}

refuses_to_hold() {
	must_answer bench EPERM "line=$1 mechanisms=hard ack=bottom"
	must_have_said bench EPERM
	must_work
}

# lets_the_other_line_go LINE OTHER - its driver does not wait for the whole run
lets_the_other_line_go() {
	begin_bench "line=$1" victims=1
	eventually is_watched || fail "no victims"
	cleanup="end_bench; [ -e \"$lab/lines/$2\" ] || bind"
	unbind "$2"
	wait "$bench"
	must_have_said bench ENODEV
	bind
	cleanup=
	eventually is_idle "$1"
	must_work
}

# needs_the_other_line LINE OTHER - which must be free
needs_the_other_line() {
	cleanup="must lines/$2/enabled 1"
	must "lines/$2/enabled" 0
	must_answer bench EBUSY "line=$1 victims=1 count=1 mechanisms=hard"
	must_have_said bench EBUSY
	must "lines/$2/enabled" 1
	bench_victims "line=$1 mechanisms=hard"
}

{
	for line in sim0 edu0; do
		[ ! -d "$lab/lines/$line" ] || echo gives_each_its_turn $line
	done
	for victim in timer soft_timer line fifo task; do
		echo keeps_waiting $victim hard
	done
	for victim in soft_timer fifo task; do
		echo keeps_waiting $victim tasklet
	done
	echo keeps_waiting task threaded
	echo keeps_waiting fifo threaded
	for victim in timer line; do
		echo lets_pass $victim tasklet hard
		echo lets_pass $victim threaded hard
	done
	echo lets_pass fifo percpu_wq tasklet
	echo lets_pass task percpu_wq threaded
	echo keeps_waiting_in_the_top_half timer hard
	echo keeps_waiting_in_the_top_half line tasklet
	echo keeps_the_sharing_line_waiting edu0
	echo heeds_the_priority threaded
	echo agrees_with_the_tracer fifo
	echo tells_when_ksoftirqd_takes_over tasklet
	echo counts_the_handler hard
	echo tells_what_the_kernel_says hard
	for mechanism in tasklet threaded percpu_wq; do
		echo shows_the_worst $mechanism
	done
	echo inherits_priority threaded
	echo leaves_no_threads bench
	echo has_no_storm hard top
	echo has_no_storm tasklet top
	echo has_no_storm hard bottom
	echo has_no_storm threaded bottom
	echo has_no_storm tasklet disabled
	echo has_no_storm percpu_wq disabled
	echo has_a_storm tasklet bottom
	echo has_a_storm percpu_wq bottom
	echo ends_a_storm hard
	echo ends_a_storm_in_time hard
	echo refuses_to_hold sim0
	echo needs_the_other_line sim0 sim1
	echo needs_the_other_line sim1 sim0
	echo lets_the_other_line_go sim0 sim1
} | run_table
