"""`index()`, `address()` and `uuid()`, nulls and maps in a spec: from the plan to the rows, the same at any order."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from fake_backend import FakeBackend, use

import synthspec
from synthspec.spec.messages import Request

SPEC = """
synthspec: 1
name: calls
rows: {rows}
seed: {seed}
parameters:
  number: index()
  day: date('2024-01-01') + index()
  mood: [calm, cross]
  shift: {{given: mood, cases: {{calm: index() * 10, cross: "-index()"}}}}
prompts:
  call: {{user: "Write a {{{{ mood }}}} call of {{{{ day }}}}.", rows: {batch}, writes: [call, note]}}
fields:
  number: {{value: number}}
  id: {{value: uuid()}}
  other: {{value: uuid()}}
  at: {{value: address()}}
  combination: {{value: index()}}
  label: {{value: "at + '/' + mood"}}
  call: {{type: string}}
  note: {{type: string, optional: true}}
  message: {{type: object, value: "{{role: 'user', content: call, note: note}}"}}
checks:
  - at != '3' and combination < 1000 and call != null
  - starts_with(at, text(index())) and number == index()
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:9/v1"}}
limits: {{concurrency: {concurrency}, attempts: 2}}
"""


def reply(request: Request) -> str:
    rows = [{"call": f"A call, {request.key[:6]} {n}.", "note": None} for n in range(request.rows)]
    return json.dumps(rows if request.rows > 1 else rows[0])


def build(
    monkeypatch: pytest.MonkeyPatch, folder: Path, rows: int = 6, batch: int = 1, concurrency: int = 4, seed: int = 0
) -> tuple[Any, FakeBackend]:
    fake = FakeBackend(reply, seed=concurrency)
    use(monkeypatch, fake)
    folder.mkdir()
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(rows=rows, batch=batch, concurrency=concurrency, seed=seed), encoding="utf-8")
    return synthspec.build(path, out=folder / "out"), fake


def rows_of(dataset: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dataset.frame.to_dict("records")
    return found


def test_index_counts_combinations_in_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(rows=500, batch=1, concurrency=4, seed=3), encoding="utf-8")
    plan = synthspec.plan(path)
    whole = plan[0:500]
    assert whole["number"].tolist() == list(range(500))
    assert [str(d)[:10] for d in whole["day"].tolist()[:2]] == ["2024-01-01", "2024-01-02"]
    for at in (0, 63, 64, 255, 499, 70_000):
        one = plan[at]
        assert one["number"] == at and one["shift"] == (at * 10 if one["mood"] == "calm" else -at)
        assert at >= 500 or one == {**one, **{n: whole[n].tolist()[at] for n in ("number", "mood", "shift")}}


def test_index_is_not_lost_where_an_exclusion_draws_anew(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "synthspec: 1\nrows: 200\nparameters: {n: index(), a: 'integer(1, 9)', b: 'integer(1, 9)', c: n + a}\n"
        "plan: {exclude: [a > b], strategy: random}\nprompts: {t: {user: 'Write {{ a }} {{ b }} {{ c }}.'}}\n"
        "fields: {t: {type: string, words: {min: 1}}}\n",
        encoding="utf-8",
    )
    plan = synthspec.plan(path)
    frame = plan[0:200]
    assert frame["n"].tolist() == list(range(200)) and (frame["a"] <= frame["b"]).all()
    assert (frame["c"] == frame["n"] + frame["a"]).all()
    assert plan[150]["n"] == 150 and plan[150]["c"] == frame["c"].tolist()[150]


@pytest.mark.parametrize("batch", [1, 3])
def test_rows_know_their_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, batch: int) -> None:
    dataset, _ = build(monkeypatch, tmp_path / "a", rows=9, batch=batch)
    rows = rows_of(dataset)
    lost = [r for r in rows if r["at"] == "3"]
    assert not lost and len(rows) == (8 if batch == 1 else 9), "the first check rejects the row at 3"
    expected = [str(n) for n in range(9) if n != 3] if batch == 1 else [f"{n // 3}.{n % 3}" for n in range(9)]
    assert [r["at"] for r in rows] == expected
    assert [r["combination"] for r in rows] == [r["number"] for r in rows] == [int(a.split(".")[0]) for a in expected]
    assert len({r["id"] for r in rows} | {r["other"] for r in rows}) == 2 * len(rows)
    assert {uuid.UUID(r["id"]).version for r in rows} == {5}
    assert all(r["label"].startswith(r["at"] + "/") for r in rows)
    first = rows[0]["message"]
    assert (json.loads(first) if isinstance(first, str) else first) == {
        "role": "user", "content": rows[0]["call"], "note": None,
    }  # fmt: skip


def test_places_hang_on_seed_and_plan_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, first = build(monkeypatch, tmp_path / "a", rows=9, batch=3, concurrency=1)
    many, second = build(monkeypatch, tmp_path / "b", rows=9, batch=3, concurrency=9)
    other, _ = build(monkeypatch, tmp_path / "c", rows=9, batch=3, seed=1)
    assert rows_of(one) == rows_of(many) and first.calls == second.calls
    assert not {r["id"] for r in rows_of(one)} & {r["id"] for r in rows_of(other)}


NULLS = """
synthspec: 1
name: notes
rows: 4
parameters: {{n: index()}}
prompts:
  note: {{user: "Write note {{{{ n }}}}.", writes: [note, extra]}}
fields:
  note: {{type: string}}
  extra: {{type: string, optional: true}}
checks: [{check}]
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:9/v1"}}
limits: {{attempts: 1}}
"""


@pytest.mark.parametrize(
    ("check", "kept"),
    [
        ("extra == null", [0, 2]), ("extra != null", [1, 3]), ("extra != null and words(extra) > 1", [3]),
        ("extra == null or words(extra) > 1", [0, 2, 3]), ("words(extra) > 1", [0, 2, 3]),
        ("coalesce(extra, 'a b') != 'x'", [0, 2, 3]), ("extra in ['x', 'y z']", [0, 1, 2, 3]),
        ("number(note) < 2", [0, 1]), ("if extra == null then true else extra == 'x'", [0, 1, 2]),
    ],
)  # fmt: skip
def test_checks_of_nulls(check: str, kept: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A check of a field that is null is left out, unless it tests for null."""
    extra = [None, "x", None, "y z"]

    def write(request: Request) -> str:
        n = request.values["n"]
        return json.dumps({"note": str(n) if n < 3 else "no number", "extra": extra[n]})

    use(monkeypatch, FakeBackend(write))
    path = tmp_path / "spec.yaml"
    path.write_text(NULLS.format(check=json.dumps(check)), encoding="utf-8")
    dataset = synthspec.build(path, out=tmp_path / "out")
    notes = [{"0": 0, "1": 1, "2": 2, "no number": 3}[str(r["note"])] for r in rows_of(dataset)]
    assert notes == kept
    said = (tmp_path / "out" / "quarantine.jsonl").read_text(encoding="utf-8") if len(kept) < 4 else ""
    if check == "number(note) < 2":
        assert "does not hold: number(…) is null" in said and 'the rule `number(note) < 2` does not hold"' in said
