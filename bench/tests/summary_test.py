#!/usr/bin/env python3
"""summary_test.py SUMMARY_PY MEASURED RESULTS WORKED PLOT: compares the tables and plot of docs/measured.md with the files that they are made
from. The best of each column is computed here again, from all rows, so a table that leaves it out, or has another in bold, is
found. Each of these checks is tried on a page that breaks it."""

import copy
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

# Bazel passes their paths; ./weft runs this file in the tree.
SUMMARY, README, RESULTS, WORKED, PLOT = (os.path.abspath(path) for path in sys.argv[1:6]) if len(sys.argv) > 5 else (
    os.path.abspath(path) for path in ("bench/report/summary.py", "docs/measured.md", "bench/results/two-cores-amd-epyc.json",
                                       "bench/results/two-cores-amd-epyc-work.json", "docs/measured.svg"))
del sys.argv[1:]
SVG = "{http://www.w3.org/2000/svg}"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def load(path):
    spec = importlib.util.spec_from_file_location("summary", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name_of(row):
    return " ".join(filter(None, (row["implementation"], row["scheme"])))


def text_of(value):
    return "–" if value is None else "%.0f" % value if value >= 100 else "%.1f" % value


def figures(data, family, names, column):
    """{name: (value or None, its mark)}; rows and columns without work_ns mean no work."""
    _, where, member, point = column
    point = {"work_ns": 0, **point}
    found = {}
    for row in data[where]:
        if row["family"] == family and name_of(row) in names and all(row.get(k, 0 if k == "work_ns" else None) == v for k, v in point.items()):
            found.setdefault(name_of(row), (None if row["fault"] else row.get(member), " ‡" if row.get("false_empty") else ""))
    return {name: found.get(name, (None, "")) for name in names}


def parse(readme):
    """{title: (heads, {name: [limits, cells]}, the text below the table)}"""
    block = readme.split("<!-- measured: begin -->")[1].split("<!-- measured: end -->")[0]
    tables = {}
    for match in re.finditer(r"(?m)^\| ([^|]+) \| limits \|(.*)\|\n\|[-|]+\|\n((?:\|.*\n)*)(?=\n?(.*))", block):
        rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in match[3].splitlines()]
        tables[match[1]] = ([head.strip() for head in match[2].split("|")], {row[0].strip("`"): row[1:] for row in rows}, match[4])
    return tables


def locks_told(readme):
    """{(title, lock, column): (its figure, Weft's)}, from the sentences below the tables."""
    told = {}
    for title, sentence in re.findall(r"(?m)^\| ([^|]+) \| limits (?:.*\n)(?:\|.*\n)*\n(?:Not shown.*\n\n)?Locks are ahead of Weft here: (.*)\.$", readme):
        for lock, where in re.findall(r"([\w-]+) in (.*?)(?:; |$)", sentence):
            for column, figure, weft in re.findall(r"(?:^|, )([^(]+) \(([^,]+), Weft ([^)]+)\)", where):
                told[title, lock, column] = (figure, weft)
    return told


def locks_ahead(data, tables):
    """The same as locks_told, from the file."""
    ahead = {}
    for title, family, columns in tables:
        if "work" not in title or not measured(data, family):
            continue
        roles = {name_of(i): i["role"] for i in data["implementations"] if i["family"] == family}
        for column in columns:
            cells = {n: value for n, (value, mark) in figures(data, family, roles, column).items() if value is not None and not mark}
            better = max if column[2] == "mops_median" else min
            weft = better((v for n, v in cells.items() if roles[n] == "weft"), default=None)
            ahead.update({(title, n, column[0]): (text_of(v), text_of(weft)) for n, v in cells.items()
                          if weft is not None and roles[n] == "baseline" and v != weft and better(v, weft) == v})
    return ahead


def measured(data, family):
    """Whether pairs of two threads were measured without work and with 100 ns of it."""
    return {0, 100} <= {row.get("work_ns", 0) for row in data["results"]
                        if (row["family"], row["workload"], row["threads"]) == (family, "pairs", 2) and not row["fault"]}


def with_work(data, spin=1.0):
    """Adds made-up rows with work and of round trips; spin: the ratio of the times of spin-queue and spin-stack, round trips included, to
    those of Weft's best."""
    data = copy.deepcopy(data)
    for where in ("results", "latency"):
        for row in [r for r in data[where] if r["workload"] == "pairs" and r["threads"] == 2 and not r.get("open")]:
            worked = {**row, "work_ns": 100}
            for member in ("mops_median", "p99_ns", "p999_ns", "max_ns"):
                if worked.get(member):
                    worked[member] *= 0.5 if member == "mops_median" else 1.5
            data[where].insert(0, worked)  # before the one without work: the order must not matter
            if where == "latency" and row["family"] == "queue":
                data[where].append({**row, "workload": "round-trip", "p50_ns": 300.0 + len(data[where]), "p999_ns": 900.0 + len(data[where])})
    for family in ("queue", "stack"):
        for where, members in (("results", ("mops_median",)), ("latency", ("p50_ns", "p99_ns", "p999_ns", "max_ns"))):
            for row in data[where]:
                if row["family"] != family or row["implementation"] not in ("spin-queue", "spin-stack", "mutex-queue", "mutex-stack"):
                    continue
                for member in members:
                    same = [r[member] for r in data[where] if r["implementation"].startswith("weft") and r.get(member) and
                            all(r.get(k, 0) == row.get(k, 0) for k in ("family", "workload", "threads", "work_ns", "open"))]
                    if same:
                        factor = spin if row["implementation"].startswith("spin") else 2.0
                        row[member] = max(same) / factor if member == "mops_median" else min(same) * factor
    return data


def faults_of_table(data, family, names, columns, heads, rows):
    """What is missing or wrong in a table of these names."""
    for name, (limits, *_) in rows.items():
        if limits != (names.get(name) or ""):
            yield "%s: not its limits: %s" % (name, limits)
    for head in heads:
        column = next(c for c in columns if c[0] == head.replace(" DISTURBED", ""))
        cells = figures(data, family, names, column)
        less = column[2] != "mops_median"
        best = text_of((min if less else max)(value for value, mark in cells.values() if value is not None and not mark))
        for name in names:
            cell = rows[name][1 + heads.index(head)] if name in rows else ""
            right = text_of(cells[name][0]) + cells[name][1]
            leads = right == best
            if leads and not cell:
                yield "%s: leads %s and has no row" % (name, head)
            if cell and cell.strip("*") != right:
                yield "%s: %s: not its figure: %s" % (name, head, cell)
            if cell and cell.startswith("**") != leads:
                yield "%s: %s: bold is wrong: %s" % (name, head, cell)


def faults(run, readme, tables, worked=None):
    shown = parse(readme)
    for title, family, columns in tables:
        data = worked if worked and "work" in title else run
        of = {name_of(i): i["limits"] for i in data["implementations"] if i["family"] == family and i["role"] != "floor"}
        rings = {n: limits for n, limits in of.items() if limits and "bounded" in limits}
        if "work" in title and not measured(data, family):
            continue
        for title, names in ((title, {n: of[n] for n in of if n not in rings}), ("Bounded " + title[0].lower() + title[1:], rings)):
            if not names:
                continue
            if title not in shown:
                yield "no table: " + title
                continue
            heads, rows, below = shown.pop(title)
            yield from faults_of_table(data, family, names, columns, heads, rows)
            yield from (name + ": not of this table" for name in rows if name not in names)
            told = re.match(r"Not shown, since best in no column: (\d+) \((.*)\)\. Their figures are in \[.*\]\(.*\.json\)", below)
            missing = sorted(set(names) - set(rows))
            if missing != (sorted(told[2].split(", ")) if told else []) or len(missing) != (int(told[1]) if told else 0):
                yield "%s: not what is not shown: %s" % (title, below)
    yield from ("unknown table: " + title for title in shown)


class Summary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data, cls.worked, cls.readme, cls.tables = json.loads(read(RESULTS)), json.loads(read(WORKED)), read(README), load(SUMMARY).TABLES

    def make(self, data, summary=SUMMARY, worked=None):
        """(page, plot), as the command makes them from these results, in a tree of the same shape."""
        with tempfile.TemporaryDirectory() as tree:
            results = [("bench", "results", os.path.basename(path)) for path in (RESULTS, WORKED)[:2 if worked else 1]]
            paths = [os.path.join(tree, *path) for path in (*results, ("docs", "measured.md"), ("docs", "measured.svg"))]
            for path, text in zip(paths, (json.dumps(data), *([json.dumps(worked)] if worked else []), self.readme, "")):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            beside = dict(os.environ, PYTHONPATH=os.path.join(os.path.dirname(os.path.realpath(SUMMARY)), "../../tools"))
            subprocess.run([sys.executable, "-B", summary, *paths], check=True, timeout=60, env=beside)
            return read(paths[-2]), read(paths[-1])

    def test_the_readme_says_what_the_file_says(self):
        self.assertEqual(list(faults(self.data, self.readme, self.tables, self.worked)), [])
        self.assertEqual(self.readme.count("ns of work |"), 3)
        self.assertEqual(locks_told(self.readme), locks_ahead(self.worked, self.tables))

    def test_both_are_what_the_command_makes(self):
        self.assertEqual(self.make(self.data, worked=self.worked), (self.readme, read(PLOT)))

    def test_the_comparison_fails_where_it_should(self):
        lines = self.readme.splitlines(keepends=True)
        row = {name: next(line for line in lines if line.startswith("| %s |" % name))
               for name in ("cds-vyukov", "xenium-hazard", "moodycamel", "urcu-qsbr")}
        first = re.compile(r"\*\*([\d.]+)\*\*")
        for old, new, word in (
                (row["cds-vyukov"], "", "leads"), (row["xenium-hazard"], "", "leads"), (row["moodycamel"], "", "not what is not shown"),
                (row["urcu-qsbr"], first.sub(r"\1", row["urcu-qsbr"], count=1), "bold is wrong"),
                (row["moodycamel"], row["moodycamel"].replace("| 114 |", "| **114** |"), "bold is wrong"),
                (row["moodycamel"], row["moodycamel"].replace("| 114 |", "| 115 |"), "not its figure"),
                (row["moodycamel"], row["moodycamel"].replace("not linearizable", ""), "not its limits"),
                ("| Bounded queues", "| Bounded things", "no table"), ("best in no column: 9", "best in no column: 8", "not what is not shown")):
            with self.subTest(old=old, new=new):
                self.assertIn(old, self.readme)
                self.assertIn(word, "\n".join(faults(self.data, self.readme.replace(old, new, 1), self.tables, self.worked)))

    def test_a_command_that_leaves_winners_out_is_found(self):
        for old, new, word in ((" or any(texts[n][i] == best[i] for i in kept)", "", "leads"), ("(min if column[2] in", "(max if column[2] in", "bold is wrong"),
                               ("for bounded in (False, True)", "for bounded in (False,)", "no table")):
            with self.subTest(old=old), tempfile.NamedTemporaryFile("w", suffix=".py") as file:
                self.assertEqual(read(SUMMARY).count(old), 1)
                file.write(read(SUMMARY).replace(old, new))
                file.flush()
                self.assertIn(word, "\n".join(faults(self.data, self.make(self.data, file.name)[0], self.tables)))

    def test_what_was_wrong_or_disturbed(self):
        data = copy.deepcopy(self.data)
        for row in data["results"]:
            if (row["family"], row["workload"], row["threads"]) == ("queue", "1:1", 2):
                row["regime"] = "busy"
                row["false_empty"] = 3 if row["implementation"] == "cds-vyukov" else 0
        readme, plot = self.make(data)
        self.assertEqual(list(faults(data, readme, self.tables)), [])
        heads, rows, _ = parse(readme)["Bounded queues, M operations/s"]
        at = heads.index("1:1, 2 threads DISTURBED") + 1
        self.assertEqual((rows["cds-vyukov"][at], rows["xenium-vyukov"][at][:2]), ("429 ‡", "**"))
        self.assertEqual(plot.count("DISTURBED"), 1)

    def test_work_and_round_trips(self):
        """Their tables have the best of each column; the sentence names each lock that is ahead of Weft, in each column, and no other."""
        titles = [title for title, _, _ in self.tables if "work" in title]
        self.assertEqual(len(titles), 3)
        for spin, locks in ((2.0, set()), (0.5, {"spin-queue", "spin-stack"})):
            data = with_work(self.data, spin)
            readme, plot = self.make(data)
            self.assertEqual(list(faults(data, readme, self.tables)), [])
            told = locks_told(readme)
            self.assertEqual(told, locks_ahead(data, self.tables))
            self.assertEqual({lock for _, lock, _ in told}, locks)
            self.assertEqual(readme.count("Locks are ahead of Weft"), len(locks))
            self.assertEqual(plot, read(PLOT))
            self.assertIn("| round trip p50 ns | round trip p99.9 ns |", readme)
            if locks:  # 4 columns twice, and the round trip of queues
                self.assertEqual(sorted(sum(lock == one for _, lock, _ in told) for one in locks), [8, 10])
                self.assertNotEqual(locks_told(re.sub(r"(Locks are ahead.*?\()", r"\g<1>9", readme)), told)

    def test_work_that_was_not_measured(self):
        """There is no table without both amounts of work, and no column without figures."""
        for gone in (0, 100):
            data = with_work(self.data, 0.5)
            for row in data["results"]:
                if row["workload"] == "pairs" and row["threads"] == 2 and row.get("work_ns", 0) == gone:
                    row["threads"] = 3
            readme, _ = self.make(data)
            self.assertEqual(list(faults(data, readme, self.tables)), [])
            self.assertNotIn("of work", readme)
        data = with_work(self.data, 0.5)
        data["latency"] = [row for row in data["latency"] if row["workload"] != "round-trip"]
        readme, _ = self.make(data)
        self.assertEqual(list(faults(data, readme, self.tables)), [])
        self.assertEqual((readme.count("ns of work"), "round trip" in readme), (3, False))

    def test_a_command_that_hides_locks_is_found(self):
        data = with_work(self.data, 0.5)
        for old, new in (("sign * value > max(ours)", "sign * value < max(ours)"), ("-1 if member in LESS_IS_BETTER else 1\n        of", "1\n        of"),
                         ('"work_ns": 0, **point', "**point")):
            with self.subTest(old=old), tempfile.NamedTemporaryFile("w", suffix=".py") as file:
                self.assertEqual(read(SUMMARY).count(old), 1)
                file.write(read(SUMMARY).replace(old, new))
                file.flush()
                readme, _ = self.make(data, file.name)
                self.assertNotEqual((locks_told(readme), list(faults(data, readme, self.tables))), (locks_ahead(data, self.tables), []))

    def test_the_plot(self):
        """Every dot has its name beside it and stands at its ratio; none is moved to an edge."""
        drawing, wanted, dots, label = ElementTree.fromstring(read(PLOT)), {}, {}, None
        for said, family, point in load(SUMMARY).PLOTTED:
            names = {name_of(i) for i in self.data["implementations"] if i["family"] == family and i["role"] != "floor"}
            found = figures(self.data, family, names, ("", "results", "ratio_to_mutex", point))
            wanted.update({(said, n + mark): ratio for n, (ratio, mark) in found.items() if ratio})
        elements = list(drawing)
        for element, after in zip(elements, elements[1:]):
            if element.get("text-anchor") == "end":
                label = element.text
            if element.tag == SVG + "circle":
                dots[label, after.text] = float(element.get("cx"))
        self.assertEqual(set(dots), set(wanted))
        self.assertLess(min(wanted.values()), 0.5)
        (least, left), (most, right) = ((wanted[key], dots[key]) for key in (min(wanted, key=wanted.get), max(wanted, key=wanted.get)))
        for key, x in dots.items():
            self.assertAlmostEqual((x - left) / (right - left), math.log2(wanted[key] / least) / math.log2(most / least), places=3, msg=key)
        width = float(drawing.get("viewBox").split()[2])
        self.assertTrue(0 < left < right < width - 100)
        self.assertIn("prefers-color-scheme: dark", drawing.find(SVG + "style").text)


if __name__ == "__main__":
    unittest.main()
