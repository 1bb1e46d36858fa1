"""A stop because the model only repeats itself, where rows come of lists: which rows are lost by it, and what was used,
is the same however many calls were in flight, and after kills."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import digest

import synthspec
from synthspec.spec.messages import Request

WORDS = "owl river lantern copper engine harbour velvet orchard signal timber".split()
HEAD = """
synthspec: 1
name: made
backend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}
parameters: {n: 'integer(1, 1000000)'}
"""
LISTS = """
prompts:
  facts: {user: "Facts {{ n }}", writes: [facts]}
  question: {each: fact in facts, user: "Ask about {{ fact }}.", writes: [question]}
fields:
  facts: {type: array, items: {type: string}, optional: true}
  question: {type: string}
novelty: {unique: [question], on_saturation: stop}
"""
DEEP = """
prompts:
  facts: {user: "Facts {{ n }}", writes: [facts]}
  more: {each: fact in facts, user: "Facts of {{ fact }}", writes: [more]}
  question: {each: one in more, rows: 2, format: csv, user: "Ask {{ rows }} about {{ one }}.", writes: [question]}
fields:
  facts: {type: array, items: {type: string}}
  more: {type: array, items: {type: string}}
  question: {type: string}
novelty: {unique: [question], on_saturation: stop}
"""
ABOVE = """
prompts:
  facts: {user: "Facts {{ n }}", writes: [facts]}
  topic: {each: fact in facts, user: "A topic of {{ fact }}.", writes: [topic]}
  questions: {rows: 3, format: csv, user: "Ask {{ rows }} about {{ topic }}.", writes: [question]}
fields:
  facts: {type: array, items: {type: string}}
  topic: {type: string}
  question: {type: string}
novelty: {unique: [topic], on_saturation: stop}
"""


def build_of(folder: Path, text: str, concurrency: int, **dataset: Any) -> tuple[Any, ...] | None:
    """All that a dataset says but for its run; None where the build was abandoned."""
    spec = folder / f"at{concurrency}.yaml"
    spec.write_text(f"{text}limits: {{concurrency: {concurrency}}}\n")
    try:
        made = synthspec.build(spec, **dataset)
    except asyncio.CancelledError:
        return None
    manifest = {**made.manifest, "run": None, "spec": {**made.manifest["spec"], "digest": "", "file": ""}}
    lost = (made.folder / "quarantine.jsonl").read_text()
    rows = (made.folder / "made.csv").read_bytes()
    return made.reason, json.dumps(manifest, sort_keys=True), lost, rows


@pytest.mark.parametrize("number", rest_slow(range(45), (0, 4, 8)))
def test_a_stop_is_the_same_at_any_concurrency(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(number)
    few, longest = rng.choice([2, 3, 5]), rng.choice([2, 4])
    body = (LISTS, DEEP, ABOVE)[number % 3]

    def reply(request: Request) -> str:
        said = request.messages[-1].content.split("\n")[0]
        seen = random.Random(digest(said))
        if said.startswith("Facts"):
            key = "more" if said.startswith("Facts of") else "facts"
            return json.dumps({key: [f"{seen.choice(WORDS)} {n}" for n in range(seen.randrange(longest + 1))]})
        if said.startswith("Ask") and request.rows > 1:
            return "question\n" + "\n".join(f"Why {seen.choice(WORDS[:few])}" for _ in range(request.rows))
        return f"Why {seen.choice(WORDS[:few])}"

    text = f"{HEAD}seed: {number}\nrows: {rng.choice([40, 60, 150]) if number % 3 < 2 else 150}{body}"
    found = []
    for concurrency in (1, 3, 64):
        use(monkeypatch, FakeBackend(reply, seed=rng.randrange(99)))
        found.append(build_of(tmp_path, text, concurrency, out=tmp_path / f"out{concurrency}"))
    assert found[0] is not None and found[0][0], "the model repeats itself"
    assert found[1] == found[0] and found[2] == found[0]
    use(monkeypatch, FakeBackend(reply, seed=rng.randrange(99)))
    assert build_of(tmp_path, text, 8, out=tmp_path / "out64") == found[0], "built again"
