"""The engine of ./weft test: builds each configuration, runs its tests, counts.

Tests are run directly from Bazel's output tree, so that they start at once if nothing changed, and
are never taken from a cache. A failed test is not repeated.
"""

import argparse
import os
import queue
import signal
import sys
import threading
import time

import forecast
import runner
import workspace

# Only --all runs tests with the first tag; --landing and --all, those with the second. With neither, sanitizers run only in these rooms.
SLOW, LONG = "slow", "long"
SANITIZED = ("//tests/unit", "//tests/cases", "//check/history")


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--landing", action="store_true")
    parser.add_argument("--build", help="this label alone; for --cross")
    parser.add_argument("--filter", default="")
    parser.add_argument("--config", default="plain,asan,tsan")
    parser.add_argument("--jobs", type=int, default=max(2, len(os.sched_getaffinity(0)) // 2))
    parser.add_argument("--timeout", type=int)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    options.config = list(dict.fromkeys(options.config.split(",")))
    return options


def what_to_build(config, everything, label):
    if everything and config == "plain":
        return [label or "//..."]
    without = ([] if everything else ["-" + LONG]) + ([] if config == "plain" else ["-no-" + config])
    where = ["//..."] if everything or config == "plain" else [room + "/..." for room in SANITIZED]
    return ["--build_tests_only", "--test_tag_filters=" + ",".join(without)] + where


def what_to_run(config, targets, options):
    """The tests of `config`, from the targets of any configuration; those that run alone come last."""
    tests = [t for t in targets if t.is_test and options.filter in t.label]
    if not options.all:
        tests = [t for t in tests if SLOW not in t.tags]
    if not options.all and not options.landing:
        tests = [t for t in tests if LONG not in t.tags and (config == "plain" or t.label.split(":")[0] in SANITIZED)]
    if config != "plain":
        tests = [t for t in tests if "plain-only" not in t.tags and "no-" + config not in t.tags]
    return sorted(tests, key=lambda t: ("exclusive" in t.tags, t.label))


def not_run(targets, options):
    """One line about the targets that only --all runs; "": there are none, or Bazel could not list them."""
    everything = argparse.Namespace(**dict(vars(options), all=True))
    more = {c: len(what_to_run(c, targets or [], everything)) - len(what_to_run(c, targets or [], options)) for c in options.config}
    more = {c: n for c, n in more.items() if n}
    return "not run: %s, which ./weft test --all runs, too" % ", ".join("%d targets %s" % (n, c) for c, n in more.items()) if more else ""


class Session:
    """Counts the results, and prints."""

    def __init__(self, options):
        self.options = options
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.lock = threading.Lock()
        self.terminal = sys.stdout.isatty()
        self.running = {}
        self.forecast = forecast.Forecast(options.config, options.jobs)
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

    def finished(self, config, label, total, result):
        with self.lock:
            del self.running[(config, label)]
            self.passed += result.passed
            self.failed += result.failed
            self.skipped += result.skipped
            counts = "%d passed" % result.passed
            if result.failed:
                counts += ", %d FAILED: %s" % (result.failed, result.reason)
                self.failures.append("\n    | ".join(["%s %s: %s" % (config, label, result.reason)] + runner.telling(result.output)))
            if result.skipped:
                counts += ", %d skipped" % result.skipped
            done = self.forecast.done(config, label, result.seconds)
            self.line("[%s %d/%d%s] %s  %.1f s  %s" % (config, done, total, self.forecast.left(self.running), label, result.seconds, counts))
            if result.failed or self.options.verbose:
                for text in runner.shortened(result.output):
                    self.line("    | " + text)
                self.line("    (whole output: %s)" % os.path.relpath(result.log, workspace.ROOT))

    def tick(self):
        """Shows the running tests: always on a terminal, else every 15 seconds."""
        with self.lock:
            now = time.monotonic()
            if not self.running or (not self.terminal and now - self.last_line < 15):
                return
            text = ", ".join("%s %s (%d s)" % (c, l, now - t) for (c, l), t in list(self.running.items())[:3])
            text += self.forecast.left(self.running)
            if self.terminal:
                print("\r\033[K" + ("running " + text)[:100], end="", flush=True)
            else:
                self.line("still running: " + text)


def run_group(session, config, tests, total, jobs):
    """Runs tests, `jobs` at a time. On an interrupt, stops them and raises KeyboardInterrupt."""
    todo = queue.SimpleQueue()
    for test in tests:
        todo.put(test)

    def work():
        while not runner.stopping:
            try:
                target = todo.get_nowait()
            except queue.Empty:
                return
            session.started(config, target.label)
            result = runner.run(target, config, session.options.timeout)
            if not runner.stopping:
                session.finished(config, target.label, total, result)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(jobs, len(tests)))]
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
    options = session.options
    began = time.monotonic()
    everything = options.all or options.landing
    stamp = "test-" + config + ("-one" if options.build else "-all" if everything else "")
    targets, ok = workspace.build(stamp, config, what_to_build(config, everything, options.build))
    session.forecast.built(config, time.monotonic() - began)
    for target in targets:
        if target.binary is None and options.filter in target.label:
            session.count_build_failure(config, target.label)
    if not ok and not any(t.binary is None for t in targets):
        session.count_build_failure(config, "//...")
    tests = [t for t in what_to_run(config, targets, options) if t.binary]
    for other in options.config:
        session.forecast.expect(other, tests if other == config else what_to_run(other, targets, options))
    run_group(session, config, [t for t in tests if "exclusive" not in t.tags], len(tests), options.jobs)
    run_group(session, config, [t for t in tests if "exclusive" in t.tags], len(tests), 1)
    return len(tests)


def list_tests(options):
    """0; 1: Bazel could not read the BUILD files, and has printed why; 2: no test has such a label."""
    targets = workspace.query_tests()
    if targets is None:
        return 1
    names = ["%s %s" % (config, t.label) for config in options.config for t in what_to_run(config, targets, options)]
    if names:
        print("\n".join(names), flush=True)
    return 0 if names else nothing_found(options)


def nothing_found(options):
    more = "" if options.all else ", --all --list those of --all, too"
    workspace.say("no test's label contains '%s'; ./weft test --list names them%s" % (options.filter, more))
    return 2


def main():
    options = parse_arguments()
    if options.list:
        return list_tests(options)
    session = Session(options)
    began = time.monotonic()
    found = sum([run_config(session, config) for config in options.config])
    session.forecast.keep()
    if not found and not session.failed:
        return nothing_found(options)
    for failure in session.failures:
        session.line("FAILED: " + failure)
    if session.skipped:
        session.line("%d skipped" % session.skipped)
    left_out = not_run(workspace.query_tests(), options) if not options.all else ""
    if left_out:
        session.line(left_out)
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
    except OSError as error:
        workspace.say("cannot go on: %s%s" % (error.strerror or error, ": " + str(error.filename) if error.filename else ""))
        runner.stop_all()
        os._exit(1)
