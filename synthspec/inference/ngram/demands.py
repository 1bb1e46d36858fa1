"""What the format of a reply demands of each field's text, beyond the field's own rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_GROUP = re.compile(r"\(\?P<(\w+)>")


def demands_of(name: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Field -> a pattern for its whole text, where the format is a regular expression or a grammar."""
    if name == "regex":
        return regex_demands(str(options.get("regex", "")))
    if name == "grammar":
        return grammar_demands(str(options.get("grammar", "")))
    return {}


def regex_demands(pattern: str) -> dict[str, str]:
    """The inside of each named group.

    Example:
        >>> regex_demands("(?P<name>[A-Z]([a-z])+): (?P<age>[0-9]+)")
        {'name': '^(?:[A-Z]([a-z])+)$', 'age': '^(?:[0-9]+)$'}
    """
    return {m[1]: f"^(?:{_inside(pattern, m.end())})$" for m in _GROUP.finditer(pattern)}


def _inside(pattern: str, start: int) -> str:
    """From `start` to the bracket that closes the group."""
    depth, i, listed = 1, start, False
    while i < len(pattern):
        char = pattern[i]
        if char == "\\":
            i += 1
        elif listed:
            listed = char != "]"
        elif char == "[":
            listed = True
            i += pattern[i + 1 : i + 2] == "^"
            i += pattern[i + 1 : i + 2] == "]"
        elif char in "()":
            depth += 1 if char == "(" else -1
            if not depth:
                return pattern[start:i]
        i += 1
    return pattern[start:]


def grammar_demands(grammar: str) -> dict[str, str]:
    """The terminals of each rule that is made of terminals alone, one after another."""
    import lark

    try:
        parser = lark.Lark(grammar, parser="earley", keep_all_tokens=True)
    except (lark.exceptions.LarkError, ValueError, RecursionError):
        return {}
    terminals = {t.name: t.pattern.to_regexp() for t in parser.terminals}
    found: dict[str, list[str] | None] = {}
    for rule in parser.rules:
        name = str(rule.origin.name)
        parts = [terminals.get(str(part.name)) for part in rule.expansion]
        known = found.setdefault(name, [])
        if known is None or None in parts or not parts:
            found[name] = None
        else:
            known.append("".join(f"(?:{p})" for p in parts))
    return {name: f"^(?:{'|'.join(ways)})$" for name, ways in found.items() if ways}
