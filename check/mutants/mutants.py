#!/usr/bin/env python3
"""mutants.py [--docs] [--only NAME,...]: seeds each bug of tests/cases/seeded_bugs.py, one at a time, and demands that its test fails.

Everything is compiled by gcc here, once as it is and then, per mutant, what includes the changed file. --docs prints the
table as it stands in docs/mutants.md.
"""

import ast
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

# The sources themselves, also where Bazel lays links to them.
HERE = "reclaim/guard.h" if os.path.exists("reclaim/guard.h") else os.path.join(os.path.dirname(__file__), "../../reclaim/guard.h")
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(HERE)))
sys.path[:0] = [os.path.join(ROOT, "tests/cases"), os.path.join(ROOT, "tools")]
import cases  # noqa: E402
import library as rooms  # noqa: E402
import seeded_bugs as table  # noqa: E402

LIMIT, LIMIT_OF_HANGS, LEAST, ROUNDS = 250, 20, 45, 1500
JOBS = max(2, len(os.sched_getaffinity(0)))
ORDERS = "tests/cases/orders.h"
COMMON = ["-std=c11", "-g1", "-pthread", "-fno-omit-frame-pointer"]


def flags(name):
    """A list of tools/defs.bzl, as a shell would pass it on."""
    with open(os.path.join(ROOT, "tools/defs.bzl"), encoding="utf-8") as file:
        text = re.search(r"^%s = (\[.*?^\])" % name, file.read(), re.MULTILINE | re.DOTALL).group(1)
    return [shlex.split(flag)[0] for flag in ast.literal_eval(text)]


PARKED = ["-O1", "-DLIN_PARKED"] + flags("PARKED_COPTS")
MODEL = ["-O2"] + flags("MODEL_COPTS")
FLAVOURS = {
    "model": MODEL,
    "plain": ["-O1", "-DWEFT_DEBUG"],  # which checks the order of locks
    "parked": PARKED,
    "asan": PARKED + ["-fsanitize=address"],
    "tsan": ["-O1", "-fsanitize=thread"],
}
LAB = ["check/history/%s.c" % name for name in ("judge", "fifo", "history", "item", "lifo", "order", "search", "spec", "table", "generate",
                                                "recorder", "park", "drive", "iterate", "timeline")] + ["tests/cases/subjects.c"]
SUPPORT = ["tests/unit/%s.c" % name for name in ("keys", "oom", "sequence", "support", "workload")] + ["tests/support/containers.c"]
UNIT = {"map": "unit/map_test", "size": "unit/map_size_test", "owner": "unit/map_owner_test", "hash": "unit/hash_test", "thread": "faults/thread_test",
        "barrier": "unit/barrier_test", "bound": "unit/bound_test", "nested": "unit/nested_guard_test", "domain": "unit/domain_test",
        "guard": "unit/guard_test", "life": "faults/life_test", "asked": "faults/asked_test", "fork-life": "faults/fork_life_test", "oom-record": "faults/oom_record_test",
        "fork": "faults/fork_test", "user-end": "faults/user_end_test", "membarrier": "unit/membarrier_test",
        "pause": "unit/pause_test"}
# Of these, libc's functions can be made to refuse: tests/unit/interpose.c.
INTERPOSED = {"unit-thread", "life", "asked", "fork-life", "oom-record"}
with open(os.path.join(ROOT, "tests/unit/interpose.c"), encoding="utf-8") as interpose:
    WRAPPED = sorted(set(re.findall(r"\b__wrap_(\w+)\(", interpose.read())))

# name: (flavour, its own sources)
KILLERS = {
    "parked": ("parked", LAB + ["tests/cases/recorded_test.c"]),
    "parked-asan": ("asan", LAB + ["tests/cases/recorded_test.c"]),
    "tsan": ("tsan", LAB + ["tests/cases/recorded_test.c"]),
    "held": ("parked", ["check/history/park.c", "tests/faults/places.c", "tests/faults/held_test.c"]),
    "ended": ("parked", ["check/history/park.c", "tests/faults/places.c", "tests/faults/ended_test.c"]),
    "table": ("parked", ["check/history/park.c", "tests/faults/places.c", "tests/faults/table_test.c"]),
    "model": ("model", ["check/model/%s.c" % name for name in ("access", "explain", "explore", "fiber", "image", "instrument", "lock", "memory", "run", "schedule",
                                                               "search", "show", "state", "thread", "view")] +
              ["tests/cases/%s.c" % name for name in ("cases", "cells", "kernels", "operations", "structures", "sweep", "model")] +
              ["tests/support/containers.c", "check/history/spec.c", "check/history/history.c", "tools/output/output.c"]),
    "oom": ("plain", ["tests/faults/oom_test.c"]),
    "step": ("plain", ["tests/faults/step_test.c"]),
    "checkers": ("plain", LAB + ["check/history/checkers_test.c"]),
}
PLAIN = {("" if path.startswith("faults") and name != "thread" else "unit-") + name: path for name, path in UNIT.items()}
KILLERS.update({name: ("plain", ["tests/%s.c" % path]) for name, path in PLAIN.items()})

# What a killer is called in the table of the docs.
LABELS = {"parked": "//tests/cases:parked_test", "parked-asan": "//tests/cases:parked_test (asan)",
          "tsan": "//tests/cases:recorded_test (tsan)", "held": "//tests/faults:held_test",
          "ended": "//tests/faults:ended_test", "table": "//tests/faults:table_test", "oom": "//tests/faults:oom_test", "step": "//tests/faults:step_test",
          "checkers": "//check/history:checkers_test"}
LABELS.update({name: "//tests/" + path.replace("/", ":") for name, path in PLAIN.items()})


def killers_of(mutant):
    """Each of them must fail."""
    return mutant[4].split(" + ")


def program_of(killer):
    return killer.split(":")[0].rstrip("!")


def library():
    return sorted(os.path.relpath(path, ROOT) for part in rooms.FOLDERS
                  for path in glob.glob(os.path.join(ROOT, part, "*.c")))


def sources_of(killer):
    """All that it is made of."""
    flavour, sources = KILLERS[killer]
    support = [] if flavour == "model" else SUPPORT
    return flavour, list(dict.fromkeys(sources + library() + support))


def write_orders(folder, overlay):
    """The named orders, as check/model/BUILD makes them, of the sources as they are or where they lie changed."""
    files = [os.path.relpath(path, ROOT) for part in rooms.FOLDERS
             for path in sorted(glob.glob(os.path.join(ROOT, part, "*.[ch]")))]
    where = [os.path.join(overlay if os.path.exists(os.path.join(overlay, path)) else ROOT, path) for path in files]
    os.makedirs(os.path.dirname(os.path.join(folder, ORDERS)), exist_ok=True)
    with open(os.path.join(folder, ORDERS), "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, os.path.join(ROOT, "check/model/orders.py"), *where], stdout=out, check=True)


def replaced(text, old, new, path):
    """Where `old` stands is found whatever white space the formatter has put into it, or taken out."""
    places = [i for i, character in enumerate(text) if not character.isspace()]
    packed, wanted = "".join(text[i] for i in places), "".join(old.split())
    if packed.count(wanted) != 1:
        raise ValueError("stands %d times in %s, seeded_bugs.py is out of date:\n%s" % (packed.count(wanted), path, old))
    first = packed.index(wanted)
    return text[:places[first]] + new + text[places[first + len(wanted) - 1] + 1:]


class Workshop:
    """Objects by flavour and source, with what each includes."""

    def __init__(self, folder):
        self.folder = folder
        self.include = os.path.join(folder, "include")
        os.makedirs(self.include)
        os.symlink(ROOT, os.path.join(self.include, "weft"))
        write_orders(folder, ROOT)
        self.objects = {}  # (flavour, source): (object, set of the files it includes)

    def compile(self, flavour, source, out, overlay=None):
        before = ["-iquote", overlay, "-I", os.path.join(overlay, "include")] if overlay else []
        path = os.path.join(overlay, source) if overlay and os.path.exists(os.path.join(overlay, source)) else os.path.join(ROOT, source)
        watched = ["-fsanitize=thread"] if flavour == "model" and source in library() else []  # as in check/model/BUILD
        subprocess.run(["gcc", *COMMON, *FLAVOURS[flavour], *watched, *before, "-iquote", ROOT, "-iquote", self.folder,
                        "-I", self.include, "-MMD", "-MF",
                        out + ".d", "-c", path, "-o", out], check=True, cwd=self.folder)

    def build_all(self, killers):
        wanted = {(KILLERS[killer][0], source) for killer in killers for source in sources_of(killer)[1]}
        self.build(wanted | ({("plain", "tests/unit/interpose.c")} if INTERPOSED & set(killers) else set()))

    def build(self, wanted):
        def one(key):
            flavour, source = key
            out = os.path.join(self.folder, flavour + "-" + source.replace("/", "-") + ".o")
            self.compile(flavour, source, out)
            with open(out + ".d", encoding="utf-8") as file:
                names = file.read().replace("\\\n", " ").split()[1:]
            self.objects[key] = (out, {os.path.relpath(os.path.realpath(name), os.path.realpath(ROOT)) for name in names})

        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(one, sorted(wanted)))

    def link(self, killer, out, changed=()):
        flavour, sources = sources_of(killer)
        interposed = killer in INTERPOSED
        sources = sources + (["tests/unit/interpose.c"] if interposed else [])
        changed = dict(changed)
        objects = [changed.get(source) or self.objects[(flavour, source)][0] for source in sources]
        wraps = ["-Wl,--wrap=" + name for name in WRAPPED] if interposed else []
        subprocess.run(["gcc", *COMMON, *FLAVOURS[flavour], *objects, "-o", out, *wraps, "-lcmocka", "-ljansson", "-lm"], check=True)

    def mutate(self, mutant, killer):
        """The killer's program, mutated."""
        name, _, path, changes, _ = mutant
        killer = program_of(killer)
        overlay = os.path.join(self.folder, "mutant-%s-%s" % (name, killer))
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            text = replaced(text, old, new, path)
        for target in (path, os.path.join("include/weft", path)):
            os.makedirs(os.path.dirname(os.path.join(overlay, target)), exist_ok=True)
            with open(os.path.join(overlay, target), "w", encoding="utf-8") as file:
                file.write(text)
        flavour, sources = sources_of(killer)
        changed, affected = {}, {path}
        if flavour == "model" and any("memory_order_" in old for old, _ in changes):
            write_orders(overlay, overlay)
            affected.add(os.path.relpath(os.path.join(os.path.realpath(self.folder), ORDERS), os.path.realpath(ROOT)))
        for source in sources:
            if affected & self.objects[(flavour, source)][1]:
                changed[source] = os.path.join(overlay, source.replace("/", "-") + ".o")
                self.compile(flavour, source, changed[source], overlay)
        if not changed:
            raise ValueError("nothing that %s is made of includes %s" % (killer, path))
        program = os.path.join(overlay, "program")
        self.link(killer, program, changed)
        return program


def run(killer, program):
    """(failed?, how it showed)"""
    pattern = killer.split(":", 1)[1]
    arguments = [pattern] if pattern else []
    if killer.startswith(("parked", "tsan")) and "*none*" not in pattern:
        arguments.append(str(ROUNDS if pattern.startswith("weft") else 3))
    if killer.startswith("model"):
        case, *way = pattern.split()
        arguments = ["--case", case if case != "*" else "put-take", *(way or ["--most", "100000"])]
    limit = LIMIT_OF_HANGS if "!" in killer else LIMIT
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_leaks=0")
    prefix = ["setpriv", "--pdeathsig", "KILL", *(["setarch", "-R"] if killer.startswith("tsan") else [])]  # some loop for ever
    with subprocess.Popen([*prefix, program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment, start_new_session=True) as child:
        try:
            output = child.communicate(timeout=limit)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.communicate()
            return "!" in killer, "does not end in %d s" % limit
    if child.returncode == 0:
        return False, "survives"
    shown = re.search(r"(ERROR: AddressSanitizer: \S+|WARNING: ThreadSanitizer: [a-z ]+|^.*(?:fits nowhere|never put|taken twice|"
                      r"memory was|data race|lowest|found empty|still inside|dequeued after|an iteration|no order explains|check failed: ).*$|error: .*$)", output, re.MULTILINE)
    if child.returncode == 2 and killer.startswith("model"):
        return False, output.strip()
    if "Segmentation fault" in output:
        return True, "segmentation fault"
    if shown:
        return True, re.sub(r"\s+", " ", shown.group(1))[:100]
    return True, "status %d" % child.returncode


def docs():
    lines = ["# Seeded bugs, and what kills them", "",
             "Made by `python3 check/mutants/mutants.py --docs`; `//check/mutants:mutants_test` seeds each of them, one at a time,",
             "and fails if what is named here does not.", "",
             "| bug | what is wrong | where | killed by |", "|---|---|---|---|"]
    for mutant in table.MUTANTS:
        killers = ["`%s`" % ("./weft model --case " + k.split(":", 1)[1] if program_of(k) == "model" else LABELS[program_of(k)])
                   for k in killers_of(mutant)]
        lines.append("| %s | %s | `%s` | %s |" % (*mutant[:3], ", ".join(killers)))
    lines += ["", "Seeded and killed inside `//tests/cases:kernels_test`:", ""] + ["- %s: %s" % pair for pair in table.ELSEWHERE]
    if table.SURVIVORS:
        lines += ["", "Not killed by a test in its time:", ""] + ["- %s: %s" % pair for pair in table.SURVIVORS]
    return "\n".join(lines) + "\n"


def check_docs():
    with open(os.path.join(ROOT, "docs/mutants.md"), encoding="utf-8") as file:
        if file.read() != docs():
            return "docs/mutants.md is out of date: python3 check/mutants/mutants.py --docs > docs/mutants.md"
    return None


def check_unmutated(workshop, mutants):
    """The killers themselves pass, or what they say of mutants means nothing."""
    wrong = []
    all_killers = {killer for mutant in mutants for killer in killers_of(mutant)}
    for name in sorted({program_of(killer) for killer in all_killers}):
        program = os.path.join(workshop.folder, "unmutated-" + name)
        workshop.link(name, program)
        # Those that may fail by never ending must end as they are, in the same time.
        those = [killer for killer in all_killers if program_of(killer) == name and "!" in killer] or [name + ":*"]
        for killer in those:
            failed, how = run(killer, program)
            if failed:
                wrong.append("%s fails as it is: %s" % (killer, how))
    return "\n".join(wrong)


def main():
    if "--docs" in sys.argv:
        sys.stdout.write(docs())
        return 0
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    mutants = [mutant for mutant in table.MUTANTS if any(name in mutant[0] for name in only.split(","))]
    rows = {}  # what each survivor's killer said
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(folder)
        workshop.build_all({program_of(killer) for mutant in mutants for killer in killers_of(mutant)})

        def one(mutant, killer):
            began = time.monotonic()
            try:
                killed, how = run(killer, workshop.mutate(mutant, killer))
            except (ValueError, subprocess.CalledProcessError) as error:
                killed, how = False, str(error)
            if not killed:
                rows[mutant[0]] = "%s: %s" % (killer, how)
            print("%-30s %-14s %5.1f s  %s" % (mutant[0], program_of(killer), time.monotonic() - began, how), flush=True)

        pairs = [(mutant, killer) for mutant in mutants for killer in killers_of(mutant)]
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(one, *zip(*pairs)))
        tests = [(mutant[0], lambda name=mutant[0]: rows.get(name)) for mutant in mutants]
        if not only:
            tests += [("the killers pass as they are", lambda: check_unmutated(workshop, mutants)), ("the table in docs/", check_docs),
                      ("at least %d" % LEAST, lambda: None if len(mutants) >= LEAST else "only %d" % len(mutants))]
        return cases.run(tests)


if __name__ == "__main__":
    sys.exit(main())
