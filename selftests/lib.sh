# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What all tests share. A test is a table of checks: a line of it names a function, its subject, and
# more arguments. Each line gives one line of KTAP, "<subject>: <function> <arguments>", and runs in a
# shell of its own, so that a check may leave at any point, and clean up by trap.

export LC_ALL=C
lab=/sys/kernel/debug/irqlab
work=$(mktemp -d) || exit 1
# How many are many, for the tests.
# shellcheck disable=SC2034
many=${MANY:-10000}
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

# run_table - run the checks on standard input, and exit
run_table() {
	cat >"$work/table"
	ktap_print_header
	if ! [ -e "$lab/claims" ]; then
		ktap_skip_all "$lab is not there: insert irqlab.ko, mount debugfs, be root"
		exit "$KSFT_SKIP"
	fi
	ktap_set_plan "$(wc -l <"$work/table")"
	while read -r check subject arguments <&3; do
		IFS=_
		# shellcheck disable=SC2086  # words
		set -- $check
		IFS=' 	
'
		name="$subject: $*${arguments:+ $arguments}"
		(
			set -f
			# shellcheck disable=SC2086  # words
			set -- "$subject" $arguments
			set +f
			"$check" "$@"
		) >"$work/said" 2>&1 3<&-
		case $? in
		0) ktap_test_pass "$name" ;;
		4)
			ktap_print_msg "$(tail -n 1 "$work/said")"
			ktap_test_skip "$name"
			;;
		*)
			sed 's/^/# /' "$work/said"
			ktap_test_fail "$name"
			;;
		esac
	done 3<"$work/table"
	ktap_finished
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

# eventually COMMAND... - try a command until it succeeds, for at most 2 seconds
eventually() {
	tries=40
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# becomes WHAT WANTED COMMAND... - what a command prints must be what is wanted within 2 seconds
becomes() {
	what=$1 wanted=$2
	shift 2
	eventually prints "$wanted" "$@" || same "$what" "$("$@")" "$wanted"
}

prints() {
	text=$1
	shift
	[ "$("$@")" = "$text" ]
}

# ---- The lab -------------------------------------------------------------------------------------

# tell FILE COMMAND - write a command, in one piece, and set answer to "ok" or the name of the error.
# In the command, %ooo is a byte in octal.
tell() {
	answer=ok escaped='' rest=$2
	while [ "${rest#*%}" != "$rest" ]; do
		escaped=$escaped${rest%%%*}\\0
		rest=${rest#*%}
	done
	# What the shell itself writes takes no process; but it may write in several pieces what is long.
	if [ ! "$escaped" ] && [ ${#2} -lt 1000 ]; then
		echo "$2" 2>"$work/answer" >"$lab/$1"
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
	"${1##*/}: $2: "?*) ;;
	*) fail "last_error: $said" ;;
	esac
}

# must FILE COMMAND - write a command that may not be refused
must() {
	! echo "$2" 2>"$work/answer" >"$lab/$1" || return 0
	name_error "$work/answer"
	fail "$1: '$2' was refused with $answer; last_error: $(cat "$lab/last_error")"
}

# is_busy LINE - whether an experiment has it
is_busy() {
	! cat "$lab/lines/$1/handlers" >/dev/null 2>&1
}

is_idle() {
	! is_busy "$1"
}

# begin_bench line=LINE [KEY=VALUE...] - run a bench that does not end by itself, until end_bench
begin_bench() {
	benched=${1#line=}
	(echo "count=1000000 mechanisms=hard $*" >"$lab/bench") &
	bench=$!
	trap end_bench EXIT
	eventually is_busy "$benched" || fail "the bench does not run: $(cat "$lab/last_error")"
}

# end_bench - interrupt it by a signal
end_bench() {
	trap - EXIT
	kill "$bench"
	wait "$bench"
	eventually is_idle "$benched" || fail "the bench does not end"
}

# info LINE KEY - a value from a line's info
info() {
	awk -v key="$2" '$1 == key { print $2 }' "$lab/lines/$1/info"
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
		END { print sum + 0 }' /proc/interrupts
}

lines() {
	for line in "$lab"/lines/*; do
		echo "${line##*/}"
	done
}

mechanisms() {
	for mechanism in "$lab"/deferral/*; do
		echo "${mechanism##*/}"
	done
}

# each CHECK [ARGUMENT...] - a line of the table for each subject on standard input
each() {
	check=$1
	shift
	while read -r subject; do
		echo "$check $subject $*"
	done
}

# insert MODULE [PARAMETER=VALUE...] - from where the guest runner puts modules, or installed
insert() {
	file=${IRQLAB_MODULES:-/lib/irqlab}/$1.ko
	if [ -e "$file" ]; then
		shift
		insmod "$file" "$@"
	else
		modprobe "$@"
	fi
}

is_inserted() {
	[ -d "/sys/module/$1" ]
}
