"""run_binary.py STAMP "[--define=...] LABEL" [arguments]: builds one program optimised, and then replaces itself by it (exec), in the
caller's directory. Exit status 2 if it cannot: 1 is the programs' own status, and never means that a build failed."""

import os
import signal
import sys
import traceback

import workspace


def main():
    stamp, label, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    targets, ok = workspace.build(stamp, "plain", label.split())
    if not ok or not targets or not targets[0].binary:
        workspace.say("could not build %s (see Bazel's message above)" % label.split()[-1])
        return 2  # 1 would mean that the program found something
    os.environ["WEFT_COMMIT"] = workspace.commit() or "unknown"
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    binary = targets[0].binary
    os.execv(binary, ["weft " + stamp.split("-")[0]] + arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        workspace.say("cannot build here: %s" % error)
        sys.exit(2)
    except Exception:  # Python's own exit status would be 1
        traceback.print_exc()
        sys.exit(2)
