# shellcheck shell=bash
# verb: remove what ./weft install put there

uninstall_help() {
    cat <<'TEXT'
usage: ./weft uninstall [--prefix P] [--destdir D]

Removes the files that share/weft/installed lists below P, and of the directories that install made those that are empty then.

  --prefix P     as for install; default /usr/local
  --destdir D    likewise
  --help         this text
TEXT
}

verb_main() {
    if wants_help "$@"; then
        uninstall_help
        exit 0
    fi
    exec python3 -B "$CLI/install.py" uninstall "$@"
}
