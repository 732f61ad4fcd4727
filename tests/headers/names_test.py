#!/usr/bin/env python3
"""A public header, or dist/weft.h with the implementation, defines only names that begin with weft_ or WEFT_: macros, types,
enumerators, functions and variables. And a user's macro with a likely name does not change what a header says."""

import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

import cases  # noqa: E402
import library  # noqa: E402

OURS = re.compile(r"weft_|WEFT_")
ORDER = re.compile(r"\b(?:WEFT_)?([A-Z]+_[ARXS]\d+)\b")
SINGLE = '#define WEFT_IMPLEMENTATION\n#include "dist/weft.h"\n'
HOSTILE = "MIN MAX CHECK ASSERT DEBUG TRACE TRUE FALSE ERROR OK FAIL NONE EMPTY DONE AGAIN LOST INLINE ALIGNED PACKED UNUSED NORETURN PAGE".split()
LIBC = {"posix_memalign", "pthread_sigmask", "syscall"}  # declared where -std=c11 hides them


def preprocessed(text, folder, *flags):
    done = subprocess.run(["gcc", "-std=c11", "-x", "c", "-E", *flags, "-I" + folder, "-I.", "-"], input=text, text=True, stdout=subprocess.PIPE,
                          check=True)
    return done.stdout


def of_our_files(text):
    """The lines from our own files, without those of the compiler and libc."""
    ours, lines = False, []
    for line in text.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = "weft" in marker.group(1)
        elif ours:
            lines.append(line)
    return lines


def macros(lines):
    return re.findall(r"^#define (\w+)", "\n".join(lines), re.MULTILINE)


def without(text, opening, closing, replacement):
    """The text with each outermost pair and its contents replaced."""
    out, depth = [], 0
    for character in text:
        depth += character == opening
        if depth == 0:
            out.append(character)
        if character == closing:
            depth -= 1
            if depth == 0:
                out.append(replacement)
    return "".join(out)


def declared(lines):
    """Names that are declared at file scope."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', "\n".join(line for line in lines if not line.startswith("#")))
    names = []
    for enum in re.finditer(r"\benum\b[^{;()]*\{([^}]*)\}", text):
        if text.count("{", 0, enum.start()) == text.count("}", 0, enum.start()):
            names += re.findall(r"(?:^|,)\s*(\w+)", enum.group(1))
    text = re.sub(r"__attribute__\s*\(\(", "__attribute__((", text)
    text = without(text, "{", "}", "{};")
    names += re.findall(r"\b(?:struct|union|enum)\s+(?:__attribute__\S*\s+)?(\w+)\s*\{", text)
    for statement in text.split(";"):
        names += name_of(statement)
    return names


def name_of(statement):
    """The names that a declaration at file scope declares; its bodies are empty already."""
    statement = re.sub(
        r"__attribute__\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)|_Alignas\([^)]*\)|_Atomic\(\w+\)|__extension__", " ", statement).strip()
    if not statement or statement.startswith("_Static_assert"):
        return []
    pointer = re.search(r"\(\s*\*\s*(\w+)", statement)
    if statement.startswith("typedef") and pointer:
        return [pointer.group(1)]
    if statement.endswith("{}") and not re.search("[(=]", statement):
        return []  # a type's definition: its tag was seen already
    head = re.sub(r"\{\}$", "", statement).split("=")[0]
    hidden_from_macros = re.search(r"\((\w+)\)\(", head)
    if hidden_from_macros:
        return [hidden_from_macros.group(1)]
    if "(" in head:
        return re.findall(r"(\w+)\s*\($", head[:head.index("(") + 1])
    head = re.sub(r"\[[^\]]*\]", "", head).strip()
    return [] if re.fullmatch(r"(?:struct|union|enum)\s+\w+", head) else re.findall(r"(\w+)$", head)


def foreign(text, folder):
    """(number of names, those that are not ours)"""
    names = macros(of_our_files(preprocessed(text, folder, "-dD"))) + declared(of_our_files(preprocessed(text, folder)))
    return len(names), sorted({name for name in names if not OURS.match(name)} - LIBC)


def clean(text, least, folder):
    count, wrong = foreign(text, folder)
    if count < least:
        return "only %d names were found" % count
    return wrong or None


def seeded(folder):
    """The check sees each kind of name."""
    seeds = {
        "#define A_1 1": "A_1", "typedef int b_1;": "b_1", "typedef struct weft_c { int d; } c_1;": "c_1", "struct d_1 { int weft_x; };": "d_1",
        "enum { WEFT_E, E_1 };": "E_1", "static inline int f_1(int weft_x) { return weft_x; }": "f_1", "extern int g_1[3];": "g_1",
        "typedef void (*h_1)(int);": "h_1", "int i_1(void (*weft_x)(void));": "i_1", "static const int j_1 = 3;": "j_1", "union k_1 { int a; };": "k_1",
        "__attribute__((unused)) static int l_1(void) { return 1; }": "l_1",
        "static struct { int a; } m_1;": "m_1", "typedef enum weft_n { N_1 } weft_n;": "N_1", "void(o_1)(int weft_x);": "o_1", "static int p_1[] = {1, 2};": "p_1",
    }
    os.makedirs(os.path.join(folder, "seeds/weft"))
    for text, name in seeds.items():
        path = os.path.join(folder, "seeds/weft/seed.h")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        if foreign('#include "%s"\n' % path, folder)[1] != [name]:
            return "%s: %s" % (text, foreign('#include "%s"\n' % path, folder)[1])
    return None


def hostile(folder):
    """Compiles each header after macros that turn what they replace into nonsense, orders' names without prefix among them."""
    orders = set()
    for path in library.files(".", "*.[ch]"):
        with open(path, encoding="utf-8") as file:
            orders |= set(ORDER.findall(file.read()))
    if len(orders) < 50:
        return "only %d orders were found" % len(orders)
    definitions = "".join("#define %s )nonsense(\n" % name for name in sorted(orders) + HOSTILE)
    texts = ["#include <weft/%s>\n" % header for header in library.public_headers(".")] + [SINGLE]
    for text in texts:
        for compiler, language in (("gcc", "c"), ("g++", "c++")):
            if language == "c++" and text == SINGLE:
                continue
            command = [compiler, "-x", language, "-std=" + ("c11" if language == "c" else "c++17"), "-fsyntax-only", "-I" + folder, "-I.", "-"]
            done = subprocess.run(command, input="#include <atomic>\n" * (language == "c++") + definitions + text, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                return text + done.stdout
    return None


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.getcwd(), os.path.join(folder, "weft"))
        headers = library.public_headers(".")
        steps = [("names of " + header, lambda h=header: clean("#include <weft/%s>\n" % h, 10, folder)) for header in headers]
        steps += [("names of dist/weft.h", lambda: clean(SINGLE, 800, folder)), ("each kind of name is seen", lambda: seeded(folder)),
                  ("after hostile definitions", lambda: hostile(folder))]
        return cases.run(steps)


if __name__ == "__main__":
    sys.exit(main())
