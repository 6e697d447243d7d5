# SPDX-License-Identifier: GPL-2.0
"""One build of the modules with many mutants in it, and a switch between them; and the unit tests with one.

A module of its own, irqlab_mutants, has the number of the mutant that is in force, and which ones anything has come
by. It stays while the lab's module comes and goes. What stands in the mutants' place asks it.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys

from mutation import SWITCH

TREE = os.getcwd()
TOP = "build/mutants"
SOURCE, OBJECTS = f"{TOP}/source", f"{TOP}/objects"
# To which the switch is added.
ROOT = "rust/lib.rs"

SWITCH_C = """// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
unsigned int irqlab_mutant;
EXPORT_SYMBOL_GPL(irqlab_mutant);
module_param_named(number, irqlab_mutant, uint, 0600);
u8 irqlab_mutants_reached[COUNT];
EXPORT_SYMBOL_GPL(irqlab_mutants_reached);
static int get_reached(char *text, const struct kernel_param *kp)
{
	int i, length = 0;
	for (i = 1; i < COUNT; i++)
		if (READ_ONCE(irqlab_mutants_reached[i]))
			length += scnprintf(text + length, PAGE_SIZE - length, "%d ", i);
	return length + scnprintf(text + length, PAGE_SIZE - length, "\\n");
}
static int set_reached(const char *text, const struct kernel_param *kp)
{
	memset(irqlab_mutants_reached, 0, sizeof(irqlab_mutants_reached));
	return 0;
}
static const struct kernel_param_ops reached = { .get = get_reached, .set = set_reached };
module_param_cb(reached, &reached, NULL, 0600);
MODULE_DESCRIPTION("Which mutant is in force");
MODULE_LICENSE("GPL");
"""
SWITCH_IN_C = ("({ extern unsigned int irqlab_mutant; extern u8 irqlab_mutants_reached[]; "
               "irqlab_mutants_reached[NUMBER] = 1; READ_ONCE(irqlab_mutant) == NUMBER; })")
SWITCH_RS = """// SPDX-License-Identifier: GPL-2.0
//! Which mutant is in force.
extern "C" {
    static irqlab_mutant: u32;
    static mut irqlab_mutants_reached: [u8; COUNT];
}
/// Whether it is this one, which is then known to be reached.
#[inline(always)]
pub fn is(number: u32) -> bool {
    // SAFETY: The number is below COUNT; anybody may write there, at any time, and only 1.
    unsafe {
        (&raw mut irqlab_mutants_reached).cast::<u8>().add(number as usize).write_volatile(1);
        (&raw const irqlab_mutant).read_volatile() == number
    }
}
"""


def say(text):
    print(f"mutants: {text}", file=sys.stderr, flush=True)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    """Leaves a file alone that is so already, as make looks at the times."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path) or read(path) != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def lay_out(mutants):
    """The tree with all mutants in it, and the switch between them."""
    changed = {ROOT, *(mutant.path for mutant in mutants)}
    for top in ("rust", "samples", "selftests", "doc"):
        for directory, _, names in os.walk(top):
            for path in (os.path.join(directory, name) for name in names):
                if path not in changed:
                    with open(path, "rb") as file:
                        content = file.read()
                    copy = f"{SOURCE}/{path}"
                    os.makedirs(os.path.dirname(copy), exist_ok=True)
                    if not os.path.exists(copy) or open(copy, "rb").read() != content:
                        shutil.copy(path, copy)
    size = max((mutant.number for mutant in mutants), default=0) + 1
    write(f"{SOURCE}/Kbuild", read("Kbuild").replace("obj-m += ", "obj-m += mutants/ ", 1))
    write(f"{SOURCE}/mutants/Kbuild", "obj-m += irqlab_mutants.o\n")
    write(f"{SOURCE}/mutants/irqlab_mutants.c", SWITCH_C.replace("COUNT", str(size)))
    write(f"{SOURCE}/rust/mutant.rs", SWITCH_RS.replace("COUNT", str(size)))
    of_file = collections.defaultdict(list, {ROOT: []})
    for mutant in mutants:
        of_file[mutant.path].append(mutant)
    for path, some in of_file.items():
        lines = read(path).split("\n")
        taken = set()
        for mutant in some:
            mutant.is_in = not taken & set(mutant.edits)
            if mutant.is_in:
                switch = (SWITCH_IN_C if path.endswith(".c") else "irqlab::mutant::is(NUMBER)"
                          if path.startswith("rust/lab/") else "crate::mutant::is(NUMBER)")
                for at, line in mutant.edits.items():
                    lines[at] = line.replace(SWITCH, switch.replace("NUMBER", str(mutant.number)))
                taken |= set(mutant.edits)
        if path == ROOT:
            lines.insert(lines.index("pub mod nmi;"), "#[allow(missing_docs)] pub mod mutant;")
        write(f"{SOURCE}/{path}", "\n".join(lines))


def make(*arguments):
    return subprocess.run(
        ["make", "-C", os.environ["KDIR"], f"M={TREE}/{SOURCE}", f"MO={TREE}/{OBJECTS}", f"-j{os.cpu_count()}",
         "-k", "KRUSTFLAGS=--cap-lints allow --error-format=short", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def build(mutants):
    """Those of the mutants that the compiler takes. Of the others it says where the error is."""
    known = json.loads(read(f"{TOP}/refused")) if os.path.exists(f"{TOP}/refused") else []
    refused = [mutant for mutant in mutants if mutant.key() in known]
    left = [mutant for mutant in mutants if mutant not in refused]
    while True:
        lay_out(left)
        done = make("modules")
        if done.returncode == 0:
            write(f"{TOP}/refused", json.dumps([mutant.key() for mutant in refused]))
            return left, refused
        out = set()
        for path, at in re.findall(r"^(?:\S*/)?((?:rust|samples)/\S+\.rs):(\d+):\d+: error", done.stdout, re.MULTILINE):
            near = [mutant for mutant in left if mutant.path == path and mutant.is_in]
            here = [mutant for mutant in near if int(at) - 1 in mutant.edits]
            # What it says may be about a line further down.
            out |= set(here or sorted(near, key=lambda mutant: abs(mutant.line + 1 - int(at)))[:1])
        if not out:
            write(f"{TOP}/build.log", done.stdout)
            raise SystemExit(f"mutants: it does not build, for another reason: {TOP}/build.log")
        say(f"{len(out)} of {len(left)} do not compile")
        left = [mutant for mutant in left if mutant not in out]
        refused += out


# ---- Unit tests ----------------------------------------------------------------------------------

def notice_on_host(mutant):
    """Whether the unit tests of the mutant's own file fail with it; None if it has none."""
    text = read(mutant.path)
    if not re.search(r"cfg\((any\()?test\b", text):
        return None
    lines = text.split("\n")
    for at, line in mutant.edits.items():
        lines[at] = line.replace(SWITCH, "true")
    base = f"{TOP}/host/{mutant.number}"
    write(f"{base}.rs", "\n".join(lines))
    built = subprocess.run(["rustc", "--edition", "2021", "--cap-lints", "allow", "--test", "-o", base, f"{base}.rs"],
                           stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if built.returncode:
        return None
    try:
        return subprocess.run([base], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False).returncode != 0
    except subprocess.TimeoutExpired:
        return True


