#!/usr/bin/env python3
"""soak_test.py PROGRAM: ./weft soak as its users call it: a clean run, a violation kept and decided again, bad arguments."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import library  # noqa: E402

# Bazel passes the program's path; ./weft runs this file beside the program.
PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "weft-soak"))
STRUCTURES = ["weft-" + name for name in library.structures()]


def run(*arguments, **more):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200,
                          check=False, **more)


def unheard(program, *arguments, text=None):
    """Exit statuses and messages if standard output is full, and if it is closed."""
    for where in (">/dev/full", ">&-"):
        yield subprocess.run(["sh", "-c", 'exec "$@" ' + where, "sh", program, *arguments], input=text, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=200, check=False)


class Soak(unittest.TestCase):
    def test_clean(self):
        done = run("--minutes", "0.05", "--seed", "7", "--json")
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["end"], "clean")
        self.assertGreater(figures["operations"], 100000)
        self.assertGreater(figures["concurrent"], figures["operations"] / 4)
        self.assertGreater(figures["held_up"], 10000)
        self.assertGreater(figures["iterations"], 0)
        self.assertIn("seed 7; recording costs", done.stderr)

    def test_one_structure_and_scheme(self):
        done = run("--minutes=0.01", "--structure=%s,%s" % (STRUCTURES[0], STRUCTURES[-1]), "--scheme=epoch", "--seed=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("clean: ", done.stdout)

    def test_a_violation_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "found.jsonl")
            with open(name, "w", encoding="utf-8") as older:
                older.write("an older one")
            done = run("--structure", "broken-queue", "--seed", "3", "--history", name)
            self.assertEqual(done.returncode, 1, done.stderr + done.stdout)
            self.assertIn("broken-queue: not linearizable: ", done.stdout)
            self.assertIn("the same again: ./weft soak --structure broken-queue --seed 3\n", done.stdout)
            with open(name, encoding="utf-8") as history:
                rows = [json.loads(line) for line in history]
            self.assertEqual(os.listdir(folder), ["found.jsonl"])
            self.assertGreater(len(rows), 1000)
            self.assertEqual({row["op"] for row in rows}, {"enqueue", "dequeue"})

    def test_nothing_is_written_where_nobody_asked(self):
        with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
            done = run("--structure", "broken-queue", "--seed", "3", cwd=here, env=dict(os.environ, TMPDIR=there))
            self.assertEqual(done.returncode, 1, done.stderr + done.stdout)
            self.assertEqual(os.listdir(here), [])
            name, = os.listdir(there)
            self.assertIn("whole history: %s/%s " % (there, name), done.stdout)

    def test_a_full_disk_leaves_the_older_history(self):
        done = run("--structure", "broken-queue", "--seed", "3", "--history", "/dev/full")
        self.assertIn("the history could not be written to /dev/full: No space left on device", done.stdout)

    def test_interrupted(self):
        with subprocess.Popen([PROGRAM, "--minutes", "5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            child.stderr.readline()
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=100)
            self.assertEqual(child.returncode, 130)
            self.assertIn("interrupted: ", out)

    def test_wrong_arguments(self):
        for arguments in (["--minutes", "0"], ["--minutes", "x"], ["--minutes", "-1"], ["--seed", "-1"], ["--seed", "x"],
                          ["--structure", "nonesuch"], ["--scheme", "rcu"], ["--what"], ["more"], ["--seed"], ["--history", "/nonexistent/x"],
                          ["--structure", "ck-fifo", "--scheme", "epoch"]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, arguments)

    def test_a_time_that_is_over_at_once(self):
        for minutes in ("1e-9", "0.00001"):
            done = run("--minutes", minutes, "--seed", "7", "--structure", ",".join(STRUCTURES[:2]), "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            figures = json.loads(done.stdout)
            self.assertEqual((figures["end"], figures["histories"]), ("clean", 4))  # one round of each, under each scheme
            self.assertGreater(figures["operations"], 50000)

    def test_a_result_that_nobody_gets(self):
        for arguments in (["--minutes", "1e-9", "--structure", STRUCTURES[0]], ["--minutes", "1e-9", "--structure", STRUCTURES[0], "--json"], ["--list"],
                          ["--help"]):
            for done in unheard(PROGRAM, *arguments):
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("weft soak: the result could not be written", done.stderr)
        done = run("--structure", "broken-queue", "--seed", "3", "--history", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the history could not be written to /dev/full", done.stdout)

    def test_list_and_help(self):
        self.assertIn("ck-fifo", run("--list").stdout)
        for word in ("--minutes", "--seed", "Exit status"):
            self.assertIn(word, run("--help").stdout)


if __name__ == "__main__":
    unittest.main()
