# SPDX-License-Identifier: GPL-2.0
"""What a person wants to know when tests have run: how many, why not, how long, and what again."""

import collections
import os
import re
import shlex

RESULT = re.compile(r"^( *)(not ok|ok) \d+ ?(?:- )?(.*?)(?: *# SKIP ?(.*))?$")
# A test that ran beside others says how long it took.
TOOK = re.compile(r"^ *# ([\d.]+) s$")
PLAN = re.compile(r"^ *1\.\.\d+")
COMMENT = re.compile(r"^ *# ?(.*)$")
MANY = 10
EVIDENCE_LINES = 12


class Leaf:
    """A test that has no subtests."""

    def __init__(self, name, has_passed, reason, said, seconds):
        self.path, self.has_passed, self.reason = [name], has_passed, reason
        self.said, self.seconds = said, seconds

    @property
    def name(self):
        return ": ".join(self.path)

    def evidence(self):
        """The end of what it said, or what a compiler said first."""
        start = next((number for number, line in enumerate(self.said) if "error:" in line), -EVIDENCE_LINES)
        return self.said[start:][:EVIDENCE_LINES]

    def again(self, kernel):
        """The command that repeats just this test."""
        suite, *path = self.path
        guest = "" if kernel == "stock" else f"GUEST={kernel} "
        script = f"{path[0]}.sh" if path else ""
        if not os.path.exists(f"selftests/{script}") or not script:
            return f"make test {guest}SUITES={suite} ONLY={shlex.quote(': '.join(path))}"
        only = f" ONLY={shlex.quote(': '.join(path[1:]))}" if path[1:] else ""
        return f"make test {guest}SUITES={suite} TESTS={script}{only}"


def leaves(suite, lines):
    """The tests in the KTAP of a suite: (time of arrival, line), after the time at which it began."""
    found, open_levels, said, took = [], [], [], None
    last = lines[0][0] if lines else 0
    for now, line in lines:
        if PLAN.match(line):
            last = now
        elif match := TOOK.match(line):
            took = float(match[1])
        elif match := RESULT.match(line):
            indent, result, name, reason = len(match[1]), match[2], match[3], match[4]
            below = [leaf for level, leaf in open_levels if level > indent]
            open_levels = [entry for entry in open_levels if entry[0] <= indent]
            for leaf in below:
                leaf.path.insert(0, name)
                open_levels.append((indent, leaf))
            if not below:
                is_skipped = "# SKIP" in line
                leaf = Leaf(name, result == "ok", (reason or (said[-1] if said else "no reason given")) if is_skipped
                            else None, said, took if took is not None else now - last)
                found.append(leaf)
                open_levels.append((indent, leaf))
            last, said, took = now, [], None
        elif (match := COMMENT.match(line)) and not match[1].startswith("Subtest: "):
            said.append(match[1])
    for leaf in found:
        leaf.path.insert(0, suite)
    return found


class Summary:
    """Of all suites of a run."""

    def __init__(self):
        self.rows, self.leaves = [], []

    def add(self, kernel, suite, result, lines):
        seconds = lines[-1][0] - lines[0][0] if lines else 0
        self.rows.append((suite if kernel == "stock" else f"{kernel}/{suite}", result["passed"],
                          len(result["failed"]), result["skipped"], seconds))
        self.leaves += [(kernel, leaf) for leaf in leaves(suite, lines)]

    def show(self):
        """Print it. Returns the names of what failed."""
        reasons = collections.Counter()
        first = {}
        for _kernel, leaf in self.leaves:
            if leaf.reason:
                kind = re.sub(r"\d+|\b[A-Z]+-\d+\b|'[^']*'", "…", leaf.reason)
                reasons[kind] += 1
                first.setdefault(kind, leaf)
        if reasons:
            print("Skipped, and why:")
            for kind, count in reasons.most_common():
                print(f"{count:5}  {first[kind].reason[:100]}  ({first[kind].name}{', …' if count > 1 else ''})")
        slowest = sorted(self.leaves, key=lambda entry: -entry[1].seconds)[:MANY]
        print(f"The slowest {len(slowest)}, in seconds:")
        for _kernel, leaf in slowest:
            print(f"{leaf.seconds:7.1f}  {leaf.name}")
        print(f"{'suite':<20} passed  failed  skipped  seconds")
        for suite, passed, failed, skipped, seconds in self.rows:
            print(f"{suite:<20} {passed:6} {failed:7} {skipped:8} {seconds:8.0f}")
        failed = [entry for entry in self.leaves if not entry[1].has_passed]
        for kernel, leaf in failed:
            print(f"failed: {leaf.name}")
            for line in leaf.evidence():
                print(f"    {line}")
            print(f"    again: {leaf.again(kernel)}")
        return {leaf.name if kernel == "stock" else f"{kernel}/{leaf.name}" for kernel, leaf in failed}
