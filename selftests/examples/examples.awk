# SPDX-License-Identifier: GPL-2.0
#
# Makes a Rust file of all examples in doc comments, a function each, and a table of those that run:
# awk -f examples.awk lib.rs FILE.rs...

function put(line) {
	print line
	nr_lines++
}

FNR == 1 {
	inside = condition = ""
	file = FILENAME
	sub(/^.*\/rust\//, "rust/", file)
	module = file
	gsub(/^rust\/|[\/.].*/, "", module)
}

# The library's root says which of its modules not every kernel has.
file == "rust/lib.rs" && /^#\[cfg/ { condition = $0 }
file == "rust/lib.rs" && /^pub mod/ {
	name = $3
	sub(/;.*/, "", name)
	conditions[name] = condition
	condition = ""
}

# A fence opens an example unless it names another language.
/^[ \t]*\/\/[\/!] *```/ {
	if (inside == "rust") {
		put("Ok(())")
		put("}")
		inside = ""
	} else if (inside) {
		inside = ""
	} else if ($0 ~ /```(no_run)?$/) {
		inside = "rust"
		put("// " file ":" FNR)
		if (conditions[module])
			put(conditions[module])
		put("fn example_" ++count "(task: &::irqlab::context::Task) -> ::core::result::Result<(), crate::End> {")
		row = "Example { file: \"" file "\", line: " FNR ", begin: " nr_lines ", run: example_" count " },"
		if ($0 !~ /no_run/)
			table = table conditions[module] row "\n"
		else
			nr_not_run++
	} else {
		inside = "other"
	}
	next
}

inside == "rust" {
	sub(/^[ \t]*\/\/[\/!] ?/, "")
	sub(/^#( |$)/, "")
	put($0)
}

END {
	put("pub(crate) const NR_NOT_RUN: usize = " nr_not_run + 0 ";")
	put("pub(crate) const ALL: &[Example] = &[")
	put(table "];")
}
