#!/usr/bin/env python3
"""Checks rules that documents and reviewers rely on: memory orders are named, explained and paired; atomics are used only in base/.

usage: orders.py [--pairs] [ROOT]

Looks at base/, reclaim/ and the rooms of structures.def under ROOT (default: the current directory) and prints
FILE:LINE: MESSAGE for each fault. Exit status 1: there is a fault, docs/orders.md is out of date, or there were no files.
--pairs: prints the last part of docs/orders.md.

The rules
  door      only base/atomic.h includes <stdatomic.h> or <atomic> and uses what they define, or the compiler's
            __atomic and __sync; inline assembly only in base/
  table     an order other than relaxed is written only in the table at its file's head, in this form, so that a seam can replace it:
                #ifndef WEFT_SEAM_ORDERS
                #define MSQ_R3 memory_order_release /* what it is for -> A1, A6: why */
                #endif
            The letter is the order (A acquire, R release, X acq_rel, S seq_cst); a name is defined once in the tree
  pairs     the comment names the other side of each pair, in full where it lies in another file (THREAD_A2); an A pairs with R, X,
            S, an R with A, X, S (`<-` may be written for `->`). The other side must name it, too, if it lies in the same room; a
            lower room names nothing above it, and docs/orders.md lists the pairs from above (orders.py --pairs)
  use       every named order is used, where it makes sense (no release load), and every order argument is a name
            from a table or memory_order_relaxed
  relaxed   a relaxed access says why: a comment with "relaxed: ..." on its line or right above its statement. "likewise" is no reason; a
            reference to another place is one ("as in weft_i_light_fence")
  words     no empty phrases in comments ("True.", "Until it is done.")
  seam      outside base/ no allocation, system call, clock, thread-local or pthread key; in kernels and reclaim/
            no memset either
  arrows    base <- reclaim <- the rooms of structures.def, none of which includes another's files
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import library  # noqa: E402
from source import Source  # noqa: E402

FAMILIES = {"base": (), "reclaim": ("base",)}
for family in library.FOLDERS[2:]:
    FAMILIES[family] = ("base", "reclaim")

DOOR = "base/atomic.h"
LETTERS = {"A": "acquire", "R": "release", "X": "acq_rel", "S": "seq_cst"}
SIDES = {"A": "RXS", "R": "AXS", "X": "ARXS", "S": "ARXS"}
STRONG = re.compile(r"\bmemory_order(?:_|::)(acquire|release|acq_rel|seq_cst|consume)\b")
RELAXED = re.compile(r"\bmemory_order(?:_|::)relaxed\b")
NAME = re.compile(r"\b([A-Z][A-Z0-9_]*)_([ARXS])(\d+)\b")
TABLE = re.compile(r"#define ([A-Z][A-Z0-9_]*_([ARXS])\d+) memory_order_(\w+)\s*$")
EXPLANATION = re.compile(r"^(?P<what>\S.*?) ?(?:->|<-) ?(?P<others>[A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*): (?P<why>\S.*)$")

# An operation of the seam, as base/atomic.h defines it; the names of its parameters show which ones are orders.
OPERATION = re.compile(r"#define (weft_i_\w+)\(([\w, ]*\b(?:order|success|failure)\b[\w, ]*)\)")

FORBIDDEN_EVERYWHERE = [
    (re.compile(r'#\s*include\s*[<"](stdatomic\.h|atomic)[>"]'), "only base/atomic.h includes <{0}>"),
    (re.compile(r"\b(atomic_\w+|__atomic_\w+|__sync_\w+|std::atomic\w*)"), "{0}: atomics go through base/atomic.h"),
]
FORBIDDEN_OUTSIDE_BASE = [
    (re.compile(r"\b(asm|__asm__|__asm)\b"), "inline assembly belongs in base/"),
    (re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|memalign|strdup|mmap|munmap|madvise)\s*\("),
     "{0}: memory comes from the seam"),
    (re.compile(r"\b(syscall|getrandom|clock_gettime|nanosleep|usleep|sched_yield|gettid|membarrier)\s*\("),
     "{0}: system calls belong to the seam"),
    (re.compile(r"\b(pthread_key\w*|pthread_[gs]etspecific|_Thread_local|thread_local|__thread)\b"),
     "{0}: threads are looked up through the seam"),
]
NO_REASON = re.compile(r"\brelaxed: *(likewise|as above|see above|the same|as before)?[.;]? *$")
SAYS_NOTHING = re.compile(r"(true|false|null|likewise|the same|done|until it is done|see above|as above)\.?$", re.IGNORECASE)
FORBIDDEN_IN_KERNELS = [(re.compile(r"\b(memset)\s*\("), "{0} on memory that may be shared")]


def letters_for(operation, parameter):
    """The orders that make sense for this parameter."""
    if parameter == "failure" or "load" in operation:
        return "AS"
    return "RS" if "store" in operation else "ARXS"


class Order:
    """One line of a table."""

    def __init__(self, source, line, name, letter, what):
        self.source, self.line, self.name, self.letter, self.what = source, line, name, letter, what
        self.prefix = name.rsplit("_", 1)[0]
        self.room = source.path.split("/")[0]
        self.others = []
        self.used = False


class Lint:
    def __init__(self):
        self.faults = []
        self.orders = {}
        self.tables = {}  # path: range of lines
        self.operations = {}  # name: (number of parameters, [(position, letters)])
        self.relaxed = 0

    def fault(self, source, line, message):
        self.faults.append((source.path, line, message))

    # The table

    def find_table(self, source):
        """The lines of the table, if it has only orders and their comments."""
        code = [line.strip() for line in source.code]
        if "#ifndef WEFT_SEAM_ORDERS" in code and "#endif" in code:
            first = code.index("#ifndef WEFT_SEAM_ORDERS") + 1
            last = code.index("#endif", first)
            if all(not line or TABLE.match(line) for line in code[first:last]):
                self.tables[source.path] = range(first + 1, last + 1)

    def read_table(self, source):
        for number, line in enumerate(source.code, 1):
            match = TABLE.match(line.rstrip())
            if match and match.group(3) in LETTERS.values():
                self.read_entry(source, number, *match.groups())
            elif match and match.group(3) == "relaxed":
                self.fault(source, number, "%s is relaxed: a named order is a strong one" % match.group(1))
            elif STRONG.search(line) and source.path != DOOR:
                self.fault(source, number, "a strong order outside the table: memory_order_" + STRONG.search(line).group(1))

    def read_entry(self, source, number, name, letter, order):
        comment = next((c for c in source.comments if c.first == number), None)
        if source.path not in self.tables or number not in self.tables[source.path]:
            self.fault(source, number, "%s must stand between '#ifndef WEFT_SEAM_ORDERS' and '#endif', with nothing else" % name)
        if LETTERS[letter] != order:
            self.fault(source, number, "%s is memory_order_%s: the letter %s says %s" % (name, order, letter, LETTERS[letter]))
        if name in self.orders:
            old = self.orders[name]
            self.fault(source, number, "%s is defined already at %s:%d" % (name, old.source.path, old.line))
            return
        entry = self.orders[name] = Order(source, number, name, letter, comment.text if comment else "")
        match = EXPLANATION.match(entry.what)
        if not match:
            self.fault(source, number, "%s needs a comment of the form /* what -> OTHER[, OTHER]: why */" % name)
            return
        entry.others = [o if NAME.fullmatch(o) else entry.prefix + "_" + o for o in match.group("others").split(", ")]

    def check_pairs(self):
        for order in self.orders.values():
            for other in order.others:
                partner = self.orders.get(other)
                if partner is None:
                    self.fault(order.source, order.line, "%s names %s, which is defined nowhere" % (order.name, other))
                elif partner.letter not in SIDES[order.letter]:
                    self.fault(order.source, order.line, "%s cannot pair with %s" % (order.name, other))
                elif order.room in FAMILIES[partner.room]:
                    self.fault(order.source, order.line, "%s names %s, of a room above its own" % (order.name, other))
                elif order.name not in partner.others and order.room == partner.room:
                    self.fault(order.source, order.line, "%s names %s, which does not name it back (%s:%d)" %
                               (order.name, other, partner.source.path, partner.line))
            if not order.used:
                self.fault(order.source, order.line, order.name + " is used nowhere")

    # The uses

    def check_uses(self, source):
        first_use = 0
        for number, line in enumerate(source.code, 1):
            directive = re.match(r"\s*#\s*(define|ifndef|ifdef|undef|if|elif)\b", line)
            for match in NAME.finditer(line):
                order = self.orders.get(match.group())
                if order is None or (directive and match.group() in line.split()[1:2]):
                    continue
                order.used = True
                first_use = first_use or number
            if RELAXED.search(line) and source.path != DOOR:
                self.relaxed += 1
                if not self.explained(source, number):
                    self.fault(source, number, "a relaxed access without a comment /* relaxed: why */")
        for order in self.orders.values():
            if order.source is source and first_use and order.line > first_use and source.path != DOOR:
                self.fault(source, order.line, "%s stands below the first use of an order: the table is the file's head" % order.name)

    @staticmethod
    def explained(source, number):
        """Whether there is a reason. Searches upwards, over the access's statement and relaxed statements right above it."""
        explaining = [c for c in source.comments if "relaxed:" in c.text and not NO_REASON.search(c.text)]
        while number > 0:
            if any(c.first <= number <= c.last for c in explaining):
                return True
            above = source.code[number - 2].strip() if number > 1 else ""
            in_comment = any(c.first <= number - 1 <= c.last for c in source.comments)
            if not above and not in_comment:
                return False
            if above and above[-1] in ";{}:" and not RELAXED.search(above) and not in_comment:
                return False
            number -= 1
        return False

    def read_operations(self, source):
        for name, parameters in OPERATION.findall(source.text):
            parameters = [p.strip() for p in parameters.split(",")]
            self.operations[name] = (len(parameters), [(i, letters_for(name, p)) for i, p in enumerate(parameters)
                                                       if p in ("order", "success", "failure")])

    def check_arguments(self, source):
        for operation, (count, places) in self.operations.items():
            for line, arguments in source.calls(operation):
                if len(arguments) != count:
                    self.fault(source, line, "%s takes %d arguments, not %d" % (operation, count, len(arguments)))
                    continue
                for position, letters in places:
                    at, text = arguments[position]
                    order = self.orders.get(text)
                    if order is None and not RELAXED.fullmatch(text):
                        self.fault(source, at, "%s: '%s' is neither a named order nor memory_order_relaxed" % (operation, text))
                    elif order is not None and order.letter not in letters:
                        self.fault(source, at, "%s: %s makes no sense there" % (operation, text))

    # Words that must not occur, and arrows

    def check_words(self, source):
        folder = source.path.split("/")[0]
        rules = list(FORBIDDEN_EVERYWHERE) if source.path != DOOR else []
        if folder != "base":
            rules += FORBIDDEN_OUTSIDE_BASE
        if folder == "reclaim" or source.path.endswith("_kernel.h"):
            rules += FORBIDDEN_IN_KERNELS
        for comment in source.comments:
            if SAYS_NOTHING.match(comment.text.strip()):
                self.fault(source, comment.first, "a comment that says nothing: %s" % comment.text.strip())
        for number, line in enumerate(source.code, 1):
            for pattern, message in rules:
                match = pattern.search(line)
                if match:
                    self.fault(source, number, message.format(match.group(1)))
            match = re.match(r'\s*#\s*include\s*[<"](?:weft/)?(\w+)/', line)
            if match and match.group(1) in FAMILIES and match.group(1) not in FAMILIES[folder] + (folder,):
                self.fault(source, number, "%s/ must not include %s/" % (folder, match.group(1)))

    def run(self, sources):
        for source in sources:
            self.find_table(source)
            self.read_table(source)
            if source.path == DOOR:
                self.read_operations(source)
        for source in sources:
            self.check_uses(source)
            if source.path != DOOR:
                self.check_arguments(source)
            self.check_words(source)
        self.check_pairs()
        return sorted(self.faults)


PAIRS = """## Pairs

Made by `tools/lint/orders.py --pairs`. An order's own comment names the orders of its room, and of lower rooms, that it pairs with. Orders of
the rooms above that pair with it are listed here, since a lower room names nothing of an upper one.

| order | pairs with |
|---|---|
"""


def pairs_from_above(orders):
    above = {}
    for order in orders.values():
        for other in order.others:
            if other in orders and orders[other].room in FAMILIES[order.room]:
                above.setdefault(other, []).append("%s (%s)" % (order.name, order.source.path))
    return PAIRS + "".join("| %s | %s |\n" % (name, ", ".join(sorted(above[name]))) for name in sorted(above))


def read_tree(root):
    sources = []
    for folder in FAMILIES:
        for where, _, names in os.walk(os.path.join(root, folder), followlinks=True):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    path = os.path.join(where, name)
                    with open(path, encoding="utf-8") as file:
                        sources.append(Source(os.path.relpath(path, root), file.read()))
    return sources


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--pairs"]
    if len(arguments) > 1 or arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0 if len(arguments) == 1 else 2
    root = arguments[0] if arguments else "."
    sources = read_tree(root)
    lint = Lint()
    faults = lint.run(sources)
    pairs = pairs_from_above(lint.orders)
    if "--pairs" in sys.argv:
        print(pairs, end="")
        return 0
    with open(os.path.join(root, "docs/orders.md"), encoding="utf-8") as file:
        if not file.read().endswith("\n" + pairs):
            faults.append(("docs/orders.md", 1, "its pairs are not this tree's: see tools/lint/orders.py --pairs"))
    for path, line, message in faults:
        print("%s:%d: %s" % (path, line, message))
    print("%d files, %d named orders, %d relaxed accesses: %d faults" % (len(sources), len(lint.orders), lint.relaxed, len(faults)))
    if not lint.orders or not lint.operations:
        print("nothing to look at: is this the root of the repository?")
        return 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
