# shellcheck shell=bash
# verb: write the library as one header, dist/weft.h

amalgamate_help() {
    cat <<'TEXT'
usage: ./weft amalgamate [FILE]

Writes the whole library as one header and prints where it is. How to use it stands at its head.

  FILE      default: dist/weft.h in this checkout
  --help    this text
TEXT
}

verb_main() {
    case ${1-} in
        -h | --help)
            amalgamate_help
            exit 0 ;;
        -*) usage_error "amalgamate: unknown flag '$1'; expected a FILE or --help" ;;
    esac
    [ $# -le 1 ] || usage_error "amalgamate expects one FILE at most"
    local out=${1-$WEFT_ROOT/dist/weft.h}
    [ $# -gt 0 ] || mkdir -p "$WEFT_ROOT/dist"
    [ -n "$out" ] && [ -d "$(dirname "$out")" ] && [ ! -d "$out" ] || usage_error "amalgamate expects a file that can be written, not '$out'"
    need_packages amalgamate
    exec python3 -B "$CLI/amalgamate.py" "$out"
}
