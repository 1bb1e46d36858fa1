"""Replies in several wrappers, one around the other: a fence in tags, a box around thinking, JSON around lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection

from synthspec.formats.recovery.envelopes import BOX, boxed
from synthspec.formats.recovery.remarks import fold

_MOST = 6  # wrappers around each other
_TAG = re.compile(
    r"<(?P<tag>answer|final_answer|final|completion|output|response|reply|results?|solution|rows|data|csv|json|xml)>"
    r"(?P<inside>.*)</(?P=tag)>",
    re.IGNORECASE | re.DOTALL,
)
_ANNOUNCED = re.compile(r"[^\n<{\\`]{1,80}\n\n(?=<\w+>|\\boxed\{|```|\{\")")
_WITH_REMARKS = ("csv", "sections", "pairs")  # formats in which more than the closing tag may come after the rows
_KEYS = frozenset("text answer output response result content value reply".split())


def innermost(
    text: str,
    form: str,
    names: Collection[str],
    unfence: Callable[[str], str | None],
    clean: Callable[[str], str],
    least: int = 2,
) -> str:
    """What is inside all wrappers around a whole reply, where there are `least` of them or one is a box; else what
    `clean` makes of the reply.

    What stands in one wrapper alone is left to the format. `clean` takes thinking off, and what a whole reply is in; it
    counts as a wrapper where it changes something. The inside of a fence is a text as it stands.
    """
    found, layers = text, 0
    first: str | None = None  # what the reply is cleaned to, with its wrappers
    for _ in range(_MOST):
        bare = found.strip()
        if not layers and (before := _ANNOUNCED.match(bare)):
            bare = bare[before.end() :]
        inside = _inside(bare, form, names)
        if inside is None and form != "text":
            inside = unfence(bare)
        if inside is None:
            cleaned = clean(found)
            first = cleaned if found is text else first
            if cleaned.strip() == found.strip():
                break
            found, layers = cleaned, layers + 1
        else:
            found, layers = inside, layers + 1 + bare.startswith(BOX)
    if layers >= least and found.strip():
        return clean(found)
    return clean(text) if first is None else first


def _inside(text: str, form: str, names: Collection[str]) -> str | None:
    """The inside of tags, a box or a JSON object around the whole text."""
    if text[:1] == "<" and (tagged := _TAG.match(text)) and fold(tagged["tag"]) not in map(fold, names):
        once = text.lower().count(f"<{tagged['tag'].lower()}>") == 1
        return tagged["inside"] if once and (tagged.end() == len(text) or form in _WITH_REMARKS) else None
    if form == "text":
        return None
    if text.startswith(BOX) and form != "json":
        return boxed(text)
    return _of_object(text, form, names) if text[:1] == "{" and text[-1:] == "}" else None


def _of_object(text: str, form: str, names: Collection[str]) -> str | None:
    """The lines, or the JSON, that a JSON object holds as its one member, which is named as an answer."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((key, inside),) = value.items()
    if key.casefold() not in _KEYS or fold(key) in map(fold, names) or not isinstance(inside, str):
        return None
    return inside if (inside.lstrip()[:1] in ("[", "{") if form == "json" else "\n" in inside) else None
