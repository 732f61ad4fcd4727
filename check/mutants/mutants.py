#!/usr/bin/env python3
"""mutants.py [--docs] [--only NAME,...]: seeds each bug of tests/cases/seeded_bugs.py, one at a time, and demands that its test fails.

The BUILD files say what is compiled, and how (tools/rules.py). gcc compiles everything once unchanged and then, per mutant, the
sources that include the changed file; Bazel would compile the whole library for each. --docs prints the table of docs/mutants.md.
"""

import concurrent.futures
import filecmp
import fnmatch
import glob
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

# The folder of the sources themselves: Bazel runs this among links to them.
HERE = "reclaim/guard.h" if os.path.exists("reclaim/guard.h") else os.path.join(os.path.dirname(__file__), "../../reclaim/guard.h")
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(HERE)))
sys.path[:0] = [os.path.join(ROOT, "tests/cases"), os.path.join(ROOT, "tools")]
import cases  # noqa: E402
import library as rooms  # noqa: E402
import rules  # noqa: E402
import seeded_bugs as table  # noqa: E402

LIMIT, LIMIT_OF_HANGS, CPU_OF_HANGS, LEAST, ROUNDS = 250, 20, 10, 45, 1500
JOBS = max(2, len(os.sched_getaffinity(0)))
ORDERS = "tests/cases/orders.h"
SHORTER = b"; looking for a shorter one"  # check/model/explore.c
COMMON = ["-std=c11", "-g1", "-pthread", "-fno-omit-frame-pointer"]

# Killers whose names do not determine their rules. Else: unit-X is //tests/unit:X_test, others are in tests/faults.
LABELS = {"parked": "//tests/cases:parked_test", "parked-asan": "//tests/cases:parked_test", "tsan": "//tests/cases:recorded_test",
          "model": "//tests/cases:weft-model", "checkers": "//check/history:checkers_test"}
# Flags added to those of the rules, as a --config of Bazel does.
SHIPPED = ["-O1"]
FLAGS = {"parked": SHIPPED, "held": SHIPPED, "ended": SHIPPED, "table": SHIPPED, "fork-handler": SHIPPED, "checkers": SHIPPED, "model": ["-O2"],
         "parked-asan": ["-O1", "-fsanitize=address"], "tsan": ["-O1", "-fsanitize=thread"]}
CHECKED = ["-O1", "-DWEFT_DEBUG"]  # for all others: checks the order of locks


def label_of(killer):
    if killer in LABELS:
        return LABELS[killer]
    room, name = ("unit", killer[len("unit-"):]) if killer.startswith("unit-") else ("faults", killer)
    return "//tests/%s:%s_test" % (room, name.replace("-", "_"))


def flags_of(killer):
    return FLAGS.get(killer, CHECKED)


def killers_of(mutant):
    """Each of them must fail."""
    return mutant[4].split(" + ")


def program_of(killer):
    return killer.split(":")[0].rstrip("!")


def write_orders(folder, overlay):
    """Makes orders.h, as Bazel does, from the sources; a changed one in the overlay comes first."""
    files = [os.path.relpath(path, ROOT) for part in rooms.FOLDERS
             for path in sorted(glob.glob(os.path.join(ROOT, part, "*.[ch]")))]
    where = [os.path.join(overlay if os.path.exists(os.path.join(overlay, path)) else ROOT, path) for path in files]
    os.makedirs(os.path.dirname(os.path.join(folder, ORDERS)), exist_ok=True)
    with open(os.path.join(folder, ORDERS), "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, os.path.join(ROOT, "check/model/orders.py"), *where], stdout=out, check=True)


def replaced(text, old, new, path):
    """Replaces `old`, which must stand there once; white space does not count, so that the formatter may change it."""
    places = [i for i, character in enumerate(text) if not character.isspace()]
    packed, wanted = "".join(text[i] for i in places), "".join(old.split())
    if packed.count(wanted) != 1:
        raise ValueError("stands %d times in %s, seeded_bugs.py is out of date:\n%s" % (packed.count(wanted), path, old))
    first = packed.index(wanted)
    return text[:places[first]] + new + text[places[first + len(wanted) - 1] + 1:]


class Workshop:
    """Objects by source and flags, with the files that each includes."""

    def __init__(self, folder):
        self.folder = folder
        self.include = os.path.join(folder, "include")
        self.rules = rules.Rules(ROOT)
        os.makedirs(self.include)
        os.symlink(ROOT, os.path.join(self.include, "weft"))
        write_orders(folder, ROOT)
        self.objects = {}  # (source, flags): (object, set of the files it includes)

    def parts(self, killer):
        """(source, flags) of all objects; the linker's flags"""
        program = self.rules.program(label_of(killer))
        return [(path, (*flags_of(killer), *copts)) for path, copts in program.sources.items()], program.linkopts

    def compile(self, source, flags, out, overlay=None):
        before = ["-iquote", overlay, "-I", os.path.join(overlay, "include")] if overlay else []
        path = os.path.join(overlay, source) if overlay and os.path.exists(os.path.join(overlay, source)) else os.path.join(ROOT, source)
        subprocess.run(["gcc", *COMMON, *flags, *before, "-iquote", ROOT, "-iquote", self.folder,
                        "-I", self.include, "-MMD", "-MF", out + ".d", "-c", path, "-o", out], check=True, cwd=self.folder)

    def build(self, killers):
        self.make({part for killer in killers for part in self.parts(killer)[0]} - set(self.objects))

    def build_again(self, changed):
        """Builds the objects that include one of these files."""
        self.make({part for part, (_, included) in self.objects.items() if included & changed})

    def make(self, parts):
        def one(numbered):
            number, part = numbered
            out = os.path.join(self.folder, "%d-%s.o" % (number, part[0].replace("/", "-")))
            self.compile(*part, out)
            with open(out + ".d", encoding="utf-8") as file:
                names = file.read().replace("\\\n", " ").split()[1:]
            self.objects[part] = (out, {os.path.relpath(os.path.realpath(name), os.path.realpath(ROOT)) for name in names})

        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(one, enumerate(sorted(parts), len(self.objects))))

    def link(self, killer, out, changed=()):
        parts, linkopts = self.parts(killer)
        objects = [dict(changed).get(part) or self.objects[part][0] for part in parts]
        subprocess.run(["gcc", *COMMON, *flags_of(killer), *objects, "-o", out, *linkopts], check=True)

    def mutate(self, mutant, killer):
        """Builds the killer's program with this mutant."""
        name, _, path, changes, killers = mutant
        # two killers of one program run at the same time
        overlay = os.path.join(self.folder, "mutant-%s-%d" % (name, killers.split(" + ").index(killer)))
        killer = program_of(killer)
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            text = replaced(text, old, new, path)
        for target in (path, os.path.join("include/weft", path)):
            os.makedirs(os.path.dirname(os.path.join(overlay, target)), exist_ok=True)
            with open(os.path.join(overlay, target), "w", encoding="utf-8") as file:
                file.write(text)
        changed, affected = {}, {path}
        if killer == "model" and any("memory_order_" in old for old, _ in changes):
            write_orders(overlay, overlay)
            # All of the model includes it, though the change may be none of a named order.
            if not filecmp.cmp(os.path.join(overlay, ORDERS), os.path.join(self.folder, ORDERS), shallow=False):
                affected.add(os.path.relpath(os.path.join(os.path.realpath(self.folder), ORDERS), os.path.realpath(ROOT)))
        for part in self.parts(killer)[0]:
            if affected & self.objects[part][1]:
                changed[part] = os.path.join(overlay, "%d.o" % len(changed))
                self.compile(*part, changed[part], overlay)
        if not changed:
            raise ValueError("nothing that %s is made of includes %s" % (killer, path))
        program = os.path.join(overlay, "program")
        self.link(killer, program, changed)
        return program


def end(child):
    os.killpg(child.pid, 9)
    child.wait()


def output_of(child, limit):
    """What it prints until it ends. A model that has failed is ended at once: to look for a shorter failure, as it does then, takes many
    times as long as to find one."""
    until, printed = time.monotonic() + limit, b""
    try:
        while SHORTER not in printed:
            if not select.select([child.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise subprocess.TimeoutExpired(child.args, limit)
            more = os.read(child.stdout.fileno(), 1 << 16)
            if not more:
                child.wait(max(0, until - time.monotonic()))
                break
            printed += more
        else:
            end(child)
    except subprocess.TimeoutExpired:
        end(child)
        raise
    return printed.decode("utf-8", "replace")


def run(killer, program):
    """(whether it failed, how)"""
    pattern = killer.split(":", 1)[1]
    arguments = [pattern] if pattern else []
    if killer.startswith(("parked", "tsan")) and "*none*" not in pattern:
        arguments.append(str(ROUNDS if pattern.startswith("weft") else 3))
    if killer.startswith("model"):
        case, *way = pattern.split()
        arguments = ["--case", case if case != "*" else "put-take", *(way or ["--most", "100000"])]
    limit = LIMIT_OF_HANGS if "!" in killer else LIMIT
    # The first failure of a cmocka test ends the program: the verdict is known.
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_leaks=0", CMOCKA_TEST_ABORT="1")
    prefix = ["setpriv", "--pdeathsig", "KILL", *(["setarch", "-R"] if killer.startswith("tsan") else [])]  # some mutants loop for ever
    if "!" in killer:
        prefix += ["prlimit", "--cpu=%d:%d" % (CPU_OF_HANGS, CPU_OF_HANGS + 1)]
    with subprocess.Popen([*prefix, program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment, start_new_session=True) as child:
        try:
            output = output_of(child, limit)
        except subprocess.TimeoutExpired:
            return "!" in killer, "does not end in %d s" % limit
    if child.returncode == 0:
        return False, "survives"
    if child.returncode in (126, 127):
        return False, "cannot be run"
    if child.returncode == -signal.SIGXCPU:
        return True, "does not end in %d s of processor time" % CPU_OF_HANGS
    strange = [name for name in re.findall(r"^\[ RUN      \] (.*)$", output, re.MULTILINE) if pattern and not fnmatch.fnmatch(name, pattern)]
    if strange:
        return False, "runs %s, too" % strange[0]
    shown = re.search(r"(ERROR: AddressSanitizer: \S+|WARNING: ThreadSanitizer: [a-z ]+|^.*(?:fits nowhere|never put|taken twice|"
                      r"memory was|data race|lowest|found empty|still inside|dequeued after|an iteration|no order explains|check failed: ).*$|error: .*$)", output, re.MULTILINE)
    if child.returncode == 2 and killer.startswith("model"):
        return False, output.strip()
    if "Segmentation fault" in output:
        return True, "segmentation fault"
    if shown:
        return True, re.sub(r"\s+", " ", shown.group(1))[:100]
    return True, "status %d" % child.returncode


def shown(killer):
    """The killer as the table in docs/mutants.md names it."""
    sanitizer = re.search(r"asan|tsan", killer)
    return label_of(killer) + (" (%s)" % sanitizer.group(0) if sanitizer else "")


def docs():
    lines = ["# Seeded bugs, and what kills them", "",
             "Made by `python3 check/mutants/mutants.py --docs` from tests/cases/seeded_bugs.py, which has the change of each;",
             "`//check/mutants:mutants_test` seeds them, one at a time, and fails if what is named here does not.", "",
             "| bug | what is wrong | where | killed by |", "|---|---|---|---|"]
    for mutant in table.MUTANTS:
        killers = ["`%s`" % ("./weft model --case " + k.split(":", 1)[1] if program_of(k) == "model" else shown(program_of(k)))
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


def check_unmutated(workshop, name, all_killers):
    """The killers must pass without a mutant; otherwise their failures mean nothing."""
    program = os.path.join(workshop.folder, "unmutated-" + name)
    workshop.link(name, program)
    own = {killer for killer in all_killers if program_of(killer) == name}
    # A killer that may fail by never ending must end without a mutant, in the same time.
    those = [killer for killer in own if "!" in killer]
    those += [name + ":*"] if len(those) < len(own) else []
    verdicts = [(killer, *run(killer, program)) for killer in those]
    return ["%s fails as it is: %s" % (killer, how) for killer, failed, how in verdicts if failed]


def main():
    if "--docs" in sys.argv:
        sys.stdout.write(docs())
        return 0
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    mutants = [mutant for mutant in table.MUTANTS if any(name in mutant[0] for name in only.split(","))]
    rows = {}  # each survivor's killer and its output
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(folder)
        workshop.build({program_of(killer) for mutant in mutants for killer in killers_of(mutant)})

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
        all_killers = {killer for _, killer in pairs}
        programs = [] if only else sorted({program_of(killer) for killer in all_killers})
        # Those that may never end, and those whose threads are held up, mostly wait: they run beside as many others as there are cores.
        with concurrent.futures.ThreadPoolExecutor(JOBS) as waiting, concurrent.futures.ThreadPoolExecutor(JOBS) as busy:
            passing = [busy.submit(check_unmutated, workshop, name, all_killers) for name in programs]
            jobs = [(waiting if "!" in killer or killer.startswith("parked") else busy).submit(one, mutant, killer) for mutant, killer in pairs]
            for job in jobs:
                job.result()
            wrong = "\n".join(sum((job.result() for job in passing), []))
        tests = [(mutant[0], lambda name=mutant[0]: rows.get(name)) for mutant in mutants]
        if not only:
            tests += [("the killers pass as they are", lambda: wrong), ("the table in docs/", check_docs),
                      ("at least %d" % LEAST, lambda: None if len(mutants) >= LEAST else "only %d" % len(mutants))]
        return cases.run(tests)


if __name__ == "__main__":
    sys.exit(main())
