# SPDX-License-Identifier: GPL-2.0
"""Where a line of Rust may be wrong, and how.

A mutant is a small fault that is put into the code on purpose, to see whether a test notices it. Here each
is an edit that leaves the original in place, and chooses between the two by a condition, so that many of them
fit into one build. The text of the condition stands where SWITCH does.

This knows Rust only as rustfmt lays it out, line by line. What comes out need not compile.
"""

import re

SWITCH = "@SWITCH@"
# What a line may begin with that is no statement to leave out.
NO_STATEMENT = re.compile(
    r"(let|use|pub|if|for|while|loop|match|else|const|static|struct|enum|type|mod|fn|impl|unsafe|extern|trait|"
    r"pr_\w+!|build_assert!|compile_error!|emit!)\b|[}#/)\].?&|*\"]")
OPERATORS = (
    (" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "), (" != ", " == "),
    (" && ", " || "), (" || ", " && "), (" + 1", ""), (" - 1", ""), (" + ", " - "), (" - ", " + "), (" * ", " / "),
    (" / ", " * "), (" & ", " | "), (" | ", " & "), (" << ", " >> "), (" >> ", " << "), ("..=", ".."),
    ("true", "false"), ("false", "true"), (".min(", ".max("), (".max(", ".min("), (".any(", ".all("),
    (".all(", ".any("), ("(1)", "(0)"), ("Ordering::Less", "Ordering::Greater"), (", 0)", ", 1)"), (", 1)", ", 0)"),
    (", 1, ", ", 2, "), ("is_some()", "is_none()"), ("is_none()", "is_some()"), ("is_ok()", "is_err()"),
    (".is_empty()", ".is_empty() ^ true"), ("(0..", "(1.."), ("fetch_add(", "fetch_sub("),
)
# What has a type of its own, so that it cannot stand in another's place.
NO_SWAP = re.compile(r"GFP_|Relaxed|Acquire|Release|Full|task|\b_\b")
# By the type that a function gives, what it may give instead of doing anything.
INSTEAD = (
    (r"bool", ("true", "false")), (r"(u|i)(8|16|32|64|size)", ("0", "1")), (r"(Result|Answer)(<\(\)>)?", ("Ok(())",)),
    (r"Option<.*>", ("None",)), (r"(Result|Answer)<bool>", ("Ok(true)", "Ok(false)")),
    (r"(Result|Answer)<(u|i)(32|64|size)>", ("Ok(0)",)),
)


def mask(line):
    """The line with blanks for the insides of its strings and for its comment, as long as it was."""
    line = re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: '"' + "\0" * (len(match[0]) - 2) + '"', line)
    line = re.sub(r"'(?:[^'\\]|\\.)'", lambda match: "'" + "\0" * (len(match[0]) - 2) + "'", line)
    return re.sub(r"//.*", lambda match: " " * len(match[0]), line)


def is_balanced(text):
    depth = 0
    for character in text:
        depth += character in "([{"
        depth -= character in ")]}"
        if depth < 0:
            return False
    return depth == 0


class Mutant:
    """One fault: of which kind, where, and the lines that it replaces, by their numbers from 0."""

    def __init__(self, path, line, what, edits):
        self.path, self.line, self.what, self.edits = path, line, what, edits
        self.text = ""
        # The check that is to notice it, if that is known.
        self.nearest = None

    def key(self):
        """What it is, wherever in its file it stands."""
        return [self.path, self.text.strip(), self.what]


def skipped(lines):
    """For each line whether it is no place for a fault: a test, a macro, a constant, an item's declaration."""
    skip, inside = [], None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if inside is None:
            begins = re.match(r"\s*(#\[cfg\((any\()?(test|CONFIG_KUNIT)|macro_rules!|claim! \{|module! \{|#\[macro_export|"
                              r"(pub(\([a-z]+\))? )?(const|static) |(pub(\([a-z]+\))? )?const (unsafe )?fn |"
                              r"(pub(\([a-z]+\))? )?(struct|enum|union|use) )", line)
            # An item ends with the first line that closes it as far left as it began.
            if begins:
                if not re.search(r"[;}]\s*$", line) or "#[" in begins[1]:
                    inside = indent
                skip.append(True)
                continue
        else:
            skip.append(True)
            if indent == inside and re.match(r"\s*[})\]]+;?\s*$", line) or indent == inside and line.rstrip().endswith(";"):
                inside = None
            continue
        skip.append(bool(re.match(r"\s*(//|#|\*)", line)) or not line.strip())
    return skip


def expressions(text, following):
    """Where in a line one whole expression stands: (start, end)."""
    for pattern in (r"\s*let (?:mut )?[\w, ():&<>]+ = (.+);$", r"\s*return (.+);$", r"\s*[\w.*]+ = (.+);$",
                    r"\s*(?:\} else )?if (?!let )(.+) \{$", r"\s*[\w:(), |]+ => (?!\{)(.+),$",
                    r"\s*\w+: (.+),$"):
        match = re.match(pattern, text)
        if match and " let " not in match[1] and is_balanced(match[1]) and not match[1].startswith(("&", "match ", "if ")):
            yield match.span(1)
            return
    if re.match(r"\s*\}", following) and is_balanced(text) and not re.search(r"[;{,]$", text) and not re.match(
            r"\s*([}.?&|+*=/-]|let |if |return |match |unsafe |pub |fn |r?#|\w+:)", text):
        yield len(text) - len(text.lstrip()), len(text)


def choose(start, end, line, other):
    """The line with `if SWITCH { other } else { what stands there }` from start to end."""
    return f"{line[:start]}(if {SWITCH} {{ {other} }} else {{ {line[start:end]} }}){line[end:]}"


def faults_of(path, lines):
    """All mutants of a file, in the order of its lines."""
    skip = skipped(lines)
    before = ""  # the last line that is neither empty nor a comment
    for at, line in enumerate(lines):
        text = mask(line).rstrip()
        following = next((other for other in lines[at + 1:] if other.strip() and not other.strip().startswith("//")), "")
        if not skip[at]:
            yield from (Mutant(path, at, *fault) for fault in faults_at(at, lines, text, before, following))
        if text.strip() and not text.strip().startswith("#"):
            before = text


def faults_at(at, lines, text, before, following):
    line, indent = lines[at], len(text) - len(text.lstrip())
    begins = re.search(r"[;{}]$", before)
    statement = text.strip()
    # What is left out: a statement.
    if begins and not NO_STATEMENT.match(statement):
        if statement.endswith(";") and is_balanced(text):
            yield "left out", {at: f"{line[:indent]}if !{SWITCH} {{ {line.strip()} }}"}
        elif re.search(r"[({]$", statement) and not re.match(r"[\w:]+ \{$|.*=> ", statement):
            for end in range(at + 1, min(at + 30, len(lines))):
                inner = len(lines[end]) - len(lines[end].lstrip())
                if lines[end].strip() and inner <= indent:
                    if inner == indent and re.match(r"\s*[})]+\??;$", lines[end]):
                        yield "left out", {at: f"{line[:indent]}if !{SWITCH} {{ {line.strip()}", end: lines[end] + " }"}
                    break
    # What is decided: a condition, or a part of it.
    match = re.match(r"(\s*(?:\} else )?(if|while) )(?!let )(.+)( \{)$", text)
    if match and " let " not in match[3] and is_balanced(match[3]):
        start, end = match.span(3)
        if match[2] == "while":
            yield "never repeated", {at: f"{line[:start]}!{SWITCH} && ({line[start:end]}){line[end:]}"}
        else:
            yield "negated", {at: f"{line[:start]}{SWITCH} != ({line[start:end]}){line[end:]}"}
    match = re.match(r"(\s*)(&&|\|\|) (.+?)( \{|;|\)|,)?$", text)
    if match and "let " not in match[3] and is_balanced(match[3]):
        start, end = match.span(3)
        neutral = f"({SWITCH} || {line[start:end]})" if match[2] == "&&" else f"(!{SWITCH} && {line[start:end]})"
        yield "without this part", {at: line[:start] + neutral + line[end:]}
    # What is computed: an operator or a constant.
    for start, end in expressions(text, following):
        inside = text[start:end]
        for old, new in OPERATORS:
            for found in re.finditer(re.escape(old), inside):
                if old[0].isalpha() and re.search(r"\w$", inside[:found.start()]):
                    continue
                other = line[start:start + found.start()] + new + line[start + found.end():end]
                yield f"'{old.strip()}' to '{new.strip()}'", {at: choose(start, end, line, other)}
        for found in re.finditer(r"\((\w+(?:\.\w+)*), (\w+(?:\.\w+)*)\)", inside):
            if found[1] != found[2] and not NO_SWAP.search(found[0]) and inside[found.start() - 1:found.start()] != "|":
                other = (line[start:start + found.start()] + f"({found[2]}, {found[1]})"
                         + line[start + found.end():end])
                yield f"'{found[1]}' and '{found[2]}' swapped", {at: choose(start, end, line, other)}
        for found in re.finditer(r"(?<![\w)!])!(?=[\w(])", inside):
            other = line[start:start + found.start()] + line[start + found.end():end]
            yield "without '!'", {at: choose(start, end, line, other)}
    # What is not done at all: a function.
    match = re.match(r"\s*(?:pub(?:\([a-z]+\))? )?(?:unsafe )?(?:extern \"\0*\" )?fn .*\)(?: -> (.+))? \{$|"
                     r"\)(?: -> (.+))? \{$", text)
    if match and "=>" not in text and (text.strip().startswith(")") or " fn " in f" {text}"):
        result = match[1] or match[2]
        if result is None:
            yield "does nothing", {at: f"{line} if {SWITCH} {{ return; }}"}
        for kind, values in INSTEAD:
            if result and re.fullmatch(kind, result):
                for value in values:
                    yield f"gives {value} at once", {at: f"{line} if {SWITCH} {{ return {value}; }}"}
