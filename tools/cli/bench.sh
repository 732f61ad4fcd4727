# shellcheck shell=bash
# verb: build optimised and measure; prints tables, ratios and the machine (./weft bench --help)
#
# The arguments belong to the program //bench:weft-bench, --help and every error included. It runs in
# the caller's directory, so that file names mean what the caller meant.

verb_main() {
    need_packages bench
    exec python3 -B "$CLI/run_binary.py" bench //bench:weft-bench "$@"
}
