"""A row of a dataset among the examples that a prompt shows: an edit of the spec that moves nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import plain
from synthspec.diagnostics import Span
from synthspec.document.reader import ListNode, MapNode, to_data
from synthspec.spec import Spec
from synthspec.studio.editing.example_files import add_to_file, example_file
from synthspec.studio.editing.insertions import NoRoom, read_text, try_read_text
from synthspec.studio.editing.saved_text import read_saved, save_text

_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}  # in YAML


def prompts_with_examples(spec: Spec, text: str, folder: Path) -> dict[str, tuple[str, str]]:
    """The source of the examples of each prompt to which a row can be added, and the file that it stands in, by its
    path beside the spec: "" for the text of the spec itself. `folder` is that of the studio."""
    root = try_read_text(text)
    found = {}
    for prompt in spec.prompts:
        source = prompt.examples.source if prompt.examples is not None else ""
        kind = spec.sources[source].kind if source else ""
        if kind == "rows":
            found[prompt.name] = source, ""
        elif kind == "file" and root is not None and (file := example_file(spec, root, source, folder)):
            found[prompt.name] = source, file
    return found


def add_row(path: Path, spec: Spec, place: tuple[str, str], values: Mapping[str, Any]) -> str:
    """Put a row among the examples of a place that `prompts_with_examples` gives; the name of the file that is another
    by it. `path` is the spec's.

    Raises:
        NoRoom: it cannot be put in safely, or is there already.
        UneditableFile: the file cannot be written.
        ChangedOnDisk: it was changed meanwhile.
    """
    source, file = place
    saved = read_saved(path)
    if saved is None:
        raise NoRoom("the spec is gone")
    if not file:
        save_text(path, add_example(saved.text, source, values), saved.digest)
        return path.name
    sources = read_text(saved.text).get("sources")
    written = to_data(sources)[source] if isinstance(sources, MapNode) else {}
    columns = list(spec.sources[source].columns)
    add_to_file(path.parent / file, columns, values, str(written.get("delimiter") or ""))
    return file


def add_example(text: str, source: str, values: Mapping[str, Any]) -> str:
    """The text of a spec with a row more in a source written in it. `values` are those of the row, its parameters too.

    Raises:
        NoRoom: the source is not written in this text, the row lacks a column of it, or it is there already.
    """
    root = read_text(text)
    rows = _rows_of(root, source)
    listed = to_data(rows)
    columns = list(listed[0])
    missing = [name for name in columns if values.get(name) is None]
    if missing:
        raise NoRoom(f"the examples have a '{missing[0]}', and this row has none", "add the example by hand")
    row = {name: plain(values[name]) for name in columns}
    if row in listed:
        raise NoRoom("this row is one of the examples already")
    lines = text.split("\n")
    last = rows.items[-1].span
    pad = _dash_before(lines, last)
    flow = json.dumps(row, ensure_ascii=False).translate(_ESCAPED)
    if pad is None:
        new = _put(lines, last.end_line, last.end_column - 1, f", {flow}")
    else:
        end = _end_of(lines, last, pad)
        new = "\n".join([*lines[:end], f"{pad}- {flow}", *lines[end:]])
    after = try_read_text(new)
    if after is None or to_data(_rows_of(after, source)) != [*listed, row]:
        raise NoRoom("this text is laid out so that nothing can be put in safely", f"add the row to `{source}` by hand")
    return new


def _rows_of(root: MapNode, source: str) -> ListNode:
    sources = root.get("sources")
    held = sources.get(source) if isinstance(sources, MapNode) else None
    rows = held.get("rows") if isinstance(held, MapNode) else None
    if not isinstance(rows, ListNode) or not rows.items or not all(isinstance(i, MapNode) for i in rows.items):
        raise NoRoom(f"the rows of '{source}' are not written in this file", "add the example where they are")
    return rows


def _dash_before(lines: list[str], item: Span) -> str | None:
    """What stands before the dash of an item of a list in lines; None of one between brackets."""
    before = lines[item.line - 1][: item.column - 1]
    pad, dash, rest = before.partition("-")
    return pad if dash and not pad.strip() and not rest.strip() else None


def _end_of(lines: list[str], item: Span, pad: str) -> int:
    """The line after an item of a list in lines: all that is further in than its dash belongs to it."""
    end = item.line
    for number in range(item.line, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= len(pad):
            break
        if line.strip():
            end = number + 1
    return end


def _put(lines: list[str], line: int, column: int, new: str) -> str:
    whole = lines[line - 1]
    return "\n".join([*lines[: line - 1], whole[:column] + new + whole[column:], *lines[line:]])
