"""What stands for values that are not written yet, so that messages of about the right length can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.generation.estimates.several import bound_names
from synthspec.inference.accounting.token_estimates import expected_tokens
from synthspec.inference.requests import PromptWriter
from synthspec.inference.speaker_requests import SpeakerWriter
from synthspec.languages.expressions import compile_row
from synthspec.languages.expressions.tree import Name
from synthspec.sources import Table
from synthspec.spec import Field, Prompt, Spec
from synthspec.spec.asked import fields_asked, item_field
from synthspec.spec.conversation import holds_messages, one_message
from synthspec.spec.messages import Message

ITEM = "word " * 12  # what stands for an item of a list that is not written yet


def with_bound_names(
    spec: Spec, prompt: Prompt, combination: Mapping[str, Any], tables: Mapping[str, Table]
) -> dict[str, Any]:
    """A combination, and stand-ins for the names that each call of a prompt has of its own: an item, a round."""
    values = {**combination, **bound_names(prompt, combination)}
    fields = {f.name: f for f in spec.fields}
    if prompt.map is not None and prompt.map.name not in values:
        items = prompt.map.items
        source = fields.get(items.name) if isinstance(items, Name) else None
        values[prompt.map.name] = _stand_in(item_field(source), spec, tables) if source is not None else "word " * 40
    if prompt.repeat is not None:
        asked = {f.name: f for f in fields_asked(prompt, fields)}
        values |= {n: _stand_in(asked[n], spec, tables) for n in prompt.repeat.seed if n in asked}
    return values


def messages_told(
    spec: Spec, writer: PromptWriter, combination: Mapping[str, Any], index: int, tables: Mapping[str, Table]
) -> list[Message]:
    """The messages of a call, with stand-ins of the expected length for fields that are not written yet."""
    values = with_stand_ins(spec, combination, tables)
    if isinstance(writer, SpeakerWriter):
        return list(writer.instructed(writer.drafted(index, values, 1)))
    return writer.told(writer.drafted(index, values, writer.prompt.rows), writer.prompt.rows)


def with_stand_ins(spec: Spec, combination: Mapping[str, Any], tables: Mapping[str, Table]) -> dict[str, Any]:
    """A combination, and a value of about the right length for each field that is not written yet."""
    values = dict(combination)
    for field in spec.fields:
        if field.name not in values:
            values[field.name] = _stand_in(field, spec, tables)
    for each in (p.each for p in spec.prompts if p.each is not None):
        items = compile_row(each.items)(values)
        values[each.name] = items[0] if isinstance(items, list) and items else ITEM
    return values


def _stand_in(field: Field, spec: Spec, tables: Mapping[str, Table]) -> Any:
    from synthspec.languages.templates.trial import sample_value

    if field.type.kind == "text" and not field.type.values:
        return "word " * round(field_tokens(field, spec, tables) / 1.4)
    return sample_value(field.type)


def field_tokens(field: Field, spec: Spec, tables: Mapping[str, Table]) -> int:
    """About how many tokens a value of a field takes in a reply, its label included."""
    if holds_messages(field):
        turns = [n for n in (field.turns.minimum, field.turns.maximum) if n is not None] or [3]
        return round(2 * sum(turns) / len(turns) * field_tokens(one_message(field), spec, tables))
    if field.type.kind != "text" or field.type.values:
        return 8
    low, high = field.words.minimum, field.words.maximum
    if low is not None and high is not None:
        return round((low + high) / 2 * 1.4) + 6
    for table in tables.values():
        known = table.values(field.name, table.some(200)) if field.name in table.names else ()
        texts = [t for t in known if isinstance(t, str)][:200]
        if texts:
            return sum(map(expected_tokens, texts)) // len(texts) + 6
    if "maxLength" in field.schema:
        return int(field.schema["maxLength"]) // 8 + 6
    guess = low * 1.3 if low is not None else (high * 0.6 if high is not None else 60)
    return round(guess * 1.4) + 6
