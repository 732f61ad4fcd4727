"""The part of ./weft that calls Bazel, and decides whether a build is up to date.

A cold Bazel server needs over three seconds to find that nothing changed. So each build leaves a
stamp in .weft/: a fingerprint of every file that it could have read, of the compiler and libraries, and
of its outputs. While all of these are unchanged, Bazel is not called.
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree

import mirror

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import whole  # noqa: E402

ROOT = os.environ["WEFT_ROOT"]
STATE = os.path.join(ROOT if os.access(ROOT, os.W_OK) else mirror.place(ROOT), ".weft")
CONFIGS = {"plain": [], "asan": ["--config=asan"], "tsan": ["--config=tsan"]}

# Packages whose versions influence the outputs of a compilation.
TOOLCHAIN = ("bazel-bootstrap*", "binutils", "clang-1*", "cpp-*", "g++-*", "gcc-*", "libc6-dev", "libgcc-*-dev",
             "libstdc++-*-dev", "linux-libc-dev", "libck-dev", "libcmocka-dev", "libjemalloc-dev", "liburcu-dev")


def say(message):
    print("weft: " + message, file=sys.stderr, flush=True)


def output_of(*command):
    """Standard output of a command; empty if the command does not exist."""
    try:
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    except OSError:
        return b""


def git(*arguments):
    return output_of("git", "-c", "safe.directory=" + ROOT, *arguments)


def commit():
    """The commit of the tree, with a + if files differ from it; empty outside a checkout."""
    name = git("rev-parse", "--short=12", "HEAD").decode().strip()
    return name + "+" if name and git("status", "--porcelain").strip() else name


def source_files():
    """Every file that a build can read: those that git tracks, and untracked ones that it does not ignore."""
    listed = git("ls-files", "-z", "--cached").decode("utf-8", "surrogateescape").split("\0")
    if len(listed) > 1:
        others = git("ls-files", "-z", "--others", "--exclude-standard").decode("utf-8", "surrogateescape").split("\0")
        # No rule reads a stray file at the top, such as a report the bench has just written there.
        listed += [name for name in others if "/" in name or name.endswith((".md", ".bazel", "BUILD", "WORKSPACE"))]
        return sorted(set(name for name in listed if name)) + [".bazelrc.user"]
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in (".git", ".weft", "__pycache__") and not f.startswith("bazel-")]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return sorted(found)


def state_of(path):
    """A text that changes whenever the file does: the change time (ctime) cannot be set back."""
    try:
        s = os.stat(path)
    except OSError:
        return "absent"
    return "%d %d %d %d %o" % (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode)


def toolchain_key():
    digest = hashlib.sha256(output_of("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *TOOLCHAIN))
    compiler = os.environ.get("CC", "")
    resolved = os.path.realpath(output_of("sh", "-c", 'command -v "${CC:-cc}"').decode().strip() or "none")
    digest.update(("%s %s %s" % (compiler, resolved, state_of(resolved))).encode())
    return digest.hexdigest()[:16]


def fingerprint(arguments):
    digest = hashlib.sha256(json.dumps([ROOT, toolchain_key(), arguments]).encode())
    for name in source_files():
        digest.update(("%s %s\n" % (name, state_of(os.path.join(ROOT, name)))).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def write_file(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    whole.write(path, text)


def tell_bazel_about_toolchain():
    """Bazel does not watch /usr: passes it the versions in every action's environment (.bazelrc imports this file)."""
    path = os.path.join(mirror.place(ROOT), ".weft/bazelrc")
    text = "# Written by ./weft; see tools/cli/workspace.py.\nbuild --action_env=WEFT_TOOLCHAIN=%s\n" % toolchain_key()
    old = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = file.read()
    if old == text:
        return
    if old is not None:
        say("compiler or libraries changed: everything is built again")
        run_bazel(["sync", "--configure"])
    write_file(path, text)


def need_loopback():
    """Bazel reaches its server over the loopback interface, and tries for ever if that is down."""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            socket.create_connection(server.getsockname(), 2).close()
    except OSError as error:
        say("Bazel needs the loopback interface, and 127.0.0.1 cannot be reached here: %s" % (error.strerror or error))
        sys.exit(2)


def run_bazel(arguments):
    """Runs Bazel with its output on our standard error; on an interrupt, waits for it to stop, then raises the interrupt again."""
    need_loopback()
    child = subprocess.Popen(["bazel"] + arguments, cwd=mirror.place(ROOT), stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
        raise


class Target:
    """A target of a build: label, kind, tags, size; binary: its program or only output, "" if there are several, None if the build failed."""

    def __init__(self, label, kind, tags, size, binary=None):
        self.label, self.kind, self.tags, self.size, self.binary = label, kind, tags, size, binary

    @property
    def is_test(self):
        return self.kind.endswith("_test")


def parse_events(path):
    """The targets in Bazel's event file; None if there is no complete file (the build failed early)."""
    targets, completed = {}, set()
    try:
        with open(path, encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
    except (OSError, ValueError):
        return None
    for event in events:
        if "targetConfigured" in event["id"]:
            label = event["id"]["targetConfigured"]["label"]
            of = event.get("configured", {})
            kind = of.get("targetKind", "broken rule").replace(" rule", "")
            targets[label] = Target(label, kind, of.get("tag", []), of.get("testSize", "SMALL").lower())
        elif "targetCompleted" in event["id"] and event.get("completed", {}).get("success"):
            label = event["id"]["targetCompleted"]["label"]
            completed.add(label)
            name = label[2:].replace(":", "/").lstrip("/")
            for output in event["completed"].get("importantOutput", []):
                if output["name"] == name or len(event["completed"]["importantOutput"]) == 1:
                    targets[label].binary = urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
    for label, target in targets.items():
        if label in completed and target.binary is None:
            target.binary = ""  # built, but has several outputs
    return list(targets.values())


def query_tests():
    """All tests of the checkout, from the BUILD files, without building. None: Bazel could not list them."""
    where = mirror.place(ROOT)
    if where != ROOT:
        mirror.update(ROOT, where, source_files())
    tell_bazel_about_toolchain()
    need_loopback()
    done = subprocess.run(["bazel", "query", "--noshow_progress", "--output=xml", 'kind(".*_test rule", //...) except attr(tags, manual, //...)'],
                          cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return None
    return [Target(rule.get("name"), rule.get("class"), [tag.get("value") for tag in rule.iterfind("list[@name='tags']/string")],
                   "".join(size.get("value") for size in rule.iterfind("string[@name='size']")), "")
            for rule in xml.etree.ElementTree.fromstring(done.stdout).iterfind("rule")]


def build(stamp_name, config, what):
    """Builds the targets, unless the stamp shows that they are up to date.

    Returns (targets, ok). Targets whose build failed have binary None; ok is False if anything failed.
    """
    bazel_arguments = CONFIGS[config] + what
    path = os.path.join(STATE, stamp_name + ".json")
    now = fingerprint(bazel_arguments)
    try:
        with open(path, encoding="utf-8") as file:
            stamp = json.load(file)
        if stamp["fingerprint"] == now and all(state_of(p) == s for p, s in stamp["outputs"].items()):
            return [Target(**fields) for fields in stamp["targets"]], True
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if os.path.exists(path):
        os.unlink(path)
    os.makedirs(STATE, exist_ok=True)
    where = mirror.place(ROOT)
    if where != ROOT:
        mirror.update(ROOT, where, source_files())
    tell_bazel_about_toolchain()
    say("building (%s)" % config if where == ROOT else "building (%s) a copy in %s, since nothing can be built in '%s'" % (config, where, ROOT))
    events = os.path.join(STATE, stamp_name + ".events")
    if os.path.exists(events):
        os.unlink(events)
    status = run_bazel(["build", "--keep_going", "--ui_event_filters=-info,-stdout", "--build_event_json_file=" + events] +
                       bazel_arguments)
    targets = parse_events(events)
    if targets is None:
        return [], False
    if status == 0:
        outputs = {t.binary: state_of(t.binary) for t in targets if t.binary}
        record = {"fingerprint": now, "outputs": outputs, "targets": [vars(t) for t in targets]}
        write_file(path, json.dumps(record, indent=1))
    return targets, status == 0
