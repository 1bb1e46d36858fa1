"""Prompt templates: Jinja2, sandboxed and strict, checked when the spec is compiled.

The language is made total: no calls, macros or includes, bounded nesting, and every loop, filter and text counts
towards a limit on work. Rendering can then neither hang nor fill the machine. A null is written as no text at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthspec.languages.templates.work import MAX_TEXT, TemplateFault, UndefinedFault, WorkFault, metered
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

_LARGE = 10**18
_OWN = ("self", "super", "caller", "loop")  # what these names stand for is Jinja's own

__all__ = ["MAX_TEXT", "Template", "TemplateFault", "UndefinedFault", "compiled", "environment", "parsed", "render"]


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
    """Render a template that `check_template` has passed.

    Raises:
        TemplateFault: a value is not what the template needs, or the text would be longer than `MAX_TEXT`.
    """
    if "{" not in text:
        return _constant(text)
    filled = _filled(text, values)
    return _rendered(text, values) if filled is None else filled


@lru_cache(maxsize=64)
def _constant(text: str) -> str:
    """A text in which nothing is to be filled in."""
    return _rendered(text, {})


def _filled(text: str, values: Mapping[str, Any]) -> str | None:
    """A template of texts and names alone, where those stand for texts and whole numbers: most are so, and take a
    sixth of the time. None for any other."""
    parts = _parts_of(text)
    if parts is None:
        return None
    pieces = []
    for part, is_name in parts:
        if is_name:
            value = values.get(part)
            if type(value) is str:
                pieces.append(value)
            elif type(value) is int and -_LARGE < value < _LARGE:
                pieces.append(str(value))
            else:
                return None
        else:
            pieces.append(part)
    filled = "".join(pieces)
    return filled if len(filled) <= MAX_TEXT else None


@lru_cache(maxsize=256)
def _parts_of(text: str) -> tuple[tuple[str, bool], ...] | None:
    """The texts of a template and the names between them, each marked as a name or not; None where it holds more."""
    import jinja2
    from jinja2 import nodes

    try:
        body = parsed(text).body
    except jinja2.TemplateError:
        return None
    parts: list[tuple[str, bool]] = []
    for output in body:
        for node in output.nodes if isinstance(output, nodes.Output) else [output]:
            if isinstance(node, nodes.TemplateData):
                parts.append((node.data, False))
            elif isinstance(node, nodes.Name) and node.name not in environment().globals and node.name not in _OWN:
                parts.append((node.name, True))
            else:
                return None
    return tuple(parts)


def _rendered(text: str, values: Mapping[str, Any]) -> str:
    import jinja2

    pieces: list[str] = []
    size = 0
    try:
        template = compiled(text)
        with metered():
            for piece in template.generate(values):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_TEXT:
                    raise WorkFault(f"the prompt is longer than {MAX_TEXT:,} characters")
    except jinja2.UndefinedError as e:
        raise UndefinedFault(str(e.message or e)) from None
    except jinja2.TemplateError as e:
        raise TemplateFault(str(e.message or e)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as e:
        raise TemplateFault(str(e)) from None
    except (RecursionError, MemoryError):
        raise WorkFault("the template is too large to be filled in") from None
    return "".join(pieces)


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The one environment of all templates."""
    from synthspec.languages.templates.environment import build_environment

    return build_environment()


@lru_cache(maxsize=512)
def parsed(text: str) -> nodes.Template:
    """The tree of a template, to be read and never changed.

    Raises:
        jinja2.TemplateSyntaxError: it is no template.
    """
    return environment().parse(text)


@lru_cache(maxsize=256)
def compiled(text: str) -> jinja2.Template:
    """The template as code; constants are computed here, under the same limits."""
    with metered():
        template = environment().from_string(text)
    template.globals = dict(template.globals)  # it is read for each prompt, and the chain that it was is slow to read
    return template
