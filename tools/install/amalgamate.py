#!/usr/bin/env python3
"""amalgamate.py [OUT]: writes the library as one header, by default dist/weft.h. Its sections stand in the order in which files include
each other, each headed by the name of its file. Names that a .c file does not export get the library's prefix, since they now stand
beside the user's code. Needs only Python."""

import os
import re
import sys

sys.dont_write_bytecode = True
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import library  # noqa: E402

INCLUDE = re.compile(r"^#include <weft/(\S+)>.*\n", re.MULTILINE)
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(?:\.|->)\s*\w+|\b[A-Za-z_]\w*', re.DOTALL)
ORDER = re.compile(r"\b(?!WEFT_)[A-Z]+_[ARXS]\d+\b")  # the named memory orders, which get the library's prefix, also in comments
LANGUAGE = re.compile(r"^#if .*\n#error .*\n#endif\n", re.MULTILINE)

HEAD = """/*
 * Weft %s, the whole library in one header, made by ./weft amalgamate: edit the files that the sections name, not this one.
 *
 * One C file of the program defines WEFT_IMPLEMENTATION before it includes this file. All others only include it, from C11 or
 * C++17. If a file defines WEFT_STATIC, which implies WEFT_IMPLEMENTATION, it gets a library of its own, and no other file
 * can use the objects of that library. Link with -pthread.
 *
 * If a shared object of yours must not export Weft's functions, define WEFT_API before each inclusion, as another attribute
 * than __attribute__((visibility("default"))) or as nothing. A shared object that contains the implementation must stay in
 * memory after dlclose, since threads that used it run its exit hooks when they end. With glibc it arranges that itself when it
 * is loaded, musl never unloads anything, and elsewhere you link it with -Wl,-z,nodelete.
 *
 * Documentation: the comments of the public part below.
 *
%s */
"""
IMPLEMENTATION = """
/* ==== implementation ==== */

#if (defined(WEFT_IMPLEMENTATION) || defined(WEFT_STATIC)) && !defined(WEFT_I_IMPLEMENTED)
#define WEFT_I_IMPLEMENTED

#ifdef __cplusplus
#error "Weft is implemented in C: define WEFT_IMPLEMENTATION, or WEFT_STATIC, in a C file"
#endif
"""


class Amalgamation:
    def __init__(self, root):
        self.root, self.parts, self.done = root, [], set()

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def add(self, path):
        """Adds the files that it includes, then the file."""
        if path in self.done:
            return
        self.done.add(path)
        text = self.read(path)
        for included in INCLUDE.findall(text):
            self.add(included)
        if path.endswith(".c"):
            text = prefixed(text, os.path.splitext(os.path.basename(path))[0])
        self.parts.append("\n/* ---- %s ---- */\n\n%s" % (path, INCLUDE.sub("", text).strip("\n") + "\n"))


def own_names(text):
    """Names that a .c file declares at file scope and does not export."""
    names = set(re.findall(r"^(?:WEFT_I_AT_LOAD )?(?:static|weft_i_inline)\b[^;={]*?\b(\w+)\(", text, re.MULTILINE))
    names |= set(re.findall(r"^static\b[^;={(]*?\b(\w+)(?:\[[^\]]*\])*(?: __attribute__\(\(.*?\)\))?(?: =|;)", text, re.MULTILINE))
    names |= set(re.findall(r"^(?:typedef )?(?:struct|enum|union) (\w+) \{", text, re.MULTILINE))
    names |= set(re.findall(r"^(?:\} |typedef [^{;]*?)(\w+);", text, re.MULTILINE))
    names |= set(re.findall(r"^#define (\w+)", text, re.MULTILINE))
    for body in re.findall(r"^ *(?:typedef )?enum(?: \w+)? \{(.*?)\}", text, re.MULTILINE | re.DOTALL):
        names |= set(re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)))
    return {name for name in names if not name.lower().startswith(("weft_", "__")) and not ORDER.fullmatch(name)}


def prefixed(text, stem):
    names = own_names(text)
    new = {name: ("WEFT_I_OWN_%s_%s" % (stem.upper(), name) if name.isupper() else "weft_i_own_%s_%s" % (stem, name)) for name in names}
    return TOKEN.sub(lambda token: new.get(token.group(), token.group()), text)


def amalgamated(root):
    made = Amalgamation(root)
    licence = "".join((" * " + line).rstrip() + "\n" for line in made.read("LICENSE").strip().split("\n"))
    for path in library.public_headers(root):
        made.add(path)
    made.parts.append(IMPLEMENTATION)
    for path in library.files(root, "*.c"):
        made.add(path)
    made.parts.append("\n#endif\n")
    text = ORDER.sub(lambda order: "WEFT_" + order.group(), "".join(made.parts))
    # a compiler goes on after #error: the #else hides all other code, so that there are no further messages
    refusal = LANGUAGE.search(text).group()
    text = refusal.replace("#endif", "typedef int weft_i_refused;\n#else") + text.replace(refusal + "\n", "", 1) + "\n#endif\n"
    return HEAD % (library.version(root), licence) + "\n" + text


def main():
    out = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "dist/weft.h")
    try:
        with open(out + ".new", "w", encoding="utf-8") as file:
            file.write(amalgamated(ROOT))
        os.replace(out + ".new", out)
    except OSError as error:
        sys.exit("weft: '%s' cannot be written: %s" % (out, error.strerror))
    print(out)


if __name__ == "__main__":
    main()
