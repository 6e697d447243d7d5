#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Claims: every experiment gives a verdict with evidence, and its control, in which the one thing
# differs that the claim is about, fails. The evidence of both has to say what claims.evidence has.

. "$(dirname "$0")/lib.sh"

ids() {
	awk '!/^#/ { print $1 }' "$lab/claims"
}

# Where all is there that a claim can want, as it is for who has it insert the payload (tools/guest) with the
# devices, only these may be skipped: those that endanger or need a parameter, and what depends on the time
# that the host gives, on the number of CPUs, or on how the kernel was built.
# What may pass begins with fixed words (see Obstacle in rust/lab/refusal.rs).
busy='the machine is too busy: ' missed='missed: ' coarse='the clock is too coarse: '
excused=
if [ -d /irqlab ] && [ -e "$lab/lines/edu1" ]; then
	excused='^(EXC-09|EXC-13|IRQ-06|IRQ-10|IPI-11|IPI-13) |its clock stood still|it takes [0-9]+ CPUs'
	# awk takes backslashes off.
	excused="$excused|\" ([[][^]]*[]] )?($busy|$missed|$coarse)|nobody had the lock before"
	excused="$excused|this kernel (checks every access|forces threading|has no network)"
fi

# try WHICH [control] - put claims to the test. They must show what that variant has to show; the
# verdicts of the others must stay what they were after the last time.
try() {
	must claims "$1${2:+ $2}"
	awk -v which="$1" -v variant="${2:-experiment}" -v table="$work/before" -v excused="$excused" '
		function wrong(what) { print what ": " $0; bad = 1 }
		FNR < NR { line[FNR] = $0 }
		/^#/ { next }
		FNR == NR { before[$1] = $0; next }
		which != "all" && $1 != which && index($1, which "-") != 1 {
			if ($0 != before[$1])
				wrong("not asked for, but it has changed")
			next
		}
		{
			tried++
			# id verdict "statement" evidence
			if (split($0, part, "\"") < 3 || !part[2])
				wrong("no statement")
			evidence = substr($0, length(part[1] part[2]) + 4)
			if ((variant == "control") != (evidence ~ /^\[control: [^]]+\]/))
				wrong("not of the " variant)
			sub("^\\[[^]]*\\] *", "", evidence)
			if (!evidence)
				wrong("no evidence")
			if ($2 == "skip") {
				reason = evidence
				skipped++
				if (excused && $0 !~ excused)
					wrong("skipped without need")
			} else if (variant == "control" ? $2 != "fails" : $2 !~ /^(holds|outdated)$/) {
				wrong("not what the " variant " has to show")
			}
		}
		END {
			for (i = 1; i in line; i++)
				print line[i] >table
			if (!bad && tried == skipped)
				print tried == 1 ? reason : "all " tried " were skipped"
			exit bad || !tried ? 1 : tried == skipped ? 4 : 0
		}' "$work/before" "$lab/claims"
}

# left_behind - set value to what a claim might leave with the shell, which writes the command itself, or
# keep of the module: CPUs that the shell may run on, the lab's mappings, uses
left_behind() {
	nr_mappings=0 nr_uses=
	while read -r key cpus; do
		[ "$key" != Cpus_allowed: ] || break
	done </proc/self/status
	while read -r mapping; do
		case $mapping in
		*irqlab*) nr_mappings=$((nr_mappings + 1)) ;;
		esac
	done </proc/self/maps
	read -r nr_uses </sys/module/irqlab/refcnt
	value="$cpus, $nr_mappings, $nr_uses"
}

# tidily COMMAND... - it has to leave everything as it was
tidily() {
	left_behind
	before=$value
	"$@"
	code=$?
	becomes "what it leaves: CPUs, mappings, uses" "$before" left_behind
	return "$code"
}

gives_a_verdict() {
	tidily says_as_ever "$1" experiment
}

can_fail() {
	tidily says_as_ever "$1" control
}

# says_as_ever ID VARIANT - put a claim to the test. Its evidence has to have all that the table has. A busy
# machine may keep an experiment from seeing something; what it can never see is missed each time. So it is with what
# has to come together, while it does for other claims.
says_as_ever() {
	for attempt in 1 2 3 4 5; do
		try "$1" "${2#experiment}"
		code=$?
		[ "$compares" ] || return $code
		[ $code != "$KSFT_SKIP" ] || ! skipped_for "$1" "$busy|$missed|$coarse" || continue
		[ $code = 0 ] || return $code
		grep "^$1 " "$lab/claims" | misses "$1" "$2" >"$work/missed" || return 0
		[ "$attempt" = 5 ] || echo "# $1 $2, try $attempt: $(cat "$work/missed")" >&3
	done
	if [ "$code" = "$KSFT_SKIP" ]; then
		! skipped_for "$1" "$missed" || ! others_meet "$1" || fail "in each of 5 tries, while other claims were shown"
		return "$code"
	fi
	cat "$work/missed"
	fail "in each of 5 tries; if that is as it should be: tools/evidence"
}

# skipped_for ID WORDS - whether it was skipped for what has these words, or these
skipped_for() {
	grep -qE "^$1 *skip *\"[^\"]*\" (\[[^]]*\] )?($2)" "$lab/claims"
}

# others_meet ID - whether the CPUs come together for two other claims at least
others_meet() {
	nr_shown=0
	for other in IPI-03 SIRQ-02 SOL-06 TASK-07; do
		[ "$other" != "$1" ] || continue
		must claims "$other"
		nr_shown=$((nr_shown + $(shown_claims "$other")))
	done
	cat "$lab/claims" >"$work/before"
	[ $nr_shown -ge 2 ]
}

knows_what_to_say() {
	[ "$compares" ] || skip "not the guest that it is known of: what evidence says was not compared"
}

# misses ID VARIANT - print the first clause of the table that the claim's line does not have; fail if it has all
misses() {
	awk -v id="$1" -v variant="$2" '
		BEGIN { FS = "\t" }
		# Whether a clause is as the table has it, where "#" stands for any figures.
		function fits(wanted, clause, nr, i, words, others) {
			nr = split(wanted, words, " ")
			if (split(clause, others, " ") != nr)
				return 0
			for (i = 1; i <= nr; i++) {
				if (words[i] == others[i])
					continue
				gsub(/0x[0-9a-f]+|[0-9]+/, "#", others[i])
				if (words[i] != others[i])
					return 0
			}
			return 1
		}
		FNR == NR {
			if ($1 == id && $2 == variant)
				nr_wanted = split($3, wanted, "; ")
			next
		}
		{
			split($0, part, "\"")
			evidence = substr($0, length(part[1] part[2]) + 4)
			sub("^\\[[^]]*\\] *", "", evidence)
			nr = split(evidence, clauses, "; ")
			at = 1
			for (i = 1; i <= nr_wanted; i++) {
				while (at <= nr && !fits(wanted[i], clauses[at]))
					at++
				if (at++ > nr) {
					print "not said: \"" wanted[i] "\": " $0
					missed = 1
					exit
				}
			}
		}
		END { exit !missed }' claims.evidence -
}

# After the controls, so that all change.
runs_as_a_group() {
	tidily try "$1"
}

run_together() {
	must claims "$2 control"
	tidily try "$1"
}

has_gone() {
	! pidof "$1" >"$work/value"
}

# The last, as it ends what the claims watch for: another program does the same in vain.
heeds_no_other_program() {
	kill "$user_part" 2>"$work/value"
	eventually has_gone user_part || fail "user_part does not end"
	cp user_part "$work/other_part"
	excused=
	"$work/other_part" "$1" &
	cleanup="kill $!"
	try "$1"
	same "the result" "$?" "$KSFT_SKIP"
}

# says_how_to_play ID - what a claim that has seen no program says to run must work, typed where the lab's files are
says_how_to_play() {
	[ -d /irqlab ] || skip "it names where the program is in a guest"
	! pidof user_part >"$work/value" || kill "$user_part"
	eventually has_gone user_part || fail "user_part does not end"
	must claims "$1"
	said=$(grep "^$1 " "$lab/claims")
	command=${said#*": run '"}
	command=${command%%" &'"*}
	cd "$lab" || exit 1
	# shellcheck disable=SC2086  # words
	$command &
	cleanup="kill $!"
	cd "$OLDPWD" || exit 1
	must claims "$1"
	grep -qE "^$1 +(holds|outdated) " "$lab/claims" || fail "first: $said; then: $(grep "^$1 " "$lab/claims")"
	cat "$lab/claims" >"$work/before"
}

# skips_for ID HOW - a claim that touches user memory blames nobody for what a program does to its own
skips_for() {
	./write_as "$2" "$lab/claims" "$1" || fail "exit code $?: $(cat "$lab/last_error")"
	grep -qE "^$1 *skip .*(locks its memory|several threads)" "$lab/claims" || fail "$(grep "^$1 " "$lab/claims")"
	cat "$lab/claims" >"$work/before"
}

# skips_without ID MECHANISM - a claim blames nobody for a mechanism that somebody else has disabled
skips_without() {
	must "deferral/$2/enabled" 0
	cleanup="must deferral/$2/enabled 1"
	must claims "$1"
	grep -q "^$1 *skip .*$2 was disabled" "$lab/claims" || fail "$(grep "^$1 " "$lab/claims")"
	cat "$lab/claims" >"$work/before"
}

# What claims_info tells the reader to try must work as it stands, typed where the lab's files are. What is
# to be typed elsewhere is a comment.
next_command_works() {
	next=$(sed -n 's/^Try next *//p' "$lab/claims_info/$1")
	case $next in
	'') fail "nothing to try next" ;;
	'#'*) skip "to be typed elsewhere" ;;
	esac
	(cd "$lab" && timeout 30 sh -ec "$next") || fail "'$next' gave $?; last_error: $(cat "$lab/last_error")"
}

# What some claims watch for.
./user_part all &
user_part=$!
trap 'kill $user_part 2>/dev/null; rm -rf "$work"' EXIT

# The table is of the guest that the tests run in: another machine may show it otherwise.
compares='' nr_cpus=0
while read -r key _; do
	[ "$key" != processor ] || nr_cpus=$((nr_cpus + 1))
done </proc/cpuinfo
case $(uname -v) in
*PREEMPT_RT*) ;;
*) [ ! -e "$lab/lines/edu0" ] || [ $nr_cpus -lt 3 ] || compares=1 ;;
esac

ids >"$work/ids"
cat "$lab/claims" >"$work/before"
{
	if is_short; then
		# That is about what the kernel says to them: to look at each by itself takes longer.
		echo can_fail all
	else
		echo knows_what_to_say claims
		each gives_a_verdict <"$work/ids"
		each can_fail <"$work/ids"
		claim_groups | each runs_as_a_group
		each next_command_works <"$work/ids"
	fi
	echo run_together all "$(head -n 1 "$work/ids")"
	for id in EXC-01 EXC-15 EXC-23 EXC-24 EXC-25 EXC-26 FIX-03 FIX-06 FIX-07; do
		echo "skips_for $id locked"
		echo "skips_for $id threaded"
	done
	echo skips_without IRQ-04 old_bh
	is_short || printf 'heeds_no_other_program %s\n' EXC-03 EXC-12 EXC-28
	is_short || printf 'says_how_to_play %s\n' EXC-03 EXC-12 EXC-19 EXC-22 EXC-27 EXC-28 EXC-29
} 2>/dev/null | run_table
