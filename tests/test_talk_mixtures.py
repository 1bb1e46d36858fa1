"""Dialogues, tools, players and drawn tools with fan-outs, drops and substitutes, drawn at random: any order and any
kill gives the same dataset."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from built_alike import built_alike
from depth import rest_slow
from loopback import digest
from test_tools import Spec, backend

from synthspec.compiler import compile_spec
from synthspec.spec.messages import Request, ToolCall

APIS = [
    {"name": f"api-{n}", "description": f"Gives {n}.", "parameters": {"what": {"type": "string"}}} for n in range(5)
]


def mixture(dice: random.Random) -> Spec:
    """A spec with one talk that uses tools, and up to six things beside it."""
    spec: Spec = {
        "synthspec": 1, "name": "calls", "rows": dice.choice([4, 7, 10]), "seed": dice.randrange(99),
        "sources": {"apis": {"rows": APIS}, "places": {"rows": [{"place": "Ulm", "river": "Danube"}, {"place": "Bonn", "river": "Rhine"}]}},
        "parameters": {"goal": ["refund", "parcel"], "size": "integer(1, 3)"},
        "tools": {
            "look": {"description": "Look it up.", "parameters": {"what": {"type": "string"}}, "answer": {"prompt": "service"}},
            "river": {"description": "A river.", "parameters": {"place": {"type": "string"}},
                      "answer": {"from": "places", "where": "row.place == place"}},
        },
        "prompts": {
            "talk": {"dialogue": {"guest": {"system": "You want {{ goal }}.", "as": "user"},
                                  "host": {"system": "You help.", "as": "assistant", "tools": ["look", "river"]}},
                     "turns": dice.choice([1, 2, {"min": 1, "max": 3}, "size"]), "writes": "talk"},
            "service": {"user": "{{ tool.name }} {{ arguments }} {{ goal }}"},
        },
        "fields": {"goal": {"value": "goal"}, "talk": {"type": "messages", "words": {"max": 40}}},
        "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
        "limits": {"attempts": 3, "tool_rounds": dice.choice([1, 2, 4])},
        "output": {"formats": ["csv"]},
    }  # fmt: skip
    talk, host = spec["prompts"]["talk"], spec["prompts"]["talk"]["dialogue"]["host"]
    if isinstance(talk["turns"], dict):
        talk["until"] = dice.choice(["guest matches '[0-4]$'", "turn >= 2"])
    if dice.random() < 0.4:
        host["tools"] = {"from": "apis", "rows": 2, "answer": {"prompt": "service"}}
        del spec["tools"]
    elif dice.random() < 0.5:
        spec["tools"]["look"]["answer"]["fields"] = {"found": {"type": "integer", "minimum": 5}}
    if dice.random() < 0.5:
        talk["dialogue"]["guest"]["opening"] = "I ask for a {{ goal }} today"
    if dice.random() < 0.5:
        spec["prompts"]["facts"] = {"user": "Facts on {{ goal }}.", "writes": ["facts"]}
        spec["prompts"]["title"] = {"each": "fact in facts", "user": "A title for {{ fact }}.", "writes": ["title"]}
        spec["fields"] |= {"facts": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3}, "title": {"type": "string"}}  # fmt: skip
        spec["prompts"]["service"]["user"] += dice.choice([" {{ fact }}", " {{ title }}", ""])
    if dice.random() < 0.4:
        spec["prompts"]["note"] = {
            "user": "Note on {{ talk | length }}" + (", {{ title }}." if "title" in spec["fields"] else "."),
            "rows": dice.choice([1, 2]),
            "writes": ["note"],
        }
        spec["fields"]["note"] = {"type": "string"}
    if dice.random() < 0.4:
        spec["checks"] = [{"that": "not (talk[0].content matches '3$')", "severity": dice.choice(["drop", "error"])}]
    if dice.random() < 0.4:
        spec["on_missing"] = "replace"
    if dice.random() < 0.3:
        spec["prompts"]["plain"] = {"user": "Help with {{ goal }}.", "tools": {"from": "apis", "rows": 1, "answer": {"value": "tool.name + goal"}}, "writes": "plain"}  # fmt: skip
        spec["fields"]["plain"] = {"type": "messages"}
    return spec


def reply_of(number: int, request: Request) -> Any:
    """What the models say: mostly well, at times not."""
    mark = digest("mixture", number, request.key)
    if request.prompt == "facts":
        return json.dumps({"facts": [f"fact {n} {mark % 7}" for n in range(1 + mark % 3)]})
    if request.prompt in ("service", "note", "title"):
        if request.prompt == "service" and request.constraint.json_schema is not None:
            return json.dumps({"found": mark % 20})
        if request.prompt == "note" and request.rows > 1:
            return json.dumps({"rows": [{"note": f"note {n} {mark % 9}"} for n in range(request.rows)]})
        return "" if mark % 8 == 0 else f"some words {mark % 50}"
    if request.tools and mark % 5 < 3:
        chosen = [request.tools[(mark + n) % len(request.tools)] for n in range(1 + mark % 2)]
        calls = [
            ToolCall(f"x{n}", t.name, dict.fromkeys(t.parameters["required"], "Ulm")) for n, t in enumerate(chosen)
        ]
        return [tuple(calls), ToolCall("y", "spade", {}), tuple(calls)][mark % 3]
    return "" if mark % 13 == 0 else f"so it is number {mark % 30}"


@pytest.mark.parametrize("number", rest_slow(range(80), (0, 2)))
def test_order_concurrency_and_kills_change_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(number)
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(mixture(dice), sort_keys=False), encoding="utf-8")
    assert compile_spec(path, {}).ok, compile_spec(path, {}).diagnostics
    built_alike(path, tmp_path, monkeypatch, partial(backend, partial(reply_of, number)), dice)
