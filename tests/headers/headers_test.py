#!/usr/bin/env python3
"""Each public header compiles alone, twice in a row, as C11 and as C++17, and each source file as C11, with gcc and
clang and every warning we hold ourselves to. clang also reports atomics used without an order, which would be an
unnamed sequentially consistent access.

Which headers are public: tools/library.py.
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import cases  # noqa: E402
import library  # noqa: E402

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror"]
C11, CXX17 = ["-std=c11", "-x", "c"], ["-std=c++17", "-x", "c++"]
COMPILERS = {
    "gcc": ["gcc"] + C11,
    "clang": ["clang", "-Watomic-implicit-seq-cst"] + C11,
    "g++": ["g++"] + CXX17,
    "clang++": ["clang++"] + CXX17,
}


def programs():
    """(name, compiler's command, the program's text)"""
    for header in library.public_headers("."):
        text = 2 * ("#include <weft/%s>\n" % header) + "int main(void) { return 0; }\n"
        for name, command in COMPILERS.items():
            yield "%s with %s" % (header, name), command, text
    for source in library.files(".", "*.c"):
        # gcc has compiled it in the build
        yield "%s with clang" % source, COMPILERS["clang"], '#include "%s"\n' % source


def problem(command, text, folder):
    done = subprocess.run(command + WARNINGS + ["-I" + folder, "-I.", "-fsyntax-only", "-"], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout or "exit status %d" % done.returncode if done.returncode else None


def main():
    everything = list(programs())
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.getcwd(), os.path.join(folder, "weft"))
        status = cases.run((name, lambda c=command, t=text: problem(c, t, folder)) for name, command, text in everything)
    if not any(".h with" in name for name, _, _ in everything):
        print("no public header was found")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
