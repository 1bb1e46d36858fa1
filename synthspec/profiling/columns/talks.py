"""Columns of conversations: lists of messages, as chat formats have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthspec.languages.expressions.functions.texts import count_words
from synthspec.profiling.columns.languages import guess_language
from synthspec.profiling.columns.profile import Conversations

FORMS = (("role", "content"), ("from", "value"))
ROLES = {"user": "user", "human": "user", "prompter": "user", "assistant": "assistant", "gpt": "assistant",
         "model": "assistant", "bot": "assistant", "chatbot": "assistant", "system": "system"}  # fmt: skip


def talks_of(present: Sequence[Any]) -> Conversations | None:
    """What conversations they are; None where they are none, or of other parts than a user's and an assistant's."""
    form = next((f for f in FORMS if all(_is_talk(v, *f) for v in present)), None)
    if form is None:
        return None
    role, content = form
    said = [[(ROLES[m[role]], m[content]) for m in talk] for talk in present]
    spoken = [[(r, text) for r, text in talk if r != "system"] for talk in said]
    turns = [sum(r == "user" for r, _ in talk) for talk in spoken]
    texts = [text for talk in spoken for r, text in talk]
    if min(turns) < 1 or not all(any(r == "assistant" for r, _ in talk) for talk in spoken):
        return None
    words = np.array([count_words(t) for t in texts])
    low, high = (int(v) for v in np.quantile(words, (0.02, 0.98)))
    language, _ = guess_language(texts) or ("", 0.0)
    systems = sum(talk[0][0] == "system" for talk in said)
    return Conversations(min(turns), max(turns), max(1, low), max(high, low, 1), language, systems)


def _is_talk(value: Any, role: str, content: str) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, dict) and m.get(role) in ROLES and isinstance(m.get(content), str) for m in value)
        and all(m[content].strip() for m in value)
    )
