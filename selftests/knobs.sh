#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Knobs: every file is there with its mode, reads as one consistent table, and every command does
# what it says. The kernel's own counts in /proc are the witness.

. "$(dirname "$0")/lib.sh"

# find_place MECHANISM - set place to where its bottom half has to run, if this table knows it
find_place() {
	case $1 in
	threadable) if is_rt; then place=task,IF=1,task-stack; else place=hardirq,IF=0,irq-stack; fi ;;
	hard | hrtimer_hard | irq_work) place=hardirq,IF=0,irq-stack ;;
	irq_work_lazy) if is_rt; then place=task,IF=1,task-stack; else place=hardirq,IF=0,irq-stack; fi ;;
	old_bh | dpc | dpc_high | tasklet* | bh_wq* | irq_poll | hrtimer_soft | timer) place='softirq,IF=1,(irq|task)-stack' ;;
	call_rcu) if is_rt; then place='.*'; else place='softirq,IF=1,(irq|task)-stack'; fi ;;
	int_thread) if is_rt; then place='task,IF=1,(irq|task)-stack'; else place='softirq,IF=1,(irq|task)-stack'; fi ;;
	threaded | dpc_threaded | kthread* | *_wq | *_wq_hi | int_thread_blocks) place=task,IF=1,task-stack ;;
	*) place='.*' ;;
	esac
}

# ---- Files ---------------------------------------------------------------------------------------

# File, mode, columns of its rows (0: they end in a text), whether it begins with a header (moving: and
# its numbers do not stand still).
files() {
	cat <<-END
		bench 600 0 header
		claims 600 0 header
		claims_info/ID 400 0 page
		dpc/parameters 600 3 header
		dpc/queues 400 15 moving
		dpc/watchdog 400 5 header
		fixup/access 600 12 header
		fixup/steps 400 0 header
		fixup/table 400 9 header
		idt 400 9 header
		interrupt_threads/handlers 600 5 header
		interrupt_threads/on 600 1 value
		interrupt_threads/pools 400 12 header
		interrupt_threads/raise 200 0 command
		interrupt_threads/release 200 0 command
		ipi/call 600 13 header
		ipi/cdf 400 6 header
		ipi/counters 400 7 moving
		ipi/matrix 600 0 header
		ipi/modes 600 5 header
		ipi/who 600 5 header
		lapic 400 0 moving
		memory 400 2 header
		old_bh/slots 600 9 header
		progress 400 5 header
		stacks 600 6 header
		last_error 400 0 sentence
		nesting 600 0 header
		softirqs 600 12 header
		softirq_times 400 7 header
		tape 400 0 header
		tape_on 600 1 value
		tape_size 600 1 value
		victims/complaints 400 0 header
		victims/latencies 400 9 header
		victims/ran 400 9 header
		worst 400 0 header
		lines/LINE/affinity 600 1 value
		lines/LINE/enabled 600 1 value
		lines/LINE/handlers 600 1 header
		lines/LINE/info 400 2 header
		lines/LINE/trigger 200 0 command
		deferral/MECHANISM/context 400 0 header
		deferral/MECHANISM/enabled 600 1 value
		deferral/MECHANISM/latency 600 4 header
		deferral/MECHANISM/schedule 200 0 command
	END
}

# find_files FILE - set found to those that a line of the table stands for
find_files() {
	case $1 in
	*/LINE/*) found="$lab/lines/*/${1##*/}" ;;
	*/ID) found="$lab/${1%ID}*" ;;
	*/MECHANISM/*) found="$lab/deferral/*/${1##*/}" ;;
	*) found=$lab/$1 ;;
	esac
	# shellcheck disable=SC2086  # a pattern
	set -- $found
	found=$*
}

has_no_other_files() {
	find "$lab" -type f | sort >"$work/there"
	files | while read -r file _; do
		find_files "$file"
		# shellcheck disable=SC2086  # words
		printf '%s\n' $found
	done | sort >"$work/known"
	diff "$work/known" "$work/there" || exit 1
}

is_private_in_all_directories() {
	find "$lab" -type d ! -perm 700 | grep . && fail "open to others than root"
	return 0
}

# is_as_documented FILE MODE COLUMNS KIND
is_as_documented() {
	find_files "$1"
	# shellcheck disable=SC2086  # words
	stat -c '%a %n' $found >"$work/modes"
	while read -r mode file; do
		same "mode of $file" "$mode" "$2"
	done <"$work/modes"
	if [ "$4" = command ]; then
		! cat "${found%% *}" 2>&1 || fail "it can be read"
		return
	fi
	# shellcheck disable=SC2086  # words
	awk -v columns="$3" -v kind="$4" '
		function wrong(what) { print FILENAME ": " what ": " $0; bad = 1 }
		FNR == 1 && (kind == "header" || kind == "moving") && !/^#/ { wrong("no header") }
		FNR > 1 && (kind == "value" || kind == "sentence") { wrong("more than one line") }
		!/^#/ && columns && NF != columns { wrong("not " columns " columns") }
		# A line of the header names the columns.
		/^#/ && NF == columns { is_named = 1 }
		!/^#/ && columns > 2 && !is_named { wrong("no names of " columns " columns above") }
		END { exit bad }' $found || exit 1
	[ "$4" != moving ] || return 0
	# What there is at the time of opening, however it is read.
	dd if="${found%% *}" bs=1 of="$work/pieces" 2>"$work/said.dd" || fail "$(cat "$work/said.dd")"
	cmp "$work/pieces" "${found%% *}" || fail "read byte by byte, it differs"
}

# ---- Lines ---------------------------------------------------------------------------------------

# counts LINE - set value to raised, handled, interrupts, and what /proc/interrupts has
counts() {
	raised='' handled='' interrupts='' irq=''
	while read -r key value; do
		case $key in
		raised) raised=$value ;;
		handled) handled=$value ;;
		interrupts) interrupts=$value ;;
		irq) irq=$value ;;
		esac
	done <"$lab/lines/$1/info"
	counted "$irq"
	value="$raised $handled $interrupts $value"
}

# expect_more LINE N - set expected to N more of each count
expect_more() {
	more=$2
	counts "$1"
	# shellcheck disable=SC2086  # words
	set -- $value
	expected="$(($1 + more)) $(($2 + more)) $(($3 + more)) $(($4 + more))"
}

# count_more LINE N COMMAND... - when a command has ended, all four must have counted N interrupts
count_more() {
	line=$1
	expect_more "$1" "$2"
	shift 2
	"$@"
	counts "$line"
	same "raised, handled, interrupts, /proc/interrupts of $line" "$value" "$expected"
}

# raise LINE [N] - raise interrupts and wait until all have counted them
raise() {
	expect_more "$1" "${2:-1}"
	must "lines/$1/trigger" "${2:-1}"
	becomes "raised, handled, interrupts, /proc/interrupts of $1" "$expected" counts "$1"
}

raises_what_is_triggered() {
	raise "$1"
	raise "$1"
	info "$1" kind
	if [ "$value" = simulated ]; then
		raise "$1" 100
		return
	fi
	counts "$1"
	before=$value
	must "lines/$1/trigger" 100
	# From another CPU they may come faster than they are served, and merge.
	pause 0.1
	counts "$1"
	# shellcheck disable=SC2086  # words
	set -- $value $before
	same "raised" "$1" $(($5 + 100))
	within "handled" "$2" $(($6 + 1)) $(($6 + 100))
	within "interrupts" "$3" $(($7 + $2 - $6)) $(($7 + 100))
	same "interrupts" $(($3 - $7)) $(($4 - $8))
}

# has LOOKUP... WANTED - a value must be what is wanted
has() {
	what=$*
	due=${what##* }
	what=${what% *}
	# shellcheck disable=SC2086  # words
	$what
	same "$what" "$value" "$due"
}

replays_once_what_was_raised_while_disabled() {
	file=lines/$1/enabled
	cleanup="must $file 1"
	info "$1" handled
	before=$value
	must "$file" 0
	has content "$lab/$file" 0
	has info "$1" disable_depth 1
	must "$file" 0
	has info "$1" disable_depth 1
	must "lines/$1/trigger" 5
	pause 0.1
	has info "$1" handled "$before"
	must "$file" 1
	has content "$lab/$file" 1
	has info "$1" disable_depth 0
	becomes "handled after 5" $((before + 1)) info "$1" handled
	pause 0.1
	has info "$1" handled $((before + 1))
	raise "$1"
}

# ran MECHANISM [STAGE] - set value to how often a stage of it ran
ran() {
	times=0
	while read -r stage count place; do
		case "$stage $count $place" in
		'#stage last '*) break ;;
		"${2:-bottom} "*) times=$((times + count)) ;;
		esac
	done <"$lab/deferral/$1/context"
	value=$times
}

# is_attached LINE MECHANISM - whether that is the first one that the line has, behind the header
is_attached() {
	{
		read -r _
		read -r value
	} <"$lab/lines/$1/handlers"
	same "what is attached" "$value" "$2"
}

attaches_every_mechanism() {
	file=lines/$1/handlers
	cleanup="must $file none"
	for mechanism in "$lab"/deferral/*; do
		mechanism=${mechanism##*/}
		must "$file" "$mechanism"
		is_attached "$1" "$mechanism"
		ran "$mechanism"
		before=$value
		must "lines/$1/trigger" 1
		becomes "bottom halves of $mechanism" $((before + 1)) ran "$mechanism"
	done
	must "$file" none
	is_attached "$1" none
	raise "$1"
	has ran "$mechanism" $((before + 1))
}

# keep_affinity LINE - when the check has ended, it may go where it might before
keep_affinity() {
	info "$1" affinity
	case $value in
	*[,-]*) value=all ;;
	esac
	cleanup="${cleanup:+$cleanup; }send_back $1 $value"
}

send_back() {
	must "lines/$1/affinity" "$2"
	raise "$1"
	raise "$1"
}

# A new affinity may have to wait for the next interrupt, which still goes to the old CPU.
moves_with_its_affinity() {
	file=lines/$1/affinity
	! is_of_irq_sim "$1" || skip "irq_sim cannot choose a CPU"
	keep_affinity "$1"
	for cpu in $(cpus); do
		must "$file" "$cpu"
		raise "$1"
		becomes "affinity" "$cpu" content "$lab/$file"
		info "$1" irq
		irq=$value
		counted "$irq" "$cpu"
		before=$value
		raise "$1"
		has counted "$irq" "$cpu" $((before + 1))
	done
}

is_of_irq_sim() {
	finds irq_sim info "$1" controller
}

# A line that may go to all CPUs interrupts the one that raises it, if it is simulated.
arrives_where_it_is_raised() {
	content "$lab/lines/$1/affinity"
	[ "$value" = - ] || skip "the controller chooses one CPU"
	info "$1" irq
	irq=$value
	for cpu in $(cpus); do
		counted "$irq" "$cpu"
		before=$value
		taskset $((1 << cpu)) sh -c "echo 10 >$lab/lines/$1/trigger" || fail "trigger on CPU $cpu"
		becomes "interrupts on CPU $cpu" $((before + 10)) counted "$irq" "$cpu"
	done
}

# replays_in_a_hard_irq LINE - what was raised while the line was disabled, once; the kernel replays those of
# irq_sim in a tasklet, which has to count as a hard IRQ then
replays_in_a_hard_irq() {
	cleanup="must lines/$1/enabled 1; must lines/$1/handlers none"
	must "lines/$1/handlers" hard
	must deferral/hard/latency clear
	must "lines/$1/enabled" 0
	info "$1" handled
	before=$value
	must "lines/$1/trigger" 5
	has info "$1" handled "$before"
	must "lines/$1/enabled" 1
	becomes "handled" $((before + 1)) info "$1" handled
	awk '!/^#/ && $1 == "top" { seen++; if ($0 !~ /hardirq/) { print; bad = 1 } }
		END { exit bad || !seen }' "$lab/deferral/hard/context" ||
		fail "not in a hard IRQ: $(cat "$lab/deferral/hard/context")"
}

# A shared line's other handlers are asked about every interrupt.
is_asked_about_the_interrupts_of_others() {
	info "$1" irq
	irq=$value
	info "$1" foreign
	foreign=$value
	info "$1" handled
	before=$value
	for other in "$lab"/lines/*; do
		other=${other##*/}
		[ "$other" != "$1" ] || continue
		finds "$irq" info "$other" irq || continue
		must "lines/$other/trigger" 1
		becomes "foreign" $((foreign + 1)) info "$1" foreign
		has info "$1" handled "$before"
		return 0
	done
	same "foreign" "$foreign" 0
	skip "the line is not shared"
}

# tells_where_it_goes LINE - as /proc tells it
tells_where_it_goes() {
	info "$1" irq
	irq=$value
	content "/proc/irq/$irq/smp_affinity_list"
	has info "$1" affinity "$value"
	content "/proc/irq/$irq/effective_affinity_list"
	effective=${value:--}
	has info "$1" effective_affinity "$effective"
	case $effective in
	*[,-]*) has info "$1" cpu - ;;
	*) has info "$1" cpu "$effective" ;;
	esac
	# Behind the counts: controller, number there and flow; irq_sim has no name for its flow.
	awk -v irq="$irq:" '
		FNR == 1 { cpus = NF }
		$1 == irq { for (i = cpus + 2; i <= NF; i++) printf "%s ", $i }' /proc/interrupts >"$work/value"
	content "$work/value"
	row=$value
	info "$1" hwirq
	hwirq=$value
	info "$1" controller
	case "$row " in
	"$value"*" $hwirq-"* | "$value"*" $hwirq "*) ;;
	*) fail "controller $value, hwirq $hwirq: /proc/interrupts has $row" ;;
	esac
	info "$1" trigger
	case $value:$row in
	level:*-fasteoi* | level:*-level* | edge:*-edge* | none:*) ;;
	*) fail "trigger $value: /proc/interrupts has $row" ;;
	esac
}

# The kernel has set all of them up the same, but for the ids.
has_that_of_every_cpu() {
	mode=0x2
	if grep -qw x2apic_phys /proc/cmdline || said_while_booting 'x2apic enabled'; then
		mode=0x3
	fi
	awk -v mode=$mode '
		function wrong(what) { print what; bad = 1 }
		FILENAME ~ /cpuinfo$/ {
			if ($1 == "processor")
				apicid[cpu = $3] = ""
			if ($1 == "apicid")
				apicid[cpu] = $3
			next
		}
		!/^#/ { value[$1, $2] = $3; seen[$1] }
		END {
			if (value[0, "mode"] == "0x0")
				exit 4
			if (value[0, "mode"] != mode)
				wrong("mode " value[0, "mode"])
			split("mode version spurious lvt_lint0 lvt_error", same)
			split("tpr ppr ldr lvt_timer lvt_lint1 irr isr tmr icr", there)
			for (cpu in seen)
				if (!(cpu in apicid))
					wrong("there is no CPU " cpu)
			for (cpu in apicid) {
				if (value[cpu, "id"] != sprintf("0x%x", apicid[cpu]))
					wrong("id of CPU " cpu " is " value[cpu, "id"])
				for (i in same)
					if (value[cpu, same[i]] != value[0, same[i]])
						wrong(same[i] " of CPU " cpu " differs")
				for (i in there)
					if (value[cpu, there[i]] == "")
						wrong("no " there[i] " of CPU " cpu)
			}
			exit bad
		}' /proc/cpuinfo "$lab/lapic"
	case $? in
	0) ;;
	4) skip "no local APIC" ;;
	*) exit 1 ;;
	esac
}

# ---- Mechanisms ----------------------------------------------------------------------------------

# softirqs NAME - set value to how many of them /proc/softirqs counts
softirqs() {
	awk -v name="$1:" '
		$1 == name { for (i = 2; i <= NF; i++) sum += $i }
		END { print sum }' /proc/softirqs >"$work/value"
	content "$work/value"
}

records_what_is_scheduled() {
	must "deferral/$1/latency" clear
	while read -r row; do
		[ "${row#\#}" != "$row" ] || fail "latencies, cleared: $row"
	done <"$lab/deferral/$1/latency"
	has ran "$1" 0
	case $1 in
	tasklet | bh_wq)
		softirqs TASKLET
		before=$value
		;;
	esac
	count_more sim0 10 must "deferral/$1/schedule" 10
	case $1 in
	tasklet | bh_wq)
		softirqs TASKLET
		[ $((value - before)) -ge 10 ] || fail "the kernel ran $((value - before)) tasklet soft IRQs"
		;;
	esac
	find_place "$1"
	top=hardirq,IF=0,irq-stack
	# Its handler is in the line's thread there, and both halves are that.
	[ "$1" != threadable ] || top=$place
	awk -v place="^$place\$" -v top="^$top\$" '
		function wrong(what) { print what ": " $0; bad = 1 }
		/^#stage/ { table = FILENAME " " $2; next }
		/^#/ { next }
		table ~ /latency/ {
			sum[table " " $1] += $4
			if ($2 > $3 || $4 < 1)
				wrong("no interval")
		}
		table ~ /context count/ {
			sum[table " " $1] += $2
			wanted = $1 == "top" ? top : $1 == "bottom" ? place : \
			         "^task,IF=1,task-stack$"
			if ($3 !~ wanted)
				wrong("not in " wanted)
		}
		END {
			for (table in sum) {
				tables++
				$0 = table
				if (sum[table] != 10)
					wrong(sum[table] " instead of 10")
			}
			if (tables != 6)
				wrong(tables " instead of 6 counts")
			exit bad
		}' "$lab/deferral/$1/latency" "$lab/deferral/$1/context" || exit 1
}

# while_disabled MECHANISM - set value to how many events it has kept and refused while it was disabled
while_disabled() {
	kept='' refused=''
	while read -r key count; do
		case $key in
		kept) kept=$count ;;
		refused) refused=$count ;;
		esac
	done <"$lab/deferral/$1/context"
	value="$kept $refused"
}

# Disabled, a tasklet or an old bottom half keeps events, and runs once for all of them when it is enabled; work refuses them.
keeps_or_refuses_events_while_it_is_disabled() {
	file=deferral/$1/enabled
	tell "$file" 0
	case $answer in
	ok) ;;
	EPERM) skip "it cannot be disabled" ;;
	*) fail "disabling: $(cat "$lab/last_error")" ;;
	esac
	cleanup="must $file 1"
	has content "$lab/$file" 0
	must "deferral/$1/latency" clear
	must "deferral/$1/schedule" 5
	case $1 in
	tasklet* | old_bh) events="5 0" served=1 ;;
	*) events="0 5" served=0 ;;
	esac
	while_disabled "$1"
	same "kept and refused" "$value" "$events"
	has ran "$1" top 5
	has ran "$1" 0
	must "$file" 1
	has content "$lab/$file" 1
	becomes "bottom halves after 5" $served ran "$1"
	must "deferral/$1/schedule" 1
	has ran "$1" $((served + 1))
	while_disabled "$1"
	same "kept and refused, enabled" "$value" "$events"
	must "deferral/$1/latency" clear
	while_disabled "$1"
	same "kept and refused, cleared" "$value" "0 0"
}

# ---- Watching ------------------------------------------------------------------------------------

# is_on FILE - what the first line of its table says
is_on() {
	content "$lab/$1"
	case $value in
	'# on'[\;,]*) ;;
	*) return 1 ;;
	esac
}

# watch FILE - switch a file on for the rest of the check, counting from 0
watch() {
	cleanup="must $1 off"
	must "$1" on
	must "$1" reset
	is_on "$1" || fail "it is not on: $value"
}

# all_softirqs - what /proc/softirqs counts of each soft IRQ, on all CPUs
all_softirqs() {
	awk 'FNR > 1 {
		sum = 0
		for (i = 2; i <= NF; i++)
			sum += $i
		sub(":", "", $1)
		print $1, sum
	}' /proc/softirqs
}

# What was entered is at most what the kernel counted from before it was switched on until after it was
# switched off, and at least what it counted in between.
agrees_with_the_kernel() {
	all_softirqs >"$work/0"
	watch "$1"
	all_softirqs >"$work/1"
	for mechanism in tasklet_hi tasklet hrtimer_soft; do
		must "deferral/$mechanism/schedule" 20
	done
	must deferral/timer/schedule 5
	all_softirqs >"$work/2"
	must "$1" off
	all_softirqs >"$work/3"
	cat "$lab/$1" >"$work/softirqs"
	awk '
		function wrong(what) { print what ": " $0; bad = 1 }
		FILENAME ~ "/[0-3]$" { count[substr(FILENAME, length(FILENAME)), $1] = $2; next }
		/^#/ { next }
		{
			seen++
			if ($6 < count[2, $1] - count[1, $1] || $6 > count[3, $1] - count[0, $1])
				wrong("not within " count[2, $1] - count[1, $1] " and " count[3, $1] - count[0, $1])
			sum = 0
			for (i = 7; i <= NF; i++)
				sum += $i
			if (sum != $6)
				wrong("not the sum of " sum)
			if ($3 > $4 || $4 > $5)
				wrong("p50, p99, max do not rise")
			entered[$1] = $6
			raised[$1] = $2
			max[$1] = $5
		}
		END {
			if (seen != 10)
				wrong(seen " soft IRQs instead of 10")
			wanted["HI"] = wanted["TASKLET"] = wanted["HRTIMER"] = 20
			wanted["TIMER"] = 5
			for ($0 in wanted)
				if (entered[$0] < wanted[$0] || raised[$0] < wanted[$0] || !max[$0])
					wrong("raised " raised[$0] ", entered " entered[$0] ", max " max[$0])
			exit bad
		}' "$work"/[0-3] "$work/softirqs" || exit 1
}

# softirqs_of_each - what /proc/softirqs counts on each CPU: CPU, soft IRQ, count
softirqs_of_each() {
	awk '
		FNR == 1 { for (i = 1; i <= NF; i++) cpu[i] = substr($i, 4); next }
		{ sub(":", "", $1); for (i = 2; i <= NF; i++) print cpu[i - 1], $1, $i }' /proc/softirqs
}

# A tasklet that works for 3 ms each time; and no soft IRQ has run more often than the kernel has counted.
tells_which_take_long() {
	softirqs_of_each >"$work/0"
	watch softirqs
	must bench "line=sim0 mechanisms=tasklet count=10 bottom_us=3000 period_us=10000 cpu=0"
	must softirqs off
	softirqs_of_each >"$work/1"
	awk -v needs_irq_exit="$(is_rt || echo 1)" '
		function wrong(what) { print what ": " $0; bad = 1 }
		FILENAME ~ "/[01]$" { count[substr(FILENAME, length(FILENAME)), $1, $2] = $3; next }
		/^#/ { next }
		{
			if ($3 > count[1, $1, $2] - count[0, $1, $2])
				wrong("not at most " count[1, $1, $2] - count[0, $1, $2] " runs")
			if ($5 > $4 || $6 > $3)
				wrong("a part is more than the whole")
		}
		$1 == 0 && $2 == "TASKLET" {
			seen = 1
			if ($3 < 10 || $4 < 30000000 || $5 < 3000000 || $6 < 10)
				wrong("not 10 slow ones")
		}
		END { $0 = ""; if (!seen && needs_irq_exit) wrong("no tasklet on CPU 0"); exit bad }' \
		"$work"/[01] "$lab/$1" || exit 1
	must softirqs reset
	! grep -v '^#' "$lab/$1" || fail "still there after a reset"
}

# served_by VECTOR COLUMN... - set value to how often a soft IRQ was served by any of some executors
served_by() {
	vector=$1
	shift
	awk -v vector="$vector" -v names=" $* " '
		$1 == "#vector" { for (i = 1; i <= NF; i++) name[i] = $i }
		$1 == vector { for (i = 7; i <= NF; i++) if (index(names, " " name[i] " ")) sum += $i }
		END { print sum + 0 }' "$lab/softirqs" >"$work/value"
	content "$work/value"
}

# The line raises it in a hard IRQ.
tells_who_serves() {
	watch "$1"
	must deferral/tasklet_hi/schedule 50
	# An interrupt may come in the middle of another, or find ksoftirqd at work.
	if is_rt || grep -qw threadirqs /proc/cmdline; then
		# Any thread that disables bottom halves, ktimers too, serves what is pending then.
		served_by HI ksoftirqd bh_enable ktimers
		within "by threads" "$value" 25 60
		has served_by HI irq_exit 0
	else
		served_by HI irq_exit
		within "at the exit of interrupts" "$value" 25 60
		has served_by HI ktimers 0
	fi
	has served_by HI other 0
}

# Two tasklets that are scheduled before either can run raise their soft IRQ twice, and are served at once.
counts_each_time_it_is_raised() {
	watch "$1"
	must claims TASK-01
	must "$1" off
	awk '$1 == "TASKLET" { raised = $2; entered = $6 } END { exit !entered || raised <= entered }' "$lab/$1" ||
		fail "$(cat "$lab/$1")"
}

# is_still FILE - it counts nothing
is_still() {
	cat "$lab/$1" >"$work/still"
	must deferral/tasklet_hi/schedule 10
	pause 0.05
	diff "$work/still" "$lab/$1" || fail "it counts while it is off"
}

counts_only_while_it_is_on() {
	watch "$1"
	must deferral/tasklet_hi/schedule 10
	must "$1" on
	must "$1" off
	must "$1" off
	! is_on "$1" || fail "it is on"
	# Behind the names.
	grep -q '^[^#].* [1-9]' "$lab/$1" || fail "it has counted nothing"
	is_still "$1"
	must "$1" reset
	! grep '^[^#].* [1-9]' "$lab/$1" || fail "not 0 after a reset"
	is_still "$1"
}

tells_what_interrupts_what() {
	watch "$1"
	must deferral/tasklet/schedule 100
	must deferral/irq_work/schedule 10
	# A timer ends it.
	pause 0.05
	last=$(($(grep -c '^processor' /proc/cpuinfo) - 1)) names='local_timer irq_work'
	if [ $last -gt 0 ]; then
		must ipi/call "kind=single count=10 from=0 cpus=$last"
		names="$names call_function_single"
	fi
	# To one CPU alone, a broadcast takes the interrupt for one.
	if [ $last -gt 1 ]; then
		must ipi/call "kind=broadcast count=10 from=0 cpus=1-$last"
		names="$names call_function"
	fi
	must "$1" off
	awk -v names="$names" '
		function wrong(what) { print what ": " $0; bad = 1 }
		/^#cpu/ { is_depth = 1 }
		/^#/ { next }
		is_depth {
			if ($2 > deepest)
				deepest = $2
			next
		}
		{
			sum[$1] = $2 + $3 + $4 + $5 + $6
			# Nothing interrupts a hard IRQ, and no soft IRQ another.
			if ($5 || $6 || $1 == "softirq" && $4)
				wrong("unexpected")
		}
		END {
			$0 = "handlers " sum["handler"] ", soft IRQs " sum["softirq"] ", deepest " deepest
			if (sum["handler"] < 100 || sum["softirq"] < 50 || deepest != 1)
				wrong("not as scheduled")
			for (i = split(names, name, " "); i > 0; i--)
				if (!sum[name[i]])
					wrong("no " name[i])
			exit bad
		}' "$lab/$1" || exit 1
}

# queued KIND COLUMN - set value to the sum of a column over all CPUs' queues of a kind
queued() {
	awk -v kind="$1" -v column="$2" '
		$1 == "#cpu" { for (i = 1; i <= NF; i++) if ($i == column) field = i }
		$2 == kind { sum += $field }
		END { print sum + 0 }' "$lab/dpc/queues" >"$work/value"
	content "$work/value"
}

# parameter NAME - set value to what is set
parameter() {
	awk -v name="$1" '$1 == name { print $2 }' "$lab/dpc/parameters" >"$work/value"
	content "$work/value"
}

# runs_what_is_inserted dpc/queues KIND MECHANISM
runs_what_is_inserted() {
	queued "$2" inserted
	inserted=$value
	queued "$2" run
	before=$value
	softirqs HI
	raised=$value
	must "deferral/$3/schedule" 20
	has queued "$2" inserted $((inserted + 20))
	becomes "run" $((before + 20)) queued "$2" run
	has queued "$2" depth 0
	softirqs HI
	# Those of other CPUs in the same moment may share one.
	[ "$2" = threaded ] || [ $((value - raised)) -ge 15 ] || fail "$((value - raised)) soft IRQs for 20"
}

# sets_only_what_is_named dpc/parameters
sets_only_what_is_named() {
	cleanup='must dpc/parameters default'
	must "$1" default
	cat "$lab/$1" >"$work/default"
	must "$1" "tick_ms=5 maximum_depth=7"
	has parameter tick_ms 5
	has parameter maximum_depth 7
	same "lines that differ" "$(grep -vxcFf "$work/default" "$lab/$1")" 2
	same "maximum depth of the queues" "$(awk '!/^#/ && $4 != 7' "$lab/dpc/queues")" ""
	must "$1" default
	diff "$work/default" "$lab/$1" || fail "not as before"
}

# sets_one FILE NAME - what is set of one parameter is still set after each of many writes
sets_one() {
	for value in $(seq 200); do
		must "$1" "$2=$value"
		[ "$(awk -v name="$2" '$1 == name { print $2 }' "$lab/$1")" = "$value" ] || exit 1
	done
}

# two_set_parameters dpc/parameters - two writers at a time do not undo what the other has set
two_set_parameters() {
	cleanup='must dpc/parameters default'
	sets_one "$1" minimum_rate &
	other=$!
	(sets_one "$1" ideal_rate) || fail "what was set of ideal_rate is lost"
	wait "$other" || fail "what was set of minimum_rate is lost"
}

# A threaded DPC runs in its thread, unless the switch has it run as an ordinary one.
switches_threads_off() {
	cleanup='must dpc/parameters default'
	queued ordinary run
	before=$value
	must "$1" threaded=0
	must deferral/dpc_threaded/schedule 5
	has queued ordinary run $((before + 5))
	must "$1" threaded=1
	must deferral/dpc_threaded/schedule 5
	has queued ordinary run $((before + 5))
}

# tape_of MECHANISM COUNT - a tape of some events
tape_of() {
	cleanup='must tape_on 0; must tape_size 1024'
	must tape_on 1
	has content "$lab/tape_on" 1
	must "deferral/$1/schedule" "$2"
	must tape_on 0
	has content "$lab/tape_on" 0
}

# Between the entry and the exit of a handler is the top half, which raises; then comes the bottom half. Before
# all that the interrupt is raised, and after it the task that waits for it is woken.
shows_the_way_of_an_interrupt() {
	cleanup='must tape_on 0; must tape_size 1024'
	must tape_size 256
	tape_of tasklet_hi 5
	awk '
		function wrong(what) { print what ": " $0; bad = 1 }
		/^#/ { next }
		$1 < last { wrong("earlier than the line before") }
		!count++ && $1 { wrong("not 0") }
		{
			last = $1
			count_of[$3 " " $4]++
			step = $3 == "top_half" || $3 == "bottom_half" ? $3 " " $4 : $3
			if ($4 == "HI" && $3 == "softirq_raise" || $4 == "tasklet_hi" && $3 ~ /_half$/)
				way[$2] = way[$2] step ";"
			else if ($4 == "HI" && $3 == "softirq_entry" && $6 == "softirq" && $7 == "IF=1")
				way[$2] = way[$2] step ";"
			else if ($4 == "HI" && $3 == "softirq_exit")
				way[$2] = way[$2] step "\n"
		}
		END {
			for (cpu in way) {
				rows = split(way[cpu], row, "\n")
				for (i = 1; i < rows; i++) {
					$0 = row[i]
					if (row[i] == "top_half tasklet_hi;softirq_raise;softirq_entry;bottom_half tasklet_hi;softirq_exit")
						whole++
					else
						wrong("not the way")
				}
			}
			$0 = whole + 0
			if (whole != 5)
				wrong("not 5 whole ways")
			$0 = count_of["raise tasklet_hi"] " raised, " count_of["woken tasklet_hi"] " times woken"
			if (count_of["raise tasklet_hi"] != 5 || count_of["woken tasklet_hi"] != 5)
				wrong("not 5")
			exit bad
		}' "$lab/$1" || exit 1
	cat "$lab/$1" >"$work/tape"
	must deferral/tasklet_hi/schedule 5
	diff "$work/tape" "$lab/$1" || fail "it goes on while it is off"
}

# lost - set value to how many events the tape has lost, by its first line
lost() {
	content "$lab/tape"
	value=${value%% events lost*}
	value=${value##* }
}

counts_what_is_overwritten() {
	cleanup='must tape_on 0; must tape_size 1024'
	must tape_size 16384
	tape_of tasklet 20
	has lost 0
	whole=$(grep -vc '^#' "$lab/$1")
	[ "$whole" -ge 120 ] || fail "$whole events instead of 120"
	must tape_size 16
	has content "$lab/tape_size" 16
	tape_of tasklet 20
	lost
	[ "$value" -ge 100 ] || fail "$value lost of a short tape"
	within "events on a short tape" "$(grep -vc '^#' "$lab/$1")" 16 $((16 * $(cpus | wc -l)))
	awk '!/^#/ && ++count[$2] > 16 { print; bad = 1 } END { exit bad }' "$lab/$1" || fail "more than 16 of a CPU"
}

# ---- The bench -----------------------------------------------------------------------------------

# rows - without the remarks at their ends
rows() {
	sed '/^#/d; s/ #.*//' "$lab/bench"
}

measures() {
	for mechanism in "$lab"/deferral/*; do
		find_place "${mechanism##*/}"
		echo "${mechanism##*/} ^$place(;$place)*\$"
	done >"$work/places"
	# Where the bench would send it, and nowhere else: on the way there some more are raised.
	content "$lab/lines/$1/affinity"
	if [ "$value" != - ] && ! finds 0 info "$1" affinity; then
		keep_affinity "$1"
		must "lines/$1/affinity" 0
		raise "$1"
		raise "$1"
	fi
	count_more "$1" $((10 * $(wc -l <"$work/places"))) must bench "line=$1 count=10"
	rows | awk -v line="$1" -v anywhere="$(is_rt && echo threadable)" '
		FILENAME ~ /places$/ { place[$1] = $2; next }
		function wrong(what) { print what ": " $0; bad = 1 }
		NF != 25 { wrong("not 25 columns") }
		$23 !~ /^[1-9][0-9]*$/ || $23 > $6 || $24 > $7 || $25 > $12 { wrong("the least is above the median") }
		$17 != 0 && $1 != anywhere || $19 != 0 || $18 !~ /^[0-9,-]+$/ { wrong("not on CPU 0") }
		!($1 in place) { wrong("no such mechanism, or twice") }
		$15 !~ place[$1] { wrong("not in " place[$1]) }
		{ delete place[$1] }
		$2 != line || $3 != 0 || $4 != 10 || $5 != 0 { wrong("not 10 of " line " on CPU 0, 0 lost") }
		{
			for (i = 6; i <= 14; i++)
				if ($i !~ /^[0-9]+$/)
					wrong("column " i " is no number")
			for (i = 7; i <= 10; i++)
				if ($i > $(i + 1))
					wrong("column " i " is above the next")
			if ($11 == 0 || $12 > $13 || $13 == 0)
				wrong("no time")
			if ($14 != 0)
				wrong("coalesced without a burst")
		}
		END {
			for ($0 in place)
				wrong("missing")
			exit bad
		}' "$work/places" - || exit 1
}

# measured ROW... - what the bench must show of each mechanism: CPU, count, lost
measured() {
	rows | awk '{ print $1, $3, $4, $5 }' >"$work/measured"
	printf '%s\n' "$@" | diff "$work/measured" - || exit 1
}

measures_the_mechanisms_that_are_named() {
	must bench "mechanisms=tasklet,hard line=sim0 count=10"
	measured "tasklet 0 10 0" "hard 0 10 0"
}

# measures_on_the_cpu_that_is_named LINE - the task, the line, and what is bound to a CPU; afterwards the
# line goes where it went
measures_on_the_cpu_that_is_named() {
	cpu=$(cpus | tail -n 1)
	if ! is_of_irq_sim "$1"; then
		# By itself it goes elsewhere.
		keep_affinity "$1"
		must "lines/$1/affinity" "$(cpus | head -n 1)"
		raise "$1"
		raise "$1"
	fi
	info "$1" irq
	irq=$value
	info "$1" affinity
	before_affinity=$value
	counted "$irq" "$cpu"
	before=$value
	must bench "line=$1 mechanisms=hard,tasklet,percpu_wq count=50 cpu=$cpu"
	measured "hard $cpu 50 0" "tasklet $cpu 50 0" "percpu_wq $cpu 50 0"
	rows | awk -v cpu="$cpu" '
		BEGIN { context["hard"] = "hardirq,"; context["tasklet"] = "softirq,"; context["percpu_wq"] = "task," }
		$17 != cpu || $18 != cpu || $19 != cpu { print "elsewhere: " $0; bad = 1 }
		index($15, context[$1]) != 1 || $15 ~ /;|^-/ { print "not only " context[$1] " " $0; bad = 1 }
		END { exit bad }' || exit 1
	# It interrupts whichever CPU raises it: no matter where that is.
	! is_of_irq_sim "$1" || ! grep '^# the line goes where it went' "$lab/bench" || fail "it was to be moved"
	counted "$irq" "$cpu"
	# And those that it took to move the line.
	within "interrupts on CPU $cpu" $((value - before)) 150 170
	has info "$1" affinity "$before_affinity"
}

# Bottom halves that nobody waited for are no reason not to sleep until the next one has run. Who waits asks for a
# completion once for each event, and once more if one of those is left over: not for each of them.
sleeps_whatever_nobody_waited_for() {
	waiting=$tracing/events/irqlab_selftest/waits
	if ! has_tracefs || ! echo p:irqlab_selftest/waits wait_for_completion_interruptible_timeout >>$tracing/kprobe_events
	then
		skip "this kernel has no events for its functions"
	fi
	cleanup="must lines/sim0/handlers none; echo 0 >$waiting/enable; echo -:irqlab_selftest/waits >>$tracing/kprobe_events"
	echo 1 >$waiting/enable
	must lines/sim0/handlers "$1"
	must lines/sim0/trigger 20000
	must lines/sim0/handlers none
	asks_twice_at_most "$1"
	must bench "line=sim0 mechanisms=$1 count=100 burst=100"
	asks_twice_at_most "$1"
}

# asks_twice_at_most MECHANISM - for each event of a bench, by the kernel's own count; others may ask now and then
asks_twice_at_most() {
	waits
	before=$value
	must bench "line=sim0 mechanisms=$1 count=1000"
	same "events that found another on its way" "$(rows | awk '{ print $14 }')" 0
	waits
	[ "$((value - before))" -ge 1000 ] || fail "the kernel saw $((value - before)) waits of 1000"
	[ "$((value - before))" -le 2100 ] || fail "asked $((value - before)) times for 1000 events"
}

# waits - set value to how often anybody has begun to wait for a completion
waits() {
	value=$(awk '$1 == "waits" { print $2 }' $tracing/kprobe_profile)
}

# memory WHAT - set value to how many bytes that takes
memory() {
	value=$(sed -n "s/^$1 //p" "$lab/memory")
}

# takes_more_than BYTES WHAT
takes_more_than() {
	memory "$2"
	[ "$value" -gt "$1" ]
}

# What a bench has for its victims, and what it keeps of them; what is on a tape.
tells_what_it_keeps() {
	cleanup='must tape_on 0'
	must bench "line=sim0 mechanisms=hard count=1"
	for what in victims worst; do
		memory $what
		same "bytes of $what without victims" "$value" 0
	done
	begin_bench line=sim0 victims=1
	# A tape of 1024 events for each CPU, and some distributions.
	eventually takes_more_than 50000 worst || fail "the worst event takes $value bytes while a bench runs"
	takes_more_than 10000 victims || fail "victims take $value bytes while a bench runs"
	end_bench
	cleanup='must tape_on 0'
	must bench "line=sim0 mechanisms=hard count=2 victims=1"
	for what in victims worst claims; do
		takes_more_than 0 $what || fail "$what takes $value bytes"
	done
	must tape_on 1
	takes_more_than 50000 tape || fail "the tape takes $value bytes while it runs"
	most=$value
	must tape_on 0
	! takes_more_than "$most" tape || fail "the tape takes $value bytes when it has ended"
}

# The other line is raised right behind the one that is measured, and served before it.
raises_lines_together() {
	cleanup='must tape_on 0'
	info "$2" irq
	other=$value
	info "$2" handled
	before=$value
	info "$1" irq
	measured=$value
	must tape_on 1
	count_more "$1" 10 must bench "line=$1 mechanisms=tasklet count=10 lines=2"
	must tape_on 0
	awk -v measured="$measured" -v other="$other" '
		$3 == "handler_entry" && ($4 == measured || $4 == other) { print $4 }' "$lab/tape" >"$work/order"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		echo "$other"
		echo "$measured"
	done >"$work/due"
	info "$2" handled
	same "interrupts of $2" $((value - before)) 10
	diff "$work/order" "$work/due" || fail "not in this order"
	must_answer bench ENODEV "line=$1 lines=8"
	must_have_said bench ENODEV
}

# Whoever has the other line keeps it.
keeps_lines_that_others_have() {
	cleanup="must lines/$2/enabled 1"
	must "lines/$2/enabled" 0
	must_answer bench EBUSY "line=$1 lines=2"
	must_have_said bench EBUSY
	must "lines/$2/enabled" 1
	must bench "line=$1 lines=2 mechanisms=hard count=1"
}

# Each has to interrupt the CPU that raises it, wherever it goes else; then it goes there again.
has_lines_go_to_every_cpu() {
	[ -e /sys/devices/system/cpu/cpu1 ] || skip "there is no other CPU"
	for which; do
		cleanup="must lines/$which/affinity all"
		must "lines/$which/affinity" 1
		info "$2" handled
		before=$value
		must bench "line=$1 cpu=0 lines=2 mechanisms=hard count=20"
		same "count, lost, CPUs of the top half" "$(awk '$1 == "hard" { print $4, $5, $17 }' "$lab/bench")" "20 0 0"
		info "$2" handled
		same "interrupts of $2" $((value - before)) 20
		info "$which" affinity
		same "affinity of $which" "$value" 1
		must "lines/$which/affinity" all
	done
}

# What it cannot have it says, with the cure; the others it measures.
measures_what_it_can_have() {
	cleanup='must lines/sim1/handlers none; must deferral/bh_wq/enabled 1'
	must lines/sim1/handlers tasklet
	must deferral/bh_wq/enabled 0
	must bench "line=sim0 mechanisms=tasklet,hard,bh_wq count=10"
	measured "tasklet 0 - -" "hard 0 10 0" "bh_wq 0 - -"
	sed -n 's/.* # not measured: //p' "$lab/bench" >"$work/why"
	{
		read -r tasklet
		read -r bh_wq
	} <"$work/why"
	same "tasklet" "$tasklet" "it is on sim1 (echo none >lines/sim1/handlers)"
	same "bh_wq" "$bh_wq" "it is disabled (echo 1 >deferral/bh_wq/enabled)"
	rows | awk 'NF != 25 { print; bad = 1 } END { exit bad }' || fail "not 25 columns"
	must_answer bench EBUSY "line=sim0 mechanisms=bh_wq,tasklet count=10"
	must_have_said bench EBUSY
	# What is on the line itself it can have.
	must bench "line=sim1 mechanisms=tasklet count=10"
	measured "tasklet 0 10 0"
}

# ---- Progress and addresses ----------------------------------------------------------------------

# progress - set value to its row without the time
progress() {
	while read -r knob step of item _; do
		value="$knob $step $of $item"
	done <"$lab/progress"
}

shows_what_is_running() {
	progress
	same "progress" "$value" "idle - - -"
	begin_bench line=sim0
	becomes "progress" "bench 1 1 hard" progress
	end_bench
	becomes "progress" "idle - - -" progress
	(echo "rounds=1000000 kind=self budget_ms=60000" >"$lab/ipi/matrix") &
	matrix=$!
	cleanup="kill $matrix 2>/dev/null"
	eventually is_matrix_running || fail "$(cat "$lab/progress")"
	kill $matrix
	wait $matrix
	becomes "progress" "idle - - -" progress
}

is_matrix_running() {
	progress
	case $value in
	'ipi/matrix '[1-9]*' '[1-9]*' '[0-9]*'>'[0-9]*) ;;
	*) return 1 ;;
	esac
}

# addresses FILE [ROWS] - set value to how many lines of it, or of the rows that begin so, show an address
addresses() {
	value=$(grep "^${2:-}" "$lab/$1" | grep -ciE 'f{4}[0-9a-f]{12}')
}

# hides_addresses_if_the_kernel_does FILE [KNOB COMMAND [ROWS]] - and shows them otherwise; in the rows that
# begin so, or in all
hides_addresses_if_the_kernel_does() {
	restrict=/proc/sys/kernel/kptr_restrict
	content $restrict
	cleanup="echo $value >$restrict"
	for level in 0 1 2; do
		echo $level >$restrict
		[ $# = 1 ] || must "$2" "$3"
		addresses "$1" "${4:-}"
		case $level in
		2) same "addresses" "$value" 0 ;;
		# To root.
		*) [ "$value" -gt 0 ] || fail "none with kptr_restrict=$level" ;;
		esac
	done
}

# ---- Long texts ----------------------------------------------------------------------------------

# available - set value to the memory that is available, in kB
available() {
	while read -r key value _; do
		[ "$key" != MemAvailable: ] || return 0
	done </proc/meminfo
}

# Who has a tape open holds no text of it.
may_be_opened_by_many() {
	cleanup='must tape_on 0; must tape_size 1024'
	must tape_size 16384
	must tape_on 1
	must deferral/tasklet/schedule $((${SHORT:-0} ? 500 : 5000))
	must tape_on 0
	cat "$lab/$1" >"$work/tape"
	size=$(wc -c <"$work/tape")
	(
		# shellcheck disable=SC3045  # ash and dash have it
		ulimit -n 1024
		available
		before=$value
		fd=10
		while [ $fd -lt 260 ]; do
			eval "exec $fd<$lab/$1" || fail "cannot be opened $((fd - 10)) times"
			fd=$((fd + 1))
		done
		available
		# 250 texts would be more than this.
		within "kB that they hold" $((before - value)) -1000000 $((size * 10 / 1024 + 16384))
		for fd in 10 259; do
			eval "cmp - '$work/tape' <&$fd" || fail "its readers do not agree"
		done
	) || exit 1
	# In any pieces, and in any order.
	dd if="$lab/$1" bs=97 2>/dev/null | cmp - "$work/tape" || fail "read in pieces, it differs"
	dd if="$lab/$1" bs=1000 skip=7 2>/dev/null >"$work/end" || fail "it cannot be read from the middle"
	tail -c +7001 "$work/tape" | cmp - "$work/end" || fail "read from the middle, it differs"
	./read_twice "$lab/$1" >"$work/twice" || fail "it cannot be read twice"
	cat "$work/tape" "$work/tape" | cmp - "$work/twice" || fail "read again from the beginning, it differs"
}

# While it runs, some may have a copy of it.
has_copies_while_it_runs() {
	cleanup='must tape_on 0'
	must tape_on 1
	must deferral/tasklet/schedule 5
	(
		exec 5<"$lab/$1" 6<"$lab/$1" 7<"$lab/$1" 8<"$lab/$1"
		! cat "$lab/$1" >/dev/null 2>"$work/said.cat" || fail "a fifth has a copy"
		name_error "$work/said.cat"
		same "the answer" "$answer" EBUSY
		must_have_said "$1" EBUSY
		cat <&5 >"$work/copy"
		[ "$(grep -c 'bottom_half *tasklet' "$work/copy")" = 5 ] || fail "not all is there"
		must deferral/tasklet/schedule 5
		[ "$(grep -c 'bottom_half *tasklet' <&6)" = 5 ] || fail "a copy goes on"
	) || exit 1
	cat "$lab/$1" >/dev/null || fail "it cannot be opened when they are closed"
}

keeps_the_period() {
	uptime
	start=$value
	must bench "line=sim0 mechanisms=hard count=20 period_us=20000"
	uptime
	[ $((value - start)) -ge 35 ] || fail "400 ms were not kept"
	measured "hard 0 20 0"
	# It is no part of any latency. If the machine is so slow for once, it is not each time.
	eventually has_latencies_below 20000000 || fail "latencies of a whole period: $(rows)"
}

# has_latencies_below NS - half of those to the top half, to the bottom half and to the task of some events, with
# that period
has_latencies_below() {
	must bench "line=sim0 mechanisms=hard count=5 period_us=$(($1 / 1000))"
	rows | awk -v limit="$1" '$6 >= limit || $7 >= limit || $12 >= limit { bad = 1 } END { exit bad || !NR }'
}

# tells_what_is_lost LINE - the device raises its interrupt, and the bus does not pass it on
tells_what_is_lost() {
	finds INTx info "$1" kind || skip "the bus passes all of its interrupts on"
	find_device "$1"
	config=/sys/bus/pci/devices/$device/config
	[ -e "$config" ] || skip "no PCI device"
	# The high byte of its command register, of which bit 2 disables its interrupt.
	dd if="$config" of="$work/command" bs=1 skip=5 count=1 2>/dev/null
	cleanup="dd if=$work/command of=$config bs=1 seek=5"
	keep_affinity "$1"
	must "lines/$1/affinity" 0
	raise "$1"
	raise "$1"
	printf '\004' | dd of="$config" bs=1 seek=5 2>/dev/null
	info "$1" handled
	before=$value
	# The first takes so long that the time is up.
	must bench "line=$1 mechanisms=hard count=10 budget_ms=1"
	info "$1" handled
	# A kernel that checks handlers of shared interrupts (CONFIG_DEBUG_SHIRQ) calls them as they are taken off: then
	# it comes late, and is not lost.
	wanted="$((value - before)) $((before + 1 - value)) 0"
	same "count, lost and coalesced" "$(rows | awk '{ print $4, $5, $14 }')" "$wanted"
	! grep 'p50 is not above' "$lab/bench" || fail "there is no p50"
	grep -qE ' # only 1 of 10 events: the time was up( #|$)' "$lab/bench" || fail "$(cat "$lab/bench")"
}

# needs_no_interrupt MECHANISM - what is inserted in a top half is served as the interrupt ends, and takes none of its own
needs_no_interrupt() {
	grep -q '^ *IWI:' /proc/interrupts || skip "IRQ work has no interrupt here"
	counted IWI
	before=$value
	must "deferral/$1/schedule" 200
	counted IWI
	# One for each of the line, and those of others.
	within "interrupts for IRQ work" $((value - before)) 200 300
}

# waits_for_the_tick MECHANISM OTHER - on a busy CPU, which has ticks, it takes no interrupt of its own, unlike the
# other
waits_for_the_tick() {
	[ -d "$lab/lines/edu0" ] || skip "no device that interrupts from outside"
	keep_affinity edu0
	must lines/edu0/affinity 0
	for mechanism in "$1" "$2"; do
		counted IWI 0
		before=$value
		must bench "line=edu0 mechanisms=$mechanism count=50 cpu=0 load=hog"
		counted IWI 0
		case $mechanism in
		"$1") within "interrupts for 50 of $mechanism" $((value - before)) 0 25 ;;
		*) within "interrupts for 50 of $mechanism" $((value - before)) 50 1000 ;;
		esac
	done
}

# schedules_its_threads NAME POLICY PRIORITY - the number of their policy is 1 if they run before all ordinary tasks,
# else 0; among those that do, the higher priority runs first
schedules_its_threads() {
	wanted="$2 $3"
	for stat in /proc/[0-9]*/stat; do
		cat "$stat" 2>/dev/null
	done | sed -n "s,^[0-9]* ($1) ,$1 ,p" | awk -v wanted="$wanted" '
		{ seen++ }
		$40 " " $39 != wanted { print $1 " has policy and priority " $40 " " $39; bad = 1 }
		END { exit bad || !seen }' || fail "policy and priority: not $wanted"
}

is_loaded() {
	[ "$(load_threads)" != 0 ]
}

# schedules_its_load LOAD POLICY PRIORITY [PRIORITY] - while a bench runs under it; the last is what is asked for
schedules_its_load() {
	begin_bench line=sim0 "load=$1${4:+ load_priority=$4}"
	eventually is_loaded || fail "no thread of the load"
	schedules_its_threads 'irqlab_load[^)]*' "$2" "$3"
	end_bench
}

# Each event raised ten times at once: every time, a top half ran; a work item that is still pending
# does not become pending again.
coalesces_a_burst() {
	count_more sim0 400 must bench "line=sim0 mechanisms=hard,percpu_wq count=20 burst=10"
	rows | awk '
		$4 + $14 != 200 || $5 != 0 { print "not 200: " $0; bad = 1 }
		$1 == "hard" && $4 != 200 { print "coalesced: " $0; bad = 1 }
		$1 == "percpu_wq" && $4 == 200 { print "not coalesced: " $0; bad = 1 }
		END { exit bad }' || exit 1
}

keeps_the_budget() {
	uptime
	start=$value
	must bench "line=sim0 mechanisms=delayed_wq count=1000000 budget_ms=100"
	uptime
	[ $((value - start)) -le 500 ] || fail "more than 5 s for 100 ms"
	events=$(sed -n 's/.* # only \([0-9]*\) of 1000000 events: the time was up$/\1/p' "$lab/bench")
	same "events" "$(rows | awk '{ print $4 + $5 }')" "$events"
}

# ---- Interrupt threads ---------------------------------------------------------------------------

stop_interrupt_threads() {
	echo 0 >"$lab/interrupt_threads/on"
	for number in 1 2 3 4 5 6 7 8 9 10; do
		echo "level=$number run_us=0 wait=nothing sleep_us=1000" >"$lab/interrupt_threads/handlers"
	done
}

start_interrupt_threads() {
	cleanup=stop_interrupt_threads
	must interrupt_threads/on 1
}

# While level 5 is blocked, level 3 waits as one, 7 and 12 do not.
serves_by_level() {
	start_interrupt_threads
	must "$1/handlers" "level=5 wait=release"
	for command in level=5 "level=3 count=2" level=7 level=12; do
		must "$1/raise" "cpu=0 $command"
	done
	becomes "level 5" "blocked 1 0 1 1 0" level 0 5
	becomes "level 3" "pending 2 1 0 0 0" level 0 3
	becomes "level 7" "- 1 0 1 0 0" level 0 7
	becomes "level 12" "- 1 0 1 0 0" level 0 12
	must "$1/release" 5
	becomes "level 5" "- 1 0 1 1 1" level 0 5
	becomes "level 3" "- 2 1 1 0 0" level 0 3
}

sleeps_as_long_as_told() {
	start_interrupt_threads
	must "$1/handlers" "level=4 wait=sleep sleep_us=200000"
	uptime
	began=$value
	must "$1/raise" "cpu=0 level=4"
	becomes "level 4" "- 1 0 1 1 1" level 0 4
	uptime
	within "how long it took, in hundredths of a second" $((value - began)) 19 1000
}

interrupt_threads() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^intr_'
}

# Handlers that would wait for ever end where they are.
ends_while_all_are_blocked() {
	before=$(interrupt_threads)
	start_interrupt_threads
	cpus=$(grep -c '^processor' /proc/cpuinfo)
	same "threads" "$(interrupt_threads)" $((before + 10 * cpus))
	for number in 1 2 3 4 5 6 7 8 9 10; do
		must "$1/handlers" "level=$number wait=release"
		must "$1/raise" "cpu=0 level=$number"
		must "$1/raise" "cpu=0 level=$number"
	done
	becomes "level 10" "blocked,pending 2 0 1 1 0" level 0 10
	stop_interrupt_threads
	same "threads" "$(interrupt_threads)" "$before"
}

# Handlers that end where they wait keep no place there, and the next ones are not woken for them.
waits_alone_after_many() {
	start_interrupt_threads
	must "$1/handlers" "level=5 wait=release"
	content /sys/devices/system/cpu/possible
	# There are places for all levels of all CPUs that there can be.
	for round in $(seq $(((${value##*[-,]} + 1) * 10 + 1))); do
		must "$1/on" 1
		must "$1/raise" "level=5 cpu=0"
		must "$1/on" 0
	done
	must "$1/on" 1
	must "$1/raise" "level=5 cpu=0"
	pause 0.2
	level 0 5
	same "after $round rounds" "$value" "blocked 1 0 1 1 0"
	same "resumes" "$resumes" 0
	must "$1/release" 5
	becomes "level 5" "- 1 0 1 1 1" level 0 5
	same "resumes after it was released" "$resumes" 1
}

is_raising() {
	read -r _ && read -r knob step _
	[ "$knob" = interrupt_threads/raise ] && [ "$step" -gt 0 ]
} <"$lab/progress"

# What takes minutes to raise keeps nobody from looking, and ends with a signal.
is_seen_while_it_raises() {
	start_interrupt_threads
	must "$1/handlers" "level=1 run_us=1000"
	(echo "level=1 cpu=0 count=1000000" >"$lab/$1/raise") &
	raising=$!
	cleanup="kill $raising; wait $raising; stop_interrupt_threads"
	eventually is_raising || fail "no progress"
	(
		read -r _ <"$lab/$1/on"
		level 0 1
		echo "$value" >"$work/seen"
	) &
	eventually test -s "$work/seen" || fail "who looks has to wait"
	must_answer "$1/on" EBUSY 0
	must_have_said "$1/on" EBUSY
	kill "$raising"
	wait "$raising"
	must_have_said "$1/raise" EINTR
	must "$1/on" 0
}

load_threads() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^irqlab_load'
}

# What it costs to record is taken off, unless it is not known what that was.
takes_off_what_recording_costs() {
	must bench "line=sim0 mechanisms=hard,tasklet count=20"
	nets_are_right
	cleanup="must tape_on 0"
	must tape_on 1
	must bench "line=sim0 mechanisms=hard,tasklet count=20"
	must tape_on 0
	grep -q '^# to record an event costs time that is not known' "$lab/bench" || fail "$(cat "$lab/bench")"
	nets_are_right
}

nets_are_right() {
	awk '
		/^# to record an event costs [0-9]+ ns/ { cost = $7; if (cost == 0) bad = 1 }
		/^#mechanism/ { for (i = 1; i <= NF; i++) at[$i] = i }
		/^[^#]/ {
			for (i = split("irq_p50 net_irq p50 net_p50 wake_p50 net_wake", key); i > 0; i -= 2) {
				net = $at[key[i - 1]] - cost
				if ($at[key[i]] != (cost == "" ? "-" : net < 0 ? 0 : net)) bad = 1
			}
			rows++
		}
		END { exit bad || rows != 2 }' "$lab/bench" || fail "$(cat "$lab/bench")"
}

# measures_under_load bench LOAD - the load does something, on the CPU, and ends with the bench
measures_under_load() {
	softirqs TASKLET
	before=$value
	must bench "line=sim0 mechanisms=hard,threaded count=20 load=$2"
	measured "hard 0 20 0" "threaded 0 20 0"
	rounds=$(sed -n "s/^# .*; load: $2 (.*), \([0-9]*\) rounds$/\1/p" "$lab/bench")
	[ "${rounds:-0}" -gt 0 ] || fail "no rounds: $(sed -n 2p "$lab/bench")"
	if [ "$2" = softirq ]; then
		softirqs TASKLET
		# They go on until the load ends, which is after they were looked at.
		within "tasklet soft IRQs" $((value - before)) 1 $((rounds + rounds / 10 + 100))
	fi
	same "threads left" "$(load_threads)" 0
}

has_defaults() {
	must bench "line=sim0 mechanisms=hard"
	measured "hard 0 1000 0"
}

{
	lines | each raises_what_is_triggered
	lines | each replays_once_what_was_raised_while_disabled
	lines | each is_asked_about_the_interrupts_of_others
	lines | each tells_where_it_goes
	lines | each moves_with_its_affinity
	lines | each arrives_where_it_is_raised
	lines | each replays_in_a_hard_irq
	echo has_that_of_every_cpu lapic
	lines | grep 0 | each attaches_every_mechanism
	mechanisms | each records_what_is_scheduled
	mechanisms | each keeps_or_refuses_events_while_it_is_disabled
	for file in softirqs nesting; do
		echo "counts_only_while_it_is_on $file"
	done
	echo agrees_with_the_kernel softirqs
	echo tells_who_serves softirqs
	echo tells_which_take_long softirq_times
	echo counts_each_time_it_is_raised softirqs
	echo tells_what_interrupts_what nesting
	echo shows_the_way_of_an_interrupt tape
	echo counts_what_is_overwritten tape
	echo may_be_opened_by_many tape
	echo has_copies_while_it_runs tape
	echo shows_what_is_running progress
	for file in idt fixup/table "fixup/steps fixup/access guard" "stacks stacks measure" "claims claims exc EXC" \
		"claims claims fix FIX"; do
		echo "hides_addresses_if_the_kernel_does $file"
	done
	echo runs_what_is_inserted dpc/queues ordinary dpc
	echo runs_what_is_inserted dpc/queues ordinary dpc_high
	echo runs_what_is_inserted dpc/queues threaded dpc_threaded
	echo sets_only_what_is_named dpc/parameters
	echo two_set_parameters dpc/parameters
	echo switches_threads_off dpc/parameters
	lines | each measures
	echo measures_the_mechanisms_that_are_named bench
	lines | each measures_on_the_cpu_that_is_named
	echo measures_what_it_can_have bench
	echo raises_lines_together sim0 sim1
	echo raises_lines_together sim1 sim0
	echo keeps_lines_that_others_have sim0 sim1
	echo has_lines_go_to_every_cpu sim0 sim1
	echo tells_what_it_keeps memory
	echo sleeps_whatever_nobody_waited_for kthread
	echo sleeps_whatever_nobody_waited_for unbound_wq
	echo sleeps_whatever_nobody_waited_for threaded
	echo keeps_the_period bench
	echo keeps_the_budget bench
	lines | grep '^edu0' | each tells_what_is_lost
	for mechanism in tasklet dpc dpc_high; do
		echo "needs_no_interrupt $mechanism"
	done
	echo waits_for_the_tick irq_work_lazy irq_work
	echo schedules_its_threads irqlab_kt_fifo 1 50
	echo schedules_its_threads irqlab_kt 0 0
	for load in hog_fifo irqs_off; do
		echo "schedules_its_load $load 1 1"
	done
	echo schedules_its_load hog 0 0
	echo schedules_its_load hog_fifo 1 42 42
	echo coalesces_a_burst bench
	echo takes_off_what_recording_costs bench
	for load in softirq hog hog_fifo irqs_off work hard; do
		echo "measures_under_load bench $load"
	done
	echo has_defaults bench
	echo serves_by_level interrupt_threads
	echo sleeps_as_long_as_told interrupt_threads
	echo ends_while_all_are_blocked interrupt_threads
	echo waits_alone_after_many interrupt_threads
	echo is_seen_while_it_raises interrupt_threads
	# Last, when there is something in the tables.
	echo has_no_other_files irqlab
	echo is_private_in_all_directories irqlab
	files | while read -r file documented; do
		echo "is_as_documented $file $documented"
	done
} 2>/dev/null | run_table
