#!/usr/bin/env python3
"""usage: ./weft bench --count [--json FILE]

Prints what each of Weft's operations costs, in figures without noise: instructions (of one thread, if valgrind is installed), atomic
loads, stores and read-modify-writes, fences (including sequentially consistent stores), and shared cache lines per operation, of two
threads that take turns. Deferred work (scans, epochs) is included, divided by the number of calls."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import whole  # noqa: E402

CALLS = 20000
COLUMNS = ("instructions", "loads", "stores", "rmws", "shared_rmws", "fences", "shared_lines")


def said(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=300, **options).stdout


def instructions(called, scheme, structure):
    """{function: instructions per call, including the functions that it calls}"""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out")
        subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, called, scheme, structure, str(CALLS)],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=300)
        text = said(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out])
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) .*\bcount_(put|take|get|insert|remove|read|retire)\b", line)
        if match:
            found.setdefault(match.group(2), int(match.group(1).replace(",", "")) / CALLS)
    return found


def count(counted, called):
    rows = json.loads(said([counted]))
    costs = {}
    for row in rows:
        key = row["scheme"], row["structure"]
        if shutil.which("valgrind") and key not in costs:
            costs[key] = instructions(called, *key)
        row["instructions"] = costs.get(key, {}).get(row.pop("function"))
    return rows


def table(rows):
    yield "%-49s" % "per operation" + "".join("%13s" % name.replace("_", " ") for name in COLUMNS)
    last = None
    for row in rows:
        if row["structure"] != last:
            yield ""
        last = row["structure"]
        digits = {name: 0 if name == "instructions" else 2 for name in COLUMNS}
        yield "%-18s %-7s %-22s" % (row["structure"], row["scheme"], row["operation"]) + "".join(
            "%13s" % ("-" if row[name] is None else "%.*f" % (digits[name], row[name])) for name in COLUMNS)


def to_standard_output(text):
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would write it once more
        print("weft bench: the result could not be written to standard output: %s" % error.strerror, file=sys.stderr)
        return 2
    return 0


def main():
    here = os.path.dirname(os.path.abspath(sys.argv[0]))
    arguments = sys.argv[1:]
    if arguments and (len(arguments) != 2 or arguments[0] != "--json"):
        print("weft bench: --count expects nothing else but --json FILE, not '%s'" % arguments[0], file=sys.stderr)
        return 2
    if not shutil.which("valgrind"):
        print("weft bench: note: instructions are not counted: valgrind is not installed", file=sys.stderr)
    rows = count(os.path.join(here, "weft-counted"), os.path.join(here, "weft-called"))
    text = json.dumps(rows, indent=1) + "\n" if arguments else "\n".join(table(rows)) + "\n"
    if not arguments or arguments[1] == "-":
        return to_standard_output(text)
    try:
        whole.write(arguments[1], text)
    except OSError as error:
        print("weft bench: --json expects a file that can be written, not '%s': %s" % (arguments[1], error.strerror), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
