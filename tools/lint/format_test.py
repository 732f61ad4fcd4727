#!/usr/bin/env python3
"""Checks that C and C++ are formatted by clang-format, as .clang-format says, Python by autopep8 and shell by shfmt. --mend formats them."""

import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402
import library  # noqa: E402

FOLDERS = library.FOLDERS + ("bench", "check", "examples", "tests", "tools")
CLANG = ["clang-format", "--style=file:" + os.path.join(library.ROOT, ".clang-format")]
AUTOPEP = ["autopep8", "--max-line-length", "150"]
SHFMT = ["shfmt", "-i", "4", "-ci"]

# (language, endings, files outside of FOLDERS, least number of files, command that checks, command that formats)
KINDS = [
    ("C and C++", ("c", "h", "cc", "hpp"), ["weft.hpp"], 300, CLANG + ["--dry-run", "--Werror", "--ferror-limit=1"], CLANG + ["-i"]),
    ("Python", ("py",), [], 45, AUTOPEP + ["--diff"], AUTOPEP + ["--in-place"]),
    ("shell", ("sh",), ["weft", ".ci/run"], 12, SHFMT + ["-d"], SHFMT + ["-w"]),
]


def files(endings, more):
    found = [os.path.join(library.ROOT, path) for path in more]
    for folder in FOLDERS:
        for ending in endings:
            found += glob.glob(os.path.join(library.ROOT, folder, "**/*." + ending), recursive=True)
    return sorted(found)


def unformatted(look, paths):
    """The formatter's output; empty, if it would change nothing."""
    done = subprocess.run(look + paths, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def everything(endings, more, least, look):
    paths = files(endings, more)
    return "only %d files were found" % len(paths) if len(paths) < least else unformatted(look, paths)


def seeded(ending, look):
    """Checks that an unformatted file is found."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "seed." + ending)
        with open(path, "w", encoding="utf-8") as file:
            file.write({"c": "int f( void )\n{\n  return 1;\n}\n", "py": "x = ( 1,2 )\n", "sh": "if true; then\n  echo 1\nfi\n"}[ending])
        return None if unformatted(look, [path]) else "not seen"


def main():
    if sys.argv[1:] == ["--mend"]:
        return max(subprocess.call(mend + files(endings, more)) for _, endings, more, _, _, mend in KINDS)
    steps = []
    for what, endings, more, least, look, _ in KINDS:
        steps += [(what, lambda e=endings, m=more, n=least, l=look: everything(e, m, n, l)),
                  ("what is not formatted is seen: " + what, lambda e=endings[0], l=look: seeded(e, l))]
    return cases.run(steps)


if __name__ == "__main__":
    sys.exit(main())
