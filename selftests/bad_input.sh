#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Bad input: whatever a knob is given that it cannot do, it answers with the error that is
# documented, says why in one line of last_error, and changes nothing.

. "$(dirname "$0")/lib.sh"

cpu=$(sed -n 's/^processor[^:]*: //p' /proc/cpuinfo | tail -n 1)
# The first number that no CPU can have.
beyond=$(($(sed 's/.*[-,]//' /sys/devices/system/cpu/possible) + 1))
long=$(printf '%4097s' 1 | tr ' ' 0)

# Without the CPUs that an interrupt would go to now: one that was offline is among them again when it raises the line.
state() {
	(cd "$lab" && cat bench claims dpc/parameters softirqs nesting tape tape_on tape_size fixup/access fixup/steps \
		interrupt_threads/handlers interrupt_threads/pools interrupt_threads/on \
		old_bh/slots stacks ipi/call ipi/cdf ipi/matrix ipi/modes \
		lines/*/info lines/*/handlers ./*/*/enabled) | sed '/^cpu /d; /^effective_affinity /d'
}

# names_its_value INPUT - of what it was given as key=value, last_error names what was wrong
names_its_value() {
	case $1 in
	*=*) ;;
	*) return 0 ;;
	esac
	rest=$1%040
	while [ "$rest" ]; do
		word=${rest%%"%040"*} rest=${rest#*"%040"}
		case "$word $said" in
		*=*\ *"$word"*) return 0 ;;
		esac
	done
	fail "last_error names no value with its key: $said"
}

# refuses FILE ERROR INPUT - in INPUT, %ooo is a byte in octal
refuses() {
	# What was the last error before must not be taken for that of this input.
	echo "not $*" 2>/dev/null >"$lab/deferral/tasklet/latency"
	must_answer "$1" "$2" "$3"
	must_have_said "$1" "$2"
	[ "$2" != ERANGE ] || names_its_value "$3"
}

# paths_of MODE - the paths of all that have it
paths_of() {
	find "$lab" -type f -perm "$1" >"$work/files"
	[ -s "$work/files" ] || fail "there is none of mode $1"
	while read -r file; do
		echo "${file#"$lab"/}"
	done <"$work/files"
}

# refuse_by_their_path_to_be_written ALL - those that are only read
refuse_by_their_path_to_be_written() {
	paths_of 400 >"$work/paths"
	while read -r path; do
		must_answer "$path" EINVAL 1
		must_have_said "$path" EINVAL
	done <"$work/paths"
}

# refuse_by_their_path_to_be_read ALL - those that are only written
refuse_by_their_path_to_be_read() {
	paths_of 200 >"$work/paths"
	while read -r path; do
		! cat "$lab/$path" >"$work/text" 2>"$work/said" || fail "$path was: $(cat "$work/text")"
		name_error "$work/said"
		same "the answer of $path" "$answer" EINVAL
		must_have_said "$path" EINVAL
	done <"$work/paths"
}

# refuse_by_their_path_what_is_long ALL - those that can be written
refuse_by_their_path_what_is_long() {
	{
		paths_of 200
		paths_of 600
	} >"$work/paths"
	while read -r path; do
		must_answer "$path" E2BIG "$long"
		must_have_said "$path" E2BIG
	done <"$work/paths"
}

takes() {
	tell "$1" "$2"
	same "the answer" "$answer" ok
}

# explains FILE INPUT TEXT - last_error says that, in which %040 is a blank
explains() {
	tell "$1" "$2"
	must_have_said "$1" "$answer"
	due=
	rest=$3%040
	while [ "$rest" ]; do
		due="$due ${rest%%"%040"*}" rest=${rest#*"%040"}
	done
	case "$said" in
	*"$due"*) ;;
	*) fail "not '$due': $said" ;;
	esac
}

is_as_before() {
	grep -q '^hard ' "$work/state" || fail "nothing was measured before"
	state | diff "$work/state" - || fail "refused commands have changed something"
}

# ---- While something else is going on ------------------------------------------------------------

# answers_during_a_bench FILE ERROR INPUT
answers_during_a_bench() {
	info sim0 handled
	handled=$value
	begin_bench line=sim0
	# The bench has its line before it has the mechanism.
	eventually is_more sim0 "$handled" || fail "the bench sends nothing"
	must_answer "$1" "$2" "$3"
	must_have_said "$1" "$2"
	is_busy sim0 || fail "the bench did not go on"
	end_bench
	must_have_said bench EINTR
}

# refuses_while_set FILE ERROR INPUT SETTING ON OFF - refuses while another file has a value
refuses_while_set() {
	cleanup="must $4 $6"
	must "$4" "$5"
	refuses "$1" "$2" "$3"
}

# refuses_while_a_cpu_is_offline FILE ERROR INPUT
refuses_while_a_cpu_is_offline() {
	online=/sys/devices/system/cpu/cpu$cpu/online
	[ -e "$online" ] || skip "the CPU cannot be taken offline"
	cleanup="echo 1 >$online"
	echo 0 >"$online" || skip "the CPU cannot be taken offline"
	refuses "$1" "$2" "$3"
}

# ---- The table -----------------------------------------------------------------------------------

# What no number can be; what no switch can be; what nothing can be.
numbers='%012 %040%011%012 many -1 +1 0x10 1.5 1,000 1%0401 1%0001 %377%376 %331%241'
switches='%012 %040 2 -1 01 on 0%0401 1%000 %377'

# for_each FILE ERROR INPUTS - a line for each, or for the first
for_each() {
	set -f
	for input in $3; do
		echo "refuses $1 $2 $input"
		! is_short || break
	done
	set +f
}

# What was measured last stays, too.
tell bench "line=sim0 mechanisms=hard,tasklet count=10 victims=1"
state >"$work/state" 2>/dev/null
{
	for file in lines/sim0/trigger deferral/tasklet/schedule; do
		for_each $file EINVAL "$numbers"
		for_each $file ERANGE '0 1000001 18446744073709551616 99999999999999999999999999'
	done
	for_each lines/sim0/affinity EINVAL "$numbers"
	for_each lines/sim0/affinity ERANGE '1024 18446744073709551616'
	[ ! -d "$lab/lines/irqsim0" ] || for_each lines/irqsim0/affinity EPERM '0 all'
	for_each lines/sim0/enabled EINVAL "$switches"
	for_each deferral/tasklet/enabled EINVAL "$switches"
	for_each deferral/hard/enabled EPERM 0
	for_each deferral/threaded/enabled EPERM 0
	for_each deferral/int_thread/enabled EPERM 0
	for_each deferral/tasklet/latency EINVAL '%012 0 clean clear%040clear CLEAR clear%000 %377'
	for_each lines/sim0/handlers EINVAL '%377'
	for_each lines/sim0/handlers ENODEV '%012 hardly hard%040tasklet hard%000 none,hard'
	for_each bench EINVAL '%012 %040 sim0 line mechanisms=hard line=sim0%040line=sim0
		line=sim0%040speed=1 line=sim0%040=1 line=sim0%040count= line=sim0%040count=many
		line=sim0%040count=-1 line=sim0%040count=1%000 line=sim0%040period_us=0.5
		line=sim0%040cpu=all line=sim0%040burst=two line=sim0%040budget_ms=1s
		line=sim0%040mechanisms=hard,hard line=sim0%040mechanisms=hard,all line=sim0%040%377
		line=sim0%040top_us= line=sim0%040bottom_us=1ms line=sim0%040bottom_us=-1
		line=sim0%040victims=2 line=sim0%040victims= line=sim0%040priority=50
		line=sim0%040lines=two line=sim0%040lines=2%040victims=1
		line=sim0%040victims=0%040priority=50 line=sim0%040contend=mutex line=sim0%040load_priority=5
		line=sim0%040load=hog_fifo%040load_priority=fifo line=sim0%040victims=1%040priority=high'
	for_each bench EPERM 'line=sim0%040load=hog%040load_priority=5 line=sim0%040load=softirq%040load_priority=5
		line=sim0%040ack=bottom'
	for_each bench ENODEV 'line= line=sim line=sim0%000 line=sim0%040mechanisms=
		line=sim0%040mechanisms=hardly line=sim0%040mechanisms=hard,
		line=sim0%040load= line=sim0%040load=hog,softirq
		line=sim0%040ack= line=sim0%040ack=nobody
		line=sim0%040victims=1%040contend= line=sim0%040victims=1%040contend=spinlock'
	for_each bench ERANGE 'line=sim0%040count=0 line=sim0%040count=1000001
		line=sim0%040count=18446744073709551616 line=sim0%040period_us=1000001
		line=sim0%040cpu=1024 line=sim0%040burst=0 line=sim0%040burst=1001
		line=sim0%040lines=0 line=sim0%040lines=9
		line=sim0%040budget_ms=0 line=sim0%040budget_ms=3600001
		line=sim0%040top_us=100001 line=sim0%040bottom_us=18446744073709551616
		line=sim0%040load=hog_fifo%040load_priority=0 line=sim0%040load=hog_fifo%040load_priority=100
		line=sim0%040victims=1%040priority=0 line=sim0%040victims=1%040priority=100'
	for_each dpc/parameters EINVAL '%012 %040 4 maximum_depth maximum_depth= maximum_depth=-1 depth=4
		tick_ms=1%040tick_ms=1 threaded=2 threaded=on idle_drain= default%040now DEFAULT tick_ms=1%000 %377'
	for_each dpc/parameters ERANGE 'maximum_depth=0 maximum_depth=1001 minimum_rate=1000001 adjustment=0
		tick_ms=0 tick_ms=1001 sum_limit=18446744073709551616 threaded=0%040tick_ms=0'
	for_each fixup/access EINVAL '%012 %040 guard%040count= guard%040count=many guard%040count=-1
		guard%040task%040speed=1 guard%040task%040task guard%040count=1%040count=1 user user%040task
		user%040address=0 user%040address=0x user%040address=7f user%040address=0x1g
		user%040address=0x10000000000000000 guard%040%377'
	for_each fixup/access ENODEV 'no guards guard%000 guard,null guard%040tasks guard%040task,nmi reset%040now
		GUARD'
	for_each fixup/access ERANGE 'guard%040count=0 guard%040count=1000001 guard%040offset=4096
		guard%040seed=18446744073709551616'
	for_each fixup/access EPERM 'user%040address=0xffffffffffffffff user%040address=0x8000000000000000
		user_write%040nmi%040address=0xffff888000000000'
	for_each ipi/call EINVAL '%012 single kind kind=single%040speed=1 kind=single%040kind=single
		kind=single%040cpus= kind=single%040cpus=, kind=single%040cpus=a kind=single%040cpus=1-0
		kind=single%040cpus=0-%040 kind=single%040count=many kind=single%040wait=2 kind=single%040from=all
		kind=single%040senders=2 kind=single%040hold_us=1 kind=self%040wait=0
		kind=nmi%040wait=0 kind=any%040wait=0 kind=where%040wait=0 kind=task%040wait=0 kind=single%040%377'
	for_each ipi/call ENODEV 'kind= kind=double kind=SINGLE kind=single%000 kind=single%040target=asleep'
	for_each ipi/call ERANGE 'kind=single%040count=0 kind=single%040count=1000001 kind=single%040cpus=99999
		kind=single%040cpus=0-8192 kind=single%040from=99999 kind=contended%040senders=0
		kind=single%040cpus=99999999999999999999 kind=single%040target=irqs_off%040hold_us=0
		kind=single%040target=irqs_off%040hold_us=10001'
	# The last CPU that there can be is within limits.
	for command in "kind=single%040cpus=$beyond" "kind=single%040cpus=0-$beyond" "kind=single%040from=$beyond"; do
		echo "refuses ipi/call ERANGE $command"
	done
	for_each ipi/matrix EINVAL '%377 all rounds rounds= kind=broadcast kind=any cpus= cpus=x budget_ms=1s
		rounds=1%040rounds=1 target=busy%040hold_us=5 count=1 parallel=2 kind=self%040parallel=1'
	# With one CPU these are right, or refused as there is no other one.
	if [ "$cpu" != 0 ]; then
		for_each ipi/call EINVAL 'kind=self%040cpus=all'
		for_each ipi/matrix EINVAL 'kind=nmi%040parallel=1 target=busy%040parallel=1'
	fi
	for_each ipi/matrix ENODEV 'kind=no target=off kind='
	for_each ipi/matrix ENXIO 'cpus=0 cpus=0,0-0'
	for_each ipi/matrix ERANGE 'rounds=0 rounds=1000001 budget_ms=0 budget_ms=3600001 cpus=0-99999'
	for_each ipi/modes EINVAL '%377 all count= count=many batches=-1 cpu=all kind=single'
	for_each ipi/modes ERANGE 'count=0 count=10001 batches=0 batches=1001 cpu=99999'
	for_each old_bh/slots EINVAL '%012 %040 20 init init%0400x14 init%040-1 init%040many take%04020
		init%04020%040now mark%04020%040count= mark%04020%040times=2 mark%04020%0405 enable%04020%000 %377'
	for_each old_bh/slots ERANGE 'init%04032 mark%04032 remove%04018446744073709551616
		mark%04020%040count=0 mark%04020%040count=1001'
	for_each old_bh/slots EBUSY init%0409
	for_each old_bh/slots EPERM 'mark%0409 remove%0409 disable%0409 enable%0409'
	for_each old_bh/slots ENODEV 'remove%04020 disable%04020 enable%04020'
	for_each interrupt_threads/on EINVAL "$switches"
	for_each interrupt_threads/handlers EINVAL '%012 level run_us=1 level=many level=5%040level=5 level=5%040speed=1
		level=5%040run_us= level=5%040sleep_us=-1 level=5%000 %377'
	for_each interrupt_threads/handlers ENODEV 'level=5%040wait= level=5%040wait=ever level=5%040wait=SLEEP'
	for_each interrupt_threads/handlers ERANGE 'level=0 level=16 level=5%040run_us=1001 level=5%040sleep_us=10000001
		level=18446744073709551616'
	for_each interrupt_threads/handlers EPERM 'level=11%040wait=sleep level=15%040wait=thread'
	for_each interrupt_threads/raise EINVAL '%012 5 level= cpu=0 level=5%040count=many level=5%040level=5
		level=5%040cpu=all level=5%000 %377'
	for_each interrupt_threads/raise ERANGE 'level=0 level=16 level=5%040cpu=99999 level=5%040count=0
		level=5%040count=1000001'
	for_each interrupt_threads/raise ENODEV 'level=5 level=15%040cpu=0'
	for_each interrupt_threads/release EINVAL "$numbers"
	for_each interrupt_threads/release ERANGE '0 11 18446744073709551616'
	for_each stacks EINVAL '%012 all measure%040now MEASURE measure%000 %377'
	for file in softirqs nesting ipi/who; do
		for_each $file EINVAL '%012 %040 0 1 On offf on%040off on%000 reset%040on %377'
	done
	for_each tape_on EINVAL "$switches"
	for_each tape_size EINVAL "$numbers"
	for_each tape_size ERANGE '0 15 16385 18446744073709551616'
	for_each claims EINVAL '%012 %040 all%040please all%040control%040please %377'
	for_each claims ENODEV 'none IRQ-0 IRQ- IRQ-02, IRQ-02%000 -'
	echo "refuse_by_their_path_to_be_written all"
	echo "refuse_by_their_path_to_be_read all"
	echo "refuse_by_their_path_what_is_long all"

	# What is wrong, and what to write instead.
	cat <<-END
		explains bench count=1 line=<line>%040is%040missing;%040lines/%040has%040all
		explains bench line=sim9 no%040line%040'sim9';%040lines/%040has%040all
		explains bench line=sim0%040speed=1 no%040parameter%040'speed';%040there%040are:%040line,%040count,
		explains bench line=sim0%040count 'count'%040is%040not%040of%040the%040form%040key=value
		explains bench line=sim0%040count=many 'count=many'%040is%040not%040a%040number
		explains bench line=sim0%040count=0 count=0%040is%040not%040within%0401%040to%0401000000
		explains bench line=sim0%040victims=2 'victims=2'%040is%040neither%0400%040nor%0401
		explains bench line=sim0%040line=sim1 'line'%040is%040given%040twice
		explains bench line=sim0%040mechanisms=no no%040mechanism%040'no';%040deferral/%040has%040all
		explains bench line=sim0%040mechanisms=hard,hard 'hard'%040is%040named%040twice
		explains bench line=sim0%040mechanisms=hard,all mechanisms=all%040has%040no%040others%040beside%040it
		explains bench line=sim0%040load=no no%040load%040'no';%040there%040are:%040none,%040softirq,
		explains bench line=sim0%040load=none%040load_priority=5 load_priority=5%040is%040that%040of%040a%040load,
		explains bench line=sim0%040load_priority=5 priority%040are:%040hog_fifo,%040irqs_off
		explains bench line=sim0%040load=hog%040load_priority=5 leave%040out%040load_priority=5;
		explains bench line=sim0%040load=hog%040load_priority=5 priority%040are:%040hog_fifo,%040irqs_off
		explains bench line=sim0%040priority=5 priority=5%040is%040that%040of%040a%040victim:%040victims=1%040is
		explains bench line=sim0%040contend=mutex contend=mutex%040makes%040the%040bottom%040half%040a%040victim:
		explains bench line=sim0%040contend=no contend=no%040is%040not%040there;%040there%040are:%040none,%040mutex,
		explains bench line=sim0%040ack=no ack=no%040is%040not%040there;%040there%040are:%040top,%040bottom,
		explains bench line=sim0%040ack=bottom take%040a%040line%040whose%040kind%040is%040INTx
		explains ipi/call cpus=0 kind=<kind>%040is%040missing;%040there%040are:%040single,%040async,
		explains ipi/call kind=broadcast%040cpus=0%040from=0 is%040from=0:%040name%040others%040in%040cpus=
		explains ipi/call kind=no no%040kind%040'no';%040there%040are:%040single,%040async,
		explains ipi/call kind=single%040speed=1 no%040parameter%040'speed';%040there%040are:%040kind,%040cpus,
		explains ipi/call kind=nmi%040wait=0 kind=nmi%040always%040waits:%040leave%040out%040wait=0
		explains ipi/call kind=single%040senders=2 senders=%040is%040for%040kind=contended
		explains ipi/call kind=single%040target=no no%040target%040'no';%040there%040are:%040idle,%040busy,
		explains ipi/call kind=single%040hold_us=1 target=irqs_off:%040leave%040it%040out%040with%040target=idle
		explains ipi/call kind=single%040cpus=a 'cpus=a'%040is%040not%040a%040list%040of%040CPUs,%040as%0400-3,7
		explains ipi/matrix kind=any kind=any%040is%040not%040between%040two%040CPUs:%040write%040it%040to%040ipi/call
		explains ipi/modes kind=single no%040parameter%040'kind';%040there%040are:%040count,%040batches,%040cpu
		explains ipi/who 1 '1'%040is%040not%040one%040of:%040on,%040off,%040reset
	END
	# With one CPU these are right, or refused as there is no other one.
	[ "$cpu" = 0 ] || cat <<-END
		explains ipi/call kind=self%040cpus=$cpu is%040for%040the%040sender's%040own%040CPU,%040which%040is%040from=0:
		explains ipi/matrix parallel=1%040target=busy parallel=1%040is%040for%040kind=single,
	END
	echo "is_as_before irqlab"
	# None is what there is without the key.
	echo "takes bench line=sim0%040count=1%040mechanisms=hard%040contend=none%040load=none"

	cat <<-END
		answers_during_a_bench bench EBUSY line=sim1
		answers_during_a_bench claims EBUSY all
		answers_during_a_bench fixup/access EBUSY guard
		answers_during_a_bench stacks EBUSY measure
		answers_during_a_bench ipi/call EBUSY kind=self
		answers_during_a_bench ipi/matrix EBUSY kind=self
		answers_during_a_bench ipi/modes EBUSY count=1
		answers_during_a_bench interrupt_threads/raise EBUSY level=5
		answers_during_a_bench interrupt_threads/on EBUSY 0
		answers_during_a_bench lines/sim0/trigger EBUSY 1
		answers_during_a_bench lines/sim0/handlers EBUSY none
		answers_during_a_bench lines/sim0/enabled EBUSY 0
		answers_during_a_bench lines/sim0/affinity EBUSY 0
		answers_during_a_bench deferral/tasklet/schedule EBUSY 1
		answers_during_a_bench deferral/tasklet/latency EBUSY clear
		answers_during_a_bench deferral/hard/latency EBUSY clear
		answers_during_a_bench deferral/tasklet/enabled EBUSY 0
		answers_during_a_bench lines/sim1/handlers EBUSY hard
		refuses_while_set bench EBUSY line=sim0 lines/sim0/enabled 0 1
		refuses_while_set deferral/tasklet/schedule EBUSY 1 lines/sim0/enabled 0 1
		refuses_while_set lines/sim0/handlers EBUSY tasklet lines/sim0/enabled 0 1
		refuses_while_set bench EBUSY line=sim0%040mechanisms=tasklet deferral/tasklet/enabled 0 1
		refuses_while_set bench EBUSY line=sim0%040mechanisms=tasklet lines/sim1/handlers tasklet none
		refuses_while_set lines/sim0/handlers EBUSY tasklet lines/sim1/handlers tasklet none
		refuses_while_set deferral/tasklet/schedule EBUSY 1 lines/sim1/handlers tasklet none
		refuses_while_set tape_size EBUSY 64 tape_on 1 0
		refuses_while_a_cpu_is_offline bench ENXIO line=sim0%040cpu=$cpu
		refuses_while_a_cpu_is_offline ipi/call ENXIO kind=single%040cpus=$cpu
		refuses_while_a_cpu_is_offline ipi/call ENXIO kind=self%040from=$cpu
		refuses_while_a_cpu_is_offline ipi/modes ENXIO cpu=$cpu
	END
	[ ! -e "$lab/lines/edu0" ] ||
		echo "refuses_while_a_cpu_is_offline lines/edu0/affinity ENXIO $cpu"
} 2>/dev/null | run_table
