# shellcheck shell=bash
# verb: check recorded histories (JSON lines) for linearizability, ours or another library's
#
# The program //check/history:weft-linearize handles the arguments and their errors.

verb_main() {
    wants_help "$@" && help_of check/history/linearize.c
    known_flags check/history/linearize.c "$@"
    need_packages linearize
    exec python3 -B "$CLI/run_binary.py" linearize //check/history:weft-linearize "$@"
}
