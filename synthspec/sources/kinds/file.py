"""`file`: a data file below the spec's folder, read by the module of its suffix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.plugins import plugin_error
from synthspec.sources import Reading, is_readable, read_table, settings_read
from synthspec.sources.encodings import ENCODINGS, is_encoding
from synthspec.sources.fingerprints import files_digest, mark_of
from synthspec.sources.kinds import Note, Opened, Place, SourceFault, SourceKind
from synthspec.sources.paths import find_file
from synthspec.sources.table import TableFault


def open_file(options: Mapping[str, Any], place: Place) -> Opened:
    """The table of a data file."""
    name = str(options["file"])
    path = find_file(name, place)
    reading = _reading(options, path)
    mark = mark_of(path)
    try:
        table = read_table(path, reading)
    except SourceFault:
        raise
    except TableFault as e:
        help = e.help or "correct the file, or name another"
        raise SourceFault(f"'{name}' cannot be read: {e}", help) from None
    notes: tuple[Note, ...] = ()
    if table.guessed_encoding:
        help = f"add `encoding: {table.guessed_encoding}` to the source if that is right, or save the file as UTF-8"
        notes = (Note("W750", f"'{name}' is not UTF-8 text; it is read as {table.guessed_encoding}", help),)
    said = sorted((k, str(v)) for k, v in options.items() if k != "file")
    return Opened(table, lambda: files_digest([path], said, marks=[mark]), notes)


def _reading(options: Mapping[str, Any], path: Path) -> Reading:
    """How the spec says that a file is to be read.

    Raises:
        SourceFault: it says what cannot be.
    """
    suffix = path.suffix.lower()
    given = {k: str(options[k]) for k in ("delimiter", "encoding", "decimal") if k in options}
    if not is_readable(suffix):
        return Reading()
    fault = plugin_error("sources", suffix[1:])
    if fault is not None:
        raise SourceFault(*fault, code="E608")
    heeded = settings_read(suffix) if given else ()
    for key in given:
        if key not in heeded:
            kinds = "csv or tsv" if key != "encoding" else "text"
            raise SourceFault(f"`{key}` is for {kinds} files, not {suffix}", f"remove `{key}`", "E130", key)
    delimiter = "\t" if given.get("delimiter") in ("tab", "\\t") else given.get("delimiter")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        help = "write one character in quotes, such as `delimiter: ';'`, or `delimiter: tab`"
        raise SourceFault(f"'{delimiter}' separates no values", help, "E130", "delimiter")
    encoding = given.get("encoding")
    if encoding is not None and not is_encoding(encoding):
        help = did_you_mean(encoding, ENCODINGS, "write one such as utf-8, utf-16 or cp1252")
        raise SourceFault(f"there is no encoding '{encoding}'", help, "E130", "encoding")
    return Reading(delimiter, encoding, given.get("decimal"))


KIND = SourceKind(
    key="file",
    describes="A data file.",
    schema={
        "type": "string",
        "minLength": 1,
        "description": "Path of a csv, tsv, jsonl, json or parquet file, below the spec's folder.",
    },
    open=open_file,
    options={
        "delimiter": {
            "type": "string",
            "minLength": 1,
            "maxLength": 3,
            "description": "What separates the values of a csv or tsv file: one character, or tab. Found out where it "
            "is not given.",
        },
        "encoding": {
            "type": "string",
            "minLength": 1,
            "description": "Encoding of a text file, such as utf-8, utf-16 or cp1252. Found out where it is not given.",
        },
        "decimal": {
            "enum": [".", ","],
            "description": "What begins the fraction of a number in a csv or tsv file. Default: a full stop, or a comma"
            " where every number shows it.",
        },
    },
)
