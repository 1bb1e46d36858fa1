"""The layout of a dataset: names, splits, partitions, and a folder that is never half written."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from depth import quarter
from hypothesis import example, given, settings
from hypothesis import strategies as some

from synthspec.dataset.atomic_files import write_whole
from synthspec.dataset.layout import open_output
from synthspec.dataset.manifest import WrittenFile
from synthspec.dataset.names import LONGEST, RESERVED, FileNames, safe_name
from synthspec.dataset.splits.quotas import Splitter, whole_parts
from synthspec.dataset.switch import clear_stage, commit, stage
from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import INTEGER, TEXT
from synthspec.spec import Output

COLUMNS = (Column("id", INTEGER), Column("mood", TEXT), Column("text", TEXT))
MOODS = ("anger", "joy", "fear")


def rows_of(count: int) -> list[dict[str, Any]]:
    return [{"id": i, "mood": MOODS[i % 3], "text": f"text {i}", "hidden": i} for i in range(count)]


def build(folder: Path, output: Output, rows: list[dict[str, Any]], seed: int = 7) -> tuple[WrittenFile, ...]:
    place = stage(folder)
    files = open_output(place, "calls", output, COLUMNS, seed)
    for at in range(0, len(rows), 7):
        files.write(rows[at : at + 7])
    written = files.finish()
    manifest = {"name": "calls", "files": [asdict(f) for f in written]}
    (place / "manifest.json").write_text(json.dumps(manifest))
    commit(folder)
    return written


def ids(path: Path) -> list[int]:
    with path.open(newline="", encoding="utf-8") as file:
        return [int(r["id"]) for r in csv.DictReader(file)]


def paths_in(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"manifest.json"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (Output(), {"calls.csv"}),
        (Output(formats=("csv", "jsonl", "csv")), {"calls.csv", "calls.jsonl"}),
        (Output(split={"train": 0.9, "test": 0.1}), {"calls-train.csv", "calls-test.csv"}),
        (Output(partition_by=("mood",)), {"anger/calls.csv", "joy/calls.csv", "fear/calls.csv"}),
        (
            Output(partition_by=("mood",), split={"train": 0.5, "test": 0.5}),
            {f"{m}/calls-{s}.csv" for m in MOODS for s in ("train", "test")},
        ),
        (Output(partition_by=("mood", "hidden")), {f"{MOODS[i % 3]}/{i}/calls.csv" for i in range(60)}),
    ],
)
def test_names(tmp_path: Path, output: Output, expected: set[str]) -> None:
    written = build(tmp_path, output, rows_of(60))
    assert {f.path for f in written} == expected == paths_in(tmp_path)
    csvs = [f for f in written if f.format == "csv"]
    assert sorted(i for f in csvs for i in ids(tmp_path / f.path)) == list(range(60))
    for file in written:
        data = (tmp_path / file.path).read_bytes()
        assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    for file in csvs:
        kept = ids(tmp_path / file.path)
        assert file.rows == len(kept) and kept == sorted(kept)


def test_columns_chosen_and_in_order(tmp_path: Path) -> None:
    build(tmp_path, Output(columns=("text", "id"), partition_by=("mood",)), rows_of(3))
    assert (tmp_path / "joy" / "calls.csv").read_text() == "text,id\ntext 1,1\n"


def test_shape_is_applied_after_partition_and_split(tmp_path: Path) -> None:
    columns = (Column("question", TEXT), Column("answer", TEXT), Column("level", TEXT))
    output = Output(formats=("jsonl",), shape="prompt_completion", partition_by=("level",))
    files = open_output(tmp_path, "qa", output, columns)
    files.write([{"question": "Q", "answer": "A", "level": "low"}])
    files.finish()
    assert (tmp_path / "low" / "qa.jsonl").read_text() == '{"prompt": "Q", "completion": "A"}\n'


def test_no_rows_still_give_the_tables(tmp_path: Path) -> None:
    written = build(tmp_path, Output(formats=("csv", "parquet"), split={"train": 0.9, "test": 0.1}), [])
    assert [f.rows for f in written] == [0] * 4
    assert (tmp_path / "calls-test.csv").read_text() == "id,mood,text\n"


def test_many_partitions_do_not_need_many_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.dataset.layout.MOST_OPEN", 8)
    rows = [{"id": i, "mood": str(i % 20), "text": "t"} for i in range(60)]
    output = Output(formats=("csv", "jsonl"), partition_by=("mood",))
    written = build(tmp_path, output, rows)
    assert len(written) == 40 and all(f.rows == 3 for f in written)
    assert ids(tmp_path / "17" / "calls.csv") == [17, 37, 57]
    assert paths_in(tmp_path) == {f.path for f in written}


def test_the_same_rows_give_the_same_bytes_however_they_come(tmp_path: Path) -> None:
    output = Output(("csv", "parquet"), ("mood",), {"train": 0.8, "validation": 0.1, "test": 0.1})
    one = build(tmp_path / "one", output, rows_of(200))
    files = open_output(tmp_path / "other", "calls", output, COLUMNS, 7)
    files.write(rows_of(200))
    assert files.finish() == one


# --- whole or not at all


def test_nothing_shows_before_the_end_and_abandon_leaves_no_trace(tmp_path: Path) -> None:
    before = build(tmp_path, Output(), rows_of(5))
    data = (tmp_path / "calls.csv").read_bytes()
    files = open_output(stage(tmp_path), "calls", Output(partition_by=("mood",)), COLUMNS)
    files.write(rows_of(50))
    assert (tmp_path / "calls.csv").read_bytes() == data and not (tmp_path / "joy").exists()
    files.abandon()
    clear_stage(tmp_path)
    assert paths_in(tmp_path) == {f.path for f in before} and (tmp_path / "calls.csv").read_bytes() == data


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    left = stage(tmp_path) / "joy"
    left.mkdir(parents=True)
    (left / "calls.csv").write_text("id,mood")
    build(tmp_path, Output(), rows_of(5))
    assert paths_in(tmp_path) == {"calls.csv"} and ids(tmp_path / "calls.csv") == [0, 1, 2, 3, 4]


def test_a_row_that_cannot_be_written_leaves_the_old_dataset(tmp_path: Path) -> None:
    class Trap:
        def __str__(self) -> str:
            raise RuntimeError("trap")

    build(tmp_path, Output(), rows_of(5))
    files = open_output(stage(tmp_path), "calls", Output(), COLUMNS)
    with pytest.raises(RuntimeError):
        files.write([{"id": Trap()}])
    files.abandon()
    clear_stage(tmp_path)
    assert ids(tmp_path / "calls.csv") == [0, 1, 2, 3, 4] and paths_in(tmp_path) == {"calls.csv"}


def test_a_text_file_is_written_whole_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_whole(path, "{}\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_bytes() == b"{}\n" and [p.name for p in tmp_path.iterdir()] == ["manifest.json"]


def test_an_earlier_layout_goes_and_nothing_else(tmp_path: Path) -> None:
    build(tmp_path, Output(partition_by=("mood",)), rows_of(9))
    (tmp_path / "joy" / "notes.txt").write_text("mine")
    (tmp_path / "fear" / "calls.csv").write_text("changed by hand")
    (tmp_path / "other.csv").write_text("mine")
    build(tmp_path, Output(formats=("jsonl",)), rows_of(9))
    assert paths_in(tmp_path) == {"calls.jsonl", "joy/notes.txt", "fear/calls.csv", "other.csv"}
    assert not (tmp_path / "anger").exists()


@pytest.mark.parametrize("manifest", ["", "[]", '{"files": 4}', '{"name": "calls", "files": [4, {"path": 1}]}'])
def test_a_strange_manifest_does_no_harm(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    build(tmp_path, Output(), rows_of(2))


def test_a_manifest_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("mine")
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    digest = hashlib.sha256(b"mine").hexdigest()
    paths = ["../outside.csv", str(outside), "link/outside.csv"]
    entries = [{"path": p, "rows": 1, "sha256": digest, "bytes": 4, "format": "csv"} for p in paths]
    (folder / "manifest.json").write_text(json.dumps({"name": "calls", "files": entries}))
    build(folder, Output(), rows_of(2))
    assert outside.read_text() == "mine"


def test_another_datasets_files_stay(tmp_path: Path) -> None:
    build(tmp_path, Output(), rows_of(2))
    place = stage(tmp_path)
    files = open_output(place, "other", Output(), COLUMNS)
    files.write(rows_of(2))
    files.finish()
    (place / "manifest.json").write_text(json.dumps({"name": "other", "files": []}))
    commit(tmp_path)
    assert paths_in(tmp_path) == {"calls.csv", "other.csv"}


# --- names of partitions

VALUES = some.one_of(
    some.text(max_size=8),
    some.text(some.sampled_from("aA./\\_~: -é*?[]{}\0\n"), max_size=6),
    some.sampled_from(["..", ".", "", "_", "CON", "con.txt", *RESERVED, "calls.csv", "x" * 300, "é" * 200]),
)


@settings(deadline=None)
@given(some.lists(VALUES, unique=True, max_size=20))
@example(["a", "A", "a "])
@example(["straße", "STRASSE", "strasse"])
@example(["a/b", safe_name("a/b")])
@example(["é", "e\u0301"])
def test_names_never_collide_and_never_escape(values: list[str]) -> None:
    names = FileNames(RESERVED)
    given_out = [names.claim(v) for v in values]
    assert len({n.casefold() for n in given_out}) == len(values)
    assert [names.claim(v) for v in values] == given_out
    for name in given_out:
        assert name and name not in (".", "..") and len(name.encode()) <= LONGEST + 17
        assert not set(name) & set('/\\:*?"<>|[]{}\0\n') and name == name.strip(" .")
        assert name.casefold() not in {r.casefold() for r in RESERVED}


@settings(max_examples=quarter(25), deadline=None)
@given(some.lists(some.tuples(VALUES, VALUES), max_size=12))
def test_any_values_partition(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("partition") / "build"
    rows = [{"id": i, "mood": a, "text": b} for i, (a, b) in enumerate(pairs)]
    written = build(folder, Output(partition_by=("mood", "text")), rows)
    assert paths_in(folder) == {f.path for f in written}
    assert all((folder / f.path).resolve().is_relative_to(folder.resolve()) for f in written)
    for file in written:
        assert all(pairs[i] == file.partition or "\ud800" in "".join(pairs[i]) for i in ids(folder / file.path))
    assert sum(f.rows for f in written) == len(rows)


def test_empty_and_absent_values_share_a_folder(tmp_path: Path) -> None:
    rows = [{"id": 0, "mood": ""}, {"id": 1}, {"id": 2, "mood": "_"}]
    written = build(tmp_path, Output(partition_by=("mood",)), rows)
    assert [(f.rows, f.path == "_/calls.csv") for f in written] == [(1, False), (2, True)]


# --- splits

SHARES = some.dictionaries(some.sampled_from("abcde"), some.integers(1, 60).map(lambda n: n / 100), min_size=1)


@settings(deadline=None)
@given(SHARES, some.integers(0, 99))
@example({"train": 0.9, "test": 0.1}, 0)
@example({"a": 0.5, "b": 0.49, "c": 0.01}, 0)
@example({"a": 1 / 3, "b": 2 / 3}, 0)
def test_every_prefix_holds_its_shares_within_one(shares: dict[str, float], seed: int) -> None:
    splitter = Splitter(shares, seed)
    parts = dict(zip(shares, whole_parts(shares), strict=True))
    whole, held = sum(parts.values()), Counter[str]()
    for n in range(1, 301):
        held[splitter.assign()] += 1
        assert all(abs(held[s] * whole - n * parts[s]) < whole for s in shares)


def test_adding_rows_moves_none(tmp_path: Path) -> None:
    output = Output(split={"train": 0.8, "validation": 0.1, "test": 0.1}, stratify="mood")
    for count in (50, 400):
        build(tmp_path / str(count), output, rows_of(count))
    for split in output.split:
        few, many = (ids(tmp_path / str(c) / f"calls-{split}.csv") for c in (50, 400))
        assert few == many[: len(few)]


def test_stratified_splits_are_exact_within_each_value(tmp_path: Path) -> None:
    build(tmp_path, Output(split={"train": 0.9, "test": 0.1}, stratify="mood"), rows_of(300))
    assert Counter(i % 3 for i in ids(tmp_path / "calls-test.csv")) == {0: 10, 1: 10, 2: 10}


def test_splits_do_not_follow_the_period_of_the_plan() -> None:
    splitter = Splitter({"train": 0.9, "test": 0.1}, 3)
    places = Counter(i % 10 for i in range(10_000) if splitter.assign() == "test")
    assert sum(places.values()) == 1_000 and all(60 < places[p] < 140 for p in range(10))


def test_seed_and_value_change_the_order() -> None:
    def order(seed: int, stratum: str | None) -> list[str]:
        splitter = Splitter({"a": 0.5, "b": 0.5}, seed)
        return [splitter.assign(stratum) for _ in range(40)]

    assert order(1, None) == order(1, None)
    assert len({tuple(order(s, v)) for s, v in itertools.product((1, 2), (None, "x", "y"))}) == 6


def test_a_group_stays_together() -> None:
    splitter = Splitter({"train": 0.5, "test": 0.5}, 1)
    splits = [splitter.assign(group=i // 4) for i in range(40)]
    assert all(len(set(splits[i : i + 4])) == 1 for i in range(0, 40, 4)) and len(set(splits)) == 2


def test_a_share_of_nothing_is_an_empty_file(tmp_path: Path) -> None:
    written = build(tmp_path, Output(split={"train": 1, "test": 0}), rows_of(5))
    assert {f.split: f.rows for f in written} == {"train": 5, "test": 0}
