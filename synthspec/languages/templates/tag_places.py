"""Where a word of a template's tags stands. Jinja's tree knows lines only."""

from __future__ import annotations

import re
from bisect import bisect_left

NAME = r"(?<![\w'\".])"  # what stands before a name of its own
MEMBER = r"(?:\.|\[['\"])\s*"
CALLED = r"(?<!\w)"
AFTER = {"filter": r"\|\s*", "test": r"\bis\s+(?:not\s+)?"}
_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


class TagPlaces:
    """The places of one template."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.begins = [0, *(m.end() for m in re.finditer("\n", text))]

    def find(self, lineno: int, needle: str, before: str) -> tuple[int, int]:
        """Where a word of the template's tags stands, after what stands before it."""
        begin = self.begins[min(lineno, len(self.begins)) - 1]
        pattern = re.compile(rf"{before}({re.escape(needle)})(?!\w)") if needle else None
        if pattern is not None:
            for tag in _TAGS.finditer(self.text, begin):
                found = pattern.search(self.text, tag.start() + 2, tag.end() - 2)
                if found:
                    return found.span(1)
            found = pattern.search(self.text, begin)
            if found:
                return found.span(1)
        end = bisect_left(self.begins, begin + 1)
        return begin, max(begin + 1, (self.begins[end] if end < len(self.begins) else len(self.text) + 1) - 1)
