"""Where a talk's speakers begin to speak, in all the ways in which models mark it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

from synthspec.formats.recovery.remarks import is_speaker
from synthspec.formats.recovery.wrappers import is_fence
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.lazy_dataclass import dataclass

Style = Literal["colon", "closed", "alone", "dash", "bare", "inside", "run on"]

_NUMBER = r"(?:(?:turn|message|line|exchange|round)[ \t]*#?)?\d{1,3}(?:[:.]\d{2}){0,2}(?:[ \t]?[ap]\.?m\.?)?"
_MENTIONS = lazy_pattern(
    r"\b(?:an?|the|this|that|my|your|our|his|her|their|to|of|by|for|from|with|as|and|or|says?|said|tell|told|ask|asked"
    r"|called|dear|is|was|named|type|typed|write|wrote|see|read)\Z",
    re.IGNORECASE,
)
_ENDED = ".!?…)]\"”'’*_:。！？—–-"


@dataclass(frozen=True, slots=True)
class Mark:
    """A speaker's name before what is said. `label` as the spec spells it; `opened`: emphasis that ends later."""

    label: str
    start: int
    end: int
    style: Style
    opened: str = ""


class UnclearSpeakerError(Exception):
    """Who speaks cannot be told for certain. The text is the line in question."""


def find_marks(body: str, labels: Sequence[str]) -> list[Mark]:
    """Every mark of a speaker, in order.

    Raises:
        UnclearSpeakerError: a line may begin a turn, and may as well be part of one.
    """
    found, unclear = list[Mark](), list[str]()
    for candidate in _candidates(body, labels):
        if isinstance(candidate, Mark):
            found.append(candidate)
        else:
            unclear.append(candidate)
    if found and unclear:
        raise UnclearSpeakerError(unclear[0])
    run_on = next((m for m in found if m.style == "run on"), None)
    if run_on is not None and not _changes(found):
        raise UnclearSpeakerError(_line_at(body, run_on.start))
    if all(m.style in ("bare", "dash") for m in found):
        return _alone_in_style(body, found)
    doubtful = [m for m in found if m.style in ("bare", "dash")]
    if doubtful and not _alternate(body, found):
        raise UnclearSpeakerError(_line_at(body, doubtful[0].start))
    return found


def sure_marks(body: str, labels: Sequence[str]) -> list[Mark]:
    """The marks of a speaker that are surely such; lines that may be one are text."""
    found = (m for m in _candidates(body, labels) if isinstance(m, Mark))
    return [m for m in found if m.style in ("colon", "closed", "inside")]


def _candidates(body: str, labels: Sequence[str]) -> Iterator[Mark | str]:
    """Marks, and lines that may be one."""
    at, fenced = 0, False
    for line in body.split("\n"):
        if is_fence(line):
            fenced = not fenced
        elif not fenced:
            mark = _at_start(line, at, labels)
            if mark is not None:
                yield mark
            elif _is_unclear(line, labels):
                yield line
            yield from _inside(line, mark.end - at if mark is not None else 0, at, labels)
        at += len(line) + 1


def _at_start(line: str, at: int, labels: Sequence[str]) -> Mark | None:
    match = _start_pattern(tuple(labels)).match(line)
    if match is None:
        return None
    label, rest = spelled(match["label"], labels), line[match.end() :]
    exact, opening = match["label"] == label, match["open"]
    opened = _opened(opening, match["shut"] + match["after"])
    if match["colon"]:
        return Mark(label, at, at + match.end(), "colon", opened)
    if match["shut"] and any(c in opening for c in "*_[<"):
        return Mark(label, at, at + match.end(), "closed")
    if not rest.strip():
        return Mark(label, at, at + match.end(), "alone") if exact or "#" in opening else None
    if not exact or match["aside"]:
        return None
    apart = line[match.end() - 1].isspace()
    dash = re.match(r"[-–—][ \t]+(?=\S)", rest)
    if dash is not None and apart:
        return Mark(label, at, at + match.end() + dash.end(), "dash")
    bare = apart and (rest[0].isupper() or rest[0].isdigit() or rest[0] in "\"“'¿¡")
    return Mark(label, at, at + match.end(), "bare") if bare else None


def _opened(opening: str, closing: str) -> str:
    """Emphasis that begins before a name and does not end right after it."""
    return next((m for m in ("**", "__") if opening.count(m) == 1 and m not in closing), "")


_LOOKED_BACK = 400  # characters before a name that may make it a mention


def _inside(line: str, start: int, at: int, labels: Sequence[str]) -> Iterator[Mark | str]:
    """Marks in the middle of a line: two speakers on one."""
    counted, straight, curly = 0, 0, 0  # quotation marks up to here, so that a long line is passed over once
    for match in _inner_pattern(tuple(labels)).finditer(line, start):
        begins = match.start()
        straight += line.count('"', counted, begins)
        curly += line.count("“", counted, begins) - line.count("”", counted, begins)
        counted = begins
        if begins == start or straight % 2 or curly > 0:
            continue
        before = line[max(0, begins - _LOOKED_BACK) : begins].rstrip(" \t")
        label = spelled(match["label"], labels)
        ended = not before or before[-1] in _ENDED or before[-1] in "|/>" or ord(before[-1]) > 0x2190
        if match["label"].islower() or (not ended and _MENTIONS.search(before)):
            yield line
            continue
        opened = _opened(match["open"], match["close"])
        yield Mark(label, at + match.start(), at + match.end(), "inside" if ended else "run on", opened)


def _is_unclear(line: str, labels: Sequence[str]) -> bool:
    """Whether a line may begin a turn under a name that is only like one, or that of another chat."""
    if ":" not in line and "：" not in line:
        return False
    if is_speaker(line) and not any(label.casefold() in line[:40].casefold() for label in labels):
        return True
    return _near_pattern(tuple(labels)).match(line) is not None


def _alone_in_style(body: str, found: list[Mark]) -> list[Mark]:
    """Marks without a colon, where every line of the talk has one and the speakers alternate."""
    first = found[0].start if found else 0
    lines = [line for line in body[first:].split("\n") if line.strip()]
    dashed = all(m.style == "dash" for m in found)
    if len(found) >= 2 and _changes(found) and (dashed or (len(lines) == len(found) and len(found) >= 3)):
        return found
    if found:
        raise UnclearSpeakerError(_line_at(body, found[0].start))
    return []


def _alternate(body: str, found: list[Mark]) -> bool:
    """Whether each line of the talk begins a turn and speakers change each time: one colon is missing, no more."""
    lines = [line for line in body[found[0].start :].split("\n") if line.strip()]
    starts = {body.count("\n", 0, m.start) for m in found}
    sure = sum(m.style not in ("bare", "dash") for m in found)
    return _changes(found) and len(lines) == len(starts) and sure * 2 > len(found)


def _changes(found: Sequence[Mark]) -> bool:
    return all(a.label != b.label for a, b in itertools.pairwise(found))


def _line_at(body: str, at: int) -> str:
    return body[at:].partition("\n")[0]


def spelled(name: str, labels: Sequence[str]) -> str:
    """The label that a name in the text is, as the spec spells it."""
    folded = _fold(name)
    return next(label for label in labels if _fold(label) == folded)


def _fold(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).casefold()


def _names(labels: tuple[str, ...]) -> str:
    longest = sorted(labels, key=len, reverse=True)
    return "|".join(r"[ \t_]+".join(map(re.escape, re.split(r"[\s_]+", label.strip()))) for label in longest)


@lru_cache(maxsize=64)
def _start_pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<open>[^\w\n\"“”‘’'(]{{0,8}}(?:{_NUMBER}[^\w\n\"(]{{1,5}})?)(?P<label>{_names(labels)})(?![\w'’])"
        r"(?P<aside>[ \t]*[(\[][^()\[\]\n]{1,80}[)\]])?(?P<shut>[*_\]>]{0,4})[ \t]*(?P<colon>[:：])?"
        r"(?P<after>[*_\]]{0,4})[ \t]*",
        re.IGNORECASE,
    )


@lru_cache(maxsize=64)
def _inner_pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w*_])(?P<open>[*_]{{0,3}})(?P<label>{_names(labels)})(?:[ \t]*\([^()\n]{{1,80}}\))?"
        r"(?P<close>[*_]{0,3}[:：][*_]{0,3})[ \t]*(?=\S)"
    )


@lru_cache(maxsize=64)
def _near_pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"[^\w\n]{{0,8}}(?:[\w.'’]+[ ,]+){{0,3}}(?:{_names(labels)})\b[^:：\n.!?\"“]{{0,30}}[:：]")
