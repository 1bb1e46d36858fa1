"""What an earlier build settled is used again: the same bytes as without, whatever was cut off or changed between."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from depth import one_in, rest_slow
from loopback import Loopback, digest, prose

import synthspec
from synthspec.compiler import compile_text
from synthspec.generation.reuse import reading
from synthspec.inference.store import Store

SPEC = """
synthspec: 1
name: calls
rows: {rows}
sources:
  places: {{file: places.csv}}
parameters:
  topic: [bill, meter, move]
  place: {{from: places, column: place}}
  n: uniform(0, 1)
prompts:
  call: {{user: "A call about {{{{ topic }}}} in {{{{ place }}}}, number {{{{ n }}}}.", writes: [text, mood], rows: {batch}}}
  note: {{user: "Sum up: {{{{ text }}}}", writes: [note]}}
fields:
  text: {{type: string, words: {{min: 2}}, rejects: ['river']}}
  mood: {{enum: [calm, angry]}}
  note: {{type: string}}
  size: {{value: len(text)}}
checks:
  - {{that: "size < 75", severity: warn}}
  - {{that: "len(note) < 95"}}
novelty:
  unique: [text]
  near_duplicates: {{fields: [text], similarity: 0.6}}
limits: {{attempts: 2, concurrency: 8}}
gates: ["rows > 1"]
backend: {{provider: openai, model: loop, base_url: '{url}', prices: {{prompt: 1, completion: 2}}}}
"""


def answer(body: dict[str, Any], nth: int) -> str:
    """Rows of JSON for calls, some broken, some repeated; prose for notes."""
    said = body["messages"][0]["content"]
    if said.startswith("Sum up"):
        return prose(body, nth)
    number = digest(body["messages"])
    rows = [
        {"text": prose({"messages": number // (17 if number % 5 else 10**17) + i}, 0), "mood": ["calm", "angry", "odd"][(number + i) % 7 % 3]}
        for i in range(3)
    ]  # fmt: skip
    return json.dumps(rows if "array" in json.dumps(body) or "rows" in json.dumps(body) else rows[0])


def write_spec(folder: Path, url: str, rows: int = 40, batch: int = 1) -> Path:
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(url=url, rows=rows, batch=batch))
    places = folder / "places.csv"
    if not places.exists():
        places.write_text("place\n" + "".join(f"town {n}\n" for n in range(30)))
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    """All that a build wrote but for what hangs on the run."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for name in [n for n in found if n.endswith("run.sqlite")]:
        del found[name]
    for name in [n for n in found if n.endswith("rows.sqlite")]:  # its pages may lie in another order
        with contextlib.closing(sqlite3.connect(folder / name)) as database:
            found[name] = "\n".join(database.iterdump()).encode()
    for name in [n for n in found if n.endswith("manifest.json")]:
        manifest = json.loads(found[name])
        del manifest["run"]
        found[name] = json.dumps(manifest).encode()
    return found


@pytest.fixture
def reused(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The combinations that were used again, as they are."""
    seen: list[int] = []
    read = reading.SettledRows._read

    def spy(self: reading.SettledRows, index: int, *noted: Any) -> Any:
        found = read(self, index, *noted)
        if found is not None:
            seen.append(index)
        return found

    monkeypatch.setattr(reading.SettledRows, "_read", spy)
    yield seen


SLOW = [pytest.param(3000, batch, marks=pytest.mark.slow) for batch in (1, 3)]


@pytest.mark.parametrize("rows, batch", [(40, 1), (40, 3), *SLOW])
def test_an_idle_rebuild_is_the_same_as_without_what_was_settled(
    tmp_path: Path, reused: list[int], rows: int, batch: int
) -> None:
    with Loopback(reply=answer) as server:
        path = write_spec(tmp_path, server.url, rows, batch)
        first = synthspec.build(path, out=tmp_path / "out")
        before, calls = files_of(tmp_path / "out"), server.total
        assert not reused
        assert first.manifest["rejections"] and first.manifest["warnings"] and first.manifest["quarantined"]
        synthspec.build(path, out=tmp_path / "out")
        assert files_of(tmp_path / "out") == before
        assert len(reused) == -(-rows // batch)
        reused.clear()
        plain = synthspec.build(path, out=tmp_path / "out", cache=False)
        assert not reused
        assert files_of(tmp_path / "out") == before
        assert plain.manifest["usage"] == first.manifest["usage"]
        assert server.total == calls


@pytest.mark.parametrize("most", [1, pytest.param(9, marks=pytest.mark.slow)])
def test_edits_use_what_they_do_not_change(tmp_path: Path, reused: list[int], most: int) -> None:
    same = {"output.formats": "[jsonl]", "limits.concurrency": "3", "limits.requests": "5000", "description": "new"}
    other = {"seed": "7", "limits.attempts": "3", "rows": "41", "novelty.near_duplicates.similarity": "0.9"}
    with Loopback(reply=answer) as server:
        path = write_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        for options, uses in ((same, True), (other, False)):
            for name, value in [*options.items()][:most]:
                for folder, cache in (("out", True), ("plain", False)):
                    synthspec.build(path, out=tmp_path / folder, cache=cache, set={name: value}, replace=True)
                assert bool(reused) == uses, name
                reused.clear()
                kept = {n: b for n, b in files_of(tmp_path / "out").items() if not n.endswith("sqlite")}
                assert kept == {n: b for n, b in files_of(tmp_path / "plain").items() if not n.endswith("sqlite")}, name
                synthspec.build(path, out=tmp_path / "out", replace=True)  # as it was, for the next one
                reused.clear()
        (tmp_path / "places.csv").write_text("place\nelsewhere\n")
        synthspec.build(path, out=tmp_path / "out", replace=True)
        assert not reused


def _among_several(url: str) -> dict[str, Any]:
    """Every place of a spec where a server's address stands."""
    here = {"provider": "openai", "model": "loop", "base_url": url}
    return {
        "synthspec": 1,
        "rows": 6,
        "parameters": {"topic": ["bill", "meter"], "base_url": ["a", "b"]},
        "prompts": {
            "first": {"user": "About {{ topic }} {{ base_url }}", "writes": ["text"], "backend": {"base_url": url}},
            "second": {"user": "{{ text }}", "writes": ["many"], "samples": 2, "backend": [{"base_url": url}, here]},
            "third": {"user": "{{ text }}!", "writes": ["note"],
                      "backend": {"choose": "topic", "of": {"bill": here, "meter": {"base_url": [url, url + "/"]}}}},
            "talk": {"writes": ["talk"], "turns": 1,
                     "dialogue": {"asker": {"system": "Ask.", "as": "user", "backend": here},
                                  "helper": {"system": "Help.", "as": "assistant"}}},
        },
        "fields": {"text": {"type": "string"}, "many": {"type": "list"}, "note": {"type": "string"}, "talk": {"type": "messages"}},
        "backend": here,
    }  # fmt: skip


def test_another_address_of_a_server_changes_no_row(tmp_path: Path) -> None:
    one, other = (compile_text(json.dumps(_among_several(f"http://127.0.0.1:{port}/v1"))) for port in (1, 2))
    assert one.spec is not None and other.spec is not None, one.diagnostics
    assert one.spec.digest != other.spec.digest
    assert one.spec.program_digest == other.spec.program_digest
    parameters = {**_among_several("http://127.0.0.1:1/v1")["parameters"], "base_url": ["a", "c"]}
    named = compile_text(json.dumps({**_among_several("http://127.0.0.1:1/v1"), "parameters": parameters})).spec
    assert named is not None and named.program_digest != one.spec.program_digest


def test_a_build_resumed_under_another_address_judges_no_row_anew(tmp_path: Path, reused: list[int]) -> None:
    with Loopback(reply=answer) as first, Loopback(reply=answer) as second:
        synthspec.build(write_spec(tmp_path, first.url), out=tmp_path / "out")
        before = files_of(tmp_path / "out")
        synthspec.build(write_spec(tmp_path, second.url), out=tmp_path / "out")
        assert len(reused) == 40
        assert second.total == 0
    kept = ("dataset.jsonl", "rows.sqlite", "quarantine.jsonl")
    after = files_of(tmp_path / "out")
    assert {n: b for n, b in after.items() if n.endswith(kept)} == {n: b for n, b in before.items() if n.endswith(kept)}


DAMAGE = (
    "UPDATE settled SET body = replace(body, 't', 's') WHERE combination = ?",
    "UPDATE outcomes SET vals = replace(vals, 'e', 'i') WHERE combination = ?",
    "DELETE FROM outcomes WHERE combination = ?",
)


@pytest.mark.parametrize("seed", rest_slow(range(6), (1, 2)))
def test_a_prefix_ends_where_a_completion_is_gone_or_a_note_is_damaged(
    tmp_path: Path, reused: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    with Loopback(reply=answer) as server:
        path = write_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "out")
        before = files_of(tmp_path / "out")
        lost = chance.randrange(1, 39)
        if seed % 2:
            database = sqlite3.connect(tmp_path / "out/run.sqlite")
            database.execute("DELETE FROM completions WHERE combination = ?", (lost,))
        else:
            database = sqlite3.connect(tmp_path / "out/rows.sqlite")
            database.execute(DAMAGE[seed // 2], (lost,))
        database.commit()
        database.close()
        synthspec.build(path, out=tmp_path / "out")
        assert reused == list(range(lost))
        after = files_of(tmp_path / "out")
        assert {n: b for n, b in after.items() if n != "rows.sqlite"} == {
            n: b for n, b in before.items() if n != "rows.sqlite"
        }


@pytest.mark.parametrize("after", [3, 17, 33])
def test_a_build_that_was_cut_off_goes_on_from_what_it_had_settled(
    tmp_path: Path, reused: list[int], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    from synthspec.generation.output_folder import DatasetFolder

    take, taken = DatasetFolder.take, [0]

    def cut(self: DatasetFolder, outcome: Any, warned: list[str]) -> str:
        noted = take(self, outcome, warned)
        taken[0] += 1
        if taken[0] == after:
            raise OSError(5, "cut off")
        return noted

    with Loopback(reply=answer) as server:
        path = write_spec(tmp_path, server.url)
        synthspec.build(path, out=tmp_path / "whole")
        with monkeypatch.context() as patch:
            patch.setattr(DatasetFolder, "take", cut)
            with pytest.raises(OSError, match="cut off"):
                synthspec.build(path, out=tmp_path / "out")
        assert not reused
        synthspec.build(path, out=tmp_path / "out")
    assert len(reused) >= after - 2
    assert not (tmp_path / "out/.rows.sqlite").exists()
    expected, found = files_of(tmp_path / "whole"), files_of(tmp_path / "out")
    assert {n: b for n, b in found.items() if n != "rows.sqlite"} == {
        n: b for n, b in expected.items() if n != "rows.sqlite"
    }


def test_what_hangs_on_time_or_place_is_never_settled(tmp_path: Path, reused: list[int]) -> None:
    """A row that a refused call or a limit left out may be there the next time."""
    with Loopback(reply=answer, faults={"400": 0.0}) as server:
        path = write_spec(tmp_path, server.url)
        first = synthspec.build(path, out=tmp_path / "out", set={"limits.requests": 30})
        assert not first.complete
        assert synthspec.build(path, out=tmp_path / "out").manifest["funnel"]["called"] == 40
        assert max(reused, default=0) < 40
    with Store.open_readonly(tmp_path / "out") as store:
        assert store.spent().requests > 30


@pytest.mark.parametrize("noted", [0, 12])
def test_a_build_that_is_cut_off_early_leaves_what_more_was_settled(
    tmp_path: Path, reused: list[int], monkeypatch: pytest.MonkeyPatch, noted: int
) -> None:
    """Of two builds that were cut off, the one that had settled more is gone on from, whichever was the later."""
    from synthspec.generation.output_folder import DatasetFolder

    def cut_after(name: str, count: int) -> None:
        took, left = getattr(DatasetFolder, name), [count]

        def cut(self: DatasetFolder, *given: Any) -> str:
            said: str = took(self, *given)
            left[0] -= 1
            if left[0] <= 0:
                raise OSError(5, "cut off")
            return said

        with monkeypatch.context() as patch, pytest.raises(OSError, match="cut off"):
            patch.setattr(DatasetFolder, name, cut)
            synthspec.build(path, out=tmp_path / "out")

    with Loopback(reply=answer) as server:
        path = write_spec(tmp_path, server.url)
        cut_after("take", 30)
        cut_after("take_noted", noted or 1)
        reused.clear()
        synthspec.build(path, out=tmp_path / "out")
        assert len(reused) >= 28


def dataset_of(folder: Path) -> dict[str, bytes]:
    """The files that people use."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".jsonl", ".csv", ".md")}


@pytest.mark.parametrize("seed", one_in(60, range(120)))
def test_a_damaged_file_of_rows_costs_no_row(tmp_path: Path, seed: int) -> None:
    """All in it can be made again, so no byte of it may end a build or change a row."""
    chance = random.Random(seed)
    with Loopback(reply=answer) as server:
        path = write_spec(tmp_path, server.url, 12)
        synthspec.build(path, out=tmp_path / "out")
        before, calls = dataset_of(tmp_path / "out"), server.total
        rows = tmp_path / "out/rows.sqlite"
        whole = rows.read_bytes()
        for _ in range(4):
            data = bytearray(whole)
            match chance.randrange(4):
                case 0:
                    del data[chance.randrange(len(data)) :]
                case 1:
                    start = chance.randrange(0, len(data), 4096)
                    data[start : start + 4096] = bytes(4096)
                case 2:
                    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                case _:
                    for _ in range(30):
                        data[chance.randrange(100, len(data))] = chance.randrange(256)
            rows.write_bytes(data)
            synthspec.build(path, out=tmp_path / "out")
            assert dataset_of(tmp_path / "out") == before
        assert server.total == calls


PICTURED = """
synthspec: 1
name: pictured
rows: 6
parameters:
  file: {{values: [a.gif, b.gif, c.gif, d.gif, e.gif, f.gif]}}
plan: {{strategy: factorial}}
prompts:
  tell: {{user: "What is this?", images: [file], writes: [told]}}
  more: {{user: "Say more of {{{{ told }}}}", writes: [more]}}
fields:
  told: {{type: string}}
  more: {{type: string}}
backend: {{provider: openai, model: loop, base_url: '{url}'}}
"""


def gif(number: int) -> bytes:
    return b"GIF89a\x02\x00\x02\x00" + bytes([number]) * 20


def test_rows_made_of_pictures_are_used_again_while_these_are_the_same(tmp_path: Path, reused: list[int]) -> None:
    with Loopback(reply=prose) as server:
        path = tmp_path / "spec.yaml"
        path.write_text(PICTURED.format(url=server.url))
        for number, name in enumerate("abcdef"):
            (tmp_path / f"{name}.gif").write_bytes(gif(number))
        (tmp_path / "other.gif").write_bytes(gif(77))
        synthspec.build(path, out=tmp_path / "out")
        before, calls = dataset_of(tmp_path / "out"), server.total
        synthspec.build(path, out=tmp_path / "out")
        assert reused == list(range(6))
        assert dataset_of(tmp_path / "out") == before
        assert server.total == calls
        changed = tmp_path / "c.gif"
        about = changed.stat()
        for change in ("other bytes", "a link to another"):
            reused.clear()
            changed.unlink(missing_ok=True)
            if change == "other bytes":
                changed.write_bytes(gif(99))
                os.utime(changed, ns=(about.st_atime_ns, about.st_mtime_ns))
            else:
                changed.symlink_to(tmp_path / "other.gif")
            for folder, cache in (("out", True), ("plain", False)):
                synthspec.build(path, out=tmp_path / folder, cache=cache, replace=True)
            assert 0 < len(reused) < 6, change
            assert dataset_of(tmp_path / "out") == dataset_of(tmp_path / "plain"), change
            changed.unlink(missing_ok=True)
            changed.write_bytes(gif(2))
            synthspec.build(path, out=tmp_path / "out", replace=True)
