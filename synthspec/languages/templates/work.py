"""How much work one rendering may do: steps and characters are counted, whichever way a template makes them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from synthspec.diagnostics.errors import ExitStatus, SynthspecError

MAX_TEXT = 2_000_000  # characters of one rendered prompt
MAX_STEPS = 2_000_000  # rounds of loops, each counted as often as its body has parts, and items that filters go through
MAX_MADE = 20_000_000  # characters of all texts made on the way
MAX_BITS = 8_192  # of a whole number


class TemplateFault(SynthspecError):
    """A template could not be rendered for these values; the message says why."""

    default_status = ExitStatus.WRONG_SPEC


class WorkFault(TemplateFault):
    """A template takes more steps, or makes longer texts, than it may."""


class UndefinedFault(TemplateFault):
    """A value lacks the member or item that the template reads."""


class _Meter(threading.local):
    steps: int | None = None
    made: int = 0


_METER = _Meter()


@contextmanager
def metered() -> Iterator[None]:
    """Count the work of one rendering; a rendering inside another counts for both."""
    outer = _METER.steps, _METER.made
    if outer[0] is None:
        _METER.steps, _METER.made = MAX_STEPS, MAX_MADE
    try:
        yield
    finally:
        _METER.steps, _METER.made = outer


def spend(steps: int, made: int = 0) -> None:
    """Count steps, and characters of texts made.

    Raises:
        WorkFault: more than a template may use.
    """
    if _METER.steps is None:
        return
    _METER.steps -= steps
    _METER.made -= made
    if _METER.steps < 0:
        raise WorkFault(f"its loops and filters take more than {MAX_STEPS:,} steps")
    if _METER.made < 0:
        raise WorkFault(f"it makes texts of more than {MAX_MADE:,} characters on the way")


def counted(items: Iterable[Any], cost: int) -> Iterator[Any]:
    """The items of a loop; each costs what the loop's body does."""
    for item in items:
        spend(cost)
        yield item


def written_size(value: Any, most: int) -> int:
    """About how many characters a value takes when it is written out; counting stops beyond `most`."""
    size, todo = 0, [value]
    while todo and size <= most:
        item = todo.pop()
        if isinstance(item, str):
            size += len(item) + 2
        elif isinstance(item, Mapping):
            size += 2
            todo.extend(item.keys())
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            size += 2 + 2 * len(item)
            todo.extend(item)
        elif isinstance(item, int):
            size += 1 + item.bit_length() // 3
        else:
            size += 24
    return size


def prompt_text(value: Any) -> str:
    """A value as a prompt shows it: a null is no text.

    Raises:
        WorkFault: it is too long.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if written_size(value, MAX_TEXT) > MAX_TEXT:
        raise WorkFault(f"a value is longer than {MAX_TEXT:,} characters")
    return str(value)


def join_texts(values: Iterable[Any]) -> str:
    """What `~` makes of its sides.

    Raises:
        WorkFault: it is too long.
    """
    texts = [prompt_text(v) for v in values]
    size = sum(map(len, texts))
    if size > MAX_TEXT:
        raise WorkFault(f"'~' would make a text longer than {MAX_TEXT:,} characters")
    spend(len(texts), size)
    return "".join(texts)
