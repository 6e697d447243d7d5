# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What all tests share. A test is a table of checks: a line of it names a function, its subject, and
# more arguments. Each line gives one line of KTAP, "<subject>: <function> <arguments>". A check may
# leave the shell at any point, by fail or skip; what it has put into "cleanup" is done when it has ended,
# however that was.
#
# With BREAK=N in the environment each check ends with its Nth command to the lab, one row for each check: what it
# has changed until then is left for its cleanup to put back.
#
# Under an emulator a process is what costs most, so the checks share a shell as long as none leaves it,
# and get by with what the shell has built in where that is as clear.

export LC_ALL=C
lab=/sys/kernel/debug/irqlab
# The drivers of its devices.
platform=/sys/bus/platform/drivers/irqlab-sim
pci=/sys/bus/pci/drivers/irqlab-edu
work=$(mktemp -d) || exit 1
# How many are many.
# shellcheck disable=SC2034
many=$((${SHORT:-0} ? 300 : 10000))
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$(dirname "$0")" || exit 1

# The kernel's own helpers; `make install` puts them beside the tests.
for directory in . "${KSRC:-/usr/src/linux}/tools/testing/selftests/kselftest"; do
	helpers=$directory/ktap_helpers.sh
	[ ! -e "$helpers" ] || break
done
# shellcheck source=/dev/null
. "$helpers" || exit 1

# ---- The table -----------------------------------------------------------------------------------

newline='
'

# begin_split SEPARATOR, end_split - what is not quoted is split there, and no pattern
begin_split() {
	set -f
	IFS=$1
}

end_split() {
	set +f
	IFS=" 	$newline"
}

# run_table - run the checks on standard input, and exit
run_table() {
	table=$(cat)
	ktap_print_header
	if ! [ -e "$lab/claims" ]; then
		ktap_skip_all "$lab is not there: insert irqlab.ko, mount debugfs, be root"
		exit "$KSFT_SKIP"
	fi
	begin_split "$newline"
	# shellcheck disable=SC2086  # lines
	set -- $table
	end_split
	if [ "${ONLY:-}" ]; then
		for row; do
			shift
			read_row "$row"
			case $title in
			*"$ONLY"*) set -- "$@" "$row" ;;
			esac
		done
		[ $# != 0 ] || {
			ktap_skip_all "no check has '$ONLY' in its name"
			exit "$KSFT_SKIP"
		}
	fi
	if [ "${BREAK:-}" ]; then
		functions=' '
		for row; do
			shift
			case $functions in
			*" ${row%% *} "*) ;;
			*) set -- "$@" "$row" ;;
			esac
			functions="$functions${row%% *} "
		done
	fi
	# Of the checks, and of what they need to leave it so.
	set -- "$@" "leaves_all_as_it_was lab"
	ktap_set_plan $#
	exec 3>&1
	(list_state >"$work/found")
	until (run_checks "$@"); do
		restore_counts
	done
	restore_counts
	ktap_finished
}

# read_row LINE - set check, arguments, and the title that results are shown with
read_row() {
	check=${1%% *}
	arguments=${1#* }
	subject=${arguments%% *}
	begin_split _
	# shellcheck disable=SC2086  # words
	set -- $check
	end_split
	title="$subject: $*${arguments#"$subject"}"
}

# run_checks LINE... - run them from where the last shell was left
run_checks() {
	trap 'leave $?' EXIT
	shift $((KTAP_TESTNO - 1))
	for row; do
		read_row "$row"
		begin_split ' '
		# shellcheck disable=SC2086  # words
		set -- $arguments
		end_split
		cleanup='' commands=${BREAK:-0}
		"$check" "$@" >"$work/said" 2>&1
		returned=$?
		clean_up
		tell_result "$returned"
	done
	trap - EXIT
	keep_counts
}

# leave CODE - what a check that leaves the shell makes it do
leave() {
	tell_result "$1"
	keep_counts
	clean_up
	exit 1
}

clean_up() {
	undo=$cleanup
	cleanup='' commands=0
	eval "$undo" >>"$work/said" 2>&1
}

tell_result() {
	case $1 in
	0) ktap_test_pass "$title" ;;
	4)
		ktap_print_msg "$(tail -n 1 "$work/said")"
		ktap_test_skip "$title"
		;;
	*)
		sed 's/^/# /' "$work/said"
		ktap_test_fail "$title"
		;;
	esac >&3
}

keep_counts() {
	echo "$KTAP_TESTNO $KTAP_CNT_PASS $KTAP_CNT_SKIP $KTAP_CNT_FAIL" >"$work/counts"
}

# Without them the shell was killed.
restore_counts() {
	read -r KTAP_TESTNO KTAP_CNT_PASS KTAP_CNT_SKIP KTAP_CNT_FAIL <"$work/counts" || exit 1
	rm "$work/counts"
}

# list_state - what a check may change, and has to put back: settings, CPUs, modules, programs. Without a process.
list_state() {
	list_settings
	while read -r first _; do
		echo "module $first"
	done </proc/modules
	read -r self _ _ _ group _ </proc/self/stat
	for file in /proc/[0-9]*/stat; do
		read -r number first _ _ second _ <"$file" || continue
		# Of the same process group, unless that is the kernel's.
		case "$second $number" in
		0\ * | *" $self") ;;
		"$group "*) echo "process $number $first" ;;
		esac
	done
} 2>/dev/null

# Empty in tests that take CPUs offline while lines are in use.
keeps_cpus=1

list_settings() {
	for file in "$lab"/lines/*/handlers "$lab"/lines/*/enabled "$lab"/deferral/*/enabled \
		"$lab"/tape_* "$lab"/dpc/parameters "$lab"/interrupt_threads/on "$lab"/interrupt_threads/handlers \
		"$lab"/progress "$lab"/old_bh/slots /sys/devices/system/cpu/online /proc/sys/kernel/kptr_restrict; do
		# What else the slots show is counted.
		# shellcheck disable=SC2094
		while read -r first second third rest; do
			[ "$file" != "$lab/old_bh/slots" ] || rest=
			echo "$file: $first $second $third $rest"
		done <"$file"
	done
	# The kernel chooses other CPUs for a line when its own go.
	for line in ${keeps_cpus:+"$lab"/lines/*}; do
		# Not where they go now, as CPUs come and go.
		info "${line##*/}" affinity
		echo "${line##*/} may go to $value"
	done
	for file in "$lab"/softirqs "$lab"/nesting "$lab"/ipi/who; do
		content "$file"
		echo "$file: $value"
	done
} 2>/dev/null

# What cleanups have not put back. What comes to an end may need a moment.
leaves_all_as_it_was() {
	eventually is_as_found list_state || fail "not as it was: $(cat "$work/left")"
}

# is_as_found LIST
is_as_found() {
	"$1" >"$work/now"
	! grep -vxFf "$work/found" "$work/now" >"$work/left"
}

fail() {
	echo "$*"
	exit 1
}

skip() {
	echo "$*"
	exit "$KSFT_SKIP"
}

# same WHAT HAVE WANT - two strings must be equal
same() {
	[ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}

# within WHAT NUMBER LOW HIGH - a number must be within limits
within() {
	if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		fail "$1: $2 is not within $3 to $4"
	fi
}

# pause SECONDS - without a process, in shells whose read can stop waiting
mkfifo "$work/never"
exec 4<>"$work/never"
echo once >&4
# shellcheck disable=SC3045
if read -rt 1 _ <&4 2>/dev/null; then
	pause() {
		! read -rt "$1" _ <&4
	}
else
	pause() {
		sleep "$1"
	}
fi

# eventually COMMAND... - try a command until it succeeds, for at most 2 seconds
eventually() {
	tries=40
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		pause 0.05
	done
}

# becomes WHAT WANTED LOOKUP... - a value must be what is wanted within 2 seconds
becomes() {
	what=$1 due=$2
	shift 2
	eventually finds "$due" "$@" || same "$what" "$value" "$due"
}

# finds WANTED LOOKUP... - whether that is the value
finds() {
	sought=$1
	shift
	"$@"
	[ "$value" = "$sought" ]
}

# said_while_booting TEXT - whether the kernel did, if its log still goes back so far
said_while_booting() {
	dmesg | grep -q 'Linux version' || skip "the kernel's log does not go back to its boot"
	dmesg | grep -q "$1"
}

is_short() {
	[ "${SHORT:-}" ]
}

# ---- Modules that test when they are inserted -----------------------------------------------------

# said_by MODULE - its lines in the kernel's log
said_by() {
	dmesg | sed -n "s/.*$1: //p"
}

# pass_on MODULE [PARAMETER...] - insert it, pass on the results that it logs, and exit. It says "ok - NAME",
# "not ok - NAME" or "skip - NAME" of each of its tests, with comments behind "# " before that, and perhaps "1..N"
# first, with how many there are. Unless one has failed it has to be inserted, or refused with the error due.
pass_on() {
	module=$1
	how=${due:+refused with $due}
	how="$module: ${how:-inserted} as no test failed"
	ktap_print_header
	before=$(said_by "$module" | wc -l)
	answer=ok
	insert "$@" 2>"$work/insmod" || name_error "$work/insmod"
	# What inserts modules may try once more if that failed: the last time counts.
	said_by "$module" | tail -n +$((before + 1)) | awk '
		/^1\.\./ { nr = 0 }
		{ line[++nr] = $0 }
		END { for (i = 1; i <= nr; i++) print line[i] }' >"$work/log"
	grep -E '^(ok|not ok|skip) - |^# ' "$work/log" >"$work/said"
	if ! is_inserted "$module" && ! [ -s "$work/said" ]; then
		ktap_skip_all "$module.ko cannot be inserted: $(head -n 1 "$work/insmod")"
		exit "$KSFT_SKIP"
	fi
	! is_inserted "$module" || rmmod "$module"
	planned=$(sed -n 's/^1\.\.//p' "$work/log")
	ktap_set_plan $((${planned:-$(grep -vc '^# ' "$work/said")} + 1))
	while read -r result; do
		case $result in
		'# '*) echo "$result" ;;
		'ok - '*) ktap_test_pass "${result#ok - }" ;;
		'skip - '*) ktap_test_skip "${result#skip - }" ;;
		*) ktap_test_fail "${result#not ok - }" ;;
		esac
	done <"$work/said"
	if [ "$KTAP_CNT_FAIL" = 0 ] && { [ "$answer" != "${due:-ok}" ] || [ "$KTAP_CNT_PASS" = 0 ]; }; then
		ktap_print_msg "$(cat "$work/insmod")"
		ktap_test_fail "$how"
	else
		ktap_test_pass "$how"
	fi
	ktap_finished
}

# ---- The lab -------------------------------------------------------------------------------------

# Whether this shell's echo writes any byte: printf may not tell that a write has failed.
echo_escapes=
# shellcheck disable=SC3036,SC3037
[ "$(echo -ne 'yes\0012')" != yes ] || echo_escapes=yes

# tell FILE COMMAND - write a command, in one piece, and set answer to "ok" or the name of the error.
# In the command, %ooo is a byte in octal.
tell() {
	answer=ok escaped='' rest=$2
	while [ "${rest#*%}" != "$rest" ]; do
		escaped=$escaped${rest%%%*}\\0
		rest=${rest#*%}
	done
	# What the shell itself writes takes no process; but it may write in several pieces what is long.
	if [ ${#2} -lt 1000 ] && [ ! "$escaped" ]; then
		echo "$2" 2>"$work/answer" >"$lab/$1"
	elif [ ${#2} -lt 1000 ] && [ "$echo_escapes" = yes ]; then
		# shellcheck disable=SC3036,SC3037  # where it is known
		echo -ne "$escaped$rest" 2>"$work/answer" >"$lab/$1"
	else
		[ "$escaped" ] && printf %b "$escaped$rest" >"$work/command" || echo "$2" >"$work/command"
		dd if="$work/command" of="$lab/$1" bs=65536 conv=notrunc 2>"$work/answer" >&2
	fi || name_error "$work/answer"
}

# name_error FILE - set answer to the name of the error in the message that a file begins with
name_error() {
	answer=
	read -r answer <"$1"
	case $answer in
	*': Argument list too long') answer=E2BIG ;;
	*': Device or resource busy') answer=EBUSY ;;
	*': Interrupted system call') answer=EINTR ;;
	*': Invalid argument') answer=EINVAL ;;
	*': Input/output error' | *': I/O error') answer=EIO ;;
	*': No such device') answer=ENODEV ;;
	*': No such device or address') answer=ENXIO ;;
	*': Operation canceled') answer=ECANCELED ;;
	*': Operation not permitted') answer=EPERM ;;
	*': Numerical result out of range' | *': Result not representable') answer=ERANGE ;;
	esac
}

# must_answer FILE ERROR COMMAND - write a command that must be refused so
must_answer() {
	tell "$1" "$3"
	same "the answer" "$answer" "$2"
}

# must_have_said FILE ERROR - last_error has to be one line, of this file and this error
must_have_said() {
	said=
	{
		read -r said
		! read -r more || fail "last_error goes on: $more"
	} <"$lab/last_error"
	case $said in
	"$1: $2: "?*) ;;
	*) fail "last_error: $said" ;;
	esac
}

# must FILE COMMAND - write a command that may not be refused
must() {
	! echo "$2" 2>"$work/answer" >"$lab/$1" || {
		commands=$((${commands:-0} - 1))
		[ $commands != 0 ] || break_off
		return 0
	}
	name_error "$work/answer"
	fail "$1: '$2' was refused with $answer; last_error: $(cat "$lab/last_error")"
}

# break_off - end the check here: its cleanup has to put everything back
break_off() {
	clean_up
	eventually is_as_found list_settings || fail "not as it was: $(cat "$work/left")"
	exit 0
}

# must_work - every line has its interrupts served
must_work() {
	for line in "$lab"/lines/*; do
		line=${line##*/}
		info "$line" handled
		handled=$value
		must "lines/$line/trigger" 1
		eventually is_more "$line" "$handled" || fail "$line: raised, but not handled"
	done
}

# is_busy LINE - whether an experiment has it
is_busy() {
	! read -r _ <"$lab/lines/$1/handlers"
}

is_idle() {
	! is_busy "$1"
}

# begin_bench line=LINE [KEY=VALUE...] - run a bench that does not end by itself, until end_bench
begin_bench() {
	benched=${1#line=}
	(echo "count=1000000 mechanisms=hard $*" >"$lab/bench") &
	bench=$!
	cleanup=end_bench
	eventually is_busy "$benched" || fail "the bench does not run: $(cat "$lab/last_error")"
}

# end_bench - interrupt it by a signal
end_bench() {
	cleanup=
	kill "$bench"
	wait "$bench"
	eventually is_idle "$benched" || fail "the bench does not end"
}

# ---- Looking up: each of these sets "value" ------------------------------------------------------

# content FILE - its first line
content() {
	value=
	read -r value <"$1"
}

# info LINE KEY - from a line's info
info() {
	while read -r key value; do
		[ "$key" != "$2" ] || return 0
	done <"$lab/lines/$1/info"
	value=
}

# account MECHANISM - set raised, recorded, coalesced, refused, lost, pending, unmatched
# shellcheck disable=SC2034  # for who calls it
account() {
	raised='' recorded='' coalesced='' refused='' lost='' pending='' unmatched=''
	table=''
	while read -r key number; do
		case $key,$table in
		'#'*) table=$key ;;
		raised,#events) raised=$number ;;
		recorded,#events) recorded=$number ;;
		coalesced,#events) coalesced=$number ;;
		refused,#events) refused=$number ;;
		lost,#events) lost=$number ;;
		pending,#events) pending=$number ;;
		unmatched,#events) unmatched=$number ;;
		esac
	done <"$lab/deferral/$1/context"
}

# is_more LINE NUMBER - whether the line's top half has served more interrupts than that
is_more() {
	info "$1" handled
	[ "$value" -gt "$2" ]
}

# uptime - in hundredths of a second
uptime() {
	read -r value _ </proc/uptime
	value=${value%.*}${value#*.}
}

# level CPU N - set value to state, raised, merged, runs, blocks and finished of a level of the lab's
# interrupt threads, and resumes to how often its threads were woken
level() {
	value='' resumes=''
	while read -r cpu _ number _ state raised merged runs blocks woken finished _; do
		if [ "$cpu $number" = "$1 $2" ]; then
			value="$state $raised $merged $runs $blocks $finished"
			# shellcheck disable=SC2034
			resumes=$woken
		fi
	done <"$lab/interrupt_threads/pools"
}

# counted IRQ [CPU] - how often /proc/interrupts has an interrupt, on all CPUs or on one
counted() {
	awk -v irq="$1:" -v cpu="${2:-}" '
		FNR == 1 { cpus = NF }
		$1 == irq {
			for (i = 0; i < cpus; i++)
				if (cpu == "" || cpu == i)
					sum += $(i + 2)
		}
		END { print sum + 0 }' /proc/interrupts >"$work/value"
	content "$work/value"
}

# ---- Subjects ------------------------------------------------------------------------------------

# lines - all of them, or one of each kind
lines() {
	for line in "$lab"/lines/*; do
		if ! is_short || [ "${line%0}" != "$line" ]; then
			echo "${line##*/}"
		fi
	done
}

mechanisms() {
	for mechanism in "$lab"/deferral/*; do
		echo "${mechanism##*/}"
	done
}

# claim_groups - the groups of claims, one a line
claim_groups() {
	awk '!/^#/ { sub("-.*", "", $1); if (!seen[$1]++) print $1 }' "$lab/claims"
}

# failed_claims GROUP|ID|'' - those whose verdict that is; what they saw may have the word in it, too
failed_claims() {
	grep -E "^${1:-[A-Z]+}[-0-9]* +fails " "$lab/claims"
}

# shown_claims GROUP|ID|'' - how many have shown something, and were not skipped
shown_claims() {
	grep -cE "^${1:-[A-Z]+}[-0-9]* +(holds|outdated) " "$lab/claims"
}

# none_fails WHICH WHEN - put claims to the test where none may fail. Adds to shown how many were not skipped.
none_fails() {
	must claims "$1"
	# Who runs the tests waits for a word, which takes long where the host is busy, too.
	echo "# $2: $1" >&3
	if failed=$(failed_claims "$1"); then
		fail "in $2: $failed"
	fi
	shown=$((shown + $(shown_claims "$1")))
}

# some_were_shown WHAT - skip if all were skipped, each time
some_were_shown() {
	echo "# $1: $shown results that were not skipped" >&3
	[ "$shown" != 0 ] || skip "all were skipped, each time"
}

# each CHECK [ARGUMENT...] - a line of the table for each subject on standard input
each() {
	check=$1
	shift
	while read -r subject; do
		echo "$check $subject $*"
	done
}

# ---- The kernel's tracer -------------------------------------------------------------------------

tracing=/sys/kernel/tracing
instance=$tracing/instances/irqlab_selftest

# has_tracefs - it is mounted, if this kernel has it
has_tracefs() {
	[ -d $tracing/events ] || mount -t tracefs tracefs $tracing
}

# begin_ebpf IRQ EVENT - until end_ebpf, programs in eBPF make a histogram of the way from the handler to EVENT, in
# $work/ebpf. Skips if this kernel does not let anybody have such programs.
begin_ebpf() {
	./bpf_latency "$1" "$2" >"$work/ebpf" 2>"$work/refused" &
	ebpf=$!
	cleanup="kill $ebpf"
	! eventually grep -q ^attached "$work/ebpf" || return 0
	cleanup=
	kill "$ebpf" 2>/dev/null
	wait "$ebpf"
	[ $? != "$KSFT_SKIP" ] || skip "$(cat "$work/refused")"
	fail "$(cat "$work/refused")"
}

end_ebpf() {
	cleanup=
	kill "$ebpf"
	wait "$ebpf" || fail "$(cat "$work/refused")"
}

# trace EVENT... - begin a trace of these, in a buffer of its own, which the cleanup takes away
trace() {
	has_tracefs || skip "this kernel has no tracefs"
	[ -d $tracing/events/irqlab ] || fail "the tracer does not know the events"
	mkdir $instance || fail "no buffer"
	cleanup="echo 0 >$instance/events/enable; rmdir $instance"
	for event; do
		[ -d $instance/events/"$event" ] || skip "this kernel has no trace event $event"
		echo 1 >$instance/events/"$event"/enable || fail "$event cannot be traced"
	done
}

# ---- The machine ---------------------------------------------------------------------------------

is_rt() {
	uname -v | grep -q PREEMPT_RT
}

# clock_goes_on - whether the kernel trusts the TSC. Where it does not, local_clock() may stand still until the next
# tick, and then jump: what is timed while interrupts are off, work among it, may be shorter than it was to be.
clock_goes_on() {
	must bench "line=sim0 mechanisms=hard count=1"
	grep -q '; stamps are read from the TSC$' "$lab/bench"
}

cpus() {
	sed -n 's/^processor[^:]*: //p' /proc/cpuinfo
}

# unbind LINE, bind - take the device of a line from its driver, and give it back
unbind() {
	find_device "$1"
	echo "$device" >"$driver/unbind" || fail "cannot be unbound"
	: >"$work/unbound"
	[ ! -e "$lab/lines/$1" ] || fail "its files are still there"
}

bind() {
	echo "$device" >"$driver/bind" || fail "cannot be bound"
	rm -f "$work/unbound"
}

# find_device LINE - set device and driver. A line's devices are numbered as they are bound: in the order
# of the bus, at first.
find_device() {
	case $1 in
	sim*) driver=$platform device=irqlab-sim.${1#sim} ;;
	irqsim*) driver=$platform device=irqlab-sim.$((${1#irqsim} + 2)) ;;
	*)
		driver=$pci nth=${1#edu}
		set -- "$pci"/0000:*
		shift "$nth"
		device=${1##*/}
		;;
	esac
}

# insert MODULE [PARAMETER=VALUE...] - and what it needs
insert() {
	modprobe "$@"
}

# remove - unload the lab, even if somebody keeps opening its files
remove() {
	eventually rmmod irqlab 2>"$work/rmmod" || fail "rmmod: $(cat "$work/rmmod")"
}

is_inserted() {
	[ -d "/sys/module/$1" ]
}
