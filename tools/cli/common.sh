# shellcheck shell=bash
# The common part of the verbs of ./weft, which sources this and sets WEFT_ROOT.

CLI=$WEFT_ROOT/tools/cli

usage_error() { # MESSAGE: one line that says what was expected, exit 2
    printf 'weft: %s\n' "$1" >&2
    exit 2
}

# A verb is a file beside this one that defines verb_main. Its second line reads "# verb: one line for --help".
verbs() {
    local list
    list=$(grep -l '^# verb: ' "$CLI"/*.sh | sed 's|.*/||; s|\.sh$||' | LC_ALL=C sort | paste -sd,)
    echo "${list//,/, }"
}

is_verb() {
    case $1 in
        "" | *[!a-z]*) return 1 ;;
    esac
    [ -f "$CLI/$1.sh" ] && grep -q '^# verb: ' "$CLI/$1.sh"
}

weft_version() {
    sed -n 's/^#define WEFT_VERSION_STRING "\(.*\)"$/\1/p' "$WEFT_ROOT/base/version.h"
}

general_help() {
    echo "Weft: lock-free data structures for C."
    echo
    echo "usage: ./weft VERB [arguments]"
    echo
    local file
    for file in "$CLI"/*.sh; do
        sed -n "s|^# verb: |  $(printf '%-11s' "$(basename "$file" .sh)")|p" "$file"
    done
    cat <<'TEXT'
  help       this text; ./weft help VERB is ./weft VERB --help

  --help, --version

Each verb first installs the Debian packages it needs and that are missing, when run as root or
where sudo asks for no password. Otherwise it names them, and the command to install them, and exits 2.
Nothing else on the machine is changed, but by install: what is built lies in Bazel's cache and in .weft/ here.

Exit status: 0 success, 1 something failed, 130 interrupted; 2 wrong use, missing packages, or of bench, linearize, model and
soak, where 1 is what they found: they could not be built, or what they found could not be written (of bench, a file: 1).
TEXT
}

packages_of() { # VERB...: the Debian packages that they need
    awk -v verbs=" $* " '
        /^[^#]/ { for (i = 2; i <= NF; i++) if (index(verbs, " " $i " ")) { print $1; next } }
    ' "$WEFT_ROOT/tools/packages"
}

missing_packages() { # VERB...
    # shellcheck disable=SC2016 # the dollars are dpkg-query's
    comm -23 \
        <(packages_of "$@" | LC_ALL=C sort) \
        <(packages_of "$@" | xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
            sed -n 's/^installed //p' | LC_ALL=C sort -u)
}

place_to_build() { # if nothing can be built here, mirror.py builds a copy in the user's cache: if that is impossible, too, prints one line and exits 2
    local cache=${XDG_CACHE_HOME:-${HOME-}/.cache} why=
    [[ $WEFT_ROOT =~ [[:space:]] || ! -w $WEFT_ROOT ]] || return 0
    if [[ $cache =~ [[:space:]] ]]; then
        why="whose path has a space"
    elif ! mkdir -p "$cache/weft" 2>/dev/null || [ ! -w "$cache/weft" ]; then
        why="which cannot be written"
    fi
    [ -z "$why" ] || usage_error "nothing can be built in '$WEFT_ROOT' (it cannot be written, or its path has a space), nor a copy in '$cache/weft', $why: name another directory in XDG_CACHE_HOME"
}

need_packages() { # VERB...: installs missing packages, or names them in one line and exits 2
    local missing asroot=()
    place_to_build
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        command -v bazel >/dev/null && return 0 # not Debian, but the user has installed Bazel
        usage_error "this is not a Debian system; what is needed goes there by these names: $(packages_of "$@" | paste -sd' ')"
    fi
    missing=$(missing_packages "$@" | paste -sd' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            asroot=(sudo -n)
        else
            usage_error "missing packages: $missing; install them with: sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
        fi
    fi
    echo "weft: missing packages: $missing" >&2
    local apt=("${asroot[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -o DPkg::Lock::Timeout=300)
    local interrupted='' updated
    trap 'interrupted=1' INT TERM HUP
    if ! updated=$("${apt[@]}" -o APT::Update::Error-Mode=any update 2>&1 </dev/null) && [ -z "$interrupted" ] && ! grep -q '^\(Get\|Hit\):' <<<"$updated"; then
        usage_error "could not install $missing: no package archive can be reached$(sed -n 's/^[EW]: /: /p' <<<"$updated" | head -1)"
    fi
    # shellcheck disable=SC2086 # the list is words
    if ! { plan_of "${apt[@]}" install --no-install-recommends $missing && [ -z "$interrupted" ] &&
        "${apt[@]}" install -y --no-install-recommends $missing; } >&2 </dev/null; then
        [ -z "$interrupted" ] || install_interrupted
        usage_error "could not install $missing (see apt-get's message above)"
    fi
    trap - INT TERM HUP
    [ -z "$interrupted" ] || exit 130
}

install_interrupted() { # apt-get and dpkg have stopped, maybe in the middle of a package
    if [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        echo "weft: interrupted in the middle of an installation: mend it with 'dpkg --configure -a && apt-get install -y --fix-broken', as root" >&2
    else
        echo "weft: interrupted; nothing is half installed" >&2
    fi
    exit 130
}

plan_of() { # APT-GET INSTALL...: prints in advance how much will be installed
    local plan
    plan=$("$@" -y --print-uris 2>/dev/null) || true # these flags fetch nothing (--assume-no would install a single package)
    sed -n '
        s/^.* \([0-9]*\) newly installed.*$/weft: installing \1 packages, those that they need included/p
        s/^Need to get \(.*\) of archives\.$/weft: \1 to download/p
        s/^After this operation, \(.*\) of additional disk space will be used\.$/weft: \1 on disk/p
    ' <<<"$plan"
    [ -z "${afterwards-}" ] || echo "weft: then $afterwards"
}

wants_help() { # ARGUMENT...: whether one of them asks for help
    local argument
    for argument in "$@"; do
        case $argument in -h | --help) return 0 ;; esac
    done
    return 1
}

help_of() { # FILE: prints a program's --help from its source, without installing or building anything
    awk '
        /"usage: \.\/weft/ { inside = 1 }
        inside {
            text = $0
            sub(/^[^"]*"/, "", text); sub(/"[^"]*$/, "", text)
            gsub(/\\n/, "\n", text); gsub(/\\"/, "\"", text)
            printf "%s", text
        }
        inside && /"[;,]$/ { exit }
    ' "$WEFT_ROOT/$1" 2>/dev/null || usage_error "the text could not be written"
    exit 0
}

list_of() { # NAME: prints the kept output of a program's --list; a test checks that it is up to date
    cat "$WEFT_ROOT/tools/lists/$1.txt" 2>/dev/null || usage_error "the list could not be written"
    exit 0
}

known_flags() { # FILE ARGUMENT...: reports a flag that is not in the program's --help, before anything is installed or built
    local argument flag text
    text=$(<"$WEFT_ROOT/$1")
    shift
    for argument in "$@"; do
        flag=${argument%%=*}
        [[ ! $flag =~ ^--[a-z] || $text =~ [[:space:]\"\[]"$flag"[^a-z-] ]] ||
            usage_error "unknown argument '$argument'; ./weft ${verb-VERB} --help names them all"
    done
}

need_number() { # FLAG VALUE: checks for a whole number from 1 to 1000000
    case $2 in
        "" | 0* | *[!0-9]* | ????????*) usage_error "$1 expects a number from 1 to 1000000, not '$2'" ;;
    esac
    [ "$2" -le 1000000 ] || usage_error "$1 expects a number from 1 to 1000000, not '$2'"
}
