"""Expressions and types in the words of a message."""

from __future__ import annotations

from typing import Any

from synthspec.languages.expressions.tree import (
    Binary,
    Conditional,
    Expression,
    FunctionCall,
    Index,
    ListOf,
    Literal,
    MapOf,
    Member,
    Name,
    Unary,
)
from synthspec.languages.expressions.types import Type

_ARTICLES = {"integer": "an integer", "any": "of any type", "null": "null"}


def describe(node: Expression) -> str:
    """An expression, shortened to a few words."""
    match node:
        case Literal(value=value):
            return literal(value)
        case Name(name=name):
            return f"'{name}'"
        case Member() | Index():
            return f"'{_path(node)}'"
        case FunctionCall(function=function):
            return f"{function}(…)"
        case ListOf():
            return "this list"
        case MapOf():
            return "this map"
        case Unary(operator="not"):
            return "'not …'"
        case Unary(operator=operator):
            return f"'{operator}…'"
        case Binary(operator=operator):
            return f"'… {operator} …'"
        case Conditional():
            return "this 'if'"


def _path(node: Expression) -> str:
    match node:
        case Member(owner=owner, name=name):
            return f"{_path(owner)}.{name}"
        case Index(owner=owner):
            return f"{_path(owner)}[…]"
        case Name(name=name):
            return name
    return "…"


def literal(value: Any) -> str:
    """A constant as an expression writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = value if len(value) <= 40 else value[:39] + "…"
        return f"'{shown}'"
    return str(value)


def a(kind: Type) -> str:
    """A type with its article: "a number", "a list of text"."""
    return _ARTICLES.get(kind.kind) or ("text" if kind.kind == "text" else kind.with_article)
