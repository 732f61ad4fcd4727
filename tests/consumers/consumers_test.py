#!/usr/bin/env python3
"""Every way to use Weft in a user's build: each in a directory of its own outside the tree, against the sources, or against
what ./weft install puts below a prefix with a space in it."""

import glob
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from consumer import HERE, ROOT, WARNINGS, Failed, Place, run, run_steps, says, shown, write  # noqa: E402
import install  # noqa: E402
import library  # noqa: E402
import symbols  # noqa: E402

LEAST_EXAMPLES = 7
CXX_PROGRAM = """#include <cstdio>
#include <weft/weft.hpp>
int main()
{
    weft::ms_queue<int> queue;
    queue.enqueue(1);
    return queue.try_dequeue().value_or(0) == 1 && std::printf("woven %s\\n", weft_version_string()) > 0 ? 0 : 1;
}
"""


def tree(root):
    """All files below, by name: mode, a link's target, content."""
    found = {}
    for path in (os.path.join(where, name) for where, _, names in os.walk(root) for name in names):
        with open(path, "rb") as file:
            found[os.path.relpath(path, root)] = (os.stat(path).st_mode, os.path.islink(path) and os.readlink(path), file.read())
    return found


class Consumers(Place):
    def __init__(self, folder):
        super().__init__(folder)
        self.prefix = os.path.join(folder, "pre fix")
        self.library = os.path.join(self.prefix, "lib")
        self.pkg_config = {"PKG_CONFIG_PATH": os.path.join(self.library, "pkgconfig"), "LD_LIBRARY_PATH": self.library}

    # ---- installed ----

    def files(self):
        return {os.path.relpath(os.path.join(where, name), self.prefix) for where, _, names in os.walk(self.prefix) for name in names}

    def install(self):
        """As ./weft install does it, but built once. An installation that fails half-way leaves all as it was."""
        made = install.build(self.prefix)
        install.build = lambda _: list(made)
        put, count = install.put_beside, len(made) + 1

        def breaks_off(at):
            left = [at]

            def put_or_not(*arguments):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(28, "No space left on device", arguments[1])
                put(*arguments)
            install.put_beside = put_or_not
            try:
                install.install(self.prefix, self.prefix)
                raise Failed("no room, and it went on")
            except SystemExit as error:
                if error.code != 2:
                    raise Failed("exit status %s" % error.code) from error
            finally:
                install.put_beside = put

        os.makedirs(os.path.join(self.prefix, "share/man"))  # was there before, and stays
        for at in (0, 5, count - 1):
            breaks_off(at)
            if self.files():
                raise Failed("half of it is there: %s" % self.files())
            if os.listdir(self.prefix) != ["share"] or os.listdir(self.prefix + "/share") != ["man"]:
                raise Failed("directories are left over")
        install.install(self.prefix, self.prefix)
        whole = self.files()
        if len(whole) != count:
            raise Failed("%d of %d files" % (len(whole), count))
        write(os.path.join(self.prefix, "include/weft/old/old.h"), "")
        write(os.path.join(self.prefix, "include/other.h"), "")
        with open(os.path.join(self.prefix, install.MANIFEST), "a", encoding="utf-8") as manifest:
            manifest.write("include/weft/old/old.h\ninclude/weft/old/\n")
        older = self.files()
        breaks_off(7)
        if self.files() != older:
            raise Failed("the older version is not as it was: %s" % (self.files() ^ older))
        install.install(self.prefix, self.prefix)
        if self.files() != whole | {"include/other.h"} or os.path.exists(self.prefix + "/include/weft/old"):
            raise Failed("installed over an older version: %s" % (self.files() ^ whole))
        install.uninstall(self.prefix, self.prefix)
        if self.files() != {"include/other.h"} or set(os.listdir(self.prefix)) != {"include", "share"}:
            raise Failed("uninstalled: %s, %s" % (self.files(), os.listdir(self.prefix)))
        install.install(self.prefix, self.prefix)

    def cmake_install(self):
        """The same files, built elsewhere by CMake alone."""
        where = self.place("cmake-install")
        run(shown("sh", "cmake --install").replace("-S .", '-S "$WEFT"').replace("/usr/local", '"$PREFIX"'), where, True, WEFT=ROOT,
            PREFIX=self.prefix, DESTDIR=where + "/root", CMAKE_BUILD_PARALLEL_LEVEL="2")
        ours, cmakes = tree(self.prefix), tree(where + "/root" + self.prefix)
        del ours[install.MANIFEST], ours["include/other.h"]  # the list for ./weft uninstall, and a file of this test
        for one in (ours, cmakes):
            for library_file in [name for name in one if name.startswith("lib/libweft.")]:
                one[library_file] = one[library_file][:2]  # it contains the directory in which it was compiled
        if ours != cmakes:
            raise Failed("not the same: %s" % [name for name in sorted(set(ours) | set(cmakes)) if ours.get(name) != cmakes.get(name)])
        headers = {name[len("include/weft/"):] for name in ours if name.startswith("include/weft/")}
        if headers != set(library.public_headers(ROOT)) | {"weft.hpp"}:
            raise Failed("headers: %s" % sorted(headers))

    def reference(self):
        """Doxygen has no warnings about the comments, and each function has a page."""
        where = self.place("reference")
        said = run([os.path.join(ROOT, "tools/docs/reference.py"), "made"], where)
        if said:
            raise Failed(said.decode())
        missing = [name for name in symbols.declared(ROOT) if not name.startswith("weft_i_")
                   and not os.path.exists("%s/share/man/man3/%s.3" % (self.prefix, name))]
        if missing or not os.path.exists(self.prefix + "/share/doc/weft/reference/index.html"):
            raise Failed("no page for %s" % missing)

    def pkg_config_shared(self):
        where = self.place("pc-shared", "program.c")
        run("eval " + shown("sh", "--cflags --libs weft"), where, True, **self.pkg_config)
        says(run(["./program"], where, **self.pkg_config))
        if b"libweft.so.0" not in run(["readelf", "-d", "program"], where):
            raise Failed("it is not linked with libweft.so.0")

    def pkg_config_static(self):
        where = self.place("pc-static", "program.c")
        command = shown("sh", "libweft.a").replace("/usr/local/lib/libweft.a", '"\'%s/libweft.a\'"' % self.library)
        run("eval " + command, where, True, **self.pkg_config)
        says(run(["./program"], where))
        run("eval cc -std=c11 -static program.c -o alone $(pkg-config --static --cflags --libs weft)", where, True, **self.pkg_config)
        says(run(["./alone"], where))

    def cmake(self, name, lists, fails=False, language="C", **definitions):
        where = self.place(name, "program.c")
        write(os.path.join(where, "program.cc"), CXX_PROGRAM)
        program = {"C": "program.c", "CXX": "program.cc"}[language]
        write(os.path.join(where, "CMakeLists.txt"),
              "cmake_minimum_required(VERSION 3.14)\nproject(consumer LANGUAGES %s)\nadd_executable(program %s)\n%s\n" % (language, program, lists))
        run(["cmake", "-S", ".", "-B", "build"] + ["-D%s=%s" % pair for pair in definitions.items()], where, fails=fails)
        if not fails:
            run(["cmake", "--build", "build"], where)
            says(run(["build/program"], where))

    def cmake_find(self):
        for language in ("C", "CXX"):
            self.cmake("cmake-find-" + language, shown("cmake", "find_package"), language=language, CMAKE_PREFIX_PATH=self.prefix)

    def cmake_find_static(self):
        self.cmake("cmake-static", shown("cmake", "find_package").replace("weft::weft", "weft::static"), CMAKE_PREFIX_PATH=self.prefix)

    def cmake_find_newer(self):
        self.cmake("cmake-newer", "find_package(weft 0.99 REQUIRED)", fails=True, CMAKE_PREFIX_PATH=self.prefix)
        self.cmake("cmake-major", "find_package(weft 1.0 REQUIRED)", fails=True, CMAKE_PREFIX_PATH=self.prefix)

    def cmake_subdirectory(self):
        for name, language in (("cmake-sub", "C"), ("cmake-sub-cxx", "CXX")):
            os.makedirs(os.path.join(self.folder, name, "third_party"))
            os.symlink(ROOT, os.path.join(self.folder, name, "third_party/weft"))
            self.cmake(name, shown("cmake", "add_subdirectory"), language=language)
            if b"weft" in run(["readelf", "-d", "build/program"], os.path.join(self.folder, name)):
                raise Failed("not linked with the static library")

    def cmake_fetch(self):
        for language in ("C", "CXX"):
            self.cmake("cmake-fetch-" + language, shown("cmake", "FetchContent").replace("/path/to/weft", '"%s"' % ROOT), language=language,
                       BUILD_SHARED_LIBS="ON")
            if b"libweft.so.0" not in run(["readelf", "-d", "build/program"], os.path.join(self.folder, "cmake-fetch-" + language)):
                raise Failed("not linked with the shared library")

    def meson(self):
        where = self.place("meson", "program.c")
        write(os.path.join(where, "meson.build"), "project('consumer', 'c', default_options: ['c_std=c11'])\n"
              + shown("meson", "dependency") + "\n")
        run(["meson", "setup", "build"], where, **self.pkg_config)
        run(["meson", "compile", "-C", "build"], where)
        says(run(["build/program"], where, **self.pkg_config))

    def bazel(self):
        where = self.place("bazel", "program.c")
        write(os.path.join(where, "WORKSPACE"), shown("starlark", "local_repository").replace("/path/to/weft", ROOT))
        write(os.path.join(where, "BUILD"), shown("starlark", "cc_binary"))
        bazel = ["bazel", "--output_user_root=" + os.path.join(self.folder, "bazel-out"), "--max_idle_secs=5"]
        run(bazel + ["build", "--repository_cache=", "//:program"], where)
        says(run(["bazel-bin/program"], where))
        run(bazel + ["shutdown"], where)
        run(["chmod", "-R", "u+w", os.path.join(self.folder, "bazel-out")])

    def cxx(self):
        for number, compiler in enumerate(("g++", "clang++")):
            where = self.place("cxx%d" % number, "wrappers.cc")
            run("eval %s -std=c++17 %s wrappers.cc -o program $(pkg-config --cflags --libs weft) -pthread" % (compiler, " ".join(WARNINGS)),
                where, True, **self.pkg_config)
            run(["./program"], where, **self.pkg_config)
        for wrong in range(1, 15):
            said = run("eval g++ -std=c++17 -DWRONG=%d -fsyntax-only wrappers.cc $(pkg-config --cflags weft)" % wrong, where, True, fails=True,
                       **self.pkg_config)
            if b"static assertion failed: weft: " not in said:
                raise Failed("WRONG=%d: nothing of ours is said:\n%s" % (wrong, said.decode()))

    def cxx_is_as_fast(self):
        """For a word-sized type the wrapper calls the C function and does nothing else with the value."""
        where = self.place("assembly")
        write(os.path.join(where, "a.cc"), "#include <weft/weft.hpp>\n"
              'extern "C" bool wrapped(weft::ms_queue<long> &q, long &v) { auto r = q.try_dequeue(); if (r) v = *r; return bool(r); }\n'
              'extern "C" bool plain(weft_msq *q, long &v) { void *p; bool r = weft_msq_try_dequeue(q, &p); if (r) v = (long)p; return r; }\n'
              'extern "C" void wrapped_put(weft::ms_queue<long> &q, long v) { q.enqueue(v); }\n')
        run("eval g++ -std=c++17 -O2 -fcf-protection=none -c a.cc $(pkg-config --cflags weft)", where, True, **self.pkg_config)
        listing = run(["objdump", "-dr", "--no-show-raw-insn", "a.o"], where).decode()
        bodies = {name: body for name, body in re.findall(r"<(wrapped|plain|wrapped_put)>:\n(.*?)(?:\n\n|\Z)", listing, re.DOTALL)}
        lengths = {name: len([line for line in body.split("\n") if re.match(r"\s+[0-9a-f]+:\t(?!nop|cs nop|xchg   %ax,%ax)", line)])
                   for name, body in bodies.items()}
        calls = re.findall(r"R_X86_64_PL\w+\s+(\w+)", bodies["wrapped_put"])
        if lengths["wrapped"] > lengths["plain"] + 3 or calls[0] != "weft_msq_enqueue" or "_Znwm" in calls:
            raise Failed("%s\n%s" % (lengths, listing))

    def typed(self):
        where = self.place("typed", "typed.c")
        command = "eval %s -std=%s %s typed.c -o program $(pkg-config --cflags --libs weft)"
        for compiler, standard in (("gcc", "c11"), ("gcc", "gnu11"), ("gcc", "c17"), ("clang", "c11")):
            run(command % (compiler, standard, " ".join(WARNINGS)), where, True, **self.pkg_config)
            run(["./program"], where, **self.pkg_config)
        for wrong in range(1, 12):
            run(command % ("gcc", "c11", "-Werror -DWRONG=%d" % wrong), where, True, fails=True, **self.pkg_config)

    def plugin(self):
        where = self.place("plugin", "plugin.c", "host.c")
        run("eval cc -std=c11 -fPIC -shared plugin.c -o plugin.so $(pkg-config --cflags --libs weft)", where, True, **self.pkg_config)
        run("cc -std=gnu11 host.c -o host -pthread", where, True)
        run(["./host", "./plugin.so"], where, **self.pkg_config)
        # embedded into the plugin
        run('eval cc -std=c11 -fPIC -shared plugin.c -o own.so $(pkg-config --cflags weft) "\'%s/libweft.a\'" -pthread' %
            self.library, where, True, **self.pkg_config)
        run(["./host", "./own.so"], where)

    def debug(self):
        """With -DWEFT_DEBUG, misuse of a guard ends the program with a reason; correct use does not."""
        where = self.place("debug", "misuse.c")
        run("eval cc -std=c11 -DWEFT_DEBUG misuse.c -o misuse $(pkg-config --cflags --libs weft) -pthread", where, True, **self.pkg_config)
        run(["./misuse", "nothing"], where, **self.pkg_config)
        for what, expected in (("twice", b"left already"), ("late", b"left already"), ("elsewhere", b"did not enter it"),
                               ("elsewhere-epoch", b"did not enter it")):
            said = run(["./misuse", what], where, fails=True, **self.pkg_config)
            if expected not in said:
                raise Failed("%s: %r" % (what, said))

    def debian(self):
        """The unpacked packages in place of an installation."""
        where = self.place("debian", "program.c")
        made = run([os.path.join(ROOT, "weft"), "package", where], where).decode()
        for package in glob.glob(where + "/*.deb"):
            run(["dpkg-deb", "-x", package, where], where)
        if not all("/%s_" % name in made for name in ("libweft0", "libweft-dev", "libweft0-dbgsym")):
            raise Failed(made)
        run("cc -std=c11 program.c -o program -Iusr/include -Lusr/lib -lweft", where, True)
        says(run(["./program"], where, LD_LIBRARY_PATH=where + "/usr/lib"))
        for file in ("share/man/man3/weft_msq_enqueue.3.gz", "share/weft/weft.supp", "lib/pkgconfig/weft.pc", "lib/cmake/weft/weft-config.cmake",
                     "share/gdb/auto-load/usr/lib/%s-gdb.py" % os.path.basename(os.path.realpath(where + "/usr/lib/libweft.so"))):
            if not os.path.exists(os.path.join(where, "usr", file)):
                raise Failed("usr/%s is not there" % file)

    def gdb(self):
        """gdb finds the printers by itself, and they show what is inside."""
        where = self.place("gdb", "debugged.c")
        run("eval cc -std=c11 -g -O0 debugged.c -o debugged $(pkg-config --cflags --libs weft) -pthread", where, True, **self.pkg_config)
        commands = ["set auto-load safe-path /", "add-auto-load-scripts-directory " + self.prefix + "/share/gdb/auto-load", "set print elements 10"]
        prints = ["break stop_here", "run", "up", "print *queue", "print *segments",
                  "print *ring", "print *shared", "print *pool", "print *box", "print *deque", "print *stack", "print *map", "print *table", "print *domain",
                  "print guard"]
        said = run(["gdb", "-batch", "-nx"] + [word for line in commands for word in ("-iex", line)] +
                   [word for line in prints for word in ("-ex", line)] + ["./debugged"], where, **self.pkg_config).decode()
        for expected in (r"weft_msq under hazard pointers, oldest first = \{0x100, 0x200, 0x300\}",
                         r"weft_segq under hazard pointers, oldest first, closed = \{0x200, 0x300\}",
                         r"weft_spsc of 3 elements of 4 bytes, oldest first = \{3, 4, 5\}",
                         r"weft_ring of 4 elements of 4 bytes, oldest first = \{3, 4, 5, 6\}",
                         r"weft_ring of 3 elements of 3 bytes, oldest first = \{\"64 65 66\", \"67 68 69\"\}",
                         r"weft_mailbox, oldest first = \{0x\w+ <mail\+8>, 0x\w+ <mail\+16>\}",
                         r"weft_deque under hazard pointers, oldest first = \{0x200, 0x300\}",
                         r"weft_treiber under epochs, from the top down = \{0x300, 0x200, 0x100\}",
                         r"weft_map under hazard pointers, 2 entries in 16 buckets, load 0.12 = \{\[0x\w+ \"w\w+\"\] = 0x[12]0",
                         r"weft_table under hazard pointers, 4 entries in 4 buckets, load 1.00 = \{(?=.*\[%d\] = 0x400\b)" % (4 << 61),
                         r"weft_domain of epochs, 1 objects pending = \{guard 0 = thread \d+, epoch \d+\}", r"weft_guard, epoch \d+"):
            if not re.search(expected, said):
                raise Failed("expected %s in\n%s" % (expected, said))

    def valgrind(self):
        """With the file of suppressions valgrind reports nothing, and without it something. After weft_shutdown no memory is left."""
        where = self.place("valgrind", "watched.c")
        build = "eval cc -std=c11 -g -O2 %s watched.c '%s/tests/support/containers.c' -iquote '%s' " % (" ".join(WARNINGS), ROOT, ROOT)
        run(build + "-o shared $(pkg-config --cflags --libs weft) -pthread", where, True, **self.pkg_config)
        run(build + '-o static $(pkg-config --cflags weft) "\'%s/libweft.a\'" -pthread' % self.library, where, True, **self.pkg_config)
        suppressed = "/usr/local/share/weft/weft.supp"

        def errors(command):
            command = command.replace(suppressed, "'%s/share/weft/weft.supp'" % self.prefix).replace(
                "--leak-check", "--errors-for-leak-kinds=all --leak-check", 1)
            said = run(command, where, True, **self.pkg_config)
            says(said)
            return int(re.search(rb"ERROR SUMMARY: (\d+) errors", said).group(1))

        for program in ("./shared", "./static"):
            memcheck = shown("sh", "--leak-check", "docs/faq.md").replace("./program", program)
            for command in (memcheck + " keep", shown("sh", "--tool=helgrind", "docs/faq.md").replace("./program", program)):
                if errors(command) or not errors(command.replace("--suppressions=" + suppressed, "")):
                    raise Failed(command)
            if errors(memcheck.replace("--suppressions=" + suppressed, "")):
                raise Failed("%s: something is left after weft_shutdown" % program)

    def examples(self):
        where = self.place("examples")
        names = sorted(glob.glob(os.path.join(ROOT, "examples/*.c")))
        if len(names) < LEAST_EXAMPLES:
            raise Failed("only %d examples" % len(names))
        for example in names:
            with open(example, encoding="utf-8") as file:
                if len(file.readlines()) >= 150:
                    raise Failed("%s has 150 lines or more" % example)
            run('eval cc -std=c11 -O2 %s "%s" -o program $(pkg-config --cflags --libs weft) -pthread' % (" ".join(WARNINGS), example), where, True,
                **self.pkg_config)
            if not run(["./program"], where, **self.pkg_config):
                raise Failed("%s prints nothing" % example)

    def exported(self):
        """The library exports what the headers declare, in the same versions. tests/headers checks the list between them."""
        lines = run(["nm", "-D", "--defined-only", os.path.join(self.library, "libweft.so")]).decode().split("\n")
        found = {line.split()[-1] for line in lines if line and not re.search(r" WEFT_[\d.]+$", line)}
        declared = {"%s@@WEFT_%s" % pair for pair in symbols.declared(ROOT).items()}
        if found != declared:
            raise Failed("declared, not exported: %s; exported, not declared: %s" % (declared - found, found - declared))

    # ---- the sources ----

    def sources_as_they_are(self):
        where = self.place("sources", "program.c")
        os.symlink(ROOT, os.path.join(where, "weft"))
        run(shown("sh", "weft/base/*.c"), where, True)
        says(run(["./program"], where))

    def thread_sanitizer(self):
        where = self.place("tsan")
        os.symlink(ROOT, os.path.join(where, "weft"))
        shutil.copy(os.path.join(ROOT, "examples/hand_off.c"), os.path.join(where, "program.c"))
        run(shown("sh", "-fsanitize=thread", "docs/faq.md"), where, True)
        run(["setarch", "-R", "./program"], where, TSAN_OPTIONS="halt_on_error=1")

    def one_unit(self):
        where = self.place("unit", "program.c")
        os.symlink(ROOT, os.path.join(where, "weft"))
        for turn, sources in enumerate((library.sources(ROOT), library.sources(ROOT)[::-1])):
            write(os.path.join(where, "all.c"), "".join('#include "%s"\n' % source for source in sources))
            for compiler in ("gcc", "clang"):
                run([compiler, "-std=c11", "-O2"] + WARNINGS + ["-I.", "all.c", "program.c", "-o", "program", "-pthread"], where)
                says(run(["./program"], where))


def main():
    with tempfile.TemporaryDirectory() as folder:
        c = Consumers(folder)
        return run_steps(c.install, c.cmake_install, c.reference, c.pkg_config_shared, c.pkg_config_static, c.cmake_find, c.cmake_find_static,
                         c.cmake_find_newer, c.cmake_subdirectory, c.cmake_fetch, c.meson, c.bazel, c.cxx, c.cxx_is_as_fast, c.typed, c.plugin,
                         c.debug, c.debian, c.gdb, c.valgrind, c.examples, c.exported, c.sources_as_they_are, c.thread_sanitizer, c.one_unit)


if __name__ == "__main__":
    sys.exit(main())
