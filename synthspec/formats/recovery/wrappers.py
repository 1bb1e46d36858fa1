"""What stands around an answer: code fences, preambles, closing remarks, tags. Taken off only when certain."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from synthspec.formats import Parsed, Shape
from synthspec.formats.recovery.envelopes import held, opened, without_box_end
from synthspec.formats.recovery.nesting import innermost
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.remarks import (
    bare,
    fold,
    is_preamble,
    is_speaker,
    is_title,
    is_unfilled,
    judge_preamble,
    judge_remark,
)
from synthspec.formats.recovery.residues import residues
from synthspec.formats.recovery.sightings import holds_any, lowered
from synthspec.formats.recovery.thinking import kept_tags, without_thinking
from synthspec.formats.recovery.versions import corrected, last_of_several
from synthspec.languages.lazy_patterns import lazy_pattern

__all__ = ["Body", "is_fence", "is_preamble", "is_rule", "peel", "read_last", "tidy", "unfence"]

_FENCE = lazy_pattern(r"[ \t]*(```+|~~~+)[^\n`]*\Z")
_RULE = lazy_pattern(
    r"[ \t]*(?:(?:-[ \t]?){3,}|(?:\*[ \t]?){3,}|(?:=[ \t]?){3,}|(?:_[ \t]?){3,}|(?:~[ \t]?){3,})[ \t]*\Z"
)
_WRAPPERS = (
    "answer|final_answer|final|completion|output|response|reply|result|results|solution|rows|row|data|csv|json|text|document|"
    "xml|pairs|pair|items|item|examples|example|records|entries|dataset|root"
)
_LETTERS = frozenset({"reply", "response", "email", "mail", "message", "letter", "post", "comment", "chat", "dialogue",
                      "dialog", "conversation", "transcript", "turn", "utterance"})  # fmt: skip


class Body(str):
    """The answer of a reply, with one kind of line break."""

    __slots__ = ()


def tidy(text: str, shape: Shape | None = None) -> str:
    """The answer alone, with one kind of line break: no byte order mark, thinking or marks of a chat template."""
    if isinstance(text, Body):
        return text
    return Body(without_thinking(_with_one_break(text), kept_tags(shape) if shape is not None else ()))


def _with_one_break(text: str) -> str:
    """The text without a byte order mark, and with one kind of line break."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read_last(form: str, text: str, shape: Shape, read: Callable[[str, Shape], Parsed]) -> Parsed:
    """The reply as a format reads it: of a draft and a corrected version the last one, and no echo of the form."""
    body = answer_of(text, form, shape)
    if form != "text" and (first := before_speaker(body, str((shape.names, dict(shape.options))).casefold())) != body:
        another = read(Body(body[len(first) :].lstrip().partition("\n")[2]), shape)
        body = Body(first) if another.rows else body
    later = corrected(body)
    last = body if later is None else answer_of(later, form, shape, 1)
    parsed = _once(last, form, shape, read)
    if later is not None and not parsed.rows and read(body, shape).rows:
        return Parsed((), (refuse(form, "withdrawn", "the reply takes its rows back and gives no others", body),))
    if form != "text":
        parsed = last_of_several(
            last, parsed, shape.rows, lambda part: _once(answer_of(part, form, shape, 1), form, shape, read)
        )
    parsed = _without_residues(form, parsed, text)
    choices = {f.name for f in shape.fields if "enum" in f.schema or "const" in f.schema}
    kept = tuple(r for r in parsed.rows if not is_unfilled({n: v for n, v in r.items() if n not in choices}))
    if len(kept) == len(parsed.rows):
        return parsed
    rejections = parsed.rejections
    if not kept and not rejections:
        rejections = (refuse(form, "placeholder", "the reply holds the form without its values", body),)
    return Parsed(kept, rejections)


def _without_residues(form: str, parsed: Parsed, reply: str) -> Parsed:
    """The rows without those that may hold a mark of what the reply is wrapped in."""
    found = list(zip(parsed.rows, residues(form, parsed.rows, reply), strict=True))
    held = [value for _, value in found if value]
    if not held:
        return parsed
    why = "a mark of what the reply is wrapped in may be a part of a value"
    refused = tuple(refuse(form, "wrapper", why, value) for value in held)
    return Parsed(tuple(row for row, value in found if not value), (*parsed.rejections, *refused))


def answer_of(text: str, form: str, shape: Shape, least: int = 2) -> Body:
    """The answer without thinking and without what it is in as a whole, however many wrappers that are; those around
    each other are `least` at least."""

    def clean(part: str) -> str:
        for _ in range(3):  # what is inside may hold thinking, and marks of a chat template
            tidied = without_box_end(part, tidy(part, shape))
            part = opened(tidied, form)
            if part == tidied:
                break
        return part

    if isinstance(text, Body):
        return text
    return Body(innermost(_with_one_break(text), form, shape.names, unfence, clean, least))


def _once(body: Body, form: str, shape: Shape, read: Callable[[str, Shape], Parsed]) -> Parsed:
    """The rows of what is in an envelope within the reply, where those are as many as wanted; else of the reply."""
    for inside in held(body, form):
        parsed = read(Body(inside), shape)
        if len(parsed.rows) >= shape.rows:
            return parsed
    return read(body, shape)


def is_fence(line: str) -> bool:
    """Whether a line opens or closes a code block and holds nothing else."""
    return _FENCE.match(line) is not None


def is_rule(line: str) -> bool:
    """Whether a line only draws a rule: `---`, `* * *`, `=====`."""
    return _RULE.match(line) is not None


def unfence(text: str) -> str | None:
    """The inside of the one code fence around the whole text; None where there is no such fence."""
    if text.lstrip()[:3] not in ("```", "~~~"):
        return None
    lines = text.strip("\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    if len(lines) < 2 or not is_fence(lines[0]):
        return None
    mark = lines[0].strip()
    mark = mark[: len(mark) - len(mark.lstrip(mark[0]))]
    if lines[-1].strip() != mark or any(line.strip() == mark for line in lines[1:-1]):
        return None
    return "\n".join(lines[1:-1])


def letters(names: Collection[str]) -> bool:
    """Whether fields of these names hold what people write to each other."""
    return any(part in _LETTERS for name in names for part in name.casefold().split("_"))


def peel(text: str, names: Collection[str], markers: bool = False) -> tuple[str, str]:
    """The text without what surely only stands around it, and what may as well be part of it ("" if nothing may).

    `markers`: headings and tags named like the fields mark their values.
    """
    body, doubt = text.strip("\n"), ""
    for _ in range(12):
        before = body
        body = body.strip("\n")
        inside = unfence(body)
        if inside is not None:
            return inside, doubt  # what a fence holds is the answer as it stands
        body = _without_stray(_without_tags(body, names, markers))
        body, unsure = _without_head(body, names, markers)
        doubt = doubt or unsure
        body, unsure = _without_tail(body, names)
        doubt = doubt or unsure
        if body == before:
            break
    return body, doubt


def _without_stray(body: str) -> str:
    """Without a fence that opens or closes nothing, at either end."""
    if "\n" not in body or ("```" not in body and "~~~" not in body):
        return body
    lines = body.split("\n")
    fences = [i for i, line in enumerate(lines) if is_fence(line)]
    if len(fences) != 1 or len(lines) < 2 or fences[0] not in (0, len(lines) - 1):
        return body
    return "\n".join(lines[1:] if fences[0] == 0 else lines[:-1])


def _without_tags(body: str, names: Collection[str], markers: bool) -> str:
    """The inside of tags around the whole; without a closing tag that nothing opens."""
    if "<" not in body:
        return body
    own = "" if markers else "".join(f"|{re.escape(n)}" for n in names)
    start = re.match(rf"\s*<({_WRAPPERS}{own})>", body, re.IGNORECASE)
    marks = markers and start and fold(start[1]) in map(fold, names)
    if start and not (marks and sum(body.lower().count(f"<{n.lower()}>") for n in names) > 1):
        closing = re.compile(rf"</{re.escape(start[1])}>", re.IGNORECASE)
        shut = list(closing.finditer(body))
        rest = body[shut[-1].end() :].strip() if shut else ""
        if shut and (not rest or judge_remark(rest, names) == "surely"):
            return body[start.end() : shut[-1].start()].strip("\n")
        return body if shut else body[start.end() :].lstrip("\n")
    end = re.search(r"\s*</([A-Za-z][\w\-]*)>\s*\Z", body[-80:])
    if end and f"<{end[1]}" not in body and not (markers and fold(end[1]) in map(fold, names)):
        return body[: len(body) - len(body[-80:]) + end.start()]
    return body


def unwrapped(text: str) -> str:
    """The inside of tags such as `<answer>` around the whole text, if it has them."""
    return _without_tags(text.strip("\n"), (), False) if text.lstrip().startswith("<") else text


def _without_head(body: str, names: Collection[str], markers: bool) -> tuple[str, str]:
    first, found, rest = body.partition("\n")
    if not found or not rest.strip():
        return body, ""
    if is_rule(first) or (
        is_title(first, names) and not (markers and fold(bare(first).rstrip(":")) in map(fold, names))
    ):
        return rest.lstrip("\n"), ""
    verdict = judge_preamble(first, names)
    noted = judge_remark(first, names, letters(names)) if not markers and not verdict and ":" in first else ""
    if noted and rest.startswith("\n"):
        return (rest.lstrip("\n"), "") if noted == "surely" else (body, first)
    following = rest.partition("\n")[0]
    apart = not following.strip() or is_fence(following) or is_rule(following)
    if verdict == "surely" and (apart or first.rstrip().endswith((":", ":**"))):
        return rest.lstrip("\n"), ""
    if verdict == "maybe" and apart and is_preamble(first):
        return rest.lstrip("\n"), ""
    if apart and is_fence(rest.lstrip("\n").partition("\n")[0]) and verdict:
        return rest.lstrip("\n"), ""
    return body, first if verdict == "maybe" and apart else ""


def _without_tail(body: str, names: Collection[str]) -> tuple[str, str]:
    above, found, last = body.rstrip().rpartition("\n")
    if not found or not above.strip():
        return body, ""
    if is_rule(last):
        return above.rstrip(), ""
    before, blank, paragraph = body.rstrip().rpartition("\n\n")
    as_letters = letters(names)
    quoted = paragraph.count('"') % 2 == 1
    if blank and before.strip() and not quoted:
        verdict = judge_remark(paragraph, names, as_letters)
        if verdict == "surely" or (verdict and is_rule(before.rstrip().rpartition("\n")[2])):
            return before.rstrip(), ""
        if verdict == "maybe":
            return body, paragraph
        heading = paragraph.partition("\n")[0]
        if judge_remark(heading, names, as_letters) == "surely" and heading.startswith("**"):
            return before.rstrip(), ""
    if last.count('"') % 2 == 0 and judge_remark(last, names, as_letters) and not is_preamble(last):
        sure = judge_remark(last, names, as_letters) == "surely" and not last[:1].isspace()
        return (above.rstrip(), "") if sure else (body, last)
    return body, ""


_SPEAKERS = ("user", "human", "assistant", "instruction", "[inst]")


def before_speaker(text: str, form: str = "") -> str:
    """The text up to where another turn of a chat begins, after an empty line and outside quotation marks.

    `form` is what the reply is read by; what it names is no turn.
    """
    if "\n" not in text or not holds_any(lowered(text), _SPEAKERS):
        return text
    at = marks = 0
    blank = False
    for line in text.split("\n"):
        if blank and at and marks % 2 == 0 and is_speaker(line) and bare(line).partition(":")[0].strip() not in form:
            return text[:at].rstrip()
        marks += line.count('"')
        blank, at = not line.strip(), at + len(line) + 1
    return text
