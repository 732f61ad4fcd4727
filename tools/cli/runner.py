"""Runs one test program and judges its result."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import workspace

LIMITS = {"small": 60, "medium": 300, "large": 900, "enormous": 3600}
SANITIZER_FACTOR = 3
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    # Tests fork while other threads run, and go on in the child.
    "TSAN_OPTIONS": "die_after_fork=0:second_deadlock_stack=1",
    "PYTHONDONTWRITEBYTECODE": "1",
}

stopping = False
_children = {}
_lock = threading.Lock()


class Result:
    """passed, failed, skipped: numbers of tests; reason: why not all passed."""

    def __init__(self, passed, failed, skipped, reason=""):
        self.passed, self.failed, self.skipped, self.reason = passed, failed, skipped, reason
        self.seconds, self.output, self.log = 0.0, "", ""


def judge(output, status, limit_passed):
    """Counts from cmocka's output, but a program passes only if all announced tests were run and it exits with 0.

    A program without such output counts as one test.
    """

    def total(pattern):
        return sum(int(n) for n in re.findall(pattern, output, re.MULTILINE))

    announced = total(r"^\[==========\] Running (\d+) test\(s\)")
    groups = len(re.findall(r"^\[==========\] Running \d+ test\(s\)", output, re.MULTILINE))
    if status == 0 and not groups:
        return Result(1, 0, 0)
    passed = len(re.findall(r"^\[       OK \]", output, re.MULTILINE))
    skipped = total(r"^\[  SKIPPED \] (\d+) test\(s\)")
    failed = total(r"^\[  FAILED  \] (\d+) test\(s\)")
    failed += len(re.findall(r"^\[  ERROR   \] (?!---)", output, re.MULTILINE))  # in setup or teardown
    if limit_passed:
        return Result(passed, failed + 1, skipped, "time limit of %d s passed" % limit_passed)
    if status < 0:
        return Result(passed, failed + 1, skipped, "killed by " + signal.Signals(-status).name)
    if status != 0 and not failed:
        return Result(passed, 1, skipped, "exit status %d" % status)
    if failed:
        return Result(passed, failed, skipped, "exit status %d" % status)
    if announced != passed + skipped:
        return Result(passed, 1, skipped, "%d tests announced, %d done" % (announced, passed + skipped))
    if announced == 0:
        return Result(0, 1, 0, "it holds no test")
    return Result(passed, 0, skipped)


def shortened(output, keep=150):
    lines = output.splitlines()
    if len(lines) <= 2 * keep:
        return lines
    return lines[:keep] + ["... %d lines ..." % (len(lines) - 2 * keep)] + lines[-keep:]


def telling(output, keep=6):
    """The last lines of a failed test's output that say what failed: for those who see only the end of a run."""
    what = re.compile(r"Error\b|check failed|\[  FAILED|\[   LINE|[Vv]iolation|^(FAIL|ERROR): |\berror: |: exit status|Sanitizer: ")
    return [line.strip()[:200] for line in output.splitlines() if what.search(line)][-keep:]


def _prefix(config):
    """setarch -R for tsan: gcc's thread sanitizer cannot start if the kernel randomises more address bits than it supports."""
    if config == "tsan" and subprocess.call(["setarch", "-R", "true"], stderr=subprocess.DEVNULL) == 0:
        return ["setarch", "-R"]
    return []


def stop_all():
    """Kills all running tests with their children."""
    global stopping
    stopping = True
    with _lock:
        for child in _children.values():
            _kill_group(child)


def _kill_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(target, config, limit=None):
    if limit is None:
        limit = LIMITS[target.size] * (1 if config == "plain" else SANITIZER_FACTOR)
    folder = tempfile.mkdtemp(prefix="weft-test-")
    log = os.path.join(workspace.STATE, "logs", config, target.label.strip("/").replace("/", ".").replace(":", ".") + ".log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    environment = dict(os.environ, TMPDIR=folder, TEST_TMPDIR=folder, TEST_SRCDIR=target.binary + ".runfiles", **ENVIRONMENT)
    for name in [n for n in environment if n.startswith("CMOCKA_")]:
        del environment[name]
    began = time.monotonic()
    limit_passed = 0
    try:
        with open(log, "wb") as out:
            with _lock:
                if stopping:
                    return Result(0, 0, 0)
                child = subprocess.Popen(_prefix(config) + [target.binary], stdin=subprocess.DEVNULL, stdout=out,
                                         stderr=subprocess.STDOUT, env=environment, start_new_session=True,
                                         cwd=os.path.join(target.binary + ".runfiles", "weft"))
                _children[child.pid] = child
            try:
                status = child.wait(limit)
            except subprocess.TimeoutExpired:
                limit_passed = limit
                _kill_group(child)
                status = child.wait()
        with _lock:
            del _children[child.pid]
        _kill_group(child)  # processes that it left running
        with open(log, "rb") as file:
            output = file.read().decode("utf-8", "replace")
        result = judge(output, status, limit_passed)
        result.output = output
    except OSError as error:
        result = Result(0, 1, 0, "could not be started: %s" % error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.seconds, result.log = time.monotonic() - began, log
    return result
