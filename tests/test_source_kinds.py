"""Kinds of source: the schema has what their descriptors say, and a spec that extends another may be of another kind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import synthspec
from synthspec.compiler import compile_spec
from synthspec.document.resources import schema_path
from synthspec.sources.kinds import find_kind, kind_names

RULE = "synthspec: 1\nrows: 3\nfields: {t: {value: x}}\n"


def test_the_shipped_schema_has_every_kind() -> None:
    """`UPDATE_GOLDEN=1` writes them into it again."""
    path = schema_path()
    schema = json.loads(path.read_text(encoding="utf-8"))
    found = [find_kind(name).map_schema() for name in kind_names()]
    if os.environ.get("UPDATE_GOLDEN"):
        schema["$defs"]["source"]["anyOf"] = found
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert schema["$defs"]["source"]["anyOf"] == found


def extended(folder: Path, below: str, above: str) -> list[str]:
    """The values drawn by a spec with one source, which extends one with another."""
    (folder / "data.csv").write_text("a,b\nfile,1\n", encoding="utf-8")
    (folder / "base.yaml").write_text(f"synthspec: 1\nsources: {{s: {below}}}\n", encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(
        f"{RULE}extends: base.yaml\nsources: {{s: {above}}}\nparameters: {{x: {{from: s, column: a}}}}\n",
        encoding="utf-8",
    )
    faults = compile_spec(path).diagnostics
    return [d.code for d in faults] or [row["x"] for row in synthspec.plan(path)][:1]


@pytest.mark.parametrize(
    ("below", "above", "drawn"),
    [
        ("{file: data.csv, delimiter: ','}", "{rows: [{a: own}]}", ["own"]),
        ("{rows: [{a: own}]}", "{file: data.csv}", ["file"]),
        ("{file: data.csv, delimiter: ';'}", "{delimiter: ','}", ["file"]),
        ("{file: none.csv}", "{file: data.csv, columns: {b: c}}", ["file"]),
        ("{rows: [{b: own}], columns: {b: a}}", "{description: Mine.}", ["own"]),
    ],
)
def test_a_source_of_another_kind_replaces_the_one_it_extends(
    below: str, above: str, drawn: list[str], tmp_path: Path
) -> None:
    assert extended(tmp_path, below, above) == drawn
