"""Wildcards in paths, read in one way wherever a spec or a card names files.

`*` and `?` stand for characters of one name, `[a-z]` for one of them and `[!a-z]` for one other, `**` for any folders
or none. The card of a dataset on a hub may also say `{train,test}`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from functools import cache

_SIGNS = re.compile(r"[*?\[]")
_BRACES = re.compile(r"\{([^{}]*)\}")
MOST_ALTERNATIVES = 100  # patterns that one with braces stands for


def is_pattern(text: str) -> bool:
    """Whether a path has characters that stand for others."""
    return _SIGNS.search(text) is not None


def parts_of_pattern(pattern: str) -> tuple[str, ...]:
    """The names that a pattern consists of; `**` again and again is `**`.

    >>> parts_of_pattern("./docs//**/**/*.md")
    ('docs', '**', '*.md')
    """
    return tuple(p for p in re.sub(r"(\*\*/)+", "**/", pattern).split("/") if p not in ("", "."))


def matches_name(name: str, part: str) -> bool:
    """Whether one name is as a part of a pattern says. Takes no longer than the lengths of the two, multiplied.

    >>> matches_name("part-07.csv", "part-[0-9]?.*"), matches_name("part-07.csv", "part-[!0]*")
    (True, False)
    """
    return _regex(part).match(name) is not None


def matches_path(path: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the names of a path are as a pattern says.

    >>> matches_path(("data", "en", "a.csv"), ("data", "**", "*.csv"))
    True
    """
    reached = {0}  # how many names the parts so far may stand for
    for part in (*parts, "*") if parts and parts[-1] == "**" else parts:
        if part == "**":
            reached = set(range(min(reached, default=len(path) + 1), len(path) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(path) and matches_name(path[at], part)}
    return len(path) in reached


def without_braces(pattern: str) -> list[str]:
    """The patterns that one with braces stands for.

    >>> without_braces("{train,test}/*.csv")
    ['train/*.csv', 'test/*.csv']
    """
    return [text for _, text in zip(range(MOST_ALTERNATIVES), _expanded(pattern), strict=False)]


def _expanded(pattern: str) -> Iterator[str]:
    found = _BRACES.search(pattern)
    if found is None:
        yield pattern
        return
    for word in found[1].split(","):
        yield from _expanded(pattern[: found.start()] + word + pattern[found.end() :])


@cache
def _regex(part: str) -> re.Pattern[str]:
    try:
        return re.compile(fnmatch.translate(part.replace("[^", "[!")))
    except re.error:
        return re.compile(re.escape(part) + r"\Z")
