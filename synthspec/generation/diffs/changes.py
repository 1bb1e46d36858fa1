"""Which keys of a spec an edit changes, from what to what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from synthspec.lazy_dataclass import dataclass

LINE = 70  # characters shown of a value
_ALIGNED = 2_000  # items of a list that are matched with each other; longer ones are compared place by place
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of a spec: its value before and after, each as JSON cut to one line; None where it is not there."""

    path: str
    before: str | None
    after: str | None


def spec_changes(old: Any, new: Any) -> tuple[KeyChange, ...]:
    """Every key whose value differs, the deepest that says so, in the order of the new spec.

    >>> [c.path for c in spec_changes({"rows": 2, "checks": ["a"]}, {"rows": 3, "checks": ["a", "b"]})]
    ['rows', 'checks.1']
    """
    return tuple(_changes("", old, new))


def _changes(path: str, old: Any, new: Any) -> Iterator[KeyChange]:
    if isinstance(old, dict) and isinstance(new, dict) and (path == "" or (old and new)):
        for key in dict.fromkeys((*new, *old)):
            yield from _changes(_below(path, key), old.get(key, _NOTHING), new.get(key, _NOTHING))
    elif isinstance(old, list) and isinstance(new, list) and old and new:
        yield from _items(path, old, new)
    elif _written(old) != _written(new):
        yield KeyChange(path, *_lines(_written(old), _written(new)))


def _items(path: str, old: list[Any], new: list[Any]) -> Iterator[KeyChange]:
    """The items of two lists; one that was put in or taken out moves no other."""
    ours, theirs = ([json.dumps(i, sort_keys=True, default=str) for i in items] for items in (old, new))
    if max(len(old), len(new)) > _ALIGNED:
        spans = [("replace", 0, len(old), 0, len(new))]
    else:
        spans = [o for o in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes() if o[0] != "equal"]
    for _, start, end, first, last in spans:
        for n in range(max(end - start, last - first)):
            before = old[start + n] if start + n < end else _NOTHING
            after = new[first + n] if first + n < last else _NOTHING
            place = first + n if after is not _NOTHING else start + n
            yield from _changes(_below(path, place), before, after)


def _below(path: str, key: Any) -> str:
    """A path as `--set` writes it."""
    return f"{path}.{key}" if path else str(key)


def _written(value: Any) -> str | None:
    if value is _NOTHING:
        return None
    return json.dumps(value, ensure_ascii=False, default=str)


def _lines(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    """Both cut to a line, so that what differs can be seen."""
    same = 0
    if before is not None and after is not None:
        shorter = min(len(before), len(after))
        same = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    return _cut(before, same), _cut(after, same)


def _cut(text: str | None, place: int) -> str | None:
    """A part of a text around a place, on one line."""
    if text is None or len(text) <= LINE:
        return text
    start = place - LINE // 3 if place > LINE // 2 else 0
    start = min(start, len(text) - LINE + 1)
    room = LINE - (start > 0)
    if start + room >= len(text):
        return f"…{text[start:]}"
    return f"{'…' if start else ''}{text[start : start + room - 1]}…"
