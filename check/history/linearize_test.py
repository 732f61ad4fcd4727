#!/usr/bin/env python3
"""linearize_test.py PROGRAM: ./weft linearize as its users call it: verdicts, exit statuses, bad input, the page."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

# Bazel passes the program's path; ./weft runs this file beside the program.
PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1
                          else os.path.join(os.path.dirname(__file__), "weft-linearize"))


def line(client, op, arg, ret, call, returned):
    return json.dumps({"client": client, "op": op, "arg": arg, "ret": ret, "call": call, "return": returned})


def run(spec, text, *more):
    return subprocess.run([PROGRAM, "--spec", spec, *more, "-"], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=100, check=False)


def unheard(program, *arguments, text=None):
    """Exit statuses and messages if standard output is full, and if it is closed."""
    for where in (">/dev/full", ">&-"):
        yield subprocess.run(["sh", "-c", 'exec "$@" ' + where, "sh", program, *arguments], input=text, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=200, check=False)


RIGHT = {
    "queue": [(0, "enqueue", 1, None, 0, 9), (1, "dequeue", None, 1, 5, 6), (1, "dequeue", None, None, 10, 11)],
    "stack": [(0, "push", 1, None, 0, 1), (0, "push", 2, None, 2, 3), (0, "pop", None, 2, 4, 5)],
    "map": [(0, "insert", [7, 1], True, 0, 3), (1, "insert", [7, 2], False, 1, 4), (0, "get", 7, 1, 5, 6),
            (0, "put", [7, 3], 1, 7, 8), (0, "remove", 7, True, 9, 10), (0, "remove", 7, False, 11, 12),
            (0, "put", [7, 4], None, 13, 14), (0, "get", 8, None, 15, 16), (0, "get_or_insert", [7, 5], 4, 17, 18),
            (0, "replace", [7, 4, 6], True, 19, 20), (0, "replace", [7, 4, 9], False, 21, 22),
            (1, "remove_if", [7, 5], False, 21, 23), (2, "remove_if", [8, 5], None, 21, 23),
            (0, "replace", [8, 4, 9], None, 23, 24), (0, "get_or_insert", [8, 1], None, 25, 26)],
    "deque": [(0, "push_bottom", 1, None, 0, 1), (0, "push_bottom", 2, None, 2, 3), (1, "steal", None, 1, 4, 5),
              (0, "pop_bottom", None, 2, 4, 6), (1, "steal", None, None, 7, 8)],
    "channel": [(0, "send", 1, True, 0, 1), (0, "close", None, None, 2, 3), (0, "send", 2, False, 4, 5),
                (1, "receive", None, 1, 0, 6), (1, "receive", None, None, 7, 8)],
    "ring:1": [(0, "try_enqueue", 1, True, 0, 1), (0, "try_enqueue", 2, False, 2, 3), (0, "try_dequeue", None, 1, 4, 5),
               (0, "try_dequeue", None, None, 6, 7)],
    "ring:2": [(0, "try_enqueue", 1, True, 0, 1), (0, "reserve", None, True, 2, 3), (1, "try_enqueue", 2, False, 4, 5),
               (1, "force_enqueue", 3, 1, 6, 7), (0, "commit", 4, None, 8, 9), (0, "release", None, None, 9, 10),
               (1, "hold", None, 3, 10, 11),
               (0, "reserve", None, False, 12, 13), (0, "release", None, None, 14, 15), (0, "reserve", None, True, 16, 17),
               (0, "release", None, None, 18, 19), (1, "try_dequeue", None, 4, 20, 21), (1, "force_enqueue", 5, None, 22, 23)],
}

WRONG = {
    "queue": ([(0, "enqueue", 1, None, 0, 1), (0, "enqueue", 2, None, 2, 3), (0, "dequeue", None, 2, 4, 5)], "still inside"),
    "stack": ([(0, "push", 1, None, 0, 1), (0, "pop", None, None, 2, 3)], "empty"),
    "map": ([(0, "insert", [7, 1], True, 0, 1), (1, "insert", [7, 2], True, 2, 3)], "key 7"),
    "deque": ([(0, "push_bottom", 1, None, 0, 1), (0, "push_bottom", 2, None, 2, 3), (1, "steal", None, 2, 4, 5)], "order"),
    "channel": ([(0, "send", 1, True, 0, 1), (1, "receive", None, None, 2, 3)], "order"),
    "ring:2": ([(0, "try_enqueue", 1, True, 0, 1), (0, "try_enqueue", 2, False, 2, 3)], "order"),
    "ring:1": ([(0, "reserve", None, True, 0, 1), (0, "try_enqueue", 1, True, 2, 3)], "order"),
    "ring:3": ([(0, "try_enqueue", 1, True, 0, 1), (0, "release", None, None, 2, 3)], "order"),
    "ring:4": ([(0, "try_enqueue", 1, True, 0, 1), (0, "force_enqueue", 2, 1, 2, 3)], "order"),
}

BAD = [
    ("queue", "nonsense", "not JSON"),
    ("queue", "[1]", "object"),
    ("queue", line(0, "push", 1, None, 0, 1), '"op" must be one of "enqueue", "dequeue"'),
    ("stack", line(0, "push", "x", None, 0, 1), '"arg" of push'),
    ("map", line(0, "put", 5, None, 0, 1), "[key, value]"),
    ("map", line(0, "insert", [1, 2], 1, 0, 1), "true or false"),
    ("map", line(0, "replace", [1, 2], True, 0, 1), "[key, expected, value]"),
    ("map", line(0, "replace", [1, 2, 3], 1, 0, 1), "true, false or null"),
    ("queue", line(0, "enqueue", 1, 5, 0, 1), "must be null"),
    ("queue", line(-1, "enqueue", 1, None, 0, 1), '"client"'),
    ("queue", line(0, "enqueue", 1, None, 5, 1), "before"),
    ("queue", line(0, "enqueue", 1, None, None, 1), '"call"'),
    ("queue", line(0, "enqueue", 1, None, 0, "x"), '"return"'),
    ("queue", line(0, "enqueue", 1, None, 0, 5) + "\n" + line(0, "enqueue", 2, None, 3, 8), "calls again"),
]


class Verdicts(unittest.TestCase):
    def test_right_ones(self):
        for spec, rows in RIGHT.items():
            done = run(spec, "\n".join(line(*row) for row in rows) + "\n")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertIn("linearizable (%d operations)" % len(rows), done.stdout)

    def test_wrong_ones_say_why(self):
        for spec, (rows, why) in WRONG.items():
            done = run(spec, "\n".join(line(*row) for row in rows))
            self.assertEqual((done.returncode, done.stderr), (1, ""), done.stdout)
            self.assertIn(why, done.stdout)
            for row in rows:
                self.assertIn("client %d" % row[0], done.stdout)

    def test_pending_operations_may_have_happened_or_not(self):
        before = [line(0, "enqueue", 1, None, 0, None)]
        for rest in ([(1, "dequeue", None, 1, 5, 6)], [(1, "dequeue", None, None, 5, 6)]):
            self.assertEqual(run("queue", "\n".join(before + [line(*row) for row in rest])).returncode, 0)
        taken = [line(0, "push", 1, None, 0, 1), line(1, "pop", None, None, 2, None), line(0, "pop", None, None, 5, 6)]
        self.assertEqual(run("stack", "\n".join(taken)).returncode, 0)

    def test_undecided(self):
        done = run("queue", "\n".join([line(0, "enqueue", 1, None, 0, 1), line(0, "enqueue", 1, None, 2, 3)]))
        self.assertEqual(done.returncode, 3)
        self.assertIn("distinct", done.stdout)

    def test_a_small_window_of_a_long_history(self):
        rows = [line(0, "enqueue", n, None, 10 * n, 10 * n + 1) for n in range(1, 2000)]
        rows += [line(1, "dequeue", None, n, 30000 + 10 * n, 30000 + 10 * n + 1) for n in range(1, 2000) if n != 700]
        done = run("queue", "\n".join(rows))
        self.assertEqual(done.returncode, 1)
        self.assertIn("700 was enqueued before", done.stdout)
        self.assertLess(len(done.stdout.splitlines()), 8)

    def test_a_client_keeps_its_order_where_its_operations_touch(self):
        taken = [(1, "dequeue", None, 2, 3, 4), (1, "dequeue", None, 1, 4, 5)]
        for puts, verdict in (([(0, "enqueue", 1, None, 0, 1), (0, "enqueue", 2, None, 1, 2)], 1),
                              ([(0, "enqueue", 1, None, 1, 1), (0, "enqueue", 2, None, 1, 1)], 1),
                              ([(0, "enqueue", 2, None, 1, 1), (0, "enqueue", 1, None, 1, 1)], 0),
                              ([(0, "enqueue", 1, None, 0, 1), (2, "enqueue", 2, None, 1, 2)], 0)):
            done = run("queue", "\n".join(line(*row) for row in puts + taken))
            self.assertEqual((done.returncode, done.stderr), (verdict, ""), done.stdout)
        pushes = [(0, "push", 1, None, 0, 1), (0, "push", 2, None, 1, 2)]
        for spec, rows in (("stack", pushes + [(0, "pop", None, 1, 2, 3), (0, "pop", None, 2, 3, 4)]),
                           ("map", [(0, "put", [7, 1], None, 0, 1), (0, "remove", 7, True, 1, 2), (1, "get", 7, 1, 3, 4)]),
                           ("map", [(0, "put", [7, 1], None, 0, 5), (1, "put", [8, 1], None, 0, 5), (0, "get", 8, None, 5, 6),
                                    (1, "get", 7, None, 5, 6)]),
                           ("channel", [(0, "send", 1, True, 0, 1), (0, "send", 2, True, 1, 2), (1, "receive", None, 2, 3, 4)])):
            done = run(spec, "\n".join(line(*row) for row in rows))
            self.assertEqual((done.returncode, done.stderr), (1, ""), (spec, rows, done.stdout))

    def test_operations_that_touch_are_drawn_one_behind_the_other(self):
        rows = [(0, "enqueue", 1, None, 0, 1), (0, "enqueue", 2, None, 1, 1), (0, "enqueue", 3, None, 1, 1), (0, "dequeue", None, 3, 1, 2),
                (1, "dequeue", None, None, 1, 1)]
        done = run("queue", "\n".join(line(*row) for row in rows))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^  client 0    \| enqueue 1 -*\| enqueue 3 -*\| dequeue: 3 -*\|$")
        both = [(0, "enqueue", 1, None, 0, 1), (0, "enqueue", 2, None, 1, 2), (1, "dequeue", None, 2, 2, 3), (1, "dequeue", None, 1, 3, 4)]
        done = run("queue", "\n".join(line(*row) for row in both))
        self.assertEqual(done.returncode, 1, done.stdout)
        lanes = re.findall(r"(?m)^  client \d    (.*)$", done.stdout)
        self.assertEqual(lanes[0].rindex("|"), lanes[1].index("|"))  # of two clients: at one time

    def test_a_slow_clock_and_many_operations(self):
        """Too long for the search: two clients return and call at one time again and again."""
        rows = []
        for n in range(20000):
            rows += [(0, "enqueue", n, None, n, n + 1), (1, "dequeue", None, n - 2 if n > 1 else None, n, n + 1)]
        text = [line(*row) for row in rows]
        self.assertEqual(run("queue", "\n".join(text)).returncode, 0)
        text[2001], text[2003] = line(1, "dequeue", None, 999, 1000, 1001), line(1, "dequeue", None, 998, 1001, 1002)
        done = run("queue", "\n".join(text))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertLess(len(done.stdout.splitlines()), 8)
        text[2001], text[2003] = line(1, "dequeue", None, 998, 1000, 1001), line(1, "dequeue", None, None, 1001, 1002)
        self.assertEqual(run("queue", "\n".join(text)).returncode, 1)


class Input(unittest.TestCase):
    def test_bad_input_names_the_line(self):
        for spec, text, expected in BAD:
            done = run(spec, line(9, *RIGHT[spec][0][1:]) + "\n" + text + "\n")
            self.assertEqual((done.returncode, done.stdout), (2, ""), text)
            self.assertRegex(done.stderr, r"^weft linearize: standard input:[23]: ")
            self.assertIn(expected, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_wrong_arguments(self):
        for arguments in ([], ["--spec", "tree", "x"], ["--spec", "ring:0", "x"], ["--spec", "ring", "x"], ["--spec", "ring:2x", "x"], ["--spec", "queue"], ["--what"], ["--spec", "queue", "/nonexistent"],
                          ["--spec"], ["x"]):
            done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=100, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, arguments)

    def test_help(self):
        done = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0)
        for word in ("--spec", "--html", "enqueue", "Exit status"):
            self.assertIn(word, done.stdout)

    def test_the_worst_of_several_files(self):
        with tempfile.TemporaryDirectory() as folder:
            def write(name, rows):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                    out.write("\n".join(line(*row) for row in rows))
                return os.path.join(folder, name)
            right, wrong = write("right", RIGHT["queue"]), write("wrong", WRONG["queue"][0])
            page = os.path.join(folder, "page.html")
            done = subprocess.run([PROGRAM, "--spec=queue", "--html", page, right, wrong], stdout=subprocess.PIPE,
                                  text=True, timeout=100, check=False)
            self.assertEqual(done.returncode, 1)
            with open(page, encoding="utf-8") as text:
                content = text.read()
            self.assertEqual(content.count("<rect"), 3)
            self.assertNotIn("http", content)

    def test_a_result_that_nobody_gets(self):
        for rows in (RIGHT["queue"], WRONG["queue"][0]):
            with tempfile.TemporaryDirectory() as folder:
                page = os.path.join(folder, "page.html")
                for done in unheard(PROGRAM, "--spec", "queue", "--html", page, "-", text="\n".join(line(*row) for row in rows)):
                    self.assertEqual(done.returncode, 2, done)
                    self.assertIn("could not be written", done.stderr)
                if os.path.exists(page):
                    with open(page, encoding="utf-8") as text:
                        self.assertRegex(text.read(), r"(?s)^<!doctype.*</html>\n$")
            done = subprocess.run([PROGRAM, "--spec", "queue", "--html", "/dev/full", "-"], input="\n".join(line(*row) for row in rows),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
            self.assertEqual(done.returncode, 2 if rows != RIGHT["queue"] else 0, done)
        for done in unheard(PROGRAM, "--help"):
            self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
