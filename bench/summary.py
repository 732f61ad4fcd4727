#!/usr/bin/env python3
"""summary.py RESULTS.json README.md PLOT.svg: the tables between the two marks of a README, and its plot, from what
./weft bench --json wrote. The best of a column is bold, whoever's it is."""

import html
import json
import math
import os
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PEERS = 7  # of a family, by the first contended column

# title, family, columns: (head, list, member, digits, point)
TABLES = (
    ("Queues, M operations/s", "queue", (
        ("pairs, 1 thread", "results", "mops_median", {"workload": "pairs", "threads": 1}),
        ("2", "results", "mops_median", {"workload": "pairs", "threads": 2}),
        ("8", "results", "mops_median", {"workload": "pairs", "threads": 8}),
        ("1:1, 2 threads", "results", "mops_median", {"workload": "1:1", "threads": 2}),
        ("1:3, 8 threads", "results", "mops_median", {"workload": "1:3", "threads": 8}),
        ("p99.9 ns, 2 threads", "latency", "p999_ns", {"workload": "pairs", "threads": 2, "open": False}),
        ("bytes/element", "memory", "bytes_per_element", {}))),
    ("Stacks, M operations/s", "stack", (
        ("pairs, 1 thread", "results", "mops_median", {"workload": "pairs", "threads": 1}),
        ("2", "results", "mops_median", {"workload": "pairs", "threads": 2}),
        ("8", "results", "mops_median", {"workload": "pairs", "threads": 8}),
        ("burst, 2 threads", "results", "mops_median", {"workload": "burst", "threads": 2}),
        ("p99.9 ns, 2 threads", "latency", "p999_ns", {"workload": "pairs", "threads": 2, "open": False}),
        ("bytes/element", "memory", "bytes_per_element", {}))),
    ("Maps, 2 threads, uniform keys, M operations/s", "map", (
        ("90/5/5, 1 Mi keys", "results", "mops_median", {"workload": "90/5/5", "threads": 2, "keys": 1 << 20, "distribution": "uniform"}),
        ("1 Ki", "results", "mops_median", {"workload": "90/5/5", "threads": 2, "keys": 1 << 10, "distribution": "uniform"}),
        ("100 Ki", "results", "mops_median", {"workload": "90/5/5", "threads": 2, "keys": 100 << 10, "distribution": "uniform"}),
        ("10 Mi", "results", "mops_median", {"workload": "90/5/5", "threads": 2, "keys": 10 << 20, "distribution": "uniform"}),
        ("50/25/25, 1 Mi", "results", "mops_median", {"workload": "50/25/25", "threads": 2, "keys": 1 << 20, "distribution": "uniform"}),
        ("bytes/element", "memory", "bytes_per_element", {}))),
    ("Reclamation, ns for enter, protected read, leave", "reclaim", (
        ("2 threads", "results", "ns_median", {"workload": "read", "threads": 2}),
        ("1 thread", "results", "ns_median", {"workload": "read", "threads": 1}),
        ("8 threads", "results", "ns_median", {"workload": "read", "threads": 8}),
        ("pending beside a stalled reader", "results", "pending_peak", {"workload": "stalled", "threads": 2}))),
)
LESS_IS_BETTER = {"p999_ns", "bytes_per_element", "ns_median", "pending_peak"}
PLOTTED = (("queue", "pairs", None), ("queue", "1:1", None), ("stack", "pairs", None), ("map", "90/5/5", 1 << 10), ("map", "90/5/5", 1 << 20))


def name_of(row):
    return row["implementation"] + (" " + row["scheme"] if row["scheme"] else "")


class Results:
    def __init__(self, data):
        self.data = data
        self.roles = {(i["family"], i["implementation"]): i["role"] for i in data["implementations"]}

    def role(self, row):
        return self.roles.get((row["family"], row["implementation"]))

    def value(self, family, name, column):
        _, where, member, point = column
        for row in self.data[where]:
            if row["family"] == family and name_of(row) == name and all(row.get(k) == v for k, v in point.items()) and not row["fault"]:
                return row.get(member)
        return None

    def names(self, family, role):
        return list(dict.fromkeys(name_of(r) for r in self.data["results"] if r["family"] == family and self.role(r) == role))


def shown(value):
    return "–" if value is None else "%d" % round(value) if value >= 100 else "%.1f" % value


def table(results, title, family, columns):
    columns = [c for c in columns if any(results.value(family, n, c) is not None for n in results.names(family, "weft"))]
    if not columns:
        return
    ranked = sorted(results.names(family, "peer"), key=lambda n: results.value(family, n, columns[min(1, len(columns) - 1)]) or 0,
                    reverse=columns[0][2] not in LESS_IS_BETTER)
    names = results.names(family, "weft") + [n for n in results.names(family, "baseline") if n.startswith(("mutex", "spin", "sharded", "rwlock"))] \
        + ranked[:PEERS]
    best = []
    for column in columns:
        values = [v for v in (results.value(family, n, column) for n in names) if v is not None]
        best.append((min if column[2] in LESS_IS_BETTER else max)(values) if values else None)
    yield "| %s | %s |" % (title, " | ".join(c[0] for c in columns))
    yield "|---|" + "---|" * len(columns)
    for name in names:
        cells = [results.value(family, name, c) for c in columns]
        yield "| %s | %s |" % ("`%s`" % name if name.startswith("weft") else name,
                               " | ".join(("**%s**" if v is not None and v == b else "%s") % shown(v) for v, b in zip(cells, best)))
    yield ""


def intro(data, plot):
    m = data["machine"]
    trips = [p["round_trip_ns"] for p in data["probes"] if p["round_trip_ns"]]
    yield "`./weft bench %s` on %s of %s, %s, gcc, %s, commit %s, %s." % (
        " ".join(data["arguments"]), m["topology"], m["processor"], m["kernel"], m["allocator"], m["commit"], m["when"][:10])
    if trips:
        yield "A line went there and back in %.0f to %.0f ns meanwhile: compare within a column only." % (min(trips), max(trips))
    yield "Medians of interleaved rounds; threads beyond the cores are oversubscribed; what answered wrongly is left out. The best of each column is bold."
    yield ""
    yield "![throughput at 2 threads as a multiple of the mutex baseline](%s)" % plot
    yield ""


def plot(results):
    """Each implementation a dot at its ratio to the mutex, 2 threads, on a log scale."""
    row, left, width, top = 46, 150, 860, 34
    height = top + row * len(PLOTTED) + 34
    low, high = -1, 5

    def x(ratio):
        return left + (min(max(math.log2(ratio), low), high) - low) / (high - low) * (width - left - 30)

    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13">' % (width, height)
    yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    yield '<text x="%d" y="18" fill="#17181c">times the mutex baseline, 2 threads: <tspan fill="#0b57c4" font-weight="700">Weft hazard</tspan>, ' \
        '<tspan fill="#7a2bb8" font-weight="700">Weft epoch</tspan>, <tspan fill="#a83c00">locks</tspan>, <tspan fill="#6a707c">other libraries</tspan></text>' % 12
    for power in range(low, high + 1):
        yield '<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>' % (x(2 ** power), x(2 ** power), top, height - 26, "#555" if power == 0 else "#ddd")
        yield '<text x="%.1f" y="%d" text-anchor="middle" fill="#565b66">%s</text>' % (x(2 ** power), height - 8, "½" if power < 0 else str(2 ** power))
    for i, (family, workload, keys) in enumerate(PLOTTED):
        y = top + i * row + row // 2
        label = "%s %s" % (family, workload) + ("" if keys is None else ", %d %s" % ((keys >> 10, "Ki") if keys < 1 << 20 else (keys >> 20, "Mi")))
        yield '<text x="%d" y="%d" text-anchor="end" fill="#17181c">%s</text>' % (left - 10, y + 5, label)
        rows = [r for r in results.data["results"] if (r["family"], r["workload"], r["threads"]) == (family, workload, 2) and r.get("keys") == keys
                and r.get("distribution") in (None, "uniform") and r["ratio_to_mutex"]]
        for r in sorted(rows, key=lambda r: results.role(r) == "weft"):
            role = results.role(r)
            colour = {"weft": "#7a2bb8" if r["scheme"] == "epoch" else "#0b57c4", "baseline": "#a83c00", "peer": "#8a909c"}.get(role)
            if colour:
                yield '<circle cx="%.1f" cy="%d" r="%s" fill="%s" fill-opacity="%s"><title>%s: %.2f</title></circle>' % (
                    x(r["ratio_to_mutex"]), y, 7 if role == "weft" else 5, colour, 0.9 if role == "weft" else 0.6, html.escape(name_of(r)), r["ratio_to_mutex"])
    yield "</svg>"


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: summary.py RESULTS.json README.md PLOT.svg")
    source, readme, picture = sys.argv[1:]
    try:
        with open(source, encoding="utf-8") as file:
            results = Results(json.load(file))
        with open(readme, encoding="utf-8") as file:
            text = file.read()
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        lines = list(intro(results.data, os.path.relpath(picture, os.path.dirname(readme) or ".")))
        for one in TABLES:
            lines += table(results, *one)
        drawing = "\n".join(plot(results)) + "\n"
        with open(readme, "w", encoding="utf-8") as file:
            file.write(before + BEGIN + "\n" + "\n".join(lines) + END + after)
        with open(picture, "w", encoding="utf-8") as file:
            file.write(drawing)
    except OSError as error:
        print("weft: --readme: '%s': %s" % (error.filename or readme, error.strerror), file=sys.stderr)
        return 2
    except (ValueError, KeyError, TypeError, IndexError):
        print("weft: --readme expects what ./weft bench --json wrote, not '%s', and a README with %s and %s" % (source, BEGIN, END), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
