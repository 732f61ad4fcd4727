"""Peers that can be left out: tools/cli/bench.sh passes --define=without_PEER=true for missing packages."""

def peers(names):
    deps = []
    for name in names:
        deps = deps + select({
            ":without_" + name: [],
            "//conditions:default": [":peer_" + name],
        })
    return deps
