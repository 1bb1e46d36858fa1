"""A talk as one of its speakers sees it: its own words are the assistant's, all else since is one user message."""

from __future__ import annotations

from collections.abc import Sequence

from synthspec.spec.conversation import Said
from synthspec.spec.messages import Message

BEGIN = "Begin the conversation."
NAMED_FROM = 3  # speakers from which on each is named before what it says


def view_of(said: Sequence[Said], me: str, speakers: int) -> list[Message]:
    """The messages that a speaker is shown. What tools gave to others is theirs alone.

    >>> from synthspec.spec.messages import Text
    >>> [m.content for m in view_of([Said("a", (Text("hi"),)), Said("b", (Text("hello"),))], "b", 2)]
    ['hi', 'hello']
    """
    messages: list[Message] = []
    heard: list[str] = []
    for step in said:
        if step.speaker == me:
            _hear(messages, heard)
            if not messages:
                messages.append(Message("user", BEGIN))
            messages.append(Message("assistant" if step.result is None else "tool", step.parts))
        elif step.result is None and step.text:
            heard.append(f"{step.speaker}: {step.text}" if speakers >= NAMED_FROM else step.text)
    _hear(messages, heard)
    return messages or [Message("user", BEGIN)]


def _hear(messages: list[Message], heard: list[str]) -> None:
    if heard:
        messages.append(Message("user", "\n\n".join(heard)))
        heard.clear()
