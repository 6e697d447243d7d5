# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # the scripts that source this file use the variables
#
# Where things are. Sourced by the other tools; it changes nothing on disk.
#
#   TREE      this source tree
#   CACHE     IRQLAB_CACHE, else $XDG_CACHE_HOME/irqlab, else ~/.cache/irqlab; in it a directory of its own for
#             each SUITE but the first
#   IN_PLACE  not empty on the release that has the toolchain: no root is made, the host's is used
#   ROOT      the toolchain's file system
#   CRATES    where cargo and the crates are that tools/irqlab is built with; a root of its own, so that
#             the toolchain's stays as it is
#   KERNELS   the directory that kernels are unpacked into, as the host sees it…
#   SEEN      …and as commands under tools/enter see it
#   RELEASE   the chosen kernel, like `uname -r`; empty before tools/setup has picked one
#   KDIR      its headers directory, with the Rust overlay (as seen under tools/enter)
#   VMLINUX   its image as ELF, for the guest (likewise)
#   KSRC      its source: as much as modules and their tests need; all for guests other than stock
#   OUTPUT    where this tree builds for that kernel
#   LLVM, KRUSTFLAGS  what kbuild needs besides, in the environment
#
# GUEST= is the kernel that the guest boots: stock, or one that tools/debug-kernel builds. Then KDIR,
# VMLINUX and OUTPUT are of that one.

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=tools/kernel.conf
. "$TREE/tools/kernel.conf"

CACHE=${IRQLAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/irqlab}
CACHE=$(realpath -m "$CACHE")
[[ $SUITE = "${SUITES[0]}" || $CACHE = */"$SUITE" ]] || CACHE=$CACHE/$SUITE
KERNEL=${KERNEL:-}
FLAVOUR=${FLAVOUR:-${FLAVOURS[0]}}
GUEST=${GUEST:-${GUESTS[0]}}

IN_PLACE=$(. /etc/os-release && [ "${VERSION_CODENAME-}" = "$SUITE" ] && echo yes) || IN_PLACE=
if [ "$IN_PLACE" ]; then
	ROOT=/ KERNELS=$CACHE/kernels SEEN=$CACHE/kernels CRATES=
else
	ROOT=$CACHE/root KERNELS=$ROOT SEEN='' CRATES=$CACHE/crates
fi

RELEASE_FILE=$CACHE/release/$FLAVOUR${KERNEL:+-$KERNEL}
RELEASE=
[ ! -e "$RELEASE_FILE" ] || RELEASE=$(<"$RELEASE_FILE")
KDIR=$SEEN/usr/lib/modules/$RELEASE/build
KSRC=$CACHE/linux-source-${RELEASE%%[+-]*}
VMLINUX=$SEEN/boot/vmlinux-$RELEASE
OUTPUT=build/$RELEASE LLVM='' KRUSTFLAGS=''
if [ "$GUEST" != stock ]; then
	KDIR=$CACHE/linux-${RELEASE%%[+-]*}-$GUEST
	VMLINUX=$KDIR/vmlinux.guest OUTPUT=build/${KDIR##*/linux-} LLVM=1
fi
if [ "$GUEST" = race ]; then
	# What CONFIG_KCSAN adds for C. rustc instruments volatile and atomic accesses as such.
	KRUSTFLAGS="-Zsanitizer=thread -Cllvm-args=-tsan-distinguish-volatile=1"
	KRUSTFLAGS+=" -Cllvm-args=-tsan-instrument-func-entry-exit=0"
	KRUSTFLAGS+=" -Cllvm-args=-tsan-compound-read-before-write=1"
fi

# is_known RELEASE - whether irqlab is known to work with that version
is_known() {
	grep -qxF -- "${1%%+*}" "$TREE/tools/kernels.known"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}
