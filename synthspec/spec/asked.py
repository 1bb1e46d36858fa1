"""What one reply of a prompt holds: its fields, or where it is asked several times for a row, one item of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synthspec.languages.expressions.types import TEXT
from synthspec.spec import Bounds, Field, Prompt, Spec
from synthspec.spec.conversation import one_message

_TEXT_ITEM = {"type": "string"}


def lists_of_replies(prompt: Prompt) -> frozenset[str]:
    """The fields of a prompt that are lists with an item of each of its replies."""
    if prompt.samples is not None or prompt.map is not None:
        return frozenset(prompt.writes)
    if prompt.repeat is not None:
        return frozenset(name for name, of in prompt.repeat.collect.items() if name == of)
    return frozenset()


def fields_asked(prompt: Prompt, fields: Mapping[str, Field]) -> tuple[Field, ...]:
    """The fields that one reply gives."""
    lists = lists_of_replies(prompt)
    collected = prompt.repeat.collect if prompt.repeat is not None else {}
    beside = {name for name, of in collected.items() if name != of} | {prompt.reasoning}
    names = [w for w in prompt.writes if w in fields and w not in beside]
    if prompt.dialogue is not None:
        return tuple(one_message(fields[n]) for n in names[:1])
    return tuple(item_field(fields[n]) if n in lists else fields[n] for n in names)


def item_field(field: Field) -> Field:
    """An item of a list as a field of its own. Rules about texts and cleaning steps of the list hold for each item."""
    items = field.schema.get("items")
    schema = items if isinstance(items, dict) else _TEXT_ITEM
    kind = field.type.item if field.type.kind == "list" and isinstance(items, dict) else TEXT
    description = str(schema.get("description") or field.description)
    return replace(field, type=kind or TEXT, schema=schema, optional=False, description=description)


def list_field(field: Field) -> Field:
    """The same field with what holds for the list alone."""
    schema = {k: v for k, v in field.schema.items() if k != "items"}
    return replace(field, schema=schema, words=Bounds(), sentences=Bounds(), rejects=(), clean=())


def checked_whole(spec: Spec) -> tuple[Field, ...]:
    """The fields of a spec with the rules that hold for each as a whole."""
    lists = frozenset[str]().union(*map(lists_of_replies, spec.prompts))
    return tuple(list_field(f) if f.name in lists else f for f in spec.fields)


def checked_one_by_one(spec: Spec) -> tuple[Field, ...]:
    """The fields of a spec as replies give them, with the rules that hold for what a reply gives."""
    lists = frozenset[str]().union(*map(lists_of_replies, spec.prompts))
    return tuple(item_field(f) if f.name in lists else f for f in spec.fields)
