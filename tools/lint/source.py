"""A C source file, split as the lints need it: code without comments and strings, and the comments."""

import re

TOKENS = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.VERBOSE)


class Comment:
    def __init__(self, first, last, text):
        self.first, self.last, self.text = first, last, text


class Source:
    """path; raw: the lines as they are; code: the same lines with comments and strings blanked; comments."""

    def __init__(self, path, text):
        self.path = path
        self.raw = text.split("\n")
        self.comments = []
        self.text = TOKENS.sub(self._blank, text)
        self.code = self.text.split("\n")

    def _blank(self, match):
        text = match.group()
        if match.group("comment"):
            first = match.string.count("\n", 0, match.start()) + 1
            words = " ".join(re.sub(r"^[ \t]*\*", " ", line) for line in text[2:].removesuffix("*/").split("\n"))
            self.comments.append(Comment(first, first + text.count("\n"), " ".join(words.split())))
            return re.sub(r"[^\n]", " ", text)
        if self._is_include(match):
            return text
        return text[0] + " " * (len(text) - 2) + text[-1]

    @staticmethod
    def _is_include(match):
        start = match.string.rfind("\n", 0, match.start()) + 1
        return re.match(r"\s*#\s*include\s*$", match.string[start:match.start()]) is not None

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def calls(self, name):
        """(line, [arguments]) of each call of a function or macro, but not of its #define."""
        for match in re.finditer(r"\b%s\s*\(" % name, self.text):
            line = self.line_of(match.start())
            if re.match(r"\s*#\s*define\s+%s\b" % name, self.code[line - 1]):
                continue
            arguments, depth, begin = [], 1, match.end()
            for at in range(match.end(), len(self.text)):
                char = self.text[at]
                if char in "([{":
                    depth += 1
                elif char in ")]}":
                    depth -= 1
                if depth == 0 or (depth == 1 and char == ","):
                    arguments.append((self.line_of(at - 1 if char == ")" else at), " ".join(self.text[begin:at].split())))
                    begin = at + 1
                if depth == 0:
                    break
            yield line, arguments
