"""`on_missing: replace` beside `each`: a row that cannot be had is made under other values, with the item of its place."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path

import pytest
from fake_backend import FakeBackend, use

import synthspec
from synthspec.spec.messages import Reply, Request

SPEC = """
synthspec: 1
name: made
seed: 3
rows: 18
on_missing: replace
parameters: {theme: [owls, eels, bats], n: 'integer(1, 1000000)'}
prompts:
  facts: {user: "Facts about {{ theme }} {{ n }}.", writes: [facts]}
  question: {each: fact in facts, user: "Ask about {{ fact }}.", writes: [question]}
  answer: {user: "Answer {{ question }} for {{ n }}.", writes: [answer]}
fields:
  theme: {value: theme}
  n: {value: n}
  facts: {type: array, items: {type: string}, minItems: 3, maxItems: 3}
  fact: {value: upper(fact)}
  question: {type: string}
  answer: {type: string, rejects: [never]}
checks: [{that: "not contains(fact, 'BAD')", message: bad fact}]
limits: {attempts: 2}
backend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}
"""


def reply(request: Request) -> str:
    said = request.messages[0].content
    number = said.split("\n")[0].rstrip(".").split(" ")[-1]
    if request.prompt == "facts":
        bad = "bad" if int(number) % 5 == 0 else "fact"
        return json.dumps({"facts": [f"{bad} {k} of {number}" for k in range(3)]})
    if request.prompt == "question":
        return f"Why is {said.split('.')[0][10:]}?"
    return "never" if int(number) % 3 == 0 else f"Because of {said.splitlines()[0]}"


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "made.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_items_are_replaced_in_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    made = {}
    for limit in (1, 2, 16):
        fake = FakeBackend(reply)
        use(monkeypatch, fake)
        dataset = synthspec.build(path, out=tmp_path / str(limit), concurrency=limit)
        made[limit] = (tmp_path / str(limit) / "made.csv").read_bytes()
        asked = fake.total
        synthspec.build(path, out=tmp_path / str(limit), concurrency=limit)
        assert fake.total == asked, "an idle rebuild asks nothing"
    assert len(set(made.values())) == 1
    rows, plan = rows_of(tmp_path / "1"), synthspec.plan(path)
    missing = 18 - len(rows)
    lost = [i for i in range(6) if plan[i]["n"] % 3 == 0 or plan[i]["n"] % 5 == 0]
    assert lost and missing < 3 * len(lost), "the spec is one in which rows are replaced"
    assert dataset.manifest["quarantined"] == missing
    moved = [r for r in rows if int(r["n"]) not in {plan[i]["n"] for i in range(6)}]
    assert moved, "some were made under other values"
    for place, row in enumerate(rows if not missing else []):
        assert row["theme"] == plan[place // 3]["theme"], "the listed values stay"
        assert row["fact"].split(" ")[1] == str(place % 3), "the item is that of the row's place"
    for row in rows:
        assert "never" not in row["answer"] and "BAD" not in row["fact"]
        assert (
            row["fact"].endswith(f"OF {row['n']}") and row["n"] in row["question"] and row["question"] in row["answer"]
        )


def test_a_list_that_is_drawn_keeps_its_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is a parameter: the item is the same where its values are listed, all else is drawn again."""

    def answer(request: Request) -> str:
        said = request.messages[0].content.split("\n")[0]
        return "never" if int(said.rstrip(".").split(" ")[-1]) % 2 else f"{said} indeed"

    use(monkeypatch, FakeBackend(answer))
    path = tmp_path / "spec.yaml"
    text = (
        SPEC.split("parameters")[0] + "parameters: {tags: {values: [[a, b, a], [c, d, e]]}, n: 'integer(1, 100000)'}\n"
    )
    text += 'prompts: {ask: {each: tag in tags, user: "Of {{ tag }} {{ n }}.", writes: [said]}}\n'
    text += "fields: {tag: {value: tag}, n: {value: n}, said: {type: string, rejects: [never]}}\n"
    path.write_text(text + "limits: {attempts: 1}\n" + SPEC.split("limits: {attempts: 2}\n")[1])
    dataset = synthspec.build(path, out=tmp_path / "out")
    rows, plan = rows_of(tmp_path / "out"), synthspec.plan(path)
    assert len(rows) + dataset.manifest["quarantined"] == 18
    assert all(int(r["n"]) % 2 == 0 and r["said"] == f"Of {r['tag']} {r['n']}. indeed" for r in rows)
    tags = [tag for i in range(6) for tag in plan[i]["tags"]]
    lost = {json.loads(line)["row"] for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()}
    assert [r["tag"] for r in rows] == [t for i, t in enumerate(tags) if i not in lost]
    assert len(rows) > 12, "half of the rows fail at first, an eighth of an eighth after three substitutes"


class Together(FakeBackend):
    """The first list is no list; those that are asked for in its place are answered once all three are in flight."""

    async def complete(self, request: Request) -> Reply:
        if request.prompt == "facts" and self.calls and self.waiting < 3:
            self.waiting += 1
            self.all_there = self.all_there or asyncio.Event()
            if self.waiting == 3:
                self.all_there.set()
            await asyncio.wait_for(self.all_there.wait(), 60)
        return await super().complete(request)

    waiting = 0
    all_there: asyncio.Event | None = None


def test_the_rows_of_a_lost_list_are_made_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def answer(request: Request) -> str:
        nonlocal asked
        if request.prompt != "facts":
            return "Why is this so?"
        asked += 1
        return "I do not know." if asked == 1 else json.dumps({"facts": [f"fact {k} {asked}" for k in range(3)]})

    fake = Together(answer)
    use(monkeypatch, fake)
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("rows: 18", "rows: 3").replace("attempts: 2", "attempts: 1"))
    synthspec.build(path, out=tmp_path / "out")
    assert asked == 4 and fake.waiting == 3 and len(rows_of(tmp_path / "out")) == 3
