#!/usr/bin/env python3
"""Runs what the documents show: every ```c block is a whole program, compiled as it stands and run.

usage: snippets_test.py   (in the repository's root)

Also: every line of a document that starts with "./weft VERB" must name a verb that exists.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

DIRECTORIES = ["base", "reclaim", "queues", "stacks", "hashmap"]
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-pthread"]
LEAST_PROGRAMS = 4  # one for each structure and one for reclamation: fewer means that nothing was looked at


def build_library(root, scratch):
    os.symlink(root, os.path.join(scratch, "weft"))
    objects = []
    for number, source in enumerate(sorted(s for d in DIRECTORIES for s in glob.glob(f"{root}/{d}/*.c"))):
        objects.append(os.path.join(scratch, f"{number}.o"))
        subprocess.run(["gcc", *FLAGS, "-I", scratch, "-c", source, "-o", objects[-1]], check=True)
    return objects


def run_program(text, where, scratch, objects):
    source, program = os.path.join(scratch, "program.c"), os.path.join(scratch, "program")
    with open(source, "w", encoding="utf-8") as out:
        out.write(text)
    made = subprocess.run(["gcc", *FLAGS, "-I", scratch, source, *objects, "-o", program], check=False)
    if made.returncode != 0:
        return f"{where}: does not compile"
    done = subprocess.run([program], timeout=60, capture_output=True, check=False)
    if done.returncode != 0:
        return f"{where}: exits with {done.returncode}"
    if not done.stdout:
        return f"{where}: prints nothing"
    print(f"ok {where}: {done.stdout.decode().split()}")
    return None


def main():
    root, faults, programs = os.getcwd(), [], 0
    documents = [d for d in glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True)]
    verbs = {os.path.basename(v)[:-3] for v in glob.glob("tools/cli/*.sh")} | {"help"}
    with tempfile.TemporaryDirectory() as scratch:
        objects = build_library(os.path.realpath(root), scratch)
        for document in documents:
            with open(document, encoding="utf-8") as opened:
                text = opened.read()
            for block in re.finditer(r"^```c\n(.*?)^```", text, re.M | re.S):
                programs += 1
                line = text[: block.start()].count("\n") + 1
                faults.append(run_program(block.group(1), f"{document}:{line}", scratch, objects))
            for use in re.finditer(r"^\s*\./weft ([a-z]+)", text, re.M):
                if use.group(1) not in verbs:
                    faults.append(f"{document}: there is no verb '{use.group(1)}'")
    faults = [f for f in faults if f]
    if programs < LEAST_PROGRAMS:
        faults.append(f"only {programs} programs found, at least {LEAST_PROGRAMS} expected")
    print("\n".join(faults) if faults else f"{programs} programs ran")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
