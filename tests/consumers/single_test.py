#!/usr/bin/env python3
"""dist/weft.h in programs, in a plugin, and in place of the library under the unit tests. tests/headers checks that it compiles without
a warning and matches the tree."""

import glob
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from consumer import HERE, ROOT, WARNINGS, Failed, Place, run, run_steps, says, write  # noqa: E402

import rules  # noqa: E402


HEADER = os.path.join(ROOT, "dist/weft.h")
IMPLEMENTATION = '#define WEFT_IMPLEMENTATION\n#include "weft.h"\n'


class Single(Place):
    def place(self, name, *files):
        where = super().place(name, *files)
        shutil.copy(HEADER, where)
        return where

    def programs(self):
        where = self.place("single", "program.c", "single.c")
        with open(os.path.join(where, "program.c"), encoding="utf-8") as file:
            program = re.sub(r"#include <weft/.*>\n", '#include "weft.h"\n', file.read())
        write(os.path.join(where, "user.c"), program)
        write(os.path.join(where, "weft.c"), '#include <time.h>\n#include <signal.h>\n#include "weft.h"\n#include "single.c"\n#include "weft.h"\n')
        write(os.path.join(where, "own.c"), "static int mode, ready, pop, insert, records, at_load, load; int get; enum { MEMBARRIER, FENCES };\n"
              "#define WEFT_STATIC\n" + program.replace("int main(void)\n{", "int main(void)\n{\n    mode = ready = pop = insert = records = at_load = load = get;"))
        write(os.path.join(where, "user.cc"), '#include "weft.h"\n#include "weft.h"\nint main() { return weft_version() != WEFT_VERSION; }\n')
        for compiler in ("gcc", "clang"):
            for standard in ("c11", "c17", "gnu11"):
                run([compiler, "-std=" + standard, "-O2"] + WARNINGS + ["user.c", "weft.c", "-o", "program", "-pthread"], where)
                says(run(["./program"], where))
            run([compiler, "-std=c11", "-O2"] + WARNINGS + ["-Wno-shadow", "own.c", "-o", "own", "-pthread"], where)
            says(run(["./own"], where))
            run([compiler, "-std=c11", "-c", "own.c"], where)
            if b" weft_" in run("nm own.o | grep -v ' [a-zU] ' || true", where, True):
                raise Failed("with WEFT_STATIC it exports names")
            run([{"gcc": "g++", "clang": "clang++"}[compiler], "-std=c++17"] + WARNINGS + ["-c", "user.cc"], where)
            run([compiler, "-std=c11", "-c", "weft.c"], where)
            run([{"gcc": "g++", "clang": "clang++"}[compiler], "user.o", "weft.o", "-o", "mixed", "-pthread"], where)
            run(["./mixed"], where)

    def plugin(self):
        """A plugin with the implementation inside is closed while threads that used it go on."""
        where = self.place("plugin", "host.c")
        run(["cc", "-std=gnu11", "host.c", "-o", "host", "-pthread"], where)
        with open(os.path.join(HERE, "plugin.c"), encoding="utf-8") as file:
            plugin = re.sub(r"#include <weft/.*>\n", '#include "weft.h"\n', file.read())
        for name in ("IMPLEMENTATION", "STATIC"):
            write(os.path.join(where, name + ".c"), "#define WEFT_%s\n%s" % (name, plugin))
            for compiler, standard in (("gcc", "c11"), ("gcc", "gnu17"), ("clang", "c11")):
                run([compiler, "-std=" + standard, "-O2", "-fPIC", "-shared"] + WARNINGS + [name + ".c", "-o", name + ".so", "-pthread"], where)
                run(["./host", "./%s.so" % name], where)

    def nothing_exported(self):
        """WEFT_API as a user defines it."""
        where = self.place("hidden")
        write(os.path.join(where, "weft.c"), IMPLEMENTATION)
        for flags, expected in (([], True), (['-DWEFT_API=__attribute__((visibility("hidden")))'], False),
                                (["-DWEFT_API=", "-fvisibility=hidden"], False)):
            run(["gcc", "-std=c11", "-fPIC", "-shared"] + WARNINGS + flags + ["weft.c", "-o", "weft.so", "-pthread"], where)
            if (b" weft_" in run(["nm", "-D", "--defined-only", "weft.so"], where)) != expected:
                raise Failed("%s: exported: %s" % (flags, not expected))

    def linked_statically(self):
        """The linker would warn of functions that a static program should not use."""
        where = self.place("static", "program.c")
        with open(os.path.join(where, "program.c"), encoding="utf-8") as file:
            write(os.path.join(where, "all.c"), IMPLEMENTATION + re.sub(r"#include <weft/.*>\n", "", file.read()))
        said = run(["gcc", "-std=c11", "-O2", "-static"] + WARNINGS + ["all.c", "-o", "all", "-pthread"], where)
        if said:
            raise Failed(said.decode())
        says(run(["./all"], where))

    def unit_tests(self):
        """All unit tests, with the single header in place of all our headers, and its implementation in place of the library."""
        where = self.place("units")
        os.symlink(ROOT, os.path.join(where, "weft"))
        write(os.path.join(where, "weft.c"), IMPLEMENTATION)
        flags = ["-std=c11", "-D_GNU_SOURCE=", "-O1", "-I" + where, "-iquote", ROOT, "-include", "weft.h", "-pthread"]
        run(["gcc", "-std=c11", "-O2", "-c", "weft.c"], where)
        unit = os.path.join(ROOT, "tests/unit")
        support = [os.path.join(ROOT, path) for path in rules.Rules(ROOT).program("//tests/unit:support").sources if path.startswith("tests/")]
        run(["gcc"] + flags + ["-c"] + support, where)
        objects = [os.path.basename(name)[:-2] + ".o" for name in support] + ["weft.o"]
        tests = sorted(set(glob.glob(unit + "/*_test.c")) - {unit + "/ten_million_test.c"})  # that one takes minutes, for the allocator's sake
        for test in tests:
            name = os.path.basename(test)[:-2]
            run(["gcc"] + flags + [test] + objects + ["-o", name, "-lcmocka"], where)
            run(["./" + name], where)
        if len(tests) < 13:
            raise Failed("only %d unit tests" % len(tests))


def main():
    with tempfile.TemporaryDirectory() as folder:
        c = Single(folder)
        return run_steps(c.programs, c.plugin, c.nothing_exported, c.linked_statically, c.unit_tests)


if __name__ == "__main__":
    sys.exit(main())
