# shellcheck shell=bash
# verb: make the Debian packages libweft0 and libweft-dev

package_help() {
    cat <<'TEXT'
usage: ./weft package [DIRECTORY]

Builds libweft0 (the shared library) and libweft-dev (headers, static library, pkg-config, CMake, manual pages, gdb's
printers) and libweft0-dbgsym (what gdb needs to know) with debhelper, has lintian look at them, and prints where they
are. Not signed.

  DIRECTORY    where to put them; default: dist/ in this checkout
  --help       this text
TEXT
}

verb_main() {
    case ${1-} in
        -h | --help)
            package_help
            exit 0
            ;;
        -*) usage_error "package: unknown flag '$1'; expected a DIRECTORY or --help" ;;
    esac
    [ $# -le 1 ] || usage_error "package expects one DIRECTORY at most"
    local out=${1-$WEFT_ROOT/dist}
    [ $# -gt 0 ] || mkdir -p "$out"
    [ -d "$out" ] && [ -w "$out" ] || usage_error "package expects a directory that can be written, not '$out'"
    need_packages package
    exec python3 -B "$CLI/package.py" "$out"
}
