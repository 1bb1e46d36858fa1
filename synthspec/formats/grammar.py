"""grammar: a Lark grammar whose rules named like the fields carry the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import lark
from lark.parsers.earley_forest import StableSymbolNode

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.constraints import honoured
from synthspec.formats.instructions.descriptions import count, describe_all
from synthspec.formats.recovery.coercion import FieldReader, spell
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.wrappers import before_speaker, peel, read_last
from synthspec.languages.patterns.lexer import LexerPatterns, Steps
from synthspec.languages.patterns.simulation.viability import StepsExceededError
from synthspec.languages.patterns.tree import PatternFault
from synthspec.spec.messages import Constraint
from synthspec.spec.rows import Rejection

SUMMARY = "a Lark grammar whose rules named like the fields carry the values"
OPTIONS: Mapping[str, str] = {
    "grammar": "a Lark grammar; its `start` is the reply, a rule named like a field holds its text"
}
STEPS_A_DERIVATION = 5  # of those that a reply may take; its patterns count theirs
LONGEST = 1_000_000  # characters, for a grammar that LALR reads
LONGEST_EARLEY = 30_000  # characters, for one that needs Earley
LINES = 6  # first and last lines of a reply that may be talk around it
_WRONG = (lark.exceptions.LarkError, PatternFault, StepsExceededError, RecursionError, ValueError, ImportError)
_IMPORT = re.compile(r"^\s*%import\s+(?!(?:common|python|unicode|lark)\b)(\S+)", re.MULTILINE)


class _Grammar(lark.Lark):
    """A Lark parser that counts its steps: what it matches, and in how many ways it puts rules together."""

    patterns: LexerPatterns

    def _build_lexer(self, dont_ignore: bool = False) -> Any:
        self._count()
        return super()._build_lexer(dont_ignore)

    def _build_parser(self) -> Any:
        self._count()
        built = super()._build_parser()
        if self.options.parser == "earley":
            built.parser.SymbolNode = _counted(self.patterns.steps)
        return built

    def _count(self) -> None:
        self.patterns = LexerPatterns()
        self.lexer_conf.re_module = self.patterns  # type: ignore[assignment]


def _counted(steps: Steps) -> type[StableSymbolNode]:
    """The node of Earley's forest, every derivation of which takes steps."""

    class Node(StableSymbolNode):
        __slots__ = ()

        def add_family(self, *parts: Any) -> None:
            steps.take(STEPS_A_DERIVATION)
            super().add_family(*parts)  # type: ignore[no-untyped-call]

    return Node


@lru_cache(maxsize=64)
def _parser(grammar: str) -> tuple[_Grammar, int]:
    """The parser and the longest reply it takes. LALR where the grammar allows it, else Earley.

    Raises:
        lark.exceptions.LarkError: the grammar is wrong.
    """
    outside = _IMPORT.search(grammar)
    if outside:
        raise lark.exceptions.GrammarError(f"%import {outside[1]} would read another file")
    common: dict[str, Any] = {"propagate_positions": True, "keep_all_tokens": True}
    try:
        return _Grammar(grammar, parser="lalr", **common), LONGEST
    except lark.exceptions.LarkError:
        return _Grammar(grammar, parser="earley", **common), LONGEST_EARLEY


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    grammar = shape.options.get("grammar")
    if not isinstance(grammar, str):
        yield "grammar needs a Lark grammar", "write {grammar: 'start: …'}"
        return
    try:
        parser, _ = _parser(grammar)
    except _WRONG as e:
        yield _said(str(e).strip() or type(e).__name__)
        return
    rules = {r.alias or r.origin.name: r.options for r in parser.rules}
    for field in shape.fields:
        if field.name not in rules and not field.optional:
            yield f"the grammar has no rule named {field.name!r}", f"add a rule `{field.name}: …`"
        elif field.name in rules and rules[field.name].expand1:
            yield f"?{field.name} is left out of the tree", "write the rule without its question mark"


def _said(fault: str) -> FormatFault:
    """What Lark says of a grammar, and what to do about it."""
    missing = re.search(r"undefined rule: NonTerminal\('(\w+)'\)|Rule '(\w+)' used but not defined", fault)
    if missing is not None:
        name = missing[1] or missing[2]
        return f"the grammar is wrong, it has no rule '{name}'", f"add a rule `{name}: …`"
    return f"the grammar is wrong, {fault.splitlines()[0]}", "correct it; a rule is `name: …` on a line of its own"


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    return (
        f"Reply with {count(shape, 'row')} in exactly the form of this grammar, nothing before or after:\n"
        f"{str(shape.options['grammar']).strip()}\nIts rules carry:\n{describe_all(shape)}"
    )


def constraint(shape: Shape) -> Constraint:
    """The grammar, where llguidance takes it as it stands."""
    grammar = str(shape.options["grammar"])
    return Constraint(grammar=grammar) if honoured("lark", grammar) else Constraint()


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """The reply of which the grammar's tree holds the rows."""
    from synthspec.formats.instructions.unparse import unparse

    return unparse(_parser(str(shape.options["grammar"]))[0], [{n: spell(r[n]) for n in r} for r in rows])


def parse(text: str, shape: Shape) -> Parsed:
    """The reply by the grammar; its rows where the first field's rule comes again."""
    return read_last("grammar", text, shape, _read)


def _read(body: str, shape: Shape) -> Parsed:
    body = before_speaker(body, str(shape.options.get("grammar", "")))
    try:
        parser, longest = _parser(str(shape.options.get("grammar", "")))
    except _WRONG:
        return Parsed((), (refuse("grammar", "wrong grammar", "the grammar is wrong", body),))
    if len(body) > longest:
        return Parsed((), (refuse("grammar", "too long", f"the reply has over {longest} characters", body),))
    why = ""
    parser.patterns.steps.begin(body)
    for tried in dict.fromkeys(_parts(body, shape)):
        try:
            return _rows(parser.parse(tried), tried, shape)
        except (StepsExceededError, RecursionError):
            return Parsed((), (refuse("grammar", "too slow", "the grammar needs too many steps", body),))
        except lark.exceptions.UnexpectedInput as e:
            why = why or f"the grammar does not fit at line {e.line}, column {e.column}"
        except lark.exceptions.LarkError as e:
            why = why or f"the grammar does not fit ({type(e).__name__})"
    return Parsed((), (refuse("grammar", "does not fit", why, body),))


def _parts(body: str, shape: Shape) -> Iterator[str]:
    """The reply as it stands, without what stands around it, then without its first and last lines."""
    bare, _ = peel(body, ())
    yield from (bare, body, body.strip())
    lines = body.strip("\n").split("\n")
    most = LINES if len(body) < LONGEST_EARLEY else 0
    for last in range(len(lines), max(len(lines) - most, 0), -1):
        for first in range(min(most, last)):
            if lines[first].strip() and lines[last - 1].strip():
                yield "\n".join(lines[first:last])


def _rows(tree: Any, text: str, shape: Shape) -> Parsed:
    columns = {f.name: FieldReader(f) for f in shape.fields}
    groups: list[list[tuple[str, str]]] = []
    first = ""
    for name, source in _fields(tree, text, frozenset(columns)):
        first = first or name
        if name == first:
            groups.append([])
        groups[-1].append((name, source))
    rows: list[dict[str, Any]] = []
    rejections: list[Rejection] = []
    for group in groups:
        given = dict(group)
        missing = [n for n, c in columns.items() if n not in given and not c.field.optional]
        shown = " ".join(s for _, s in group)
        if len(given) != len(group):
            rejections.append(refuse("grammar", "a field twice", "a field comes twice in one row", shown))
        elif missing:
            rejections.append(refuse("grammar", "missing field", f"{', '.join(missing)} is missing", shown))
        else:
            rows.append({n: c.value(given[n]) for n, c in columns.items() if n in given})
    if not groups:
        rejections.append(refuse("grammar", "no field", "the reply holds none of the fields", text))
    return Parsed(tuple(rows), tuple(rejections))


def _fields(tree: Any, text: str, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Each field's name and text, in order. Walks without recursion."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if not isinstance(node, lark.Tree):
            continue
        if node.data in names:
            meta = node.meta
            yield str(node.data), "" if meta.empty else text[meta.start_pos : meta.end_pos]
        else:
            stack.extend(reversed(node.children))
