"""install.py check|install|uninstall [--prefix P] [--destdir D]: builds and installs below P what cmake --install would, or removes it.

P/share/weft/installed lists the installed files. A new version is first written completely beside the old one and then renamed,
so that a failure (no rights, no room) changes nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import workspace

MANIFEST = "share/weft/installed"
BESIDE = ".weft-new"


def refuse(message):
    workspace.say(message)
    sys.exit(2)


def places(arguments):
    """(the directory to write to, the prefix that the installed files contain)"""
    prefix, destdir, rest = "/usr/local", "", list(arguments)
    while rest:
        flag, _, value = rest.pop(0).partition("=")
        if flag not in ("--prefix", "--destdir"):
            refuse("unknown argument '%s'; expected --prefix, --destdir or --help" % flag)
        if not value:
            value = rest.pop(0) if rest else ""
        if not value.startswith("/") or any(c in value for c in '"\\$\n\t#@:;'):
            refuse("%s expects a directory from the root on, without \" \\ $ # @ : ; in its name, not '%s'" % (flag, value))
        if flag == "--prefix":
            prefix = os.path.normpath(value)
        else:
            destdir = os.path.normpath(value)
    return destdir + prefix, prefix


def need_rights(root):
    """Checks for write access before anything is built or changed."""
    there = root
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        refuse("expected a directory, not the file '%s'" % there)
    below = [os.path.join(there, name) for name in ("include", "lib", "share") if there == root]
    for folder in [there] + [name for name in below if os.path.lexists(name)]:
        if not os.access(folder, os.W_OK | os.X_OK):
            refuse("'%s' cannot be written: run this as root, or name another --prefix" % folder)


def installed(root):
    try:
        with open(os.path.join(root, MANIFEST), encoding="utf-8") as file:
            return [name for name in file.read().split("\n") if name]
    except FileNotFoundError:
        return []


def remove(root, names):
    """Removes the files, and then those of the directories (names with a slash at the end) that are empty."""
    for name in sorted(names, key=lambda name: (name.endswith("/"), -len(name))):
        path = os.path.join(root, name)
        if not name.endswith("/"):
            if os.path.lexists(path):
                os.unlink(path)
        elif os.path.isdir(path) and not os.listdir(path):
            os.rmdir(path)


def missing_directories(root, names):
    """Directories that installing these files will make, and uninstalling will remove."""
    parents = {name[:i + 1] for name in names for i, c in enumerate(name) if c == "/"}
    return sorted(parent for parent in parents if not os.path.isdir(os.path.join(root, parent)))


def members_of(stage):
    """[(name, content, mode, target of a link)] of all files to install, except the list of them."""
    made = []
    for where, _, files in os.walk(stage):
        for path in (os.path.join(where, name) for name in files):
            link = os.readlink(path) if os.path.islink(path) else ""
            with open(path, "rb") as file:
                made.append((os.path.relpath(path, stage), None if link else file.read(), os.stat(path).st_mode & 0o777, link))
    return sorted(made)


def build(prefix):
    """The files that CMake installs below the prefix. None: the build failed; a message was printed."""
    with tempfile.TemporaryDirectory() as folder:
        workspace.say("building")
        for command in (["cmake", "-S", workspace.ROOT, "-B", folder + "/build", "-DCMAKE_INSTALL_PREFIX=" + prefix],
                        ["cmake", "--build", folder + "/build", "--parallel", str(len(os.sched_getaffinity(0)))],
                        ["cmake", "--install", folder + "/build"]):
            done = subprocess.run(command, env=dict(os.environ, DESTDIR=folder + "/stage"), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                sys.stderr.buffer.write(done.stdout)
                workspace.say("could not build the library, so that nothing was installed (see the message above)")
                return None
        return members_of(folder + "/stage" + prefix)


def put_beside(root, name, content, mode, link):
    path = os.path.join(root, name) + BESIDE
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    if content is None:
        os.symlink(link, path)
        return
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def need_tools():
    compiler = os.environ.get("CC") or "cc"
    if not shutil.which(compiler):
        refuse("expected a C compiler as '%s', which is not there; CC names another" % compiler)
    if not shutil.which("cmake"):
        refuse("expected CMake as 'cmake', which is not there")


def tell_the_linker(root, prefix):
    """Runs ldconfig, so that programs find the shared library at once if its directory is a system one."""
    if root == prefix and os.geteuid() == 0 and shutil.which("ldconfig"):
        subprocess.run(["ldconfig"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def install(root, prefix):
    need_rights(root)
    need_tools()
    members = build(prefix)
    if not members:
        return 1
    names, before, begun = [member[0] for member in members] + [MANIFEST], installed(root), []
    directories = missing_directories(root, names)
    listed = names + directories + [name for name in before if name.endswith("/") and name not in directories]
    members.append((MANIFEST, ("\n".join(listed) + "\n").encode(), 0o644, ""))
    try:
        for name, content, mode, link in members:
            begun.append(name)
            put_beside(root, name, content, mode, link)
    except OSError as error:
        remove(root, [name + BESIDE for name in begun] + directories)
        refuse("'%s' cannot be written: %s; nothing was installed" % (error.filename, error.strerror))
    for name in begun:
        os.replace(os.path.join(root, name) + BESIDE, os.path.join(root, name))
    remove(root, [name for name in before if name not in begun])
    tell_the_linker(root, prefix)
    workspace.say("%d files installed below '%s'" % (len(begun), root))
    return 0


def uninstall(root, prefix):
    names = installed(root)
    if not names:
        refuse("nothing of Weft is installed below '%s'; --prefix says where else" % root)
    need_rights(root)
    try:
        remove(root, names)
    except OSError as error:
        refuse("'%s' cannot be removed: %s" % (error.filename, error.strerror))
    tell_the_linker(root, prefix)
    workspace.say("%d files removed below '%s'" % (len(names), root))
    return 0


def main():
    root, prefix = places(sys.argv[2:])
    if sys.argv[1] == "check":
        return need_rights(root)
    return install(root, prefix) if sys.argv[1] == "install" else uninstall(root, prefix)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
