#!/usr/bin/env python3
"""Tests snippets.py: it finds all code and commands, and reports each kind of fault in a document."""

import sys
import tempfile

sys.dont_write_bytecode = True

import snippets  # noqa: E402
from snippets import cases  # noqa: E402

GOOD = "#include <stdio.h>\nint main(void)\n{\n    return puts(\"x\") < 0;\n}"
HELP = {"bench": "usage: --quick --family NAME -h", "test": "--filter TEXT"}

# name, document, number of cases, number of failures among them
DOCUMENTS = [
    ("good_program", "text\n```c\n%s\n```\n" % GOOD, 1, 0),
    ("good_cxx", "```cpp\n#include <atomic>\n%s\n```\n" % GOOD, 1, 0),
    ("two_programs", "```c\n%s\n```\n\n```c\n%s\n```\n" % (GOOD, GOOD), 2, 0),
    ("unclosed_block", "```c\n%s\n" % GOOD, 1, 0),
    ("warning", "```c\n%s\n```\n" % GOOD.replace("return puts", "int unused; return puts"), 1, 1),
    ("syntax_error", "```c\n%s\n```\n" % GOOD.replace(";", ""), 1, 1),
    ("undefined_symbol", "```c\nint weft_none(void);\nint main(void) { return weft_none(); }\n```\n", 1, 1),
    ("exit_status", "```c\nint main(void) { return 3; }\n```\n", 1, 1),
    ("silent", "```c\nint main(void) { return 0; }\n```\n", 1, 1),
    ("crash", "```c\n#include <stdlib.h>\nint main(void) { abort(); }\n```\n", 1, 1),
    ("no_main", "```c\nint x;\n```\n", 1, 1),
    ("fragment", "```c fragment\nint x\n```\n", 0, 0),
    ("other_languages", "```text\nint main(\n```\n```\n./weft nonsense\n```\n", 0, 0),
    ("commands", "```sh\ngit clone x && cd x\n./weft bench --quick --family queue | tee out  # --nonsense\n./weft test --filter=fork\n```\n", 2, 0),
    ("indented_commands", "text\n\n    ./weft bench       builds, and doesn't stop (--quick: short)\n    ./weft --help\n", 2, 0),
    ("indented_unknown_verb", "    ./weft nonsense\n", 1, 1),
    ("unknown_verb", "```sh\n./weft nonsense\n```\n", 1, 1),
    ("no_verb", "```sh\n./weft\n```\n", 1, 1),
    ("unknown_flag", "```sh\n./weft bench --qui\n./weft test --family x\n```\n", 2, 2),
]


def problem(name, text, count, failures):
    with tempfile.TemporaryDirectory() as folder:
        commands = snippets.Commands(lambda verb: HELP.get(verb, ""))
        found = list(snippets.cases_of([(name + ".md", text)], snippets.Programs(folder), commands))
        wrong = [fault for fault in (function() for _, function in found) if fault]
    return None if (len(found), len(wrong)) == (count, failures) else "%d cases, faults: %s" % (len(found), wrong)


TABLE = "text\n## Take\n\n| for | take |\n|---|---|\n| x | `weft_a` ([a](a)) |\n| y | `weft_b` |\n\n## Other\n\n| z | `weft_c` |\n"


def tables():
    """A missing row, a row in excess, and a structure that no program creates."""
    said = [snippets.wrong_rows(TABLE, "Take", names) for names in (["b", "a"], ["a", "b", "c"], ["a"])] + [
        snippets.unused_in(["weft_a_create(&a, NULL)", "weft_bb_create(&b)"], names) for names in (["a"], ["a", "b"])]
    return None if [bool(one) for one in said] == [False, True, True, False, True] else said


if __name__ == "__main__":
    sys.exit(cases.run([(document[0], lambda d=document: problem(*d)) for document in DOCUMENTS] + [("tables", tables)]))
