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

# compared TEXT JSON - as many rows and the same columns; else says what differs
compared() {
	awk '
		FILENAME == ARGV[1] {
			if (/^#[^ ]/) {
				is_table = 1
				gsub(/[#"]/, "")
				for (i = 1; i <= NF; i++)
					column[$i]
			} else if (is_table && NF && !/^#/)
				rows++
			next
		}
		/^        \{$/ { found++ }
		{
			for (name in column)
				if (index($0, "\"" name "\""))
					delete column[name]
		}
		END {
			for (name in column)
				missing = missing " " name
			if (missing || found != rows)
				print rows + 0 " rows, as JSON " found + 0 (missing ? "; no column" missing : "")
		}' "$1" "$2"
}

# Every file that has a table; of mechanisms and lines, which are many, one.
shows_every_table_as_json() {
	must bench "line=sim0 count=5 mechanisms=tasklet budget_ms=1000 victims=1"
	tables=0 tried=
	for knob in $(cd "$lab" && find . -type f -perm -400 ! -path './claims_info/*' -exec grep -l '^#[^ ]' {} + 2>/dev/null); do
		knob=${knob#./}
		case $knob in
		deferral/tasklet/* | lines/sim0/*) ;;
		deferral/* | lines/*) continue ;;
		esac
		tables=$((tables + 1))
		cat "$lab/$knob" >"$work/text" || fail "$knob cannot be read"
		"$tool" --json show "$knob" >"$work/json" || fail "irqlab --json show $knob: exit code $?"
		differs=$(compared "$work/text" "$work/json")
		[ ! "$differs" ] || fail "$knob: $differs"
		tried="$tried $knob "
	done
	for knob in bench claims worst victims/latencies victims/ran victims/complaints softirqs softirq_times nesting tape \
		memory progress idt ipi/matrix ipi/cdf ipi/who lines/sim0/info deferral/tasklet/latency; do
		case $tried in
		*" $knob "*) ;;
		*) fail "$knob was not among the $tables tables:$tried" ;;
		esac
	done
	says '^"' --json show lines/sim0/affinity
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
	says "^asked for: line=sim1 count=20 mechanisms=tasklet$" show bench
	must bench "  line=sim1	count=3  mechanisms=tasklet "
	says "^asked for: line=sim1 count=3 mechanisms=tasklet$" show bench
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
	for part in '"line":"sim0"' '"line":"sim1"' '"asked":"line=sim1 count=20 mechanisms=hard"' '"victim":"fifo"' '"softirq_times"' \
		'"bytes":' '"kernel":"'"$(uname -r)" '"TASK-01"' '"woken"'; do
		grep -q "$part" "$work/all.json" || fail "no $part in the document"
	done
	says "^irqlab_claims{" export --prometheus "$work/all.json"
	says '^irqlab_victim_latency_seconds{line="sim0",mechanism="tasklet",victim="timer",where="here",' \
		export --prometheus "$work/all.json"
	says '^sim0,tasklet,0,20,0,' export --csv "$work/all.json"
	says '^sim0,tasklet,0,1000,fifo,here,' export --csv=victims/latencies "$work/all.json"
	says '^sim0,.*,woken,tasklet,.*,"tasklet: event' export --csv=worst "$work/all.json"
	says '"ph":"f"' export --perfetto "$work/all.json"
	says "0 of .* latencies differ" compare "$work/all.json" "$work/all.json"
	"$tool" report "$work/all.json" || fail "report: exit code $?"
	grep -q "</html>" "$work/all.html" || fail "the page is not whole"
	for part in "What others wait for" "The worst event" "Soft IRQs" "Who made CPUs call" "The lab itself"; do
		grep -q "$part" "$work/all.html" || fail "the page has nothing of: $part"
	done
	content "$lab/tape_on"
	same "whether the tape is on" "$value" 0
}

# victims=1 adds what they suffered; only the bench that had them has it.
shows_victims() {
	says "^tasklet .* fifo  *here " run bench line=sim1 count=5 mechanisms=tasklet bottom_us=100 victims=1 budget_ms=1000
	says '"victims/latencies"' --json run bench line=sim1 count=5 mechanisms=tasklet victims=1 budget_ms=1000
	says "^tasklet  *sim1 " run bench line=sim1 count=5 mechanisms=tasklet
	! grep -q fifo "$work/printed" || fail "victims of another bench: $(cat "$work/printed")"
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
	echo "shows_every_table_as_json irqlab"
	echo "says_why_it_was_refused irqlab"
	echo "runs_a_claim irqlab"
	echo "runs_a_bench irqlab"
	echo "leaves_an_idle_lab_when_interrupted irqlab"
	echo "collects_one_document irqlab"
	echo "shows_victims irqlab"
	echo "watches_and_leaves_no_trace irqlab"
	echo "shows_the_tape irqlab"
} | run_table
