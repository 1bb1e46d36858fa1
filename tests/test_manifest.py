"""The manifest and the dataset card: stable bytes, nothing left out, nothing a text could break."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from synthspec.dataset.card import build_card, escaped
from synthspec.dataset.card_columns import ColumnFacts, column_facts, constraints_of
from synthspec.dataset.layout import open_output
from synthspec.dataset.manifest import (
    BuildFacts,
    RunFacts,
    WrittenFile,
    build_manifest,
    listed_files,
    manifest_text,
    read_manifest,
)
from synthspec.dataset.writers import Column
from synthspec.diagnostics import Span
from synthspec.languages.expressions.types import INTEGER, TEXT, Type
from synthspec.spec import Bounds, Field, Output

FACTS = BuildFacts(
    name="support-calls",
    spec_digest="ab12",
    seed=7,
    rows=500,
    strategy="balanced",
    backend="openai",
    model="gpt-5-mini",
    description="Calls to a company.\n\nWith summaries.",
    license="CC-BY-4.0",
    tags=("calls", "language:es"),
    models_reported=("gpt-5-mini-2025-08-07",),
    funnel={"planned": 500, "called": 500, "parsed": 498, "valid": 490, "novel": 488, "kept": 488},
    rejections={"words(call)": 8, "unique(call)": 2},
    prompt_tokens=1000,
    completion_tokens=2000,
    completions=520,
    cost=0.1 + 0.2,
    files=(
        WrittenFile("calls-train.csv", 440, "aa", 10, "csv", (), "train"),
        WrittenFile("calls-test.csv", 48, "bb", 20, "csv", (), "test"),
    ),
    run=RunFacts(calls=20, reused=500, created=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)),
)


def front_matter(card: str) -> dict[str, Any]:
    value = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(value, dict)
    return value


# --- manifest


def test_manifest_says_what_was_built() -> None:
    manifest = build_manifest(FACTS)
    assert manifest["spec"]["digest"] == "ab12" and manifest["seed"] == 7
    assert manifest["backend"]["reported"] == ["gpt-5-mini-2025-08-07"]
    assert list(manifest["funnel"]) == ["planned", "called", "parsed", "valid", "novel", "kept"]
    assert manifest["usage"] == {"prompt_tokens": 1000, "completion_tokens": 2000, "calls": 520}
    assert manifest["cost"] == 0.3 and manifest["run"]["reused"] == 500
    assert manifest["run"]["created"] == "2026-01-02T00:00:00+00:00"
    assert [f["path"] for f in manifest["files"]] == ["calls-test.csv", "calls-train.csv"]


def test_two_runs_differ_under_run_alone() -> None:
    later = dataclasses.replace(FACTS, run=RunFacts(calls=520, seconds=3.2), files=FACTS.files[::-1])
    one, other = build_manifest(FACTS), build_manifest(later)
    assert one.pop("run") != other.pop("run")
    assert manifest_text(one) == manifest_text(other)


def test_manifest_is_read_back(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text(manifest_text(build_manifest(FACTS)))
    manifest = read_manifest(tmp_path)
    assert manifest == json.loads(manifest_text(build_manifest(FACTS)))
    assert set(listed_files(manifest)) == set(FACTS.files)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_a_bad_manifest_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    assert read_manifest(tmp_path) is None


def test_a_manifest_is_never_invalid_json() -> None:
    with pytest.raises(ValueError):
        manifest_text(build_manifest(dataclasses.replace(FACTS, metrics={"acceptance": float("nan")})))


# --- card


def test_front_matter() -> None:
    matter = front_matter(build_card(FACTS, ()))
    assert matter == {
        "pretty_name": "support-calls",
        "language": ["es"],
        "license": "cc-by-4.0",
        "tags": ["calls", "synthetic", "synthspec"],
        "size_categories": ["n<1K"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": "test", "path": "calls-test.csv"},
                    {"split": "train", "path": "calls-train.csv"},
                ],
            }
        ],
    }


def test_an_unknown_license_is_named() -> None:
    matter = front_matter(build_card(dataclasses.replace(FACTS, license="House rules: ask"), ()))
    assert (matter["license"], matter["license_name"]) == ("other", "House rules: ask")


def test_card_is_stable_and_tells_the_funnel_and_the_limits() -> None:
    card = build_card(FACTS, [ColumnFacts("call", "text", "The whole call", ("40 to 400 words",))])
    later = dataclasses.replace(FACTS, run=RunFacts(), files=FACTS.files[::-1])
    assert build_card(later, [ColumnFacts("call", "text", "The whole call", ("40 to 400 words",))]) == card
    assert "| call | text | The whole call | 40 to 400 words |" in card
    assert "| kept | 488 |" in card and "| words(call) | 8 |" in card
    assert "12 of the 500 rows asked for are missing." in card
    assert "gpt-5-mini-2025-08-07" in card and "$0.3000" in card
    assert "language model and checked by rules" in card and "http" not in card


def test_card_of_the_embedded_backend_says_so() -> None:
    card = build_card(dataclasses.replace(FACTS, backend="ngram", model=""), ())
    assert "not written by a language model" in card
    gates = dataclasses.replace(FACTS, gates={"acceptance >= 0.9": False, "rows > 1": True})
    assert "does not pass its own gates: acceptance &gt;= 0.9." in build_card(gates, ())


def test_partitions_are_configs() -> None:
    files = tuple(WrittenFile(f"{m}/calls.{f}", 2, "", 1, f, (m,)) for m in ("joy", "fear") for f in ("csv", "parquet"))
    configs = front_matter(build_card(dataclasses.replace(FACTS, files=files), ()))["configs"]
    assert [c["config_name"] for c in configs] == ["default", "fear", "joy"]
    assert configs[0]["data_files"] == [{"split": "train", "path": ["fear/calls.parquet", "joy/calls.parquet"]}]


SPAN = Span("a.yaml", 1, 1, 1, 2)


def test_columns_from_fields() -> None:
    fields = (
        Field(
            "call", TEXT, {"pattern": "^A|B"}, SPAN, words=Bounds(40, 400), rejects=("(?i)ai",), description="The call"
        ),
        Field("n", INTEGER, {"minimum": 1, "maximum": 5, "enum": [1, "a"]}, SPAN, words=Bounds(None, 3), optional=True),
    )
    assert list(constraints_of(fields[0])) == ["matches ^A|B", "40 to 400 words", "never (?i)ai"]
    assert list(constraints_of(fields[1])) == [
        "one of 1, a",
        "at least 1",
        "at most 5",
        "at most 3 words",
        "may be empty",
    ]
    columns = (Column("n", INTEGER), Column("messages", Type("list", item=TEXT)), Column("call", TEXT))
    facts = column_facts(fields, columns)
    assert [(c.name, c.type) for c in facts] == [("n", "integer"), ("messages", "list of text"), ("call", "text")]
    assert "| call | text | The call | matches ^A\\|B; 40 to 400 words; never (?i)ai |" in build_card(FACTS, facts)


NASTY = some.text(some.sampled_from("a1 |\n\r\t<>&\"'`*_{}[]()#+-.!~$@:/\\=\u2028\x00\ud800"), max_size=30)


@settings(deadline=None)
@given(NASTY, NASTY, NASTY)
def test_no_text_breaks_the_card(name: str, description: str, constraint: str) -> None:
    facts = dataclasses.replace(
        FACTS, name=name, description=description, rejections={constraint: 1}, license=name, tags=(constraint,)
    )
    card = build_card(facts, [ColumnFacts(name, "text", description, (constraint,))])
    plain = build_card(FACTS, [ColumnFacts("a", "text", "b", ("c",))])
    assert "\ud800" not in card and card.encode()
    body, expected = card.split("\n---\n", 1)[1], plain.split("\n---\n", 1)[1]
    headings = [line for line in body.split("\n") if line.startswith("#")]
    assert len(headings) == len([line for line in expected.split("\n") if line.startswith("#")])
    rows = [line for line in body.split("\n") if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) in (3, 4, 5) for row in rows)
    assert not re.search(r"<(?!-)|(?<!\\)\]\(|(?<!\\)!\[|https?:", body)
    assert front_matter(card)["pretty_name"] == name or not name.isprintable()


def test_escaped_lines_have_no_effect() -> None:
    assert (
        escaped("- a") == "\\- a"
        and escaped("1. a") == "1\\. a"
        and escaped("0.3") == "0.3"
        and escaped("=== ") == "\\==="
    )
    assert escaped("see https://x.org or a@b.c") == "see https&#58;//x.org or a&#64;b.c"


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet"])
@pytest.mark.parametrize("partition_by", [(), ("mood",)])
def test_datasets_loads_the_folder(tmp_path: Path, form: str, partition_by: tuple[str, ...]) -> None:
    datasets = pytest.importorskip("datasets")
    columns = (Column("id", INTEGER), Column("mood", TEXT))
    output = Output((form,), partition_by, {"train": 0.8, "test": 0.2})
    folder = tmp_path / "build"
    files = open_output(folder, "calls", output, columns)
    files.write([{"id": i, "mood": ("very happy", "a/b")[i % 2]} for i in range(40)])
    facts = dataclasses.replace(FACTS, files=files.finish(), partition_by=partition_by)
    (folder / "manifest.json").write_text(manifest_text(build_manifest(facts)))
    (folder / "README.md").write_text(build_card(facts, ()), encoding="utf-8")
    (folder / "quarantine.jsonl").write_text('{"reason": "not data"}\n')
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {s: len(d) for s, d in loaded.items()} == {"train": 32, "test": 8}
    assert sorted(r["id"] for d in loaded.values() for r in d) == list(range(40))
