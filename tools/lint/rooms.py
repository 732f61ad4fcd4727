#!/usr/bin/env python3
"""Checks the dependencies of files and rooms (directories), by what files include and by the symbols of their objects.

usage: rooms.py [--draw] [ROOT]

X.c, X.h and X_kernel.h count as one file, X; but a public header is a contract: a file of its own, which needs nothing of its implementation.
Reports, below ROOT (default: the current directory),

- files of one room that need each other in a cycle,
- a header that declares what another file defines (but a contract may be implemented by all files whose names begin with its name, and
  one without its own .c by several files of its room),
- a lower room that includes an upper one, uses a symbol of it, or (base/ and reclaim/) mentions its files or structures,
- a file of the laboratory (check/) that includes files of Weft outside of it: the laboratory must work for any program,
- a drawing in docs/internals.md that is out of date: --draw prints it.
"""

import collections
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import library  # noqa: E402

# Rooms, or files as "base/thread", whose faults are only printed for now. One without faults fails until it is removed here.
NOT_YET = set()

# A house: its rooms, lower ones first, and its contracts, each with the file that implements it (None: several of its room). For example,
# bench/measure declares the interface and the list of adapters, and bench/adapters defines them.
House = collections.namedtuple("House", "rooms kept_elsewhere")
LIBRARY = House(library.FOLDERS, {})
BENCH = House(tuple("bench/" + name for name in ("machine", "measure", "adapters/words", "adapters", "result", "run", "report")),
              {"bench/measure/adapter.h": "bench/adapters/registry.c"})
CHECK = House(("check/history", "check/model"),
              {"check/history/check.h": None, "check/model/machine.h": None, "check/history/park_seam.h": "check/history/park.c"})

LABORATORY, ALSO_OF_THE_LABORATORY = "check/", ("tools/output/output.h",)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<weft/|")([\w./]+)[>"]', re.MULTILINE)
DECLARED = re.compile(r"^/\* (.+):(\d+):[NO]([CF])[ C]*\*/ (.*?)\b(\w+) \(")
VARIABLE = re.compile(r"^(?:WEFT_API )?extern [^()\n;]*?\b(\w+)(?:\[[^;]*)?;", re.MULTILINE)

# where: the files concerned, each as "room/name"
Fault = collections.namedtuple("Fault", "where message")


def named(path):
    """base/seam.h -> base/seam. A kernel belongs to its structure."""
    return re.sub(r"(_kernel)?\.[ch]$", "", path)


def room(name):
    return os.path.dirname(name)


class Plan:
    def __init__(self, root, house=LIBRARY):
        self.root, self.rooms, self.kept_elsewhere = root, house.rooms, house.kept_elsewhere
        self.headers, self.sources = library.files(root, "*.h", self.rooms), library.files(root, "*.c", self.rooms)
        self.contracts = set(library.public_headers(root)) if house is LIBRARY else set(house.kept_elsewhere)
        self.needs = collections.defaultdict(lambda: collections.defaultdict(set))  # unit -> unit -> why
        self.defined, self.undefined = {}, collections.defaultdict(set)  # symbol -> source; source -> symbols
        self.faults = []

    def run(self):
        self.read_includes()
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.realpath(self.root), os.path.join(folder, "weft"))
            for source in self.sources:
                self.read_symbols(source, folder)
            for header in self.headers:
                self.check_header(header, folder)
        for source, symbols in self.undefined.items():
            for symbol in symbols & self.defined.keys():
                self.need(self.unit(source), self.unit(self.defined[symbol]), symbol)
        self.check_arrows()
        self.check_words()
        for name in self.rooms:
            self.check_circles(name)
        return sorted(set(self.faults))

    def unit(self, path):
        return path if path in self.contracts else named(path)

    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def need(self, one, other, why):
        if one != other:
            self.needs[one][other].add(why)

    def read_includes(self):
        for path in self.headers + self.sources:
            for included in INCLUDE.findall(self.text(path)):
                beside = os.path.join(os.path.dirname(path), included)
                target = beside if beside in self.headers else included
                if room(target) in self.rooms:
                    self.need(self.unit(path), self.unit(target), target)
                elif path.startswith(LABORATORY) and target not in ALSO_OF_THE_LABORATORY:
                    self.faults.append(Fault((self.unit(path),), "%s includes %s, which is not of the laboratory" % (path, target)))

    def compile(self, arguments, folder, text=None):
        command = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O0", "-w", "-I" + folder, "-I" + self.root, "-x", "c"] + arguments
        done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise SystemExit("rooms.py: %s\n%s" % (" ".join(command), done.stdout))

    def read_symbols(self, source, folder):
        out = os.path.join(folder, "a.o")
        self.compile(["-c", os.path.join(self.root, source), "-o", out], folder)
        for line in subprocess.run(["nm", "--extern-only", "--format=posix", out], stdout=subprocess.PIPE, text=True,
                                   check=True).stdout.splitlines():
            name, kind = line.split()[:2]
            if kind in "Uwv":
                self.undefined[source].add(name)
            else:
                self.defined[name] = source

    def check_header(self, header, folder):
        """gcc lists where functions are declared (C) or defined (F)."""
        path, listing = os.path.join(folder, "weft", header), os.path.join(folder, "a.aux")
        self.compile(["-fsyntax-only", "-aux-info", listing, "-"], folder, "#include <weft/%s>\n" % header)
        with open(listing, encoding="utf-8") as file:
            found = [match.groups() for match in map(DECLARED.match, file) if match]
        here = [(kind, name) for where, _, kind, _, name in found if os.path.realpath(where) == os.path.realpath(path)]
        names = {name for kind, name in here if kind == "C"} - {name for kind, name in here if kind == "F"}
        for name in sorted(names | set(VARIABLE.findall(self.text(header)))):
            source = self.defined.get(name)
            if source and not self.keeps(source, header):
                self.faults.append(Fault((self.unit(header),), "%s declares %s, which %s defines" % (header, name, source)))

    def keeps(self, source, header):
        """Whether a source may implement a header: any of its room, if it is a contract without its own .c; else those named like it."""
        stem = named(header)
        if self.kept_elsewhere.get(header) == source:
            return True
        if header in self.contracts and stem + ".c" not in self.sources:
            return room(source) == room(header)
        return named(source) == stem or (header in self.contracts and source.startswith(stem + "_"))

    def check_arrows(self):
        for one, others in self.needs.items():
            for other, why in others.items():
                if self.rooms.index(room(one)) < self.rooms.index(room(other)):
                    self.faults.append(Fault((one,), "%s names the upper room %s/: %s" % (one, room(other), ", ".join(sorted(why)))))

    def check_words(self):
        """Comments of base/ and reclaim/ must not mention a room above: a change there would leave them wrong."""
        for path in self.headers + self.sources:
            if room(path) not in ("base", "reclaim"):
                continue
            words = [re.escape(name) + r"/\w+" for name in self.rooms[self.rooms.index(room(path)) + 1:]]
            words += [r"\b(?i:(?:weft_)?%s)(?:_\w+|\b)" % name for name in library.structures() if name != "map"]
            said = re.search("|".join(words), self.text(path))
            if said and not self.includes_above(path):
                self.faults.append(Fault((self.unit(path),), "%s speaks of what lies above it: %s" % (path, said.group(0))))

    def includes_above(self, path):
        """These are reported by check_arrows."""
        return any(self.rooms.index(room(path)) < self.rooms.index(room(other)) for other in self.needs[self.unit(path)])

    def check_circles(self, name):
        """Reports the shortest cycle through each file that lies on one; each cycle once."""
        told = set()
        for start in sorted(one for one in self.needs if room(one) == name):
            circle = self.way_back(start, name)
            if circle and frozenset(circle) not in told:
                told.add(frozenset(circle))
                steps = ["    %s needs %s: %s" % (one, other, ", ".join(sorted(self.needs[one][other])))
                         for one, other in zip(circle, circle[1:] + circle[:1])]
                self.faults.append(Fault(tuple(circle), "a circle: %s\n%s" % (" -> ".join(circle + circle[:1]), "\n".join(steps))))

    def way_back(self, start, name):
        came, todo = {}, collections.deque([start])
        while todo:
            one = todo.popleft()
            for other in sorted(self.needs[one]) if one in self.needs else ():
                if other == start:
                    way = [one]
                    while way[0] != start:
                        way.insert(0, came[way[0]])
                    return way
                if room(other) == name and other not in came:
                    came[other] = one
                    todo.append(other)
        return None


DRAWING = """## The drawing

Made by `tools/lint/rooms.py --draw`, of what files include and which symbols their objects use. A file needs only files of lower rows of
its room, and of lower rooms; queues, stacks and hashmap need nothing of each other. `X.h` is a contract, `X` is X.c and X_kernel.h.

"""


def rows(plan, name):
    """The files of a room, lowest first: each row needs only rows before it."""
    left = {plan.unit(path) for path in plan.headers + plan.sources if room(path) == name}
    while left:
        row = sorted(one for one in left if not (set(plan.needs[one]) - {one}) & left)
        if not row:
            row = sorted(left)  # a cycle, which check_circles reports
        yield row
        left -= set(row)


def drawing(plan):
    lines = ["| room | row | files |", "|---|---|---|"]
    for name in reversed(plan.rooms):
        stack = list(rows(plan, name))
        for height in reversed(range(len(stack))):
            files = ", ".join("`%s`" % os.path.basename(one) for one in stack[height])
            lines.append("| %s | %d | %s |" % (name + "/" if height == len(stack) - 1 else "", height + 1, files))
    return DRAWING + "\n".join(lines) + "\n"


def judge(faults, not_yet):
    """(what fails, what is only printed)"""
    def names(fault):
        return {name for one in fault.where for name in (one, room(one))}
    failing = [fault.message for fault in faults if not names(fault) & not_yet]
    failing += ["%s is in order: take it out of NOT_YET in tools/lint/rooms.py" % name for name in sorted(not_yet)
                if not any(name in names(fault) for fault in faults)]
    return failing, [fault.message for fault in faults if names(fault) & not_yet]


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--draw"]
    root = os.path.realpath(arguments[0] if arguments else ".")
    plan = Plan(root)
    if not plan.sources:
        print("rooms.py: there is no source file below %s" % plan.root)
        return 2
    faults = plan.run()
    if "--draw" in sys.argv:
        print(drawing(plan), end="")
        return 0
    others = []
    for name, house, least in (("bench", BENCH, 30), ("check", CHECK, 20)):
        others.append(Plan(root, house))
        faults += others[-1].run()
        if len(others[-1].sources) < least:
            faults.append(Fault((name,), "only %d source files of %s were found" % (len(others[-1].sources), name)))
    failing, told = judge(faults, NOT_YET)
    with open(os.path.join(root, "docs/internals.md"), encoding="utf-8") as file:
        if not file.read().endswith("\n" + drawing(plan)):
            failing.append("docs/internals.md: the drawing is another tree's: see tools/lint/rooms.py --draw")
    for message in told:
        print("(not yet) " + message)
    print("\n".join(failing) if failing else "%d files, in order%s" % (sum(len(p.sources + p.headers) for p in [plan] + others), " but for " + ", ".join(sorted(NOT_YET))
                                                                       if NOT_YET else ""))
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
