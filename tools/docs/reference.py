#!/usr/bin/env python3
"""reference.py FOLDER: makes the reference with Doxygen, from the comments of the public headers: FOLDER/man3 and FOLDER/html. Our
comments are plain C; Doxygen gets copies with its own marks. Its warnings, above all of undocumented functions, are printed: they fail
our tests, but not an installation, which may use another Doxygen."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import library  # noqa: E402

SETTINGS = """
PROJECT_NAME = Weft
PROJECT_NUMBER = %(version)s
PROJECT_BRIEF = "lock-free data structures for C"
INPUT = %(input)s
STRIP_FROM_PATH = %(input)s
STRIP_FROM_INC_PATH = %(input)s
FILE_PATTERNS = *.h *.md
USE_MDFILE_AS_MAINPAGE = %(input)s/main.md
RECURSIVE = YES
OPTIMIZE_OUTPUT_FOR_C = YES
JAVADOC_AUTOBRIEF = YES
MARKDOWN_SUPPORT = YES
AUTOLINK_SUPPORT = NO
TYPEDEF_HIDES_STRUCT = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = WEFT_API= WEFT_NODISCARD= WEFT_API_OBJECT=extern WEFT_BEGIN_DECLS= WEFT_END_DECLS= WEFT_I_ORDERS= "__attribute__(x)=" "_Atomic(x)=x" "_Static_assert(x,y)="
EXCLUDE_SYMBOLS = weft_i_* WEFT_I_* WEFT_*_H WEFT_PTR_* WEFT_GUARD_* WEFT_BEGIN_DECLS WEFT_END_DECLS WEFT_API* WEFT_NODISCARD
EXTRACT_STATIC = YES
QUIET = YES
WARN_IF_UNDOCUMENTED = YES
WARN_FORMAT = "$file:$line: $text"
HAVE_DOT = NO
GENERATE_LATEX = NO
GENERATE_HTML = YES
HTML_OUTPUT = html
GENERATE_TREEVIEW = YES
HTML_DYNAMIC_SECTIONS = NO
HTML_TIMESTAMP = NO
SEARCHENGINE = YES
GENERATE_MAN = YES
MAN_OUTPUT = man
MAN_LINKS = YES
OUTPUT_DIRECTORY = %(out)s
"""
FRONT = """# Weft

Lock-free data structures for C, with the memory reclamation they need. The head of each header says what the structure is for, when to take
another one, what it costs and what it guarantees. The comment of each function says what it returns, and who owns the memory.

%s
C++ has `weft/weft.hpp`; its head says how it maps onto these.
"""
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ASIDE = re.compile(r"/\* (?:clang-format|----|relaxed:)")
MEMBER = re.compile(r".*: warning: Member .* \(variable\) of struct .* is not documented\.\n?")  # its struct is documented


def marked(text):
    """Turns comments before declarations, and those behind members, into Doxygen's."""
    first = True

    def mark(found):
        nonlocal first
        comment, before = found.group(), text[text.rfind("\n", 0, found.start()) + 1:found.start()]
        if ASIDE.match(comment):
            return comment
        head, body = "/**", comment[2:]
        if first:
            first, head = False, "/** @file\n *"
        elif before.strip().startswith("#define"):
            return comment
        elif before.strip():
            head = "/**<"
        # indented lines are code, where no character is special
        lines = [line if re.match(r" \*     ", line) else re.sub(r"([<>#@%&])", r"\\\1", line) for line in body.split("\n")]
        return head + "\n".join(lines)

    return COMMENT.sub(mark, text)


def pages(folder):
    """Keeps a page for each header, named weft_..., and a link to it for each function. Drops pages of struct members, which Doxygen
    names like free.3, and of headers without public declarations."""
    texts = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            texts[name] = re.sub(r"^\.so man3/(\w+\.h\.3)", r".so man3/weft_\1", file.read(), flags=re.MULTILINE)
    linked = {match.group(1) for text in texts.values() for match in re.finditer(r"^\.so man3/weft_(\w+\.h\.3)", text, re.MULTILINE)}
    made = {"weft_" + name: text for name, text in texts.items() if name in linked}
    made.update((name, text) for name, text in texts.items() if name.lower().startswith("weft_"))
    return {name: text.encode() for name, text in made.items()}


def front(sources):
    """The site's first page: each header that has functions, with the beginning of its comment."""
    lines = []
    for header, text in sources:
        if re.search(r"^WEFT_API [^;]*?\bweft_(?!i_)\w+\(", text, re.MULTILINE):
            page = os.path.basename(header).replace("_", "__").replace(".", "_8") + ".html"
            words = re.sub(r"\n \*", " ", COMMENT.search(text).group()[2:]).split()
            says = re.match(r".*?[.;](?= |$)", " ".join(words)).group()
            lines.append('- <a href="%s">weft/%s</a>: %s\n' % (page, header, says))
    return FRONT % "".join(lines)


def main():
    made = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "input")
        sources = []
        for header in library.public_headers(ROOT):
            with open(os.path.join(ROOT, header), encoding="utf-8") as file:
                text = file.read()
            sources.append((header, text))
            os.makedirs(os.path.join(source, "weft", os.path.dirname(header)), exist_ok=True)
            with open(os.path.join(source, "weft", header), "w", encoding="utf-8") as file:
                file.write(marked(text))
        with open(os.path.join(source, "main.md"), "w", encoding="utf-8") as file:
            file.write(front(sources))
        settings = os.path.join(folder, "Doxyfile")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(SETTINGS % {"version": library.version(ROOT), "input": source, "out": folder})
        done = subprocess.run(["doxygen", settings], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        sys.stderr.write(MEMBER.sub("", done.stdout).replace(source + "/weft/", ""))
        if done.returncode != 0:
            return 1
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(os.path.join(folder, "html"), os.path.join(made, "html"))
        os.mkdir(os.path.join(made, "man3"))
        for name, text in pages(os.path.join(folder, "man/man3")).items():
            with open(os.path.join(made, "man3", name), "wb") as file:
                file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
