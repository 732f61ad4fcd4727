#!/usr/bin/env python3
"""summary.py RESULTS.json MEASURED.md PLOT.svg README.md: writes the tables between the two marks of each page, and the plot, from what
./weft bench --json wrote. In a table of MEASURED.md the best figure of a column is bold, and its implementation always has a row; those
without a row are named below. README.md has one line for each family: the best of Weft, of the locks and of the other libraries."""

import html
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import whole  # noqa: E402

MARKS = {"measured": ("<!-- measured: begin -->", "<!-- measured: end -->"), "best": ("<!-- best: begin -->", "<!-- best: end -->")}
PEERS = 7  # rows of the best peers by the first contended column, beside those that are best in any column
ALWAYS = ("weft", "mutex", "spin", "sharded", "rwlock")  # Weft, and the obvious locks

# columns: (head, list, member, point); a point without work_ns means no work


def pairs(*threads, workload="pairs"):
    for i, n in enumerate(threads):
        head = "%d" % n if i else "%s, %d thread%s" % (workload, n, "s" * (n > 1))
        yield head, "results", "mops_median", {"workload": workload, "threads": n}


def with_work(workload):
    return "with work, 2 threads", "results", "mops_median", {"workload": workload, "threads": 2, "work_ns": 100}


WORKED = tuple((head + how, where, member, {"workload": "pairs", "threads": 2, "work_ns": work, **more})
               for head, where, member, more in (("M operations/s", "results", "mops_median", {}), ("p99 ns", "latency", "p99_ns", {"open": False}),
                                                 ("p99.9 ns", "latency", "p999_ns", {"open": False}), ("max ns", "latency", "max_ns", {"open": False}))
               for how, work in (("", 0), (" with work", 100)))
ROUND_TRIP = tuple((head, "latency", member, {"workload": "round-trip", "threads": 2})
                   for head, member in (("round trip p50 ns", "p50_ns"), ("round trip p99.9 ns", "p999_ns")))
P999 = ("p99.9 ns, 2 threads", "latency", "p999_ns", {"workload": "pairs", "threads": 2, "open": False})
BYTES = ("bytes/element", "memory", "bytes_per_element", {})
SIDES = (*pairs(2, workload="1:1"), *pairs(8, workload="1:3"))
WORK = "pairs, 2 threads, without and with 100 ns of work"
# title, family, columns
TABLES = (
    ("Queues, M operations/s", "queue", (*pairs(1, 2, 8), *SIDES, P999, BYTES)),
    ("Queues, " + WORK, "queue", (*WORKED, *ROUND_TRIP)),
    ("Rings, M operations/s", "ring", (*pairs(1, 2, 8), *SIDES, P999)),
    ("Rings, " + WORK, "ring", (*WORKED, *ROUND_TRIP)),
    ("Rings for one producer and one consumer, M operations/s", "spsc", (
        *pairs(2, workload="1:1"), with_work("1:1"), *pairs(1), *ROUND_TRIP)),
    ("Mailboxes, M operations/s", "mailbox", (
        *pairs(2, 8, workload="N:1"), with_work("N:1"), *pairs(1), *ROUND_TRIP)),
    ("Deques, M operations/s", "deque", (
        *pairs(1, 2, 8, workload="owner"), with_work("owner"))),
    ("Stacks, M operations/s", "stack", (*pairs(1, 2, 8), *pairs(2, workload="burst"), P999, BYTES)),
    ("Stacks, " + WORK, "stack", WORKED),
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
    ("ring, pairs", "ring", {"workload": "pairs", "threads": 2}),
    ("spsc, 1:1", "spsc", {"workload": "1:1", "threads": 2}),
    ("mailbox, N:1", "mailbox", {"workload": "N:1", "threads": 2}),
    ("deque, owner and a thief", "deque", {"workload": "owner", "threads": 2}),
    ("stack, pairs", "stack", {"workload": "pairs", "threads": 2}),
    ("map, 90/5/5, 1 Ki keys", "map", {"workload": "90/5/5", "threads": 2, "keys": 1 << 10, "distribution": "uniform"}),
    ("map, 90/5/5, 1 Mi keys", "map", {"workload": "90/5/5", "threads": 2, "keys": 1 << 20, "distribution": "uniform"}),
)
# What README.md says: family, in words, workload of its throughput, point
BEST = (
    ("queue", "unbounded queue", "pairs", {}),
    ("ring", "bounded queue", "pairs", {}),
    ("spsc", "one producer, one consumer", "1:1", {}),
    ("mailbox", "many producers, one consumer", "N:1", {}),
    ("deque", "an owner and a thief", "owner", {}),
    ("stack", "stack", "pairs", {}),
    ("map", "map, 1 Mi keys, 90/5/5", "90/5/5", {"keys": 1 << 20, "distribution": "uniform"}),
)
BEHIND = 1.05  # of which a figure must be worse to be told
WHAT_IS_PLOTTED = "Throughput at 2 threads as a multiple of the mutex baseline"


def name_of(row):
    return row["implementation"] + (" " + row["scheme"] if row["scheme"] else "")


class Results:
    def __init__(self, data):
        self.data = data
        self.implementations = {(i["family"], name_of(i)): i for i in data["implementations"] if i["role"] != "floor"}

    def names(self, family):
        return [name for of, name in self.implementations if of == family]

    def role(self, family, name):
        return self.implementations[family, name]["role"]

    def limits(self, family, name):
        return self.implementations[family, name]["limits"] or ""

    def row(self, family, name, where, point):
        """The row of that point (the first one, if there are several groups of maps); None, if it has a fault."""
        for row in self.data[where]:
            if row["family"] == family and name_of(row) == name and all(row.get(k, 0) == v for k, v in {"work_ns": 0, **point}.items()):
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
    if any(point.get("work_ns") for *_, point in columns):
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


def tables(results, source):
    for title, family, columns in TABLES:
        if results.measured(family, columns):
            yield from table(results, title, family, results.names(family), columns, source)


def measures(workload, point):
    """What Weft can be behind in: (in words, list, member, point)."""
    at = {"workload": workload, "threads": 2, **point}
    yield "with work", "results", "mops_median", {**at, "work_ns": 100}
    yield "without", "results", "mops_median", at
    yield "p99.9 with work", "latency", "p999_ns", {**at, "work_ns": 100, "open": False}
    yield "p99.9 without", "latency", "p999_ns", {**at, "open": False}
    yield "round trip", "latency", "p50_ns", {"workload": "round-trip", "threads": 2}
    yield "memory", "memory", "bytes_per_element", {}


def leaders(results, family, where, member, point):
    """{role: (figure, name)} of the best of each role."""
    best = {}
    for name in results.names(family):
        row = results.row(family, name, where, point)
        if row and row.get(member) and not warning(row):
            role, sign = results.role(family, name), 1 if member in LESS_IS_BETTER else -1
            best[role] = min(best.get(role, (math.inf, "")), (sign * row[member], name))
    return {role: (abs(figure), name) for role, (figure, name) in best.items()}


def led(results, family, role, best):
    if role not in best:
        return "–"
    figure, name = best[role]
    limits = results.limits(family, name)
    return "%s %s%s" % (shown(figure), "`%s`" % name if role == "weft" else name, " (%s)" % limits if limits else "")


def best_of_families(results):
    yield "| 2 threads, 100 ns of work between operations | best of Weft, M operations/s | best lock | best of other libraries | Weft is behind |"
    yield "|---|---|---|---|---|"
    for family, words, workload, point in BEST:
        cells, behind = [], []
        for what, where, member, at in measures(workload, point):
            best = leaders(results, family, where, member, at)
            if what == "with work":
                cells = [led(results, family, role, best) for role in ("weft", "baseline", "peer")]
            for role in ("baseline", "peer"):
                if "weft" in best and role in best:
                    ours, (theirs, name) = best["weft"][0], best[role]
                    ratio = ours / theirs if member in LESS_IS_BETTER else theirs / ours
                    if ratio > BEHIND:
                        behind.append("%s %.1f× %s" % (what, ratio, name))
        yield "| %s | %s | %s |" % (words, " | ".join(cells), "; ".join(behind) or "–")
    yield ""
    yield from far_apart(results.data, "line")


def told(data):
    """What was run, on which machine, and how far apart its cores were."""
    m = data["machine"]
    yield "`./weft bench %s` on %s of %s, %s, gcc, %s, commit %s, %s." % (
        " ".join(data["arguments"]), m["topology"], m["processor"], m["kernel"], m["allocator"], m["commit"], m["when"][:10])
    yield from far_apart(data, "column")


def far_apart(data, within):
    trips = [p["round_trip_ns"] for p in data["probes"] if p["round_trip_ns"]]
    if trips:
        yield "During the run a cache line took %.0f to %.0f ns from one core to another and back; compare figures within a %s only." % (min(trips), max(trips), within)


def intro(results, source, plot):
    data = results.data
    yield from told(data)
    yield ""
    yield "Figures are medians of interleaved rounds. Threads beyond the number of cores are oversubscribed. An implementation that answered"
    yield "wrongly is left out; ‡ marks one that said \"empty\" when it was not, and which is never the best of a column."
    yield ""
    yield "The best figure of a column is bold, and its implementation has a row. *Limits* names the properties that an implementation lacks"
    yield "([the words](../bench/README.md#peers)); an empty field means unbounded, lock-free and linearizable. All %d rows" % (
        sum(len(data[where]) for where in ("results", "latency", "memory")))
    yield "of the run, with intervals, ratios and other workloads, are in [its file](%s)." % source
    yield ""
    yield "![%s: %s](%s)" % (WHAT_IS_PLOTTED, "; ".join(label for label, _, _ in PLOTTED), plot)
    yield ""


STYLE = """<style>
.paper { fill: #ffffff } .ink { fill: #17181c } .quiet { fill: #565b66 } .grid { stroke: #d5d8de } .one { stroke: #565b66 }
.weft { fill: #0b57c4; stroke: #0b57c4 } .weft2 { fill: #7a2bb8; stroke: #7a2bb8 } .lock { fill: #a83c00; stroke: #a83c00 } .peer { fill: #565b66; stroke: #565b66 }
text, tspan { stroke: none !important }
@media (prefers-color-scheme: dark) {
.paper { fill: #14161a } .ink { fill: #eceef2 } .quiet { fill: #a9b0bd } .grid { stroke: #363b45 } .one { stroke: #a9b0bd }
.weft { fill: #6eaaff; stroke: #6eaaff } .weft2 { fill: #cb95ff; stroke: #cb95ff } .lock { fill: #ff9f66; stroke: #ff9f66 } .peer { fill: #a9b0bd; stroke: #a9b0bd }
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
            body.append('<circle class="%s" cx="%.1f" cy="%d" r="4" stroke-width="1.6"/>' % (kind, x(ratio), at))
            body.append('<text class="%s" x="%.1f" y="%d" font-size="11"%s>%s</text>' % (
                kind, x(ratio) + 8, at + 4, ' font-weight="700"' if kind.startswith("weft") else "", html.escape(name) + warned))
        y += step * (1 + max((dot[-1] for dot in placed), default=0)) + 16
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">' % (width, y + 14)
    yield "<title>%s</title>" % WHAT_IS_PLOTTED
    yield STYLE
    yield '<rect class="paper" width="100%" height="100%"/>'
    yield '<text class="ink" x="12" y="20" font-weight="700">%s; right is faster</text>' % WHAT_IS_PLOTTED
    yield '<text class="quiet" x="12" y="38"><tspan class="weft" font-weight="700">Weft, hazard pointers</tspan>, <tspan class="weft2" font-weight="700">Weft, epochs</tspan>, ' \
        '<tspan class="lock">locks</tspan>, <tspan class="peer">other libraries</tspan>; ‡: said "empty" when it was not</text>'
    for power in range(low, high + 1):
        yield '<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' % ("grid" if power else "one", x(2 ** power), x(2 ** power), top, y - 6)
        for at in (top - 4, y + 8):
            yield '<text class="quiet" x="%.1f" y="%d" text-anchor="middle">%s</text>' % (x(2 ** power), at, "1/%d" % 2 ** -power if power < 0 else 2 ** power)
    yield from body
    yield "</svg>"


def filled(page, marks, lines):
    """The page with these lines between its two marks."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    begin, end = MARKS[marks]
    before, rest = text.split(begin)
    return before + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def main():
    if len(sys.argv) != 5:
        sys.exit("usage: summary.py RESULTS.json MEASURED.md PLOT.svg README.md")
    source, page, picture, readme = sys.argv[1:]
    folder = os.path.dirname(page) or "."
    try:
        with open(source, encoding="utf-8") as file:
            results = Results(json.load(file))
        where = os.path.relpath(source, folder)
        tabled = [*intro(results, where, os.path.relpath(picture, folder)), *tables(results, where)]
        texts = (filled(page, "measured", tabled), filled(readme, "best", best_of_families(results)), "\n".join(plot(results)) + "\n")
        for path, text in zip((page, readme, picture), texts):
            whole.write(path, text)
    except OSError as error:
        print("weft: --measured: '%s': %s" % (error.filename or page, error.strerror), file=sys.stderr)
        return 2
    except (ValueError, KeyError, TypeError, IndexError):
        print("weft: --measured expects what ./weft bench --json wrote, not '%s', and pages with their two marks: %s" % (
            source, ", ".join(mark for pair in MARKS.values() for mark in pair)), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
