"""A proposal as YAML: short maps on one line, longer ones as blocks, comments above what they are about."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from synthspec.profiling.proposal import Proposal, ProposedEntry

WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z_À-ɏ(][^\x00-\x1f\x7f-\x9f\"'`{}\[\]#,&*!|>%@:\u2028\u2029\ufeff]*")
_PLAIN_BLOCK = re.compile(r"[A-Za-z_(][ -~]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", ".nan", ".inf"}
_BROKEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def spec_yaml(proposal: Proposal, schema: str) -> str:
    """The text of a spec; `schema` is the path that its first line gives editors."""
    lines = [f"# yaml-language-server: $schema={schema}", "#", *_comments(proposal.heading, 0), "", "synthspec: 1"]
    lines += [f"name: {scalar(proposal.name)}", *_entry(ProposedEntry("description", proposal.description), 0)]
    lines += [f"rows: {proposal.rows}", f"seed: {proposal.seed}"]
    for section in proposal.sections:
        lines += ["", *_comments(section.comments, 0)]
        if isinstance(section.value, Sequence) and not isinstance(section.value, str):
            lines.append(f"{section.key}:")
            lines += [line for entry in section.value for line in _entry(entry, 2)]
        else:
            lines += _entry(ProposedEntry(section.key, section.value), 0)
    return "\n".join(lines) + "\n"


def _comments(comments: Iterable[str], indent: int) -> Iterator[str]:
    head = " " * indent + "#"
    for comment in comments:
        text = " ".join(_BROKEN.sub(" ", comment).split(" ")) if comment else ""
        for line in textwrap.wrap(text, WIDTH - indent - 2, break_on_hyphens=False) or [""]:
            yield f"{head} {line}".rstrip()


def _entry(entry: ProposedEntry, indent: int) -> Iterator[str]:
    yield from _comments(entry.comments, indent)
    head = " " * indent + (f"{scalar(entry.key)}:" if entry.key is not None else "-")
    value = entry.value
    if isinstance(value, str) and "\n" in value.strip("\n") and not _BROKEN.search(value):
        yield f"{head} |"
        yield from (f"{' ' * (indent + 2)}{line}".rstrip() for line in value.strip("\n").split("\n"))
        return
    flat = f"{head} {_block_scalar(value) if isinstance(value, str) else flow(value)}"
    if len(flat) <= WIDTH or not value:
        yield flat
    elif isinstance(value, str):
        yield from _folded(head, value, indent) if ", " in value and flat == f"{head} {value}" else [flat]
    elif not isinstance(value, Mapping | list):
        yield flat
    elif isinstance(value, Mapping):
        yield head
        for key, inner in value.items():
            yield from _entry(ProposedEntry(key, inner), indent + 2)
    else:
        yield head
        yield from _wrapped_list(value, indent + 2)


def _folded(head: str, text: str, indent: int) -> Iterator[str]:
    """A long expression over several lines, which YAML reads as one."""
    yield f"{head} >-"
    inner = " " * (indent + 2)
    yield from textwrap.wrap(text, WIDTH, initial_indent=inner, subsequent_indent=inner, break_long_words=False,
                             break_on_hyphens=False)  # fmt: skip


def _wrapped_list(items: Sequence[Any], indent: int) -> Iterator[str]:
    if any(isinstance(i, Mapping | list) for i in items):
        yield from (f"{' ' * indent}- {flow(item)}" for item in items)
        return
    line = " " * indent + "["
    for place, item in enumerate(items):
        text = flow(item) + (", " if place < len(items) - 1 else "]")
        if len(line) + len(text) > WIDTH and line.strip() != "[":
            yield line.rstrip()
            line = " " * (indent + 1)
        line += text
    yield line


def _block_scalar(text: str) -> str:
    """A text after a key in a block, where brackets and commas are plain."""
    plain = _PLAIN_BLOCK.fullmatch(text) and text == text.strip() and not re.search(r"\s#|:(\s|$)", text)
    return text if plain and not text.isalpha() else scalar(text)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar that reads back as itself.

    >>> [scalar(v) for v in ("mood", "no", "a: b", "it's", 3, 0.5, True, "007", "line\\nend")]
    ['mood', "'no'", "'a: b'", '"it\\'s"', '3', '0.5', 'true', "'007'", '"line\\\\nend"']
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    if isinstance(value, int | float):
        return repr(value) if "e" not in repr(value) or "." in repr(value) else repr(value).replace("e", ".0e")
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and text == text.strip() and "-" not in text[-1:]:
        return text
    if _BROKEN.search(text) or "\n" in text or "\t" in text or ("'" in text and '"' not in text and "\\" not in text):
        return json.dumps(text, ensure_ascii=bool(_BROKEN.search(text)))
    return "'" + text.replace("'", "''") + "'"
