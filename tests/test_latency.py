"""Promise 7: which call was faster changes nothing. The same completions give the same dataset, byte for byte.

Specs with several rules between rows are drawn at random and built under random latencies, at several numbers of
calls in flight, and after kills. Dataset, quarantine and funnel must be equal in every byte.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from built_alike import built_alike
from depth import rest_slow
from fake_backend import FakeBackend
from fan_out_specs import fan_out_reply, fan_out_spec
from loopback import digest
from several_specs import several_reply, several_spec

from synthspec.spec.messages import Request

WORDS = (
    "meter invoice window garden captain river lantern paper copper engine harbour velvet orchard signal timber "
    "weather bottle ladder market needle pepper saddle tunnel valley winter yellow anchor basket candle desert"
).split()
SENTENCES = [" ".join(random.Random(i).choices(WORDS, k=14)) for i in range(9)]


def sentence(number: int) -> str:
    """One of a few sentences, often with a word or two changed, sometimes altogether new."""
    rng = random.Random(number)
    words = rng.choice(SENTENCES).split() if rng.random() < 0.75 else rng.choices(WORDS, k=14)
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        words[rng.randrange(len(words))] = rng.choice(WORDS)
    if rng.random() < 0.1:
        words = [w.upper() for w in words]
    return " ".join(words if rng.random() > 0.05 else words[:1])


def reply(request: Request) -> str:
    """What the request is answered with: a function of its key and its words."""
    number = digest(request.key, [(m.role, str(m.content)) for m in request.messages])
    rng = random.Random(number)
    if request.prompt == "rate":
        return json.dumps({"score": rng.choice([1, 2, 3, 4, 5, 5, 4, "none"])})
    if request.prompt == "title":
        return " ".join(rng.choices(WORDS[:6], k=2))
    if request.prompt == "calls":
        count = max(0, request.rows - rng.choice([0, 0, 0, 1, 2]))
        lines = [f'"{sentence(digest(number, i))}",{rng.choice([3, 20, 60, 99])}' for i in range(count)]
        return "\n".join(["call,minutes", *lines])
    text = sentence(number)
    if "=== answer" in request.messages[-1].content:
        return f"=== answer 1 (probability 0.8) ===\n{text}\n=== answer 2 (probability 0.2) ===\n{sentence(number + 1)}"
    return text


def novelty_of(rng: random.Random, folder: Path, batch: bool) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    kinds = rng.sample(["unique", "near_duplicates", "no_copies", "decontaminate"], rng.choice([2, 3, 4]))
    if "unique" in kinds:
        rules["unique"] = ["call"] if batch else rng.choice([["call"], ["title"], ["title", "topic"]])
    if "near_duplicates" in kinds:
        rules["near_duplicates"] = {"fields": ["call"], "similarity": rng.choice([0.4, 0.6, 0.8])}
    if "no_copies" in kinds:
        rules["no_copies"] = {"from": "given", "fields": ["call"], "similarity": 0.7}
    if "decontaminate" in kinds:
        (folder / "apart.txt").write_text("\n".join(SENTENCES[7:]) + "\n")
        rules["decontaminate"] = {"against": "apart.txt", "fields": ["call"], "ngram": 9}
    if rng.random() < 0.5:
        rules["on_saturation"] = rng.choice(["stop", "spread"])
    return rules


def random_spec(number: int, folder: Path) -> Path:
    """A spec with rules between rows."""
    rng = random.Random(number)
    batch = rng.random() < 0.35
    avoid = rng.random() < 0.4
    seen = "{% for a in avoid %} Not: {{ a }}.{% endfor %}" if avoid else ""
    fields: dict[str, Any] = {"topic": {"value": "topic"}, "call": {"type": "string", "words": {"min": 3}}}
    prompts: dict[str, Any] = {}
    if batch:
        fields["minutes"] = {"type": "integer", "maximum": 90}
        prompts["calls"] = {
            "user": "Write {{ rows }} calls about {{ topic }}." + seen,
            "rows": rng.choice([2, 3, 5]),
            "writes": ["call", "minutes"],
            "format": "csv",
        }
    else:
        user = rng.choice(["Write about {{ topic }}.", "Write a {{ mood }} call about {{ topic }}.", "Write a call."])
        prompts["call"] = {"user": user + seen, "writes": ["call"]}
        if rng.random() < 0.25:
            prompts["call"]["verbalize"] = 2
    checks: list[Any] = []
    if not batch or rng.random() < 0.5:
        fields["title"] = {"type": "string"}
        prompts["title"] = {"user": "A title for: {{ call }}", "writes": ["title"]}
    if rng.random() < 0.6:
        fields["score"] = {"type": "integer", "minimum": 1}
        prompts["rate"] = {"user": "Rate: {{ call }}", "writes": ["score"], "format": "json"}
        checks.append({"that": "score >= 3", "message": "the judge finds it dull"})
        if rng.random() < 0.4:
            checks[-1]["retry"] = next(iter(prompts))
    if batch and rng.random() < 0.5:
        checks.append("minutes < 60")
    novelty = novelty_of(rng, folder, batch)
    if "title" in novelty.get("unique", ()) and "title" not in fields:
        novelty["unique"] = ["call"]
    if avoid:
        novelty["avoid"] = {"last": rng.choice([1, 3]), "fields": ["call"]}
    spec = {
        "synthspec": 1,
        "name": "calls",
        "rows": rng.choice([17, 40, 90]) * (2 if novelty.get("on_saturation") == "stop" else 1),
        "seed": number,
        "sources": {"given": {"rows": [{"call": s} for s in SENTENCES[4:6]]}},
        "parameters": {"topic": ["bill", "meter", "move"], "mood": ["calm", "cross"]},
        "prompts": prompts,
        "fields": fields,
        "checks": checks,
        "novelty": novelty,
        "repair": rng.random() < 0.8,
        "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
        "limits": {"attempts": rng.choice([2, 3, 4])},
    }
    if not checks:
        del spec["checks"]
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    return path


def agree(
    number: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    draw: Callable[[int, Path], Path] = random_spec,
    reply: Callable[[Request], str] = reply,
) -> None:
    """One spec, built in several ways."""
    path = draw(number, folder)
    built_alike(
        path, folder, monkeypatch, partial(FakeBackend, reply), random.Random(number + 1000), (2, 8, 64), cuts=3
    )


@pytest.mark.parametrize("number", rest_slow(range(24), ()))
def test_latency_changes_nothing(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(number, tmp_path, monkeypatch)


@pytest.mark.parametrize("number", rest_slow((*range(60), 99, 103, 163), (47,)))
def test_latency_changes_nothing_where_rows_fan_out(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(number, tmp_path, monkeypatch, fan_out_spec, fan_out_reply)


@pytest.mark.parametrize("number", rest_slow(range(90), ()))
def test_latency_changes_nothing_where_prompts_are_asked_several_times(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(number, tmp_path, monkeypatch, several_spec, several_reply)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_latency_changes_nothing_at_length(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100 + 6 * block, 106 + 6 * block):
        folder = tmp_path / str(number)
        folder.mkdir()
        agree(number, folder, monkeypatch)
