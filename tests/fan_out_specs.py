"""Specs drawn at random in which prompts make several rows of one, and replies to their requests that are a function of
the request alone."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from loopback import digest

from synthspec.spec.messages import Request

WORDS = "owl river lantern copper engine harbour velvet orchard signal timber weather bottle".split()


def fan_out_spec(number: int, folder: Path, **more: Any) -> Path:
    """A spec with up to three fan-outs, some with rules between rows, rows dropped, checks that send rows back."""
    rng = random.Random(number)
    fields: dict[str, Any] = {"topic": {"value": "topic"}}
    prompts: dict[str, Any] = {}
    checks: list[Any] = []
    seen, depth = "{{ topic }}", rng.choice([1, 1, 2, 2, 3])
    parameters: dict[str, Any] = {"topic": ["bill", "meter", "move"], "tags": {"values": [["a", "b"], ["b", "b"], []]}}
    more = {**drawn_lists(number, parameters), **more}
    if rng.random() < 0.3:
        fields["plot"] = {"type": "string"}
        prompts["plot"] = {"user": "A plot about {{ topic }}.", "writes": ["plot"]}
        seen = "{{ plot }}"
    written = ["plot"] if "plot" in fields else []
    for level in range(1, depth + 1):
        kind = (
            rng.choice(["rows", "rows", "each", "both", "tags"]) if level > 1 else rng.choice(["rows", "each", "tags"])
        )
        name = f"text{level}"
        fields[name] = {"type": "string", "words": {"min": rng.choice([1, 2])}}
        prompt: dict[str, Any] = {"writes": [name]}
        if kind in ("each", "both"):
            fields[f"list{level}"] = {"type": "array", "items": {"type": "string"}}
            if rng.random() < 0.3:
                fields[f"list{level}"] |= {"minItems": 2, "maxItems": 3}
            prompts[f"list{level}"] = {"user": f"List things about {seen}.", "writes": [f"list{level}"]}
            prompt["each"] = f"item{level} in list{level}"
        if kind == "tags":
            prompt["each"] = f"item{level} in tags"
        if kind in ("rows", "both"):
            prompt["rows"] = rng.choice([2, 3])
            prompt["format"] = "csv"
        item = f" and {{{{ item{level} }}}}" if "each" in prompt else ""
        above = seen if kind != "tags" or level > 1 or rng.random() < 0.7 else ""
        prompt["user"] = (
            f"Write {{{{ rows }}}} about {above}{item}." if "rows" in prompt else f"Write about {above}{item}."
        )
        if item and rng.random() < 0.5:
            fields[f"of{level}"] = {"value": f"upper(item{level})"}
        if rng.random() < 0.3 and level < depth:
            fields[f"size{level}"] = {"value": f"words(text{level})"}
        if kind == "tags" and level == 1 < depth and number % 4 == 3:  # no call
            fields = {n: f for n, f in fields.items() if n not in (name, f"size{level}")}
            fields[f"of{level}"] = {"value": f"upper(item{level})"}
            prompts[f"write{level}"] = {"each": f"item{level} in tags"}
            seen = f"{{{{ item{level} }}}}"
            continue
        prompts[f"write{level}"] = prompt
        written.append(name)
        seen = f"{{{{ {name} }}}}"
        if rng.random() < 0.3:
            checks.append({"that": f"words({name}) < 4", "message": f"too long: {{{{ {name} }}}}"})
    if rng.random() < 0.6:
        fields["score"] = {"type": "integer", "minimum": 1}
        prompts["rate"] = {"user": f"Rate {seen}", "writes": ["score"], "format": "json"}
        if rng.random() < 0.6:
            checks.append({"that": "score >= 3", "message": "dull"})
        if rng.random() < 0.5:
            checks.append({"that": "score != 5", "severity": "drop", "message": "scored {{ score }}"})
    if rng.random() < 0.4:
        checks.append({"that": f"not contains({rng.choice(written)}, 'velvet')", "severity": "drop"})
    novelty: dict[str, Any] = {}
    if rng.random() < 0.6:
        novelty = {"unique": [rng.choice(written)]}
        if rng.random() < 0.3:
            novelty["on_saturation"] = "stop"
    if rng.random() < 0.5:
        more = {"on_missing": "replace", **more}
    spec = {
        "synthspec": 1,
        "name": "calls",
        "rows": rng.choice([7, 20, 45]),
        "seed": number,
        "parameters": parameters,
        "prompts": prompts,
        "fields": fields,
        "checks": checks,
        "novelty": novelty,
        "repair": rng.random() < 0.8,
        "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
        "limits": {"attempts": rng.choice([1, 2, 3]), "combinations": 40},
        **more,
    }
    path = folder / "spec.yaml"
    path.write_text(json.dumps({k: v for k, v in spec.items() if v not in ([], {})}))
    return path


def drawn_lists(number: int, parameters: dict[str, Any]) -> dict[str, Any]:
    """Half of the specs go over lists that are drawn, some of them of another length for each combination."""
    if number % 2 == 0:
        return {}
    del parameters["tags"]
    parameters["size"] = [0, 1, 3]
    kinds: list[dict[str, Any]] = [
        {"values": {"a": 3, "b": 1}, "rows": "size"},
        {"pattern": "[a-f]{1,2}", "rows": "integer(0, 2)"},
        {"from": "docs", "column": "w", "rows": "size"},
        {"from": "docs", "column": "w", "rows": 2, "replacement": False},
    ]
    parameters["tags"] = kinds[number // 2 % 4]
    return {"sources": {"docs": {"rows": [{"w": w} for w in WORDS]}}}


def fan_out_reply(request: Request) -> str:
    """What a request is answered with: a function of its key and its words."""
    number = digest(request.key, [(m.role, str(m.content)) for m in request.messages])
    rng = random.Random(number)

    def text(at: int) -> str:
        own = random.Random(digest(number, at))
        return " ".join(own.choices(WORDS, k=own.choice([1, 2, 2, 3, 3, 4])))

    if request.prompt == "rate":
        return json.dumps({"score": rng.choice([1, 2, 3, 4, 4, 5, "none"])})
    if request.prompt.startswith("list"):
        return json.dumps(
            {request.prompt: [text(0)] * rng.choice([0, 1, 2]) + [text(n) for n in range(1, rng.choice([1, 2, 3]))]}
        )
    if request.prompt.startswith("write") and "csv" in request.messages[-1].content.casefold():
        count = max(0, request.rows - rng.choice([0, 0, 0, 1]))
        return "\n".join([request.prompt.replace("write", "text"), *(text(n) for n in range(count))])
    return text(0)
