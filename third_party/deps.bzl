"""For a workspace that depends on Weft by local_repository and has no network: the rules that Bazel 4's own tools load."""

def _stand_in(ctx):
    for child in ctx.path(Label("@weft//third_party:BUILD")).dirname.get_child(ctx.attr.directory).readdir():
        ctx.symlink(child, child.basename)

_stand_in_repository = repository_rule(implementation = _stand_in, attrs = {"directory": attr.string()})

def weft_offline_rules():
    """Defines rules_cc, rules_java, rules_proto and remote_coverage_tools, each unless it is there, from this checkout and Debian."""
    for name in ("rules_cc", "remote_coverage_tools"):
        if not native.existing_rule(name):
            _stand_in_repository(name = name, directory = name)
    for name in ("java", "proto"):
        if not native.existing_rule("rules_" + name):
            native.local_repository(name = "rules_" + name, path = "/usr/share/bazel/rules/" + name)
