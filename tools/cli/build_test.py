#!/usr/bin/env python3
"""./weft where it cannot build, where its output cannot be written, and in a checkout whose path has a space: tests a copy of the
command with a stub of Bazel, which notes where it was called and with which arguments."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest.mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "../.."))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
os.environ.setdefault("WEFT_ROOT", ROOT)

import cases  # noqa: E402
import mirror  # noqa: E402
import workspace  # noqa: E402

RUNNING = (["linearize"], ["soak"], ["model"], ["bench"], ["bench", "--count"], ["bench", "--html", "page.html"])
HELPS = ("bench/help.c", "check/history/linearize.c", "tests/cases/soak.c", "tests/cases/model.c", "tests/lives/lives.c")
STUBS = {
    "bazel": '{ pwd; echo "$*"; ls -A; cat extra.h; } >>"%(folder)s/called" 2>&1; exit 1',
    "dpkg-query": 'for word; do echo "installed $word"; done',
    "apt-get": "exit 100",
}


class Checkout:
    """A copy of ./weft in a folder of that name, with stubs first in PATH."""

    def __init__(self, folder, name="weft", **stubs):
        self.root, self.called = os.path.join(folder, name), os.path.join(folder, "called")
        for part in ("tools/cli", "tools/packages", "tools/whole.py", "base/version.h", *HELPS):
            target = os.path.join(self.root, part)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            (shutil.copytree if os.path.isdir(os.path.join(ROOT, part)) else shutil.copy)(os.path.join(ROOT, part), target)
        shutil.copy(os.path.join(ROOT, "tools/cli/weft"), os.path.join(self.root, "weft"))
        self.write("WORKSPACE", "")
        os.makedirs(os.path.join(folder, "stubs"))
        for stub, text in dict(STUBS, **stubs).items():
            path = os.path.join(folder, "stubs", stub)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n%s\n" % (text % {"folder": folder}))
            os.chmod(path, 0o755)
        self.environment = dict(os.environ, PATH="%s/stubs:%s" % (folder, os.environ["PATH"]), HOME=folder)
        self.environment.pop("XDG_CACHE_HOME", None)

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def weft(self, *arguments, shell='exec "$@"'):
        return subprocess.run(["sh", "-c", shell, "sh", os.path.join(self.root, "weft"), *arguments], cwd=self.root, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    def bazel(self):
        """The calls of the stub since the last time: where, the arguments, the files there, and extra.h."""
        with open(self.called, encoding="utf-8") as file:
            text = file.read()
        os.unlink(self.called)
        return text.split("\n")


def failed_build():
    """The exit status must not be 1, which means a history that is not linearizable, a violation, or a failure of the model."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder)
        for verb in RUNNING:
            done = checkout.weft(*verb)
            if done.returncode != 2 or done.stdout or "could not build //" not in done.stderr:
                return verb, done
    return None


def no_room_to_build():
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder)
        checkout.write(".weft", "a file where a directory should be")
        done = checkout.weft("linearize")
        return None if done.returncode == 2 and done.stderr.count("\n") == 1 and "cannot build here" in done.stderr else done


def wrong_flags():
    """They are reported before anything is installed or built."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder, **{"dpkg-query": "exit 1", "id": "echo 0", "apt-get": STUBS["bazel"]})
        for verb in (["linearize"], ["soak"], ["soak", "--lives"], ["model"], ["bench"], ["bench", "--html", "page.html"]):
            for flag in ("--nonsense", "--see=3"):  # the second is the beginning of a flag
                done = checkout.weft(*verb, flag)
                good = done.returncode == 2 and done.stderr.count("\n") == 1 and "unknown argument '%s'" % flag in done.stderr
                if not good or os.path.exists(checkout.called):
                    return verb, done
    return None


def interrupted_installation(when, half_done):
    """Ctrl-C goes to apt-get and to ./weft, which then does nothing else and says what to do."""
    with tempfile.TemporaryDirectory() as folder:
        # exec, since a child of the stub that is being forked when the signal comes would outlive the stub
        apt = """case " $* " in *" %s "*) : >%%(folder)s/installing; exec sleep 20;; esac""" % when
        checkout = Checkout(folder, **{"dpkg-query": "exit 1", "id": "echo 0", "apt-get": apt, "dpkg": "echo '%s'" % half_done})
        with subprocess.Popen([os.path.join(checkout.root, "weft"), "linearize"], env=checkout.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as child:
            while not os.path.exists(folder + "/installing"):
                if child.poll() is not None:
                    return child.communicate()
            began = time.monotonic()
            os.killpg(child.pid, signal.SIGINT)
            said = child.communicate()
            good = child.returncode == 130 and not os.path.exists(checkout.called) and ("dpkg --configure -a" in said[1]) == bool(half_done)
            return None if good and time.monotonic() - began < 10 else (said, child.returncode)


def not_writable():
    """A checkout that cannot be written is built as a copy. (A test that runs as root cannot make one.)"""
    with unittest.mock.patch.object(os, "access", return_value=False), unittest.mock.patch.dict(os.environ, XDG_CACHE_HOME="/cache"):
        where = mirror.place("/somewhere")
    return None if where.startswith("/cache/weft/") else where


def no_loopback():
    """Prints one line, where Bazel would try for ever."""
    refused = unittest.mock.patch.object(workspace.socket, "create_connection", side_effect=OSError(101, "Network is unreachable"))
    with refused, unittest.mock.patch.object(workspace, "say") as say:
        try:
            workspace.need_loopback()
        except SystemExit as end:
            return None if end.code == 2 and "Network is unreachable" in say.call_args[0][0] else end
    return "it was not refused"


def no_network():
    """Prints one line, and installs nothing."""
    with tempfile.TemporaryDirectory() as folder:
        apt = 'echo "$*" >>"%(folder)s/called"; echo "Err:1 http://deb.debian.org/debian bookworm"; echo "E: Failed to fetch x  Temporary failure"; exit 100'
        checkout = Checkout(folder, **{"dpkg-query": "exit 1", "id": "echo 0", "apt-get": apt})
        done = checkout.weft("linearize")
        good = done.returncode == 2 and done.stderr.count("\n") == 2 and "no package archive can be reached: Failed to fetch x" in done.stderr
        return None if good and len(checkout.bazel()) == 2 else done


def failed_installation():
    with tempfile.TemporaryDirectory() as folder:
        done = Checkout(folder, **{"dpkg-query": "exit 1", "id": "echo 0"}).weft("linearize")
        return None if done.returncode == 2 and "could not install" in done.stderr else done


def installs_with_cmake_alone():
    """With CMake and a compiler, it looks for no package and does not call Bazel; a failure leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder, **{"dpkg-query": "exit 1", "apt-get": STUBS["bazel"], "cmake": 'echo "cmake $*" >>"%(folder)s/called"; exit 1'})
        done = checkout.weft("install", "--prefix", folder + "/prefix")
        called = checkout.bazel()
        good = done.returncode == 1 and "could not build the library" in done.stderr and len(called) == 2 and called[0].startswith("cmake -S ")
        return None if good and not os.path.exists(folder + "/prefix") else (done, called)


def nobody_listens():
    """Standard output is closed or full, for everything that ./weft answers itself. After a failed help, nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder)
        for verb in (["--help"], ["--version"], ["install", "--help"], ["uninstall", "--help"], ["package", "--help"], ["amalgamate", "--help"],
                     ["test", "--help"]):
            for where in (">&-", ">/dev/full"):
                done = checkout.weft(*verb, shell='exec "$@" ' + where)
                if done.returncode not in (1, 2) or not done.stderr or os.path.exists(checkout.called):
                    return verb, where, done
                if where == ">&-" and (done.returncode != 2 or "standard output is closed" not in done.stderr):
                    return verb, where, done
    return None


def path_with_a_space():
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder, "a  b/weft")
        checkout.write("extra.h", "first")
        os.symlink("extra.h", os.path.join(checkout.root, "link.h"))
        for content, gone in (("first", None), ("again", "link.h")):
            checkout.write("extra.h", content)
            if gone:
                os.unlink(os.path.join(checkout.root, gone))
            done = checkout.weft("linearize")
            said = checkout.bazel()
            expected = {"WORKSPACE", "base", "extra.h", "link.h", "tools", "weft"} - {gone}
            if done.returncode != 2 or " " in said[0] or not expected <= set(said) or (gone and gone in said) or content not in said:
                return done, said
            if "--build_event_json_file=" not in said[1] and "sync" not in said[1]:
                return said
    return None


def no_place_without_a_space():
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(folder, "a b/weft")
        checkout.environment["XDG_CACHE_HOME"] = folder + "/a b"
        done = checkout.weft("linearize")
        good = done.returncode == 2 and done.stderr.count("\n") == 1 and "XDG_CACHE_HOME" in done.stderr and not os.path.exists(checkout.called)
        return None if good else done


if __name__ == "__main__":
    sys.exit(cases.run([(f.__name__, f) for f in (failed_build, no_room_to_build, failed_installation, installs_with_cmake_alone, nobody_listens,
                                                  path_with_a_space, no_place_without_a_space, not_writable, wrong_flags,
                                                  no_loopback, no_network)] +
                       [("interrupted_" + name, lambda w=when, h=half_done: interrupted_installation(w, h)) for name, when, half_done in (
                           ("update", "update", ""), ("plan", "--print-uris", ""), ("download", "install -y", ""), ("dpkg", "install -y", "half installed: x"))]))
