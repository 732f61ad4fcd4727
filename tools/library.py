"""The files of the library, for programs that build, install, document or check it without Bazel."""

import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def structures(root=ROOT):
    """{name: QUEUE, STACK, MAP and so on} from structures.def, in its order; a map's kind there is that of its keys."""
    with open(os.path.join(root, "structures.def"), encoding="utf-8") as file:
        found = re.findall(r"^    X\(([A-Z]+), (\w+), .*__VA_ARGS__\)", file.read(), re.MULTILINE)
    return {name: "MAP" if kind in ("POINTER", "INTEGER") else kind for kind, name in found}


def rooms():
    """The library's rooms, lower ones first, then those of the structures in the order of structures.def."""
    with open(os.path.join(ROOT, "structures.def"), encoding="utf-8") as file:
        return ("base", "reclaim") + tuple(dict.fromkeys(re.findall(r"^#include <weft/(\w+)/", file.read(), re.MULTILINE)))


FOLDERS = rooms()


def files(root, pattern, folders=FOLDERS):
    """The files below root that match, folder by folder, lower rooms first."""
    return [os.path.relpath(path, root) for folder in folders for path in sorted(glob.glob(os.path.join(root, folder, pattern)))]


def is_public(path):
    """Whether a header is not a kernel, and its first comment does not begin with the word private."""
    with open(path, encoding="utf-8") as file:
        comment = re.match(r"\s*/[*/][\s*]*(\w+)", file.read())
    return not path.endswith("_kernel.h") and not (comment and comment.group(1).lower() == "private")


def public_headers(root):
    return [header for header in files(root, "*.h") if is_public(os.path.join(root, header))]


def sources(root):
    return [os.path.join(root, source) for source in files(root, "*.c")]


def version(root):
    with open(os.path.join(root, "base/version.h"), encoding="utf-8") as file:
        return re.search(r'WEFT_VERSION_STRING "(.*)"', file.read()).group(1)
