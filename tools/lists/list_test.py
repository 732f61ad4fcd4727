#!/usr/bin/env python3
"""Run as list_NAME_test: checks that tools/lists/NAME.txt, which ./weft shows without building, is what the program's --list prints."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))  # in Bazel's tree, beside what it has built
PROGRAMS = {"bench": "bench/weft-bench", "bench_peers": "bench/weft-bench-peers", "lives": "tests/lives/weft-lives",
            "model": "tests/cases/weft-model", "soak": "tests/cases/weft-soak"}


def kept_is_printed(name):
    program = os.path.normpath(os.path.join(HERE, "..", PROGRAMS[name]))
    printed = subprocess.run([program, "--list"], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    with open("tools/lists/%s.txt" % name.replace("_", "-"), "rb") as file:
        same = printed and file.read() == printed
    return None if same else "the program as it was just built prints something else: write it again by %s --list" % program


if __name__ == "__main__":
    which = os.path.basename(__file__)[len("list_"):-len("_test")]
    sys.exit(cases.run([("list_of_" + which, lambda: kept_is_printed(which))]))
