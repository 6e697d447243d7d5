#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# tools/irqlab/build.sh [build|test|clippy] - build the tool into build/tool/irqlab, one file that needs no other
#
# With the crates that Debian packages, where tools/setup has put them; so nothing is fetched. It runs where the
# toolchain is: tools/enter tools/irqlab/build.sh. Elsewhere, plain `cargo build` in this directory does too.

set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
tree=${here%/tools/irqlab}
out=$tree/build/tool
crates=${CRATES:-}
target=x86_64-unknown-linux-gnu

# Cargo writes what it has chosen beside Cargo.toml. That would be in the way of those who choose other crates.
mkdir -p "$out/source"
cmp -s "$here/Cargo.toml" "$out/source/Cargo.toml" || {
	cp "$here/Cargo.toml" "$out/source/Cargo.toml"
	rm -f "$out/source/Cargo.lock"
}
for name in src tests; do
	ln -sfn "$here/$name" "$out/source/$name"
done

# Another set of crates than last time?
[ "$(cat "$out/crates" 2>/dev/null)" = "$(cat "$crates/.irqlab" 2>/dev/null)" ] || rm -f "$out/source/Cargo.lock"
cat "$crates/.irqlab" >"$out/crates" 2>/dev/null || :

PATH=$crates/usr/bin:$PATH
export LD_LIBRARY_PATH="$crates/usr/lib/x86_64-linux-gnu" CARGO_HOME="$out/home" CARGO_TARGET_DIR="$out/target"
# The linker warns of look-ups by name in a static file, which the tool does without; later compilers pass that on.
export RUSTFLAGS="-Ctarget-feature=+crt-static -Aunknown-lints -Alinker-messages"

behind=
case ${1:-build} in
build) set -- build --quiet ;;
test) set -- test ;;
clippy) set -- clippy --all-targets --quiet && behind="-- -Dwarnings" ;;
*)
	sed -n 's/^# //p' "$0" >&2
	exit 2
	;;
esac
cd "$out/source"
# shellcheck disable=SC2086  # words
cargo "$@" --release --offline --target "$target" \
	--config 'source.crates-io.replace-with="packaged"' \
	--config "source.packaged.directory=\"$crates/usr/share/cargo/registry\"" $behind
[ "$1" != build ] || cmp -s "$out/target/$target/release/irqlab" "$out/irqlab" ||
	cp "$out/target/$target/release/irqlab" "$out/irqlab"
