"""A dataset laid out in a folder: which file a row goes to, and files that appear whole or not at all.

    <name>.<format>                     one table
    <name>-<split>.<format>             with `split`
    <value>/<name>.<format>             with `partition_by`; two keys nest
    <value>/<name>-<split>.<format>     with both

The folder is a stage: `synthspec.dataset.switch` puts what is in it in the place of the dataset before.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from synthspec.dataset.atomic_files import digest_of
from synthspec.dataset.cells import cell_text
from synthspec.dataset.manifest import WrittenFile
from synthspec.dataset.names import RESERVED, FileNames, safe_name
from synthspec.dataset.row_shapes import Reshape, open_shape
from synthspec.dataset.splits.quotas import Splitter
from synthspec.dataset.writers import Column, Writer, find_opener
from synthspec.spec import Output

RowValues = Mapping[str, Any]
Opener = Callable[[Path, Sequence[Column]], Writer]
MOST_OPEN = 128  # files open at once; rows of further partitions wait in a file of their own


def open_output(folder: Path, name: str, output: Output, columns: Sequence[Column], seed: int = 0) -> DatasetFiles:
    """Begin to write a dataset. `columns` are all that rows have; `output.columns` chooses among them.

    Raises:
        LookupError: a column or format that `output` names does not exist.
        OSError: the folder cannot be written to.
    """
    known = {c.name: c for c in columns}
    chosen = [known[n] for n in output.columns] if output.columns else list(columns)
    return DatasetFiles(folder, name, output, open_shape(output.shape, chosen, output.tools), seed)


class DatasetFiles:
    """The files of a dataset being written. Ends with `finish` or `abandon`."""

    def __init__(self, folder: Path, name: str, output: Output, shape: Reshape, seed: int) -> None:
        self._folder, self._name, self._output, self._shape = folder, name, output, shape
        self._formats = tuple(dict.fromkeys(output.formats))
        self._opens: dict[str, Opener] = {f: find_opener(f) for f in self._formats}
        self._splitter = Splitter(output.split, seed) if output.split else None
        self._split_names = FileNames()
        own = [f"{safe_name(name)}.{f}" for f in self._formats]
        self._folder_names: dict[tuple[str, ...], FileNames] = {(): FileNames([*RESERVED, *own])}
        self._parts: dict[tuple[tuple[str, ...], str | None], _Part] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if not output.partition_by:
            for split in output.split or (None,):
                self._part((), split)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the files, as the shape makes them."""
        return tuple(self._shape.columns)

    @property
    def tables(self) -> Mapping[str, tuple[Column, ...]]:
        """The columns of the one table there is."""
        return {"": self.columns}

    def write(
        self,
        rows: Sequence[RowValues],
        groups: Sequence[Hashable | None] | None = None,
        *,
        paths: Sequence[Sequence[int]] | None = None,
        splits: Sequence[str | None] | None = None,
        shown: Sequence[RowValues | None] | None = None,
    ) -> None:
        """Add rows, in plan order. Rows of one group are kept in one split; `splits` are given where they are known.

        `shown` is what is written of each, None for nothing: the splits are those of the rows themselves all the same.
        """
        waiting: dict[_Part, list[RowValues]] = {}
        for i, row in enumerate(rows):
            written = row if shown is None else shown[i]
            split = splits[i] if splits is not None else None
            if self._splitter is not None and splits is None:
                stratum = cell_text(row.get(self._output.stratify)) if self._output.stratify else None
                split = self._splitter.assign(stratum, groups[i] if groups is not None else None)
            if written is not None:
                partition = tuple([cell_text(written.get(key)) for key in self._output.partition_by])
                waiting.setdefault(self._part(partition, split), []).append(self._shape.of(written))
        for part, its_rows in waiting.items():
            part.write(its_rows)

    def finish(self) -> tuple[WrittenFile, ...]:
        """Close every file; what they are, by path."""
        return tuple(sorted((f for part in self._parts.values() for f in part.finish()), key=lambda f: f.path))

    def abandon(self) -> None:
        """Close every file as it is."""
        for part in self._parts.values():
            with suppress(Exception):  # a writer may have more to say than the disk can hold
                part.close()

    def _part(self, partition: tuple[str, ...], split: str | None) -> _Part:
        key = (partition, split)
        if key not in self._parts:
            stem = safe_name(self._name)
            if split is not None:
                stem += f"-{self._split_names.claim(split)}"
            place = "/".join([*self._names_of(partition), stem])
            crowded = (len(self._parts) + 1) * len(self._formats) > MOST_OPEN
            openers = {f: self._opener(f) for f in self._formats}
            self._parts[key] = _Part(self._folder, place, partition, split, openers, self._shape, crowded)
        return self._parts[key]

    def _opener(self, form: str) -> Opener:
        opener = self._opens[form]
        style = asdict(self._output.csv) if form == "csv" else {}
        return partial(opener, **style) if any(style.values()) else opener

    def _names_of(self, partition: tuple[str, ...]) -> Iterator[str]:
        for depth, value in enumerate(partition):
            yield self._folder_names.setdefault(partition[:depth], FileNames()).claim(value)


class _Part:
    """One partition and split: a file of each format. A crowded one keeps its rows aside until the end."""

    def __init__(
        self,
        staging: Path,
        place: str,
        partition: tuple[str, ...],
        split: str | None,
        openers: Mapping[str, Opener],
        shape: Reshape,
        crowded: bool,
    ) -> None:
        self._staging, self._place, self._openers, self._shape = staging, place, openers, shape
        self._partition, self._split = partition, split
        self._aside = staging / f"{place}.rows" if crowded else None
        self._writers: dict[str, Writer] = {}
        self._rows = 0
        (staging / place).parent.mkdir(parents=True, exist_ok=True)
        if not crowded:
            self._open()

    def write(self, rows: Sequence[RowValues]) -> None:
        self._rows += len(rows)
        if self._aside is not None:
            with self._aside.open("ab") as file:
                pickle.dump([dict(r) for r in rows], file)
            return
        for writer in self._writers.values():
            writer.write(rows)

    def finish(self) -> Iterator[WrittenFile]:
        if self._aside is not None:
            self._open()
            with self._aside.open("rb") as file:
                while file.peek(1):
                    rows = pickle.load(file)
                    for writer in self._writers.values():
                        writer.write(rows)
            self._aside.unlink()
        self.close()
        for name in self._openers:
            place = f"{self._place}.{name}"
            path = self._staging / place
            yield WrittenFile(
                place, self._rows, digest_of(path), path.stat().st_size, name, self._partition, self._split
            )

    def close(self) -> None:
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            writer.close()

    def _open(self) -> None:
        for name, opener in self._openers.items():
            path = self._staging / f"{self._place}.{name}"
            self._writers[name] = opener(path, self._shape.columns)
