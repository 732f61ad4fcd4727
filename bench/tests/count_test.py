#!/usr/bin/env python3
"""count_test.py COUNT: compares the counted cost of Weft's operations with the table below. A figure that rises is a regression; one that
falls must be entered in the table."""

import json
import os
import subprocess
import sys
import unittest

COUNT = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "weft-count"))

COLUMNS = ("instructions", "loads", "stores", "rmws", "shared_rmws", "fences", "shared_lines")
EXPECTED = {
    ("weft_msq", "hazard", "enqueue"): (92, 4, 6, 2, 2, 0, 5),
    ("weft_msq", "hazard", "dequeue"): (93, 9.1, 8, 1, 1, 0, 7),
    ("weft_msq", "epoch", "enqueue"): (88, 4, 6, 2, 2, 0, 6),
    ("weft_msq", "epoch", "dequeue"): (84, 8.1, 6, 1, 1, 0, 8),
    ("weft_segq", "hazard", "enqueue"): (66, 3, 5, 2, 1.94, 0, 3.43),
    ("weft_segq", "hazard", "dequeue"): (77, 6, 4, 1, 1, 0, 3.5),
    ("weft_segq", "epoch", "enqueue"): (61, 3, 5, 2, 1.94, 0, 4.43),
    ("weft_segq", "epoch", "dequeue"): (71, 6, 4, 1, 1, 0, 4.5),
    ("weft_treiber", "hazard", "push"): (66, 1, 2, 1, 1, 0, 1),
    ("weft_treiber", "hazard", "pop"): (81, 7.1, 6, 1, 1, 0, 5),
    ("weft_treiber", "epoch", "push"): (66, 1, 2, 1, 1, 0, 1),
    ("weft_treiber", "epoch", "pop"): (76, 7.1, 6, 1, 1, 0, 6),
    ("weft_spsc", "", "push"): (46, 1.04, 1, 0, 0, 0, 1.04),
    ("weft_spsc", "", "pop"): (40, 1, 1, 0, 0, 0, 1),
    ("weft_spsc-stamped", "", "push"): (57, 2, 2, 0, 0, 0, 2),
    ("weft_spsc-stamped", "", "pop"): (57, 2, 2, 0, 0, 0, 2),
    ("weft_ring", "", "push"): (128, 4, 2, 2, 1, 0, 2),
    ("weft_ring", "", "pop"): (125, 4, 2, 2, 1, 0, 2),
    ("weft_ring-one-each", "", "push"): (82, 2, 2, 0, 0, 0, 2),
    ("weft_ring-one-each", "", "pop"): (81, 2, 2, 0, 0, 0, 2),
    ("weft_mailbox", "", "push"): (45, 1, 1, 1, 1, 0, 2),
    ("weft_mailbox", "", "pop"): (52, 2, 1, 0, 0, 0, 1.73),
    ("weft_deque", "hazard", "push"): (40, 2, 2, 0, 0, 0, 3),
    ("weft_deque", "hazard", "pop"): (61, 6, 1, 0, 0, 0, 4),
    ("weft_deque", "epoch", "push"): (40, 2, 2, 0, 0, 0, 3),
    ("weft_deque", "epoch", "pop"): (61, 6, 1, 0, 0, 0, 4),
    ("weft_map", "hazard", "get"): (124, 8.25, 8.1, 0, 0, 0, 5.2),
    ("weft_map", "hazard", "insert"): (206, 9.15, 9.1, 2, 1.35, 0, 5.5),
    ("weft_map", "hazard", "remove"): (217, 20.8, 10.1, 4, 1.35, 0, 8),
    ("weft_map", "epoch", "get"): (96.6, 6.1, 4, 0, 0, 0, 6.2),
    ("weft_map", "epoch", "insert"): (183, 8, 6, 2, 1.35, 0, 6.5),
    ("weft_map", "epoch", "remove"): (193, 18.7, 6, 4, 1.35, 0, 9),
    ("weft_table", "hazard", "get"): (162, 9.4, 7.1, 0, 0, 0, 1.9),
    ("weft_table", "hazard", "insert"): (268, 13.2, 8.5, 3, 1.7, 0, 3.1),
    ("weft_table", "hazard", "remove"): (256, 14.5, 6.5, 2, 0.83, 0, 3.1),
    ("weft_table", "epoch", "get"): (149, 9.3, 4, 0, 0, 0, 3),
    ("weft_table", "epoch", "insert"): (259, 13, 6, 3, 1.74, 0, 4.3),
    ("weft_table", "epoch", "remove"): (244, 14.3, 4, 2, 0.87, 0, 4.3),
    ("weft_domain", "hazard", "enter, protect, leave"): (79, 4, 4, 0, 0, 0, 3),
    ("weft_domain", "hazard", "retire"): (470, 13.1, 10.8, 0, 0, 0, 4),
    ("weft_domain", "epoch", "enter, protect, leave"): (67, 4, 4, 0, 0, 0, 4),
    ("weft_domain", "epoch", "retire"): (466, 13.1, 10.8, 0, 0, 0, 4),
}


def tolerance(structure, column):
    """A map's hash has another seed in every process, so its lists differ; compilers of one series differ by little."""
    return (0.1, 0.0) if column == "instructions" else (0.0, 0.4 if structure in ("weft_map", "weft_table") else 0.1)


def differences(rows, expected):
    """Figures that changed: {(structure, scheme, operation, column): (before, now)}"""
    found = {}
    for key, figures in expected.items():
        for column, before in zip(COLUMNS, figures):
            relative, absolute = tolerance(key[0], column)
            now = rows[key][column]
            if now is None or abs(now - before) > before * relative + absolute:
                found[key + (column,)] = (before, now)
    return found


class Count(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        told = subprocess.run([COUNT, "--json", "-"], stdout=subprocess.PIPE, check=True, timeout=300).stdout
        cls.rows = {(row["structure"], row["scheme"], row["operation"]): row for row in json.loads(told)}

    def test_nothing_costs_more(self):
        self.assertEqual(set(self.rows), set(EXPECTED))
        self.assertEqual(differences(self.rows, EXPECTED), {})
        self.assertTrue(all(row["calls"] == 2 * 8192 for row in self.rows.values()))

    def test_one_more_of_anything_would_be_seen(self):
        for key, figures in EXPECTED.items():
            for i, column in enumerate(COLUMNS):
                more = figures[:i] + (figures[i] * 1.25 if column == "instructions" else figures[i] + 1,) + figures[i + 1:]
                self.assertIn(key + (column,), differences(self.rows, {key: more}))

    def test_a_table_for_people(self):
        done = subprocess.run([COUNT], stdout=subprocess.PIPE, check=True, text=True, timeout=300)
        self.assertEqual(sum("weft_" in line for line in done.stdout.splitlines()), len(EXPECTED))

    def test_wrong_use(self):
        for arguments in (["--threads", "2"], ["--json"], ["--json", "/nonexistent/file"]):
            done = subprocess.run([COUNT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=300)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r"^weft bench: --[^\n]* expects [^\n]*\n$")


if __name__ == "__main__":
    unittest.main()
