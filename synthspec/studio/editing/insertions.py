"""A part put into the text of a spec, as an edit that moves nothing else: comments, order and layout stay.

Whatever is put in is read again: where the text would come to mean anything but what it did with the part beside it,
the edit is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from synthspec.diagnostics.errors import SynthspecError
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode, read_document, to_data
from synthspec.document.source import Source
from synthspec.lazy_dataclass import dataclass

ORDER = (
    "synthspec", "extends", "name", "description", "license", "tags", "rows", "seed", "sources", "parameters", "plan",
    "tools", "prompts", "fields", "checks", "novelty", "on_missing", "repair", "output", "gates", "backend", "limits",
)  # fmt: skip
_FENCE = re.compile(r"(---|\.\.\.)(\s|$)")


class NoRoom(SynthspecError):
    """A part that cannot be put into this text."""


@dataclass(frozen=True, slots=True)
class SectionPart:
    """What is put into a section: an entry `name` of a map, or an item of a list (no name). `block` are its lines with
    no indent, `flow` the same on one line where it has to stand between braces.
    """

    section: str
    name: str
    block: tuple[str, ...]
    flow: str


@dataclass(frozen=True, slots=True)
class TextChange:
    """Characters `start` to `end` of a text replaced by another."""

    start: int
    end: int
    text: str


def insert_part(text: str, part: SectionPart) -> TextChange:
    """The edit that puts a part at the end of its section, which is made where there is none.

    Raises:
        NoRoom: the text cannot be read, has a part of this name, or is laid out so that no edit is safe.
    """
    root = read_text(text)
    entry = root.get(part.section)
    if isinstance(entry, MapNode) and part.name and entry.get(part.name) is not None:
        raise NoRoom(f"there is a '{part.name}' in `{part.section}` already", "choose another name")
    change = _change(text, root, part)
    after = try_read_text(text[: change.start] + change.text + text[change.end :])
    if after is None or not _adds(root, after, part):
        help = f"write it under `{part.section}` by hand"
        raise NoRoom("this text is laid out so that nothing can be put in safely", help)
    return change


def read_text(text: str) -> MapNode:
    """The nodes of a spec's text.

    Raises:
        NoRoom: it is no YAML, or no map.
    """
    source = Source(Path("spec.yaml"), "spec.yaml", text)
    root, faults = read_document(source)
    if root is None:
        fault = faults[-1]
        raise NoRoom(f"line {fault.span.line} cannot be read as YAML: {fault.message}", "fix that line first")
    if not isinstance(root, MapNode):
        raise NoRoom("the text is not a spec: it has no keys", "begin with `synthspec: 1`")
    return root


def try_read_text(text: str) -> MapNode | None:
    """The same; None where it cannot be read."""
    try:
        return read_text(text)
    except NoRoom:
        return None


def _adds(before: MapNode, after: MapNode, part: SectionPart) -> bool:
    """Whether the one thing that is new is the part."""
    old, new = to_data(before), to_data(after)
    section, was = new.pop(part.section, None), old.pop(part.section, None)
    if new != old or list(new) != list(old):
        return False
    if part.name:
        return isinstance(section, dict) and list(section) == [*(was or {}), part.name] and (
            {k: v for k, v in section.items() if k != part.name} == (was or {})
        )  # fmt: skip
    return isinstance(section, list) and section[:-1] == (was or [])


def _change(text: str, root: MapNode, part: SectionPart) -> TextChange:
    key, value = root.key(part.section), root.get(part.section)
    lines = text.split("\n")
    starts = _line_starts(lines)
    if key is None:
        line = _line_for_section(lines, root, part.section)
        gap = "\n" if _has_gaps(lines, root) else ""
        inside = "\n".join(_indented(part, "  "))
        return _after_line(lines, starts, line, f"{gap}{part.section}:\n{inside}")
    assert value is not None
    if _is_flow(text, starts, value):
        return _into_braces(text, starts, value, part)
    empty = isinstance(value, ScalarNode) and value.value is None
    if not empty and not isinstance(value, ListNode if not part.name else MapNode):
        raise NoRoom(f"`{part.section}` is not a {'map' if part.name else 'list'} here", "put it right first")
    if isinstance(value, ScalarNode) and value.text:  # `parameters: null`, `~`
        start = starts[value.span.line - 1] + value.span.column - 1
        return TextChange(start, start + len(value.text), "\n" + "\n".join(_indented(part, "  ")))
    begun = value.entries[0].key if isinstance(value, MapNode) and value.entries else value
    pad = "  " if empty else " " * (begun.span.column - 1)
    return _after_line(lines, starts, _last_line(lines, root, part.section), "\n".join(_indented(part, pad)))


def _indented(part: SectionPart, pad: str) -> list[str]:
    return [pad + line if line else line for line in part.block]


def _into_braces(text: str, starts: list[int], value: Node, part: SectionPart) -> TextChange:
    """Into `{…}` or `[…]`, before what closes it."""
    close = starts[value.span.end_line - 1] + value.span.end_column - 2
    if text[close : close + 1] not in ("}", "]"):
        raise NoRoom(f"the end of `{part.section}` is not found", "write it by hand")
    has = bool(value.entries if isinstance(value, MapNode) else value.items if isinstance(value, ListNode) else ())
    at = close
    while at and text[at - 1] in " \n":
        at -= 1
    comma = ", " if has and not text[:at].endswith(",") else " " if has else ""
    return TextChange(at if has else close, at if has else close, comma + part.flow)


def _is_flow(text: str, starts: list[int], value: Node) -> bool:
    at = starts[value.span.line - 1] + value.span.column - 1
    return isinstance(value, MapNode | ListNode) and text[at : at + 1] in ("{", "[")


def _line_starts(lines: list[str]) -> list[int]:
    found = [0]
    for line in lines:
        found.append(found[-1] + len(line) + 1)
    return found


def _after_line(lines: list[str], starts: list[int], line: int, new: str) -> TextChange:
    """New lines below the line of this number, counted from 1; 0 is before all."""
    if line == 0:
        return TextChange(0, 0, new + "\n")
    at = starts[line - 1] + len(lines[line - 1])
    return TextChange(at, at, "\n" + new)


def _last_line(lines: list[str], root: MapNode, section: str) -> int:
    """The last line of a section, counted from 1: what stands left of its entries below it is the next one's."""
    keys = [e.key for e in root.entries]
    place = next(i for i, k in enumerate(keys) if k.text == section)
    first = keys[place].span.line
    end = keys[place + 1].span.line - 1 if place + 1 < len(keys) else len(lines)
    while end > first and (not lines[end - 1].strip() or lines[end - 1][0] == "#" or _FENCE.match(lines[end - 1])):
        end -= 1
    return end


def _line_for_section(lines: list[str], root: MapNode, section: str) -> int:
    """Below which line a new section stands: that of the sections that come before it by custom."""
    place = ORDER.index(section)
    before = [e.key.text for e in root.entries if e.key.text in ORDER and ORDER.index(e.key.text) < place]
    return _last_line(lines, root, before[-1] if before else root.entries[-1].key.text)


def _has_gaps(lines: list[str], root: MapNode) -> bool:
    """Whether sections are set apart by empty lines."""
    heads = [e.key.span.line for e in root.entries[1:]]
    apart = sum(line >= 2 and not lines[line - 2].strip() for line in heads)
    return apart * 2 >= len(heads) > 0
