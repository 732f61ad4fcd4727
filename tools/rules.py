"""The rules of the BUILD files, for programs that build without Bazel: a BUILD file can be run as Python."""

import collections
import glob
import os
import shlex
import types

KINDS = ("alias", "cc_binary", "cc_library", "cc_test", "config_setting", "exports_files", "filegroup", "genrule", "package", "sh_binary", "sh_test")

# A program: {source: its rule's compiler flags without those for warnings}, and the linker's flags.
Program = collections.namedtuple("Program", "sources linkopts")


class Rules:
    def __init__(self, root):
        self.root, self.packages = root, {}

    def package(self, name):
        """{name of a rule: its attributes}"""
        if name not in self.packages:
            self.packages[name] = self.run(os.path.join(name, "BUILD"), name)[1]
        return self.packages[name]

    def run(self, path, package):
        """(all that the file defines, its rules)"""
        rules = {}

        def rule(name=None, **attributes):
            if name:
                rules[name] = attributes

        def files(patterns, **_):
            found = [path for pattern in patterns for path in glob.glob(os.path.join(self.root, package, pattern), recursive=True)]
            return sorted(os.path.relpath(path, os.path.join(self.root, package)) for path in found)

        def load(label, *names, **_):
            if not label.startswith("@"):
                defined = self.run(self.file(label, package), package)
                names = {name: defined[0][name] for name in names}
                rules_of.append(defined[1])
                scope.update(names)

        rules_of = [rules]
        kinds = {kind: rule for kind in KINDS}
        kinds["exports_files"] = lambda names: None
        scope = {**kinds, "glob": files, "load": load, "select": lambda choice: choice["//conditions:default"],
                 "native": types.SimpleNamespace(package_name=lambda: package, glob=files, **kinds)}
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            exec(compile(file.read(), path, "exec"), scope)  # only our own files
        return scope, collections.ChainMap(*rules_of)

    @staticmethod
    def label(name, package):
        """(package, name)"""
        if name.startswith("//"):
            package, _, rest = name[2:].partition(":")
            return package, rest or os.path.basename(package)
        return package, name[1:] if name.startswith(":") else name

    def file(self, name, package):
        return os.path.join(*self.label(name, package))

    def files(self, name, package):
        """The files that a source stands for: itself, or those of a filegroup."""
        package, rest = self.label(name, package)
        rule = self.package(package).get(rest)
        if rule is None:
            return [os.path.join(package, rest)]
        return [path for source in rule["srcs"] for path in self.files(source, package)] if "outs" not in rule else []

    def program(self, label):
        """If a library is linked whole (alwayslink), its objects replace others of the same sources, as with a linker."""
        sources, whole, linkopts, seen = {}, set(), [], set()

        def collect(package, name):
            if (package, name) in seen:
                return
            seen.add((package, name))
            rule = self.package(package)[name]
            copts = tuple(flag for text in rule.get("copts", ()) for flag in shlex.split(text) if not flag.startswith("-W"))
            for path in (path for source in rule.get("srcs", ()) for path in self.files(source, package)):
                if path.endswith((".c", ".cc")) and path not in whole:
                    sources[path] = copts
                    whole.update([path] if rule.get("alwayslink") else [])
            linkopts.extend(flag for flag in rule.get("linkopts", ()) if flag not in linkopts)
            for dependency in rule.get("deps", ()):
                collect(*self.label(dependency, package))

        collect(*self.label(label, ""))
        return Program(sources, linkopts)
