"""The grammar's parse table, saved beside it: building it anew takes longer than checking a small spec.

The file is used only with the grammar and the version of Lark it was made from; otherwise the table is built.
`python -m synthspec.languages.expressions.parsing.parse_table` writes it, and a test holds it in step with the grammar.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lark import Lark, __version__
from lark.grammar import Rule
from lark.lexer import TerminalDef

_HERE = Path(__file__).parent
GRAMMAR, TABLE = _HERE / "grammar.lark", _HERE / "grammar.table.json"


def load_parser(postlex: Any, transformer: Any) -> Lark:
    """The parser of the grammar, from the saved table where that is of this grammar and this Lark."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    saved = _read()
    if saved.get("made_from") != _mark(grammar):
        return _build(grammar, postlex=postlex, transformer=transformer)
    return Lark.__new__(Lark)._load(saved, postlex=postlex, transformer=transformer)


def write_table(postlex: Any) -> None:
    """Save the table of the grammar as it is now."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    data, memo = _build(grammar, postlex=postlex).memo_serialize([TerminalDef, Rule])
    data["options"]["postlex"] = None  # given anew when it is loaded
    saved = {"made_from": _mark(grammar), "data": data, "memo": memo}
    TABLE.write_text(json.dumps(saved, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def _build(grammar: str, **options: Any) -> Lark:
    return Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False, **options)


def _mark(grammar: str) -> str:
    return f"lark {__version__}, grammar {hashlib.blake2b(grammar.encode(), digest_size=12).hexdigest()}"


def _read() -> dict[str, Any]:
    try:
        saved: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"), object_hook=_numbered)
    except (OSError, ValueError):
        return {}
    return saved


def _numbered(node: dict[str, Any]) -> dict[Any, Any]:
    """JSON has text for keys; those of states and rules are numbers."""
    return {int(k) if k.isdecimal() else k: v for k, v in node.items()}


if __name__ == "__main__":
    from synthspec.languages.expressions.parsing.parser import Words

    write_table(Words())
