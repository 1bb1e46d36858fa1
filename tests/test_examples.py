"""Examples that are alike to a text, that earlier fields decide, and that a field stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_backend import FakeBackend, use

import synthspec
from synthspec.spec.messages import Request

DOCS = [
    {"id": 1, "kind": "pet", "text": "The cat sat on the mat and purred"},
    {"id": 2, "kind": "pet", "text": "A dog barks at night in the yard"},
    {"id": 3, "kind": "sea", "text": "The fish swims in the deep sea"},
    {"id": 4, "kind": "sea", "text": "A whale sings in the sea at night"},
]
SPEC = """
synthspec: 1
name: answers
rows: {rows}
sources: {{docs: {{file: docs.jsonl}}}}
parameters:
  animal: [cat, dog, fish, whale]
prompts:
  ask: {{user: "Ask about a {{{{ animal }}}}.", writes: [question, kind]}}
  answer:
    user: "{{{{ question }}}} {{% for c in {name} %}}[{{{{ c.id }}}}]{{% endfor %}}"
    examples: {{{examples}}}
    writes: [answer]
fields:
  question: {{type: string}}
  kind: {{type: string}}
  answer: {{type: string}}
{fields}
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:9/v1"}}
limits: {{concurrency: {concurrency}, attempts: 3}}
"""


class Answering(FakeBackend):
    def __init__(self, seed: int = 0, fails: bool = False) -> None:
        self.told: list[str] = []
        self.fails = fails
        super().__init__(self._say, seed=seed)

    def _say(self, request: Request) -> str:
        text = request.messages[0].content
        if request.prompt == "ask":
            animal = request.values["animal"]
            kind = "pet" if animal in ("cat", "dog") else "sea"
            return json.dumps({"question": f"What does the {animal} like?", "kind": kind})
        self.told.append(text.split("\n")[0])
        wrong = self.fails and len(request.messages) == 1
        return text.split("\n")[0] if not wrong else ""


def build(
    monkeypatch: pytest.MonkeyPatch, folder: Path, examples: str, *, name: str = "examples", fields: str = "",
    rows: int = 12, concurrency: int = 4, fails: bool = False,
) -> tuple[list[dict[str, Any]], Answering]:  # fmt: skip
    fake = Answering(concurrency, fails)
    use(monkeypatch, fake)
    folder.mkdir()
    (folder / "docs.jsonl").write_text("".join(json.dumps(d) + "\n" for d in DOCS), encoding="utf-8")
    path = folder / "spec.yaml"
    text = SPEC.format(rows=rows, examples=examples, name=name, fields=fields, concurrency=concurrency)
    path.write_text(text, encoding="utf-8")
    dataset = synthspec.build(path, out=folder / "out")
    assert dataset.complete
    return dataset.frame.to_dict("records"), fake


def shown(row: dict[str, Any]) -> list[int]:
    return [int(part.rstrip("]")) for part in row["answer"].split("[")[1:]]


def test_examples_nearest_to_a_field_of_another_prompt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows, _ = build(monkeypatch, tmp_path / "a", "from: docs, nearest: question, rows: 2, by: text")
    nearest = {"cat": 1, "dog": 2, "fish": 3, "whale": 4}
    for row in rows:
        animal = row["question"].split()[3]
        assert shown(row)[0] == nearest[animal] and len(shown(row)) == 2


def test_where_reads_a_field_of_another_prompt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows, _ = build(monkeypatch, tmp_path / "a", "from: docs, where: row.kind == kind, rows: 4")
    assert {(r["kind"], tuple(sorted(shown(r)))) for r in rows} == {("pet", (1, 2)), ("sea", (3, 4))}
    rows, _ = build(monkeypatch, tmp_path / "b", "from: docs, where: row.kind != kind, nearest: question, rows: 1")
    assert all(shown(r)[0] in ((3, 4) if r["kind"] == "pet" else (1, 2)) for r in rows)


@pytest.mark.parametrize("examples", ["nearest: question, ", "", "where: row.kind == kind, "])
def test_a_field_stores_what_was_shown(examples: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "examples": f"from: docs, {examples}rows: 2, as: facts", "name": "facts",
        "fields": "  facts: {type: array, maxItems: 2}\n  first: {value: 'facts[0].id'}\nchecks: ['len(facts) == 2']",
    }  # fmt: skip
    one, first = build(monkeypatch, tmp_path / "a", **given, concurrency=1)
    many, second = build(monkeypatch, tmp_path / "b", **given, concurrency=9)
    again, third = build(monkeypatch, tmp_path / "c", **given, fails=True)
    for rows in (one, many, again):
        for row in rows:
            facts = json.loads(row["facts"]) if isinstance(row["facts"], str) else list(row["facts"])
            assert [f["id"] for f in facts] == shown(row) and facts == [DOCS[i - 1] for i in shown(row)]
            assert row["first"] == shown(row)[0]
    assert one == many and first.calls == second.calls
    assert third.total == 12 + 2 * 12, "the repair is shown the same rows"
    assert {frozenset(shown(r)) for r in again} == {frozenset(shown(r)) for r in one}


def test_the_name_and_the_field_are_in_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is shown decides the request, not how it is called or whether it is kept."""
    _, plain = build(monkeypatch, tmp_path / "a", "from: docs, nearest: question, rows: 2")
    _, named = build(monkeypatch, tmp_path / "b", "from: docs, nearest: question, rows: 2, as: facts", name="facts")
    _, kept = build(
        monkeypatch, tmp_path / "c", "from: docs, nearest: question, rows: 2, as: facts", name="facts",
        fields="  facts: {type: array}",
    )  # fmt: skip
    assert plain.calls == named.calls == kept.calls


def test_plan_and_preview_know_examples_that_hang_on_fields(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, Answering())
    (tmp_path / "docs.jsonl").write_text("".join(json.dumps(d) + "\n" for d in DOCS), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    text = SPEC.format(
        rows=4, examples="from: docs, nearest: question, rows: 3, as: facts", name="facts",
        fields="  facts: {type: array}", concurrency=2,
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")
    from click.testing import CliRunner

    from synthspec.cli import cli

    done = CliRunner().invoke(cli, ["plan", str(path), "--format", "json"])
    assert done.exit_code == 0, done.output
    sample = json.loads(done.output)["samples"][0]["prompts"]["answer"][0]["content"]
    assert sample.count("[") >= 3, "so many examples as there will be"
    seen = synthspec.preview(path, 2)
    assert len(seen.rows) == 2 and all(len(row["values"]["facts"]) == 3 for row in seen.rows)
