"""Rules of a conversation: its form, its turns, and rules of text that hold for each message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from synthspec.generation.validation.counts import miscount
from synthspec.languages.expressions.types import TEXT
from synthspec.spec import Bounds, Field
from synthspec.spec.conversation import MEMBERS, ROLES, count_turns, spoken

Rule = Callable[[Any], str | None]


def conversation_rules(field: Field, texts: Sequence[tuple[str, Rule]]) -> Iterator[tuple[str, Rule]]:
    """The rules of a conversation; `texts` are those of `one_message`."""
    yield f"type({field.name})", _form_rule(field)
    if field.turns != Bounds():
        yield f"turns({field.name})", _turns_rule(field.turns)
    for label, rule in texts:
        yield label, _each(rule)


def each_message(clean: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Cleaning steps for texts as one for the content of each message."""

    def cleaned(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [
            {**m, "content": clean(m["content"])} if isinstance(m, Mapping) and "content" in m else m for m in value
        ]

    return cleaned


def _form_rule(field: Field) -> Rule:
    item = field.type.item
    members = [n for n, _ in item.members or ()] if item is not None else list(MEMBERS)
    roles = (item.member("role") if item is not None else None) or TEXT
    wanted = roles.values or ROLES

    def rule(value: Any) -> str | None:
        if not isinstance(value, list) or not value:
            return 'must be a list of messages, each {"role": …, "content": …}'
        for place, message in enumerate(value, 1):
            fault = _message_fault(message, wanted, members)
            if fault is not None:
                return f"message {place} {fault}"
        if field.value is None:
            absent = [role for role in ROLES if all(m["role"] != role for m in value)]
            if absent:
                return f"has no message by the {absent[0]}"
        return None

    return rule


def _message_fault(message: Any, roles: Sequence[str], members: Sequence[str]) -> str | None:
    if not isinstance(message, Mapping) or "role" not in message:
        return "must be a map with role and content"
    role, content = message["role"], message.get("content")
    if role not in roles:
        aside = "; system messages stand apart, in the shape" if role == "system" else ""
        return f"must be by one of {', '.join(roles)}, not by {str(role)[:40]}{aside}"
    unknown = next((str(n) for n in message if n not in members), None)
    if unknown is not None:
        return f"has a member '{unknown[:40]}' that no message has"
    if not isinstance(content, str):
        return "must have a text as its content"
    if not content.strip() and not message.get("tool_calls") and role != "tool":
        return "is empty"
    return None


def _turns_rule(bounds: Bounds) -> Rule:
    def rule(value: Any) -> str | None:
        return miscount(count_turns(value), "messages by the user", bounds.minimum, bounds.maximum)

    return rule


def _each(rule: Rule) -> Rule:
    def broken(value: Any) -> str | None:
        for place, role, text in spoken(value):
            fault = rule(text)
            if fault is not None:
                return f"message {place} ({role}): {fault}"
        return None

    return broken
