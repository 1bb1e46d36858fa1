"""A row of a dataset among the examples that a prompt takes from a CSV file: a line more at its end, nothing else."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.document.reader import MapNode, to_data
from synthspec.sources import Reading
from synthspec.sources.delimited import SAMPLE, find_delimiter, read
from synthspec.sources.table import TableFault
from synthspec.spec import Spec
from synthspec.studio.editing.insertions import NoRoom
from synthspec.studio.editing.saved_text import read_saved, save_text
from synthspec.studio.paths import OutsideFolder, confined

SUFFIXES = (".csv", ".tsv")
KNOWN = {"file", "delimiter", "description"}  # keys of a source with which its file says itself how it is read
_TAB = ("tab", "\\t")


def example_file(spec: Spec, root: MapNode, source: str, folder: Path) -> str:
    """The CSV file below the spec that a source is read from, by its path there; "" where no line can be put into it:
    it is none, is outside of `folder`, or the spec says more of how it is read."""
    sources = root.get("sources")
    written = to_data(sources).get(source) if isinstance(sources, MapNode) else None
    if not isinstance(written, Mapping) or not set(written) <= KNOWN or spec.sources[source].renames:
        return ""
    name = written.get("file")
    if not isinstance(name, str) or not name.endswith(SUFFIXES) or any(c in name for c in "*?[{"):
        return ""
    try:
        below = (spec.path.parent / name).relative_to(folder).as_posix()
        return name if confined(folder, below).is_file() else ""
    except (OutsideFolder, ValueError, OSError):
        return ""


def add_to_file(path: Path, columns: Sequence[str], values: Mapping[str, Any], delimiter: str = "") -> None:
    """Put a row at the end of a CSV file with these columns. `values` are those of the row, its parameters too.

    Raises:
        NoRoom: it has other columns, the row lacks one or is there already, or the file is laid out otherwise.
        UneditableFile: it is no UTF-8 text, or may not be written.
        ChangedOnDisk: it was changed meanwhile.
    """
    saved = read_saved(path)
    if saved is None:
        raise NoRoom(f"'{path.name}' is gone")
    by_hand = f"add the row to '{path.name}' by hand"
    try:
        mark = (
            "\t" if delimiter in _TAB else delimiter or find_delimiter(saved.text[:SAMPLE], _usual(path), whole=False)
        )
        before = _records(saved.text, mark)
    except (TableFault, csv.Error):
        raise NoRoom(f"how '{path.name}' is laid out could not be recognized", by_hand) from None
    names = [name.strip() for name in before[0]] if before else []
    if sorted(names) != sorted(columns):
        raise NoRoom(f"the first line of '{path.name}' does not name its columns", by_hand)
    missing = [name for name in names if values.get(name) is None]
    if missing:
        raise NoRoom(f"the examples have a '{missing[0]}', and this row has none", by_hand)
    row = [cell_text(values[name]).replace("\r\n", "\n").replace("\r", "\n") for name in names]
    if row in before:
        raise NoRoom("this row is one of the examples already")
    line = io.StringIO()
    csv.writer(line, delimiter=mark, lineterminator="\n").writerow(row)
    new = f"{saved.text if saved.text.endswith(chr(10)) else saved.text + chr(10)}{line.getvalue()}"
    if _records(new, mark) != [*before, row] or not _reads_as_before(saved.text, new, path.suffix, mark):
        raise NoRoom(f"'{path.name}' is laid out so that nothing can be put in safely", by_hand)
    save_text(path, new, saved.digest)


def _reads_as_before(old: str, new: str, suffix: str, delimiter: str) -> bool:
    """Whether the values of the rows before are the same: one text in a column of numbers would make them texts."""
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for text in (old, new):
            path = Path(folder) / f"table{suffix}"
            path.write_text(text, encoding="utf-8", newline="")
            table = read(path, Reading(delimiter=delimiter))
            tables.append([dict(row) for row in table.rows(range(len(table)))])
    before, after = tables
    return before == after[:-1]


def _usual(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _records(text: str, delimiter: str) -> list[list[str]]:
    return [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line]
