"""What is to be said of a name, a function, a filter, a plug-in: a few words, and some lines of Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from synthspec.evaluation.gates import GATE_METRICS
from synthspec.language_service.analysis import Analysis
from synthspec.languages.expressions.functions.library import FUNCTIONS
from synthspec.languages.expressions.functions.signatures import find_function
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS, LISTED
from synthspec.plugins import find_plugin, is_plugin, plugin_error, plugin_names
from synthspec.spec import (
    Choice,
    Draw,
    FakerDraw,
    Field,
    Formula,
    GivenDraw,
    ListDraw,
    Parameter,
    PatternDraw,
    Prompt,
    SourceDraw,
)

SHOWN = 8  # values of a list
ONE = {"parameters": "parameter", "fields": "field", "items": "item", "prompts": "prompt", "sources": "source",
       "tools": "tool", "speakers": "speaker", "examples": "list of examples", "arguments": "argument",
       "locals": "name of this text"}  # fmt: skip


def about_name(analysis: Analysis, section: str, name: str) -> tuple[str, str]:
    """(a few words, Markdown) of a name that a section declares; what is not known of it is left out."""
    lines = list(_LINES[section](analysis, name)) if section in _LINES else []
    kind = lines[0] if lines else ""
    head = f"**{ONE.get(section, section)}** `{name}`" + (f" · {kind}" if kind else "")
    return kind, "\n\n".join([head, *lines[1:]])


def _of_parameter(analysis: Analysis, name: str) -> Iterator[str]:
    found = next((p for p in analysis.spec.parameters if p.name == name), None) if analysis.spec else None
    if found is None:
        return
    yield str(found.type)
    described = _description(analysis, "parameters", name)
    if described:
        yield described
    yield from _drawn(found.draw, analysis, found)


def _drawn(draw: Draw, analysis: Analysis, parameter: Parameter) -> Iterator[str]:
    match draw:
        case Choice(values, weights):
            total = sum(weights) or 1
            shown = [f"`{value_text(v)}` {100 * w / total:.3g} %" for v, w in zip(values, weights, strict=True)]
            more = f", and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
            yield f"one of {', '.join(shown[:SHOWN])}{more}"
        case Formula():
            yield f"computed or drawn: `{_written(analysis, parameter.name)}`"
        case PatternDraw(regex):
            yield f"a text that matches `{regex}`"
        case SourceDraw(source, column):
            yield f"from the source `{source}`" + (f", column `{column}`" if column else ", a whole row")
        case FakerDraw(provider, locale):
            yield f"Faker's `{provider}` ({locale})"
        case GivenDraw(on, cases, _):
            yield f"depends on `{on}`: {', '.join(f'`{value_text(v)}`' for v, _ in cases[:SHOWN])}"
        case ListDraw(item, most=most):
            yield f"a list of at most {most}"
            yield from _drawn(item, analysis, parameter)


def _written(analysis: Analysis, name: str) -> str:
    """What a parameter or field is said to be, as the text has it."""
    for site in analysis.sites:
        if site.text == "expression" and site.path[1:2] == (name,) and site.path[0] in ("parameters", "fields"):
            return site.node.text.strip()
    return ""


def _description(analysis: Analysis, section: str, name: str) -> str:
    node: Any = analysis.document
    for step in (section, name, "description"):
        node = node.get(step) if hasattr(node, "get") else None
    return str(getattr(node, "text", "") or "").strip()


def _of_field(analysis: Analysis, name: str) -> Iterator[str]:
    found = next((f for f in analysis.spec.fields if f.name == name), None) if analysis.spec else None
    if found is None or analysis.spec is None:
        return
    yield str(found.schema.get("type", found.type))
    if found.description:
        yield found.description
    writers = [p.name for p in analysis.spec.prompts if name in p.writes]
    if found.value is not None:
        yield f"computed: `{_written(analysis, name)}`"
    elif writers:
        yield f"written by the prompt `{'`, `'.join(writers)}`"
    rules = list(_rules(found))
    if rules:
        yield "; ".join(rules)


def _rules(field: Field) -> Iterator[str]:
    for label, bounds in (("words", field.words), ("sentences", field.sentences), ("turns", field.turns)):
        if bounds.minimum is not None or bounds.maximum is not None:
            yield f"{label} {'' if bounds.minimum is None else bounds.minimum}…{bounds.maximum or ''}"
    for key, value in field.schema.items():
        if key == "enum" and isinstance(value, list | tuple):
            shown = ", ".join(f"`{value_text(v)}`" for v in value[:SHOWN])
            yield f"one of {shown}{', …' if len(value) > SHOWN else ''}"
        elif key not in ("type", "description", "properties", "items"):
            yield f"{key} `{value_text(value)}`"
    if field.optional:
        yield "optional"


def value_text(value: Any) -> str:
    """A value as a person would write it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _of_prompt(analysis: Analysis, name: str) -> Iterator[str]:
    found = next((p for p in analysis.spec.prompts if p.name == name), None) if analysis.spec else None
    if found is None:
        return
    yield "" if found.is_asked else "makes no call"
    yield from _about_prompt(found)


def _about_prompt(prompt: Prompt) -> Iterator[str]:
    if prompt.writes:
        yield f"writes {_listed(prompt.writes)} as {prompt.format}"
    if prompt.reads:
        yield f"reads {_listed(sorted(prompt.reads))}"
    if prompt.needs:
        yield f"runs after {_listed(prompt.needs)}"


def _listed(names: Any) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _of_source(analysis: Analysis, name: str) -> Iterator[str]:
    found = analysis.spec.sources.get(name) if analysis.spec else None
    table = analysis.tables.get(name)
    if found is None or table is None:
        return
    yield f"{found.kind}, {len(table):,} rows"
    described = _description(analysis, "sources", name)
    if described:
        yield described
    yield "columns " + ", ".join(f"`{n}` {t}" for n, t in found.columns.items())


def _of_tool(analysis: Analysis, name: str) -> Iterator[str]:
    found = analysis.spec.tools.get(name) if analysis.spec else None
    if found is None:
        return
    members = found.parameters.get("properties")
    yield f"({', '.join(members) if isinstance(members, Mapping) else ''})"
    yield found.description


def _of_item(analysis: Analysis, name: str) -> Iterator[str]:
    node = analysis.names.items.get(name)
    if node is not None:
        yield f"each: {node.text}"
    for local in analysis.names.local.get(name, ()):
        if local.section == "items" and local.node is not None:
            yield f"{'map' if len(local.within) == 2 else 'for'}: {local.node.text}"


_LINES: Mapping[str, Any] = {
    "parameters": _of_parameter,
    "fields": _of_field,
    "prompts": _of_prompt,
    "sources": _of_source,
    "tools": _of_tool,
    "items": _of_item,
}


@cache
def function_names(drawn: bool) -> tuple[str, ...]:
    """The functions of expressions, in alphabetical order; with those that draw a value."""
    found = {*FUNCTIONS, *plugin_names("functions")}
    if drawn:
        found |= {*LISTED, *plugin_names("distributions")}
    return tuple(sorted(found))


def about_function(name: str) -> tuple[str, str] | None:
    """(signature, Markdown) of a function of expressions; None where there is none."""
    told: list[tuple[str, str]] = []
    found = find_function(name)
    if found is not None:
        told.append((found.signature, found.summary))
    drawn = DISTRIBUTIONS.get(name) if name in LISTED or name in plugin_names("distributions") else None
    if drawn is not None:
        given = ", ".join(a.name if a.default is None else f"{a.name} = {a.default}" for a in drawn.arguments)
        mean = f" Mean {drawn.mean}." if drawn.mean else ""
        told.append((f"{name}({given})", f"drawn: {drawn.summary}.{mean}"))
    if not told:
        return None
    return told[0][0], "\n\n".join(f"```\n{signature}\n```\n\n{said}" for signature, said in told)


def about_metric(name: str) -> str:
    """What a figure is that gates may name; "" where there is none."""
    return next((m.summary for m in GATE_METRICS if m.name == name), "")


@cache
def about_plugin(kind: str, name: str) -> str:
    """One line on a plug-in of a kind; "" where it says none or cannot be used."""
    if not is_plugin(kind, name) or plugin_error(kind, name) is not None:
        return ""
    return str(getattr(find_plugin(kind, name), "SUMMARY", ""))
