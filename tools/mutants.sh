# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What tools/mutants appends to the guest's copy of selftests/lib.sh, where `run_table` and `tell_result` have
# become run_table_as_ever and tell_result_as_ever. With MUTANTS=reach, each check tells which mutants it came
# by. With MUTANTS=FILE, the checks are those of the file's lines, "NUMBER<tab>TITLE", each tried with that
# mutant; MUTANTS_INSERTED are the numbers of those that insertion comes by. What the runner is to read begins with "@".

# shellcheck disable=SC2154  # what lib.sh has
mutant_switch=/sys/module/irqlab_mutants/parameters

tell_runner() {
	echo "@ $*" >&3
}

# With MUTANTS=reach.
tell_result() {
	tell_result_as_ever "$1"
	uptime
	tell_runner "reach $1 $((value - ${mutant_since:-$value}))	$title	$(cat $mutant_switch/reached)"
	echo 0 >$mutant_switch/reached
	uptime
	mutant_since=$value
}

run_table() {
	if [ "$MUTANTS" = reach ]; then
		echo 0 >$mutant_switch/reached
		run_table_as_ever
		return
	fi
	exec 3>&1
	table=$(cat)
	begin_split "$newline"
	# shellcheck disable=SC2086  # lines
	set -- $table
	end_split
	for row; do
		read_row "$row"
		printf '%s\t%s\n' "${title%" "}" "$row"
	done >"$work"/mutant.rows
	awk -F '\t' 'FNR == NR { row[$1] = $2; next } $2 in row { print $1 "\t" row[$2] }' \
		"$work"/mutant.rows "$MUTANTS" >"$work"/mutant.todo
	read -r mutant_taint </proc/sys/kernel/tainted
	echo 1 >"$work"/mutant.next
	until (try_mutants); do :; done
	[ ! -e "$work"/mutant.over ] || exit 9
}

# try_mutants - all that are still to be tried, or until a check leaves the shell
try_mutants() {
	trap 'judge_mutant $?' EXIT
	while [ ! -e "$work"/mutant.over ]; do
		read -r mutant_next <"$work"/mutant.next
		sed -n "${mutant_next}p" "$work"/mutant.todo >"$work"/mutant.row
		IFS='	' read -r mutant_number row <"$work"/mutant.row || break
		read_row "$row"
		if [ -e "/tmp/noticed.$mutant_number" ]; then
			echo $((mutant_next + 1)) >"$work"/mutant.next
			continue
		fi
		if [ ! -e "$work"/mutant.evidence ]; then
			tell_runner "at	$mutant_number	$title"
			switch_to "$mutant_number"
		else
			switch_to 0
		fi
		begin_split ' '
		# shellcheck disable=SC2086  # words
		set -- $arguments
		end_split
		# shellcheck disable=SC2034
		cleanup=
		"$check" "$@" >"$work/said" 2>&1
		judge_mutant $?
	done
	trap - EXIT
}

# switch_to NUMBER - have that mutant in force, or none; if it is one that insertion comes by, from then on
switch_to() {
	case " $MUTANTS_INSERTED " in
	*" $mutant_number "*)
		eventually rmmod irqlab
		echo "$1" >$mutant_switch/number
		insert irqlab
		;;
	*) echo "$1" >$mutant_switch/number ;;
	esac >"$work/said" 2>&1
}

# judge_mutant CODE - what came of the row. When it has failed, it has to pass without the mutant.
judge_mutant() {
	read -r now </proc/sys/kernel/tainted
	mutant_evidence=
	[ ! -e "$work"/mutant.evidence ] || read -r mutant_evidence <"$work"/mutant.evidence
	if [ "$now" != "$mutant_taint" ]; then
		mutant_result=reported
	elif [ -e "$work"/mutant.evidence ]; then
		mutant_result=noticed
		[ "$1" = 0 ] || [ "$1" = 4 ] || mutant_result=unclear
	elif [ "$1" = 0 ]; then
		mutant_result=passed
	elif [ "$1" = 4 ]; then
		mutant_result=skipped
	else
		mutant_result=
		mutant_evidence=$(head -n 3 "$work/said" | tr '\n\t' '  ')
		echo "$mutant_evidence" >"$work"/mutant.evidence
	fi
	if [ "$mutant_result" ]; then
		rm -f "$work"/mutant.evidence
		tell_runner "$mutant_result	$mutant_number	$title	$mutant_evidence"
		echo $((mutant_next + 1)) >"$work"/mutant.next
	fi
	switch_to 0
	case $mutant_result in
	noticed) : >"/tmp/noticed.$mutant_number" ;;
	unclear | reported) : >"$work"/mutant.over ;;
	esac
	# The last, as it may leave the shell.
	clean_up
}
