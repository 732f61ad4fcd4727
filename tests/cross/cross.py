#!/usr/bin/env python3
"""cross.py: compiles the library for other architectures, with gcc and clang and for each standard, warnings as errors. Runs the unit
tests there under qemu's user-mode emulation. That shows compilation, word size and system calls, not weak memory."""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../.."))

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))

import cases  # noqa: E402
import library  # noqa: E402
import rules  # noqa: E402

# name: the compiler's triplet, qemu's name
ARCHITECTURES = {
    "aarch64": ("aarch64-linux-gnu", "aarch64"),
    "riscv64": ("riscv64-linux-gnu", "riscv64"),
    "armhf": ("arm-linux-gnueabihf", "arm"),
    "i386": ("i686-linux-gnu", "i386"),
}
STANDARDS = {"clang": ("c11",), "gcc": ("gnu11", "c17", "c11")}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
# seccomp filters, which qemu does not know; memory that 32 bits do not have
LEFT_OUT = ("membarrier_test", "ten_million_test")
LEAST = 11


def run(command, where, limit=600):
    """The command's output, if it fails."""
    try:
        done = subprocess.run(command, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error), b""
    return ("exit status %d\n%s" % (done.returncode, done.stdout.decode("utf-8", "replace")) if done.returncode else None), done.stdout


def compiled(architecture, where):
    """(name, what is wrong) for each compiler and standard. Leaves the objects of the last one, gcc's, for the tests to link."""
    triplet = ARCHITECTURES[architecture][0]
    compilers = {"clang": ["clang", "--target=" + triplet, "-isystem", "/usr/%s/include" % triplet], "gcc": [triplet + "-gcc"]}
    for name, compiler in compilers.items():
        for standard in STANDARDS[name]:
            flags = ["-std=" + standard, "-O2", "-I."] + WARNINGS
            yield "%s -std=%s" % (name, standard), run(compiler + flags + ["-c"] + library.sources(ROOT), where)[0]


def tested(architecture, where):
    """(name, what is wrong) for each unit test."""
    triplet, qemu = ARCHITECTURES[architecture]
    unit = os.path.join(ROOT, "tests/unit")
    flags = [triplet + "-gcc", "-std=c11", "-O1", "-I.", "-I" + HERE, "-iquote", ROOT, "-pthread", "-static"]
    support = [os.path.join(ROOT, path) for path in rules.Rules(ROOT).program("//tests/unit:support").sources if path.startswith("tests/")]
    yield "what they share", run(flags + ["-c"] + support, where)[0]
    objects = [os.path.basename(source)[:-2] + ".o" for source in library.sources(ROOT) + support]
    names = sorted(os.path.basename(path)[:-2] for path in glob.glob(unit + "/*_test.c"))
    for name in names:
        if name in LEFT_OUT:
            continue
        wrong, _ = run(flags + [os.path.join(unit, name + ".c")] + objects + ["-o", name], where)
        if not wrong:
            wrong, said = run(["qemu-" + qemu, "./" + name], where)
            announced = sum(int(n) for n in re.findall(rb"Running (\d+) test", said))
            if not wrong and (announced == 0 or announced != said.count(b"[       OK ]")):
                wrong = "%d tests announced, %d done" % (announced, said.count(b"[       OK ]"))
        yield name, wrong
    if len(names) < LEAST:
        yield "all unit tests", "only %d were found" % len(names)


def one(architecture):
    found = []
    with tempfile.TemporaryDirectory() as where:
        os.symlink(ROOT, os.path.join(where, "weft"))
        for step in (compiled, tested):
            for name, wrong in step(architecture, where):
                found.append(("%s: %s" % (architecture, name), lambda wrong=wrong: wrong))
                print("%s: %s %s" % (architecture, name, "FAILED" if wrong else "passed"), flush=True)
    return found


def main():
    with concurrent.futures.ThreadPoolExecutor(max(2, len(os.sched_getaffinity(0)))) as pool:
        return cases.run(sum(pool.map(one, ARCHITECTURES), []))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
