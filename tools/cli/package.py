"""package.py DIRECTORY: the Debian packages, by debhelper, of what ./weft install installs; held against lintian."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import workspace

DEBIAN = os.path.join(workspace.ROOT, "tools/install/debian")
MAINTAINER = "The Weft authors <weft@users.noreply.github.com>"


def read(path):
    with open(os.path.join(workspace.ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def fill(folder):
    """The files of debian/ that are made of others."""
    version = re.search(r'WEFT_VERSION_STRING "(.*)"', read("base/version.h")).group(1)
    date = subprocess.run(["date", "-R"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    when = workspace.git("log", "-1", "--format=%cD").decode().strip() or date
    write(folder + "/changelog", "weft (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md of the source.\n\n -- %s  %s\n" % (version, MAINTAINER, when))
    names = re.findall(r"^    (weft_\w+);", read("tools/install/libweft.map"), re.MULTILINE)
    write(folder + "/libweft0.symbols", "libweft.so.0 libweft0 #MINVER#\n" +
          "".join(" %s@WEFT_0.1 0.1.0\n" % name for name in ["WEFT_0.1"] + names))
    licence = "".join(" %s\n" % (line or ".") for line in read("LICENSE").strip().split("\n")[4:])
    write(folder + "/copyright", "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: weft\n\n"
          "Files: *\nCopyright: 2026 The Weft authors\nLicense: BSD-2-clause\n" + licence)
    with open(folder + "/control", encoding="utf-8") as file:
        text = file.read()
    write(folder + "/control", text.replace("@MAINTAINER@", MAINTAINER))
    return version


def main():
    out = os.path.abspath(sys.argv[1])
    if not workspace.build_one("install", "//tools/install:tree", "the library"):
        return 1
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "weft")
        shutil.copytree(DEBIAN, os.path.join(source, "debian"))
        fill(os.path.join(source, "debian"))
        for command in (["dpkg-buildpackage", "-b", "-us", "-uc"], ["lintian", "--fail-on", "error,warning", "--info", "--allow-root"]):
            packages = sorted(glob.glob(folder + "/lib*.deb"))
            done = subprocess.run(command + (packages if command[0] == "lintian" else []), cwd=source, stdin=subprocess.DEVNULL,
                                  stdout=sys.stderr, check=False)
            if done.returncode != 0:
                workspace.say("%s has failed (see its message above); no package was made" % command[0])
                return 1
        for package in packages:
            shutil.copy(package, out)
            print(os.path.join(out, os.path.basename(package)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
