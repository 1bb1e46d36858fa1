"""Prompt templates: Jinja2, sandboxed and strict, checked when the spec is compiled.

The language is made total: no calls, macros or includes, bounded nesting, and no operation that could
make a short template's output explode. Rendering can then neither hang nor fill the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

MAX_TEXT = 2_000_000  # characters of one rendered prompt

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


class TemplateFault(Exception):
    """A template could not be rendered for these values; the message says why."""


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template. `reads` are the names it takes from outside."""

    text: str
    reads: frozenset[str] = frozenset()

    def render(self, values: Mapping[str, Any]) -> str:
        """The prompt for these values.

        Raises:
            TemplateFault: a value is not what the template needs.
        """
        return render(self.text, values)


def render(text: str, values: Mapping[str, Any]) -> str:
    """Render a template that `check_template` has passed."""
    import jinja2

    try:
        out: str = compiled(text).render(values)
    except jinja2.TemplateError as e:
        raise TemplateFault(str(e.message or e)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as e:
        raise TemplateFault(str(e)) from None
    if len(out) > MAX_TEXT:
        raise TemplateFault(f"the prompt is longer than {MAX_TEXT:,} characters")
    return out


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(("*", "**", "%"))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if not all(isinstance(v, int | float) for v in (left, right)):
                raise TemplateFault(f"'{operator}' takes numbers")
            if operator == "**" and (abs(left) > 1e6 or abs(right) > 64):
                raise TemplateFault("the power is too large")
            return super().call_binop(context, operator, left, right)

    env = Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, cache_size=0
    )
    env.globals.clear()
    env.filters = {n: f for n, f in env.filters.items() if n in FILTERS}
    env.filters["replace"] = _replace
    env.tests = {n: t for n, t in env.tests.items() if n in TESTS}
    return env


def _replace(text: Any, old: Any, new: Any, count: int = -1) -> str:
    whole, part, other = str(text), str(old), str(new)
    if len(whole) + whole.count(part) * len(other) > MAX_TEXT:
        raise TemplateFault("'replace' would make a text too long")
    return whole.replace(part, other, count)


@lru_cache(maxsize=256)
def compiled(text: str) -> jinja2.Template:
    return environment().from_string(text)
