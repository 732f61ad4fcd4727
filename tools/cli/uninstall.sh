# shellcheck shell=bash
# verb: remove what ./weft install put there

uninstall_help() {
    cat <<'TEXT'
usage: ./weft uninstall [--prefix P] [--destdir D]

Removes the files that share/weft/installed lists below P, and the directories that are empty then.

  --prefix P     as for install; default /usr/local
  --destdir D    likewise
  --help         this text
TEXT
}

verb_main() {
    local argument
    for argument in "$@"; do
        case $argument in -h | --help) uninstall_help && exit 0 ;; esac
    done
    exec python3 -B "$CLI/install.py" uninstall "$@"
}
