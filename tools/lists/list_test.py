#!/usr/bin/env python3
"""list_test.py NAME PROGRAM: tools/lists/NAME.txt, which ./weft shows so that nothing need be built, is what PROGRAM --list prints."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402


def kept_is_printed(kept, program):
    printed = subprocess.run([os.path.abspath(program), "--list"], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    with open(kept, "rb") as file:
        same = printed and file.read() == printed
    return None if same else "the program as it was just built prints something else: write it again by %s --list >%s" % (program, kept)


if __name__ == "__main__":
    name, path = sys.argv[1:]
    sys.exit(cases.run([("list_of_" + name.replace("-", "_"), lambda: kept_is_printed("tools/lists/%s.txt" % name, path))]))
