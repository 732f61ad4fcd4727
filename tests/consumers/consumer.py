"""What the tests in this directory share. Each builds programs as a user would, in directories of their own outside the tree."""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../.."))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tools/cli"), os.path.join(ROOT, "tools/install")]
os.environ.setdefault("WEFT_ROOT", ROOT)

import cases  # noqa: E402

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror"]
SAYS = re.compile(rb"^woven (\d+\.\d+\.\d+)$", re.MULTILINE)


class Failed(Exception):
    pass


def run(command, cwd=None, shell=False, fails=False, **environment):
    """Returns the command's output. Raises unless it succeeds (fails: unless it fails)."""
    done = subprocess.run(command, cwd=cwd, shell=shell, executable="/bin/bash" if shell else None, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **environment), timeout=300, check=False)
    if (done.returncode != 0) != fails:
        raise Failed("%s: exit status %d\n%s" % (command if shell else " ".join(command), done.returncode,
                                                 done.stdout.decode("utf-8", "replace")))
    return done.stdout


def says(output):
    if not SAYS.search(output):
        raise Failed("expected 'woven VERSION', not %r" % output)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def blocks_of(path, language):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return re.findall(r"^```%s[^\n]*\n(.*?)^```" % language, file.read(), re.MULTILINE | re.DOTALL)


def shown(language, containing, path="docs/using.md"):
    """The block in that language that contains this. Each line of README.md's blocks in that language must stand in one of
    docs/using.md's."""
    found = [block for block in blocks_of(path, language) if containing in block]
    if len(found) != 1:
        raise Failed("%s has %d blocks of %s with '%s'" % (path, len(found), language, containing))
    lines = {line for block in blocks_of("docs/using.md", language) for line in block.split("\n")}
    untried = [line for block in blocks_of("README.md", language) for line in block.split("\n") if line not in lines]
    if untried:
        raise Failed("README.md has what docs/using.md has not: %s" % untried)
    return found[0].strip()


class Place:
    def __init__(self, folder):
        self.folder = folder

    def place(self, name, *files):
        """A directory of its own, with copies of these files of ours."""
        where = os.path.join(self.folder, name)
        os.makedirs(where, exist_ok=True)
        for file in files:
            shutil.copy(os.path.join(HERE, file), where)
        return where


def attempt(function):
    def wrong():
        try:
            function()
        except (Failed, OSError, subprocess.SubprocessError, KeyError, IndexError) as error:
            return error or repr(error)
        return None
    return wrong


def run_steps(*steps):
    """Runs methods as cases with the methods' names."""
    return cases.run((step.__name__.replace("_", " "), attempt(step)) for step in steps)
