"""Conversations as models write them in JSON: `role` and `content`, or `from` and `value`, in several spellings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.languages.expressions.types import Type

_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system"}
_WRAPPERS = ("messages", "conversations", "conversation", "turns")


def read_conversation(value: Any, of: Type) -> Any:
    """The list of messages a decoded value surely is; the value itself where that is not certain.

    Other members of a message, such as a number or a time, are left out; a spoken text is never changed.
    """
    if isinstance(value, Mapping) and len(value) == 1:
        name = next(iter(value))
        value = value[name] if str(name).casefold() in _WRAPPERS else value
    if not isinstance(value, list) or not value:
        return value
    named = of.item is not None and of.item.member("name") is not None
    found = [_read(m, named) for m in value]
    return value if None in found else found


def _read(message: Any, named: bool) -> dict[str, Any] | None:
    if not isinstance(message, Mapping):
        return None
    folded = {str(k).strip().casefold(): v for k, v in message.items()}
    role, content = _one(folded, "role", "from"), _one(folded, "content", "value")
    known = _ROLES.get(role.strip().casefold()) if isinstance(role, str) else None
    if known is None or not isinstance(content, str):
        return None
    name = folded.get("name")
    extra = {"name": name} if named and isinstance(name, str) and name.strip() else {}
    return {"role": known, "content": content, **extra}


def _one(members: Mapping[str, Any], *names: str) -> Any:
    """The value of the one of these members that is there; None where both are."""
    there = [members[n] for n in names if n in members]
    return there[0] if len(there) == 1 else None
