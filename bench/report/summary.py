#!/usr/bin/env python3
"""summary.py RESULTS.json [WORKED.json] MEASURED.md PLOT.svg: writes the tables between the two marks of a page, and its plot, from what
./weft bench --json wrote. The tables with work between operations come from WORKED.json, if there is one. The best figure of a column is bold, and
its implementation always has a row; those without a row are named below the table."""

import html
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import whole  # noqa: E402

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PEERS = 7  # rows of the best peers by the first contended column, beside those that are best in any column
ALWAYS = ("weft", "mutex", "spin", "sharded", "rwlock")  # Weft, and the obvious locks

# columns: (head, list, member, point); a point without work_ns means no work
WORKED = tuple((head + how, where, member, {"workload": "pairs", "threads": 2, "work_ns": work, **more})
               for head, where, member, more in (("M operations/s", "results", "mops_median", {}), ("p99 ns", "latency", "p99_ns", {"open": False}),
                                                 ("p99.9 ns", "latency", "p999_ns", {"open": False}), ("max ns", "latency", "max_ns", {"open": False}))
               for how, work in (("", 0), (" with work", 100)))
ROUND_TRIP = tuple((head, "latency", member, {"workload": "round-trip", "threads": 2})
                   for head, member in (("round trip p50 ns", "p50_ns"), ("round trip p99.9 ns", "p999_ns")))
# title, family, columns
TABLES = (
    ("Queues, M operations/s", "queue", (
        ("pairs, 1 thread", "results", "mops_median", {"workload": "pairs", "threads": 1}),
        ("2", "results", "mops_median", {"workload": "pairs", "threads": 2}),
        ("8", "results", "mops_median", {"workload": "pairs", "threads": 8}),
        ("1:1, 2 threads", "results", "mops_median", {"workload": "1:1", "threads": 2}),
        ("1:3, 8 threads", "results", "mops_median", {"workload": "1:3", "threads": 8}),
        ("p99.9 ns, 2 threads", "latency", "p999_ns", {"workload": "pairs", "threads": 2, "open": False}),
        ("bytes/element", "memory", "bytes_per_element", {}))),
    ("Queues, pairs, 2 threads, without and with 100 ns of work", "queue", (*WORKED, *ROUND_TRIP)),
    ("Rings, M operations/s", "ring", (
        ("pairs, 1 thread", "results", "mops_median", {"workload": "pairs", "threads": 1}),
        ("2", "results", "mops_median", {"workload": "pairs", "threads": 2}),
        ("8", "results", "mops_median", {"workload": "pairs", "threads": 8}),
        ("1:1, 2 threads", "results", "mops_median", {"workload": "1:1", "threads": 2}),
        ("1:3, 8 threads", "results", "mops_median", {"workload": "1:3", "threads": 8}),
        ("p99.9 ns, 2 threads", "latency", "p999_ns", {"workload": "pairs", "threads": 2, "open": False}))),
    ("Rings, pairs, 2 threads, without and with 100 ns of work", "ring", (*WORKED, *ROUND_TRIP)),
    ("Stacks, M operations/s", "stack", (
        ("pairs, 1 thread", "results", "mops_median", {"workload": "pairs", "threads": 1}),
        ("2", "results", "mops_median", {"workload": "pairs", "threads": 2}),
        ("8", "results", "mops_median", {"workload": "pairs", "threads": 8}),
        ("burst, 2 threads", "results", "mops_median", {"workload": "burst", "threads": 2}),
        ("p99.9 ns, 2 threads", "latency", "p999_ns", {"workload": "pairs", "threads": 2, "open": False}),
        ("bytes/element", "memory", "bytes_per_element", {}))),
    ("Stacks, pairs, 2 threads, without and with 100 ns of work", "stack", WORKED),
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
LESS_IS_BETTER = {"p50_ns", "p99_ns", "p999_ns", "max_ns", "bytes_per_element", "ns_median", "pending_peak"}
# label, family, point
PLOTTED = (
    ("queue, pairs", "queue", {"workload": "pairs", "threads": 2}),
    ("queue, 1:1", "queue", {"workload": "1:1", "threads": 2}),
    ("stack, pairs", "stack", {"workload": "pairs", "threads": 2}),
    ("map, 90/5/5, 1 Ki keys", "map", {"workload": "90/5/5", "threads": 2, "keys": 1 << 10, "distribution": "uniform"}),
    ("map, 90/5/5, 1 Mi keys", "map", {"workload": "90/5/5", "threads": 2, "keys": 1 << 20, "distribution": "uniform"}),
)
WHAT_IS_PLOTTED = "Throughput at 2 threads as a multiple of the mutex baseline"


def name_of(row):
    return row["implementation"] + (" " + row["scheme"] if row["scheme"] else "")


class Results:
    def __init__(self, data):
        self.data = data
        for row in (row for where in ("results", "latency", "memory") for row in data[where]):
            row.setdefault("work_ns", 0)  # files from before --work
        self.implementations = {(i["family"], name_of(i)): i for i in data["implementations"] if i["role"] != "floor"}

    def names(self, family):
        return [name for of, name in self.implementations if of == family]

    def role(self, family, name):
        return self.implementations[family, name]["role"]

    def limits(self, family, name):
        return self.implementations[family, name]["limits"] or ""

    def bounded(self, family, name):
        return "bounded" in self.limits(family, name).split(", ")

    def row(self, family, name, where, point):
        """The row of that point (the first one, if there are several groups of maps); None, if it has a fault."""
        for row in self.data[where]:
            if row["family"] == family and name_of(row) == name and all(row.get(k) == v for k, v in {"work_ns": 0, **point}.items()):
                return None if row["fault"] else row
        return None

    def measured(self, family, columns):
        """Whether there are rows of each amount of work that the throughput columns name."""
        return all(any(self.row(family, name, where, point) for name in self.names(family))
                   for _, where, _, point in columns if where == "results" and "work_ns" in point)


def shown(value):
    return "–" if value is None else "%d" % round(value) if value >= 100 else "%.1f" % value


def warning(row):
    """As everywhere in the bench: a peer that said "empty" when it was not keeps its figures, but never counts as best."""
    return " ‡" if row and row.get("false_empty") else ""


def best_of(column, rows):
    values = [row[column[2]] for row in rows if row and row.get(column[2]) is not None and not warning(row)]
    return shown((min if column[2] in LESS_IS_BETTER else max)(values)) if values else None


def disturbed(rows):
    """As in the bench: other programs used a part of the cores' time; this holds for all rows of a point."""
    return " DISTURBED" if any(row and row.get("regime") == "busy" for row in rows) else ""


def table(results, title, family, names, columns, source):
    """Rows: Weft, the locks, those that lead a column, and the best of the others by the first contended column."""
    rows = {name: [results.row(family, name, where, point) for _, where, _, point in columns] for name in names}
    cells = {name: [row and row.get(column[2]) for row, column in zip(rows[name], columns)] for name in names}
    kept = [i for i in range(len(columns)) if any(cells[name][i] is not None for name in names)]
    if not kept:
        return
    texts = {name: [shown(cell) + warning(row) for cell, row in zip(cells[name], rows[name])] for name in names}
    best = {i: best_of(columns[i], (rows[name][i] for name in names)) for i in kept}
    by = kept[min(1, len(kept) - 1)]
    sign = 1 if columns[by][2] in LESS_IS_BETTER else -1
    peers = sorted((n for n in names if results.role(family, n) == "peer"), key=lambda n: math.inf if cells[n][by] is None else sign * cells[n][by])
    order = [n for n in names if n not in peers] + peers
    chosen = [n for n in order if n in peers[:PEERS] or n.startswith(ALWAYS) or any(texts[n][i] == best[i] for i in kept)]
    yield "| %s | limits | %s |" % (title, " | ".join(columns[i][0] + disturbed(rows[n][i] for n in names) for i in kept))
    yield "|---|---|" + "---|" * len(kept)
    for name in chosen:
        yield "| %s | %s | %s |" % ("`%s`" % name if name.startswith("weft") else name, results.limits(family, name),
                                    " | ".join("**%s**" % texts[name][i] if texts[name][i] == best[i] else texts[name][i] for i in kept))
    yield ""
    rest = [n for n in order if n not in chosen]
    if rest:
        yield "Not shown, since best in no column: %d (%s). Their figures are in [the run's file](%s)." % (len(rest), ", ".join(rest), source)
        yield ""
    if columns[0] in WORKED:
        yield from locks_ahead(results, family, names, [columns[i] for i in kept], {n: [rows[n][i] for i in kept] for n in names})


def locks_ahead(results, family, names, columns, rows):
    """One sentence, if a lock is ahead of all of Weft's rows."""
    told = {}
    for i, (head, _, member, _) in enumerate(columns):
        sign = -1 if member in LESS_IS_BETTER else 1
        of = {n: rows[n][i][member] for n in names if rows[n][i] and rows[n][i].get(member) is not None and not warning(rows[n][i])}
        ours = [sign * value for n, value in of.items() if results.role(family, n) == "weft"]
        for n, value in of.items():
            if ours and results.role(family, n) == "baseline" and sign * value > max(ours):
                told.setdefault(n, []).append("%s (%s, Weft %s)" % (head, shown(value), shown(sign * max(ours))))
    if told:
        yield "Locks are ahead of Weft here: %s." % "; ".join("%s in %s" % (n, ", ".join(where)) for n, where in told.items())
        yield ""


def tables(runs):
    """Bounded rings have their own tables: they do less, and are faster for it."""
    for title, family, columns in TABLES:
        results, source = runs[-1 if columns[0] in WORKED else 0]
        if not results.measured(family, columns):
            continue
        for bounded in (False, True):
            names = [n for n in results.names(family) if results.bounded(family, n) == bounded]
            yield from table(results, "Bounded " + title[0].lower() + title[1:] if bounded else title, family, names, columns, source)


def told(data):
    """What was run, on which machine, and how far apart its cores were."""
    m = data["machine"]
    trips = [p["round_trip_ns"] for p in data["probes"] if p["round_trip_ns"]]
    yield "`./weft bench %s` on %s of %s, %s, gcc, %s, commit %s, %s." % (
        " ".join(data["arguments"]), m["topology"], m["processor"], m["kernel"], m["allocator"], m["commit"], m["when"][:10])
    if trips:
        yield "During the run a cache line took %.0f to %.0f ns from one core to another and back; compare figures within a column only." % (min(trips), max(trips))


def intro(runs, plot):
    (results, source), (worked, its_source) = runs[0], runs[-1]
    data = results.data
    yield from told(data)
    if worked is not results:
        yield ""
        yield "The tables with work between operations are of another run, in [its file](%s):" % its_source
        yield from told(worked.data)
        yield ""
    yield "Figures are medians of interleaved rounds. Threads beyond the number of cores are oversubscribed. An implementation that answered"
    yield "wrongly is left out; ‡ marks one that said \"empty\" when it was not, and which is never the best of a column."
    yield ""
    yield "The best figure of a column is bold, and its implementation has a row. Bounded rings have a table of their own. *Limits* names the"
    yield "properties that an implementation lacks ([the words](../bench/README.md#peers)); an empty field means unbounded, lock-free and linearizable. All %d rows" % (
        sum(len(data[where]) for where in ("results", "latency", "memory")))
    yield "of the run, with intervals, ratios and other workloads, are in [its file](%s)." % source
    yield ""
    yield "![%s: %s](%s)" % (WHAT_IS_PLOTTED, "; ".join(label for label, _, _ in PLOTTED), plot)
    yield ""


STYLE = """<style>
.paper { fill: #ffffff } .ink { fill: #17181c } .quiet { fill: #565b66 } .grid { stroke: #d5d8de } .one { stroke: #565b66 }
.weft { fill: #0b57c4; stroke: #0b57c4 } .weft2 { fill: #7a2bb8; stroke: #7a2bb8 } .lock { fill: #a83c00; stroke: #a83c00 } .peer { fill: #565b66; stroke: #565b66 }
text, tspan { stroke: none !important } .ring { fill: none }
@media (prefers-color-scheme: dark) {
.paper { fill: #14161a } .ink { fill: #eceef2 } .quiet { fill: #a9b0bd } .grid { stroke: #363b45 } .one { stroke: #a9b0bd }
.weft { fill: #6eaaff; stroke: #6eaaff } .weft2 { fill: #cb95ff; stroke: #cb95ff } .lock { fill: #ff9f66; stroke: #ff9f66 } .peer { fill: #a9b0bd; stroke: #a9b0bd }
.ring { fill: none }
}
</style>"""


def kind_of(results, family, name):
    role = results.role(family, name)
    return {"baseline": "lock", "peer": "peer"}.get(role) or ("weft2" if name.endswith(" epoch") else "weft")


def lanes(dots, x):
    """[(ratio, name, its warning, lane)]: from left to right, each in the first lane where its name overlaps no other."""
    ends = []
    for ratio, name, warned in sorted(dots):
        lane = next((i for i, end in enumerate(ends) if end < x(ratio) - 8), len(ends))
        ends[lane:lane + 1] = [x(ratio) + 10 + 6.3 * len(name + warned)]
        yield ratio, name, warned, lane


def plot(results):
    """Shows each implementation as a dot with its name, at its ratio to the mutex, on a log scale."""
    step, left, width, top, after = 15, 196, 1000, 64, 130
    found = []
    for label, family, point in PLOTTED:
        rows = [(results.row(family, name, "results", point), name) for name in results.names(family)]
        found.append((label, disturbed(row for row, _ in rows), family, [
                     (row["ratio_to_mutex"], name, warning(row)) for row, name in rows if row and row["ratio_to_mutex"]]))
    all_ratios = [ratio for *_, dots in found for ratio, *_ in dots] or [1]
    low, high = math.floor(math.log2(min(all_ratios))), max(1, math.ceil(math.log2(max(all_ratios))))

    def x(ratio):
        return left + (math.log2(ratio) - low) / (high - low) * (width - left - after)

    body, y = [], top + 14
    for label, busy, family, dots in found:
        placed = list(lanes(dots, x))
        body.append('<text class="ink" x="%d" y="%d" text-anchor="end" font-weight="700">%s<tspan x="%d" dy="16">%s</tspan></text>' %
                    (left - 16, y + 4, label, left - 16, busy))
        for ratio, name, warned, lane in placed:
            kind, at = kind_of(results, family, name), y + lane * step
            body.append('<circle class="%s%s" cx="%.1f" cy="%d" r="4" stroke-width="1.6"/>' % (
                kind, " ring" if results.bounded(family, name) else "", x(ratio), at))
            body.append('<text class="%s" x="%.1f" y="%d" font-size="11"%s>%s</text>' % (
                kind, x(ratio) + 8, at + 4, ' font-weight="700"' if kind.startswith("weft") else "", html.escape(name) + warned))
        y += step * (1 + max((dot[-1] for dot in placed), default=0)) + 16
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">' % (width, y + 14)
    yield "<title>%s</title>" % WHAT_IS_PLOTTED
    yield STYLE
    yield '<rect class="paper" width="100%" height="100%"/>'
    yield '<text class="ink" x="12" y="20" font-weight="700">%s; right is faster</text>' % WHAT_IS_PLOTTED
    yield '<text class="quiet" x="12" y="38"><tspan class="weft" font-weight="700">Weft, hazard pointers</tspan>, <tspan class="weft2" font-weight="700">Weft, epochs</tspan>, ' \
        '<tspan class="lock">locks</tspan>, <tspan class="peer">other libraries</tspan>; a ring instead of a dot: bounded; ‡: said "empty" when it was not</text>'
    for power in range(low, high + 1):
        yield '<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' % ("grid" if power else "one", x(2 ** power), x(2 ** power), top, y - 6)
        for at in (top - 4, y + 8):
            yield '<text class="quiet" x="%.1f" y="%d" text-anchor="middle">%s</text>' % (x(2 ** power), at, "1/%d" % 2 ** -power if power < 0 else 2 ** power)
    yield from body
    yield "</svg>"


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: summary.py RESULTS.json [WORKED.json] MEASURED.md PLOT.svg")
    *sources, readme, picture = sys.argv[1:]
    runs = []
    try:
        for source in sources:
            with open(source, encoding="utf-8") as file:
                runs.append((Results(json.load(file)), os.path.relpath(source, os.path.dirname(readme) or ".")))
        with open(readme, encoding="utf-8") as file:
            text = file.read()
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        lines = [*intro(runs, os.path.relpath(picture, os.path.dirname(readme) or ".")), *tables(runs)]
        drawing = "\n".join(plot(runs[0][0])) + "\n"
        whole.write(readme, before + BEGIN + "\n" + "\n".join(lines) + END + after)
        whole.write(picture, drawing)
    except OSError as error:
        print("weft: --measured: '%s': %s" % (error.filename or readme, error.strerror), file=sys.stderr)
        return 2
    except (ValueError, KeyError, TypeError, IndexError):
        print("weft: --measured expects what ./weft bench --json wrote, not '%s', and a page with %s and %s" % (source, BEGIN, END), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
