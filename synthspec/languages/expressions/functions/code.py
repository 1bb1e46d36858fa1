"""Whether a text parses as code of a language. Nothing is run, no file is read, and no input takes long.

Every reader has a greatest size and depth, so that the answer hangs on the text alone, not on how much of the stack
is in use; a text beyond them does not parse.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from synthspec.diagnostics import nearest
from synthspec.diagnostics.remedies import suggest
from synthspec.extras import install_command

MAX_CHARACTERS = 200_000
MAX_SQL = 100_000
MAX_DEPTH = 200  # of brackets, elements, blocks
MAX_TREE = 500  # of a Python tree: `a + b + c` is one deeper for each sign
PYTHON = (3, 11)  # newer syntax is refused by every version of Python, so that all say the same


def parses(code: str, language: str) -> bool:
    """Whether the text is sound code of the language; empty text is none."""
    if not code.strip() or len(code) > MAX_CHARACTERS:
        return False
    return READERS[language](code)


def check_language(language: Any) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the name of a language, as (code, message, help)."""
    if language not in READERS:
        listed = ", ".join(f"'{name}'" for name in READERS)
        near = nearest(language, READERS) if isinstance(language, str) else None
        help = suggest(near, '"') if near else f"write one of {listed}"
        yield "E313", f"parses() knows no language {language!r}, only {listed}", help
    elif language == "sql" and find_spec("sqlglot") is None:
        yield "E315", "parses(…, 'sql') needs the package sqlglot", install_command("sql")


def _python(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd backslash in a text is no error
        try:
            tree = ast.parse(code, feature_version=PYTHON)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return False
    level: list[ast.AST] = [tree]
    for _ in range(MAX_TREE):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return True
    return False


_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.?)*+"?', re.DOTALL)  # one never closed goes to the end


def read_json(text: str) -> Any:
    """A JSON text as RFC 8259 has it: no NaN, no endless number, no depth beyond all use.

    Raises:
        ValueError: it is none.
    """
    depth = 0
    for sign in re.findall(r"[\[\]{}]", _JSON_TEXT.sub("", text)):
        depth += 1 if sign in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
    return json.loads(text, parse_constant=_refuse, parse_int=_integer)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 400 else float(digits)


def _json(code: str) -> bool:
    try:
        read_json(code)
    except ValueError:
        return False
    return True


def _yaml(code: str) -> bool:
    """By events: aliases are looked up, and never expanded."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth, anchors = 0, set[str]()
    try:
        for event in yaml.parse(code, Loader=loader):
            if isinstance(event, yaml.DocumentStartEvent):
                anchors = set()
            elif isinstance(event, yaml.AliasEvent) and event.anchor not in anchors:
                return False
            elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
                anchors.add(event.anchor)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                return False
    except (yaml.YAMLError, ValueError):
        return False
    return True


class _Refused(Exception):
    """What is read is not to be read on."""


def _xml(code: str) -> bool:
    """Whether it is well formed. A document type is refused, and with it every entity of its own."""
    from xml.parsers import expat

    depth = 0

    def refuse(*_: Any) -> None:
        raise _Refused

    def enter(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise _Refused

    def leave(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = enter, leave
    try:
        parser.Parse(code.encode("utf-8"), True)
    except (expat.ExpatError, UnicodeEncodeError, _Refused):
        return False
    return True


def _sql(code: str) -> bool:
    if len(code) > MAX_SQL:
        return False
    from synthspec.languages.expressions.functions.sql import is_sql

    return is_sql(code)


READERS: Mapping[str, Callable[[str], bool]] = {
    "python": _python,
    "json": _json,
    "yaml": _yaml,
    "xml": _xml,
    "sql": _sql,
}
