# shellcheck shell=bash
# verb: build optimised and measure; prints tables, ratios and the machine (./weft bench --help)
#
# The program //bench:weft-bench handles the arguments and their errors. It runs in the caller's directory, so that
# relative file names are the caller's. --peers runs the program with every library's structures; libraries that cannot be
# installed are left out, with a message.

# --compare OLD.json [NEW.json] [--threshold PERCENT] runs bench/report/compare.py; without NEW, the other arguments say what is measured.
# --html FILE runs bench/report/page.py, on new results or those of --from FILE. --count runs bench/count/count.py,
# --measured FILE bench/report/summary.py.

verb_main() {
    local argument label=//bench:weft-bench stamp=bench
    case " $* " in *" --count "*) ;; *) wants_help "$@" && help_of bench/help.c ;; esac
    for argument in "$@"; do
        case $argument in
            --compare) compare "$@" ;; # compare, html and count do not return
            --html | --from) html "$@" ;;
            --measured)
                [ $# -eq 2 ] && [ -f "$2" ] || usage_error "--measured expects one FILE, as --json wrote it, and nothing else"
                exec python3 -B "$WEFT_ROOT/bench/report/summary.py" "$2" "$WEFT_ROOT"/docs/measured.{md,svg} "$WEFT_ROOT/README.md"
                ;;
            --count) count "$@" ;;
            --peers) stamp=bench-peers ;;
        esac
    done
    case $* in
        --list) list_of bench ;;
        "--list --peers" | "--peers --list") list_of bench-peers ;;
    esac
    known_flags bench/help.c "$@"
    need_packages bench
    if [ "$stamp" = bench-peers ]; then
        (need_packages bench-peers) || {
            [ $? -ne 130 ] || exit 130
            echo "weft: without the peers of packages that are missing" >&2
        }
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
                case ${1--} in -*) ;; *) new=$1 && shift ;; esac
                ;;
            --threshold)
                threshold=("${@:1:2}")
                shift $(($# > 1 ? 2 : 1))
                ;;
            *) rest+=("$1") && shift ;;
        esac
    done
    [ -f "$old" ] || usage_error "--compare expects OLD.json, as ./weft bench --json wrote it, not '$old'"
    if [ -n "$new" ]; then
        [ ${#rest[@]} -eq 0 ] || usage_error "--compare OLD.json NEW.json expects nothing else but --threshold PERCENT, not '${rest[0]}'"
        exec python3 -B "$WEFT_ROOT/bench/report/compare.py" "$old" "$new" "${threshold[@]}"
    fi
    directory=$(mktemp -d)
    # shellcheck disable=SC2064 # the directory of now
    trap "rm -rf '$directory'" EXIT
    (verb_main "${rest[@]}" --json "$directory/new.json" >&2) || kept "$directory/new.json" $?
    python3 -B "$WEFT_ROOT/bench/report/compare.py" "$old" "$directory/new.json" "${threshold[@]}" || status=$?
    exit "$status"
}

kept() { # FILE STATUS: exits with STATUS; keeps the rows of an interrupted run
    if [ "$2" -gt 128 ] && [ -s "$1" ]; then
        trap - EXIT
        echo "weft: what was measured until then is in '$1', for --compare OLD.json NEW.json or --html FILE --from NEW.json" >&2
    fi
    exit "$2"
}

count() {
    local argument rest=()
    for argument in "$@"; do
        [ "$argument" = --count ] || rest+=("$argument")
    done
    need_packages bench
    exec python3 -B "$CLI/run_binary.py" bench-count //bench:weft-count "${rest[@]}"
}

html() {
    local page='' from='' json='' rest=() directory status=0
    while [ $# -gt 0 ]; do
        case $1 in
            --html | --from | --json)
                [ $# -gt 1 ] && [ -n "$2" ] || usage_error "$1 expects a file's name after it"
                case $1 in
                    --html) page=$2 ;;
                    --from) from=$2 ;;
                    --json) json=$2 ;;
                esac
                shift 2
                ;;
            *) rest+=("$1") && shift ;;
        esac
    done
    [ -n "$page" ] || usage_error "--from expects --html FILE, the page to make of it"
    [ -d "$(dirname "$page")" ] && [ ! -d "$page" ] || usage_error "--html expects a file that can be written, not '$page'"
    if [ -n "$from" ]; then
        [ ${#rest[@]} -eq 0 ] && [ -z "$json" ] || usage_error "--html FILE --from FILE expects nothing else, not '${rest[0]-$json}'"
    else
        [ "$json" != - ] || usage_error "--html expects --json to name a file, not '-'"
        if [ -z "$json" ]; then
            directory=$(mktemp -d)
            # shellcheck disable=SC2064 # the directory of now
            trap "rm -rf '$directory'" EXIT
        fi
        from=${json:-$directory/results.json}
        (verb_main "${rest[@]}" --latency --memory --json "$from") || status=$?
        [ "$status" -ne 2 ] || exit 2
    fi
    python3 -B "$WEFT_ROOT/bench/report/page.py" "$from" "$page" || exit
    exit "$status"
}

left_out() { # a --define for each peer of bench/BUILD whose package is missing
    local package
    command -v dpkg-query >/dev/null || return 0
    for package in $(missing_packages bench-peers); do
        case $package in
            libboost-dev) printf -- '--define=without_boost=true ' ;;
            libcds-dev | libboost-thread-dev) printf -- '--define=without_cds=true ' ;;
            libconcurrentqueue-dev) printf -- '--define=without_moodycamel=true ' ;;
            libglib2.0-dev) printf -- '--define=without_glib=true ' ;;
            libreaderwriterqueue-dev) printf -- '--define=without_readerwriterqueue=true ' ;;
            libtbb-dev) printf -- '--define=without_tbb=true ' ;;
            libxenium-dev) printf -- '--define=without_xenium=true ' ;;
        esac
    done
}
