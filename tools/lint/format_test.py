#!/usr/bin/env python3
"""All C and C++ is formatted as .clang-format says. To mend it: git ls-files '*.[ch]' '*.cc' '*.hpp' ':!dist' | xargs clang-format -i"""

import glob
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402
import library  # noqa: E402

FOLDERS = library.FOLDERS + ("bench", "examples", "tests", "tools")


def files():
    found = ["weft.hpp"]
    for folder in FOLDERS:
        for ending in ("c", "h", "cc", "hpp"):
            found += glob.glob(folder + "/**/*." + ending, recursive=True)
    return sorted(found)


def unformatted(paths):
    """The first line of each file that is not as it should be."""
    done = subprocess.run(["clang-format", "--dry-run", "--ferror-limit=1", "--style=file", *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=True)
    return "".join(line + "\n" for line in done.stderr.splitlines() if "[-Wclang-format-violations]" in line)


def everything():
    paths = files()
    return "only %d files were found" % len(paths) if len(paths) < 300 else unformatted(paths)


def seeded():
    """What is not formatted is seen, in a file beside the others, whose style it has."""
    with open("tools/seed.c", "w", encoding="utf-8") as file:
        file.write("int f( void )\n{\n  return 1;\n}\n")
    try:
        return None if "tools/seed.c:1:7:" in unformatted(["tools/seed.c"]) else "not seen"
    finally:
        os.remove("tools/seed.c")


if __name__ == "__main__":
    sys.exit(cases.run([("formatted", everything), ("what is not is seen", seeded)]))
