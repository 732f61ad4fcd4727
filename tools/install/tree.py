#!/usr/bin/env python3
"""tree.py OUT.tar LIBWEFT.a LIBWEFT.so MAN.tar HTML.tar: everything that is installed, as it lies below the prefix. What knows its prefix
has @PREFIX@ in its place. Runs where the sources lie."""

import io
import os
import re
import struct
import sys
import tarfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, ".."))

import library  # noqa: E402


class Tree:
    def __init__(self, out):
        self.tar = tarfile.open(out, "w")

    def add(self, name, content, mode=0o644):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), mode
        self.tar.addfile(info, io.BytesIO(content))

    def file(self, name, path, mode=0o644):
        with open(path, "rb") as file:
            self.add(name, file.read(), mode)

    def link(self, name, target):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(info)


def main():
    out, static, shared, man, html = sys.argv[1:]
    version = library.version(".")
    major = version.split(".")[0]
    real = "libweft.so." + version
    tree = Tree(out)
    for header in library.public_headers("."):
        tree.file("include/weft/" + header, header)
    tree.file("include/weft/weft.hpp", "weft.hpp")
    tree.file("lib/libweft.a", static)
    tree.file("lib/" + real, shared, 0o755)
    tree.link("lib/libweft.so." + major, real)
    tree.link("lib/libweft.so", "libweft.so." + major)
    values = {"VERSION": version, "MAJOR": major, "POINTER": str(struct.calcsize("P"))}
    for name, to in (("weft.pc", "lib/pkgconfig/"), ("weft-config.cmake", "lib/cmake/weft/"), ("weft-config-version.cmake", "lib/cmake/weft/")):
        with open(os.path.join(HERE, name + ".in"), encoding="utf-8") as file:
            text = re.sub(r"@(\w+)@", lambda name: values.get(name.group(1), name.group()), file.read())
        tree.add(to + name, text.encode())
    tree.file("share/gdb/auto-load@PREFIX@/lib/%s-gdb.py" % real, os.path.join(HERE, "libweft-gdb.py"))
    tree.file("share/doc/weft/copyright", "LICENSE")
    tree.file("share/doc/weft/CHANGELOG.md", "CHANGELOG.md")
    with tarfile.open(man) as pages:
        for page in sorted(name for name in pages.getnames() if name.endswith(".3")):
            tree.add("share/man/man3/" + os.path.basename(page), pages.extractfile(page).read())
    with tarfile.open(html) as pages:
        for page in sorted(member.name for member in pages.getmembers() if member.isfile()):
            tree.add("share/doc/weft/" + page, pages.extractfile(page).read())
    tree.tar.close()


if __name__ == "__main__":
    main()
