# shellcheck shell=bash
# verb: threads held up inside operations, every history checked, for as long as wanted
#
# The arguments belong to the program //tests/linear:weft-soak, --help and every error included.

verb_main() {
    need_packages soak
    exec python3 -B "$CLI/run_binary.py" soak //tests/linear:weft-soak "$@"
}
