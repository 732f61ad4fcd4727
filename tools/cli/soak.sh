# shellcheck shell=bash
# verb: threads held up inside operations, every history checked, for as long as wanted
#
# The arguments belong to the program //tests/linear:weft-soak, every error included; after --lives
# (or --lives-small: a library whose batches and tables are small) to //tests/lives:weft-lives.

verb_main() {
    local argument arguments=() lives=
    for argument in "$@"; do
        case $argument in
            --lives | --lives-small) lives=$argument ;;
            *) arguments+=("$argument") ;;
        esac
    done
    if wants_help "$@"; then
        [ -n "$lives" ] && help_of tests/lives/lives.c
        help_of tests/linear/soak.c
    fi
    need_packages soak
    if [ -n "$lives" ]; then
        exec python3 -B "$CLI/run_binary.py" "soak-${lives#--}" "//tests/lives:weft-${lives#--}" "${arguments[@]}"
    fi
    exec python3 -B "$CLI/run_binary.py" soak //tests/linear:weft-soak "$@"
}
