"""What is in a data file, and the spec that `new --from` makes of it: shown before it is taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from synthspec.compiler import compile_spec
from synthspec.diagnostics import Diagnostic
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS
from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.profile import ColumnProfile
from synthspec.profiling.declared.json_schema import is_json_schema, read_json_schema
from synthspec.profiling.declared.propose import propose_declared
from synthspec.profiling.files import files_of
from synthspec.profiling.profile import Profile, profile_sample
from synthspec.profiling.remarks import remarks, text_remark
from synthspec.profiling.sample import sample_of
from synthspec.profiling.tried import propose_and_try
from synthspec.sources import Table, TableFault, read_table, settings_read, suffix_of
from synthspec.sources.delimited import SAMPLE, find_delimiter
from synthspec.sources.encodings import decode, find_encoding
from synthspec.sources.readings import reading_of

ROWS = 6  # shown
EXAMPLES = 3  # of a column
LONGEST = 300  # characters of a value
SHORTEST = 90  # of an example among others
CHOICES = ("delimiter", "encoding")  # that a person may correct
KINDS = {
    "Empty": "nothing", "OneValue": "one value", "Labels": "labels", "Numbers": "numbers", "Moments": "dates",
    "Times": "times of day", "Counter": "a counter", "Uuids": "UUIDs", "Codes": "codes", "People": "personal data",
    "SampledTexts": "short texts", "Conversations": "conversations", "Texts": "text",
}  # fmt: skip
BECOMES = {
    "Empty": "left out", "OneValue": "the same in every row", "Labels": "drawn as often as here",
    "Numbers": "drawn from a distribution", "Moments": "drawn from a distribution", "Times": "drawn",
    "Counter": "counted on", "Uuids": "made again", "Codes": "made again in the same form",
    "People": "made up: none of the values is copied", "SampledTexts": "drawn from the sample's rows",
    "Conversations": "written by the model", "Texts": "written by the model",
}  # fmt: skip

MEANINGS = {
    "KS distance": "how far the distribution is from the sample: the largest difference, at any value, of the shares"
    " of values up to it. 0 is alike; from about 0.1 on it shows",
    "Cramér's V": "how strongly a column depends on another: 0 not at all, 1 wholly",
    "n =": "how many values of the sample this was counted over",
    "in pieces": "no known form is near, so values are drawn from ranges, each as often as in the sample",
    "weights as in the sample": "each value comes as often as it does in the file",
}


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A file as it was read, and the files of the spec that would be made of it."""

    files: Mapping[Path, bytes]
    about: Mapping[str, Any] = field(default_factory=dict)


def look_at_file(path: Path, given: Mapping[str, Any], name: str) -> LookedAt:
    """Read a file, with delimiter and encoding where a person says them, and propose a spec.

    Raises:
        SynthspecError: it cannot be read so, or nothing can be learnt from it.
    """
    options = {k: v for k, v in given.items() if k in CHOICES and isinstance(v, str) and v}
    if path.suffix.lower() == ".json" and is_json_schema(path):
        files = files_of(propose_declared(read_json_schema(path), name))
        return LookedAt(files, {"file": path.name, "kind": "a JSON Schema", "yaml": _yaml(files), "columns": []})
    table = read_table(path, reading_of(options, path))
    profile = profile_sample(sample_of(table, path.name))
    files = files_of(propose_and_try(profile, name, _compiled))
    columns = [_column(c, profile) for c in profile.columns]
    about = {
        "file": path.name,
        "kind": suffix_of(path).lstrip("."),
        **read_as(path, options),
        "guessed": bool(table.guessed_encoding) and "encoding" not in options,
        "rows": profile.sample.total,
        "left_out": list(profile.sample.left_out),
        "notes": [note.message for note in table.notes],
        "columns": columns,
        "first": _first(table),
        "yaml": _yaml(files),
        "words": meanings_of(" ".join(c["said"] for c in columns)),
        "writes": [p.as_posix() for p in files],
    }
    return LookedAt(files, about)


def read_as(path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The delimiter and the encoding that a text file is read with; nothing of other files."""
    if "encoding" not in settings_read(suffix_of(path)):
        return {}
    head = path.read_bytes()[: 1 << 20]
    try:
        encoding = str(options.get("encoding") or find_encoding(head)[0])
        found: dict[str, Any] = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding}
        if "delimiter" in settings_read(suffix_of(path)):
            text, _ = decode(head, encoding)
            usual = "\t" if path.suffix.lower() == ".tsv" else ","
            whole = len(text) <= SAMPLE and path.stat().st_size <= len(head)
            found["delimiter"] = options.get("delimiter") or find_delimiter(text[:SAMPLE], usual, whole=whole)
    except TableFault:
        return {key: options[key] for key in CHOICES if key in options}
    return found


def _column(column: ColumnProfile, profile: Profile) -> dict[str, Any]:
    kind = type(column.kind).__name__
    told = replace(column, header=column.name)  # another name is shown with the header
    sample = next(c for c in profile.sample.columns if c.name == column.name)
    present = islice((v for v in sample.values if v is not None), 40)
    if kind == "Texts":
        said = text_remark(told)
    else:
        said = remarks(told, None, None)
    return {
        "header": column.header,
        "name": column.name,
        "kind": KINDS.get(kind, kind),
        "becomes": BECOMES.get(kind, ""),
        "missing": column.missing,
        "distinct": column.distinct,
        "said": " ".join(said),
        "examples": [_short(v, SHORTEST) for v in dict.fromkeys(map(str, present))][:EXAMPLES],
    }


def meanings_of(said: str) -> list[list[str]]:
    """The words of statistics in what is said of columns, each with its meaning.

    >>> meanings_of("Normal, KS distance 0.03 from the sample (n = 90).")[0][0]
    'KS distance'
    """
    forms = {name.replace("_", " "): form.summary for name, form in DISTRIBUTIONS.items()}
    known = {**MEANINGS, **forms}
    found = (word for word in known if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said, re.IGNORECASE))
    return [[word, known[word]] for word in found]


def _first(table: Table) -> dict[str, Any]:
    rows = [[_short(row[name]) for name in table.names[:40]] for row in islice(table.iterate(), ROWS)]
    return {"names": list(table.names[:40]), "rows": rows}


def _short(value: Any, most: int = LONGEST) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _yaml(files: Mapping[Path, bytes]) -> str:
    return next(data.decode("utf-8", "replace") for path, data in files.items() if path.suffix == ".yaml")


def _compiled(spec: Path) -> tuple[Diagnostic, ...]:
    return compile_spec(spec).diagnostics
