"""Tools that are rows of a source, drawn for each combination: which, what answers them, keys, bad rows, kills."""

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
from test_tools import SPEC, Spec, World, backend, is_agent, results

from synthspec.compiler import compile_spec
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Request, ToolCall

APIS = [
    {"name": f"api-{n}", "description": f"Gives {n}.", "area": ["refund", "parcel"][n % 2], "answer": answer,
     "parameters": {"what": {"type": "string"}} if n % 3 else None}
    for n, answer in enumerate(["seven", {"a": 1}, [1, 2], 5, "", None, "x", "y"])
]  # fmt: skip


def spec_of(tools: Any = None, apis: list[dict[str, Any]] | None = None, **sections: Any) -> Spec:
    spec: Spec = json.loads(json.dumps({**SPEC, **sections}))
    del spec["tools"]
    spec["parameters"] = {"goal": ["refund", "parcel"]}
    spec["sources"] = {"apis": {"rows": APIS if apis is None else apis}}
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = tools or {"from": "apis", "rows": 3}
    return spec


def call_first(request: Request) -> Any:
    """An agent that calls the first tool it is told of, and then speaks."""
    if is_agent(request) and request.values["turn"] == 1 and not results(request):
        needed = request.tools[0].parameters.get("required", ())
        return ToolCall("x", request.tools[0].name, dict.fromkeys(needed, "it"))
    return "the agent has looked"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_each_combination_draws_its_tools_and_the_row_answers(world: World) -> None:
    assert world.build(spec_of(rows=12), call_first).status == 0
    kits = [tuple(t["function"]["name"] for t in row["tools"]) for row in world.rows]
    assert all(len(set(kit)) == 3 for kit in kits) and len(set(kits)) > 6
    by_name = {a["name"]: a["answer"] for a in APIS}
    for row, kit in zip(world.rows, kits, strict=True):
        given = by_name[kit[0]]
        told = next(m["content"] for m in row["conversation"] if m["role"] == "tool")
        expected = given if isinstance(given, str) else json.dumps(given)
        assert told == ('{"error": "nothing was found"}' if given is None else expected)
    assert all([t.name for t in r.tools] == list(kits[r.combination]) for r in world.asked if is_agent(r))


def test_rows_can_be_chosen_by_where_and_by_likeness(world: World) -> None:
    assert world.build(spec_of({"from": "apis", "rows": 2, "where": "row.area == goal"}), call_first).status == 0
    area = {a["name"]: a["area"] for a in APIS}
    assert all({area[t["function"]["name"]] for t in row["tools"]} == {row["goal"]} for row in world.rows)
    like = {"from": "apis", "rows": 1, "nearest": "'Gives 3.'", "by": "description"}
    assert world.build(spec_of(like), call_first).status == 0
    assert {row["tools"][0]["function"]["name"] for row in world.rows} == {"api-3"}


def test_an_expression_or_a_prompt_answers_them(world: World) -> None:
    value = {"from": "apis", "rows": 2, "answer": {"value": "tool.name + ' for ' + goal"}}
    assert world.build(spec_of(value), call_first).status == 0
    for row in world.rows:
        told = next(m["content"] for m in row["conversation"] if m["role"] == "tool")
        assert told == f"{row['tools'][0]['function']['name']} for {row['goal']}"
    played = spec_of({"from": "apis", "rows": 2, "answer": {"prompt": "service"}})
    played["prompts"]["service"] = {"user": "You are {{ tool.name }}: {{ tool.description }} {{ arguments }}"}
    assert world.build(played, call_first).status == 0
    asked = [r for r in world.asked if r.prompt == "service"]
    assert len(asked) == 3 and {r.endpoint for r in asked} == {"service/talk.agent"}
    names = [row["tools"][0]["function"]["name"] for row in world.rows]
    assert all(r.messages[0].content.startswith(f"You are {names[r.combination]}: Gives") for r in asked)


def test_a_plain_prompt_draws_too_and_openai_schemas_are_read_as_text(world: World) -> None:
    whole = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    rows = [{"name": "w", "description": "Weather.", "parameters": json.dumps(whole), "answer": "rain"}]
    spec = spec_of(apis=rows)
    spec["prompts"] = {
        "talk": {"user": "I want {{ goal }}.", "tools": {"from": "apis", "rows": 1}, "writes": "conversation"}
    }

    def parts(request: Request) -> Any:
        return "It rains, I fear." if results(request) else ToolCall("x", "w", {"town": "Ulm"})

    assert world.build(spec, parts).status == 0
    assert world.rows[0]["tools"][0]["function"]["parameters"] == whole
    assert world.rows[0]["conversation"][2]["content"] == "rain"


def test_what_keeps_its_calls(world: World) -> None:
    world.build(spec_of(), call_first)
    before = len(world.asked)
    answers = [{**a, "answer": "other"} for a in APIS]
    world.build(spec_of(apis=answers), lambda r: "no need for that")
    assert before == 15 and len(world.asked) == 3 * 3  # the first message, and the call, are kept
    world.build(spec_of(apis=[*APIS, {**APIS[0], "name": "late"}]), call_first)
    assert len(world.asked) <= 12  # the customer's first message is kept whatever is drawn


def test_tools_that_share_a_name_lose_the_row_where_they_are_drawn_together(world: World) -> None:
    twice = [{**APIS[0], "area": "refund"}, {**APIS[0], "area": "refund"}, {**APIS[0], "area": "parcel"}]
    spec = spec_of({"from": "apis", "rows": 2, "where": "row.area == goal"}, twice)
    dataset = world.build(spec, lambda r: "no need for that")
    lost = (world.folder / "out/quarantine.jsonl").read_text(encoding="utf-8")
    assert dataset.status == 3 and {row["goal"] for row in world.rows} == {"parcel"}
    assert "two that were drawn are named 'api-0'" in lost


def test_the_plan_counts_what_is_declared(tmp_path: Path) -> None:
    asked = []
    for words in ("Short.", "long " * 400):
        path = tmp_path / "spec.yaml"
        rows = [{**a, "description": words} for a in APIS]
        path.write_text(yaml.safe_dump(spec_of(apis=rows), sort_keys=False), encoding="utf-8")
        compiled = compile_spec(path, {})
        assert compiled.spec is not None and compiled.ok
        report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
        asked.append(next(p.least.prompt_tokens for p in report.prompts if p.name == "talk/agent" and p.least))
    assert asked[1] - asked[0] > 3 * 300 * 6


@pytest.mark.parametrize("number", rest_slow(range(3), (2,)))
def test_order_concurrency_and_kills_change_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = [
        None,
        {"from": "apis", "rows": 2, "where": "row.area == goal"},
        {"from": "apis", "answer": {"prompt": "service"}},
    ]
    spec, dice = spec_of(tools[number], seed=number, rows=9, output={"formats": ["csv"]}), random.Random(number)
    if number == 2:
        spec["prompts"]["service"] = {"user": "You are {{ tool.name }} {{ arguments }}"}
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")

    def parts(request: Request) -> Any:
        mark = digest("drawn", number, request.key)
        if request.tools and mark % 3:
            chosen = request.tools[mark % len(request.tools)]
            return ToolCall("x", chosen.name, dict.fromkeys(chosen.parameters.get("required", ()), str(mark % 5)))
        return f"so it is number {mark % 100}" if mark % 7 else ""

    built_alike(path, tmp_path, monkeypatch, partial(backend, parts), dice)
