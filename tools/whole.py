"""Writes a file whole or not at all: if the disk is full, the older file stays. (tools/output does this for programs in C.)"""

import os
import stat


def write(path, text):
    path = os.path.realpath(path)
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):  # a pipe, a terminal
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    temporary = "%s.%d.new" % (path, os.getpid())
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise OSError(error.errno, error.strerror, path) from error
