#!/usr/bin/env python3
"""Follows CONTRIBUTING.md's recipe for a structure: a copy of the tree gets a toy queue, that is, only its three files, its line in
structures.def and a case of the model. Then everything that is made from the table knows it; without the line nothing does."""

import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from consumer import ROOT, WARNINGS, Failed, Place, run, run_steps, write  # noqa: E402

KILLERS, CASES = "check/mutants", "tests/cases/cases.c"  # the folder of mutants.py, which compiles without Bazel; the model's cases
TABLE = "structures.def"
# The line and the case of an existing queue: the toy is this queue under another name.
LINE = re.compile(r"^    X\(QUEUE, (\w+), .*SEPARATOR\(\).*\n", re.MULTILINE)
CASE = re.compile(r'^    \{"queue-hazard-put-take", .*\n', re.MULTILINE)
TYPED = """#define WEFT_IMPLEMENTATION
#include "weft.h"
#include <stdio.h>
WEFT_TOY_OF(numbers, long *);
int main(void)
{
    static long one = 1;
    numbers *queue;
    long *out = NULL;
    if (numbers_create(&queue, NULL) != 0 || numbers_enqueue(queue, &one) != 0 || !numbers_try_dequeue(queue, &out) || out != &one)
        return 1;
    numbers_destroy(queue, NULL, NULL);
    return puts("toy") < 0;
}
"""


class Toy(Place):
    def __init__(self, folder):
        super().__init__(folder)
        self.tree = os.path.join(folder, "tree")
        shutil.copytree(ROOT, self.tree, symlinks=True, ignore=shutil.ignore_patterns(".git", ".weft", "__pycache__"))
        os.chdir(self.tree)  # mutants.py works in the current directory
        self.line = LINE.search(self.read(TABLE)).group()
        self.like = LINE.search(self.line).group(1)
        self.workshop = None

    def read(self, path):
        with open(os.path.join(self.tree, path), encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        write(os.path.join(self.tree, path), text)

    def toyed(self, text):
        return re.sub(self.like, "toy", text).replace(self.like.upper(), "TOY")

    def edit(self, path, at, new):
        """Puts `new` behind `at`."""
        text = self.read(path)
        if text.count(at) != 1:
            raise Failed("%s has %d times %r" % (path, text.count(at), at))
        self.write(path, text.replace(at, at + new))

    def program(self, name, *arguments):
        out = os.path.join(self.folder, name)
        self.workshop.link(name, out)
        return run([out, *arguments]).decode()

    # ---- the steps ----

    def three_files_alone(self):
        """It is compiled and in the list of symbols, but in no table, so no test makes one."""
        for name in ("%s.h", "%s_kernel.h", "%s.c"):
            text = self.toyed(self.read("queues/" + name % self.like))
            self.write("queues/" + name % "toy", re.sub(r" \*/\n(?=WEFT_API)", " Since 0.2. */\n", text))
        sys.path.insert(0, os.path.join(self.tree, KILLERS))
        import mutants
        mutants.LABELS.update(bench="//bench:weft-bench", counted="//bench:weft-counted")
        mutants.FLAGS.update(bench=mutants.SHIPPED, counted=mutants.SHIPPED)
        self.workshop = mutants.Workshop(os.path.join(self.folder, "objects"))
        self.workshop.build({"bench", "counted", "parked", "held", "model"})
        for name, arguments in (("bench", ["--list"]), ("counted", []), ("parked", ["weft-toy*", "1"]), ("held", ["held in toy*"])):
            said = self.program(name, *arguments)
            if "toy" in said:
                raise Failed("%s knows it without its line:\n%s" % (name, said))

    def its_line_and_a_case(self):
        self.edit(TABLE, self.line, self.toyed(self.line))
        self.edit(TABLE, "#include <weft/queues/%s.h>\n" % self.like, "#include <weft/queues/toy.h>\n")
        case = CASE.search(self.read(CASES)).group()
        self.edit(CASES, case, case.replace("queue-hazard-put-take", "toy").replace('"%s"' % self.like, '"toy"'))
        self.workshop.build_again({TABLE, CASES})

    def the_bench_measures_it(self):
        listed = self.program("bench", "--list")
        if len(re.findall(r"^queue +weft-toy +(?:hazard|epoch) ", listed, re.MULTILINE)) != 2:
            raise Failed(listed)
        said = self.program("bench", "--impl", "weft-toy,mutex-queue", "--workload", "pairs", "--threads", "2", "--rounds", "3", "--duration-ms", "4")
        if len(re.findall(r"^ *weft-toy +(?:hazard|epoch)", said, re.MULTILINE)) < 2:
            raise Failed(said)

    def its_operations_are_counted(self):
        said = self.program("counted")
        of = {name: re.findall(r'"weft_%s", ("operation": .*"calls": \d+)' % name, said) for name in ("toy", self.like)}
        if len(of["toy"]) != 4 or of["toy"] != of[self.like]:
            raise Failed(said)

    def the_recorder_checks_it(self):
        said = self.program("parked", "weft-toy*", "20")
        if said.count("[       OK ] weft-toy (") != 2 or said.count("weft-toy, ") != 2 or said.count(" 0 violations") != 2:
            raise Failed(said)

    def the_model_runs_its_case(self):
        said = self.program("model", "--case", "toy")
        before = self.program("model", "--case", "queue-hazard-put-take")
        if not re.search(r"^toy +\d+ executions, all .* fine$", said, re.MULTILINE) or re.findall(r"\d+ exe", said) != re.findall(r"\d+ exe", before):
            raise Failed(said + before)

    def threads_are_held_in_it(self):
        said = self.program("held", "held in toy*")
        if len(re.findall(r"^toy (?:enqueue|try_dequeue): held at \d+ places", said, re.MULTILINE)) != 4:
            raise Failed(said)

    def one_header_and_typed(self):
        where = self.place("typed")
        run([os.path.join(self.tree, "tools/install/amalgamate.py"), os.path.join(where, "weft.h")])
        write(os.path.join(where, "typed.c"), TYPED)
        run(["gcc", "-std=c11", "-O1"] + WARNINGS + ["typed.c", "-o", "typed", "-pthread"], where)
        if run(["./typed"], where) != b"toy\n":
            raise Failed("the program does not say toy")

    def exported(self):
        """It is exported in the version that its comments name, in a block behind the first."""
        where = self.folder + "/typed"
        run([os.path.join(self.tree, "tools/install/symbols.py")])
        run(["gcc", "-std=c11", "-shared", "-fPIC", "typed.c", "-o", "typed.so", "-pthread",
             "-Wl,--version-script=" + os.path.join(self.tree, "tools/install/libweft.map")], where)
        names = run(["nm", "-D", "--defined-only", "typed.so"], where).decode()
        ours, models = (set(re.findall(r"weft_%s_(\w+)@@(\S+)" % name, names)) for name in ("toy", self.like))
        if not models or {version for _, version in models} != {"WEFT_0.1"} or ours != {(name, "WEFT_0.2") for name, _ in models}:
            raise Failed(names)

    def documents_want_it(self):
        """The test of the documents notices that their tables, written by hand, lack it."""
        sys.path.insert(0, os.path.join(self.tree, "tools/docs"))
        import snippets
        structures = snippets.library.structures()
        if "toy" not in structures:
            raise Failed(structures)
        for path, heading in snippets.TABLES.items():
            if not snippets.wrong_rows(self.read(path), heading, structures):
                raise Failed("%s has no row for it, and nobody says so" % path)


def main():
    with tempfile.TemporaryDirectory() as folder:
        toy = Toy(folder)
        return run_steps(toy.three_files_alone, toy.its_line_and_a_case, toy.the_bench_measures_it, toy.its_operations_are_counted, toy.the_recorder_checks_it,
                         toy.the_model_runs_its_case, toy.threads_are_held_in_it, toy.one_header_and_typed, toy.exported, toy.documents_want_it)


if __name__ == "__main__":
    sys.exit(main())
