# shellcheck shell=bash
# verb: build optimised and measure; prints tables, ratios and the machine (./weft bench --help)
#
# The arguments belong to the program //bench:weft-bench, --help and every error included. It runs in
# the caller's directory, so that file names mean what the caller meant. With --peers it is the program
# that has every library's structures; what cannot be installed is left out, and said so.

verb_main() {
    local argument label=//bench:weft-bench stamp=bench
    need_packages bench
    for argument in "$@"; do
        [ "$argument" != --peers ] || stamp=bench-peers
    done
    if [ "$stamp" = bench-peers ]; then
        (need_packages bench-peers) || echo "weft: without the peers of packages that are missing" >&2
        label="$(left_out)//bench:weft-bench-peers"
    fi
    exec python3 -B "$CLI/run_binary.py" "$stamp" "$label" "$@"
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
