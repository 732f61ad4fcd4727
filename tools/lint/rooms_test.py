#!/usr/bin/env python3
"""rooms.py over made-up trees: it finds each kind of fault, with the right message, and passes a clean tree."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402
import rooms  # noqa: E402

CLEAN = {
    "base/seam.h": "int seam(void);\nextern int seam_count;\nstatic inline int seam_twice(void) { return 2 * seam(); }\n",
    "base/seam.c": "#include <weft/base/seam.h>\nint seam_count;\nint seam(void) { return seam_count++; }\n",
    "base/alone.h": "/* private. */\nstatic inline int alone(void) { return 1; }\n",
    "reclaim/scan.h": "/* private. */\n#include <weft/base/seam.h>\nint scan(void);\n",
    "reclaim/scan.c": "#include <weft/reclaim/scan.h>\n#include <stdlib.h>\nint scan(void) { return seam_twice() + abs(seam()); }\n",
    "reclaim/list.h": "/* private. */ int list(void);\n",
    "reclaim/list.c": '#include <weft/reclaim/list.h>\n#include "scan.h"\nint list(void) { return scan(); }\n',
    "queues/fifo.h": "/* #include <weft/stacks/lifo.h> in a comment of one line */\nint fifo(void);\nint fifo_create(void);\n",
    "queues/fifo_kernel.h": "#include <weft/queues/fifo.h>\n#include <weft/reclaim/list.h>\n#define LIST list()\nint fifo_slow(void);\n",
    "queues/fifo_life.c": "#include <weft/queues/fifo.h>\nint fifo_create(void) { return 1; }\n",
    "queues/fifo.c": "#include <weft/queues/fifo_kernel.h>\nint fifo(void) { return LIST; }\nint fifo_slow(void) { return 0; }\n",
}
SCAN = "#include <weft/reclaim/scan.h>\n"

# name, files that replace those of CLEAN, the rooms or files concerned, a part of the message
SEEDS = [
    ("circle_of_includes", {"reclaim/scan.h": '/* private. */\n#include "reclaim/list.h"\n#include <weft/base/seam.h>\nint scan(void);\n'}, {"reclaim/scan", "reclaim/list"},
     "a circle: reclaim/list -> reclaim/scan -> reclaim/list\n    reclaim/list needs reclaim/scan: reclaim/scan.h, scan\n"
     "    reclaim/scan needs reclaim/list: reclaim/list.h"),
    ("circle_of_symbols", {"reclaim/scan.c": SCAN + "int list(void);\nint scan(void) { return list(); }\n"}, {"reclaim/scan", "reclaim/list"},
     "    reclaim/scan needs reclaim/list: list"),
    ("circle_of_variables", {"reclaim/scan.c": SCAN + "extern int length;\nint scan(void) { return length; }\n",
                             "reclaim/list.c": SCAN + "int length;\nint list(void) { return scan(); }\n"}, {"reclaim/scan", "reclaim/list"},
     "    reclaim/scan needs reclaim/list: length"),
    ("circle_of_three", {"reclaim/hub.c": "int list(void);\nint hub(void) { return list(); }\n",
                         "reclaim/scan.c": SCAN + "int hub(void);\nint scan(void) { return hub(); }\n"},
     {"reclaim/hub", "reclaim/list", "reclaim/scan"}, "a circle: reclaim/hub -> reclaim/list -> reclaim/scan -> reclaim/hub\n"),
    ("circle_by_a_kernel", {"queues/ring_kernel.h": "#include <weft/queues/fifo_kernel.h>\n",
                            "queues/fifo_kernel.h": "#pragma once\n#include <weft/queues/ring_kernel.h>\n#define LIST 1\nint fifo(void);\n"},
     {"queues/fifo", "queues/ring"}, "queues/ring_kernel.h"),
    ("circle_by_an_inline_function", {"reclaim/scan.h": "int list(void);\nint scan(void);\nstatic inline int both(void) { return list() + scan(); }\n",
                                      "reclaim/scan.c": SCAN + "int scan(void) { return 1; }\nint use(void) { return both(); }\n"},
     {"reclaim/scan", "reclaim/list"}, "    reclaim/scan needs reclaim/list: list"),
    ("of_another_file", {"base/alone.h": "/* private. */ int seam(void);\n"},
     {"base/alone"}, "base/alone.h declares seam, which base/seam.c defines"),
    ("of_another_file_by_macro", {"base/alone.h": "/* private. */\n#define API __attribute__((unused)) extern\nAPI char *\nnames(const char *(*f)(int),\n int);\n",
                                  "base/seam.c": CLEAN["base/seam.c"] + "char *names(const char *(*f)(int), int i) { return (char *)f(i); }\n"},
     {"base/alone"}, "base/alone.h declares names, which base/seam.c defines"),
    ("variable_of_another_file", {"base/alone.h": "/* private. */\nextern int seam_count;\n"},
     {"base/alone"}, "base/alone.h declares seam_count, which"),
    ("of_a_contract", {"base/seam.h": CLEAN["base/seam.h"] + "int other(void);\n", "base/more.c": "int other(void) { return 1; }\n"}, {"base/seam.h"},
     "base/seam.h declares other, which base/more.c defines"),
    ("of_another_room", {"base/alone.h": "/* private. */ int list(void);\n"},
     {"base/alone"}, "base/alone.h declares list, which reclaim/list.c defines"),
    ("upper_room", {"base/alone.h": "/* private. */\n#include <weft/queues/fifo.h>\n"},
     {"base/alone"}, "base/alone names the upper room queues/: queues/fifo.h"),
    ("upper_room_in_quotes", {"base/seam.c": CLEAN["base/seam.c"] + '#include "queues/fifo.h"\n'}, {"base/seam"}, "names the upper room queues/"),
    ("word_of_an_upper_room", {"base/seam.c": "/* As reclaim/scan.c wants it. */\n" +
     CLEAN["base/seam.c"]}, {"base/seam"}, "base/seam.c speaks of what lies above it: reclaim/s"),
    ("word_of_a_structure", {"reclaim/list.h": "/* private. For weft_%s_create. */ int list(void);\n" % next(iter(rooms.library.structures()))}, {"reclaim/list"},
     "reclaim/list.h speaks of what lies above it: weft_"),
    ("symbol_of_an_upper_room", {"base/seam.c": CLEAN["base/seam.c"] + "int fifo(void);\nint use(void) { return fifo(); }\n"}, {"base/seam"},
     "base/seam names the upper room queues/: fifo"),
]


def faults_of(files, house=rooms.LIBRARY):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            os.makedirs(os.path.join(folder, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)
        return rooms.Plan(folder, house).run()


def seeded(files, where, expected):
    faults = faults_of({**CLEAN, **files})
    found = [fault for fault in faults if expected in fault.message and set(fault.where) == where]
    return None if len(found) == 1 else faults or "nothing was found"


BENCH = {
    "bench/machine/clock.h": "long now(void);\n",
    "bench/machine/clock.c": '#include "bench/machine/clock.h"\nlong now(void) { return 1; }\n',
    "bench/measure/adapter.h": "extern int impls;\n",
    "bench/adapters/registry.c": '#include "bench/measure/adapter.h"\nint impls;\n',
    "bench/run/suite.h": "int suite(void);\n",
    "bench/run/suite.c": '#include "bench/run/suite.h"\n#include "bench/machine/clock.h"\nint suite(void) { return (int)now(); }\n',
}


def of_the_bench():
    """The bench's rooms: a clean tree, and trees with a room above, a declaration of another file's function, or a cycle."""
    upper = {"bench/machine/clock.c": BENCH["bench/machine/clock.c"] + '#include "bench/run/suite.h"\n'}
    others = {"bench/run/suite.h": "int suite(void);\nlong now(void);\n"}
    circle = {"bench/run/plan.h": '#include "bench/run/suite.h"\n',
              "bench/run/suite.h": "int suite(void);\n#pragma once\n#include \"bench/run/plan.h\"\n"}
    for seed, expected in (({}, None), (upper, "bench/machine/clock names the upper room bench/run/"),
                           (others, "bench/run/suite.h declares now"), (circle, "a circle: bench/run/plan -> bench/run/suite")):
        faults = faults_of({**BENCH, **seed}, rooms.BENCH)
        if (expected is None) != (not faults) or expected and not any(expected in fault.message for fault in faults):
            return expected, faults
    return None


CHECK = {
    "check/history/history.h": "int history(void);\n",
    "check/history/history.c": '#include "check/history/history.h"\n#include "tools/output/output.h"\nint history(void) { return 1; }\n',
    "check/model/machine.h": "int run(void);\n",
    "check/model/run.c": '#include "check/model/machine.h"\n#include "check/history/history.h"\nint run(void) { return history(); }\n',
    "tools/output/output.h": "\n",
    "base/seam.h": "\n",
}


def of_the_laboratory():
    """A clean tree, whose contract two files implement; and trees that include the library, or a room above."""
    second = {"check/model/thread.c": "int more(void) { return 1; }\n", "check/model/machine.h": "int run(void);\nint more(void);\n"}
    library = {"check/model/run.c": "#include <weft/base/seam.h>\nint run(void) { return 1; }\n"}
    upper = {"check/history/history.c": '#include "check/model/machine.h"\nint history(void) { return run(); }\n'}
    for seed, expected in (({}, None), (second, None), (library, "base/seam.h, which is not of the laboratory"),
                           (upper, "check/history/history names the upper room check/model/")):
        faults = faults_of({**CHECK, **seed}, rooms.CHECK)
        if (expected is None) != (not faults) or expected and not any(expected in fault.message for fault in faults):
            return expected, faults
    return None


def judged():
    faults = [rooms.Fault(("reclaim/scan", "reclaim/list"), "a"), rooms.Fault(("base/record",), "b"), rooms.Fault(("queues/fifo",), "c")]
    in_order = "%s is in order: take it out of NOT_YET in tools/lint/rooms.py"
    for not_yet, failing, told in ((set(), ["a", "b", "c"], []), ({"reclaim"}, ["b", "c"], ["a"]), ({"reclaim/list", "base"}, ["c"], ["a", "b"]),
                                   ({"stacks", "base/record"}, ["a", "c", in_order % "stacks"], ["b"])):
        if rooms.judge(faults, not_yet) != (failing, told):
            return not_yet, rooms.judge(faults, not_yet)
    return None


if __name__ == "__main__":
    sys.exit(cases.run([("clean", lambda: faults_of(CLEAN)), ("judged", judged), ("of_the_bench", of_the_bench), ("of_the_laboratory", of_the_laboratory)] +
                       [(name, lambda a=rest: seeded(*a)) for name, *rest in SEEDS]))
