"""Bazel refuses a workspace whose path has a space, and a read-only one has no place for the output of a build. Instead of such a
checkout, a copy in the user's cache is built, which is updated before each build. It is not made of links, because tests find the files
beside them by their own real path. (place_to_build in common.sh has checked the cache before.)"""

import hashlib
import os
import re
import shutil
import stat


def place(root):
    """Where the checkout is built: in place, or in its copy."""
    if not re.search(r"\s", root) and os.access(root, os.W_OK):
        return root
    name = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weft", name)


def content(path):
    """("link", target), (mode, bytes of a file), or None if there is neither."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            return "link", os.readlink(path)
        with open(path, "rb") as file:
            return mode & 0o777, file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def put(path, mode, text):
    """Writes a file whole or not at all, since another ./weft may be building there."""
    temporary = "%s.%d.new" % (path, os.getpid())
    if mode == "link":
        os.symlink(text, temporary)
    else:
        with open(temporary, "wb") as file:
            file.write(text)
        os.chmod(temporary, mode)
    os.replace(temporary, path)


def sweep(where, kept):
    """Removes files that the checkout no longer has."""
    for folder, folders, files in os.walk(where, topdown=False):
        if os.path.relpath(folder, where).split(os.sep)[0] == ".weft":
            continue
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in files + links:
            if os.path.relpath(os.path.join(folder, name), where) not in kept:
                os.unlink(os.path.join(folder, name))
        if folder != where and not os.listdir(folder):
            os.rmdir(folder)


def update(root, where, names):
    """Updates the copy. Does not touch unchanged files, so that Bazel builds only what changed."""
    there = {name: content(os.path.join(root, name)) for name in names}
    there = {name: found for name, found in there.items() if found}
    os.makedirs(where, mode=0o700, exist_ok=True)
    sweep(where, there)
    for name, found in there.items():
        path = os.path.join(where, name)
        if content(path) == found:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        put(path, *found)
