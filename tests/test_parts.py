"""Messages and replies as lists of parts; keys of messages of text alone are what they always were."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as some

from synthspec.spec.messages import Image, Message, Part, Reply, Text, ToolCall, ToolResult, Usage, text_of

parts = some.lists(
    some.one_of(
        some.builds(Text, some.text(max_size=9)),
        some.builds(Image, some.binary(max_size=9), some.just("image/png")),
        some.builds(
            ToolCall,
            some.text(max_size=4),
            some.text(max_size=4),
            some.just({"order": "A1"}),
            some.sampled_from(("", "{no")),
            some.sampled_from(("", "google:s")),
        ),
        some.builds(ToolResult, some.text(max_size=4), some.text(max_size=9)),
    ),
    max_size=4,
)


@given(some.text(max_size=30))
def test_a_text_is_one_part(text: str) -> None:
    message, reply = Message("user", text), Reply(text)
    assert message.parts == (Text(text),) and message.content == message.key_form == text
    assert reply.parts == (Text(text),) and reply.text == text
    assert message == Message("user", [Text(text)]) and hash(message) == hash(Message("user", (Text(text),)))


@given(parts)
def test_values_survive_copies(given_parts: list[Part]) -> None:
    message = Message("assistant", given_parts)
    reply = Reply(given_parts, Usage(1, 2), "m", "length", "because")
    for value in (message, reply):
        assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    assert replace(reply, usage=Usage(3, 4)) == Reply(given_parts, Usage(3, 4), "m", "length", "because")
    assert replace(message, role="user").parts == message.parts
    assert text_of(message.parts) == "".join(p.text for p in given_parts if isinstance(p, Text))


@given(parts, parts)
def test_what_differs_has_another_key(one: list[Part], other: list[Part]) -> None:
    left, right = Message("user", one), Message("user", other)
    only_text = all(isinstance(p, Text) for p in (*one, *other))
    if not only_text and left.key_form == right.key_form:
        assert _untold(left) == _untold(right)
    if left == right:
        assert left.key_form == right.key_form


def _untold(message: Message) -> list[Part]:
    """The parts without what a provider wants back in its own words, which is in no key."""
    return [replace(p, opaque="") if isinstance(p, ToolCall) else p for p in message.parts]


def test_a_picture_is_known_by_its_bytes() -> None:
    red, blue = Image(b"red", "image/png"), Image(b"blue", "image/png")
    assert red.digest != blue.digest and len(red.digest) == 32
    assert "red" not in repr(red)
