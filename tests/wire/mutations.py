"""Replies that no provider should send: structured changes to a valid one, the same for the same number."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

# In place of a value: every kind of JSON, and what is just outside the ordinary. A text is put in as raw JSON.
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    3,
    0.5,
    10**30,
    "",
    "text",
    "12",
    "\x1b]0;owned\x07 \x9b31m",
    "half \ud83d",
    [],
    ["text"],
    [None],
    [[]],
    [{}],
    {},
    {"0": {"text": "in a map"}},
    {"type": "text"},
    {"type": "text", "text": ["deep"]},
    {"error": {"message": "in the reply", "code": 429}},
)
RAW = ("1e999", "-1e999", "NaN", "1" * 5000, "[" * 900 + "]" * 900, '"' + "a" * 100_000 + '"')
_MARK = "@@raw@@"


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole first."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from paths(below, (*at, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with another at a place."""
    if not path:
        return new
    whole = copy.deepcopy(value)
    owner = whole
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = new
    return whole


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """The value with what stands at a place left out."""
    whole = copy.deepcopy(value)
    owner = whole
    for key in path[:-1]:
        owner = owner[key]
    del owner[path[-1]]
    return whole


def _raw(value: Any, path: tuple[Any, ...], text: str) -> bytes:
    return json.dumps(put(value, path, _MARK)).replace(json.dumps(_MARK), text).encode()


def single(answer: Any) -> Iterator[bytes]:
    """Every place with every value, and left out."""
    for path in paths(answer):
        if path:
            yield json.dumps(without(answer, path)).encode()
        for value in VALUES:
            yield json.dumps(put(answer, path, value)).encode()
        for text in RAW:
            yield _raw(answer, path, text)


def several(answer: Any, seed: int) -> bytes:
    """Two or three places changed at once, sometimes with the bytes themselves damaged."""
    dice = random.Random(seed)
    changed = answer
    for _ in range(dice.choice((2, 3))):
        places = list(paths(changed))
        path = dice.choice(places)
        if path and dice.random() < 0.3:
            changed = without(changed, path)
        else:
            changed = put(changed, path, dice.choice(VALUES))
    raw = bytearray(json.dumps(changed).encode())
    if raw and dice.random() < 0.2:
        at = dice.randrange(len(raw))
        damage = (raw[:at], raw[:at] + bytes([dice.randrange(256)]) + raw[at + 1 :], b"\xff\xfe" + raw, raw + raw)
        return bytes(dice.choice(damage))
    return bytes(raw)
