# shellcheck shell=bash
# verb: build and install headers, libraries, pkg-config, CMake package, man pages, gdb's printers

install_help() {
    cat <<'TEXT'
usage: ./weft install [--prefix P] [--destdir D]

Builds the library and installs it below P. Needs a C compiler ($CC, or cc), CMake and python3, and where they are
there installs no package. cmake --install installs the same files, without the list.

  include/weft/          the public headers, and weft.hpp for C++
  lib/                   libweft.a, libweft.so
  lib/pkgconfig/weft.pc  pkg-config --cflags --libs weft
  lib/cmake/weft/        find_package(weft), target weft::weft (shared) or weft::static
  share/man/man3/        a page for each header and function, if doxygen is there
  share/doc/weft/        the same as a site: reference/index.html; licence, changes
  share/gdb/auto-load/   what gdb prints queues, stacks, maps and domains with
  share/weft/weft.supp   for valgrind --suppressions=
  share/weft/installed   the list of it all, for ./weft uninstall

What an older version had installed there and this one does not have is removed. Should anything go wrong,
nothing has changed.

  --prefix P     default /usr/local
  --destdir D    write below D/P, for packages; the files still know themselves below P
  --help         this text
TEXT
}

verb_main() {
    if wants_help "$@"; then
        install_help
        exit 0
    fi
    # reports wrong arguments before any package is installed
    ! command -v python3 >/dev/null || python3 -B "$CLI/install.py" check "$@" || exit
    command -v cmake >/dev/null && command -v python3 >/dev/null && command -v "${CC:-cc}" >/dev/null || need_packages install
    exec python3 -B "$CLI/install.py" install "$@"
}
