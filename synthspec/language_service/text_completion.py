"""Completion inside expressions and templates: names with their types, members, functions, filters, values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from synthspec.language_service.about import ONE, about_function, about_metric, about_name, function_names
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.cursor import CursorPlace
from synthspec.language_service.scopes import known_values, local_names, member_types, scope_at
from synthspec.language_service.texts import FORM, KEYWORDS, Word, expression_words, tags, template_words
from synthspec.language_service.values import CompletionKind, Position
from synthspec.language_service.written import NAME, Offered, as_literal
from synthspec.languages.expressions.types import Type
from synthspec.languages.templates.environment import FILTERS, TESTS

_MEMBER = r"[\w]*$"
_TEXT = r"[^'\"]*$"
_STATEMENTS = ("for", "if", "set", "with", "else", "elif", "endfor", "endif", "endwith")


def complete_expression(
    analysis: Analysis, place: CursorPlace, position: Position, item: bool = False
) -> Iterator[Offered]:
    """What may stand in an expression, or after `in` of `name in LIST`."""
    text = place.text
    if item:
        form = FORM.match(f"{text}x")
        if form is None:
            return
        text = text[form.end() :]
    scope = scope_at(analysis, place.path, position)
    words = expression_words(text)
    if words and words[-1].kind == "string" and not _is_closed(words[-1]):
        quote = words[-1].text[0]
        for value in known_values(analysis, words[:-1], scope):
            if isinstance(value, str) and "'" not in value and '"' not in value and "\\" not in value:
                yield Offered(value, "value", value + quote, word=_TEXT)
        return
    begun = bool(words) and words[-1].kind not in ("string", "number", "operator") and text.endswith(words[-1].text)
    done = words[:-1] if begun else words
    if done and done[-1].text == ".":
        yield from _members(done, scope)
        return
    if begun and words[-1].kind == "number":
        return
    single = "'" in place.style
    for value in known_values(analysis, done, scope):
        literal = as_literal(value)
        yield Offered(literal, "value", literal.replace("'", "''") if single else literal, word=NAME)
    yield from names(analysis, place, scope)
    for name in function_names(place.path[:1] == ("parameters",)):
        told = about_function(name)
        if told is not None and place.path[:1] != ("gates",):
            yield Offered(name, "function", f"{name}(", told[0], told[1], NAME)
    for word in KEYWORDS:
        yield Offered(word, "keyword", word, word=NAME)


def _is_closed(word: Word) -> bool:
    return len(word.text) > 1 and word.text[-1] == word.text[0]


def _members(words: list[Word], scope: Mapping[str, Type]) -> Iterator[Offered]:
    for name, kind in member_types(words, scope).items():
        if name.isidentifier():
            yield Offered(name, "member", name, str(kind), word=_MEMBER)


def names(analysis: Analysis, place: CursorPlace, scope: Mapping[str, Type]) -> Iterator[Offered]:
    """The names in scope, each with its type and what it is."""
    for name, kind in scope.items():
        if not name.isidentifier():
            continue
        section = analysis.names.meaning(name, place.path)
        told = about_name(analysis, section, name)[1] if section else about_metric(name)
        one = ONE.get(section, "")
        offered: CompletionKind = "metric" if place.path[:1] == ("gates",) else "value"
        offered = one if one in get_args(CompletionKind) else offered  # type: ignore[assignment]
        yield Offered(name, offered, name, str(kind), told, NAME)


def complete_template(analysis: Analysis, place: CursorPlace, position: Position) -> Iterator[Offered]:
    """What may stand in a tag of a template; nothing beside tags."""
    opened = [tag for tag in tags(place.text) if not tag.closed]
    if not opened or opened[-1].sign == "{#":
        return
    tag = opened[-1]
    inside = place.text[tag.inside :]
    if "\n" in inside and tag.inside_end < len(place.text):
        return
    words = [w for w in template_words(place.text) if w.start >= tag.inside]
    if words and words[-1].kind == "string" and not _is_closed(words[-1]):
        return
    begun = bool(words) and words[-1].kind not in ("string", "number", "operator", "brace")
    begun = begun and place.text.endswith(words[-1].text)
    done = words[:-1] if begun else words
    outer = scope_at(analysis, place.path, position)
    scope = {**outer, **local_names(place.text[: tag.start], outer)}
    last = done[-1].text if done else ""
    if last == ".":
        yield from _members(done, scope)
    elif last == "|":
        yield from (Offered(name, "filter", name, "filter", word=NAME) for name in FILTERS)
    elif last == "is" or (last == "not" and len(done) > 1 and done[-2].text == "is"):
        yield from (Offered(name, "test", name, "test", word=NAME) for name in TESTS if name.isidentifier())
    elif tag.sign == "{%" and not done:
        yield from (Offered(name, "keyword", name, word=NAME) for name in _STATEMENTS)
    elif tag.sign == "{%" and len(done) == 1 and last in ("for", "set", "with"):
        return
    else:
        values = list(known_values(analysis, done, scope))
        literals = [as_literal(v) for v in values]
        doubled = place.style == "'"
        for literal in literals:
            yield Offered(literal, "value", literal.replace("'", "''") if doubled else literal, word=NAME)
        yield from names(analysis, place, scope)
        for word in ("in", "if", "else", "and", "or", "not", "is"):
            yield Offered(word, "keyword", word, word=NAME)
