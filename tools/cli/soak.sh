# shellcheck shell=bash
# verb: threads held up inside operations, every history checked, for as long as wanted
#
# The program //tests/cases:weft-soak handles the arguments and their errors; after --lives (or --lives-small: a library
# whose batches and tables are small), //tests/lives:weft-lives does.

verb_main() {
    local argument arguments=() lives=
    for argument in "$@"; do
        case $argument in
            --lives | --lives-small) lives=$argument ;;
            *) arguments+=("$argument") ;;
        esac
    done
    local source=tests/cases/soak.c list=soak
    [ -z "$lives" ] || source=tests/lives/lives.c list=lives
    wants_help "$@" && help_of "$source"
    [ "${arguments[*]}" != --list ] || list_of "$list"
    known_flags "$source" "${arguments[@]}"
    need_packages soak
    if [ -n "$lives" ]; then
        exec python3 -B "$CLI/run_binary.py" "soak-${lives#--}" "//tests/lives:weft-${lives#--}" "${arguments[@]}"
    fi
    exec python3 -B "$CLI/run_binary.py" soak //tests/cases:weft-soak "$@"
}
