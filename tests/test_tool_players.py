"""Prompts that play tools: what they see, how their replies become answers, what is asked again, keys, plan, kills."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from built_alike import built_alike
from depth import one_in
from fake_backend import use
from loopback import digest
from test_tools import SPEC, Spec, World, backend, is_agent, one_call, results

import synthspec
from synthspec.compiler import compile_spec
from synthspec.generation.diffs.spec_diff import diff_specs
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Request, Text, ToolCall

WEATHER = ToolCall("x", "weather", {"town": "Ulm"})


def spec_of(fields: dict[str, Any] | None = None, **sections: Any) -> Spec:
    """A talk with a tool that the prompt `service` plays."""
    spec: Spec = json.loads(json.dumps({**SPEC, **sections}))
    answer: dict[str, Any] = {"prompt": "service"} | ({"fields": fields} if fields else {})
    spec["tools"] = {
        "weather": {
            "description": "The weather of a town.",
            "parameters": {
                "type": "object",
                "properties": {"town": {"type": "string"}, "day": {"type": "string"}},
                "required": ["town"],
                "additionalProperties": False,
            },
            "answer": answer,
        }
    }
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = ["weather"]
    spec["parameters"].pop("limit", None)
    spec["prompts"]["service"] = {
        "system": "You are the {{ tool.name }} service.",
        "user": "The weather of {{ town }}{% if day %} on {{ day }}{% endif %}, for a {{ goal }}.",
    }
    return spec


def served(*calls: ToolCall, answer: Callable[[Request], Any] = lambda r: "Rain, 12 degrees.") -> Any:
    """An agent that calls tools in its first message, and a service that answers."""
    talk = one_call(*calls)
    return lambda request: answer(request) if request.prompt == "service" else talk(request)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def of_service(world: World) -> list[Request]:
    return [r for r in world.asked if r.prompt == "service"]


def test_a_prompt_plays_a_tool_and_writes_no_field(world: World) -> None:
    dataset = world.build(spec_of(), served(WEATHER))
    assert dataset.status == 0 and len(world.asked) == 3 * 6
    row = world.rows[0]
    assert row["conversation"][2] == {
        "role": "tool", "tool_call_id": "call_1", "name": "weather", "content": "Rain, 12 degrees.",
    }  # fmt: skip
    assert set(row) == {"goal", "conversation", "tools"}
    asked = of_service(world)
    assert {r.endpoint for r in asked} == {"service/weather"}
    said = [[(m.role, m.content.split("\n")[0]) for m in request.messages] for request in asked]
    assert [  # the calls of other rows may come before
        ("system", "You are the weather service."), ("user", f"The weather of Ulm, for a {row['goal']}."),
    ] in said  # fmt: skip


def test_an_answer_of_fields_is_a_map_and_its_rules_are_kept(world: World) -> None:
    fields = {"degrees": {"type": "integer", "minimum": -40, "maximum": 50}, "sky": {"enum": ["clear", "rain"]}}

    def answer(request: Request) -> str:
        return '{"degrees": 300, "sky": "rain"}' if request.attempt == 1 else '{"degrees": "12", "sky": "rain"}'

    dataset = world.build(spec_of(fields), served(WEATHER, answer=answer))
    assert dataset.status == 0
    assert json.loads(world.rows[0]["conversation"][2]["content"]) == {"degrees": 12, "sky": "rain"}
    asked = of_service(world)
    assert [r.attempt for r in asked].count(2) == 3 and dataset.manifest["rejections"] == {"maximum(degrees)": 3}
    assert all("300" in r.messages[-2].content for r in asked if r.attempt == 2)


def test_a_tool_whose_player_never_answers_loses_the_row_with_the_reason(world: World) -> None:
    dataset = world.build(spec_of(), served(WEATHER, answer=lambda r: ""))
    assert dataset.status == 3 and len(of_service(world)) == 9
    lost = (world.folder / "out/quarantine.jsonl").read_text(encoding="utf-8")
    assert lost.count("the tool weather: ") >= 3


def test_the_same_call_has_the_same_answer_and_others_their_own(world: World) -> None:
    other = ToolCall("y", "weather", {"town": "Ulm", "day": "Monday"})

    def parts(request: Request) -> Any:
        if request.prompt == "service":
            return f"answer {digest(request.key) % 10**6}"
        if is_agent(request) and request.values["turn"] == 1 and not results(request):
            return WEATHER, other, WEATHER
        if is_agent(request) and request.values["turn"] == 2 and len(results(request)) == 3:
            return WEATHER
        return "so it is then"

    assert world.build(spec_of(), parts).status == 0
    told = [m["content"] for m in world.rows[0]["conversation"] if m["role"] == "tool"]
    assert told[0] == told[2] == told[3] != told[1] and len(of_service(world)) == 3 * 2
    assert sum(" on Monday" in r.messages[1].content for r in of_service(world)) == 3


def test_arguments_come_before_parameters_and_special_names(world: World) -> None:
    spec = spec_of()
    names = {"goal": {"type": "string"}, "rows": {"type": "integer"}, "tool": {"type": "string"}}
    spec["tools"]["weather"]["parameters"] = names
    spec["prompts"]["service"] = {"user": "{{ goal }} {{ rows }} {{ tool }} {{ arguments.rows }}"}
    call = ToolCall("x", "weather", {"goal": "mine", "rows": 77, "tool": "spade"})
    assert world.build(spec, served(call)).status == 0
    assert {r.messages[0].content.split("\n")[0] for r in of_service(world)} == {"mine 77 spade 77"}


def test_a_player_reads_what_the_row_has(world: World) -> None:
    spec = spec_of()
    spec["prompts"] = {"mood": {"user": "A mood for {{ goal }}.", "writes": ["mood"]}, **spec["prompts"]}
    spec["prompts"]["service"]["user"] = "{{ town }}, {{ mood }}, {{ arguments | length }}"
    spec["fields"]["mood"] = {"type": "string"}

    def parts(request: Request) -> Any:
        return f"calm {request.values['goal']}" if request.prompt == "mood" else served(WEATHER)(request)

    assert world.build(spec, parts).status == 0
    assert {r.messages[1].content.split("\n")[0] for r in of_service(world)} == {
        "Ulm, calm refund, 1",
        "Ulm, calm parcel, 1",
    }


def test_a_player_has_its_own_backend_format_and_messages(world: World) -> None:
    spec = spec_of({"sky": {"type": "string"}, "wind": {"type": "string"}})
    spec["prompts"]["service"] = {
        "messages": [{"user": "Ulm?"}, {"assistant": "sky: clear"}, {"user": "{{ town }}?"}],
        "format": "pairs",
        "backend": {"model": "small", "temperature": 0.1},
    }
    dataset = world.build(spec, served(WEATHER, answer=lambda r: "sky: grey\nwind: strong"))
    assert dataset.status == 0
    assert json.loads(world.rows[0]["conversation"][2]["content"]) == {"sky": "grey", "wind": "strong"}
    compiled = compile_spec(world.folder / "spec.yaml", {})
    assert compiled.spec is not None and compiled.spec.players["service/weather"].prompt.backend is not None
    report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
    assert {p.name: p.backend for p in report.prompts}["service/weather"] == "openai:small"


def test_what_an_edit_of_a_player_asks_again(world: World) -> None:
    world.build(spec_of(), served(WEATHER))
    edits: list[tuple[Callable[[Spec], Any], int]] = [
        (lambda s: s["limits"].update(tool_rounds=9), 0),
        (lambda s: s["checks"].append("len(conversation) > 1"), 0),
        (lambda s: s["prompts"]["service"].update(system="You are a service."), 12),  # and what builds on its answer
        (lambda s: s["prompts"]["talk"].update(turns=3), 6),
    ]
    for edit, calls in edits:
        spec = spec_of(checks=[])
        edit(spec)
        assert world.build(spec, served(WEATHER)).status == 0
        assert len(world.asked) == calls


@pytest.mark.parametrize("number", one_in(3, range(5)))
def test_order_concurrency_and_kills_change_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(number)
    fields = {"sky": {"enum": ["clear", "rain", "snow"]}, "degrees": {"type": "integer"}}
    spec = spec_of(fields if number % 2 else None, rows=9, seed=number, output={"formats": ["csv"]})
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")

    def parts(request: Request) -> Any:
        mark = digest("players", number, request.key)
        if request.prompt == "service":
            good = json.dumps({"sky": "rain", "degrees": mark % 40}) if number % 2 else f"{mark % 40} degrees"
            return good if mark % 4 else ""
        other = ToolCall("b", "weather", {"town": f"Town {mark % 3}"})
        if is_agent(request) and mark % 3:
            return [WEATHER, (other, WEATHER), (Text("let me see"), other), ToolCall("d", "weather", {})][mark % 4]
        return f"so it is number {mark % 100}"

    built_alike(path, tmp_path, monkeypatch, partial(backend, parts), dice, cuts=3)


def test_replay_serves_players_and_the_embedded_model_plays(world: World) -> None:
    world.build(spec_of(), served(WEATHER))
    rows = world.rows
    again = synthspec.build(world.folder / "spec.yaml", out=world.folder / "again", backend="replay:out/run.sqlite")
    lines = (world.folder / "again/calls.jsonl").read_text(encoding="utf-8").splitlines()
    assert again.status == 0 and [json.loads(line) for line in lines] == rows
    spec = spec_of({"sky": {"enum": ["clear", "rain"]}, "report": {"type": "string"}})
    spec["prompts"]["service"]["backend"] = {"provider": "ngram"}
    assert world.build(spec, served(WEATHER)).status == 0
    answers = [json.loads(m["content"]) for row in world.rows for m in row["conversation"] if m["role"] == "tool"]
    assert len(answers) == 3 and all(a["sky"] in ("clear", "rain") and a["report"] for a in answers)


def reported(folder: Path, spec: Spec) -> Any:
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    compiled = compile_spec(path, {})
    assert compiled.spec is not None and not compiled.diagnostics, compiled.diagnostics
    return report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)


def test_the_plan_counts_from_no_answer_to_one_a_round(tmp_path: Path) -> None:
    spec = spec_of()
    spec["backend"]["prices"] = {"prompt": 1, "completion": 2}
    report = reported(tmp_path, spec)
    (player,) = (p for p in report.prompts if p.name == "service/weather")
    assert player.least is not None and (player.least.calls, player.calls) == (0, 3 * 2 * 3)
    assert player.least.cost == 0 < player.cost < report.worst["cost"]
    assert "The weather of ‹town›" in str(report.samples[0]["prompts"]["service/weather"])
    assert report.worst["calls"] >= 18 * 16 * 9
    many = reported(tmp_path, {**spec, "limits": {**spec["limits"], "tool_rounds": 6}})
    assert next(p.calls for p in many.prompts if p.name == "service/weather") == 36


def test_diff_tells_of_a_player(tmp_path: Path) -> None:
    old, new, gone = spec_of(), spec_of(), spec_of()
    new["prompts"]["service"]["user"] += " Be brief."
    del gone["prompts"]["service"]
    gone["tools"]["weather"]["answer"] = {"value": "town"}
    compiled = {}
    for name, spec in (("old", old), ("new", new), ("gone", gone)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False))
        compiled[name] = compile_spec(path, {})
    for one, other, expected in (
        ("old", "old", (3, 0, 0)), ("old", "new", (0, 3, 3)), ("old", "gone", (0, 0, 3)), ("gone", "old", (0, 3, 0)),
    ):  # fmt: skip
        found = {p.name: p for p in diff_specs(compiled[one], compiled[other]).prompts}["service/weather"]
        assert (found.same, found.new, found.gone) == expected


def test_preview_shows_what_the_player_was_asked(world: World) -> None:
    path = world.folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec_of(), sort_keys=False), encoding="utf-8")
    use(world.monkeypatch, backend(served(WEATHER)))
    found = asyncio.run(preview(path))
    assert [c["completion"] for c in found.calls if c["prompt"] == "service"] == ["Rain, 12 degrees."]


async def preview(path: Path) -> Any:
    from synthspec.generation.preview import preview_rows

    compiled = compile_spec(path, {})
    assert compiled.spec is not None
    return await preview_rows(compiled.spec, compiled.tables, 1, path.parent / "preview")


def test_a_budget_counts_the_answers(world: World) -> None:
    spec = spec_of()
    spec["limits"]["requests"] = 4
    dataset = world.build(spec, served(WEATHER))
    assert dataset.status == 3 and len(world.asked) == 4
