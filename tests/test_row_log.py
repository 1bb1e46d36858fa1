"""`rows.sqlite`: every row with the completions that made it, rebuilt without a call."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from loopback import Loopback
from test_build import calls_spec

import synthspec
from synthspec.inference.store import Store, StoreFault
from synthspec.inference.store.derived.row_histories import read_histories, read_history
from synthspec.inference.store.derived.row_log import RowLog, digest_of_values
from synthspec.inference.store.derived.rows import key_bytes, key_text


def two_prompts(folder: Path, url: str, rows: int = 20) -> Path:
    path = folder / "spec.yaml"
    path.write_text(
        f"""
synthspec: 1
name: calls
rows: {rows}
parameters: {{topic: [bill, meter, move], n: 'uniform(0, 1)'}}
prompts:
  call: {{user: "A call about {{{{ topic }}}}, number {{{{ n }}}}.", writes: [text]}}
  note: {{user: "Sum up: {{{{ text }}}}", writes: [note]}}
fields:
  text: {{type: string, rejects: ['river']}}
  note: {{type: string}}
limits: {{attempts: 2}}
backend: {{provider: openai, model: loop, base_url: '{url}', prices: {{prompt: 1, completion: 2}}}}
"""
    )
    return path


def test_every_row_names_the_completions_that_made_it(tmp_path: Path) -> None:
    with Loopback() as server:
        dataset = synthspec.build(two_prompts(tmp_path, server.url), out=tmp_path / "out")
    histories = list(read_histories(tmp_path / "out"))
    assert [h.ordinal for h in histories] == list(range(20))
    kept = [h for h in histories if h.kept]
    assert len(kept) == len(dataset.frame) < 20, "some rows are rejected"
    with Store.open_readonly(tmp_path / "out") as store:
        for history, row in zip(kept, dataset.rows, strict=True):
            calls = store.calls_of(history.keys)
            assert [c.prompt for c in calls] == ["call", "note"]
            assert [c.text for c in calls] == [row["text"], row["note"]]
            assert {c.combination for c in calls} == {history.combination}
            assert calls[1].request is not None
            assert row["text"] in calls[1].request.messages[-1][1]
            assert read_history(tmp_path / "out", history.ordinal) == history
    for history in (h for h in histories if not h.kept):
        assert (history.stage, history.keys) == ("valid", ())
        assert "river" in history.reason
        assert [a.attempt for a in history.failed] == [1, 2]
        assert all("river" in reason for a in history.failed for reason in a.reasons)


def test_it_is_rebuilt_without_a_call_and_the_same(tmp_path: Path) -> None:
    rows = tmp_path / "out/rows.sqlite"
    with Loopback() as server:
        path = two_prompts(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        first, calls = rows.read_bytes(), server.total
        rows.unlink()
        synthspec.build(path, out=tmp_path / "out")
        assert server.total == calls
        assert rows.read_bytes() == first
        rows.write_bytes(first[:5000])
        with pytest.raises(StoreFault, match="damaged") as fault:
            list(read_histories(tmp_path / "out"))
        assert "Delete it" in fault.value.help
        synthspec.build(path, out=tmp_path / "out")
    assert rows.read_bytes() == first


def test_it_describes_the_rows_that_stand_there(tmp_path: Path) -> None:
    """A poorer build goes beside the dataset, with its own rows; a folder without the file has none to tell of."""
    with Loopback() as server:
        path = calls_spec(tmp_path, server.url, rows=12)
        synthspec.build(path, out=tmp_path / "out")
        poorer = synthspec.build(path, out=tmp_path / "out", rows=20, set={"limits.requests": 15})
    assert poorer.folder == tmp_path / "out/incomplete"
    assert sum(h.kept for h in read_histories(tmp_path / "out")) == 12
    assert sum(h.kept for h in read_histories(poorer.folder)) == len(poorer.frame) == 15
    shutil.rmtree(tmp_path / "out")
    assert list(read_histories(tmp_path / "out")) == []
    assert read_history(tmp_path / "out", 0) is None


def test_a_row_that_cannot_be_written_is_a_fault_that_says_so(tmp_path: Path) -> None:
    class Huge:
        combination, slot, values = 2**70, 0, {"a": 1}

    log = RowLog(tmp_path / "rows.sqlite")
    log.add(Huge())  # type: ignore[arg-type]
    with pytest.raises(StoreFault):
        log.close()
    log.abandon()


def test_the_digest_is_of_the_values_in_any_order() -> None:
    assert digest_of_values({"a": 1, "b": [1.5, None]}) == digest_of_values({"b": [1.5, None], "a": 1})
    assert digest_of_values({"a": 1}) != digest_of_values({"a": "1"})


def test_rows_that_the_spec_drops_are_told_between_the_others(tmp_path: Path) -> None:
    with Loopback() as server:
        path = two_prompts(tmp_path, server.url)
        text = path.read_text().replace("limits:", "checks:\n  - {that: 'len(note) < 82', severity: drop}\nlimits:")
        path.write_text(text)
        dataset = synthspec.build(path, out=tmp_path / "out")
        told = list(read_histories(tmp_path / "out", dropped=True))
        synthspec.build(path, out=tmp_path / "out")  # which takes them over
    dropped = [h for h in told if h.ordinal is None]
    assert len(dropped) == dataset.manifest["funnel"]["dropped"] > 0
    assert [h for h in told if h.ordinal is not None] == list(read_histories(tmp_path / "out"))
    assert {(h.kept, h.stage) for h in dropped} == {(False, "check: len(note) < 82")} and all(h.reason for h in dropped)
    assert [h.combination for h in told] == sorted(h.combination for h in told), "in the order of the plan"
    assert list(read_histories(tmp_path / "out", dropped=True)) == told


@pytest.mark.parametrize("key", ["0" * 32, "ab" * 16, "AB" * 16, "ab" * 15, "ab" * 17, "zz" * 16, "", "a key", "é"])
def test_a_key_is_read_as_it_was_stored(key: str) -> None:
    """Sixteen bytes where it is a digest, else the text itself."""
    stored = key_bytes(key)
    assert key_text(stored) == key
    assert isinstance(stored, bytes) == (key in ("0" * 32, "ab" * 16))
