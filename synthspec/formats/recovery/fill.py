"""Regular expressions with named groups, used the other way round: values in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthspec.formats.recovery.coercion import spell
from synthspec.languages.patterns.python_parser import parse_as_python

_CLASSES = {"SPACE": r"\s", "DIGIT": r"\d", "WORD": r"\w"}
_GROUP = re.compile(r"\(\?P?<[A-Za-z_]\w*>")


def ungrouped(pattern: str) -> str | None:
    """The expression without group names and outer anchors, for engines that match the whole text."""
    bare = _GROUP.sub("(?:", pattern)
    if bare.startswith(("^", r"\A")):
        bare = bare[1:] if bare[0] == "^" else bare[2:]
    if bare.endswith("$") and not bare.endswith(r"\$"):
        bare = bare[:-1]
    return bare or None


def fill(pattern: str, values: Mapping[str, Any]) -> str:
    """The shortest text that matches, with the groups' text replaced by the values.

    >>> fill(r"- (?P<q>.+?)\\s*->\\s(?P<a>\\w+)", {"q": "two", "a": "dos"})
    '- two-> dos'
    """
    tree = parse_as_python(in_python(pattern))
    names = {index: name for name, index in tree.state.groupdict.items()}
    return _text(tree, names, values)


def in_python(pattern: str) -> str:
    """The expression with its groups named as Python names them: `(?<name>…)` becomes `(?P<name>…)`."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)


def _text(tree: Any, names: Mapping[int, str], values: Mapping[str, Any]) -> str:
    made = []
    for code, given in tree:
        made.append(_node(str(code), given, names, values))
    return "".join(made)


def _node(code: str, given: Any, names: Mapping[int, str], values: Mapping[str, Any]) -> str:
    match code:
        case "LITERAL":
            return chr(given)
        case "SUBPATTERN":
            name = names.get(given[0])
            held = name is not None and name in values
            return spell(values[name or ""]) if held else _text(given[3], names, values)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            times = given[0] or int(_holds(given[2], names, values))
            return _text(given[2], names, values) * times
        case "BRANCH":
            chosen = next((b for b in given[1] if _holds(b, names, values)), given[1][0])
            return _text(chosen, names, values)
        case "IN":
            return _member(given)
        case "ANY" | "NOT_LITERAL":
            return "-" if given != ord("-") else "."
        case "ATOMIC_GROUP":
            return _text(given, names, values)
        case _:
            return ""


def _holds(tree: Any, names: Mapping[int, str], values: Mapping[str, Any]) -> bool:
    """Whether a group that has a value stands in this part."""
    for code, given in tree:
        if str(code) == "SUBPATTERN" and (names.get(given[0]) in values or _holds(given[3], names, values)):
            return True
        if "REPEAT" in str(code) and _holds(given[2], names, values):
            return True
    return False


def _member(given: Any) -> str:
    """A character of the set: a space where it is one, else the first it names."""
    for text in " -.:a0A\n":
        inside = any(_in(str(code), value, text) for code, value in given if str(code) != "NEGATE")
        if inside != (str(given[0][0]) == "NEGATE"):
            return text
    code, value = next((c, v) for c, v in given if str(c) != "NEGATE")
    return chr(value if str(code) == "LITERAL" else value[0]) if str(code) in ("LITERAL", "RANGE") else " "


def _in(code: str, value: Any, text: str) -> bool:
    if code == "LITERAL":
        return chr(int(value)) == text
    if code == "RANGE":
        return bool(value[0] <= ord(text) <= value[1])
    kind = str(value).removeprefix("CATEGORY_")
    inside = re.fullmatch(_CLASSES.get(kind.removeprefix("NOT_"), "(?!)"), text) is not None
    return inside != kind.startswith("NOT_")
