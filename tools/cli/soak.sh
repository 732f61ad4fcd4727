# shellcheck shell=bash
# verb: threads held up inside operations, every history checked, for as long as wanted
#
# The arguments belong to the program //tests/linear:weft-soak, --help and every error included; after --lives
# (or --lives-small: a library whose batches and tables are small) to //tests/lives:weft-lives.

verb_main() {
    need_packages soak
    local argument arguments=() lives=
    for argument in "$@"; do
        case $argument in
            --lives | --lives-small) lives=$argument ;;
            *) arguments+=("$argument") ;;
        esac
    done
    if [ -n "$lives" ]; then
        exec python3 -B "$CLI/run_binary.py" "soak-${lives#--}" "//tests/lives:weft-${lives#--}" "${arguments[@]}"
    fi
    exec python3 -B "$CLI/run_binary.py" soak //tests/linear:weft-soak "$@"
}
