"""The macros that every BUILD file of this repository uses."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

# For our own code only, not for system headers.
WEFT_COPTS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
]

def weft_library(name, deps = [], **kwargs):
    """One directory of the library: every .c in it, every .h as <weft/DIRECTORY/X.h>.

    include_prefix (and not `includes`, which becomes -isystem) keeps the
    warnings of our own headers visible. `deps` enforces the dependencies of
    the design: what is not named there cannot be included.

    Args:
      name: the name of the directory
      deps: the lower directories
      **kwargs: as for cc_library
    """
    cc_library(
        name = name,
        srcs = native.glob(["*.c"]),
        hdrs = native.glob(["*.h"]),
        copts = WEFT_COPTS,
        include_prefix = "weft/" + native.package_name(),
        linkopts = ["-pthread"],
        linkstatic = True,
        visibility = ["//visibility:public"],
        deps = deps,
        **kwargs
    )

    cc_library(
        name = "headers",
        hdrs = native.glob(["*.h"]),
        include_prefix = "weft/" + native.package_name(),
        visibility = ["//visibility:public"],
        deps = [dep + ":headers" for dep in deps],
    )

    native.filegroup(
        name = "sources",
        srcs = native.glob(["*.c"]),
        visibility = ["//visibility:public"],
    )

    weft_files()

def weft_files():
    """Defines `:files`, the sources of a directory, for the lint and the tests that run a compiler themselves."""
    native.filegroup(
        name = "files",
        srcs = native.glob(["BUILD", "*.bzl", "**/*.c", "**/*.cc", "**/*.h", "**/*.hpp", "**/*.py"], allow_empty = True),
        visibility = ["//visibility:public"],
    )

def weft_binary(name, srcs, deps = [], copts = [], **kwargs):
    """A program of ours, compiled with our warnings.

    Args:
      name: the program
      srcs: its .c, .cc and private .h files
      deps: what it uses; add //third_party:jemalloc for that allocator
      copts: added after WEFT_COPTS
      **kwargs: as for cc_binary
    """
    cc_binary(
        name = name,
        srcs = srcs,
        copts = WEFT_COPTS + copts,
        linkopts = ["-pthread"],
        deps = deps,
        **kwargs
    )

def weft_test(name, srcs, deps = [], size = "small", tags = [], copts = [], **kwargs):
    """A cmocka test. ./weft test finds it and runs it plain, under asan and under tsan.

    Args:
      name: the test, by custom X_test
      srcs: its files
      deps: the library's directories that it uses; cmocka is added
      size: small, medium, large: a time limit of 1, 5, 15 minutes (three times that under sanitizers)
      tags: "exclusive" runs alone; "long" runs only in ./weft test --landing and --all (also needed for packages of test-all in
        tools/packages); "slow", beside "long", only in --all;
        "no-asan", "no-tsan" leave a configuration out; "plain-only" is for tests that contain no code of ours to instrument
      copts: added after WEFT_COPTS
      **kwargs: as for cc_test
    """
    cc_test(
        name = name,
        srcs = srcs,
        size = size,
        tags = tags,
        copts = WEFT_COPTS + copts,
        linkopts = ["-pthread"],
        deps = deps + ["//third_party:cmocka"],
        **kwargs
    )

def weft_script_test(name, src, args = [], data = [], size = "small", tags = []):
    """A test that is a script (bash or Python 3, by its first line). It runs in the plain configuration only.

    Args:
      name: the test
      src: the script
      args: its arguments; $(location X) is expanded
      data: the files it reads
      size: as for weft_test
      tags: as for weft_test
    """
    native.sh_test(
        name = name,
        srcs = [src],
        args = args,
        data = data,
        size = size,
        tags = tags + ["plain-only", "no-asan", "no-tsan"],
    )

LIBRARY = [
    "base",
    "reclaim",
    "queues",
    "stacks",
    "hashmap",
]

LIBRARY_HEADERS = ["//%s:headers" % directory for directory in LIBRARY]
LIBRARY_SOURCES = ["//%s:sources" % directory for directory in LIBRARY]

# All files of the library, for the lint and the tests that run a compiler themselves.
LIBRARY_FILES = ["//%s:files" % directory for directory in LIBRARY]

# How the library is built for tests that delay threads inside operations.
PARKED_COPTS = [
    "-DWEFT_SEAM=\\\"check/history/park_seam.h\\\"",
    "-DWEFT_BATCH=8",
    "-DWEFT_MAP_FIRST_BITS=2",
    "-DWEFT_MAP_CLOSE=2",
    "-DWEFT_MAP_OPEN=2",
    "-DWEFT_TABLE_INLINE=1",
    "-DWEFT_TABLE_STEP=1",
]

# How the library is built for the model checker: sizes that make loops long are as small as possible.
MODEL_COPTS = [
    "-DWEFT_SEAM=\\\"tests/cases/seam.h\\\"",
    "-DWEFT_I_ASAN=MODEL_GIVES_BACK",
    "-DWEFT_BATCH=1",
    "-DWEFT_CACHE=1",
    "-DWEFT_HINTS=2",
    "-DWEFT_MAP_CLOSE=1",
    "-DWEFT_MAP_FIRST_BITS=1",
    "-DWEFT_MAP_OPEN=1",
    "-DWEFT_MAP_STRIPES=1",
    "-DWEFT_SCAN_BLOOM=1",
    "-DWEFT_SCAN_WORDS=16",
    "-DWEFT_SEALED=2",
    "-DWEFT_SLOTS=2",
    "-DWEFT_SLOTS_STEP=1",
    "-DWEFT_TABLE_INLINE=1",
    "-DWEFT_TABLE_SLOTS=3",
    "-DWEFT_TABLE_SPARSE=1",
    "-DWEFT_TABLE_STEP=1",
    "-DWEFT_TABLE_STRIPES=1",
    "-DWEFT_TABLE_STRIPES_FROM=2",
]
