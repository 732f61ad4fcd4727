#!/usr/bin/env python3
"""page.py RESULTS.json REPORT.html: makes one page, which needs no other file, from what ./weft bench --json wrote."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import whole  # noqa: E402

PARTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "page")


def part(name):
    with open(os.path.join(PARTS, name), encoding="utf-8") as file:
        return file.read()


def without_histograms(results):
    """They have thousands of buckets; the page shows only the percentiles."""
    for row in results["latency"]:
        row.pop("histogram", None)
    return results


def page(results):
    data = json.dumps(without_histograms(results), separators=(",", ":")).replace("<", "\\u003c")
    whole = part("page.html")
    for mark, text in (("/*STYLE*/", part("style.css")), ("/*SCRIPT*/", part("charts.js") + part("page.js")), ("/*DATA*/", data)):
        whole = whole.replace(mark, text)
    return whole


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: page.py RESULTS.json REPORT.html")
    try:
        text = None
        with open(sys.argv[1], encoding="utf-8") as file:
            text = page(json.load(file))
        whole.write(sys.argv[2], text)
    except OSError as error:
        print("weft: --html: '%s': %s" % (error.filename or sys.argv[2], error.strerror), file=sys.stderr)
        return 2 if text is None else 1
    except (ValueError, KeyError, TypeError):
        print("weft: --html expects what ./weft bench --json wrote, not '%s'" % sys.argv[1], file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
