# shellcheck shell=bash
# verb: write the library as one header, dist/weft.h, again

amalgamate_help() {
    cat <<'TEXT'
usage: ./weft amalgamate [FILE]

Writes the whole library as one header and prints where it is. How to use it stands at its head. dist/weft.h is in the
repository: this is for those who change the library. Needs python3 and installs nothing.

  FILE      default: dist/weft.h in this checkout
  --help    this text
TEXT
}

verb_main() {
    case ${1-} in
        -h | --help)
            amalgamate_help
            exit 0
            ;;
        -*) usage_error "amalgamate: unknown flag '$1'; expected a FILE or --help" ;;
    esac
    [ $# -le 1 ] || usage_error "amalgamate expects one FILE at most"
    local out=${1-$WEFT_ROOT/dist/weft.h}
    [ -n "$out" ] && [ -d "$(dirname "$out")" ] && [ ! -d "$out" ] || usage_error "amalgamate expects a file that can be written, not '$out'"
    command -v python3 >/dev/null || usage_error "amalgamate needs python3, which is not there"
    exec python3 -B "$WEFT_ROOT/tools/install/amalgamate.py" "$out"
}
