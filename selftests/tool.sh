#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The command-line tool irqlab on the lab: it shows what the files have, runs experiments, and ends them.

. "$(dirname "$0")/lib.sh"

tool=./irqlab

# says TEXT ARGUMENT... - the tool has to succeed, and to print a line that matches
says() {
	sought=$1
	shift
	"$tool" "$@" >"$work/printed" 2>"$work/complaint" || fail "irqlab $*: exit code $?: $(cat "$work/complaint")"
	grep -q "$sought" "$work/printed" || fail "irqlab $*: no '$sought' in: $(cat "$work/printed")"
}

# complains CODE TEXT ARGUMENT... - it has to end with that exit code, and to say so
complains() {
	due=$1 sought=$2
	shift 2
	"$tool" "$@" >"$work/printed" 2>"$work/complaint"
	same "irqlab $*: the exit code" $? "$due"
	grep -q "$sought" "$work/complaint" || fail "irqlab $*: no '$sought' in: $(cat "$work/complaint")"
}

lists_what_there_is() {
	for line in "$lab"/lines/*; do
		says "^${line##*/} " list lines
	done
	for mechanism in "$lab"/deferral/*; do
		grep -q "^${mechanism##*/} " "$work/printed" || says "^${mechanism##*/} " list mechanisms
	done
	says "^TASK " list claims
	says '"mechanism": "tasklet"' --json list mechanisms
}

says_why_it_was_refused() {
	complains 4 "EINVAL: .nonsense. is not of the form" tell bench nonsense
	complains 4 "ENODEV" tell bench line=nonsense
	complains 4 "no nonsense" show nonsense
	complains 4 "no claim or group NO-99" claim no-99
	complains 3 "no lab in /nonsense" --debugfs /nonsense list
	complains 5 "cannot be read" report /nonsense
	complains 2 "unexpected argument" list --nonsense
}

runs_a_claim() {
	says "^verdict *holds" claim --run task-01
	says "^evidence *scheduled" claim TASK-01
	# A control that fails is as it has to be.
	says "^verdict *fails" claim --control TASK-01
	must claims TASK-01
}

runs_a_bench() {
	says "^tasklet  *sim1 " run bench line=sim1 count=20 mechanisms=tasklet,hard
	says '"count": 20' --json run bench line=sim1 count=20 mechanisms=tasklet
}

# Between that and the end of the tool nothing is done but what ends the experiment.
leaves_an_idle_lab_when_interrupted() {
	for signal in INT TERM; do
		"$tool" run bench line=sim1 count=1000000 mechanisms=hard >"$work/printed" 2>"$work/complaint" &
		pid=$!
		cleanup="kill $pid"
		eventually is_busy sim1 || fail "the bench does not run: $(cat "$work/complaint")"
		# A shell has what it starts beside itself ignore SIGINT; the tool takes it all the same.
		kill -s $signal $pid
		wait $pid
		same "the exit code after SIG$signal" $? 130
		! is_busy sim1 || fail "the lab is not idle after SIG$signal"
		grep -q "^irqlab: Interrupted" "$work/complaint" || fail "it says: $(cat "$work/complaint")"
	done
	cleanup=
	must deferral/tasklet/schedule 1
}

collects_one_document() {
	must bench "line=sim0 count=20 mechanisms=tasklet,threaded"
	"$tool" collect --bench-only -o "$work/bench.json" || fail "collect --bench-only: exit code $?"
	must bench "line=sim1 count=20 mechanisms=hard"
	"$tool" collect --measure --with "$work/bench.json" -o "$work/all.json" 2>"$work/complaint" ||
		fail "collect: exit code $?: $(cat "$work/complaint")"
	for part in '"line":"sim0"' '"line":"sim1"' '"kernel":"'"$(uname -r)" '"TASK-01"' '"woken"'; do
		grep -q "$part" "$work/all.json" || fail "no $part in the document"
	done
	says "^irqlab_claims{" export --prometheus "$work/all.json"
	says '^sim0,tasklet,0,20,0,' export --csv bench "$work/all.json"
	says '"ph":"f"' export --perfetto "$work/all.json"
	says "0 of .* latencies differ" compare "$work/all.json" "$work/all.json"
	"$tool" report "$work/all.json" || fail "report: exit code $?"
	grep -q "</html>" "$work/all.html" || fail "the page is not whole"
	content "$lab/tape_on"
	same "whether the tape is on" "$value" 0
}

watches_and_leaves_no_trace() {
	must softirqs off
	must nesting off
	says '"softirqs":\[' --json watch --count 2 --interval 0.1
	for knob in softirqs nesting; do
		read -r value <"$lab/$knob"
		case $value in
		'# off'*) ;;
		*) fail "$knob is on: $value" ;;
		esac
	done
}

shows_the_tape() {
	says "woken  *tasklet" tape --record tasklet --events 2
	says "top_half" tape --subject tasklet --event top_half
	! grep -q "bottom_half" "$work/printed" || fail "the filter lets through: $(cat "$work/printed")"
	says "handler_entry .* sim0 " tape --event handler_entry
	says "raise " tape --start-at raise
	same "the first event" "$(sed -n 's/^ *[0-9][0-9]*  *[0-9][0-9]*  *\([a-z_]*\) .*/\1/p' "$work/printed" | head -n 1)" raise
	complains 4 "no event nonsense" tape --start-at nonsense
	complains 4 "None of 2 tries" tape --record tasklet --stop-at 100000000 --tries 2
	says "raise  *tasklet" tape --record tasklet --stop-at 1
}

{
	echo "lists_what_there_is irqlab"
	echo "says_why_it_was_refused irqlab"
	echo "runs_a_claim irqlab"
	echo "runs_a_bench irqlab"
	echo "leaves_an_idle_lab_when_interrupted irqlab"
	echo "collects_one_document irqlab"
	echo "watches_and_leaves_no_trace irqlab"
	echo "shows_the_tape irqlab"
} | run_table
