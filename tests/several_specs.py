"""Specs drawn at random in which prompts are asked several times for one row: samples, items of lists, rounds; in rows
of one combination, and in rows that fan out. Replies are a function of the request alone."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from fan_out_specs import WORDS, fan_out_spec
from loopback import digest

from synthspec.spec.messages import Request


def several_spec(number: int, folder: Path) -> Path:
    """A spec with at least one prompt that makes several calls for one row."""
    rng = random.Random(10_000 + number)
    path = fan_out_spec(number, folder) if rng.random() < 0.4 else plain_spec(number, folder)
    spec: dict[str, Any] = json.loads(path.read_text())
    texts = [n for n, f in spec["fields"].items() if n.startswith(("text", "plot")) and f.get("type") == "string"]
    seen = f"{{{{ {rng.choice(texts)} }}}}" if texts and rng.random() < 0.7 else "{{ topic }}"
    if spec.get("novelty", {}).get("on_saturation") == "stop":
        spec["novelty"].pop("on_saturation")
    kinds = rng.sample(["samples", "map", "tags", "repeat"], rng.choice([1, 2, 3]))
    checks = spec.setdefault("checks", [])
    spec["parameters"]["depth"] = [0, 1, 2, 4] if rng.random() < 0.5 else [1, 3]
    spec["parameters"]["tags"] = {"values": [["a", "b"], ["b", "b", "c"], []]}
    if "samples" in kinds or "map" in kinds:
        _samples(spec, rng, seen, checks)
    if "map" in kinds:
        _map(spec, rng, checks)
    if "tags" in kinds:
        spec["fields"]["notes"] = {"type": "array", "items": {"type": "string"}, "words": {"min": 2}}
        spec["prompts"]["notes"] = {"map": "tag in tags", "user": f"Note {{{{ tag }}}} {seen}", "writes": ["notes"]}
    if "repeat" in kinds:
        _repeat(spec, rng, seen, checks)
    spec["limits"]["attempts"] = rng.choice([2, 3, 5])
    path.write_text(json.dumps({k: v for k, v in spec.items() if v not in ([], {})}))
    return path


def plain_spec(number: int, folder: Path) -> Path:
    """A spec with one text a row, to which further prompts are added."""
    rng = random.Random(number)
    spec = {
        "synthspec": 1,
        "name": "calls",
        "rows": rng.choice([5, 12, 30]),
        "seed": number,
        "parameters": {"topic": ["bill", "meter", "move"]},
        "prompts": {"write": {"user": "Write about {{ topic }}.", "writes": ["text"]}},
        "fields": {"topic": {"value": "topic"}, "text": {"type": "string", "words": {"min": rng.choice([1, 2])}}},
        "novelty": {"unique": ["text"], "on_saturation": rng.choice(["continue", "spread"])} if number % 3 else {},
        "repair": rng.random() < 0.7,
        "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
        "limits": {},
    }
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    return path


def _samples(spec: dict[str, Any], rng: random.Random, seen: str, checks: list[Any]) -> None:
    field: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    if rng.random() < 0.5:
        field["uniqueItems"] = True
    if rng.random() < 0.5:
        field["words"] = {"min": 2}
    prompt: dict[str, Any] = {"samples": rng.choice([1, 2, 4]), "user": f"Answer {seen}", "writes": ["answers"]}
    if rng.random() < 0.3:
        prompt["backend"] = [{"model": "m"}, {"model": "n"}][: prompt["samples"]]
    if rng.random() < 0.2:
        prompt["when"] = "topic != 'move'"
    spec["fields"]["answers"] = field
    spec["prompts"]["answers"] = prompt
    if rng.random() < 0.5:
        checks.append({"that": "missing(answers) or not contains(answers[0], 'owl')", "message": "no owl first"})


def _map(spec: dict[str, Any], rng: random.Random, checks: list[Any]) -> None:
    spec["fields"]["scores"] = {"type": "array", "items": {"type": "integer", "minimum": 1}}
    prompt = {"map": "a in answers", "user": "Rate {{ a }}", "writes": ["scores"], "format": "json"}
    if rng.random() < 0.3:
        prompt["backend"] = {"choose": "topic", "of": {"bill": {"model": "n"}, "meter": {}, "move": "openai:o"}}
        prompt["backend"]["of"]["meter"] = {"temperature": 0.5}
    spec["prompts"]["scores"] = prompt
    if rng.random() < 0.5:
        checks.append({"that": "missing(scores) or scores[0] > 1", "message": "a poor first answer"})


def _repeat(spec: dict[str, Any], rng: random.Random, seen: str, checks: list[Any]) -> None:
    grow: dict[str, Any] = {
        "repeat": "depth",
        "from": {"task": "topic"},
        "user": f"Round {{{{ round }}}} of {{{{ task }}}} {seen}",
        "writes": ["task"],
    }
    spec["fields"]["task"] = {"type": "string", "maxLength": rng.choice([30, 200])}
    if rng.random() < 0.5:
        grow["until"] = "contains(task, 'river')"
    if rng.random() < 0.5:
        grow["collect"] = "trail"
        spec["fields"]["trail"] = {"type": "array", "items": {"type": "string"}, "uniqueItems": rng.random() < 0.5}
    spec["prompts"]["grow"] = grow
    if rng.random() < 0.5:
        checks.append({"that": "not contains(task, 'owl')", "message": "no owl"})


def several_reply(request: Request) -> str:
    """What a request is answered with: a function of its key and its words."""
    from fan_out_specs import fan_out_reply

    if request.prompt == "scores":
        number = digest(request.key, [(m.role, str(m.content)) for m in request.messages])
        return json.dumps({"scores": random.Random(number).choice([0, 1, 2, 3, 4, "none"])})
    if request.prompt in ("answers", "grow", "notes"):
        number = digest(request.key, [(m.role, str(m.content)) for m in request.messages])
        own = random.Random(number)
        return " ".join(own.choices(WORDS, k=own.choice([1, 2, 2, 3])))
    return fan_out_reply(request)
