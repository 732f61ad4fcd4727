#!/usr/bin/env python3
"""printed_test.py PROGRAM: printed programs compile without a warning against the public headers alone, and run like the
programs that they were printed from; and the generator's command line."""

import glob
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../.."))
# Bazel passes the program's path; ./weft runs this file beside the program.
PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "weft-lives"))
CC = os.environ.get("CC", "cc")
SEEDS = range(2000, 2012)
sys.path.insert(0, os.path.join(ROOT, "tools"))
from library import FOLDERS as ROOMS  # noqa: E402


def run(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=250,
                          check=False, **more)


class Printed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.symlink(ROOT, self.path("weft"))

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def compile(self, *arguments):
        done = subprocess.run([CC, "-std=c11", "-O1", "-I", self.folder.name, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, cwd=self.folder.name)
        self.assertEqual(done.returncode, 0, done.stdout)

    def build_library(self):
        sources = [path for room in ROOMS for path in sorted(glob.glob(os.path.join(ROOT, room, "*.c")))]
        self.compile("-c", *sources)
        subprocess.run(["ar", "rcs", "libweft.a", *glob.glob(self.path("*.o"))], cwd=self.folder.name, check=True)

    def test_programs(self):
        self.build_library()
        lines = 0
        for seed in SEEDS:
            printed = run("--print", "--seed", str(seed))
            self.assertEqual((printed.returncode, printed.stderr), (0, ""))
            with open(self.path("p.c"), "w", encoding="utf-8") as file:
                file.write(printed.stdout)
            self.compile("-Wall", "-Wextra", "-Wconversion", "-Wno-unused-variable", "-Wno-unused-const-variable", "-Werror", "p.c",
                         "-o", "p", "-L.", "-lweft", "-pthread")
            done = subprocess.run([self.path("p")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ""), "seed %d" % seed)
            lines += printed.stdout.count("\n")
        self.assertGreater(lines, 5000)

    def test_a_run(self):
        done = run("--seeds", "1..3", "--json", "--without", "crew,retire,map_keys,barrier,with_guards", cwd=self.folder.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('"end":"clean","programs":3,', done.stdout)

    def test_wrong_arguments(self):
        for arguments in (["--minutes", "0"], ["--minutes", "1e-9"], ["--minutes", "x"], ["--seed", "-1"], ["--seeds", "5"],
                          ["--seeds", "5..1"], ["--theme", "nonesuch"], ["--without", "nonesuch"], ["--tries", "0"],
                          ["--shrink", "x"], ["--what"], ["more"], ["--seed"]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), arguments)

    def test_nowhere_to_write(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, "--print", "--seed", "1"], stdout=full, stderr=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=1)
