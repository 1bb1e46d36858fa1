"""`file`: a data file below the spec's folder, or several that a pattern finds, read by the module of their suffix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.sources import MAX_BYTES, WHOLE_BYTES, Reading, read_table
from synthspec.sources.fingerprints import files_digest, mark_of
from synthspec.sources.joined_table import JoinedTable
from synthspec.sources.paths import find_files, is_pattern
from synthspec.sources.readings import KEYS, reading_of
from synthspec.sources.source_kind import Opened, Place, SourceFault, SourceKind
from synthspec.sources.table import MAX_VALUES, Note, Table, TableFault

SHOWN = 3  # files that are named of those that cannot be read


def open_file(options: Mapping[str, Any], place: Place) -> Opened:
    """The table of a data file, or of several as one."""
    name = str(options["file"])
    paths = find_files(name, place)
    marks = [mark_of(path) for path in paths]
    notes: tuple[Note, ...] = ()
    try:
        if not is_pattern(name, place):
            table = read_table(paths[0], reading_of(options, paths[0]))
        else:
            table, notes = _joined(name, paths, options, place)
    except SourceFault:
        raise
    except TableFault as e:
        unlike = e.code == "E353"
        message = str(e) if unlike else f"'{name}' cannot be read: {e}"
        raise SourceFault(message, e.help or "correct the file, or name another", e.code) from None
    several = is_pattern(name, place)
    notes = (*(n if several else replace(n, message=f"'{name}' {n.message}") for n in table.notes), *notes)
    if table.guessed_encoding:
        help = f"add `encoding: {table.guessed_encoding}` to the source if that is right, or save the file as UTF-8"
        said = f"'{name}' is not UTF-8 text; it is read as {table.guessed_encoding}"
        notes = (Note("W750", said, help), *notes)
    about = [sorted((k, str(v)) for k, v in options.items() if k in KEYS), [p.name for p in paths[1:]]]
    return Opened(table, lambda: files_digest(paths, about, marks=marks), notes)


def _joined(
    name: str, paths: Sequence[Path], options: Mapping[str, Any], place: Place
) -> tuple[Table, tuple[Note, ...]]:
    """The files as one table, without those that cannot be read.

    Raises:
        TableFault: none can be read, their columns differ, or they are too large together.
    """
    by_need = sum(p.stat().st_size for p in paths) > WHOLE_BYTES
    parts: list[tuple[str, Table]] = []
    lost: list[tuple[str, TableFault]] = []
    held = values = 0
    for path in paths:
        shown = path.relative_to(place.folder).as_posix()
        try:
            reading: Reading = replace(reading_of(options, path), by_need=by_need)
            table = read_table(path, reading)
        except SourceFault:
            raise
        except TableFault as e:
            if e.code == "E350":
                raise
            lost.append((shown, e))
            continue
        parts.append((shown, table))
        if table.in_memory:
            held, values = held + path.stat().st_size, values + len(table) * len(table.names)
        if held > MAX_BYTES or values > MAX_VALUES:
            most = f"{MAX_BYTES // 1_000_000} MB or {MAX_VALUES:,} values"
            raise TableFault(f"its files are too large together: at most {most}", "name fewer files, or Parquet files")
    if not parts:
        raise TableFault(f"none of its {len(lost)} files can be read: '{lost[0][0]}': {lost[0][1]}", lost[0][1].help)
    return JoinedTable(parts), _lost(name, lost, len(paths))


def _lost(name: str, lost: Sequence[tuple[str, TableFault]], count: int) -> tuple[Note, ...]:
    if not lost:
        return ()
    shown = "; ".join(f"'{file}': {fault}" for file, fault in lost[:SHOWN])
    more = f"; and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    message = f"{len(lost)} of the {count:,} files of '{name}' cannot be read and are left out: {shown}{more}"
    return (Note("W770", message[:190], "correct these files, or name others"),)


KIND = SourceKind(
    key="file",
    describes="A data file, or several as one.",
    schema={
        "type": "string",
        "minLength": 1,
        "description": "Path of a csv, tsv, jsonl, json, parquet or xlsx file, below the spec's folder, or of several "
        "that are read as one: `'parts/*.parquet'`. May be compressed (.gz, .bz2, .xz, .zst).",
    },
    open=open_file,
    reads=lambda options, place: find_files(str(options["file"]), place),
    options=KEYS,
)
