"""`datasets.load_dataset` opens a build's folder as it is: splits, rows, types; nothing else in it disturbs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import synthspec

pytestmark = pytest.mark.slow
datasets = pytest.importorskip("datasets")

SPEC = """
synthspec: 1
name: talks
rows: {rows}
license: cc-by-4.0
tags: [language:en, dialogue]
sources:
  sample:
    rows:
      - {{text: The meter in the cellar counts twice what we use., answer: We will send someone to read it.}}
      - {{text: The invoice came to the old address again., answer: I have noted the new address for you.}}
      - {{text: Nobody rang on the day we had agreed on., answer: Let us find another day that suits you.}}
      - {{text: The window of the office was closed at noon., answer: It opens at eight and closes at four.}}
parameters:
  mood: [very happy, a/b, calm]
  day: [2026-01-02, 2026-03-04]
  share: round(uniform(0, 1), 3)
  sure: [true, false]
prompts:
  talk:
    user: A {{{{ mood }}}} talk.
    examples: {{from: sample, rows: 2}}
    writes: [text, answer, other]
    format: json
fields:
  mood: {{value: mood}}
  share: {{value: share}}
  sure: {{value: sure}}
  day: {{value: day}}
  text: {{type: string, words: {{min: 4}}}}
  answer: {{type: string, words: {{min: 4}}}}
  other: {{type: string, words: {{min: 4}}}}
output: {output}
"""
ROWS = 24


def load(tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch, name: str = "default") -> tuple[Any, Any]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True, raising=False)
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(rows=ROWS, output=output), encoding="utf-8")
    built = synthspec.build(path, out=tmp_path / "out")
    assert built.status == 0, built.manifest["rejections"]
    folder = built.folder
    assert (folder / "run.sqlite").is_file()
    (folder / "quarantine.jsonl").write_text('{"row": 3, "reasons": ["too short"], "values": {}}\n', encoding="utf-8")
    return built, datasets.load_dataset(str(folder), name, cache_dir=str(tmp_path / "cache"))


def plain(dataset: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in dataset]


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet", "[csv, jsonl, parquet]"])
def test_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    built, loaded = load(tmp_path, f"{{formats: {form}}}", monkeypatch)
    assert set(loaded) == {"train"} and loaded["train"].num_rows == ROWS
    train = loaded["train"]
    assert train.column_names == list(built.columns)
    assert list(train["text"]) == list(built.frame["text"]) and list(train["share"]) == list(built.frame["share"])
    types = {n: f.dtype for n, f in train.features.items()}
    assert (types["share"], types["sure"]) == ("float64", "bool") and "string" in types["text"]
    if "parquet" in form:
        assert types["day"].startswith("date32") and str(train[0]["day"]) in ("2026-01-02", "2026-03-04")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_partitions_and_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    output = f"{{formats: {form}, partition_by: mood, split: {{train: 0.75, validation: 0.125, test: 0.125}}}}"
    built, loaded = load(tmp_path, output, monkeypatch)
    rows = {f["path"]: f["rows"] for f in built.manifest["files"]}
    for split in ("train", "validation", "test"):
        assert loaded[split].num_rows == sum(n for p, n in rows.items() if f"-{split}." in p)
    assert sorted(r["text"] for s in loaded.values() for r in s) == sorted(built.frame["text"])
    assert {r["mood"] for s in loaded.values() for r in s} == {"very happy", "a/b", "calm"}
    names = datasets.get_dataset_config_names(str(built.folder))
    assert names[0] == "default" and "calm" in names and len(names) == 4
    calm = datasets.load_dataset(str(built.folder), "calm", cache_dir=str(tmp_path / "cache"))
    assert {r["mood"] for s in calm.values() for r in s} == {"calm"}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    shape = "{kind: messages, prompt: text, completion: answer, keep: [mood]}"
    output = f"{{formats: {form}, split: {{train: 0.75, test: 0.25}}, shape: {shape}}}"
    built, loaded = load(tmp_path, output, monkeypatch)
    train = loaded["train"]
    assert train.column_names == ["messages", "mood"] and train.num_rows + loaded["test"].num_rows == ROWS
    turns = [list(r["messages"]) for s in loaded.values() for r in s]
    said = {(t[0]["content"], t[1]["content"]) for t in turns}
    assert said == set(zip(built.frame["text"], built.frame["answer"], strict=True))
    assert {tuple(turn["role"] for turn in t) for t in turns} == {("user", "assistant")}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_preference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    shape = "{kind: preference, prompt: text, chosen: answer, rejected: other}"
    built, loaded = load(tmp_path, f"{{formats: {form}, shape: {shape}}}", monkeypatch)
    wanted = built.frame[["text", "answer", "other"]].rename(
        columns={"text": "prompt", "answer": "chosen", "other": "rejected"}
    )
    assert plain(loaded["train"]) == wanted.to_dict("records")


def test_an_empty_split_and_nulls_do_not_disturb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nname: few\nrows: 3\nparameters: {n: {values: [1, 2, 3]}}\n"
        "fields: {n: {value: n}, half: {value: n / 2}}\n"
        "output: {formats: jsonl, split: {train: 0.999, test: 0.001}}\n",
        encoding="utf-8",
    )
    folder = synthspec.build(path, out=tmp_path / "out").folder
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == 3 and sorted(loaded["train"]["n"]) == [1, 2, 3]


MIXED = """
synthspec: 1
name: mixed
rows: 40
sources:
  d:
    rows:
      - {{k: a, n: 1, t: null, w: 2, b: null, l: [], m: {{x: null, y: 1}}}}
      - {{k: b, n: 2.5, t: word, w: null, b: true, l: [p, q], m: {{x: s, y: null}}}}
parameters:
  {parameters}
fields:
  {fields}
output: {{formats: {form}, partition_by: k, split: {{train: 0.5, test: 0.5}}}}
"""


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet"])
def test_files_that_hold_nulls_alone_agree_with_the_others(tmp_path: Path, form: str) -> None:
    """A column may be empty in one file, or whole numbers in one and fractions in another."""
    names = "kntwb" + ("lm" if form != "csv" else "")
    path = tmp_path / "spec.yaml"
    parameters = "\n  ".join(f"{n}: {{from: d, column: {n}}}" for n in names)
    declared = {
        "l": "type: array, items: {type: string}, ",
        "m": "type: object, properties: {x: {type: string}, y: {type: integer}}, additionalProperties: false, ",
    }
    fields = "\n  ".join(f"{n}: {{{declared.get(n, '')}value: {n}}}" for n in names)
    path.write_text(MIXED.format(parameters=parameters, fields=fields, form=form), encoding="utf-8")
    built = synthspec.build(path, out=tmp_path / "out")
    loaded = datasets.load_dataset(str(built.folder), cache_dir=str(tmp_path / "cache"))
    rows = [r for s in loaded.values() for r in s]
    assert len(rows) == 40 and {r["n"] for r in rows} == {1, 2.5}
    assert {(r["k"], r["t"], r["w"], r["b"]) for r in rows} == {("a", None, 2, None), ("b", "word", None, True)}
    if "l" in names:
        assert {tuple(r["l"]) for r in rows} == {(), ("p", "q")}


def test_the_card_tells_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built, _ = load(tmp_path, "{formats: [csv], split: {train: 0.75, test: 0.25}}", monkeypatch)
    card = pytest.importorskip("huggingface_hub").DatasetCard.load(built.folder / "README.md")
    assert (card.data.license, card.data.language, card.data.pretty_name) == ("cc-by-4.0", ["en"], "talks")
    assert card.data.configs[0]["config_name"] == "default"
    assert built.manifest["spec"]["digest"] in card.text and json.dumps(built.manifest["seed"]) in card.text
