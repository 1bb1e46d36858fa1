"""What stands before a talk and between its turns: titles, scenes, rules, numbers, stage directions, remarks."""

from __future__ import annotations

import re
from collections.abc import Collection

from synthspec.formats.recovery.remarks import bare, is_title, judge_preamble, judge_remark
from synthspec.formats.recovery.speakers import Mark
from synthspec.formats.recovery.wrappers import is_fence, is_rule

_SCENE = re.compile(
    r"(?:the )?(?:scenario|scene|setting|context|topic|title|date|time|place|location|dialogue|conversation"
    r"|transcript|chat|background|situation|example|characters|participants|speakers|subject)\b[^:：\n]{0,30}[:：]",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[^\w\n]{0,6}[A-ZÀ-Þ][\w.'’-]*(?: [\w.'’-]+){0,2}[*_]*[ \t]*[:：][*_]*[ \t]*\S")
_COUNTED = re.compile(
    r"[^\w\n]*(?:turn|exchange|round|message|part|step|scene)[ \t]*#?\d{1,3}[^\w\n]*\Z|[^\w\n]*\d{1,3}[.):]?[*_]*\Z",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"(?:#{1,6}[ \t]*)?[*_]*(?:(?:the|a|my|here is the) )?"
    r"(?:corrected|revised|final|improved|updated|second|new|alternative)?[ \t]*"
    r"(?:version|draft|attempt|conversation|dialogue|dialog|transcript|chat|example|option|talk)[ \t]*#?"
    r"(?:\d{1,3}|one|two|three|a|b)?[*_]*[ \t]*[:：]?[*_]*\Z",
    re.IGNORECASE,
)
_OF_THE_TALK = re.compile(
    r"\b(?:(?:this|the|another|more) (?:conversation|dialogue|dialog|transcript)s?|(?:changes|adjust\w*|edits?"
    r"|tweak\w*|revis\w+|version|longer|shorter|tone|style)\b)",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"[ \t]*(?:\((?P<round>[^()\n]+)\)|\[(?P<square>[^\[\]\n]+)\]"
    r"|(?P<mark>[*_]{1,2})(?P<slant>[^*_\n]+)(?P=mark))[ \t]*\Z"
)
_PLAYED = re.compile(
    r"(?:the |a |an )?(?:end\b|pauses?\b|silence\b|silent\b|moments?\b|later\b|after a\b|laugh|sigh|smil|nod"
    r"|typ(?:es|ing)\b|check|search|look|wait|hold|hang|call (?:ends|is)|conversation (?:ends|continues|is)"
    r"|chat (?:ends|is)|music\b|applause\b|beep)",
    re.IGNORECASE,
)


class UnclearTurnError(Exception):
    """What was said cannot be told for certain from what stands around it."""

    def __init__(self, cause: str, why: str, line: str) -> None:
        super().__init__(line)
        self.cause, self.why = cause, why


def settle_lead(lead: str, names: Collection[str]) -> None:
    """Drop one paragraph before the first speaker, titles and rules aside.

    Raises:
        UnclearTurnError: there is more than that, or it may be a turn under another name.
    """
    lines = [line for line in lead.split("\n") if not (is_rule(line) or is_fence(line) or _COUNTED.match(line))]
    titled = [line for line in lines if not (is_title(line, names) or line.lstrip().startswith("#") or _heading(line))]
    text = "\n".join(titled).strip()
    if not text:
        return
    paragraphs = [p for p in re.split(r"\n[ \t]*\n", text) if p.strip()]
    for line in text.split("\n"):
        said = bare(line)
        if _NAMED.match(line) and not _SCENE.match(said) and not judge_preamble(line, names):
            raise UnclearTurnError("unclear speaker", "a line before the talk may be a turn of it", line)
    if len(paragraphs) > 1:
        raise UnclearTurnError("text before", "more than one paragraph stands before the first speaker", text)


def _heading(line: str) -> bool:
    """Whether a line is bold as a whole and ends with no colon of a speaker."""
    return re.fullmatch(r"[ \t]*(?:\*\*|__)[^*_\n]{1,80}(?:\*\*|__)[ \t]*:?[ \t]*", line) is not None


def said_after(mark: Mark, text: str, labels: Collection[str], last: bool) -> str:
    """What was said after a mark, without what surely stands between the turns.

    Raises:
        UnclearTurnError: a line may belong to it and may not.
    """
    lines = text.split("\n")
    if mark.opened:
        lines[0] = _closed(lines[0], mark.opened)
    while lines and _stands_between(lines, labels):
        lines.pop()
    said = "\n".join(lines).strip()
    if mark.style == "inside" or said.endswith(("|", "/")):
        said = said.rstrip(" \t|/")
    for line in said.split("\n")[1:]:
        if line.strip() and (line.lstrip().startswith("# ") or is_rule(line) or _ANOTHER.match(line.strip())):
            raise UnclearTurnError("several", "the reply may hold more than one talk", line)
        if _heading(line):
            raise UnclearTurnError("unclear end", "a line may be a heading or belong to a turn", line)
    return _without_remark(said) if last else said


def _closed(line: str, mark: str) -> str:
    """The line without the emphasis that began before the speaker's name."""
    return line[::-1].replace(mark, "", 1)[::-1] if line.count(mark) % 2 else line


def _stands_between(lines: list[str], labels: Collection[str]) -> bool:
    """Whether the last line belongs to no turn: blank, a rule, a number, a fence, a stage direction."""
    line = lines[-1]
    if not line.strip():
        return True
    if len(lines) == 1:
        return False
    if (
        is_rule(line)
        or _COUNTED.match(line)
        or re.match(r"[ \t]*#{1,6}[ \t]+(?:turn|exchange|round)\b", line, re.IGNORECASE)
    ):
        return True
    if is_fence(line):
        return sum(map(is_fence, lines)) % 2 == 1
    aside = _ASIDE.match(line)
    if aside is None:
        return False
    inner = (aside["round"] or aside["square"] or aside["slant"]).strip()
    played = _PLAYED.match(inner) or any(
        re.match(rf"(?:the )?{re.escape(label)}\b", inner, re.IGNORECASE) for label in labels
    )
    if played or (inner[:1].islower() and not aside["square"]):
        return True
    raise UnclearTurnError("unclear end", "a line may be a stage direction or belong to a turn", line)


def _without_remark(said: str) -> str:
    """The last turn without a paragraph that surely speaks about the talk."""
    above, found, paragraph = said.rpartition("\n\n")
    if not found or not above.strip():
        return said
    about = ("conversation", "dialogue", "dialog", "transcript")
    sure = judge_remark(paragraph, about, letters=True) == "surely"
    offered = judge_remark(paragraph, about) == "surely" and _OF_THE_TALK.search(paragraph) is not None
    return above.strip() if sure or offered else said
