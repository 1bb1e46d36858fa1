"""Fields that store the examples a prompt was shown: `examples: {from: docs, nearest: question, as: contexts}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext, scalar_text
from synthspec.document.reader import MapNode, ScalarNode
from synthspec.languages.expressions import names_of, parse_expression
from synthspec.languages.expressions.tree import FunctionCall, Literal, Name
from synthspec.languages.expressions.types import ANY, Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Field


@dataclass(frozen=True, slots=True)
class StoredExamples:
    """Examples with a name of their own: whose they are, where the name stands, what decides them, their type."""

    prompt: str
    node: ScalarNode
    reads: tuple[str, ...]
    type: Type


def named_examples(ctx: AnalysisContext) -> Iterator[StoredExamples]:
    """Every prompt's examples that have a name of their own."""
    for entry in ctx.section("prompts").entries:
        examples = entry.value.get("examples") if isinstance(entry.value, MapNode) else None
        at = examples.get("as") if isinstance(examples, MapNode) else None
        if isinstance(examples, MapNode) and isinstance(at, ScalarNode):
            texts = (scalar_text(examples.get(key)) for key in ("where", "nearest"))
            parsed = (parse_expression(text)[0] for text in texts if text)
            reads = {n for e in parsed if e is not None for n in names_of(e)} - {"row"}
            table = ctx.tables.get(scalar_text(examples.get("from")))
            members = None if table is None else tuple((name, ANY) for name in table.names)
            kind = Type("list", item=Type("map", members=members))
            yield StoredExamples(entry.key.text, at, tuple(sorted(reads)), kind)


def with_examples(ctx: AnalysisContext, drafts: Mapping[str, Field], computed: frozenset[str]) -> dict[str, Field]:
    """The fields, those named like examples computed from what decides which these are."""
    fields = dict(drafts)
    for found in named_examples(ctx):
        field = fields.get(found.node.text)
        if field is None or field.name in computed or field.examples is not None:
            continue
        if field.type.kind not in ("list", "any"):
            message = f"the field '{field.name}' stores examples, which are a list; it is {field.type.with_article}"
            ctx.report("E534", found.node, message, f"declare it as a list: `{field.name}: {{type: array}}`")
        value = FunctionCall("@examples", tuple(Name(n, 0, 0) for n in found.reads), (), 0, 0)
        kind = found.type if field.type.item is None or field.type.item == ANY else field.type
        fields[field.name] = replace(field, value=value, type=kind, examples=found.prompt)
    return fields


def without_circles(ctx: AnalysisContext, fields: dict[str, Field]) -> dict[str, Field]:
    """The fields, those that store examples decided by what is computed from them reported and emptied."""
    sound = dict(fields)
    reads = {n: names_of(f.value) for n, f in fields.items() if f.value is not None}
    for found in named_examples(ctx):
        name = found.node.text
        if name not in fields or fields[name].examples != found.prompt:
            continue
        todo, seen = list(reads[name]), set[str]()
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo.extend(reads.get(other, ()))
        if name in seen:
            message = f"the examples '{name}' are decided by what is computed from them"
            ctx.report("E414", found.node, message, "let `where` and `nearest` read other fields or parameters")
            sound[name] = replace(fields[name], type=ANY, value=Literal(None, 0, 0))
    return sound
