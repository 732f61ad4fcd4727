# shellcheck shell=bash
# verb: the real kernels under a model checker: every interleaving, every weak-memory behaviour of small cases
#
# The program //tests/cases:weft-model handles the arguments and their errors.

verb_main() {
    wants_help "$@" && help_of tests/cases/model.c
    [ "$*" != --list ] || list_of model
    known_flags tests/cases/model.c "$@"
    need_packages model
    exec python3 -B "$CLI/run_binary.py" model //tests/cases:weft-model "$@"
}
