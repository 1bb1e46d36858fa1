"""How a spec says that a data file is to be read: its keys, as JSON Schemas, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.plugins import plugin_error
from synthspec.sources import Reading, is_readable, settings_read
from synthspec.sources.compressed import suffix_of
from synthspec.sources.dates import FORM, form_fault
from synthspec.sources.encodings import ENCODINGS, is_encoding
from synthspec.sources.source_kind import SourceFault

KEYS: Mapping[str, Mapping[str, Any]] = {
    "delimiter": {
        "type": "string",
        "minLength": 1,
        "maxLength": 3,
        "description": "What separates the values of a csv or tsv file: one character, or tab. Found out where it is "
        "not given.",
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
    "header": {
        "anyOf": [
            {"type": "boolean"},
            {"type": "integer", "minimum": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        ],
        "description": "The line with the names of the columns in a csv, tsv or xlsx file, from 1, not counting empty "
        "lines; false where there is none; or the names themselves. Default 1.",
    },
    "sheet": {
        "anyOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}],
        "description": "The sheet of an xlsx file: its name, or its number from 1. Default 1.",
    },
    "at": {
        "type": "string",
        "minLength": 1,
        "description": "Where the list of rows is in a json file: names and places, as in `data.items` or "
        "`pages[0].rows`.",
    },
    "dates": {
        "type": "string",
        "pattern": FORM,
        "maxLength": 40,
        "description": "How days are written in a csv, tsv or xlsx file, where not as 2026-12-31: of DD, MM, YYYY "
        "(YY), hh, mm and ss, such as DD.MM.YYYY. A column of which every value is written so contains dates.",
    },
}
_FOR = {"encoding": "text", "header": "csv, tsv or xlsx", "dates": "csv, tsv or xlsx", "sheet": "xlsx", "at": "json"}


def reading_of(options: Mapping[str, Any], path: Path) -> Reading:
    """How a file is to be read.

    Raises:
        SourceFault: the spec says what cannot be.
    """
    suffix = suffix_of(path)
    given = {k: options[k] for k in KEYS if k in options}
    if not is_readable(suffix):
        return Reading()
    unusable = plugin_error("sources", suffix[1:])
    if unusable is not None:
        raise SourceFault(*unusable, code="E608")
    heeded = settings_read(suffix) if given else ()
    for key in given:
        if key not in heeded:
            kinds = _FOR.get(key, "csv or tsv")
            raise SourceFault(f"`{key}` is for {kinds} files, not {suffix}", remove(key), "E130", key)
    delimiter = given.get("delimiter")
    delimiter = "\t" if delimiter in ("tab", "\\t") else delimiter
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        help = "write one character in quotes, such as `delimiter: ';'`, or `delimiter: tab`"
        raise SourceFault(f"'{delimiter}' separates no values", help, "E130", "delimiter")
    encoding = given.get("encoding")
    if encoding is not None and not is_encoding(encoding):
        help = did_you_mean(encoding, ENCODINGS, "write one such as utf-8, utf-16 or cp1252")
        raise SourceFault(f"there is no encoding '{encoding}'", help, "E130", "encoding")
    dates = given.get("dates")
    fault = form_fault(dates) if dates is not None else ""
    if fault:
        help = "write it as the file does, such as `dates: DD.MM.YYYY`"
        raise SourceFault(f"'{dates}' says no day: {fault}", help, "E130", "dates")
    header = given.get("header")
    return Reading(
        delimiter,
        encoding,
        given.get("decimal"),
        tuple(header) if isinstance(header, list) else header,
        given.get("sheet"),
        given.get("at"),
        dates=dates,
    )
