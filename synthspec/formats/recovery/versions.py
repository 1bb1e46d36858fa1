"""Which of several answers counts: the last, where a line between them says so or the rows are more than wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from synthspec.formats import Parsed
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.remarks import bare, is_preamble, judge_preamble
from synthspec.formats.recovery.sightings import holds_any, lowered
from synthspec.languages.lazy_patterns import lazy_pattern

_STRONG = r"(?:corrected|revised|fixed|amended|rectified)"
_WEAK = r"(?:final|improved|updated|better|second|new|last|polished|rewritten|edited)"
_VERSION = (
    r"(?: (?:version|attempt|answer|draft|output|result|response|rows?|text|one|csv|json|list"
    r"|table|reply|form))?"
)
_CORRECTED = lazy_pattern(rf"(?:(?:the|and|so|my) )?(?:{_STRONG}{_VERSION}|corrections?|erratum)\Z", re.IGNORECASE)
_FINAL = lazy_pattern(rf"(?:(?:the|and|so|my) )?{_WEAK}{_VERSION}\Z", re.IGNORECASE)
_LATER = (  # what every line that announces a later version has one of
    *("correct", "wait", "actually", "oops", "sorry", "scratch", "second thought", "let me", "mistake", "typo"),
    *("revised", "fixed", "amended", "rectified", "final", "improved", "updated", "better", "second", "new", "last"),
    *("polished", "rewritten", "edited"),
)
_DRAFT = lazy_pattern(
    r"(?:(?:the|my|a|first|rough|initial|original) )*(?:draft|attempt|version|original)(?: (?:1"
    r"|one))?\Z",
    re.IGNORECASE,
)
_ANEW = lazy_pattern(
    rf"(?:(?:oh|no|hmm+|ah|and|but|ok(?:ay)?|on reflection|looking again)[,.!… ]+)*"
    rf"(?:wait|actually|oops|sorry|scratch that"
    rf"|on second thoughts?|let me (?:fix|correct|redo|revise|rewrite|try|improve|refine|rephrase"
    rf"|polish|make (?:it|that|this) better)"
    rf"|i (?:made|see|notice[d]?|realized?) (?:a|an|some|the|that)?\b.{{0,30}}(?:mistake|error"
    rf"|typo)|here (?:is|are|['’]s) (?:the|a|my) (?:\w+ )?{_STRONG}|correction)\b",
    re.IGNORECASE | re.DOTALL,
)
_ANNOUNCED = lazy_pattern(
    rf"[^\n]{{0,80}}\b(?:{_STRONG}|final|improved|updated|better|polished|refined|rewritten|actual|real)"
    r"(?: \w+)?? (?:version|output|answer|result|draft|csv|json|list|table|ones)s?"
    r"(?: (?:is|are|below|follows?))?[^\n]{0,40}:[*_]*\Z",
    re.IGNORECASE,
)
_OF_TEXT = lazy_pattern(
    rf"(?:(?:[^\n]{{0,40}}\b(?:here|below|now|after)\b[^\n]{{0,40}}"
    rf"\b(?:{_STRONG}|final|improved|better|polished|refined)"
    r"(?: \w+)?? (?:version|draft|rewrite|text|output)\b"
    r"|(?:the )?(?:final|improved|polished|refined) (?:version|draft))"
    r"[^\n]{0,40}:"
    r"|(?:[^\n]{0,40}[ ,.])?let me (?:fix|correct|redo|revise|rewrite|refine|rephrase|polish|improve)"
    r" (?:it|this|that|these|them|the \w+)[.:!])[*_]*\Z",
    re.IGNORECASE,
)
_BETTER = lazy_pattern(r"(?:(?:hm+|no|ok(?:ay)?|even)[,.… ]+)*(?:better|improved|take two)[*_]*:[*_]*\Z", re.IGNORECASE)
_RESTART = lazy_pattern(
    r"(?:[^\n]{0,60}\b)?(?:restart(?:ing)?|start(?:ing)? (?:it )?(?:over|again|afresh)|from scratch"
    r"|(?:second|another|new) (?:attempt|try)"
    r"|let me (?:fix|correct|redo|revise|rewrite|refine|rephrase|polish|improve) (?:it|this|that|these|them))\b"
    r"[^\n]{0,30}[:.!…]\Z",
    re.IGNORECASE,
)
_AGAIN = (  # what every line that begins anew or announces a version has one of
    *("corrected", "correction", "erratum", "revised", "fixed", "amended", "rectified", "final", "improved", "updated"),
    *("better", "polished", "refined", "rewritten", "actual", "real", "start", "scratch", "attempt", " try"),
    *("take two", "let me"),
)


def corrected(text: str) -> str | None:
    """What follows the last line that announces a corrected version, outside quotation marks; None without one."""
    if "\n" not in text or not holds_any(lowered(text), _LATER):
        return None
    at = marks = 0
    found: int | None = None
    drafted = blank = False
    for line in text.split("\n"):
        end = at + len(line) + 1
        said = bare(line) if len(line) < 300 else ""
        label = said.rstrip(":：").strip()
        titled = bool(label) and (said != label or line.lstrip().startswith(("#", "**", "__")))
        if said and marks % 2 == 0 and at:
            announced = titled and (
                _CORRECTED.match(label) is not None or (drafted and _FINAL.match(label) is not None)
            )
            anew = (blank or said.endswith(":")) and said.endswith((":", ".", "!")) and _ANEW.match(said)
            if announced or (anew and (said.endswith(":") or _next_blank(text, end))):
                found = end
        drafted = drafted or (titled and _DRAFT.match(label) is not None)
        marks += line.count('"')
        blank, at = not line.strip(), end
    return text[found:] if found is not None and text[found:].strip() else None


def is_later_title(line: str) -> bool:
    """Whether a line is nothing but the title of a later version: `Final version:`, `### Revised`."""
    said = bare(line)
    label = said.rstrip(":：").strip()
    titled = bool(label) and (said != label or line.lstrip().startswith(("#", "**", "__")))
    return titled and (_CORRECTED.match(label) is not None or _FINAL.match(label) is not None)


def _next_blank(text: str, at: int) -> bool:
    return text[at : at + 1] == "\n"


def last_of_several(text: str, whole: Parsed, wanted: int, read: Callable[[str], Parsed]) -> Parsed:
    """The rows after a line that stands between two answers; `whole`, the rows of both, where there is no such line.

    Where the reply has more rows than are `wanted`, and as many after the line, any line that announces something parts
    two answers. A line that begins anew does so, too, where it broke the rows before it. One that announces another
    version does wherever it stands between whole rows: what is read before it and after it is what is read of the
    whole, but for what is given up there.
    """
    if not whole.rows or (len(whole.rows) <= wanted and not holds_any(lowered(text), _AGAIN)):
        return whole
    for start, end, kind in _announcements(text):
        if kind == "something" and len(whole.rows) <= wanted:
            continue
        after = read(text[end:])
        count = len(after.rows)
        if not count and kind != "something" and _WRAPPED.match(text, end):
            return Parsed((), (refuse("reply", "withdrawn", "another version is announced that cannot be read", text),))
        if not count or after.rows == whole.rows or (kind != "version" and count < wanted):
            continue
        surplus = len(whole.rows) > wanted and whole.rows[-count:] == after.rows
        broken = kind == "anew" and len(whole.rows) < count + (count > 1)
        if count >= wanted and (surplus or broken):
            return last_of_several(text[end:], after, wanted, read)
        before = read(text[:start]).rows
        if whole.rows in (before, before + after.rows, before[:-1] + after.rows):
            return after
        runs_on = len(before) == len(whole.rows) and before[:-1] == whole.rows[:-1]
        if runs_on and count >= wanted and _WRAPPED.match(text, end):
            return after
    return whole


_WRAPPED = lazy_pattern(r"\s*(?:```\w*\s*)?(?:\{\s*\"|\[\s*[\[{\"]|>|\"|<\w+>\s|\\boxed\{)")
_MOST = 6  # lines that are tried: each costs reading the reply again


def _announcements(text: str) -> Iterator[tuple[int, int, str]]:
    """Where lines that announce what follows begin and end, the last first: `anew`, a `version`, or `something`."""
    found = []
    at = 0
    for line in text.split("\n"):
        end = at + len(line) + 1
        ending = line.rstrip()[-1:]
        told = ending and (ending in ":：.!…*_" or line.lstrip().startswith("#"))
        if at and told and len(line) < 300 and (kind := _announced(line)) and text[end:].strip():
            found.append((at, end, kind))
        at = end
    return reversed(found[-_MOST:])


def _announced(line: str) -> str:
    said = bare(line)
    if not said or not said[0].isalpha():
        return ""
    if _RESTART.match(said):
        return "anew"
    label = said.rstrip(":：").strip()
    if _ANNOUNCED.match(said) or _BETTER.match(said) or (said != label and _CORRECTED.match(label)):
        return "version"
    anything = said.endswith(":") or is_preamble(said) or judge_preamble(said) or _ANEW.match(said)
    return "something" if anything or is_later_title(line) else ""


def is_restart(line: str) -> bool:
    """Whether a line says that all begins anew: `Wait, let me start over.`"""
    said = bare(line) if len(line) < 200 else ""
    return bool(said) and _RESTART.match(said) is not None


def announces_version(line: str) -> bool:
    """Whether a line announces nothing but another version of a text: `Here is the improved version:`."""
    said = bare(line) if len(line) < 200 else ""
    return bool(said) and (_OF_TEXT.match(said) is not None or _BETTER.match(said) is not None)


def has_versions(text: str) -> bool:
    """Whether a line within a text, neither its first nor its last, announces another version, or begins anew."""
    if "\n" not in text or not holds_any(lowered(text), _AGAIN):
        return False
    return any(announces_version(line) or is_restart(line) for line in text.split("\n")[1:-1])
