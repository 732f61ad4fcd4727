#!/usr/bin/env python3
"""Each public header compiles alone, twice in a row, as C11 and as C++17, and each source file as C11, with gcc and
clang and all our warnings as errors. clang also reports atomics used without an order, which would be an
unnamed sequentially consistent access. For standards older than C11 and C++17 each header gives one error.

tools/library.py lists the public headers. dist/weft.h, which holds all of them and the implementation, must pass the same checks and
match the tree. So must the list of exported symbols.
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOOLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools")
sys.path[:0] = [TOOLS, os.path.join(TOOLS, "install")]

import amalgamate  # noqa: E402
import cases  # noqa: E402
import library  # noqa: E402
import symbols  # noqa: E402

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror"]
C11, CXX17 = ["-std=c11", "-x", "c"], ["-std=c++17", "-x", "c++"]
COMPILERS = {
    "gcc": ["gcc"] + C11,
    "clang": ["clang", "-Watomic-implicit-seq-cst"] + C11,
    "g++": ["g++"] + CXX17,
    "clang++": ["clang++"] + CXX17,
}
SINGLE = "dist/weft.h"
IMPLEMENTED = "#define WEFT_IMPLEMENTATION\n"
C_STANDARDS = [(compiler, standard) for compiler in ("gcc", "clang") for standard in ("c11", "c17", "gnu11")]
TOO_OLD = [(compiler, standard) for compiler in ("gcc", "clang") for standard in ("gnu89", "c99", "gnu99")]
TOO_OLD += [(compiler, standard) for compiler in ("g++", "clang++") for standard in ("c++11", "c++14", "gnu++14")]


def programs():
    """(name, compiler's command, the program's text)"""
    for header in library.public_headers("."):
        text = 2 * ("#include <weft/%s>\n" % header) + "int main(void) { return 0; }\n"
        for name, command in COMPILERS.items():
            yield "%s with %s" % (header, name), command, text
    for source in library.files(".", "*.c"):
        # the build has compiled it with gcc
        yield "%s with clang" % source, COMPILERS["clang"], '#include "%s"\n' % source
    included = '#include "%s"\n' % SINGLE
    for compiler, standard in C_STANDARDS:
        command = [compiler, "-std=" + standard, "-x", "c"]
        yield "%s with %s -std=%s" % (SINGLE, compiler, standard), command, included + IMPLEMENTED + included
    for compiler in ("g++", "clang++"):
        yield "%s with %s" % (SINGLE, compiler), COMPILERS[compiler], 2 * included


def compiled(command, text, folder):
    return subprocess.run(command + ["-I" + folder, "-I.", "-fsyntax-only", "-"], input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)


def problem(command, text, folder):
    done = compiled(command + WARNINGS, text, folder)
    return done.stdout or "exit status %d" % done.returncode if done.returncode else None


def refusals(folder):
    """What a compiler says that is told to compile older C or C++. None: each gives our one error."""
    for compiler, standard in TOO_OLD:
        command = [compiler, "-std=" + standard, "-x", "c++" if "++" in compiler else "c"]
        texts = [(SINGLE, command + WARNINGS, IMPLEMENTED + '#include "%s"\n' % SINGLE)]
        # the compiler goes on behind the error of these: with its extensions it finds no other one
        texts += [(name, command, "#include <weft/%s>\n" % name)
                  for name in library.public_headers(".") + (["weft.hpp"] if "++" in compiler else [])]
        for name, flags, text in texts:
            said = compiled(flags, text, folder).stdout
            if said.count("error: ") != 1 or "Weft needs C11 or C++17" not in said:
                return "%s with %s -std=%s:\n%s" % (name, compiler, standard, said)
    return None


MADE = {SINGLE: (amalgamate.amalgamated, "./weft amalgamate"), symbols.MAP: (symbols.script, "python3 tools/install/symbols.py")}


def stale(path):
    make, command = MADE[path]
    with open(path, encoding="utf-8") as file:
        same = file.read() == make(".")
    return None if same else "%s is not what the tree makes: run %s" % (path, command)


def main():
    everything = list(programs())
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.getcwd(), os.path.join(folder, "weft"))
        steps = [(name, lambda c=command, t=text: problem(c, t, folder)) for name, command, text in everything]
        status = cases.run(steps + [("older standards", lambda: refusals(folder)),
                                    *((path + " is the tree", lambda p=path: stale(p)) for path in MADE)])
    if not any(".h with" in name for name, _, _ in everything):
        print("no public header was found")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
