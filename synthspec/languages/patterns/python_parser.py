"""Python's own parser of regular expressions: `re._parser` and `re._constants` are private and touched here alone."""

from __future__ import annotations

import importlib.util
import re
import re._constants as opcodes  # type: ignore[import-not-found]
import re._parser as _parser  # type: ignore[import-not-found]
from functools import lru_cache
from types import ModuleType
from typing import Any

__all__ = ["opcodes", "parse_as_python", "replacement_error", "unmerged_parser"]


def parse_as_python(pattern: str) -> Any:
    """Pairs of (opcode, argument) as `re` compiles them, alternations merged.

    Raises:
        re.error: it is no regular expression.
        OverflowError: a repeat is too large.
        RecursionError: groups are nested too deep.
    """
    return _parser.parse(pattern)


def replacement_error(pattern: str, replacement: str) -> re.error | IndexError | None:
    """What Python says of a replacement with a bad escape, or of a group that the pattern has not; None where it fits.

    >>> str(replacement_error("(a)", r"\\2"))
    'invalid group reference 2 at position 1'
    """
    try:
        _parser.parse_template(replacement, re.compile(pattern))
    except (re.error, IndexError) as error:
        return error
    return None


@lru_cache(maxsize=1)
def unmerged_parser() -> ModuleType:
    """A private copy of Python's parser whose alternations stay as written.

    The original merges `a|b` into `[ab]` and moves common beginnings out, which changes how likely each branch is
    when text is generated.
    """
    spec = importlib.util.find_spec("re._parser")
    if spec is None or spec.loader is None:
        raise ImportError("this Python has no re._parser")
    parser = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parser)

    def parse_branches(source: Any, state: Any, verbose: Any, nested: int) -> Any:
        branches: list[Any] = []
        while True:
            first = not nested and not branches
            branches.append(parser._parse(source, state, verbose, nested + 1, first))
            if not source.match("|"):
                break
            if not nested:
                verbose = state.flags & re.VERBOSE
        if len(branches) == 1:
            return branches[0]
        alternation = parser.SubPattern(state)
        alternation.append((parser.BRANCH, (None, branches)))
        return alternation

    parser._parse_sub = parse_branches  # type: ignore[attr-defined]
    return parser
