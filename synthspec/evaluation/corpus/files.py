"""Rows of a data file one at a time, so that a file of any size can be sampled; which files a dataset is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthspec.dataset.manifest import listed_files, read_manifest
from synthspec.dataset.switch import SwitchFault, settle
from synthspec.sources import TableFault, is_readable, read_table, readable, suffix_of
from synthspec.sources.delimited import LONGEST_CELL, SAMPLE, find_delimiter
from synthspec.sources.encodings import encoding_of_start

DATA = (".parquet", ".jsonl", ".csv", ".json", ".tsv")


def find_data(path: Path) -> tuple[list[Path], Mapping[str, Any] | None]:
    """The files of the dataset in a folder, of one format, and its manifest; or the file itself.

    Raises:
        TableFault: there is none.
    """
    try:
        settle(path if path.is_dir() else path.parent)
    except SwitchFault as e:
        raise TableFault(f"{e.message} ({e.help})") from None
    if path.is_file():
        if not is_readable(suffix_of(path)):
            raise TableFault(f"{path}: data is one of {', '.join(readable())}")
        return [path], None
    if not path.is_dir():
        raise TableFault(f"there is no file or folder '{path}'")
    manifest = read_manifest(path)
    tables = (manifest or {}).get("tables")
    counted = str(tables[-1]) if isinstance(tables, list) and tables else ""
    listed = [path / f.path for f in listed_files(manifest) if f.table == counted]
    found = listed or sorted(p for p in path.iterdir() if p.is_file() and p.name != "quarantine.jsonl")
    for suffix in (*DATA, *sorted({p.suffix.lower() for p in listed} - {*DATA})):
        if suffix not in DATA and not is_readable(suffix):
            continue
        chosen = [p for p in found if p.suffix.lower() == suffix and p.name not in ("manifest.json", "metrics.csv")]
        if chosen:
            return chosen, manifest
    if listed:
        written = ", ".join(sorted({p.suffix for p in listed}))
        raise TableFault(
            f"the files of {path} are {written}, which nothing installed can read",
            "build it with csv, jsonl, json or parquet among its `formats`, or install a source of that suffix",
        )
    raise TableFault(f"{path} contains no dataset: no manifest.json and no file of {', '.join(DATA)}")


def read_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, by its extension. CSV values are text.

    Raises:
        TableFault: it is not what its extension says.
        OSError: it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix_of(path) != suffix:  # compressed
        yield from read_table(path).iterate()
    elif suffix == ".parquet":
        yield from _read_parquet(path)
    elif suffix in (".csv", ".tsv"):
        yield from _read_delimited(path, "\t" if suffix == ".tsv" else ",")
    elif suffix == ".jsonl":
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _object(line, f"line {number}")
    elif suffix == ".json":
        yield from _read_json(path)
    else:
        table = read_table(path)
        yield from table.iterate()


def _object(text: str, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise TableFault(f"{where} is not JSON: {e}") from None
    if not isinstance(value, dict):
        raise TableFault(f"{where} is not a JSON object")
    return value


def _read_json(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as e:
        raise TableFault(f"not JSON: {e}") from None
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TableFault("not a list of objects")
    yield from value


def _read_delimited(path: Path, usual: str) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(LONGEST_CELL)
    encoding = _encoding_of(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        sample = file.read(SAMPLE)
        delimiter = find_delimiter(sample, usual, whole=len(sample) < SAMPLE)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter)
        try:
            header = [h.strip() or f"column {i + 1}" for i, h in enumerate(next(reader, []))]
            for line in reader:
                if line:
                    yield dict(zip(header, line, strict=False))
        except csv.Error as e:
            raise TableFault(f"line {reader.line_num} is not CSV: {e}") from None


def _encoding_of(path: Path) -> str:
    """The encoding of a text file, told from its first megabyte, which may end within a character."""
    name, _ = encoding_of_start(path)
    return "utf-8-sig" if name == "utf-8" else name


def _read_parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow.parquet
    from pyarrow import ArrowException

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(4096):
                yield from batch.to_pylist()
    except (ArrowException, ValueError) as e:
        raise TableFault(f"not a readable Parquet file: {str(e).splitlines()[0]}") from None
