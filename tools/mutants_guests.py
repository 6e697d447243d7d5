# SPDX-License-Identifier: GPL-2.0
"""Guests in which the selftests are tried with one mutant after the other."""

import collections
import glob
import json
import os
import re
import subprocess
import threading

from mutants_build import OBJECTS, TOP, TREE, read, say, write

TOOLS = os.path.dirname(os.path.abspath(__file__))
PAYLOAD = f"{TOP}/kselftest"
# The tests whose checks are tried, those first that take the least time for each; those of the second line have
# no table, and are a check each.
TABLES = ("lines.sh", "exceptions.sh", "old_bh.sh", "bad_input.sh", "ipi.sh", "knobs.sh", "claims.sh", "samples.sh",
          "hotplug.sh", "lifetime.sh")
WHOLE = ("stress.sh", "user_exceptions")
# Among the checks it stands for the module's insertion.
INSERTED = "inserted"
# So many checks are tried for each mutant, of those that come by it: first those that take little time and come
# by few others; then more, if none of them notices it; then the rest.
ROUNDS = (3, 10, 25)
OF_A_CLAIM = 4
# A check that takes longer is not tried: in hundredths of a second. What then says nothing for so many seconds hangs.
TOO_LONG = 1300
SILENCE = 60


def payload():
    os.makedirs(f"{TOP}/selftests", exist_ok=True)
    done = subprocess.run(["make", "-s", "-C", "selftests", "install", f"OUTPUT={TREE}/{TOP}/selftests",
                           f"INSTALL_PATH={TREE}/{PAYLOAD}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    library = re.sub(r"^(run_table|tell_result)\(", r"\1_as_ever(", read("selftests/lib.sh"), flags=re.MULTILINE)
    write(f"{PAYLOAD}/lib.sh", library + "\n" + read(f"{TOOLS}/mutants.sh"))
    # Each claim by itself is enough.
    claims = f"{PAYLOAD}/claims.sh"
    write(claims, re.sub(r"^\t\teach (runs_as_a_group|next_command_works).*\n", "", read(claims), flags=re.MULTILINE))


def in_guest(name, script, silence):
    """The fields of the lines that a script marks, and last the guest's exit code and what it said of it."""
    write(f"{TOP}/{name}.script", script)
    others = glob.glob(f"{OBJECTS}/samples/*.ko") + glob.glob(f"{OBJECTS}/selftests/*/*.ko")
    with open(f"{TOP}/{name}.err", "w+", encoding="utf-8") as errors, subprocess.Popen(
            [f"{TOOLS}/guest", "--console", f"{TOP}/{name}.log", "--timeout", "7200", "--silence", str(silence),
             "--smp", "3", "--module", f"{OBJECTS}/mutants/irqlab_mutants.ko",
             "--module", f"{OBJECTS}/rust/irqlab.ko", "--payload", PAYLOAD, "--file", f"{TOP}/{name}.script",
             *(f"--file={path}" for path in glob.glob(f"{TOP}/{name}.plan.*")),
             *(f"--no-insert={module}" for module in others), "--", "sh", f"{name}.script"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace") as runner:
        with open(f"{TOP}/{name}.out", "a", encoding="utf-8") as log:
            for line in runner.stdout:
                log.write(line)
                log.flush()
                if line.startswith("@ "):
                    yield [field.strip() for field in line[2:].rstrip("\n").split("\t")]
        code = runner.wait()
        errors.seek(0)
        yield ["ended", code, (errors.read().splitlines() or [""])[-2:][0]]


REACH = """switch=/sys/module/irqlab_mutants/parameters
export MUTANTS=reach
for test in %s; do ./$test; done
for test in %s; do
    echo 0 >$switch/reached
    read -r began _ </proc/uptime
    ./$test >/dev/null 2>&1; code=$?
    read -r ended _ </proc/uptime
    echo "@ reach $code $((${ended%%.*}${ended#*.} - ${began%%.*}${began#*.}))	$test	$(cat $switch/reached)"
done
"""


def reach(tests, name):
    """By test and check: how long it took, and which mutants it came by."""
    tables = [test for test in tests if test in TABLES]
    whole = [test for test in tests if test in WHOLE]
    reached, test = {}, iter(tables)
    # The titles are of one test after the other.
    for mark, *fields in in_guest(name, "\n".join(
            ["echo \"@ reach 0 0	inserted	$(cat /sys/module/irqlab_mutants/parameters/reached)\""] +
            [f"echo '@ test\t{test}'; MUTANTS=reach ./{test}" for test in tables]
            + [REACH % ("", " ".join(whole))]), 300):
        if mark == "test":
            test = fields[0]
        elif mark.startswith("reach "):
            _, code, took = mark.split()
            title, numbers = fields
            of = title if title in whole or title == INSERTED else test
            # What a busy machine skips now it may not skip when it counts.
            if code in ("0", "4"):
                reached[of, title] = int(took), [int(number) for number in numbers.split()]
            else:
                say(f"{of}, {title} fails without a mutant")
        elif mark == "ended" and fields[0] not in (0, 1):
            say(f"while looking what is reached: {fields}")
    return reached


TRY = """switch=/sys/module/irqlab_mutants/parameters
export MUTANTS_INSERTED="INSERTED"
for test in %s; do
    case $test in
    *.whole)
        while read -r number; do
            [ ! -e /tmp/noticed.$number ] || continue
            echo "@ at	$number	${test%%.whole}"
            echo $number >$switch/number
            ./${test%%.whole} >/tmp/said 2>&1; code=$?
            echo 0 >$switch/number
            read -r taint </proc/sys/kernel/tainted
            [ $((taint & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))) = 0 ] || code=101
            case $code in
            0 | 4) echo "@ passed	$number	${test%%.whole}" ;;
            *) echo "@ unclear	$number	${test%%.whole}	$(grep '^not ok' /tmp/said | head -n 1)"; exit 9 ;;
            esac
        done <NAME.plan.$test ;;
    *) MUTANTS=$PWD/NAME.plan.$test ./$test; [ $? != 9 ] || exit 9 ;;
    esac
done
"""


class Attempts:
    """What is still to be tried, and what came of it."""

    def __init__(self, mutants, reached, noticed):
        self.plan = {}  # by mutant: (test, title)
        for mutant in mutants:
            # First the checks that come by few mutants: they are about it.
            rows = sorted((len(numbers) + took / 10, *row) for row, (took, numbers) in reached.items()
                          if mutant.number in numbers and took <= TOO_LONG and row[0] not in (*WHOLE, INSERTED))
            whole = [row for row, (_, numbers) in reached.items() if mutant.number in numbers and row[0] in WHOLE]
            # Other claims do without what is one claim's.
            most = OF_A_CLAIM if re.match(r"rust/lab/claim/\w+/", mutant.path) else ROUNDS[-1] - len(whole)
            self.plan[mutant.number] = [*([mutant.nearest] if mutant.nearest else []),
                                        *(tuple(row[1:]) for row in rows[:most] if tuple(row[1:]) != mutant.nearest), *whole]
        self.inserted = " ".join(map(str, reached.get((INSERTED, INSERTED), (0, []))[1]))
        self.mutants = {mutant.number: mutant for mutant in mutants}
        self.noticed, self.once, self.lock = noticed, {}, threading.Lock()

    def left(self, numbers):
        return [number for number in numbers if number not in self.noticed and self.plan[number]]

    def run(self, name, numbers):
        """Try some mutants, in as many guests as that takes."""
        tried = 0
        for most in ROUNDS:
            todo = {number: self.plan[number][:most - tried] for number in self.left(numbers)}
            while todo:
                self.run_guest(name, todo)
                todo = {number: rows for number, rows in todo.items() if rows and number not in self.noticed}
            tried = most

    def run_guest(self, name, todo):
        for path in glob.glob(f"{TOP}/{name}.plan.*"):
            os.unlink(path)
        # One that was unclear comes first, so that nothing else has disturbed it.
        first = next((number for number in todo if number in self.once), None)
        tests = collections.defaultdict(list)
        for number in sorted(todo, key=lambda number: number != first):
            for test, title in todo[number]:
                tests[test].append((number, title))
        order = [test for test in (*TABLES, *WHOLE) if test in tests]
        if first is not None:
            order.sort(key=lambda test: test != self.once[first][0])
        files = []
        for test in order:
            suffix = ".whole" if test in WHOLE else ""
            write(f"{TOP}/{name}.plan.{test}{suffix}", "".join(
                f"{number}\n" if suffix else f"{number}\t{title}\n" for number, title in tests[test]))
            files.append(test + suffix)
        at, nr_marks = None, 0
        for mark, *fields in in_guest(name, TRY.replace("NAME", name).replace('"INSERTED"', f'"{self.inserted}"') % " ".join(files), SILENCE):
            if mark == "ended":
                if not nr_marks and fields[0] not in (0, 1):
                    raise SystemExit(f"mutants: a guest did nothing: {fields}")
                self.end(at, todo, *fields)
                return
            nr_marks += 1
            number, title = int(fields[0]), fields[1]
            row = next(row for row in todo[number] if row[1] == title)
            if mark == "at":
                at = number, *row
                continue
            at = None
            if mark == "noticed":
                self.notice(number, title, fields[2])
            elif mark == "reported":
                self.notice(number, title, "the kernel reported a problem")
            elif mark in ("passed", "skipped"):
                self.drop(number, row, todo)
            elif mark == "unclear":
                self.doubt(number, row, fields[2])

    def drop(self, number, row, todo):
        """The check does not notice it."""
        todo[number].remove(row)
        if row in self.plan[number]:
            self.plan[number].remove(row)

    def notice(self, number, title, evidence):
        with self.lock:
            self.noticed[number] = title, evidence
            with open(f"{TOP}/noticed", "a", encoding="utf-8") as file:
                file.write(json.dumps([self.mutants[number].key(), [title, evidence]]) + "\n")
        say(f"{number} noticed by {title}: {evidence[:100]}")

    def doubt(self, number, row, evidence):
        """The check fails without the mutant, too, once it has failed with it. That counts when it is the first
        thing that a guest does, for then nothing but the mutant can be the reason."""
        if number in self.once or row[0] in WHOLE:
            self.notice(number, row[1], f"{evidence} (and what it leaves)")
        else:
            self.once[number] = row

    def end(self, at, todo, code, reason):
        """A guest has ended; in the middle of a check if `at` is one."""
        if at is None:
            # Checks that are not there any more.
            if code in (0, 1):
                for rows in todo.values():
                    rows.clear()
            return
        number, *row = at
        if "int3" in reason:
            return  # QEMU's fault: it executes a breakpoint that the kernel has taken away
        if number in self.once or code != 107:
            self.notice(number, row[1], reason)
        else:
            self.once[number] = tuple(row)
