#!/usr/bin/env python3
"""model_test.py PROGRAM: ./weft model as its users call it: a clean case, a failure and its replay, bad arguments."""

import os
import re
import subprocess
import sys
import unittest

# Bazel passes the program's path; ./weft runs this file beside the program.
PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "weft-model"))
CASE = "queue-hazard-put-take"


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200, check=False)


def unheard(program, *arguments, text=None):
    """Exit statuses and messages if standard output is full, and if it is closed."""
    for where in (">/dev/full", ">&-"):
        yield subprocess.run(["sh", "-c", 'exec "$@" ' + where, "sh", program, *arguments], input=text, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=200, check=False)


class Model(unittest.TestCase):
    def test_a_case(self):
        done = run("--case", CASE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rf"^{CASE} +15 executions, all .* fine\n$")

    def test_ways_to_run_one(self):
        for way, count in ((["--most", "7"], 7), (["--random", "50"], 50), (["--pct=50", "--depth=4", "--seed=9"], 50)):
            done = run("--case", CASE, *way)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(" %d executions " % count, done.stdout)

    def test_a_failure_is_shown_and_replayed(self):
        found = run("--case", CASE, "--weaken", "MSQ_R1=relaxed")
        self.assertEqual(found.returncode, 1)
        self.assertIn("a data race", found.stdout)
        self.assertRegex(found.stderr, r"(?m)^ +\d+  thread 2  msq_kernel\.h:\d+  reads .* from thread 1, msq_kernel\.h:")
        command = re.search(r"^replay: ./weft model (.*)$", found.stderr, re.MULTILINE).group(1)
        again = run(*command.split())
        self.assertEqual(again.returncode, 1)
        self.assertIn(" 1 executions", again.stdout)
        self.assertEqual(again.stdout.split("  ")[-1], found.stdout.split("  ")[-1])

    def test_each_operation_is_explained(self):
        cases, legend = run("--list").stdout.split("\n\n", 1)
        explained, kinds = {}, []
        for line in legend.split("\n\n", 1)[1].splitlines():
            if not line.startswith(" "):
                kinds = line.split(":")[0].split(", ")
            for kind in kinds:
                explained.setdefault(kind, set()).update(re.findall(r"^  (\S+(?: KEY)?) +\w", line))
        used = 0
        for line in cases.splitlines():
            kind, does = re.match(r"(\w+)-\S+ +\d+  ([^(]*)", line).groups()
            for operation in re.split(r" \| |, ", does.strip()):
                self.assertIn(re.sub(r" [1-9]$", " KEY", operation), explained[kind] | explained["all"], line)
                used += 1
        self.assertGreater(used, 200)

    def test_list_and_help(self):
        self.assertRegex(run("--list").stdout, rf"(?m)^{CASE} +15  put \| take$")
        self.assertIn("--replay SCHEDULE", run("--help").stdout)

    def test_a_result_that_nobody_gets(self):
        for arguments in (["--case", CASE], ["--case", CASE, "--most", "3"], ["--list"], ["--help"]):
            for done in unheard(PROGRAM, *arguments):
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("weft model: the result could not be written", done.stderr)

    def test_schedules_that_are_none(self):
        for schedule, why in (("999,999,-1", "'999'"), ("", "''"), ("0", "'0'"), ("t1", "'t1'"), ("0x1", "'0x1'"), ("0t", "'0t'"),
                              ("0t1,", "''"), (",0t1", "''"), ("0t1,,1t1", "''"), ("0t1 1t1", "'0t1 1t1'"), ("-1t1", "'-1t1'"),
                              ("0t-1", "'0t-1'"), ("0t+1", "'0t+1'"), (" 0t1", "' 0t1'"), ("0t1x", "'0t1x'"), ("0t1.5", "'0t1.5'"),
                              ("99999999999999999999t1", "'99999999999999999999t1'"), ("0t1,0t2", "'0t2'"), ("2t1,1t1", "'1t1'"),
                              ("0t9", "'0t9'"), ("0t0", "'0t0'"), ("0s1", "'0s1'"), ("0s0", "'0s0'"), ("0t1,900t1", "'900t1'"),
                              ("0t1," * 3000 + "0t1", "'0t1'")):
            done = run("--case", CASE, "--replay", schedule)
            self.assertEqual((done.returncode, done.stdout), (2, ""), schedule)
            self.assertRegex(done.stderr, r"^weft model: --replay[^\n]*\n$")
            self.assertIn(why, done.stderr)

    def test_wrong_arguments(self):
        for arguments in (["--what"], ["more"], ["--case"], ["--case", "nonesuch"], ["--most", "0"], ["--pct", "x"], ["--seed", "-1"],
                          ["--pct", "5", "--depth", "9"], ["--weaken", "MSQ_R1"], ["--weaken", "MSQ_R1=seq_cst"],
                          ["--weaken", "NONE_R1=relaxed"], ["--deep"], ["--docs"], ["--sweep", "--case", CASE], ["--depth", "3"],
                          ["--seed", "3"], ["--replay", "0t1"], ["--case", "queue", "--replay", "0t1"], ["--random", "5", "--pct", "5"],
                          ["--case", CASE, "--replay", "0t9"], ["--case", CASE, "--replay", "0t1", "--most", "3"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertRegex(done.stderr, r"^weft model: .*\n$")
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
