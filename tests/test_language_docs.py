"""docs/language.md holds every key of the language, as the JSON Schema describes it; one switch rewrites it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from synthspec.document.resources import language_schema
from synthspec.evaluation.gates import GATE_METRICS
from synthspec.generation.validation.cleaning import STEPS

PAGE = Path(__file__).parent.parent / "docs/language.md"
BEGIN, END = "<!-- keys -->", "<!-- end keys -->"
SECTIONS = (
    "source",
    "draw",
    "plan",
    "prompt",
    "speaker",
    "tool",
    "field",
    "check",
    "novelty",
    "output",
    "backend",
    "limits",
)


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found = language_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def kinds(schema: dict[str, Any]) -> str:
    schema = resolve(schema)
    if "enum" in schema:
        return "one of " + ", ".join(f"`{v}`" for v in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kinds(s) for s in schema["anyOf"]))
    names = {"object": "map", "array": "list", "string": "text", "integer": "whole number"}
    kind = schema.get("type", "any")
    return " or ".join(names.get(k, k) for k in ([kind] if isinstance(kind, str) else kind))


def keys_of(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    schema = resolve(schema)
    found = dict(schema.get("properties", {}))
    for branch in schema.get("anyOf", ()):
        found.update(keys_of(branch))
    return found


def table(keys: dict[str, dict[str, Any]], prefix: str = "") -> list[str]:
    lines = []
    for name, schema in keys.items():
        whole = resolve(schema)
        said = str(schema.get("description") or whole.get("description", "")).replace("|", "\\|")
        lines.append(f"| `{prefix}{name}` | {kinds(schema)} | {said} |")
        inner = keys_of(schema)
        if inner and name not in ("backend", "else", "not") and not prefix and "$ref" not in schema:
            lines += table(inner, f"{name}.")
    return lines


def describe() -> str:
    """The reference part of the page."""
    schema = language_schema()
    parts = ["### The whole file", "", "| key | value | meaning |", "|---|---|---|"]
    for name, inner in schema["properties"].items():
        whole = resolve(inner)
        said = str(inner.get("description") or whole.get("description", "")).replace("|", "\\|")
        parts.append(f"| `{name}` | {kinds(inner)} | {said} |")
    titles = {"source": "A source", "draw": "A parameter", "prompt": "A prompt", "field": "A field", "check": "A check"}
    for section in SECTIONS:
        definition = schema["$defs"][section]
        parts += ["", f"### {titles.get(section, f'`{section}`')}", "", definition.get("description", ""), ""]
        parts += ["| key | value | meaning |", "|---|---|---|", *table(keys_of(definition))]
    parts += ["", "### Cleaning steps", "", "| step | what it does |", "|---|---|"]
    parts += [f"| `{n}` | {(f.__doc__ or '').splitlines()[0] if n not in ('lower', 'upper') else f'All letters {n} case.'} |"
              for n, f in STEPS.items()]  # fmt: skip
    parts.append("| `{replace: regex, with: text}` | Every match replaced; `\\1` is the first group. |")
    parts.append("| `{round: 2}` | A number, or every number of a list or an object, with that many decimals. |")
    parts += ["", "### Figures that gates may name", "", "| figure | meaning |", "|---|---|"]
    parts += [f"| `{m.name}` | {m.summary} |" for m in GATE_METRICS]
    return "\n".join(parts) + "\n"


def test_the_page_is_in_step() -> None:
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    told = f"{head}{BEGIN}\n{describe()}{END}{rest.split(END)[1]}"
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(told, encoding="utf-8")
    assert told == page or os.environ.get("UPDATE_GOLDEN")


def test_every_key_has_a_description() -> None:
    schema = language_schema()
    bare = [n for n, s in schema["properties"].items() if not resolve(s).get("description")]
    for section in SECTIONS:
        bare += [
            f"{section}.{n}" for n, s in keys_of(schema["$defs"][section]).items() if not resolve(s).get("description")
        ]
    assert bare in ([], ["source.description"])
