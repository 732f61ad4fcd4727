#!/usr/bin/env python3
"""Checks the code and commands in the documents: README.md, the others beside it, and docs/.

  ```c, ```cpp    is a whole program: it must compile as it stands, with every warning an error and all .c files of the
                  library, print something and exit 0 within a minute. A part of a program is marked ```c fragment
                  and not checked, or ```c fragment FILE and must occur in FILE word by word
  ./weft VERB     at the beginning of a line, in a fenced or an indented block: the verb must exist. In a ```sh block
                  the verb's help must also have each of the line's --flags, and a line with --help or --version is
                  run and must exit 0 (others may take minutes or install packages)
  Tables of structures must have exactly those of structures.def, and a program of README.md or docs/using.md must create each.

Runs in the repository's root.
"""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402
import library  # noqa: E402

C11 = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]
LANGUAGES = {"c": C11 + ["-x", "c"], "cpp": ["g++", "-std=c++17"] + C11[2:] + ["-x", "c++"]}
COMMAND = os.path.realpath("tools/cli/weft")
# One for each structure, one for reclamation and one for typed C; each answer that shows code. Fewer mean that the search is broken.
LEAST_PROGRAMS = {"README.md": 1, "docs/using.md": 4, "docs/faq.md": 4}
TABLES = {"README.md": "Which structure, which scheme", "docs/choosing.md": "The structure"}
FENCE = re.compile(r"^( *)```+ *(.*?) *$")


class Block:
    def __init__(self, path, line, marks):
        self.path, self.line, self.marks, self.lines = path, line, marks, []

    @property
    def name(self):
        return "%s:%d" % (self.path, self.line)


def blocks_of(path, text):
    """The fenced blocks, each with the line of its fence and the words after it."""
    found, open_block = [], None
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if fence and open_block is None:
            open_block = Block(path, number, fence.group(2).split())
        elif fence and not fence.group(2):
            found.append(open_block)
            open_block = None
        elif open_block is not None:
            open_block.lines.append(line)
    if open_block is not None:
        found.append(open_block)
    return found


def run(command, cwd=None, prints=False):
    """Runs a command. Returns None, or what was wrong."""
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "%s: not done after a minute" % command[0]
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return "it prints nothing" if prints and not done.stdout else None
    return "%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout.decode("utf-8", "replace"))


def is_part_of(block):
    """Checks a fragment that names its file. Returns None, or what is wrong."""
    try:
        with open(block.marks[-1], encoding="utf-8") as file:
            return None if "\n".join(block.lines) in file.read() else "it does not stand there any more"
    except OSError as error:
        return str(error)


class Programs:
    """Compiles and runs programs, with the library built as docs/using.md says: all its .c files, the checkout reachable as weft/."""

    def __init__(self, folder):
        self.folder = folder
        self.objects = []
        os.symlink(os.getcwd(), os.path.join(folder, "weft"))

    def build_library(self):
        sources = library.files(".", "*.c")
        self.objects = [os.path.join(self.folder, "%d.o" % number) for number in range(len(sources))]
        for source, made in zip(sources, self.objects):
            wrong = run(C11 + ["-I" + self.folder, "-c", source, "-o", made])
            if wrong:
                return wrong
        return None if sources else "there is no library"

    def check(self, block):
        text = "\n".join(block.lines) + "\n"
        if not re.search(r"\bint\s+main\s*\(", text):
            return "a program without main; mark a part of one as ```%s fragment" % block.marks[0]
        source, program = os.path.join(self.folder, "program.txt"), os.path.join(self.folder, "program")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        command = LANGUAGES[block.marks[0]] + ["-I" + self.folder, source, "-x", "none", "-o", program]
        return run(command + self.objects) or run([program], self.folder, prints=True)


class Commands:
    """Checks lines that begin with ./weft. `helps` returns the help of a verb."""

    def __init__(self, helps):
        self.helps = helps

    @staticmethod
    def words(line):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = []
        for word in lexer:
            if word and word[0] in "|&;<>":
                break
            words.append(word)
        return words

    def check_verb(self, verb):
        return None if verb in ("help", "--help", "--version") or self.helps(verb) else "'%s' is no verb" % verb

    def check(self, line):
        try:
            words = self.words(line)[1:]
        except ValueError as error:
            return str(error)
        if not words:
            return "a verb is missing"
        if words[0] in ("--help", "--version", "help") or "--help" in words and words[0] != "bench":
            return run([COMMAND] + words)
        text = self.helps(words[0])
        if not text:
            return "'%s' is no verb" % words[0]
        for word in words[1:]:
            flag = word.split("=")[0]
            if re.match(r"--?[a-z]", flag) and not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(flag), text):
                return "'%s' is not in the help of '%s'" % (flag, words[0])
        return None


# Verbs whose help is printed by their program, which the build put here; ./weft would build it again.
PROGRAMS = {"bench": "bench/weft-bench", "linearize": "check/history/weft-linearize", "model": "tests/cases/weft-model",
            "soak": "tests/cases/weft-soak"}


def help_of(verb):
    command = [PROGRAMS[verb], "--help"] if verb in PROGRAMS else [COMMAND, verb, "--help"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=False)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def wrong_rows(text, heading, structures):
    """Structures that the table below that heading lacks, or has in excess."""
    section = text.partition("\n## %s\n" % heading)[2].partition("\n## ")[0]
    rows = re.findall(r"\| `weft_(\w+)`", section)
    return None if sorted(rows) == sorted(structures) else "'%s' has rows for %s, structures.def has %s" % (heading, rows, list(structures))


def unused_in(programs, structures):
    without = [name for name in structures if not any("weft_%s_create(" % name in program or "WEFT_%s_OF(" %
                                                      name.upper() in program for program in programs)]
    return "no program makes %s" % without if without else None


def cases_of(documents, programs, commands):
    """(name, function that returns None or what is wrong)"""
    for path, text in documents:
        for number, line in enumerate(text.split("\n"), 1):
            use = re.match(r" +\./weft +(-*[a-z]+)", line)
            if use:
                yield "%s:%d ./weft %s" % (path, number, use.group(1)), lambda use=use: commands.check_verb(use.group(1))
        for block in blocks_of(path, text):
            if "fragment" in block.marks[:-1]:
                yield "%s is in %s" % (block.name, block.marks[-1]), lambda b=block: is_part_of(b)
            if block.marks[:1] and block.marks[0] in LANGUAGES and "fragment" not in block.marks:
                yield block.name, lambda block=block: programs.check(block)
            if block.marks == ["sh"]:
                for number, line in enumerate(block.lines, block.line + 1):
                    if line.strip().startswith("./weft"):
                        yield "%s:%d %s" % (path, number, line.strip()), lambda line=line: commands.check(line.strip())


def main():
    documents = []
    for path in sorted(glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True)):
        with open(path, encoding="utf-8") as file:
            documents.append((path, file.read()))
    shown = {path: sum(1 for block in blocks_of(path, text) if block.marks == ["c"]) for path, text in documents}
    few = [path for path, least in LEAST_PROGRAMS.items() if shown.get(path, 0) < least]
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs(folder)
        everything = [("library", programs.build_library),
                      ("enough", lambda: "too few programs in %s" % ", ".join(few) if few else None)]
        texts, structures = dict(documents), library.structures()
        everything += [("%s has each structure" % path, lambda p=path, h=heading: wrong_rows(texts[p], h, structures))
                       for path, heading in TABLES.items()]
        using = ["\n".join(block.lines) for path in ("README.md", "docs/using.md") for block in blocks_of(path, texts[path]) if block.marks == ["c"]]
        everything += [("a program makes each structure", lambda: unused_in(using, structures))]
        return cases.run(everything + list(cases_of(documents, programs, Commands(help_of))))


if __name__ == "__main__":
    sys.exit(main())
