#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Exceptions: every case of fixup/access, in every context, gives the result that is defined for it;
# what the other files show of it is consistent. What user mode gets is user_exceptions's business.

. "$(dirname "$0")/lib.sh"

contexts='task softirq hardirq nmi'

# Case, and what its attempt has to end with: vector, error code (- for both: none is reported), the
# error that the fixup leaves, the value. A second line is for where a page fault is not served.
cases() {
	cat <<-END
		user_valid - - 0 0x123456789abcdef
		user_valid_write - - 0 0x123456789abcdef
		user_unmapped #PF 0x0 -14 0x0
		user_unmapped_write #PF 0x2 -14 0x123456789abcdef
		user_readonly_write #PF 0x3 -14 0x123456789abcdef
		user_none #PF 0x0 -14 0x0
		user_absent #PF 0x0 0 0x0
		user_absent_write #PF 0x2 0 0x123456789abcdef
		null #PF 0x0 -14 0x0
		null_write #PF 0x2 -14 0x123456789abcdef
		kernel_valid - - 0 0x123456789abcdef
		kernel_valid_write - - 0 0x123456789abcdef
		guard #PF 0x0 -14 0x0
		guard_write #PF 0x2 -14 0x123456789abcdef
		text_write #PF 0x3 -14 .*
		non_canonical - - -14 0x0
		non_canonical_write - - -14 0x123456789abcdef
		by_default #PF 0x0 -14 -
		by_uaccess #PF 0x0 -14 -
		by_fault #PF 0x0 trap:14 0x0
		by_fault_gp - - trap:13 0x0
		by_zeropad #PF 0x0 0 0x12345
		by_ucopy_len #PF 0x0 -14 0x8
		divide #DE 0x0 trap:0 -
		undefined #UD 0x0 trap:6 -
		rdmsr - - -5 0x0
		wrmsr - - -5 0x0
		breakpoint #BP 0x0 0 -
	END
}

# In every context: only a task can wait for a page.
cases | awk -v contexts="$contexts" '
	{
		vector[$1] = $2 " " $3
		end[$1] = $4
		value[$1] = $5
	}
	END {
		count = split(contexts, context, " ")
		for (name in vector)
			for (i = 1; i <= count; i++) {
				is_refused = name ~ /^user_absent/ && context[i] != "task"
				print name, context[i], vector[name], is_refused ? -14 : end[name],
				      is_refused && name == "user_absent" ? "0x0" : value[name]
			}
	}' >"$work/wanted"

# try_all - attempt every case in every context once, at an offset which two cases depend on
try_all() {
	echo "all offset=3" >"$lab/fixup/access"
}

# judge - leave for each attempt how it has ended: as it has to, refused, or wrong
judge() {
	awk -v results="$work/result" '
		FNR == NR { wanted[$1 "." $2] = $3 " " $4 " " $5 " " $6; next }
		!/^#/ { found[$1 "." $2] = $9 " " $10 " " $11 " " $12; end[$1 "." $2] = $11 }
		END {
			for (i in wanted) {
				file = results "." i
				print found[i] ~ "^" wanted[i] "$" ? "right" : end[i] == "ESRCH" ? "refused" : \
				      "\"" found[i] "\" instead of \"" wanted[i] "\"" >file
				close(file)
			}
		}' "$work/wanted" "$lab/fixup/access"
}

# is_not_refused CASE CONTEXT - in another attempt; value is how it has ended
is_not_refused() {
	must fixup/access "$1 $2 offset=3"
	judge
	content "$work/result.$1.$2"
	[ "$value" != refused ]
}

# ends_as_defined CASE CONTEXT - in the attempts of try_all
ends_as_defined() {
	content "$work/result.$1.$2"
	# On PREEMPT_RT the soft IRQ may be another task's, which has other memory.
	[ "$value" != refused ] || eventually is_not_refused "$1" "$2" || fail "refused each time"
	[ "$value" = right ] || fail "vector, error code, end, value: $value"
}

# counts CASE CONTEXT - attempts, errors, seen
counts() {
	awk -v name="$1" -v context="$2" '$1 == name && $2 == context { print $3, $5, $8 }' "$lab/fixup/access"
}

# counts_its_attempts CASE CONTEXT
counts_its_attempts() {
	must fixup/access reset
	same "rows after a reset" "$(grep -v '^#' "$lab/fixup/access")" ""
	must fixup/access "$1 $2 count=10"
	same "attempts, errors, seen" "$(counts "$1" "$2")" "10 10 10"
	same "rows" "$(grep -vc '^#' "$lab/fixup/access")" 1
}

# pages - set value to how many areas of one page, beside that which guards it, the kernel's allocator has
pages() {
	value=$(grep -c '^[^ ]* *8192 .*vmalloc' /proc/vmallocinfo)
}

# Each command has an area of its own, for addresses that fault.
gives_back_its_pages() {
	must fixup/access "guard task"
	pages
	before=$value
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		must fixup/access "guard task"
	done
	pages
	within "areas that 20 commands have left" $((value - before)) -1000 10
}

knows_all_cases() {
	must fixup/access reset
	must fixup/access "all task"
	same "cases" "$(awk '!/^#/ { print $1 }' "$lab/fixup/access" | sort)" \
		"$(cases | awk '{ print $1 }' | sort)"
}

# tries_any_access_in_any_context fixup COUNT - and each ends as it is defined to
tries_any_access_in_any_context() {
	must fixup/access reset
	# On a kernel that checks everything it takes too long; as many as there is time for have to do.
	start=$(date +%s)
	tried=0
	while [ $tried -lt "$2" ] && [ $(($(date +%s) - start)) -lt 100 ]; do
		must fixup/access "random count=$(($2 / 20)) seed=$(($$ + tried))"
		tried=$((tried + $2 / 20))
	done
	[ $tried -ge $(($2 / 20)) ] || fail "$tried attempts in 100 s"
	same "attempts" "$(awk '!/^#/ { sum += $3 } END { print sum }' "$lab/fixup/access")" $tried
	awk '
		FILENAME ~ /wanted$/ { vector[$1, $2] = $3; end[$1, $2] = $5; next }
		/^#/ { next }
		function wrong(what) { print what ": " $0; bad = 1 }
		!(($1, $2) in end) { wrong("unknown") }
		$3 != $4 + $5 + $6 + $7 { wrong("not all have ended") }
		$8 != (vector[$1, $2] == "-" ? 0 : $3 - $7) { wrong("exceptions missing") }
		# What was tried in the soft IRQ of another task is refused, which PREEMPT_RT has.
		$7 && $2 != "softirq" { wrong("refused") }
		{
			wanted = end[$1, $2]
			column = wanted == "0" ? 4 : wanted ~ /trap/ ? 6 : 5
			if ($column + $7 != $3)
				wrong("not all " wanted)
		}
		END { exit bad }' "$work/wanted" "$lab/fixup/access" || exit 1
	[ $tried -ge "$2" ] || skip "all well in $tried attempts, more did not fit in 100 s"
}

# what_chance_chose SEED - set value to how often each case was tried in each context
what_chance_chose() {
	must fixup/access reset
	must fixup/access "random count=200 seed=$1"
	value=$(awk '!/^#/ { print $1, $2, $3 }' "$lab/fixup/access")
}

# A seed stands for one choice, of many cases and contexts; another one for another.
repeats_its_chance() {
	what_chance_chose 2
	first=$value
	within "cases in a context, of 200 attempts" "$(echo "$first" | wc -l)" 20 200
	what_chance_chose 2
	same "the same again" "$value" "$first"
	what_chance_chose 4
	[ "$value" != "$first" ] || fail "two seeds chose the same"
}

# matches WHAT HAVE PATTERN
matches() {
	# shellcheck disable=SC2254  # a pattern
	case $2 in
	$3) ;;
	*) fail "$1: '$2' instead of '$3'" ;;
	esac
}

# shows_the_steps user_unmapped CONTEXT - the same addresses in all of them, and those of the table
shows_the_steps() {
	must fixup/access "$1 $2"
	{
		read -r _
		read -r _ _ access
		read -r _ _ exception
		read -r _ _ registers
		read -r _ _ entry
		read -r _ _ handler
		read -r _ _ left
		read -r _ _ resumed
	} <"$lab/fixup/steps"
	matches "step 1" "$access" "$1 in $2 context, at address 0x*"
	matches "step 2" "$exception" \
		"#PF (vector 14), error code 0x0 (page not there, read, kernel mode), faulting address ${access##* }, *"
	ip=${registers#ip=}
	ip=${ip%% *}
	matches "step 3" "$registers" "ip=0x* irqlab_load+0x* ax=0x0 dx=0x5a5a5a5a5a5a5a5a *"
	awk -v ip="$ip" '$2 "" == ip ""' "$lab/fixup/table" >"$work/value"
	content "$work/value"
	# shellcheck disable=SC2086  # words
	set -- $value
	[ $# = 9 ] || fail "no entry for $ip in the table"
	matches "step 4" "$entry" "*at $1"
	matches "step 5" "$handler" "instruction $2 $8, fixup $3 $9, handler imm_reg ax=-14, dx=0"
	matches "step 6" "$left" "error -14, value 0x0"
	matches "step 7" "$resumed" "at $3 $9, the label behind the access"
}

# find_symbols - once, as it takes long: those of the library, and those that the gates lead to
find_symbols() {
	[ ! -e "$work/symbols" ] || return 0
	awk '
		FNR == NR { sub(/\+.*/, "", $9); wanted[$9]; next }
		$3 in wanted || $4 == "[irqlab_core]" || $3 == "asm_exc_machine_check"
	' "$lab/idt" /proc/kallsyms >"$work/symbols"
}

# The addresses are those of functions of the module, by the kernel's own list.
has_symbols_for_its_addresses() {
	find_symbols
	awk '
		FILENAME ~ /symbols$/ { if ($4 == "[irqlab_core]") is_function[$3] = 1; next }
		/^#/ { next }
		{ split($8, from, "+"); split($9, to, "+"); rows++ }
		!is_function[from[1]] || from[1] != to[1] { print "no function: " $0; bad = 1 }
		$2 "" <= last "" { print "not sorted: " $0; bad = 1 }
		{ last = $2 }
		END { exit bad || rows < 12 }' "$work/symbols" "$lab/fixup/table" || exit 1
}

# Each handler is known to the kernel's own list, too.
has_256_gates() {
	! grep -q 'dispatched by FRED' "$lab/idt" || skip "FRED is in use"
	same "gates" "$(grep -vc '^#' "$lab/idt")" 256
	find_symbols
	awk '
		FILENAME ~ /symbols$/ { address[$3] = "0x" $1; next }
		/^#/ { next }
		# Without CONFIG_X86_MCE, 18 stays what it was when the kernel started.
		$1 == 18 && !("asm_exc_machine_check" in address) && $9 ~ /^early_idt_handler_array/ { next }
		$1 < 20 && $1 != 9 && $1 != 15 && $9 !~ /^asm_exc_/ { print "no asm_exc_*: " $0; bad = 1 }
		{ name = $9; sub(/\+0x0$/, "", name) }
		name in address && address[name] "" != $8 "" { print "elsewhere: " $0; bad = 1 }
		END { exit bad }' "$work/symbols" "$lab/idt" || exit 1
}

measures_every_context() {
	must stacks measure
	same "rows" "$(awk '!/^#/ { print $1 }' "$lab/stacks" | tr '\n' ' ')" \
		"task fault_in_task softirq fault_in_softirq hardirq fault_in_hardirq nmi fault_in_nmi "
	awk '
		/^#context/ { next }
		function wrong(what) { print what ": " $0; bad = 1 }
		$5 < 4096 || $6 < 1 || $6 >= $5 { wrong("no depth within a size") }
		$1 ~ /task$/ && $2 != "task" { wrong("not the stack of a task") }
		$1 ~ /hardirq$/ && $2 != "irq" { wrong("not the IRQ stack") }
		$1 ~ /nmi$/ && $2 !~ /^ist/ { wrong("not an IST stack") }
		END { exit bad }' "$lab/stacks" || exit 1
}

try_all 2>/dev/null
judge 2>/dev/null
{
	for context in $contexts; do
		cases | while read -r name _; do
			echo "ends_as_defined $name $context"
		done
	done
	for context in $contexts; do
		echo "counts_its_attempts guard $context"
		echo "shows_the_steps user_unmapped $context"
	done
	cat <<-END
		knows_all_cases fixup
		repeats_its_chance fixup
		gives_back_its_pages fixup/access
		tries_any_access_in_any_context fixup $(is_short && echo 2000 || echo 100000)
		measures_every_context stacks
	END
	# The kernel's list of symbols is long.
	is_short || cat <<-END
		has_symbols_for_its_addresses fixup/table
		has_256_gates idt
	END
} 2>/dev/null | run_table
