"""What stands between marked parts and after the last: headings, numbers, rules, fences, tags, remarks, new speakers.

What surely belongs to no value is taken off. What may be either makes its row uncertain: it is given up.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from textwrap import dedent

from synthspec.formats.recovery.markers import MarkedText
from synthspec.formats.recovery.remarks import bare, fold, is_speaker, judge_preamble, judge_remark
from synthspec.formats.recovery.wrappers import is_fence, is_rule, letters
from synthspec.lazy_dataclass import dataclass

_NUMBERS = {w: i for i, w in enumerate("one two three four five six seven eight nine ten".split(), 1)}
_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)})"
_ORDINAL = re.compile(rf"[^\w\s]*[ \t]*(?:\w+[ \t]+){{0,2}}[^\w\s]?{_COUNT}[^\w\s]*[ \t]*[^\w\s]*\Z", re.IGNORECASE)
_TITLED = re.compile(rf"(?:\*\*|__)[ \t]*(?:\w+[ \t]+){{0,2}}#?{_COUNT}\b[^\n]{{0,80}}(?:\*\*|__):?\Z", re.IGNORECASE)
_NAMED_RULE = re.compile(r"[ \t]*([-=*~#])\1+[ \t]*\w[\w .#:]{0,40}[ \t]*\1{2,}[ \t]*\Z")
_WORDS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_NTH = re.compile(rf"[^\w\s]*(?:the[ \t]+)?(?P<nth>{'|'.join(_WORDS)})(?:[ \t]+\w+){{0,2}}[^\w\s]*\Z", re.IGNORECASE)
_FOLLOWING = re.compile(
    r"[ \t]*([*_]{1,3})(?:the |and )?(?:next|another|other|further)(?: \w+){0,3}[.:]?\1[ \t]*\Z", re.IGNORECASE
)
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+\S")
_BOLD = re.compile(r"[ \t]*(?:\*\*|__)[^*_\n]{1,80}(?:\*\*|__)[ \t]*:?[ \t]*\Z")
_END = re.compile(
    r"[ \t]*[\[(<]?/?[ \t]*end\b[^\]\n]{0,40}[\])>]?[ \t]*\Z|[ \t]*\[/[^\]\n]{1,40}\][ \t]*\Z", re.IGNORECASE
)
_TAGS = re.compile(r"[ \t]*(?:</?[A-Za-z][\w\-]*>[ \t]*)+\Z")
_CLOSERS = re.compile(r"(?:[ \t]*</[A-Za-z][\w\-]*>)+\Z")
_OTHER = re.compile(r"(?m)^[ \t]*\[(?P<name>[a-z][a-z_]{2,30})\][ \t]*$")
_STAGE = frozenset(
    "pause pauses laughs laughter laughing sighs sigh silence music applause inaudible crosstalk beep click cough "
    "coughs crying cries unclear noise static ringing hangs_up end redacted name date".split()
)
_NEXT = re.compile(r"(?i)\b(?:another|next|second|third|fourth|fifth|other|more|row|here|now|then|and)\b")
_TALK = re.compile(r"\s*(?:\*\*)?[A-Z][\w .]{0,30}(?:\*\*)?:")
_EXTRA = re.compile(
    r"[ \t]*[*_]*(?:explanation|notes?|rationale|source|category|difficulty|topic|tags?|hint"
    r"|reference|context|type|reasoning|"
    r"comment|confidence|keywords?|label|score)[*_]*[ \t]*:",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PartText:
    """The text of a part. `doubt`: what in it may be none of its own; "" where all is."""

    text: str
    doubt: str = ""


def settle(part: MarkedText, inside: bool, names: Collection[str], row: int, ends: bool, titled: bool) -> PartText:
    """The value of a part.

    `inside`: the part begins within a code fence; `row` is the row's number, from 1; `ends`: the part is the last of
    its row; `titled`: the rows stand below bold lines.
    """
    closed = _own_end(part)
    if closed is not None:
        return PartText(_plain(closed, part))
    text, doubt = _fenced(part, inside, ends)
    lines = text.split("\n")
    while len(lines) > 1 and not doubt:
        last = lines[-1]
        if not last.strip() or _is_mark(last, text) or (ends and _is_heading(lines, row, titled)):
            lines.pop()
            continue
        kept, doubt = _without_remark(lines, names) if ends else (lines, "")
        if kept is lines:
            break
        lines = kept
    value = "\n".join(lines).rstrip()
    value = _unclosed(value)
    return PartText(_plain(value, part), doubt or _uncertain(value, part, names, ends, titled))


def in_fences(body: str, parts: Sequence[MarkedText]) -> frozenset[int]:
    """Where the parts start that begin within a code fence."""
    found = set()
    at = fences = 0
    for part in parts:
        fences += sum(map(is_fence, body[at : part.start].split("\n")))
        at = part.start
        if fences % 2:
            found.add(part.start)
    return frozenset(found)


def _own_end(part: MarkedText) -> str | None:
    """The text up to the closing tag of the part's own marker; None without one."""
    mark = part.marker.strip()
    pattern = r"\[/[ \t]*{}[ \t]*\]" if "[" in mark else r"</{}>" if mark.endswith(">") else None
    name = re.search(r"[\w \-]+", mark[mark.find("[") + 1 :] if "[" in mark else mark[mark.find("<") + 1 :])
    if pattern is None or name is None:
        return None
    found = re.search(pattern.format(re.escape(name[0].strip())), part.text, re.IGNORECASE)
    return part.text[: found.start()].strip() if found else None


def _fenced(part: MarkedText, inside: bool, ends: bool) -> tuple[str, str]:
    """The text without the fences around its row."""
    lines = part.text.split("\n")
    while len(lines) > 2 and all(line.strip() in ("```", "~~~") for line in lines[-2:]):
        lines = lines[:-2]  # a fence within a fence
    part = replace(part, text="\n".join(lines).rstrip()) if len(lines) <= part.text.count("\n") else part
    fences = [i for i, line in enumerate(lines) if is_fence(line)]
    if not fences or len([line for line in lines if line.strip()]) == 1:
        return part.text, ""
    final = max(i for i, line in enumerate(lines) if line.strip())
    if inside and (len(fences) == 1 or (len(fences) == 2 and ends and fences[-1] == final)):
        return "\n".join(lines[: fences[0]]).rstrip(), ""
    if not inside and len(fences) % 2 and fences[-1] == final:
        return "\n".join(lines[:final]).rstrip(), ""
    unclear = inside or len(fences) % 2
    return part.text, lines[fences[0]] if unclear else ""


def _is_mark(line: str, text: str) -> bool:
    """Whether a line at the end of a value is a rule, or tags that nothing in the value opens."""
    if is_rule(line) or _NAMED_RULE.match(line):
        return True
    if not _TAGS.match(line):
        return False
    closers = re.findall(r"</([\w\-]+)>", line)
    return all(f"<{name}>" not in text for name in closers) and (bool(closers) or text.rstrip().endswith(line.strip()))


def _is_heading(lines: Sequence[str], row: int, titled: bool) -> bool:
    """Whether the last line announces the row that follows."""
    line = lines[-1]
    if _HEADING.match(line) or _END.match(line) or (titled and _BOLD.match(line)):
        return True
    if _FOLLOWING.match(line) and not lines[-2].strip():
        return True
    nth = _NTH.match(line.strip())
    if nth is not None:
        return _WORDS.index(nth["nth"].lower()) == row and not lines[-2].strip()
    line = re.sub(r"[ \t]+(?:of|/)[ \t]+\d{1,4}(?=\W*\Z)", "", line)
    match = _ORDINAL.match(line.strip()) or _TITLED.match(line.strip())
    if match is None:
        return False
    count = _NUMBERS.get(match["count"].lower()) or int(match["count"])
    return count == row + 1 and (line.strip() != match["count"] or not lines[-2].strip())


def _without_remark(lines: list[str], names: Collection[str]) -> tuple[list[str], str]:
    """The lines without a last paragraph, or line, about the rows; what may be one, and where it is not certain."""
    start = len(lines)
    while start > 0 and lines[start - 1].strip():
        start -= 1
    paragraph = "\n".join(lines[start:])
    if start > 0:
        verdict = judge_remark(paragraph, names, letters(names))
        following = len(lines) - start == 1 and paragraph.rstrip().rstrip("*_").endswith(":")
        if (
            verdict == "surely"
            or (following and _NEXT.search(paragraph))
            or judge_preamble(paragraph, names) == "surely"
        ):
            return lines[:start], ""
        if verdict or following:
            return lines, paragraph
    if judge_remark(lines[-1], names, letters(names)) == "surely" and start < len(lines) - 1:
        return lines[:-1], ""
    return lines, ""


def _unclosed(value: str) -> str:
    """The value without closing tags at its end that nothing in it opens."""
    end = value[-200:]
    found = _CLOSERS.search(end) if "</" in end else None
    if found is None or any(f"<{name}" in value for name in re.findall(r"</([\w\-]+)>", found[0])):
        return value
    return value[: len(value) - len(found[0])].rstrip() or value


def _uncertain(value: str, part: MarkedText, names: Collection[str], ends: bool, titled: bool) -> str:
    """A line of the value that may begin something else; "" where there is none."""
    lines = value.split("\n")
    if "[" in part.marker:
        for other in _OTHER.finditer(value):
            if other["name"] not in _STAGE and fold(other["name"]) not in map(fold, names):
                return other[0]
    if len(lines) > 1 and ((ends and _EXTRA.match(lines[-1])) or re.fullmatch(r"\[\w{0,30}", lines[-1])):
        return lines[-1]
    level = re.match(r"[ \t]*(#{1,6})[ \t]", part.marker)
    if level and any(re.fullmatch(rf"[ \t]*{level[1]}[ \t]+\w[\w ]{{0,30}}:?[ \t]*", line) for line in lines[1:]):
        return next(line for line in lines[1:] if line.lstrip().startswith(level[1] + " "))
    bold = ends and part.marker.lstrip().startswith("**") and len(lines) > 2 and not lines[-2].strip()
    if bold and re.match(r"[ \t]*\*\*\w[\w ]{0,30}(?::\*\*|\*\*:)", lines[-1]):
        return lines[-1]
    if len(lines) > 1 and ends and _BOLD.match(lines[-1]) and not lines[-2].strip() and not titled:
        return lines[-1]
    return ""


def other_speaker(text: str) -> str:
    """The line with which another turn of a chat begins in a text that is no talk itself; "" without one."""
    if not _TALK.match(text):
        for line in text.split("\n")[1:]:
            if is_speaker(line):
                return line
    return "[INST]" if "[INST]" in text else ""


def _plain(value: str, part: MarkedText) -> str:
    """The value without the end of bold letters that its marker began, and without YAML's bar."""
    around = re.sub(r"[^\W_].*[^\W_]|[^\W_]", "", part.marker) if "[" not in part.marker else ""
    for mark in ("**", "__", "*", "_"):
        if around.count(mark) % 2 == 1:
            first, found, rest = value.partition("\n")
            if first.endswith(mark) and first.count(mark) % 2 == 1:
                value = first[: -len(mark)].rstrip() + found + rest
            break
    head, found, rest = value.partition("\n")
    if found and re.fullmatch(r"[|>][-+]?", bare(head) or head.strip()):
        lines = rest.split("\n")
        if all(line[:1] in (" ", "\t") for line in lines if line.strip()):
            return dedent(rest).strip()
    return value


def is_titled(lead: str) -> bool:
    """Whether a bold line stands right before the first marker, as it then does before others."""
    lines = [line for line in lead.split("\n") if line.strip() and not is_fence(line) and not is_rule(line)]
    return bool(lines) and _BOLD.match(lines[-1]) is not None and not lines[-1].rstrip(" *_").endswith(":")
