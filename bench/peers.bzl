"""Peers that can be left out: --define=without_PEER=true, as tools/cli/bench.sh says of packages that are not there."""

def peers(names):
    deps = []
    for name in names:
        deps = deps + select({
            ":without_" + name: [],
            "//conditions:default": [":peer_" + name],
        })
    return deps
