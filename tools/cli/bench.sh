# shellcheck shell=bash
# verb: build optimised and measure; prints tables, ratios and the machine (./weft bench --help)
#
# The arguments belong to the program //bench:weft-bench, --help and every error included. It runs in
# the caller's directory, so that file names mean what the caller meant. With --peers it is the program
# that has every library's structures; what cannot be installed is left out, and said so.

# --compare OLD.json [NEW.json] [--threshold PERCENT] is bench/compare.py; without NEW, the other arguments say what is measured.

verb_main() {
    local argument label=//bench:weft-bench stamp=bench
    for argument in "$@"; do
        case $argument in
            --compare) compare "$@" ;; # does not return
            --peers) stamp=bench-peers ;;
        esac
    done
    need_packages bench
    if [ "$stamp" = bench-peers ]; then
        (need_packages bench-peers) || echo "weft: without the peers of packages that are missing" >&2
        label="$(left_out)//bench:weft-bench-peers"
    fi
    exec python3 -B "$CLI/run_binary.py" "$stamp" "$label" "$@"
}

compare() {
    local old='' new='' threshold=() rest=() directory status=0
    while [ $# -gt 0 ]; do
        case $1 in
            --compare)
                old=${2-}
                shift $(($# > 1 ? 2 : 1))
                case ${1--} in -*) ;; *) new=$1 && shift ;; esac ;;
            --threshold)
                threshold=("${@:1:2}")
                shift $(($# > 1 ? 2 : 1)) ;;
            *) rest+=("$1") && shift ;;
        esac
    done
    [ -f "$old" ] || usage_error "--compare expects OLD.json, as ./weft bench --json wrote it, not '$old'"
    if [ -n "$new" ]; then
        [ ${#rest[@]} -eq 0 ] || usage_error "--compare OLD.json NEW.json expects nothing else but --threshold PERCENT, not '${rest[0]}'"
        exec python3 -B "$WEFT_ROOT/bench/compare.py" "$old" "$new" "${threshold[@]}"
    fi
    directory=$(mktemp -d)
    # shellcheck disable=SC2064 # the directory of now
    trap "rm -rf '$directory'" EXIT
    (verb_main "${rest[@]}" --json "$directory/new.json" >&2) || exit
    python3 -B "$WEFT_ROOT/bench/compare.py" "$old" "$directory/new.json" "${threshold[@]}" || status=$?
    exit "$status"
}

left_out() { # a --define for each peer of bench/BUILD whose package is not there
    local package
    command -v dpkg-query >/dev/null || return 0
    for package in $(missing_packages bench-peers); do
        case $package in
            libboost-dev) printf -- '--define=without_boost=true ' ;;
            libcds-dev | libboost-thread-dev) printf -- '--define=without_cds=true ' ;;
            libconcurrentqueue-dev) printf -- '--define=without_moodycamel=true ' ;;
            libglib2.0-dev) printf -- '--define=without_glib=true ' ;;
            libtbb-dev) printf -- '--define=without_tbb=true ' ;;
            libxenium-dev) printf -- '--define=without_xenium=true ' ;;
        esac
    done
}
