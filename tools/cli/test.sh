# shellcheck shell=bash
# verb: build and run the tests: in five minutes what a change most likely breaks; in half an hour what it must pass; --all of them

test_help() {
    cat <<'TEXT'
usage: ./weft test [options]

Builds and runs tests in three configurations: plain (optimised), asan (address and
undefined-behaviour sanitizers) and tsan (thread sanitizer). Without --landing and --all: the short tests plain,
and those of single functions and of linearizability under the sanitizers too; on two cores about five minutes,
the building included. --landing and --all need more packages. Tests always run; only what changed is built. At the
end it says what --all would have run besides; the last line is "N passed, N failed"; the exit status is 1 if any
failed, a failed build included.

  --landing         what a change must pass, half an hour: also the long tests (model checking of every case, faults of
                    the machine), all of them under the sanitizers, other compilers and build systems, packages, the
                    bench's page in a browser
  --all             these, and the slow ones, an hour: every seeded bug, other architectures, ten million entries, the
                    library in one header
  --filter TEXT     only tests whose label contains TEXT, for example --filter fork
  --config LIST     only these configurations, a comma list of plain, asan, tsan
  --jobs N          so many tests at a time (default: half the cores, at least 2)
  --timeout N       a time limit in seconds for every test, in place of its own
  --verbose         print the output of tests that pass, too
  --cross           of --all only the test of other architectures: the library and its unit tests for aarch64, riscv64,
                    32-bit arm and i386, compiled by gcc and clang, and run under qemu's emulation
  --list            name the tests instead of running them
  --help            this text

The output of each test is kept in .weft/logs/CONFIG/.
TEXT
}

verb_main() {
    local arguments=() packages=(test) afterwards="about five minutes of building and tests on two cores"
    while [ $# -gt 0 ]; do
        local flag=$1 value=
        shift
        case $flag in
            --filter | --config | --jobs | --timeout)
                [ $# -gt 0 ] || usage_error "$flag expects a value (see ./weft test --help)"
                value=$1
                shift
                ;;
            --filter=* | --config=* | --jobs=* | --timeout=*)
                value=${flag#*=}
                flag=${flag%%=*}
                ;;
        esac
        case $flag in
            -h | --help)
                test_help
                exit 0
                ;;
            --cross)
                [ ${#arguments[@]} -eq 0 ] && [ $# -eq 0 ] || usage_error "--cross expects to be the only argument"
                packages=(cross)
                arguments=(--all --config=plain --build=//tests/cross:cross_test)
                ;;
            --all | --landing)
                arguments+=("$flag")
                packages=(test test-all)
                afterwards="about half an hour of building and tests on two cores"
                [ "$flag" = --landing ] || afterwards="about an hour of building and tests on two cores"
                ;;
            --verbose | --list) arguments+=("$flag") ;;
            --jobs | --timeout)
                need_number "$flag" "$value"
                arguments+=("$flag=$value")
                ;;
            --filter)
                [ -n "$value" ] || usage_error "--filter expects a part of a test's name"
                arguments+=("$flag=$value")
                ;;
            --config)
                [[ $value =~ ^(plain|asan|tsan)(,(plain|asan|tsan))*$ ]] ||
                    usage_error "--config expects a comma list of plain, asan, tsan, not '$value'"
                arguments+=("$flag=$value")
                ;;
            *)
                usage_error "test: unknown argument '$flag'; expected --landing, --all, --filter, --config, --jobs, --timeout, --verbose, --list, --cross or --help"
                ;;
        esac
    done
    need_packages "${packages[@]}"
    exec python3 -B "$CLI/run_tests.py" "${arguments[@]}"
}
