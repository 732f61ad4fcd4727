#!/usr/bin/env python3
"""compare.py OLD.json NEW.json [--threshold PERCENT]: two runs of ./weft bench, row by row.

A row's ratio is NEW to OLD by the medians, with the interval of 95 of 100 resamplings of both runs' rounds. Exit status: 1 if
something is slower by more than the threshold (default 5 percent) beyond the interval, 2 for wrong use, else 0. Rows that were
measured in different regimes of the machine, or while other programs ran, are shown and not judged.
"""

import argparse
import json
import os
import random
import statistics
import sys

RESAMPLINGS = 2000
POINT = ("family", "workload", "keys", "distribution", "group", "huge_pages", "threads", "work_ns", "implementation", "scheme")
WITHOUT = {"work_ns": 0}  # for files that are older than the field


class Unusable(Exception):
    """A file that is no result of the bench."""


def read(path):
    """(machine, {point: row})"""
    try:
        with open(path, encoding="utf-8") as file:
            whole = json.load(file)
        rows = {tuple(row.get(name, WITHOUT.get(name)) for name in POINT): row for row in whole["results"]}
        for row in rows.values():
            if not row["mops_rounds"] and not row.get("fault"):
                raise ValueError
        return whole["machine"], rows
    except OSError as error:
        raise Unusable("'%s': %s" % (path, error.strerror)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable("'%s' is not what ./weft bench --json writes" % path) from error


def ratio(old, new):
    """(median, low, high); equal rounds give equal results. None: one of the medians is 0."""
    if statistics.median(old) <= 0 or statistics.median(new) <= 0:
        return None
    chance = random.Random(1)
    drawn = sorted(statistics.median(chance.choices(new, k=len(new))) / max(statistics.median(chance.choices(old, k=len(old))), 1e-9)
                   for _ in range(RESAMPLINGS))
    cut = RESAMPLINGS // 40
    return statistics.median(new) / statistics.median(old), drawn[cut], drawn[-1 - cut]


def judge(old, new, threshold):
    """(ratio or None, the text to print, whether it is slower)"""
    for when, row in (("old", old), ("new", new)):
        if row.get("fault"):
            return None, "not judged: the %s one was faulty: %s" % (when, row["fault"]), False
    found = ratio(old["mops_rounds"], new["mops_rounds"])
    regimes = old.get("regime"), new.get("regime")
    if not found:
        return None, "one of them did nothing", False
    if "busy" in regimes:
        return found, "not judged: other programs ran beside one of them", False
    if regimes[0] != regimes[1]:
        return found, "not judged: cores %s, then %s" % regimes, False
    trips = [row.get("round_trip_ns") for row in (old, new)]
    if old["threads"] > 1 and all(trips) and max(trips) > 2 * min(trips):
        return found, "not judged: a line there and back took %.0f ns, then %.0f" % tuple(trips), False
    if found[2] < 1 - threshold:
        return found, "SLOWER", True
    if found[1] <= 1 <= found[2]:
        return found, "no difference seen", False
    return found, "faster" if found[0] > 1 else "slower, within the threshold", False


def name_of(point):
    values = dict(zip(POINT, point))
    parts = [values["family"], values["workload"]]
    if values["keys"]:
        parts.append("%d keys %s%s" % (values["keys"], values["distribution"], ", huge pages" if values["huge_pages"] else ""))
    parts.append("%d thread%s" % (values["threads"], "s" if values["threads"] > 1 else ""))
    if values["work_ns"]:
        parts.append("%d ns of work" % values["work_ns"])
    parts.append(values["implementation"] + (" " + values["scheme"] if values["scheme"] else ""))
    return ", ".join(parts)


def compare(old_path, new_path, threshold, out):
    """Whether something is slower."""
    (old_machine, old), (new_machine, new) = read(old_path), read(new_path)
    both = [point for point in old if point in new]
    if not both:
        raise Unusable("the two have no row in common")
    for name in ("processor", "cores", "compiler", "flags", "allocator"):
        if old_machine.get(name) != new_machine.get(name):
            out.write("note: another %s: %s, then %s\n" % (name, old_machine.get(name), new_machine.get(name)))
    for only, where in ((len(old) - len(both), old_path), (len(new) - len(both), new_path)):
        if only:
            out.write("note: %d rows are in %s alone\n" % (only, where))
    slower = 0
    width = max(len(name_of(point)) for point in both)
    for point in both:
        found, says, is_slower = judge(old[point], new[point], threshold)
        figures = "%5.2f  %5.2f..%-5.2f" % found if found else " " * 19
        out.write("%-*s  %s  %s\n" % (width, name_of(point), figures, says))
        slower += is_slower
    out.write("%d of %d rows are slower by more than %g %%\n" % (slower, len(both), threshold * 100))
    return slower > 0


def percent(text):
    value = float(text)
    if not 0 <= value < 100:
        raise ValueError
    return value


def main():
    parser = argparse.ArgumentParser(prog="weft bench --compare", description=__doc__, add_help=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--threshold", default=5.0, type=percent)
    parser.error = lambda message: sys.exit(complain("expected OLD.json, NEW.json and --threshold PERCENT, 0 to 100: " + message))
    options = parser.parse_args()
    try:
        slower = compare(options.old, options.new, options.threshold / 100, sys.stdout)
        sys.stdout.flush()
        return 1 if slower else 0
    except Unusable as error:
        return complain("expected two results of ./weft bench --json: %s" % error)


def complain(message):
    sys.stderr.write("weft bench: %s\n" % message)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(0)
    except OSError as failure:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would write the rest once more
        sys.exit(complain("the result could not be written to standard output: " + failure.strerror))
