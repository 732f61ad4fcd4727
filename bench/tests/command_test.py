#!/usr/bin/env python3
"""command_test.py PROGRAM: runs the bench as its users do: arguments, JSON, and words compared with tr, sort and uniq."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import library  # noqa: E402

# Bazel passes the program's path; when ./weft runs this file, the program lies beside it.
PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "weft-bench"))
OURS = {kind: ["weft-" + name for name, of in library.structures().items() if of == kind] for kind in ("QUEUE", "STACK", "MAP")}
QUEUE = OURS["QUEUE"][0]
SHORT = ["--duration-ms", "4", "--rounds", "3"]

WRONG = [
    ["--nonsense"], ["-x"], ["--threads"], ["--threads", "0"], ["--threads", "two"], ["--threads", "1,,2"],
    ["--threads", "1.5"], ["--threads", "-1"], ["--threads", ""], ["--threads", "99999"], ["--keys", "0"],
    ["--keys", "1Gi"], ["--keys", "99999999999999999999"], ["--rounds", "x"], ["--rounds", "0"], ["--rounds", "5 "],
    ["--work"], ["--work", "-1"], ["--work", "0,,1"], ["--work", "1e3"], ["--work", "2000000"], ["--family", "reclaim", "--work", "100"],
    ["--family", "queue,words", "--work", "50,100"], ["--workload", "read", "--work", "100"], ["--workload", "round-trip", "--work", "100"],
    ["--impl", "ck-epoch", "--work", "100"], ["--work", "100", __file__], ["--family", "stack", "--workload", "round-trip"],
    ["--workload", "round-trip", "--threads", "1,4"],
    ["--rate", "1"], ["--latency", "--rate", "fast"], ["--latency", "--rate", "0"], ["--pin", "hard"], ["--threads", "auto,1"],
    ["--duration-ms", "0"], ["--duration-ms", "1e3"], ["--impl", "weft-nothing"], ["--impl", QUEUE + ","],
    ["--family", "tree"], ["--workload", "90/5"], ["--distribution", "normal"], ["--huge-pages", "maybe"], ["--json"],
    ["--json", "/nonexistent/directory/file"], ["--family", "map", "--impl", "ck-fifo"],
    ["--family", "map", "--workload", "pairs"], ["--family", "queue", "some-file"], ["/nonexistent/file"],
    ["--family", "words", "/"], ["--family", "queue", "--workload", "1:1", "--threads", "1"],
    ["--family", "spsc", "--workload", "1:1", "--threads", "4"], ["--family", "mailbox", "--workload", "burst"],
]

NAMES = {
    "queue": {*OURS["QUEUE"], "mutex-queue", "spin-queue", "ck-fifo", "floor-xadd"},
    "stack": {*OURS["STACK"], "mutex-stack", "spin-stack", "ck-stack", "floor-xadd"},
    "ring": {"weft-ring", "mutex-ring", "spin-ring"},
    "spsc": {"weft-spsc", "weft-spsc-stamped", "weft-ring-one-each", "mutex-ring", "spin-ring", "pipe"},
    "mailbox": {"weft-mailbox", "mutex-mailbox", "spin-mailbox"},
    "deque": {"weft-deque", "mutex-deque", "spin-deque"},
    "map": {*OURS["MAP"], "mutex-map", "sharded-map", "rwlock-map", "ck-ht"},
    "reclaim": {"weft", "ck-epoch", "ck-hp", "urcu-memb", "plain"},
    "words": {"weft-map", "mutex-map"},
}


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=250,
                          check=False, **options)


def measure(*arguments):
    """The JSON object of a run that succeeded."""
    done = run(*arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Arguments(unittest.TestCase):
    def test_wrong_ones_are_refused_in_one_line(self):
        for arguments in WRONG:
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertRegex(done.stderr, r"^weft bench: [^\n]*expect[^\n]*\n$")

    def test_help_and_list(self):
        text = run("--help")
        self.assertEqual((text.returncode, text.stderr), (0, ""))
        for flag in ("--impl", "--family", "--workload", "--threads", "--keys", "--distribution", "--rounds", "--quick",
                     "--duration-ms", "--huge-pages", "--latency", "--memory", "--rate", "--work", "round-trip", "--pin", "--resume", "--json", "--list"):
            self.assertIn(flag, text.stdout)
        listed = run("--list").stdout
        for name in set.union(*NAMES.values()):
            self.assertRegex(listed, r"(?m)^\w+ +%s " % re.escape(name))

    def test_a_result_that_nobody_gets(self):
        one = ["--family", "stack", "--impl", "mutex-stack", "--workload", "pairs", "--threads", "1", *SHORT]
        for arguments in (one, [*one, "--json", "-"], ["--list"], ["--help"]):
            for where in (">/dev/full", ">&-"):
                done = subprocess.run(["sh", "-c", 'exec "$@" ' + where, "sh", PROGRAM, *arguments], stderr=subprocess.PIPE, text=True,
                                      timeout=100, check=False)
                self.assertEqual(done.returncode, 2, done)
                self.assertRegex(done.stderr, r"weft bench: .*could not be written")
        done = run(*one, "--json", "/dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'/dev/full' could not be written", done.stderr)


class Json(unittest.TestCase):
    def check_row(self, row):
        self.assertLessEqual(row["mops_min"], row["mops_median"])
        self.assertLessEqual(row["mops_median"], row["mops_max"])
        self.assertGreaterEqual(row["mops_min"], 0)  # on a crowded machine a thread may not run for 4 ms
        self.assertEqual(row["rounds"], 3)
        self.assertEqual(len(row["mops_rounds"]), 3)
        self.assertLessEqual(row["mops_min"], row["mops_low"])
        self.assertLessEqual(row["mops_low"], row["mops_high"])
        self.assertLessEqual(row["mops_high"], row["mops_max"])
        self.assertIn(row["scheme"], ("hazard", "epoch", None))
        self.assertEqual(row["scheme"] is not None, row["implementation"].startswith("weft") and row["family"] != "ring")
        self.assertIsNone(row["fault"])
        self.assertEqual("keys" in row, row["family"] == "map")
        self.assertEqual("distribution" in row, row["family"] == "map")
        self.assertEqual("pending_peak" in row, row["family"] == "reclaim")
        self.assertLessEqual(row["thread_least_mops"] or 0, row["thread_most_mops"])
        if row["implementation"].startswith("mutex") and row["mops_median"] > 0:
            self.assertEqual(row["ratio_to_mutex"], 1)

    def check_family(self, family, *arguments):
        result = measure("--family", family, *SHORT, *arguments)
        for row in result["results"]:
            self.assertEqual(row["family"], family)
            self.check_row(row)
        self.assertEqual({row["implementation"] for row in result["results"]}, NAMES[family])
        self.assertGreater(sum(row["mops_max"] for row in result["results"]), 0)
        return result

    def test_machine(self):
        machine = self.check_family("queue", "--workload", "pairs", "--threads", "1")["machine"]
        for name in ("cores", "processor", "compiler", "flags", "allocator", "commit", "when"):
            self.assertTrue(machine[name], name)
        self.assertRegex(machine["when"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertRegex(machine["allocator"], "jemalloc 5")
        flags = machine["flags"].split()  # those that the build gives, each once
        self.assertIn("-O2", flags)
        self.assertEqual(len(flags), len(set(flags)))
        self.assertNotRegex(machine["flags"], "mtune=generic|random-seed|stack-protector")

    def test_queue_stack_and_ring(self):
        for family in ("queue", "stack", "ring"):
            rows = self.check_family(family, "--threads", "1,3")["results"]
            points = {(row["workload"], row["threads"]) for row in rows}
            both = {(w, t) for w in ("pairs", "burst") for t in (1, 3)}
            self.assertEqual(points, both | {("1:1", 3), ("1:N", 3), ("N:1", 3)})

    def test_the_floor_is_always_there(self):
        rows = measure("--impl", "mutex-queue", "--workload", "pairs", "--threads", "1,2", *SHORT)["results"]
        self.assertEqual([row["implementation"] for row in rows], ["mutex-queue", "floor-xadd"] * 2)
        self.assertEqual({row["family"] for row in rows}, {"queue"})

    def test_filling_maps(self):
        result = measure("--family", "map", "--impl", "weft-map,weft-table,mutex-map", "--keys", "1000,70000", "--threads", "1,3",
                         "--workload", "fill,100/0/0", "--distribution", "uniform", "--huge-pages", "on", "--latency", *SHORT)
        rows = [row for row in result["results"] if row["workload"] == "fill"]
        self.assertEqual({(row["keys"], row["threads"]) for row in rows}, {(1000, 1), (1000, 3), (70000, 1), (70000, 3)})
        self.assertEqual(len(rows), 4 * 5)
        for row in rows:
            self.check_row(row)
            self.assertGreater(row["mops_median"], 0)
        times = [row for row in result["latency"] if row["workload"] == "fill"]
        self.assertEqual({(row["threads"], row["keys"], row["open"]) for row in times}, {(t, k, False) for t in (1, 3) for k in (1000, 70000)})
        for row in times:  # each insert of each round
            rounds, rest = divmod(sum(count for _, count in row["histogram"]), row["keys"] // row["threads"] * row["threads"])
            self.assertEqual((rounds >= 3, rest), (True, 0))

    def test_map(self):
        result = self.check_family("map", "--keys", "1000,2Ki", "--threads", "2", "--workload", "90/5/5,50/25/25")
        rows = result["results"]
        points = [(r["keys"], r["workload"], r["distribution"], r["huge_pages"]) for r in rows
                  if (r["implementation"], r["scheme"]) == (OURS["MAP"][0], "epoch")]
        self.assertEqual(len(points), len(set(points)))
        self.assertEqual(len(points), 2 * 2 * 2 * 2)
        self.assertEqual({row["keys"] for row in rows}, {1000, 2048})

    def test_reclaim(self):
        rows = self.check_family("reclaim", "--threads", "2")["results"]
        stalled = [row for row in rows if row["workload"] == "stalled"]
        self.assertEqual({row["workload"] for row in rows}, {"enter-leave", "read", "stalled"})
        self.assertEqual({row["implementation"] for row in stalled}, NAMES["reclaim"] - {"plain"})
        for row in rows:
            self.assertEqual(row["ns_median"] is not None, row["mops_median"] > 0)
            self.assertEqual(row["pending_peak"] is not None, row["workload"] == "stalled")
        for row in stalled:
            bounded = row["scheme"] == "hazard" or row["implementation"] == "ck-hp"
            self.assertEqual(row["pending_peak"] < 100000, bounded, row)

    def test_latency(self):
        whole = measure("--family", "queue,reclaim", "--threads", "2", "--latency", "--rate", "0.5", *SHORT)
        rows = whole["latency"]
        self.assertEqual({(row["family"], row["workload"], row["open"]) for row in rows},
                         {("queue", "pairs", False), ("queue", "pairs", True), ("queue", "round-trip", False), ("reclaim", "read", False)})
        self.assertNotIn("round-trip", {row["workload"] for row in whole["results"]})
        self.assertGreater(len(whole["results"]), len(rows))
        for row in rows:
            order = [row[name] or 0 for name in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "p9999_ns", "max_ns")]
            self.assertEqual(order, sorted(order))
            self.assertEqual(row["rate_mops"], 0.5 if row["open"] else None)
            middle, below, total = None, 0, sum(count for _, count in row["histogram"])
            for ns, count in row["histogram"]:
                below += count
                middle = ns if middle is None and below >= total / 2 else middle
            self.assertAlmostEqual(middle or 0, row["p50_ns"] or 0, delta=0.02 * (middle or 0) + 1)
            if row["open"]:  # operations are not done before they are due
                self.assertLess(row["mops_min"] or 0, 0.6)

    def test_work(self):
        """Workloads without work are measured once, if 0 is in the list; each point has its own rate."""
        whole = measure("--family", "queue,map,reclaim", "--impl", QUEUE + ",mutex-queue,mutex-map,urcu-memb", "--workload", "pairs,round-trip,90/5/5,read",
                        "--keys", "1000", "--distribution", "uniform", "--huge-pages", "on", "--threads", "2", "--work", "0,3000", "--latency", *SHORT)
        for where, opens in (("results", [None]), ("latency", [False, True])):
            points = {(row["family"], row["workload"], row["work_ns"], row.get("open")) for row in whole[where]}
            both = {(family, workload, work, is_open) for family, workload in (("queue", "pairs"), ("map", "90/5/5"))
                    for work in (0, 3000) for is_open in opens}
            once = {("reclaim", "read", 0, opens[0])} | ({("queue", "round-trip", 0, False)} if where == "latency" else set())
            self.assertEqual(points, both | once)
        for row in whole["results"]:
            if row["work_ns"]:
                # two threads, each operation takes 3 us; leaves room for a calibration that is off by a factor of 4
                self.assertLess(row["mops_max"], 3)
        self.assertEqual([entry["work_ns"] for entry in whole["driver"]["work"]], [3000])
        self.assertGreater(whole["driver"]["work"][0]["container_ns"], whole["driver"]["container_ns"])
        self.assertGreater(whole["driver"]["work_turns_per_ns"], 0)
        without = measure("--impl", "mutex-queue", "--workload", "pairs", "--threads", "1", *SHORT)
        self.assertEqual((without["driver"]["work_turns_per_ns"], without["driver"]["work"]), (None, []))

    def test_work_alone_leaves_out_what_has_none(self):
        rows = measure("--impl", "mutex-stack,ck-epoch,weft", "--threads", "1", "--work", "100", *SHORT)["results"]
        self.assertEqual({(row["family"], row["work_ns"]) for row in rows}, {("stack", 100)})

    def test_round_trip(self):
        """Times of two threads, by its name or by --latency; on one processor it is left out with a message."""
        rows = measure("--workload", "round-trip", *SHORT)["latency"]
        self.assertEqual({row["implementation"] for row in rows}, set.union(*(NAMES[family]
                         for family in ("queue", "ring", "spsc", "mailbox"))) - {"floor-xadd"})
        self.assertEqual({(row["threads"], row["open"]) for row in rows}, {(2, False)})
        for row in rows:
            self.assertIsNone(row["fault"])
            order = [row[name] or 0 for name in ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "p9999_ns", "max_ns")]
            self.assertEqual(order, sorted(order))
        self.assertGreater(sum(count for row in rows for _, count in row["histogram"]), 0)
        alone = {"preexec_fn": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})}
        done = run("--workload", "round-trip", **alone)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^weft bench: --workload round-trip expects two processors, [^\n]*\n$")
        done = run("--family", "queue", "--impl", "mutex-queue", "--threads", "2", "--latency", *SHORT, "--json", "-", **alone)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("note: round-trip is left out: it needs two processors", done.stderr)
        self.assertNotIn("round-trip", {row["workload"] for row in json.loads(done.stdout)["latency"]})

    def test_goes_on_with_the_work_that_is_missing(self):
        command = ["--impl", "mutex-queue", "--workload", "pairs,round-trip", "--threads", "1,2", "--work", "0,100", *SHORT]
        whole = measure(*command)
        half = {**whole, "results": [row for row in whole["results"] if row["work_ns"] == 0]}
        with tempfile.NamedTemporaryFile("w+", suffix=".json") as file:
            json.dump(half, file)
            file.flush()
            done = run(*command, "--resume", "--json", file.name)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(file.name, encoding="utf-8") as again:
                now = json.load(again)
        self.assertEqual(now["results"][:len(half["results"])], half["results"])
        points = [[(row["implementation"], row["threads"], row["work_ns"]) for row in rows] for rows in (whole["results"], now["results"])]
        self.assertEqual(sorted(points[0]), sorted(points[1]))
        self.assertEqual(len(now["latency"]), len(whole["latency"]))

    def test_all_the_processors(self):
        whole = measure("--impl", "mutex-queue", "--workload", "pairs", "--threads", "auto", "--pin", "compact", *SHORT)
        processors = len(os.sched_getaffinity(0))
        threads = {row["threads"] for row in whole["results"]}
        self.assertLessEqual({1, processors, 2 * processors}, threads)
        self.assertEqual(max(threads), 2 * processors)
        self.assertEqual(whole["machine"]["pin"], "compact")
        self.assertRegex(whole["machine"]["topology"], r"^\d+ sockets?, \d+ cores?, \d+ threads? each$")

    def test_late_operations_count_from_when_they_were_due(self):
        rows = measure("--impl", "mutex-queue", "--workload", "pairs", "--threads", "1", "--latency", "--rate", "900",
                       *SHORT, "--duration-ms", "20")["latency"]
        row, = [row for row in rows if row["open"] and row["implementation"] == "mutex-queue"]
        # it reaches a tenth of the rate, so at the end of 20 ms it is 18 ms late
        self.assertGreater(row["max_ns"], 1e6)
        self.assertGreater(row["p50_ns"], 1e5)

    def test_memory(self):
        whole = measure("--impl", QUEUE + ",mutex-queue,weft-map,mutex-map,weft,ck-epoch", "--family", "queue,map,reclaim",
                        "--workload", "pairs,100/0/0,stalled", "--keys", "100", "--threads", "1", "--memory", *SHORT)
        rows = {(row["implementation"], row["scheme"]): row for row in whole["memory"]}
        self.assertEqual(len(rows), 9)
        for (name, scheme), row in rows.items():
            self.assertIsNone(row["fault"])
            if row["family"] == "reclaim":
                # 200,000 objects of 80 bytes, unless the scheme bounds the retired ones
                self.assertEqual(row["bytes_peak"] > 200000 * 80 * 0.8, scheme != "hazard", row)
            else:
                # a value and a link; in a map a key, too
                self.assertGreaterEqual(row["bytes_per_element"], 16 if row["family"] == "queue" else 24)
                self.assertLess(row["bytes_per_element"], 128)
                self.assertLess(abs(row["rss_per_element"] - row["bytes_per_element"]), 40)

    def test_tables(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.json")
            done = run("--family", "stack", "--workload", "pairs", "--threads", "2", *SHORT, "--json", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            for name in NAMES["stack"]:
                self.assertIn(name, done.stdout)
            self.assertIn("[1/", done.stderr)
            self.assertIn('bench/README.md, "The words"', done.stdout)
            self.assertRegex(done.stdout, r"\n\nstack: [^\n]* at pairs, 2 threads[^\n]*\n  Weft is behind [^\n]*\n$")
            subprocess.run([sys.executable, "-m", "json.tool", path], check=True, stdout=subprocess.DEVNULL)


class Interruption(unittest.TestCase):
    COMMAND = ["--family", "queue,map", "--workload", "pairs,burst,90/5/5", "--threads", "1,2", "--keys", "1000", "--latency",
               "--distribution", "uniform", "--huge-pages", "on", "--rounds", "3", "--duration-ms", "25"]  # progress is shown every 5 s

    def test_keeps_what_it_has_and_goes_on(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.json")
            with subprocess.Popen([PROGRAM, *self.COMMAND, "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as running:
                for line in running.stderr:  # interrupts after a third: progress lines have the number of the measurement
                    told = re.match(r"\[(\d+)/(\d+)", line)
                    if told and int(told.group(1)) * 3 > int(told.group(2)):
                        break
                running.send_signal(signal.SIGINT)
                rest = running.communicate(timeout=60)[1]
            self.assertEqual(running.returncode, 130, rest)
            self.assertIn("--resume goes on", rest)
            with open(path, encoding="utf-8") as file:
                half = json.load(file)
            self.assertTrue(half["interrupted"])
            self.assertGreater(len(half["results"]), 0)
            for wrong in (["--family", "queue"], [*self.COMMAND, "--memory"]):
                done = run(*wrong, "--resume", "--json", path)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("--threads 1,2", done.stderr)
            done = run(*self.COMMAND, "--resume", "--json", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path, encoding="utf-8") as file:
                whole = json.load(file)
        self.assertFalse(whole["interrupted"])
        self.assertGreater(len(whole["latency"]), len(half["latency"]))
        for kind in ("results", "latency"):
            points = [tuple(row.get(name) for name in ("family", "workload", "threads", "implementation", "scheme", "open"))
                      for row in whole[kind]]
            self.assertEqual(len(points), len(set(points)))
            for before, after in zip(half[kind], whole[kind]):  # rows that were measured are written again unchanged
                after["histogram"] = before.get("histogram") and after["histogram"]
                self.assertEqual({k: v for k, v in before.items() if k != "histogram"},
                                 {k: v for k, v in after.items() if k != "histogram"})
                self.assertEqual(sum(n for _, n in before.get("histogram") or []), sum(n for _, n in after["histogram"] or []))
        self.assertEqual({(row["family"], row["workload"], row["threads"]) for row in whole["results"]},
                         {("queue", w, t) for w in ("pairs", "burst") for t in (1, 2)} | {("map", "90/5/5", t) for t in (1, 2)})

    def test_nothing_to_go_on_with(self):
        with tempfile.NamedTemporaryFile(suffix=".json") as other:
            other.write(b"{}")
            other.flush()
            for arguments in (["--resume"], ["--resume", "--json", "-"], ["--resume", "--json", "/nonexistent"],
                              ["--resume", "--json", other.name]):
                done = run("--family", "queue", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"^weft bench: --resume expects [^\n]*\n$")


class Words(unittest.TestCase):
    TEXTS = [
        b"The quick brown fox; the lazy dog's THE\n",
        b"", b"-- 12 --", b"x", b"a" * 70000 + b" " + b"ab" * 33000,
        (b"lorem ipsum DOLOR sit-amet, consectetur\xc3\xa9 " * 5000),
    ]

    def test_totals(self):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, text in enumerate(self.TEXTS):
                paths.append(os.path.join(directory, "text%d" % number))
                with open(paths[-1], "wb") as file:
                    file.write(text)
            # Each file by itself: a word does not continue in the next file.
            pipeline = ("for f; do LC_ALL=C tr -cs A-Za-z '\\n' <\"$f\"; echo; done | LC_ALL=C tr A-Z a-z | grep . | sort |"
                        " uniq -c | awk '{ total += $1 } END { print total, NR }'")
            told = subprocess.run(["sh", "-c", pipeline, "sh", *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
            total, distinct = map(int, told.split())
            rows = measure("--family", "words", "--threads", "1,2,4", "--rounds", "3", *paths)["results"]
            self.assertEqual({row["implementation"] for row in rows}, NAMES["words"])
            self.assertEqual({row["threads"] for row in rows}, {1, 2, 4})
            for row in rows:
                self.assertEqual((row["workload"], row["words_total"], row["words_distinct"]), ("words", total, distinct))

    def test_no_words_at_all(self):
        with tempfile.NamedTemporaryFile() as empty:
            done = run("--threads", "2", "--rounds", "1", empty.name)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
