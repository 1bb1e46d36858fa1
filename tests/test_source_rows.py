"""Whole rows of a source, lists of rows, and the rows most alike to a text: in the plan, in prompts, as said."""

from __future__ import annotations

import json
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest
from depth import quarter
from fake_backend import FakeBackend, use
from hypothesis import given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.planning.sampling.alike import Alike
from synthspec.sources import MemoryTable

WORDS = "the a cat dog sea fish barks swims sat night mat eats food red blue né ÉTÉ".split()


def spec(folder: Path, parameters: str, docs: list[dict[str, Any]], rows: int = 40, more: str = "") -> Path:
    (folder / "docs.jsonl").write_text("".join(json.dumps(d) + "\n" for d in docs), encoding="utf-8")
    names = [line.split(":")[0].strip() for line in parameters.strip().splitlines()]
    shown = " ".join(f"{{{{ {n} }}}}" for n in names)
    path = folder / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nrows: {rows}\nsources: {{docs: {{file: docs.jsonl}}}}\nparameters:\n{parameters}\n{more}"
        f"prompts: {{t: {{user: 'Write {shown}'}}}}\nfields: {{t: {{type: string, words: {{min: 1}}}}}}\n",
        encoding="utf-8",
    )
    return path


def docs_of(count: int, seed: int = 1) -> list[dict[str, Any]]:
    chosen = random.Random(seed)
    return [{"id": n, "kind": chosen.choice("xyz"), "text": " ".join(chosen.choices(WORDS, k=5))} for n in range(count)]


def test_a_whole_row_is_the_row_that_columns_take(tmp_path: Path) -> None:
    docs = docs_of(9)
    text = "  doc: {from: docs}\n  id: {from: docs, column: id}\n  same: {from: docs}"
    plan = synthspec.plan(spec(tmp_path, text, docs))
    frame = plan[0:40]
    assert all(
        doc == docs[n] and doc == same for doc, n, same in zip(frame["doc"], frame["id"], frame["same"], strict=True)
    )
    assert set(frame["id"]) == set(range(9))
    assert plan[31]["doc"] == frame["doc"].tolist()[31] and plan[4_000]["doc"] == docs[plan[4_000]["id"]]


def test_a_list_of_rows_is_of_different_ones_and_its_own_draw(tmp_path: Path) -> None:
    docs = docs_of(7)
    text = (
        "  id: {from: docs, column: id}\n  some: {from: docs, rows: 3}\n  others: {from: docs, rows: 3}\n"
        "  ids: {from: docs, rows: 2, column: id, where: row.id != id}\n  all: {from: docs, rows: 7, column: id}"
    )
    path = spec(tmp_path, text, docs, rows=300)
    plan = synthspec.plan(path)
    frame = plan[0:300]
    assert all(len({d["id"] for d in some}) == 3 and all(d == docs[d["id"]] for d in some) for some in frame["some"])
    assert sum(a == b for a, b in zip(frame["some"], frame["others"], strict=True)) < 30
    assert all(len(set(ids)) == 2 and n not in ids for ids, n in zip(frame["ids"], frame["id"], strict=True))
    assert all(sorted(ids) == list(range(7)) for ids in frame["all"]) and len(set(map(tuple, frame["all"]))) > 250
    drawn = [n for some in frame["some"] for n in {d["id"] for d in some}]
    assert all(80 < drawn.count(n) < 180 for n in range(7)), "each row about as often as the others"
    shorter = synthspec.plan(path, rows=20)[0:20]
    assert shorter["some"].tolist() == frame["some"].tolist()[:20] and plan[257]["ids"] == frame["ids"].tolist()[257]


def reference(docs: list[str], text: str, count: int) -> list[int]:
    """The same by definition: cosine of word sets weighed by log(1 + N / n)."""
    sets = [set(_split(d)) for d in docs]
    weight = {w: math.log(1 + len(docs) / sum(w in s for s in sets)) for s in sets for w in s}
    wanted = set(_split(text))

    def likeness(n: int) -> float:
        norm = math.sqrt(sum(weight[w] ** 2 for w in sets[n]))
        return sum(weight[w] ** 2 for w in wanted & sets[n]) / norm if norm else 0.0

    return sorted(range(len(docs)), key=lambda n: (-round(likeness(n), 9), n))[:count]


def _split(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in text.casefold()).split()


TEXTS = st.lists(st.sampled_from([*WORDS, "CAT,", "dog!", "", "x-y"]), max_size=6).map(" ".join)


@settings(max_examples=quarter(150), deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12), TEXTS, st.integers(1, 12))
def test_nearest_is_as_defined(docs: list[str], text: str, count: int) -> None:
    index = Alike(MemoryTable({"text": docs}), ("text",))
    found = index.nearest(text, min(count, len(docs)))
    assert found == reference(docs, text, min(count, len(docs)))
    assert found == index.nearest(text, min(count, len(docs))) == index.nearest(text, len(found), range(len(docs)))
    half = list(range(0, len(docs), 2))
    assert index.nearest(text, len(half), half) == [n for n in reference(docs, text, len(docs)) if n in half]


def test_ties_go_to_the_earlier_row() -> None:
    index = Alike(MemoryTable({"text": ["b a", "c", "a b", "A, b!", "c d"]}), ("text",))
    assert index.nearest("a b", 3) == [0, 2, 3] and index.nearest("nothing", 2) == [0, 1]
    assert index.nearest("a b", 2, [4, 3, 2]) == [3, 2]


def test_nearest_in_a_plan(tmp_path: Path) -> None:
    docs = [
        {"id": 1, "title": "Cats", "text": "The cat sat on the mat"}, {"id": 2, "title": "Dogs", "text": "A dog barks at night"},
        {"id": 3, "title": "Fish", "text": "The fish swims in the sea"}, {"id": 4, "title": "Cat food", "text": "What is in it"},
    ]  # fmt: skip
    text = (
        "  topic: [cat, dog, sea]\n  near: {from: docs, nearest: \"'the ' + topic\"}\n"
        "  two: {from: docs, nearest: topic, rows: 2, column: id}\n  named: {from: docs, nearest: topic, by: title, column: title}\n"
        '  other: {from: docs, nearest: topic, rows: 1, column: id, where: "row.id != two[0]"}\n'
        "  none: {from: docs, nearest: 'if topic == \"dog\" then null else topic'}"
    )
    plan = synthspec.plan(spec(tmp_path, text, docs, rows=12))
    seen = {row["topic"]: row for row in plan}
    assert {t: r["near"]["id"] for t, r in seen.items()} == {"cat": 1, "dog": 2, "sea": 3}
    assert {t: r["two"] for t, r in seen.items()} == {"cat": [1, 4], "dog": [2, 1], "sea": [3, 1]}
    assert {t: r["named"] for t, r in seen.items()} == {"cat": "Cat food", "dog": "Cats", "sea": "Cats"}
    assert seen["cat"]["other"] == [4] and seen["dog"]["none"] is None and seen["sea"]["none"]["id"] == 3


def test_inside_cases_and_beside_exclusions(tmp_path: Path) -> None:
    docs = docs_of(12)
    text = (
        "  mode: [near, far]\n  topic: [cat, dog]\n"
        "  shots: {given: mode, cases: {near: {from: docs, nearest: topic, rows: 2}, far: {from: docs, rows: 2}}}\n"
        "  doc: {from: docs, where: row.kind != 'x'}"
    )
    path = spec(tmp_path, text, docs, more="plan: {exclude: [\"doc.kind == 'y' and topic == 'cat'\"]}\n")
    plan = synthspec.plan(path)
    rows = list(plan)
    assert all(len(r["shots"]) == 2 and r["doc"]["kind"] in ("y", "z") for r in rows)
    assert not [r for r in rows if r["doc"]["kind"] == "y" and r["topic"] == "cat"]
    near = {r["topic"]: r["shots"] for r in rows if r["mode"] == "near"}
    assert all(r["shots"] == near[r["topic"]] for r in rows if r["mode"] == "near")


def test_many_rows_are_compared_in_little_time() -> None:
    chosen = random.Random(4)
    words = [f"w{n}" for n in range(3_000)]
    table = MemoryTable({"text": [" ".join(chosen.choices(words, k=60)) for _ in range(5_000)]})
    before = time.process_time()
    index = Alike(table, ("text",))
    found = [index.nearest(" ".join(chosen.choices(words, k=12)), 5) for _ in range(200)]
    assert all(len(set(f)) == 5 for f in found) and time.process_time() - before < 10


def test_prompts_and_fields_read_members_of_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docs = docs_of(4)
    path = spec(tmp_path, "  doc: {from: docs}\n  some: {from: docs, rows: 2}", docs, rows=4)
    text = path.read_text(encoding="utf-8")
    user = "{{ doc.text }}|{% for s in some %}{{ s.id }},{% endfor %}"
    text = text.replace("Write {{ doc }} {{ some }}", user).replace("fields: {", "fields: {id: {value: doc.id}, ")
    backend = 'backend: {provider: openai, model: m, base_url: "http://127.0.0.1:9/v1"}\n'
    path.write_text(
        text + "checks: ['doc.id >= 0 and len(some) == 2 and some[0] != some[1]']\n" + backend, encoding="utf-8"
    )
    fake = FakeBackend(lambda request: request.messages[-1].content)
    use(monkeypatch, fake)
    plan = list(synthspec.plan(path))
    rows = synthspec.build(path, out=tmp_path / "out").frame.to_dict("records")
    assert [r["id"] for r in rows] == [p["doc"]["id"] for p in plan] and fake.total == 4
    for row, drawn in zip(rows, plan, strict=True):
        assert row["t"].startswith(f"{drawn['doc']['text']}|{drawn['some'][0]['id']},{drawn['some'][1]['id']},")
