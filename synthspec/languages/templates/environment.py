"""The Jinja environment of prompts: few filters, each bounded, and operators that cannot make a value explode."""

from __future__ import annotations

import functools
import html
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from synthspec.languages.templates.work import (
    MAX_BITS,
    MAX_TEXT,
    TemplateFault,
    WorkFault,
    counted,
    join_texts,
    prompt_text,
    spend,
    written_size,
)

FILTERS = (
    "abs", "capitalize", "count", "d", "default", "first", "float", "int", "join", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select",
    "selectattr", "sort", "string", "striptags", "sum", "title", "tojson", "trim", "truncate", "unique", "upper",
    "wordcount", "dictsort", "items",
)  # fmt: skip
TESTS = (
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence",
    "iterable", "odd", "even", "divisibleby", "in", "eq", "ne", "lt", "le", "gt", "ge", "==", "!=", "<", "<=", ">",
    ">=", "lower", "upper", "true", "false", "sameas", "equalto", "greaterthan", "lessthan",
)  # fmt: skip
_OF_TEXT = ("capitalize", "lower", "replace", "striptags", "title", "trim", "truncate", "upper", "wordcount")
_LOOP = "items of a loop"  # no name that a template could write
_MAX_DIGITS = 400  # of a text read as a whole number
_MAX_INDENT = 16
_MAX_PRECISION = 300


class Anything(str):
    """A stand-in for a value of which nothing is known: whatever a template does with it goes well."""

    def __new__(cls) -> Anything:
        return super().__new__(cls, "…")

    def _same(self, *_: Any) -> Anything:
        return self

    def _yes(self, _: Any) -> bool:
        return True

    __getitem__ = __round__ = __neg__ = __abs__ = _same
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _same
    __lt__ = __le__ = __gt__ = __ge__ = _yes

    def __int__(self) -> int:
        return 1

    def __float__(self) -> float:
        return 1.0

    def __index__(self) -> int:
        return 1

    def items(self) -> list[tuple[str, Anything]]:
        """As of a map with one member."""
        return [("…", self)]


class AnyMembers(dict[str, Any]):
    """A stand-in for a map of which only some members are known; it has every other one too."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Anything:
        return Anything()


class _Generator(CodeGenerator):
    """Code in which `~` is bounded, and writes a null as no text."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  (Jinja's name)
        self.write("environment.join_texts((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _Environment(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset(("*", "**", "%", "+"))
    join_texts = staticmethod(join_texts)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sides = (left, right)
        if not any(isinstance(v, Anything) for v in sides):
            _check_sides(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A member of a map by its name, whatever methods a map has; never a method."""
        if isinstance(obj, Anything):
            return obj
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        found = super().getattr(obj, attribute)
        if callable(found) and not isinstance(obj, LoopContext) and not isinstance(found, Undefined):
            return self.undefined(obj=obj, name=attribute)
        return found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a list, a member of a map."""
        if isinstance(argument, str) and not isinstance(obj, str):
            return self.getattr(obj, argument)
        return super().getitem(obj, argument)

    def _generate(self, source: nodes.Template, *rest: Any, **more: Any) -> str:
        for loop in list(source.find_all(nodes.For)):
            cost = nodes.Const(sum(1 for part in loop.body for _ in part.find_all(nodes.Node)) + 1)
            loop.iter = nodes.Filter(loop.iter, _LOOP, [cost], [], None, None, lineno=loop.lineno)
        source.set_environment(self)
        return super()._generate(source, *rest, **more)


def _check_sides(operator: str, left: Any, right: Any) -> None:
    numbers = all(isinstance(v, int | float) for v in (left, right))
    if operator == "+":
        if isinstance(left, str | list) and isinstance(right, str | list):
            size = len(left) + len(right)
            spend(1, size)
            if size > MAX_TEXT:
                raise WorkFault("'+' would make a text or list too long")
        return
    if not numbers:
        raise TemplateFault(f"'{operator}' takes numbers")
    if operator == "**" and (abs(left) > 1e6 or abs(right) > 64):
        raise WorkFault("the power is too large")
    if operator == "*" and sum(v.bit_length() for v in (left, right) if isinstance(v, int)) > MAX_BITS:
        raise WorkFault("the number is too large")


def build_environment() -> jinja2.Environment:
    """Sandboxed, strict about names, with the filters and tests that prompts may use."""
    env = _Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, cache_size=0,
        finalize=_shown,
    )  # fmt: skip
    env.globals.clear()
    filters = {n: f for n, f in env.filters.items() if n in FILTERS} | _OWN
    env.filters = {n: _bounded(n, f) for n, f in filters.items()} | {_LOOP: counted}
    env.tests = {n: t for n, t in env.tests.items() if n in TESTS}
    return env


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    if _is_talk(value):
        return "\n".join(map(_said, value))
    if isinstance(value, list | tuple | dict):
        return prompt_text(value)
    return value


def _is_talk(value: Any) -> bool:
    """Whether a value is the messages of a conversation."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in value)
    )


def _said(message: Mapping[str, Any]) -> str:
    """A message on a line: who, and what; the tools that are called, each on a line of its own."""
    who, text = prompt_text(message.get("name") or message["role"]), message["content"]
    calls = [c.get("function", c) for c in message.get("tool_calls") or () if isinstance(c, dict)]
    lines = [f"{who}: {prompt_text(text)}"] if text or not calls else []
    return "\n".join(
        [*lines, *(f"{who} calls {c.get('name')}({prompt_text(c.get('arguments') or {})})" for c in calls)]
    )


def _bounded(name: str, filter: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that counts what it goes through and what text it makes; one of texts takes a null for no text."""
    place = 1 if hasattr(filter, "jinja_pass_arg") else 0

    @functools.wraps(filter)
    def run(*given: Any, **named: Any) -> Any:
        value = given[place]
        if name in _OF_TEXT:
            value = prompt_text(value) if not isinstance(value, Undefined) else value
            given = (*given[:place], value, *given[place + 1 :])
        spend(1 + (len(value) if isinstance(value, list | tuple | dict) else 0))
        made = filter(*given, **named)
        if isinstance(made, str):
            spend(0, len(made))
        return made

    return run


# --- filters whose own would hang, fill the memory or raise


def _replace(text: Any, old: Any, new: Any, count: int = -1) -> str:
    whole, part, other = str(text), prompt_text(old), prompt_text(new)
    if len(whole) + whole.count(part) * len(other) > MAX_TEXT:
        raise WorkFault("'replace' would make a text too long")
    return whole.replace(part, other, count)


def _join(value: Any, d: Any = "", attribute: Any = None) -> str:
    between = prompt_text(d)
    texts: list[str] = []
    size = 0
    for item in value:
        part = prompt_text(_member(item, attribute) if attribute is not None else item)
        spend(1)
        size += len(part) + len(between)
        if size > MAX_TEXT + len(between):
            raise WorkFault(f"'join' would make a text longer than {MAX_TEXT:,} characters")
        texts.append(part)
    return between.join(texts)


def _member(item: Any, attribute: Any) -> Any:
    from synthspec.languages.templates.template import environment

    env = environment()
    if isinstance(attribute, int):
        return env.getitem(item, attribute)
    for name in str(attribute).split("."):
        item = env.getitem(item, int(name) if name.isdecimal() else name)
    return item


def _int(value: Any, default: int = 0, base: int = 10) -> Any:
    if isinstance(value, str) and len(value) > _MAX_DIGITS and not isinstance(value, Anything):
        return default
    try:
        return int(value, base) if isinstance(value, str) and not isinstance(value, Anything) else int(value)
    except (TypeError, ValueError, OverflowError):
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            return default


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if isinstance(value, Anything):
        return value
    if not isinstance(value, int | float):
        raise TemplateFault("'round' takes a number")
    if not isinstance(precision, int) or abs(precision) > _MAX_PRECISION:
        raise TemplateFault(f"'round' takes a precision from -{_MAX_PRECISION} to {_MAX_PRECISION}")
    if method == "common":
        return round(value, precision)
    if method not in ("ceil", "floor"):
        raise TemplateFault("'round' takes the method common, ceil or floor")
    power: float = 10**precision
    up_or_down: Callable[[float], int] = getattr(math, method)
    return up_or_down(value * power) / power


def _tojson(value: Any, indent: int | None = None) -> str:
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= _MAX_INDENT):
        raise TemplateFault(f"'tojson' takes an indent from 0 to {_MAX_INDENT}")
    if written_size(value, MAX_TEXT) > MAX_TEXT:
        raise WorkFault(f"a value is longer than {MAX_TEXT:,} characters")
    text = json.dumps(value, indent=indent, sort_keys=True)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _striptags(value: Any) -> str:
    """Without comments and tags, white space as single spaces; in one pass each, however many there are."""
    text = _without(_without(str(value), "<!--", "-->"), "<", ">")
    return html.unescape(" ".join(text.split()))


def _without(text: str, begin: str, end: str) -> str:
    kept: list[str] = []
    at = 0
    while (opened := text.find(begin, at)) >= 0 and (closed := text.find(end, opened)) >= 0:
        kept.append(text[at:opened])
        at = closed + len(end)
    return "".join([*kept, text[at:]])


def _string(value: Any) -> str:
    return prompt_text(value)


_OWN: dict[str, Callable[..., Any]] = {
    "replace": _replace,
    "join": _join,
    "int": _int,
    "round": _round,
    "tojson": _tojson,
    "striptags": _striptags,
    "string": _string,
}
