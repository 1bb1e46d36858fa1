"""One message of a talk as a model writes it: its own name taken off, and nothing that anybody else says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.remarks import is_filler, is_refusal, is_speaker, judge_preamble
from synthspec.formats.recovery.speakers import sure_marks
from synthspec.formats.recovery.thinking import without_thinking
from synthspec.formats.recovery.wrappers import unfence, unwrapped
from synthspec.spec.rows import Rejection

_MESSAGE = r"(?:message|reply|response|turn|line|answer|utterance)"
_QUOTED = re.compile(r"\"([^\"]+)\"\Z|“([^“”]+)”\Z", re.DOTALL)


def read_turn(text: str, me: str, others: Sequence[str], *, simulated: bool) -> str | Rejection:
    """What a speaker says next, or why the reply is no such message.

    `simulated`: the speaker stands for a person, so that a refusal is the model's own.

    >>> read_turn("**Agent:** Hello!", "agent", ["customer"], simulated=False)
    'Hello!'
    """
    body = without_thinking(text.removeprefix("\ufeff").replace("\r\n", "\n")).strip()
    body = unwrapped(unfence(body) or body).strip()
    body = _without_preamble(body, me)
    own, theirs, every = _names(me, tuple(others))
    marks = sure_marks(body, every)
    if marks and marks[0].start == 0 and marks[0].label in own:
        body = body[marks[0].end :].strip()
        marks = marks[1:]
    other = next((m.label for m in marks if m.label in theirs), None)
    if other is not None:
        return refuse("turn", "speaks for another", f"the message holds what {other.casefold()} says", body)
    if marks:
        return refuse("turn", "several messages", "the reply holds several messages of one speaker", body)
    lines = body.split("\n")
    if any(is_speaker(line) for line in lines[1:]) or "[INST]" in body:
        return refuse("turn", "speaks for another", "another turn begins inside the message", body)
    if is_speaker(lines[0]):
        body = lines[0].partition(":")[2].lstrip(" *") + "".join(f"\n{line}" for line in lines[1:])
    quoted = _QUOTED.match(body)
    if quoted is not None:
        body = (quoted[1] or quoted[2]).strip()
    body = body.strip()
    if not re.search(r"\w|[^\W_]|[^\x00-\x7f]", body):
        return refuse("turn", "empty turn", f"{me} says nothing", text)
    if is_filler(body):
        return refuse("turn", "placeholder", "the reply holds a placeholder, not a message", body)
    if simulated and is_refusal(body):
        return refuse("turn", "refusal", "the model declines to play its part", body)
    return body


@lru_cache(maxsize=256)
def _names(me: str, others: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What a line of the speaker's own begins with, what one of another's, and both."""
    own, theirs = _spellings([me]), _spellings(others)
    return own, theirs, (*own, *theirs)


def _spellings(names: Sequence[str]) -> tuple[str, ...]:
    """Names as the spec has them and as a transcript begins a line with them."""
    return tuple(dict.fromkeys(s for n in names for s in (n, n.replace("_", " ").title(), n.capitalize())))


def _without_preamble(body: str, me: str) -> str:
    """Without a first line that announces the message."""
    first, found, rest = body.partition("\n")
    if not found or not rest.strip() or not first.rstrip(" *").endswith(":"):
        return body
    named = re.search(rf"\b(?:{_MESSAGE}|{re.escape(me)})\b", first, re.IGNORECASE)
    return rest.strip() if named and judge_preamble(first, (me,)) else body
