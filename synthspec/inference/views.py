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
    heard: list[Said] = []
    for step in said:
        if step.speaker == me:
            if heard:
                messages.append(_together(heard, speakers))
                heard = []
            elif not messages:
                messages.append(Message("user", BEGIN))
            messages.append(step.own)
        elif step.text and step.result is None:
            heard.append(step)
    if heard:
        messages.append(_together(heard, speakers))
    return messages or [Message("user", BEGIN)]


def _together(heard: Sequence[Said], speakers: int) -> Message:
    """What others said since, as one message."""
    if speakers >= NAMED_FROM:
        return Message("user", "\n\n".join(f"{step.speaker}: {step.text}" for step in heard))
    return heard[0].heard if len(heard) == 1 else Message("user", "\n\n".join(step.text for step in heard))
