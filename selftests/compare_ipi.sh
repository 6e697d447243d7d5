#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compare_ipi.sh [COUNT [BATCHES]] - calls between CPUs by the library, next to the same in C
#
# In a guest that counts instructions (`make bench`) a nanosecond is an instruction of some CPU. The
# waiting CPU gives way to the others there, so that its waiting hardly counts.

. "$(dirname "$0")/lib.sh"

count=${1:-100}
batches=${2:-50}

insert irqlab_ipi_c "count=$count" "batches=$batches" || exit 1
trap 'rmmod irqlab_ipi_c; rm -rf "$work"' EXIT

# In turn, so that whatever drifts drifts for both; the best counts. What the CPUs do besides takes
# some nanoseconds of most.
: >"$work/c"
: >"$work/rust"
for _ in 1 2 3 4 5 6; do
	must ipi/modes "count=$count batches=$batches"
	grep -v '^#' "$lab/ipi/modes" >>"$work/rust"
	grep -v '^#' /sys/kernel/debug/irqlab_ipi_c >>"$work/c"
done

echo "Calls between CPUs, Linux $(uname -r), $(grep -c ^processor /proc/cpuinfo) CPUs, nanoseconds per call:"
echo
awk '
	BEGIN {
		print "| mode | C | irqlab | irqlab / C |"
		print "|---|---:|---:|---:|"
	}
	FILENAME ~ /\/c$/ { if (!($1 in c)) name[++names] = $1; if (!($1 in c) || $4 < c[$1]) c[$1] = $4 }
	FILENAME ~ /\/rust$/ { if (!($1 in rust) || $4 < rust[$1]) rust[$1] = $4 }
	END {
		for (i = 1; i <= names; i++) {
			mode = name[i]
			printf "| `%s` | %.1f | %.1f | %.3f |\n", mode, c[mode], rust[mode], rust[mode] / c[mode]
		}
	}' "$work/c" "$work/rust"
