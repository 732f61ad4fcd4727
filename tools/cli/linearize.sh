# shellcheck shell=bash
# verb: check recorded histories (JSON lines) for linearizability, ours or another library's
#
# The arguments belong to the program //tests/linear:weft-linearize, every error included.

verb_main() {
    wants_help "$@" && help_of tests/linear/linearize.c
    known_flags tests/linear/linearize.c "$@"
    need_packages linearize
    exec python3 -B "$CLI/run_binary.py" linearize //tests/linear:weft-linearize "$@"
}
