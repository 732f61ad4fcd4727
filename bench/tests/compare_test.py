#!/usr/bin/env python3
"""compare_test.py COMPARE: ./weft bench --compare with made-up results: rows that it judges or only shows, bad input."""

import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

# Bazel passes its path; ./weft runs this file in the tree.
COMPARE = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else "bench/report/compare.py")
ROW = {"family": "queue", "workload": "pairs", "implementation": "weft-queue", "scheme": "hazard", "threads": 2, "huge_pages": True,
       "regime": "far", "mops_rounds": [10.0, 10.1, 9.9, 10.0, 10.2]}


def result(*rows):
    return {"machine": {"processor": "P", "cores": 2}, "results": [dict(ROW, **row) for row in rows or ({},)]}


class Compare(unittest.TestCase):
    def run_on(self, old, new, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            paths = [os.path.join(directory, name) for name in ("old.json", "new.json")]
            for path, what in zip(paths, (old, new)):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(what if isinstance(what, str) else json.dumps(what))
            return subprocess.run([COMPARE, *paths, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    def check(self, new_row, status, says, *arguments):
        done = self.run_on(result(), result(new_row), *arguments)
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        self.assertIn(says, done.stdout)

    def test_the_same(self):
        self.check({}, 0, "no difference seen")

    def test_slower(self):
        self.check({"mops_rounds": [8.0, 8.1, 8.0, 7.9, 8.0]}, 1, "SLOWER")

    def test_slower_within_the_threshold(self):
        slower = {"mops_rounds": [9.6, 9.6, 9.7, 9.6, 9.6]}
        self.check(slower, 0, "within the threshold")
        self.check(slower, 1, "SLOWER", "--threshold", "1")

    def test_noise_is_no_slowness(self):
        self.check({"mops_rounds": [4.0, 10.2, 11.0, 6.0, 10.5]}, 0, "no difference seen")

    def test_faster(self):
        self.check({"mops_rounds": [20.0, 21.0, 20.5, 20.0, 20.2]}, 0, "faster")

    def test_other_regimes_are_not_judged(self):
        for regime in ("near", "busy"):
            self.check({"regime": regime, "mops_rounds": [1.0] * 5}, 0, "not judged")

    def test_farther_cores_are_not_judged(self):
        for trip, status in ((100, 1), (500, 0)):
            with self.subTest(trip=trip):
                old, new = result({"round_trip_ns": 90}), result({"round_trip_ns": trip, "mops_rounds": [1.0] * 5})
                self.assertEqual(self.run_on(old, new).returncode, status)

    def test_work_is_part_of_the_point(self):
        """Only rows with equal work are compared; in a file that is older than the field, work is 0."""
        old = result({}, {"work_ns": 100, "mops_rounds": [5.0] * 5})
        done = self.run_on(old, result({"work_ns": 0}, {"work_ns": 100, "mops_rounds": [4.0] * 5}))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^queue, pairs, 2 threads, weft-queue hazard .*no difference seen$")
        self.assertRegex(done.stdout, r"(?m)^queue, pairs, 2 threads, 100 ns of work, weft-queue hazard .*SLOWER$")
        self.assertIn("in common", self.run_on(result({}), result({"work_ns": 100})).stderr)

    def test_faulty_ones_are_not_judged(self):
        self.check({"mops_rounds": [], "fault": "lost 3 values"}, 0, "lost 3 values")

    def test_rows_of_one_only(self):
        done = self.run_on(result({}, {"threads": 8}), result({}, {"implementation": "new"}))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.count("note: 1 rows are in"), 2)
        self.assertIn("of 1 rows", done.stdout)

    def test_another_machine_is_said(self):
        other = copy.deepcopy(result())
        other["machine"]["processor"] = "Q"
        self.assertIn("note: another processor: P, then Q", self.run_on(result(), other).stdout)

    def test_a_result_that_nobody_gets(self):
        """The status must not be 1, which means slower. Few rows fail when the output ends, many before."""
        for rows in (1, 500):
            with tempfile.TemporaryDirectory() as directory, open("/dev/full", "w", encoding="utf-8") as full:
                path = os.path.join(directory, "results.json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(result(*({"threads": n} for n in range(rows))), file)
                done = subprocess.run([COMPARE, path, path], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr, r"^weft bench: the result could not be written [^\n]*\n$")

    def test_bad_input(self):
        for old, new, arguments in ((result(), "{", ()), ("[]", result(), ()), (result(), {"machine": {}}, ()),
                                    (result(), result({"mops_rounds": []}), ()), (result(), result({"threads": 3}), ()),
                                    (result(), result(), ("--threshold", "x")), (result(), result(), ("--threshold", "-1")),
                                    (result(), result(), ("more",))):
            done = self.run_on(old, new, *arguments)
            self.assertEqual((done.returncode, done.stdout.count("\n")), (2, 0), (old, new, done.stdout))
            self.assertRegex(done.stderr, r"^weft bench: expected [^\n]*\n$")


if __name__ == "__main__":
    unittest.main()
