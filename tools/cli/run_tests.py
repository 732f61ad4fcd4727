"""The engine of ./weft test: builds each configuration, runs its tests, counts.

Tests are run straight from Bazel's output tree, so that they start at once when nothing changed, and
so that they always really run. No test is ever run twice.
"""

import argparse
import os
import queue
import signal
import sys
import threading
import time

import runner
import workspace


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--filter", default="")
    parser.add_argument("--config", default="plain,asan,tsan")
    parser.add_argument("--jobs", type=int, default=max(2, len(os.sched_getaffinity(0)) // 2))
    parser.add_argument("--timeout", type=int)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


class Session:
    """The counts, and all that is printed."""

    def __init__(self, options):
        self.options = options
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.lock = threading.Lock()
        self.terminal = sys.stdout.isatty()
        self.running = {}
        self.last_line = time.monotonic()

    def line(self, text):
        print(("\r\033[K" if self.terminal else "") + text, flush=True)
        self.last_line = time.monotonic()

    def count_build_failure(self, config, label):
        self.failed += 1
        self.failures.append("%s %s (build)" % (config, label))
        self.line("%-5s %s: BUILD FAILED" % (config, label))

    def started(self, config, label):
        with self.lock:
            self.running[(config, label)] = time.monotonic()

    def finished(self, config, label, place, result):
        with self.lock:
            del self.running[(config, label)]
            self.passed += result.passed
            self.failed += result.failed
            self.skipped += result.skipped
            counts = "%d passed" % result.passed
            if result.failed:
                counts += ", %d FAILED: %s" % (result.failed, result.reason)
                self.failures.append("%s %s: %s" % (config, label, result.reason))
            if result.skipped:
                counts += ", %d skipped" % result.skipped
            self.line("[%s %s] %s  %.1f s  %s" % (config, place, label, result.seconds, counts))
            if result.failed or self.options.verbose:
                for text in runner.shortened(result.output):
                    self.line("    | " + text)
                self.line("    (whole output: %s)" % os.path.relpath(result.log, workspace.ROOT))

    def tick(self):
        """Shows what is running: all the time on a terminal, every 15 seconds elsewhere."""
        with self.lock:
            now = time.monotonic()
            if not self.running or (not self.terminal and now - self.last_line < 15):
                return
            text = ", ".join("%s %s (%d s)" % (c, l, now - t) for (c, l), t in list(self.running.items())[:3])
            if self.terminal:
                print("\r\033[K" + ("running " + text)[:100], end="", flush=True)
            else:
                self.line("still running: " + text)


def run_group(session, config, numbered, total, jobs):
    """Runs (number, target) pairs, `jobs` at a time. Raises KeyboardInterrupt after stopping them."""
    todo = queue.SimpleQueue()
    for item in numbered:
        todo.put(item)

    def work():
        while not runner.stopping:
            try:
                number, target = todo.get_nowait()
            except queue.Empty:
                return
            session.started(config, target.label)
            result = runner.run(target, config, session.options.timeout)
            if not runner.stopping:
                session.finished(config, target.label, "%d/%d" % (number, total), result)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(jobs, len(numbered)))]
    for worker in workers:
        worker.start()
    try:
        while any(worker.is_alive() for worker in workers):
            time.sleep(0.1 if session.terminal else 0.02)
            session.tick()
    except BaseException:
        runner.stop_all()
        for worker in workers:
            worker.join(10)
        raise


def run_config(session, config):
    what = ["//..."] if config == "plain" else ["--build_tests_only", "--test_tag_filters=-no-" + config, "//..."]
    targets, ok = workspace.build("test-" + config, config, what)
    wanted = [t for t in targets if session.options.filter in t.label]
    broken = [t for t in wanted if t.binary is None]
    for target in broken:
        session.count_build_failure(config, target.label)
    if not ok and not any(t.binary is None for t in targets):
        session.count_build_failure(config, "//...")
    tests = sorted((t for t in wanted if t.is_test and t.binary), key=lambda t: ("exclusive" in t.tags, t.label))
    if config != "plain":
        tests = [t for t in tests if "plain-only" not in t.tags and "no-" + config not in t.tags]
    if session.options.list:
        for target in tests:
            session.line("%s %s" % (config, target.label))
        return len(tests)
    numbered = list(enumerate(tests, 1))
    run_group(session, config, [n for n in numbered if "exclusive" not in n[1].tags], len(tests), session.options.jobs)
    run_group(session, config, [n for n in numbered if "exclusive" in n[1].tags], len(tests), 1)
    return len(tests)


def main():
    options = parse_arguments()
    session = Session(options)
    began = time.monotonic()
    found = sum([run_config(session, config) for config in dict.fromkeys(options.config.split(","))])
    if not found and not session.failed:
        workspace.say("no test's label contains '%s'; ./weft test --list names them" % options.filter)
        return 2
    if options.list:
        return 1 if session.failed else 0
    for failure in session.failures:
        session.line("FAILED: " + failure)
    if session.skipped:
        session.line("%d skipped" % session.skipped)
    session.line("%.1f seconds" % (time.monotonic() - began))
    session.line("%d passed, %d failed" % (session.passed, session.failed))
    return 1 if session.failed else 0


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nweft: interrupted", file=sys.stderr)
        os._exit(130)
    except BrokenPipeError:
        runner.stop_all()
        os._exit(1)
