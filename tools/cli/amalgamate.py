"""amalgamate.py OUT: builds //tools/install:amalgamation and copies it there, whole or not at all."""

import os
import shutil
import sys

import workspace


def main():
    out = os.path.abspath(sys.argv[1])
    made = workspace.build_one("amalgamate", "//tools/install:amalgamation", "the header")
    if not made:
        return 1
    try:
        shutil.copyfile(made, out + ".new")
        os.replace(out + ".new", out)
    except OSError as error:
        workspace.say("'%s' cannot be written: %s" % (out, error.strerror))
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
