"""package.py DIRECTORY: makes Debian packages of what ./weft install installs, with debhelper, and checks them with lintian."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import workspace

DEBIAN = os.path.join(workspace.ROOT, "tools/install/debian")
sys.path.insert(0, os.path.join(workspace.ROOT, "tools"))

import library  # noqa: E402


def read(path):
    with open(os.path.join(workspace.ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def symbols():
    """Each exported symbol with the version that introduced it, which the name of its block contains."""
    lines = []
    for block, version, body in re.findall(r"^(WEFT_(\S+)) \{\n(.*?)^\}", read("tools/install/libweft.map"), re.MULTILINE | re.DOTALL):
        names = [block] + re.findall(r"^    (weft_\w+);", body, re.MULTILINE)
        lines += [" %s@%s %s.0\n" % (name, block, version) for name in names]
    return "libweft.so.0 libweft0 #MINVER#\n" + "".join(lines)


def fill(folder):
    """Writes the files of debian/ that are made from others."""
    when = (workspace.git("log", "-1", "--format=%cD") or workspace.output_of("date", "-R")).decode().strip()
    maintainer = re.search(r"^Maintainer: (.*)$", read("tools/install/debian/control"), re.MULTILINE).group(1)
    write(folder + "/changelog", "weft (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md of the source.\n\n -- %s  %s\n" % (
        library.version(workspace.ROOT), maintainer, when))
    write(folder + "/libweft0.symbols", symbols())
    licence = "".join(" %s\n" % (line or ".") for line in read("LICENSE").strip().split("\n")[4:])
    write(folder + "/copyright", "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: weft\n\n"
          "Files: *\nCopyright: 2026 The Weft authors\nLicense: BSD-2-clause\n" + licence)


def succeeds(source, *command):
    """Runs a command; its output is for people to read."""
    done = subprocess.run(command, cwd=source, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        workspace.say("%s has failed (see its message above); no package was made" % command[0])
    return done.returncode == 0


def main():
    out = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "weft")
        shutil.copytree(DEBIAN, os.path.join(source, "debian"))
        fill(os.path.join(source, "debian"))
        if not succeeds(source, "dpkg-buildpackage", "-b", "-us", "-uc"):
            return 1
        packages = sorted(glob.glob(folder + "/lib*.deb"))
        if not succeeds(source, "lintian", "--fail-on", "error,warning", "--info", "--allow-root", *packages):
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
