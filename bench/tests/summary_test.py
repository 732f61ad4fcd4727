#!/usr/bin/env python3
"""summary_test.py SUMMARY_PY MEASURED RESULTS PLOT README: compares the tables and plot of docs/measured.md, and the table of README.md, with the
file that they are made from. The best of each column, and what Weft is behind in, are computed here again, from all rows, so that a
table that leaves it out is found. Each of these checks is tried on a page that breaks it."""

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
SUMMARY, MEASURED, RESULTS, PLOT, README = (os.path.abspath(path) for path in (sys.argv[1:6] if len(sys.argv) > 5 else (
    "bench/report/summary.py", "docs/measured.md", "bench/results/two-cores-amd-epyc.json", "docs/measured.svg", "README.md")))
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


def parse(page):
    """{title: (heads, {name: [limits, cells]}, the text below the table)}"""
    block = page.split("<!-- measured: begin -->")[1].split("<!-- measured: end -->")[0]
    tables = {}
    for match in re.finditer(r"(?m)^\| ([^|]+) \| limits \|(.*)\|\n\|[-|]+\|\n((?:\|.*\n)*)(?=\n?(.*))", block):
        rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in match[3].splitlines()]
        tables[match[1]] = ([head.strip() for head in match[2].split("|")], {row[0].strip("`"): row[1:] for row in rows}, match[4])
    return tables


def locks_told(page):
    """{(title, lock, column): (its figure, Weft's)}, from the sentences below the tables."""
    told = {}
    for title, sentence in re.findall(r"(?m)^\| ([^|]+) \| limits (?:.*\n)(?:\|.*\n)*\n(?:Not shown.*\n\n)?Locks are ahead of Weft here: (.*)\.$", page):
        for lock, where in re.findall(r"([\w-]+) in (.*?)(?:; |$)", sentence):
            for column, figure, weft in re.findall(r"(?:^|, )([^(]+) \(([^,]+), Weft ([^)]+)\)", where):
                told[title, lock, column] = (figure, weft)
    return told


def locks_ahead(data, tables):
    """The same as locks_told, from the file."""
    ahead = {}
    for title, family, columns in tables:
        if not works(columns) or not measured(data, family, columns):
            continue
        roles = {name_of(i): i["role"] for i in data["implementations"] if i["family"] == family}
        for column in columns:
            cells = {n: value for n, (value, mark) in figures(data, family, roles, column).items() if value is not None and not mark}
            better = max if column[2] == "mops_median" else min
            weft = better((v for n, v in cells.items() if roles[n] == "weft"), default=None)
            ahead.update({(title, n, column[0]): (text_of(v), text_of(weft)) for n, v in cells.items()
                          if weft is not None and roles[n] == "baseline" and v != weft and better(v, weft) == v})
    return ahead


def works(columns):
    return any(point.get("work_ns") for *_, point in columns)


def measured(data, family, columns):
    """Whether there are rows for each throughput with a stated amount of work."""
    return all(any(row["family"] == family and not row["fault"] and all(row.get(k, 0) == v for k, v in point.items()) for row in data[where])
               for _, where, _, point in columns if where == "results" and "work_ns" in point)


def slower_locks(data, factor):
    """Gives the spinlocks of queues and stacks figures that are so many times worse than Weft's best, and the mutexes twice as bad."""
    data = copy.deepcopy(data)
    for where in ("results", "latency"):
        data[where].sort(key=lambda row: -row.get("work_ns", 0))  # the order must not matter
    for family in ("queue", "stack"):
        for where, members in (("results", ("mops_median",)), ("latency", ("p50_ns", "p99_ns", "p999_ns", "max_ns"))):
            for row in data[where]:
                if row["family"] != family or row["implementation"] not in ("spin-queue", "spin-stack", "mutex-queue", "mutex-stack"):
                    continue
                for member in members:
                    same = [r[member] for r in data[where] if r["implementation"].startswith("weft") and r.get(member) and
                            all(r.get(k, 0) == row.get(k, 0) for k in ("family", "workload", "threads", "work_ns", "open"))]
                    if same:
                        by = factor if row["implementation"].startswith("spin") else 2.0
                        row[member] = max(same) / by if member == "mops_median" else min(same) * by
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


def faults(data, page, tables):
    shown = parse(page)
    for title, family, columns in tables:
        names = {name_of(i): i["limits"] for i in data["implementations"] if i["family"] == family and i["role"] != "floor"}
        if not measured(data, family, columns):
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


def behind(data, family, workload, point):
    """{(measure, name): ratio} of the best lock and the best peer that are more than 5 % ahead of Weft's best."""
    at, found = {"workload": workload, "threads": 2, "work_ns": 0, **point}, {}
    for what, where, member, more in (
            ("with work", "results", "mops_median", {**at, "work_ns": 100}), ("without", "results", "mops_median", at),
            ("p99.9 with work", "latency", "p999_ns", {**at, "work_ns": 100, "open": False}
             ), ("p99.9 without", "latency", "p999_ns", {**at, "open": False}),
            ("round trip", "latency", "p50_ns", {"workload": "round-trip", "threads": 2}), ("memory", "memory", "bytes_per_element", {})):
        roles = {name_of(i): i["role"] for i in data["implementations"] if i["family"] == family}
        cells = {n: v for n, (v, mark) in figures(data, family, roles, ("", where, member, more)).items() if v and not mark}
        better = max if member == "mops_median" else min
        ours = better((v for n, v in cells.items() if roles[n] == "weft"), default=None)
        for role in ("baseline", "peer"):
            theirs = {n: v for n, v in cells.items() if roles[n] == role}
            best = better(theirs, key=theirs.get, default=None)
            if ours and best and max(ours, theirs[best]) / min(ours, theirs[best]) > 1.05 and better(ours, theirs[best]) != ours:
                found[what, best] = "%.1f" % (max(ours, theirs[best]) / min(ours, theirs[best]))
    return found


def faults_of_readme(data, readme, best):
    """What is missing or wrong in the table of the best of each family."""
    lines = readme.split("<!-- best: begin -->")[1].split("<!-- best: end -->")[0].strip().splitlines()
    lines = [line for line in lines if line.startswith("|")][2:]
    if len(lines) != len(best):
        yield "not a line for each family"
    for line, (family, words, workload, point) in zip(lines, best):
        said, *cells, last = [cell.strip() for cell in line[1:-1].split("|")]
        roles = {name_of(i): i["role"] for i in data["implementations"] if i["family"] == family}
        at = {"workload": workload, "threads": 2, "work_ns": 100, **point}
        row = {n: v for n, (v, mark) in figures(data, family, roles, ("", "results", "mops_median", at)).items() if v and not mark}
        for role, cell in zip(("weft", "baseline", "peer"), cells):
            most = max((v for n, v in row.items() if roles[n] == role), default=None)
            if cell.split(" ")[0] != text_of(most):
                yield "%s: not the best %s: %s" % (said, role, cell)
        told = {(what, name): ratio for what, ratio, name in re.findall(r"([a-z][^;×]*) ([\d.]+)× ([^;]+?)(?:;|$)", last)}
        if said != words or told != behind(data, family, workload, point):
            yield "%s: not what Weft is behind in: %s" % (said, last)


class Summary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        module = load(SUMMARY)
        cls.data, cls.page, cls.readme, cls.tables, cls.best = json.loads(read(RESULTS)), read(MEASURED), read(README), module.TABLES, module.BEST

    def make(self, data, summary=SUMMARY):
        """(page, plot, readme), as the command makes them from these results, in a tree of the same shape."""
        with tempfile.TemporaryDirectory() as tree:
            paths = [os.path.join(tree, *path) for path in (
                ("bench", "results", os.path.basename(RESULTS)), ("docs", "measured.md"), ("docs", "measured.svg"), ("README.md",))]
            for path, text in zip(paths, (json.dumps(data), self.page, "", self.readme)):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            beside = dict(os.environ, PYTHONPATH=os.path.join(os.path.dirname(os.path.realpath(SUMMARY)), "../../tools"))
            subprocess.run([sys.executable, "-B", summary, *paths], check=True, timeout=60, env=beside)
            return [read(path) for path in paths[1:]]

    def changed(self, old, new):
        """The command with a fault."""
        file = tempfile.NamedTemporaryFile("w", suffix=".py")  # pylint: disable=consider-using-with
        self.addCleanup(file.close)
        self.assertEqual(read(SUMMARY).count(old), 1, old)
        file.write(read(SUMMARY).replace(old, new))
        file.flush()
        return file.name

    def test_the_pages_say_what_the_file_says(self):
        self.assertEqual(list(faults(self.data, self.page, self.tables)), [])
        self.assertEqual(locks_told(self.page), locks_ahead(self.data, self.tables))
        self.assertEqual(list(faults_of_readme(self.data, self.readme, self.best)), [])

    def test_they_are_what_the_command_makes(self):
        self.assertEqual(self.make(self.data), [self.page, read(PLOT), self.readme])

    def test_the_comparison_fails_where_it_should(self):
        """On a page without the row of a column's best, with its figure not bold, with another figure, other limits, another name."""
        tables = parse(self.page)
        for title, (_, rows, below) in tables.items():
            name, cells = next((n, c) for n, c in rows.items() if any("**" in cell for cell in c))
            row = next(line for line in self.page.split("| %s | limits" % title)[1].splitlines(keepends=True)
                       if line.startswith(("| %s |" % name, "| `%s` |" % name)))
            bold = next(cell for cell in cells if "**" in cell)
            figure = bold.strip("*")
            for new, word in (("", "leads"), (row.replace(bold, figure), "bold is wrong"), (row.replace(bold, "**9%s**" % figure), "not its figure"),
                              (row.replace("| %s |" % cells[0], "| sometimes |"), "not its limits"), (row.replace(name, "another"), "not of this table")):
                with self.subTest(title=title, new=new):
                    whole = self.page.replace("| %s | limits" % title, "\0", 1).split("\0")
                    broken = whole[0] + "| %s | limits" % title + whole[1].replace(row, new, 1)
                    self.assertIn(word, "\n".join(faults(self.data, broken, self.tables)))
            self.assertIn("no table", "\n".join(faults(self.data, self.page.replace("| %s |" % title, "| Things |"), self.tables)))
            if below.startswith("Not shown"):
                broken = self.page.replace(below, re.sub(r"\d+ \(", "99 (", below))
                self.assertIn("not what is not shown", "\n".join(faults(self.data, broken, self.tables)))

    def test_the_comparison_of_the_readme_fails_where_it_should(self):
        for old, new, word in ((r"\d+\.\d `weft", "99.9 `weft", "not the best weft"), (r"; [a-z][^;|]*×[^;|]*", "", "behind"),
                               (r"([\d.]+)×", r"9\1×", "behind"), (r"\| unbounded queue.*\n", "", "not a line for each")):
            with self.subTest(old=old):
                before, block = self.readme.split("<!-- best: begin -->")
                broken = before + "<!-- best: begin -->" + re.sub(old, new, block, count=1)
                self.assertNotEqual(broken, self.readme)
                self.assertIn(word, "\n".join(faults_of_readme(self.data, broken, self.best)))

    def test_a_command_that_leaves_winners_out_is_found(self):
        for old, new, word in (("peers[:PEERS] or n.startswith(ALWAYS) or any(texts[n][i] == best[i] for i in kept)", "peers[:1]", "leads"), ("(min if column[2] in", "(max if column[2] in", "bold is wrong")):
            with self.subTest(old=old):
                page, _, _ = self.make(self.data, self.changed(old, new))
                self.assertIn(word, "\n".join(faults(self.data, page, self.tables)))
        _, _, readme = self.make(self.data, self.changed("if ratio > BEHIND", "if ratio > 2 * BEHIND"))
        self.assertIn("behind", "\n".join(faults_of_readme(self.data, readme, self.best)))

    def test_what_was_wrong_or_disturbed(self):
        """A peer that led and said "empty" when it was not leads no more."""
        data = copy.deepcopy(self.data)
        rows = [row for row in data["results"] if (row["family"], row["workload"], row["threads"], row.get("work_ns", 0)) == ("ring", "1:1", 2, 0)]
        first = max((row for row in rows if not row["fault"] and not row.get("false_empty")), key=lambda row: row["mops_median"])
        first["false_empty"] = 3
        for row in rows:
            row["regime"] = "busy"
        page, _, readme = self.make(data)
        self.assertEqual(list(faults(data, page, self.tables)) + list(faults_of_readme(data, readme, self.best)), [])
        heads, cells, _ = parse(page)["Rings, M operations/s"]
        at = heads.index("1:1, 2 threads DISTURBED") + 1
        name = name_of(first)
        self.assertTrue(name not in cells or cells[name][at].endswith(" ‡"))
        self.assertNotIn("**", cells.get(name, [""] * (at + 1))[at])

    def test_locks_that_are_ahead(self):
        """The sentence names each lock that is ahead of Weft, in each column, and no other."""
        for factor, locks in ((2.0, set()), (0.5, {"spin-queue", "spin-stack"})):
            data = slower_locks(self.data, factor)
            page, _, _ = self.make(data)
            self.assertEqual(list(faults(data, page, self.tables)), [])
            told = locks_told(page)
            self.assertEqual(told, locks_ahead(data, self.tables))
            self.assertEqual({lock for _, lock, _ in told if lock.endswith(("-queue", "-stack"))}, locks)
            if locks:
                self.assertNotEqual(locks_told(re.sub(r"(Locks are ahead.*?\()", r"\g<1>9", page)), told)
        for old, new in (("sign * value > max(ours)", "sign * value < max(ours)"), ("-1 if member in LESS_IS_BETTER else 1\n        of", "1\n        of"),
                         ('"work_ns": 0, **point', "**point")):
            with self.subTest(old=old):
                page, _, _ = self.make(data, self.changed(old, new))
                self.assertNotEqual((locks_told(page), list(faults(data, page, self.tables))), (locks_ahead(data, self.tables), []))

    def test_work_that_was_not_measured(self):
        """There is no table without both amounts of work, and no column without figures."""
        for gone in (0, 100):
            data = copy.deepcopy(self.data)
            for row in data["results"]:
                if row["workload"] == "pairs" and row["threads"] == 2 and row.get("work_ns", 0) == gone:
                    row["threads"] = 3
            page, _, _ = self.make(data)
            self.assertEqual(list(faults(data, page, self.tables)), [])
            self.assertNotIn("ns of work |", page)
        data = copy.deepcopy(self.data)
        data["latency"] = [row for row in data["latency"] if row["workload"] != "round-trip"]
        page, _, _ = self.make(data)
        self.assertEqual(list(faults(data, page, self.tables)), [])
        self.assertNotIn("round trip", page.split("<!-- measured: end -->")[0])

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
