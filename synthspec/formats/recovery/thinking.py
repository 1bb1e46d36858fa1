"""What a model thought, and what belongs to its chat template: taken off every reply before any format reads it.

The answer is what follows the last mark of thinking. An opener that nothing closes leaves no answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from synthspec.formats import Shape
from synthspec.formats.recovery.sightings import holds_any, lowered
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.lazy_dataclass import dataclass

_SURE = ("think", "thinking", "antthinking", "seed:think")
_LIKELY = (
    "reasoning", "reason", "thought", "thoughts", "analysis", "reflection", "scratchpad", "scratch_pad",
    "inner_monologue", "monologue", "internal_thoughts", "chain_of_thought", "cot", "brainstorm", "brainstorming",
)  # fmt: skip
_TAG = lazy_pattern(
    rf"<(?P<shut>/?)(?P<tag>{'|'.join((*_SURE, *_LIKELY))})(?:\s[^<>\n]{{0,80}})?>"
    r"|\[(?P<bracket>/?)think\]"
    r"|◁(?P<diamond>/?)think▷"
    r"|<\|(?P<edge>begin|start|end)[_▁]of[_▁](?:thought|thinking)\|>"
    r"|<[|｜](?P<side>begin|start|end)[_▁]thinking[|｜]>"
    r"|<\|(?P<bar>/?)(?:think|thinking)\|>"
    r"|(?P<gemma><\|channel>thought|<unused94>thought)|(?P<gemma_end><channel\|>|<unused95>)",
    re.IGNORECASE,
)
_FINAL = lazy_pattern(r"<\|channel\|>\s*final\b[^<\n]{0,40}(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>")
_ANALYSIS = lazy_pattern(
    r"<\|channel\|>\s*analysis\b[^<\n]{0,40}<\|message\|>(.*?)(?=<\|(?:end|start|channel|call|return)\|>|\Z)", re.DOTALL
)
_HALF = lazy_pattern(r"\s*(?:analysis|commentary)(?=[A-Z\"'“\[{(<])")
_FOLDED = lazy_pattern(
    r"\s*<details>\s*<summary>[^<\n]{0,40}(?:think|thought|reason)[^<\n]{0,40}</summary>", re.IGNORECASE
)
_FOLDED_END = lazy_pattern("</details>", re.IGNORECASE)
_ALOUD = (
    (lazy_pattern(r"\s*Thinking(?:\.\.\.|…)[ \t]*\n"), lazy_pattern(r"(?:\.\.\.|…)done thinking\.?")),
    (lazy_pattern(r"\s*Here is my thought process:"), lazy_pattern(r"Here is my response:")),
)
_OPENINGS = ((_FOLDED, _FOLDED_END), *_ALOUD)
_TOLD_BY = ("think", "thought", "<channel|>", "<unused95>")  # a sure mark holds one of these
_BRACKETED = ("[think]", "[/think]", "[inst]", "[/inst]")
_BEGIN = lazy_pattern(
    r"\s*(?:<\|im_start\|>assistant|<start_of_turn>model|<\|start_header_id\|>assistant<\|end_header_id\|>"
    r"|<\|start\|>assistant|<\|assistant\|>|<\|START_RESPONSE\|>|<\|begin_of_solution\|>|<s>"
    r"|<bos>|<\|begin_of_text\|>"
    r"|\[/INST\])[ \t]*\n*"
)
_END = lazy_pattern(
    r"(?:<\|(?:im_end|im_start|eot_id|eom_id|endoftext|end|return|call|start|end_of_text|end_of_turn|END_RESPONSE"
    r"|end_of_solution|start_header_id|user|END_OF_TURN_TOKEN)\|>|<end_of_turn>|<start_of_turn>|<eos>"
    r"|<｜end▁of▁sentence｜>|(?P<strike></s>)|\[INST\])"
)


@lru_cache(maxsize=1024)
def fold_tag(name: str) -> str:
    """A name without case, spaces and lines."""
    return re.sub(r"[\s_\-]+", "", name).casefold()


_MAYBE = frozenset(map(fold_tag, _LIKELY))


@dataclass(frozen=True, slots=True)
class _Mark:
    """A tag of thinking. `sure`: nothing else is written so."""

    start: int
    end: int
    opens: bool
    family: str
    sure: bool
    quoted: bool


def without_thinking(text: str, kept: Collection[str] = ()) -> str:
    """The answer of a reply. Tags named in `kept` (without case, lines and spaces) are the reply's own markup.

    >>> without_thinking("<think>4?</think>5"), without_thinking("Hm, 4.</think>5"), without_thinking("<think>5")
    ('5', '5', '')
    """
    text = _channel(text)
    for opening, closing in _OPENINGS:
        if opening.match(text):
            shut = closing.search(text)
            text = text[shut.end() :] if shut else ""
    if "<" not in text and "◁" not in text and not ("[" in text and holds_any(lowered(text), _BRACKETED)):
        return text  # it has none of the marks below
    return _turn(_after(text, kept))


def thinking_in(text: str) -> str:
    """What a reply thinks aloud, without its marks; empty where nothing in it is sure to be thinking.

    Marks that may as well be the answer's own (`<analysis>`, `<reason>`) are left alone here.

    >>> thinking_in("<think>2 and 2?</think>4"), thinking_in("Hm, 4.</think>4"), thinking_in("4")
    ('2 and 2?', 'Hm, 4.', '')
    """
    if "<" not in text and not holds_any(lowered(text), _TOLD_BY):
        return ""
    if "<|channel|>" in text:
        return "\n\n".join(filter(None, (found[1].strip() for found in _ANALYSIS.finditer(text))))
    for opening, closing in _OPENINGS:
        if opened := opening.match(text):
            shut = closing.search(text, opened.end())
            return text[opened.end() : shut.start() if shut else len(text)].strip()
    if not holds_any(lowered(text), _TOLD_BY):
        return ""
    thoughts = _divide(text, _MAYBE)[1]
    return "\n\n".join(filter(None, (text[start:end].strip() for start, end in thoughts)))


def _channel(text: str) -> str:
    """The last final message of a reply in channels; of one whose channel marks were lost, what their names leave."""
    if "<|channel|>" in text:
        finals = list(_FINAL.finditer(text))
        return text[finals[-1].end() :] if finals else ""
    if _HALF.match(text):
        return text.rpartition("assistantfinal")[2] if "assistantfinal" in text else ""
    return text


def _after(text: str, kept: Collection[str]) -> str:
    cut = _divide(text, kept)[0]
    return "" if cut is None else text[cut:]


def _divide(text: str, kept: Collection[str]) -> tuple[int | None, list[tuple[int, int]]]:
    """Where the answer begins, None where thinking never ends; and where each piece of thinking begins and ends."""
    cut, opened = 0, -1  # -1: no thinking is open
    thoughts: list[tuple[int, int]] = []
    muted: list[str] = []  # tags that are text, and wait for their closing ones
    for mark in _marks(text):
        if mark.family in kept:
            continue
        if mark.opens:
            is_open = opened >= 0
            if mark.quoted or not (is_open or mark.sure or _leads(text[max(cut, mark.start - 400) : mark.start])):
                muted.append(mark.family)
            elif not is_open:
                opened = mark.end
        elif muted and muted[-1] == mark.family and opened < 0:
            muted.pop()
        elif not mark.quoted:
            thoughts.append((opened if opened >= 0 else cut, mark.start))
            cut, opened = mark.end, -1
            muted.clear()
    if opened < 0:
        return cut, thoughts
    return None, [*thoughts, (opened, len(text))]


def _leads(before: str) -> bool:
    """Whether no more than a line of talk stands before a tag that may as well be the answer's own."""
    lead = before.strip()
    return len(lead) < 300 and "\n" not in lead and "<" not in lead


def _marks(text: str) -> Iterator[_Mark]:
    """Every tag, in order. One inside quotation marks or code is `quoted`."""
    at = marks = 0
    for found in _TAG.finditer(text):
        start, end = found.span()
        line = text.rfind("\n", at, start)
        marks = text.count('"', max(at, line), start) + (marks if line < 0 else 0)
        marks -= text.count('\\"', max(at, line), start)
        at = start
        before, after = text[max(0, start - 3) : start], text[end : end + 3]
        in_code = (before[-1:] == "`" and before != "```") or (after[:1] == "`" and after != "```")
        tag = (found["tag"] or "").lower()
        opens = not (found["shut"] or found["bracket"] or found["diamond"] or found["bar"] or found["gemma_end"])
        opens = opens and "end" not in ((found["edge"] or "").lower(), (found["side"] or "").lower())
        in_quotes = marks % 2 == 1 and (opens or after[:1] != "\n")  # no value goes on after a line that ends so
        family = tag or ("gemma" if found["gemma"] or found["gemma_end"] else "think")
        yield _Mark(start, end, opens, fold_tag(family), tag not in _LIKELY, in_quotes or in_code)


def kept_tags(shape: Shape) -> frozenset[str]:
    """The tags of thinking that are a reply's own markup: its fields', and those that the format's options name."""
    names = frozenset(fold_tag(n) for n in shape.names)
    return names | _kept_by(str(dict(shape.options))) if shape.options else names


@lru_cache(maxsize=64)
def _kept_by(options: str) -> frozenset[str]:
    """The tags of thinking that a format's options name."""
    folded = options.casefold()
    return frozenset(n for n in ("think", "thinking", "reasoning", "analysis", "thought") if n in folded)


def _turn(text: str) -> str:
    """The first turn of the text, without the marks of a chat template."""
    while begin := _BEGIN.match(text):
        text = text[begin.end() :]
    for end in _END.finditer(text):
        if not (end["strike"] and "<s>" in text) and text[end.end() : end.end() + 1] not in ("`", '"'):
            return text[: end.start()].rstrip(" \t")
    return text
