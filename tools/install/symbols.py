#!/usr/bin/env python3
"""symbols.py: writes tools/install/libweft.map, the symbols that libweft.so exports: those that public headers declare with WEFT_API, each
in the block of the version that introduced it. That is 0.1, unless the comment of the declaration says `Since 0.2.` or another."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import library  # noqa: E402
import whole  # noqa: E402

MAP = "tools/install/libweft.map"
FIRST = "0.1"
ELSEWHERE = re.compile(r"#if WEFT_I_TSAN.*?#", re.DOTALL)  # not in the shipped library
DECLARATION = re.compile(r"(?:/\*((?:(?!\*/).)*)\*/\n)?^WEFT_API[^#;]*?\b(weft_\w+)(?:\(|;| __attribute__)", re.MULTILINE | re.DOTALL)
HEAD = """/* Made by tools/install/symbols.py of the headers' WEFT_API declarations: the names that libweft.so exports. No name is
   ever removed. */
"""


def declared(root):
    """{name: the version that introduced it}"""
    found = {}
    for header in library.public_headers(root):
        with open(os.path.join(root, header), encoding="utf-8") as file:
            for comment, name in DECLARATION.findall(ELSEWHERE.sub("", file.read())):
                since = re.search(r"\bSince (\d+\.\d+)\.", comment)
                found[name] = since.group(1) if since else FIRST
    return found


def script(root):
    brought, text, before = declared(root), HEAD, None
    for version in sorted(set(brought.values()), key=lambda v: [int(n) for n in v.split(".")]):
        names = sorted(name for name in brought if brought[name] == version)
        text += "WEFT_%s {\nglobal:\n%s" % (version, "".join("    %s;\n" % name for name in names))
        text += "} WEFT_%s;\n" % before if before else "local:\n    *;\n};\n"
        before = version
    return text


if __name__ == "__main__":
    whole.write(os.path.join(library.ROOT, MAP), script(library.ROOT))
