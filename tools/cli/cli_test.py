#!/usr/bin/env python3
"""./weft itself: its answers to wrong arguments and missing packages, how it judges tests, when a build is stale."""

import ast
import os
import re
import stat
import subprocess
import sys
import tempfile
import types
import unittest.mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
os.environ.setdefault("WEFT_ROOT", os.path.join(HERE, "../.."))

import cases  # noqa: E402
import forecast  # noqa: E402
import run_tests  # noqa: E402
import runner  # noqa: E402
import workspace  # noqa: E402

WEFT = os.path.realpath(os.path.join(HERE, "../../weft"))


def weft(*arguments, path=None):
    environment = dict(os.environ, PATH=path or os.environ["PATH"])
    return subprocess.run([WEFT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                          stdin=subprocess.DEVNULL, check=False)


def refuses(expected, *arguments, path=None):
    """Checks for exit status 2, and one line on standard error that says what was expected."""
    done = weft(*arguments, path=path)
    good = done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1 and expected in done.stderr
    return None if good else done


def answers(expected, *arguments):
    done = weft(*arguments)
    return None if done.returncode == 0 and expected in done.stdout and not done.stderr else done


def no_compiler():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as stubs:
        os.environ["CC"] = "/nonexistent/cc"
        with open(os.path.join(stubs, "dpkg-query"), "w", encoding="utf-8") as file:  # CMake may be missing
            file.write('#!/bin/sh\nfor word; do echo "installed $word"; done\n')
        os.chmod(file.name, stat.S_IRWXU)
        try:
            return refuses("expected a C compiler as '/nonexistent/cc'", "install", "--prefix", folder,
                           path=stubs + ":" + os.environ["PATH"]) or os.listdir(folder)
        finally:
            del os.environ["CC"]


def helps(source, *arguments):
    """Checks that the help is the text in the program's source."""
    with open(os.path.join(os.path.dirname(WEFT), source), encoding="utf-8") as file:
        text = file.read()
    text = text[text.index('"usage: ./weft'):]
    return asks_nothing(ast.literal_eval("(" + text[:re.search(r'"[;,]\n', text).start() + 1] + ")"), *arguments)


def lists(name, *arguments):
    """Checks that the kept list is printed; lists/list_test.py compares it with the program's."""
    with open(os.path.join(os.path.dirname(WEFT), "tools/lists", name + ".txt"), encoding="utf-8") as file:
        return asks_nothing(file.read(), *arguments)


def asks_nothing(expected, *arguments):
    """Checks that this text is printed, and nothing installed, built or queried."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("apt-get", "bazel", "dpkg-query", "gcc", "python3"):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\necho "%s" >> "%s/asked"\nexit 1\n' % (name, folder))
            os.chmod(path, 0o755)
        done = weft(*arguments, path=folder + ":" + os.environ["PATH"])
        asked = os.path.exists(os.path.join(folder, "asked"))
    return None if (done.returncode, done.stdout, done.stderr, asked) == (0, expected, "", False) else (done, asked)


ARGUMENTS = [
    ("no_verb", refuses, "expected a verb: amalgamate, bench, install, linearize, model, package, soak, test, uninstall"),
    ("unknown_verb", refuses, "unknown verb 'bensh'; expected one of: amalgamate, bench, install, linearize, model, package, soak, test, uninstall", "bensh"),
    ("verb_with_slash", refuses, "unknown verb '../cli/test'", "../cli/test"),
    ("not_a_verb", refuses, "unknown verb 'common'", "common"),
    ("unknown_flag", refuses, "unknown flag '--nonsense'", "--nonsense"),
    ("version_argument", refuses, "--version takes no arguments", "--version", "x"),
    ("help_unknown", refuses, "unknown verb 'bensh'", "help", "bensh"),
    ("help", answers, "usage: ./weft VERB", "help"),
    ("help_flag", answers, "usage: ./weft VERB", "--help"),
    ("help_test", answers, "usage: ./weft test", "help", "test"),
    ("test_help", answers, "usage: ./weft test", "test", "--help"),
    ("bench_help", helps, "bench/help.c", "bench", "--quick", "--help"),
    ("bench_help_of_a_page", helps, "bench/help.c", "bench", "--html", "page", "-h"),
    ("linearize_help", helps, "check/history/linearize.c", "linearize", "--help"),
    ("model_help", helps, "tests/cases/model.c", "help", "model"),
    ("soak_help", helps, "tests/cases/soak.c", "soak", "--help"),
    ("lives_help", helps, "tests/lives/lives.c", "soak", "--lives", "--help"),
    ("bench_list", lists, "bench", "bench", "--list"),
    ("bench_list_of_peers", lists, "bench-peers", "bench", "--peers", "--list"),
    ("model_list", lists, "model", "model", "--list"),
    ("soak_list", lists, "soak", "soak", "--list"),
    ("lives_list", lists, "lives", "soak", "--lives", "--list"),
    ("version", answers, "weft 0", "--version"),
    ("bench_compare_nothing", refuses, "--compare expects OLD.json", "bench", "--compare", "/nonexistent"),
    ("bench_measured_nothing", refuses, "--measured expects one FILE", "bench", "--measured", "/nonexistent"),
    ("bench_html_nothing", refuses, "--html expects a file's name", "bench", "--html"),
    ("bench_html_nowhere", refuses, "--html expects a file that can be written", "bench", "--html", "/nonexistent/page.html"),
    ("bench_from_alone", refuses, "--from expects --html", "bench", "--from", "x.json"),
    ("bench_from_and_more", refuses, "expects nothing else, not '--quick'", "bench", "--html", "x", "--from", "y", "--quick"),
    ("bench_html_json_out", refuses, "--html expects --json to name a file", "bench", "--html", "x", "--json", "-"),
    ("install_unknown", refuses, "unknown argument '--nonsense'", "install", "--nonsense"),
    ("install_relative", refuses, "--prefix expects a directory from the root on", "install", "--prefix", "here"),
    ("install_quote", refuses, "--prefix expects a directory from the root on", "install", "--prefix", '/a"b'),
    ("install_no_value", refuses, "--destdir expects a directory", "install", "--destdir"),
    ("install_below_a_file", refuses, "expected a directory, not the file '/dev/null'", "install", "--prefix", "/dev/null/x"),
    ("install_no_compiler", no_compiler),
    ("uninstall_nothing", refuses, "nothing of Weft is installed below '/nonexistent'", "uninstall", "--prefix", "/nonexistent"),
    ("amalgamate_nowhere", refuses, "expects a file that can be written", "amalgamate", "/nonexistent/weft.h"),
    ("amalgamate_two", refuses, "expects one FILE at most", "amalgamate", "a", "b"),
    ("package_nowhere", refuses, "expects a directory that can be written", "package", "/nonexistent"),
    ("test_cross_and_more", refuses, "--cross expects to be the only argument", "test", "--cross", "--verbose"),
    ("test_unknown_flag", refuses, "unknown argument '--nonsense'", "test", "--nonsense"),
    ("test_stray_word", refuses, "unknown argument 'fork'", "test", "fork"),
    ("test_no_value", refuses, "--filter expects a value", "test", "--filter"),
    ("test_empty_filter", refuses, "--filter expects", "test", "--filter="),
    ("test_jobs_word", refuses, "--jobs expects a number from 1", "test", "--jobs", "two"),
    ("test_jobs_zero", refuses, "--jobs expects a number from 1", "test", "--jobs=0"),
    ("test_jobs_negative", refuses, "--jobs expects a number from 1", "test", "--jobs", "-1"),
    ("test_jobs_huge", refuses, "--jobs expects a number from 1", "test", "--jobs", "99999999999999999999"),
    ("test_config", refuses, "comma list of plain, asan, tsan, not 'msan'", "test", "--config", "msan"),
    ("test_config_tail", refuses, "comma list of plain, asan, tsan", "test", "--config", "asan,"),
]


REFUSES = 'echo "apt-get $*" >> "%s/asked"; exit 100'
PLANS = """echo "apt-get $*" >> "%s/asked"
case " $* " in
*" update "*) ;;
*" --print-uris "*) echo "0 upgraded, 7 newly installed, 0 to remove and 0 not upgraded."; echo "Need to get 5 MB of archives." ;;
*) exit 100 ;;
esac"""


def without_packages(*, root, sudo, apt=REFUSES):
    """./weft test on a machine without packages: its answer, and the calls of apt-get."""
    with tempfile.TemporaryDirectory() as folder:
        stubs = {
            "dpkg-query": "exit 1",
            "apt-get": apt % folder,
            "id": "echo %d" % (0 if root else 1000),
            "sudo": '[ "$1" = -n ] && shift; exec "$@"' if sudo else "exit 1",
        }
        for name, text in stubs.items():
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n%s\n" % text)
            os.chmod(path, 0o755)
        asked = os.path.join(folder, "asked")
        path = folder + ":" + os.environ["PATH"]
        done = refuses("missing packages: ", "test", path=path) if not root and not sudo else weft("test", path=path)
        calls = ""
        if os.path.exists(asked):
            with open(asked, encoding="utf-8") as file:
                calls = file.read()
        return done, calls


def names_packages():
    problem, calls = without_packages(root=False, sudo=False)
    return problem or calls


def plans():
    done, calls = without_packages(root=True, sudo=False, apt=PLANS)
    good = done.returncode == 2 and calls.count(
        "\n") == 3 and "weft: installing 7 packages" in done.stderr and "weft: 5 MB to download" in done.stderr
    good = good and "weft: then about five minutes" in done.stderr
    return None if good else (done, calls)


def installs(**who):
    done, calls = without_packages(**who)
    # the stub fails, so ./weft must fail after one update, with a reason
    good = done.returncode == 2 and calls.count("\n") == 1 and "update" in calls and "could not install" in done.stderr
    return None if good else (done, calls)


def one_version():
    """The version is the same in the header's numbers and string, in MODULE.bazel, in CHANGELOG.md, and of the newest symbols."""
    def found(path, pattern):
        with open(os.path.join(os.path.dirname(WEFT), path), encoding="utf-8") as file:
            return re.findall(pattern, file.read(), re.MULTILINE)
    version = found("base/version.h", r'STRING "(.*)"')[0]
    parts = ".".join(found("base/version.h", r"VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$"))
    all_there = [parts, found("MODULE.bazel", r'version = "(\d.*)",$')[0]] + found("CHANGELOG.md", re.escape(version))[:1]
    symbols = found("tools/install/libweft.map", r"^WEFT_(\S+) \{$")[-1]
    good = all_there == [version] * 3 and version.startswith(symbols + ".")
    return None if good else (version, all_there, symbols)


PASS = "[==========] Running 2 test(s).\n[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n[       OK ] b\n[  PASSED  ] 2 test(s).\n"
FAIL = PASS.replace("[       OK ] b", "[  FAILED  ] b").replace("PASSED  ] 2", "PASSED  ] 1") + \
    "[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] b\n"
ERRORS = PASS.replace("[       OK ]", "[  ERROR   ] --- msg\n[  ERROR   ]").replace("PASSED  ] 2", "PASSED  ] 0")
SKIP = PASS.replace("[       OK ] b", "[  SKIPPED ] b").replace("PASSED  ] 2", "PASSED  ] 1") + "[  SKIPPED ] 1 test(s), listed below:\n"

# name, output, status, time limit passed, (passed, failed, skipped)
JUDGEMENTS = [
    ("judge_pass", PASS, 0, 0, (2, 0, 0)),
    ("judge_two_groups", PASS + PASS, 0, 0, (4, 0, 0)),
    ("judge_fail", FAIL, 1, 0, (1, 1, 0)),
    ("judge_fail_but_zero", FAIL, 0, 0, (1, 1, 0)),
    ("judge_errors", ERRORS, 2, 0, (0, 2, 0)),
    ("judge_skip", SKIP, 0, 0, (1, 0, 1)),
    ("judge_crash", PASS[:60], -11, 0, (1, 1, 0)),
    ("judge_leak_at_exit", PASS, 23, 0, (2, 1, 0)),
    ("judge_left_half_way", PASS[:60], 0, 0, (1, 1, 0)),
    ("judge_no_test", PASS[:31].replace("2", "0"), 0, 0, (0, 1, 0)),
    ("judge_time", PASS[:60], -9, 60, (1, 1, 0)),
    ("judge_other_program", "fine\n", 0, 0, (1, 0, 0)),
    ("judge_other_program_fails", "bad\n", 1, 0, (0, 1, 0)),
]


def judged(output, status, limit, expected):
    result = runner.judge(output, status, limit)
    got = (result.passed, result.failed, result.skipped)
    return None if got == expected and bool(result.reason) == bool(result.failed) else (got, result.reason)


def tells_what_failed():
    """At the end of a run, too; nothing is told of what is fine."""
    long = runner.telling("AssertionError: " + "x" * 1000)
    good = runner.telling(FAIL)[-1] == "[  FAILED  ] b" and not runner.telling(PASS) and len(long) == 1 and len(long[0]) == 200
    return None if good else (runner.telling(FAIL), long)


def ran(script, expected, reason):
    """Runs a script as a test with a time limit of one second."""
    with tempfile.TemporaryDirectory() as folder:
        workspace.STATE = folder
        binary = os.path.join(folder, "a_test")
        os.makedirs(binary + ".runfiles/weft")
        with open(binary, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n%s\n" % script)
        os.chmod(binary, stat.S_IRWXU)
        result = runner.run(types.SimpleNamespace(label="//x:a_test", binary=binary, size="small"), "plain", 1)
    good = (result.passed, result.failed) == expected and reason in result.reason and result.seconds < 5
    return None if good else (vars(result),)


def stale(change):
    """Whether a change to a checkout changes its fingerprint."""
    with tempfile.TemporaryDirectory() as folder:
        workspace.ROOT = folder
        script = "git init -q; mkdir base .weft; echo .weft > .gitignore; echo a > base/a.c; echo b > base/b.h; git add .; echo c > base/c.c"
        subprocess.run(["sh", "-ec", script], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        before = workspace.fingerprint([])
        subprocess.run(["sh", "-ec", change], cwd=folder, check=True)
        return before != workspace.fingerprint([])


def target(name, size="small", *tags):
    return workspace.Target("//x:" + name, "cc_test", list(tags), size, "/bin/true")


def counts_what_is_done():
    """And estimates the rest from the tests' sizes and the pace so far; tests that run alone are not shared among the jobs."""
    with tempfile.TemporaryDirectory() as workspace.STATE, unittest.mock.patch.object(forecast, "WEIGHT", 0):
        f = forecast.Forecast(["plain", "asan"], 2)
        f.built("plain", 5)
        f.expect("plain", [target("a"), target("b"), target("c", "medium", "exclusive")])
        f.expect("asan", [target("a")])
        said = [f.left({}), f.done("plain", "//x:b", 4), f.left({}), f.done("plain", "//x:a", 4), f.left({})]
        f.built("asan", 100)
        said += [f.left({}), f.done("plain", "//x:c", 30)]
        f.keep()
        again = forecast.Forecast(["plain", "asan"], 1)
        said += [again.known["plain //x:c"], again.building["asan"], again.building["plain"]]
    # after b: a takes 4 s and asan's a 8 s, shared by two jobs; c 30 s alone; asan's build 60 s
    expected = ["", 1, ", 2 min left", 2, ", 2 min left", ", 34 s left", 3, 30.0, 100.0, 60]
    return None if said == expected else said


def what_runs():
    """Without --landing and --all: no long test, and sanitizers only in the rooms of SANITIZED; slow tests only with --all; a filter chooses
    among these."""
    tests = [workspace.Target(label, "cc_test", tags, "small", "/bin/true") for label, tags in (
        ("//tests/unit:a", []), ("//tests/unit:b", ["no-asan"]), ("//tests/stress:c", []), ("//tests/stress:d", ["long"]), ("//tools:e", ["plain-only"]), ("//tools:f", ["long", "slow"]))]

    def run(config, tier="", text=""):
        chosen = run_tests.what_to_run(config, tests, types.SimpleNamespace(all=tier == "all", landing=tier == "landing", filter=text))
        return "".join(t.label[-1] for t in sorted(chosen, key=lambda t: t.label[-1]))
    got = [run("plain"), run("asan"), run("tsan"), run("plain", text="stress")]
    got += [run(config, tier) for tier in ("landing", "all") for config in ("plain", "asan", "tsan")]
    if got != ["abce", "a", "ab", "c", "abcde", "acd", "abcd", "abcdef", "acdf", "abcdf"]:
        return got
    options = types.SimpleNamespace(all=False, landing=False, filter="", config=["plain", "asan"])
    said = [run_tests.not_run(given, options) for given in (tests, tests[:2], None)]
    options.landing = True
    said += [run_tests.not_run(given, options) for given in (tests, tests[:5])]
    return None if said == ["not run: 2 targets plain, 3 targets asan, which ./weft test --all runs, too", "", "",
                            "not run: 1 targets plain, 1 targets asan, which ./weft test --all runs, too", ""] else said


def lists_without_a_build():
    done = weft("test", "--list", "--config", "plain")
    good = done.returncode == 0 and "plain //tools:cli_test\n" in done.stdout and "//check/mutants" not in done.stdout and "building" not in done.stderr
    return None if good else done


CHANGES = [
    ("stale_nothing", ":", False),
    ("stale_edit", "echo x >> base/a.c", True),
    ("stale_edit_same_time", "touch -r base/a.c t; echo x > base/a.c; touch -r t base/a.c; rm t", True),
    ("stale_untracked_edit", "echo x >> base/c.c", True),
    ("stale_delete", "rm base/b.h", True),
    ("stale_delete_untracked", "rm base/c.c", True),
    ("stale_new_file", "echo x > base/d.c", True),
    ("stale_mode", "chmod +x base/a.c", True),
    ("stale_user_rc", "echo build > .bazelrc.user", True),
    ("stale_report", "echo x > report.json", False),
    ("stale_ignored", "echo x > .weft/stamp", False),
    ("stale_commit", "git -c user.name=x -c user.email=x commit -qm x", False),
]


def main():
    everything = [(name, lambda f=function, a=rest: f(*a)) for name, function, *rest in ARGUMENTS]
    everything += [("names_packages", names_packages), ("says_how_much_comes", plans),
                   ("one_version", one_version), ("counts_what_is_done", counts_what_is_done), ("what_runs", what_runs),
                   ("lists_without_a_build", lists_without_a_build), ("tells_what_failed", tells_what_failed),
                   ("installs_as_root", lambda: installs(root=True, sudo=False)),
                   ("installs_with_sudo", lambda: installs(root=False, sudo=True))]
    everything += [(name, lambda a=rest: judged(*a)) for name, *rest in JUDGEMENTS]
    everything += [("run_pass", lambda: ran("test -d $TEST_TMPDIR", (1, 0), "")),
                   ("run_fail", lambda: ran("exit 3", (0, 1), "exit status 3")),
                   ("run_signal", lambda: ran("kill -SEGV $$", (0, 1), "SIGSEGV")),
                   ("run_time_limit", lambda: ran("sleep 60 & sleep 60", (0, 1), "time limit of 1 s"))]
    everything += [(name, lambda c=change, e=expected: None if stale(c) == e else "it is %s" % (not e))
                   for name, change, expected in CHANGES]
    return cases.run(everything)


if __name__ == "__main__":
    sys.exit(main())
