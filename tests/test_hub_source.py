"""`hub`: a split of a dataset of the hub at one commit, against a hub on this machine."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback_hub import SHA, TOKEN, Hub, Repo

from synthspec.plugins import find_plugin
from synthspec.sources.hubs.layout import configurations, converted
from synthspec.sources.kinds import Access, Opened, Place, SourceFault
from synthspec.testing.source_kind_contract import SourceKindContract

pytest.importorskip("huggingface_hub")

LATER = "1" * 40


def parquet(*rows: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file)
    return file.getvalue()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    for name in ("HF_HUB_OFFLINE", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with Hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        server.repos["org/news"] = Repo(
            branches={
                "main": {
                    "README.md": b"About.",
                    "data/train-00000-of-00002.parquet": parquet({"text": "one", "label": 1}),
                    "data/train-00001-of-00002.parquet": parquet(
                        {"text": "two", "label": 0}, {"text": "three", "label": 1}
                    ),
                    "data/test-00000-of-00001.parquet": parquet({"text": "four", "label": 0}),
                }
            }
        )
        yield server


def opened(refresh: bool = False, **options: Any) -> Opened:
    from synthspec.sources.kinds.hub import open_hub

    return open_hub({"hub": "org/news", **options}, Place(Path(), Path(), access=Access(refresh=refresh)))


def texts(source: Opened) -> list[str]:
    return [row["text"] for row in source.table.iterate()]


def fault(**options: Any) -> SourceFault:
    with pytest.raises(SourceFault) as found:
        opened(**options)
    return found.value


def test_the_shards_of_a_split_are_one_table(hub: Hub) -> None:
    train = opened()
    assert texts(train) == ["one", "two", "three"]
    assert train.origin == {
        "hub": "org/news",
        "split": "train",
        "revision": SHA,
        "files": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
    }
    assert texts(opened(split="test")) == ["four"]


def test_what_was_fetched_is_read_without_the_hub_until_it_is_refreshed(hub: Hub) -> None:
    before = opened()
    hub.seen.clear()
    repo = hub.repos["org/news"]
    repo.branches["main"] = {"train.jsonl": b'{"text": "new", "label": 1}\n'}
    repo.shas["main"] = LATER
    kept = opened()
    assert texts(kept) == ["one", "two", "three"] and hub.seen == []
    assert kept.digest and before.digest and kept.digest() == before.digest()
    new = opened(refresh=True)
    assert texts(new) == ["new"] and new.origin["revision"] == LATER
    assert new.digest and new.digest() != before.digest()
    assert texts(opened()) == ["new"], "what was refreshed stays"


def test_a_commit_that_a_spec_names_needs_no_hub_once_it_is_here(hub: Hub) -> None:
    first = opened(revision=SHA)
    hub.fails["/"] = 503
    assert texts(opened(revision=SHA)) == texts(first)
    assert fault(revision="v2").code == "E834"


def test_what_is_wrong_is_said_with_what_there_is(hub: Hub) -> None:
    hub.repos["org/many"] = Repo(
        card={"configs": [{"config_name": "en", "data_files": "en/*"}, {"config_name": "fr", "data_files": "fr/*"}]},
        branches={"main": {"en/a.jsonl": b'{"text": "hi"}\n', "fr/a.jsonl": b'{"text": "salut"}\n'}},
    )
    hub.repos["org/pictures"] = Repo(branches={"main": {"train/a.png": b"."}})
    assert texts(opened(hub="org/many", config="fr")) == ["salut"]
    said = [
        (fault(split="tset"), "E836", "split", "did you mean 'test'?"),
        (fault(config="en"), "E836", "config", "default"),
        (fault(hub="org/many"), "E836", "", "add `config:`, one of en, fr"),
        (fault(hub="org/many", config="en_US"), "E836", "config", "en"),
        (fault(hub="org/pictures"), "E836", "", "parquet"),
        (fault(hub="org/nwes"), "E835", "", "private"),
        (fault(revision="v9"), "E835", "revision", "branch"),
    ]
    for found, code, key, help in said:
        assert (found.code, found.key) == (code, key), str(found)
        assert help in found.help, found.help


@pytest.mark.parametrize(
    ("status", "code"), [(401, "E835"), (403, "E835"), (429, "E834"), (500, "E834"), (503, "E834")]
)
def test_a_hub_that_refuses_is_a_sentence_without_the_token(status: int, code: str, hub: Hub) -> None:
    hub.fails["/api/datasets"] = status
    found = fault()
    assert found.code == code and TOKEN not in f"{found} {found.help}"


def test_a_hub_that_is_away(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert fault().code == "E834"


def test_the_token_is_that_of_the_environment_alone(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants, get_token

    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN")
    assert get_token() == TOKEN, "one lies about"
    assert fault().code == "E835", "and is not sent"


def test_the_conversion_of_the_hub_serves_where_no_file_can_be_read(hub: Hub) -> None:
    hub.repos["org/zipped"] = Repo(
        branches={
            "main": {"all.zip": b"."},
            "refs/convert/parquet": {
                "default/train/0000.parquet": parquet({"text": "a"}),
                "default/train/0001.parquet": parquet({"text": "b"}),
            },
        },
        shas={"main": SHA, "refs/convert/parquet": LATER},
    )
    source = opened(hub="org/zipped")
    assert texts(source) == ["a", "b"] and source.origin["revision"] == LATER


def test_shards_with_other_columns_are_named(hub: Hub) -> None:
    hub.repos["org/news"].branches["main"]["data/train-00001-of-00002.parquet"] = parquet({"text": "x"})
    found = fault()
    assert found.code == "E836" and "'label'" in str(found)


def test_a_pin_that_is_damaged_is_fetched_anew(hub: Hub, tmp_path: Path) -> None:
    opened()
    for pin in (tmp_path / "cache").glob("hub-*.json"):
        pin.write_text(json.dumps({"sha": 3}), encoding="utf-8")
    assert texts(opened()) == ["one", "two", "three"]


@pytest.mark.usefixtures("hub")
class TestContract(SourceKindContract):
    module = find_plugin("source_kinds", "hub")
    examples = (
        ({}, {"hub": "org/news", "split": "test"}, [{"text": "four", "label": 0}]),
        (
            {},
            {"hub": "org/news"},
            [{"text": "one", "label": 1}, {"text": "two", "label": 0}, {"text": "three", "label": 1}],
        ),
    )
    wrong = (
        ({}, {"hub": "org/none"}),
        ({}, {"hub": "org/news", "split": "none"}),
        ({}, {"hub": "org/news", "config": "x"}),
    )


SUFFIXES = (".parquet", ".jsonl", ".csv", ".json")


@pytest.mark.parametrize(
    ("files", "card", "expected"),
    [
        (["a.csv"], {}, {"default": {"train": ["a.csv"]}}),
        (["train.csv", "dev.csv", "notes.txt"], {}, {"default": {"train": ["train.csv"], "validation": ["dev.csv"]}}),
        (["my_train_file.csv", "latest.csv"], {}, {"default": {"train": ["my_train_file.csv"]}}),
        ([".cache/a.csv", "x.png"], {}, {}),
        (
            ["a/x.csv", "a/deep/y.csv", "b.csv"],
            {"configs": [{"config_name": "c", "data_files": [{"split": "all", "path": "a/**"}]}]},
            {"c": {"all": ["a/deep/y.csv", "a/x.csv"]}},
        ),
        (
            ["d/p1.csv", "d/p2.csv", "d/q1.csv"],
            {"configs": [{"data_files": {"train": "d/p[12].csv", "test": ["d/q?.csv"]}}]},
            {"default": {"train": ["d/p1.csv", "d/p2.csv"], "test": ["d/q1.csv"]}},
        ),
        (
            ["d/en/p1.csv", "d/fr/p2.csv", "d/p3.csv", "d/q1.csv"],
            {"configs": [{"data_files": {"train": "d/**/p[!3].csv", "test": ["./d/{p,q}[13].csv"]}}]},
            {"default": {"train": ["d/en/p1.csv", "d/fr/p2.csv"], "test": ["d/p3.csv", "d/q1.csv"]}},
        ),
        (
            [f"{'a/' * 60}b.csv", f"{'a' * 200}.csv"],  # neither takes long
            {"configs": [{"data_files": {"train": [f"{'**/a/' * 30}c.csv", f"{'*a' * 40}b.csv"]}}]},
            {},
        ),
        (
            ["e/train.csv", "f/train.csv"],
            {"configs": [{"config_name": "e", "data_dir": "e"}]},
            {"e": {"train": ["e/train.csv"]}},
        ),
        (["a.csv"], {"configs": [{"config_name": "z", "data_files": "none/*"}]}, {}),
        (["a.csv"], {"configs": "all"}, {"default": {"train": ["a.csv"]}}),
    ],
)
def test_which_files_hold_which_split(files: list[str], card: dict[str, Any], expected: dict[str, Any]) -> None:
    assert configurations(files, card, SUFFIXES) == expected


def test_which_files_the_conversion_has() -> None:
    files = ["en/train/0000.parquet", "en/partial-test/0000.parquet", "fr/train/0000.parquet", "README.md"]
    assert converted(files) == {
        "en": {"test": ["en/partial-test/0000.parquet"], "train": ["en/train/0000.parquet"]},
        "fr": {"train": ["fr/train/0000.parquet"]},
    }


def test_a_spec_is_made_from_a_dataset_of_the_hub(hub: Hub, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from synthspec.cli import cli

    done = CliRunner().invoke(cli, ["new", "news", "--from", "hub:org/news", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "Made from news: 3 rows, 2 columns." in (tmp_path / "news.yaml").read_text()
    done = CliRunner().invoke(cli, ["new", "other", "--from", "hub:org/none", "--out", str(tmp_path)])
    assert done.exit_code
    assert "error: 'hub:org/none' cannot be read" in done.stderr
