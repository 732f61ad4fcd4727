#!/usr/bin/python3
"""page_test.py PROGRAM PAGE_PY: the page that --html makes, in a headless Chromium: it renders in light and dark mode, at the width of
a desktop and of a phone, without script errors or requests; all text is readable, no chart is empty, and its finder answers. Each of
these checks is tried on a page that breaks it."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import library  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(HERE, "weft-bench"))
PAGE = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else "bench/report/page.py")

QUEUE = "weft-" + next(name for name, kind in library.structures().items() if kind == "QUEUE")

# Finds shown texts with too little contrast to their background (WCAG 2: 4.5 to 1).
CONTRAST = """
const shade = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const parse = t => { const n = t.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
const behind = e => { const own = parse(getComputedStyle(e).backgroundColor); return own[3] >= 1 || !e.parentElement ? own.slice(0, 3) : over(own, behind(e.parentElement)); };
const poor = [];
let seen = 0;
for (const e of document.querySelectorAll("h1,h2,h3,p,a,td,th button,th,label,select,input,summary,code,strong,svg text")) {
  if (!e.textContent.trim() || !e.getClientRects().length) continue;
  const ink = parse(e.namespaceURI.endsWith("svg") ? getComputedStyle(e).fill : getComputedStyle(e).color);
  const paper = behind(e.closest("svg") ? e.closest("svg").parentElement : e), a = shade(over(ink, paper)), b = shade(paper);
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  seen++;
  if (ratio < 4.5) poor.push([e.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
}
return [seen, poor.slice(0, 5)];
"""

# Finds charts that are empty, or have an attribute that is not a number.
EMPTY = """
const bad = [...document.querySelectorAll("svg")].filter(svg => svg.querySelectorAll("path,rect,circle").length < 1 ||
  [...svg.querySelectorAll("*")].some(e => [...e.attributes].some(a => /NaN|undefined|Infinity/.test(a.value))) || svg.getBoundingClientRect().height < 20);
return [document.querySelectorAll("svg").length, bad.map(svg => svg.getAttribute("aria-label"))];
"""


def results(directory):
    path = os.path.join(directory, "results.json")
    done = subprocess.run([PROGRAM, "--family", "queue,map,reclaim", "--impl", QUEUE + ",mutex-queue,ck-fifo,weft-map,mutex-map,ck-ht,weft,ck-epoch",
                           "--workload", "pairs,1:3,90/5/5,read", "--keys", "1000", "--distribution", "uniform", "--huge-pages", "on",
                           "--threads", "2,8", "--rounds", "3", "--duration-ms", "4", "--latency", "--memory", "--json", path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.results = results(cls.directory.name)
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        cls.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.directory.cleanup()

    def make(self, data, spoil=lambda text: text):
        """The page's address."""
        source, target = os.path.join(self.directory.name, "in.json"), os.path.join(self.directory.name, "page.html")
        with open(source, "w", encoding="utf-8") as file:
            json.dump(data, file)
        subprocess.run([sys.executable, "-B", PAGE, source, target], check=True, timeout=60)
        with open(target, encoding="utf-8") as file:
            text = spoil(file.read())
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        return "file://" + target

    def show(self, address, width=1280, dark=False):
        """(the browser's errors, its requests other than the page)"""
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
                                     {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                                     "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        for log in ("browser", "performance"):
            self.browser.get_log(log)
        self.browser.get(address)
        asked = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        return self.browser.get_log("browser"), [m["params"]["request"]["url"] for m in asked
                                                 if m["method"] == "Network.requestWillBeSent" and m["params"]["request"]["url"] != address]

    def test_renders_everywhere(self):
        address = self.make(self.results)
        for width in (1280, 390):
            for dark in (False, True):
                with self.subTest(width=width, dark=dark):
                    self.assertEqual(self.show(address, width, dark), ([], []))
                    charts, empty = self.browser.execute_script(EMPTY)
                    self.assertEqual(empty, [])
                    self.assertEqual(charts, 3 * 4)  # speed at a point, against threads, latency, memory
                    self.browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true;")
                    seen, poor = self.browser.execute_script(CONTRAST)
                    self.assertEqual(poor, [])
                    self.assertGreater(seen, 400)
                    self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), width)

    def test_which_queue_for_two_producers_and_six_consumers(self):
        self.show(self.make(self.results))
        self.browser.find_element(By.CSS_SELECTOR, "#queue input[aria-label=producers]").send_keys("2")
        self.browser.find_element(By.CSS_SELECTOR, "#queue input[aria-label=consumers]").send_keys("6")
        said = self.browser.find_element(By.CSS_SELECTOR, "#queue .answer").text
        rows = [r for r in self.results["results"] if (r["family"], r["workload"], r["threads"]) == ("queue", "1:3", 8)]
        best = max((r for r in rows if r["implementation"] != "floor-xadd"), key=lambda r: r["mops_median"] or 0)
        self.assertIn("2 producers, 6 consumers", said)
        self.assertIn(" ".join(filter(None, (best["implementation"], best["scheme"]))) + " does most", said)

    def test_names_the_best_of_each_kind(self):
        """The fastest is compared with the best of the other kinds: never Weft with Weft."""
        for first in (QUEUE, "ck-fifo", "mutex-queue"):
            data = json.loads(json.dumps(self.results))
            data["results"] = [r for r in data["results"] if (r["family"], r["workload"], r["threads"]) == ("queue", "pairs", 2)]
            for i, row in enumerate(sorted(data["results"], key=lambda r: r["implementation"] == first)):
                row.update(fault=None, mops_median=10 * (i + 1), mops_low=None, mops_high=None)
            self.assertEqual(self.show(self.make(data)), ([], []))
            said = self.browser.find_element(By.CSS_SELECTOR, "#queue .answer").text
            self.assertRegex(said, r"^2 threads: %s[ a-z]* does most, 50\.0 M ops/s" % first)
            for kind, whose, name in ((QUEUE, "Weft", QUEUE + " (hazard|epoch)"), ("ck-fifo", "other libraries", "ck-fifo"),
                                      ("mutex-queue", "locks", r"mutex-queue, [^;]* \(may wait\)")):
                self.assertEqual(bool(re.search("; the best of %s is %s" % (whose, name), said)), kind != first, said)

    def test_work_is_a_choice(self):
        """Shown if there is more than one amount of work; a file that is older than the field has none. Round trips are among the latencies."""
        data = json.loads(json.dumps(self.results))
        for row in data["results"] + data["latency"]:
            del row["work_ns"]
        self.assertEqual(self.show(self.make(data)), ([], []))
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, "[data-of=work_ns]"), [])
        before = self.browser.find_element(By.CSS_SELECTOR, "#queue .answer").text
        for where in ("results", "latency"):
            worked = [dict(row, work_ns=100, mops_median=7.0 if row["implementation"] == "ck-fifo" else 3.0)
                      for row in data[where] if not row["fault"]]
            trips = [dict(row, workload="round-trip", p50_ns=500.0)
                     for row in data[where] if where == "latency" and row["workload"] == "pairs" and not row["open"]]
            data[where] += worked + trips
        self.assertEqual(self.show(self.make(data)), ([], []))
        self.assertEqual(self.browser.find_element(By.CSS_SELECTOR, "#queue .answer").text, before)
        choose = self.browser.find_element(By.CSS_SELECTOR, "#queue [data-of=work_ns]")
        self.assertEqual(choose.text.split("\n"), ["0 ns", "100 ns"])
        Select(choose).select_by_visible_text("100 ns")
        said = self.browser.find_element(By.CSS_SELECTOR, "#queue .answer").text
        self.assertRegex(said, r"^2 threads, 100 ns of work.*: ck-fifo does most, 7\.00 M ops/s")
        titles = [title.text for title in self.browser.find_elements(By.CSS_SELECTOR, "#queue .card h3")]
        self.assertIn("pairs, 2 threads, 100 ns of work: M ops/s", titles)
        self.browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true;")
        commands = [code.text for code in self.browser.find_elements(By.CSS_SELECTOR, "#queue details code")]
        self.assertIn("--work 100", commands[0])
        latency = self.browser.find_element(By.CSS_SELECTOR, "#queue select[aria-label='latency of']")
        self.assertIn("pairs, 2 threads, 100 ns of work, one after the other", latency.text)
        Select(latency).select_by_visible_text("round-trip, 2 threads, one after the other")
        self.assertIn("comes back by a second", self.browser.find_element(By.CSS_SELECTOR, "#queue").text)
        self.assertEqual(self.browser.execute_script(EMPTY)[1], [])
        data["results"] = []
        self.assertEqual(self.show(self.make(data)), ([], []))
        self.assertEqual(self.browser.find_element(By.CSS_SELECTOR, "#queue .answer").text, "Throughput was not measured.")

    def test_disturbed_rows_are_marked(self):
        """They are marked in every chart and table, and no other rows are."""
        look = """
          const here = document.getElementById("queue"), marked = cell => getComputedStyle(cell, "::after").content.includes("†");
          for (const d of here.querySelectorAll("details")) d.open = true;
          const [speed, lines, latency, memory, ratios, all] = here.querySelectorAll(".card");
          const texts = (card, css) => [...card.querySelectorAll(css)].map(e => e.textContent.includes("†"));
          const cells = (card, wanted) => [...card.querySelectorAll("tbody tr")].filter(wanted || (() => true)).map(r => [...r.cells].map(marked));
          const at2 = r => r.cells[1].textContent === "pairs" && r.cells[3].textContent === "2";
          return {answer: here.querySelector(".answer").textContent.split("†").length - 1, legend: here.querySelector("p.quiet").textContent.includes("DISTURBED"),
            bars: texts(speed, "svg text[text-anchor=end]"), ticks: texts(lines, "svg text.axis[text-anchor=middle]"), ranges: texts(latency, "svg text[text-anchor=end]:not(.axis)"),
            open: [...lines.querySelectorAll("g.series")].map(g => [...g.querySelectorAll("circle")].map(c => c.classList.contains("open"))),
            speedCells: cells(speed), lineCells: cells(lines), latencyCells: cells(latency), memoryCells: cells(memory), ratioCells: cells(ratios),
            busyRows: cells(all, at2), otherRows: cells(all, r => !at2(r)), heads: [...ratios.querySelectorAll("th")].map(h => h.textContent)};"""
        for busy in (False, True):
            data = json.loads(json.dumps(self.results))
            for row in data["results"] + data["latency"]:
                row["regime"] = "busy" if busy and row["workload"] == "pairs" and row["threads"] == 2 else "far"
            self.show(self.make(data))
            seen = self.browser.execute_script(look)
            self.assertEqual((seen["answer"] > 0, seen["legend"]), (busy, busy))
            self.assertEqual(seen["ticks"], [busy, False, False])  # 2, 8, "threads"
            for name in ("bars", "ranges"):
                self.assertEqual(seen[name], [busy] * len(seen[name]))
                self.assertGreater(len(seen[name]), 3)
            for circles in seen["open"]:
                self.assertEqual(circles, [busy, False])
            for name, where in (("speedCells", [0]), ("latencyCells", [0]), ("busyRows", [0]), ("otherRows", []), ("memoryCells", []), ("lineCells", [1]),
                                ("ratioCells", [seen["heads"].index("pairs ×2")])):
                self.assertGreater(len(seen[name]), 3, name)
                for cells in seen[name]:
                    self.assertEqual([i for i, one in enumerate(cells) if one], where if busy else [], name)

    def test_sorts_filters_and_prints(self):
        self.show(self.make(self.results))
        script = "return [...document.querySelectorAll('#queue .wide:last-child tbody tr')].map(r => r.cells[arguments[0]].textContent)"
        self.browser.execute_script("document.querySelector('#queue .wide:last-child details').open = true")
        heads = self.browser.find_elements(By.CSS_SELECTOR, "#queue .wide:last-child th button")
        which = [head.text for head in heads].index("M ops/s")
        for reverse in (True, False):
            heads[which].click()
            shown = [float(text.replace(",", "")) for text in self.browser.execute_script(script, which) if text != "–"]
            self.assertGreater(len(shown), 10)
            self.assertEqual(shown, sorted(shown, reverse=reverse))
        self.browser.find_element(By.CSS_SELECTOR, "#queue .filter").send_keys("ck-fifo 8")
        self.assertEqual(set(self.browser.execute_script(script, 0)), {"ck-fifo"})
        self.assertGreater(len(base64.b64decode(self.browser.print_page())), 20000)

    def test_text_is_text(self):
        data = json.loads(json.dumps(self.results))
        for implementation in data["implementations"]:
            implementation["note"] = "</script><img src=x onerror=alert(1)> & <!-- 5 < 6"
        self.assertEqual(self.show(self.make(data)), ([], []))
        self.assertIn("5 < 6", self.browser.find_element(By.CSS_SELECTOR, "#queue td.note").get_attribute("textContent"))

    def test_what_is_missing_leaves_no_hole(self):
        data = json.loads(json.dumps(self.results))
        data["latency"], data["memory"] = [], []
        for row in data["results"]:
            if row["implementation"] == "ck-fifo":
                row.update(fault="lost 3 values", mops_median=None, mops_low=None, mops_high=None, mops_rounds=[], ratio_to_mutex=None)
        self.assertEqual(self.show(self.make(data)), ([], []))
        self.assertEqual(self.browser.execute_script(EMPTY), [3 * 2, []])

    def test_the_checks_fail_where_they_should(self):
        def shown(old, new, width=1280):
            return self.show(self.make(self.results, lambda text: text.replace(old, new, 1)), width)
        self.assertNotEqual(shown("const sections", "nothing.at.all(); const sections")[0], [])
        self.assertNotEqual(shown("<header>", "<header><img src='http://127.0.0.1:9/x.png' alt=''>")[1], [])
        shown("--quiet: #565b66", "--quiet: #a9a9a9")
        self.assertNotEqual(self.browser.execute_script(CONTRAST)[1], [])
        shown("svg.append(group);\n    labels", "labels")
        self.assertNotEqual(self.browser.execute_script(EMPTY)[1], [])
        shown("<header>", "<header><div style='width: 700px'>wide</div>", 390)
        self.assertGreater(self.browser.execute_script("return document.documentElement.scrollWidth"), 390)

    def test_the_readme(self):
        source, readme, plot, best = (os.path.join(self.directory.name, name) for name in ("in.json", "measured.md", "plot.svg", "README.md"))
        with open(best, "w", encoding="utf-8") as file:
            file.write("<!-- best: begin -->\n<!-- best: end -->\n")
        with open(source, "w", encoding="utf-8") as file:
            json.dump(self.results, file)
        command = [sys.executable, "-B", os.path.join(os.path.dirname(PAGE), "summary.py"), source, readme, plot, best]
        for text, status in (("a\n<!-- measured: begin -->\nstale figures\n<!-- measured: end -->\nb\n", 0), ("no marks\n", 2)):
            with open(readme, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            with open(readme, encoding="utf-8") as file:
                now = file.read()
            self.assertEqual(done.returncode, status, done.stderr)
            if status:
                self.assertEqual(now, text)
                continue
            self.assertTrue(now.startswith("a\n<!-- measured: begin -->\n")
                            and now.endswith("<!-- measured: end -->\nb\n") and "stale figures" not in now)
            for name in ("`%s hazard`" % QUEUE, "`weft-map epoch`", "mutex-queue", "ck-ht", "![", "**"):
                self.assertIn(name, now)
        circles = ElementTree.parse(plot).getroot().findall("{http://www.w3.org/2000/svg}circle")
        self.assertEqual(len(circles), 4)

    def test_a_page_that_cannot_be_written(self):
        """The older page stays."""
        source, page = (os.path.join(self.directory.name, name) for name in ("in.json", "page.html"))
        with open(source, "w", encoding="utf-8") as file:
            json.dump(self.results, file)
        with open(page, "w", encoding="utf-8") as file:
            file.write("older")
        done = subprocess.run(["sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh", sys.executable, "-B", PAGE, source, page],
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        with open(page, encoding="utf-8") as file:
            self.assertEqual((done.returncode, file.read()), (1, "older"))
        self.assertRegex(done.stderr, r"^weft: --html: [^\n]*\n$")

    def test_wrong_files(self):
        for wrong in ("{}", "[", '{"results": 1}'):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(wrong)
                file.flush()
                for arguments in ([file.name, os.path.join(self.directory.name, "no.html")], ["/nonexistent.json", "/tmp/x.html"]):
                    done = subprocess.run([sys.executable, "-B", PAGE, *arguments], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stderr, r"^weft: --html[^\n]*\n$")


if __name__ == "__main__":
    unittest.main()
