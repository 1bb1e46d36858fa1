"""Tools: calls checked, repaired and answered, on a speaker and on a plain prompt; what models do wrong with them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from built_alike import built_alike
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import digest

import synthspec
from synthspec.compiler import compile_spec
from synthspec.generation.diffs.spec_diff import diff_specs
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.inference.accounting.token_estimates import PER_MESSAGE, expected_tokens, tool_tokens
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Reply, Request, ToolCall, ToolResult, Usage

Spec = dict[str, Any]
SPEC: Spec = {
    "synthspec": 1,
    "name": "calls",
    "rows": 3,
    "sources": {"orders": {"rows": [{"order": "AB123456", "state": "lost"}, {"order": "CD654321", "state": "sent"}]}},
    "parameters": {"goal": ["refund", "parcel"], "limit": [30]},
    "tools": {
        "order_status": {
            "description": "Where an order is.",
            "parameters": {"order": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$"}},
            "answer": {"from": "orders", "where": "row.order == order"},
        },
        "days_left": {
            "description": "Days left to send an order back.",
            "parameters": {
                "type": "object",
                "properties": {"days": {"type": "integer", "minimum": 0}, "note": {"type": "string"}},
                "required": ["days"],
                "additionalProperties": False,
            },
            "answer": {"value": "if days <= limit then limit - days else null"},
        },
    },
    "prompts": {
        "talk": {
            "dialogue": {
                "customer": {"system": "You want a {{ goal }}.", "as": "user"},
                "agent": {"system": "You help.", "as": "assistant", "tools": ["order_status", "days_left"]},
            },
            "turns": 2,
            "writes": "conversation",
        }
    },
    "fields": {"goal": {"value": "goal"}, "conversation": {"type": "messages", "words": {"min": 2, "max": 30}}},
    "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
    "limits": {"attempts": 3, "tool_rounds": 3},
    "output": {"formats": ["jsonl", "csv", "parquet"]},
}


class ToolBackend(FakeBackend):
    """Answers with what `reply` gives: a text, a call, or several."""

    async def complete(self, request: Request) -> Reply:
        found = await super().complete(request)
        made: Any = self.parts(request)
        parts = made if isinstance(made, tuple | list) else (made,)
        return found if isinstance(made, str) else Reply(parts, Usage(10, 20), "fake-1")

    parts: Callable[[Request], Any] = staticmethod(lambda request: "")


def backend(parts: Callable[[Request], Any], seed: int = 0, **options: Any) -> ToolBackend:
    def text(request: Request) -> str:
        made = parts(request)
        return made if isinstance(made, str) else ""

    fake = ToolBackend(text, seed, **options)
    fake.parts = parts
    return fake


class World:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.asked: list[Request] = []

    def build(self, spec: Spec, parts: Callable[[Request], Any]) -> Any:
        def noted(request: Request) -> Any:
            return parts(request)

        fake = backend(noted)
        self.asked = []
        inner = fake.complete

        async def complete(request: Request) -> Reply:
            self.asked.append(request)
            return await inner(request)

        fake.complete = complete  # type: ignore[method-assign]
        use(self.monkeypatch, fake)
        path = self.folder / "spec.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        return synthspec.build(path, out=self.folder / "out")

    @property
    def rows(self) -> list[dict[str, Any]]:
        lines = (self.folder / "out/calls.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def changed(**sections: Any) -> Spec:
    spec: Spec = json.loads(json.dumps(SPEC))
    for name, value in sections.items():
        spec[name] = {**spec[name], **value} if isinstance(value, dict) else value
    return spec


def is_agent(request: Request) -> bool:
    return request.endpoint.endswith("/agent")


def results(request: Request) -> list[str]:
    return [p.content for m in request.messages for p in m.parts if isinstance(p, ToolResult)]


def one_call(*calls: ToolCall) -> Callable[[Request], Any]:
    """An agent that calls tools once, in its first message, and then speaks."""

    def parts(request: Request) -> Any:
        if is_agent(request) and request.values["turn"] == 1 and not results(request):
            return calls
        return "the agent has looked" if is_agent(request) else "please look again"

    return parts


STATUS = ToolCall("toolu_xyz", "order_status", {"order": "AB123456"})


def test_a_call_is_answered_from_a_source_and_written_as_trainers_expect(world: World) -> None:
    dataset = world.build(SPEC, one_call(STATUS))
    assert dataset.status == 0 and len(world.asked) == 3 * 5
    row = world.rows[0]
    assert row["conversation"][:4] == [
        {"role": "user", "content": "please look again"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function",
                            "function": {"name": "order_status", "arguments": {"order": "AB123456"}}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "name": "order_status", "content": '{"order": "AB123456", "state": "lost"}'},
        {"role": "assistant", "content": "the agent has looked"},
    ]  # fmt: skip
    assert [t["function"]["name"] for t in row["tools"]] == ["order_status", "days_left"]
    assert row["tools"][0]["type"] == "function"
    assert row["tools"][0]["function"]["parameters"]["required"] == ["order"]
    agents = [r for r in world.asked if is_agent(r)]
    assert all([t.name for t in r.tools] == ["order_status", "days_left"] for r in agents)
    assert all(not r.tools and not results(r) for r in world.asked if not is_agent(r))
    table = pyarrow.parquet.read_table(world.folder / "out/calls.parquet").to_pylist()
    call = table[0]["conversation"][1]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"order": "AB123456"} and call["id"] == "call_1"
    tools = table[0]["tools"]
    assert json.loads(tools[0] if isinstance(tools, list) else tools)


def test_parallel_calls_and_several_rounds(world: World) -> None:
    def parts(request: Request) -> Any:
        if not is_agent(request):
            return "please look again"
        known = len(results(request))
        if known == 0:
            return STATUS, ToolCall("b", "days_left", {"days": 12})
        if known == 2:
            return "let me see more", ToolCall("c", "order_status", {"order": "ZZ000000"})
        return "the agent has looked"

    def with_text(request: Request) -> Any:
        made = parts(request)
        return (
            tuple(p if isinstance(p, ToolCall) else synthspec.spec.messages.Text(p) for p in made)
            if isinstance(made, tuple)
            else made
        )

    dataset = world.build(SPEC, with_text)
    assert dataset.status == 0
    talk = world.rows[0]["conversation"]
    assert [m["role"] for m in talk][:7] == ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"]
    assert [m["tool_call_id"] for m in talk if m["role"] == "tool"] == ["call_1", "call_2", "call_3"]
    assert [m["content"] for m in talk if m["role"] == "tool"] == [
        '{"order": "AB123456", "state": "lost"}', "18", '{"error": "nothing was found"}',
    ]  # fmt: skip
    assert talk[4]["content"] == "let me see more"


def test_a_model_that_never_calls_is_fine(world: World) -> None:
    dataset = world.build(SPEC, lambda r: "no need for that")
    assert dataset.status == 0 and len(world.asked) == 12
    assert all("tool_calls" not in m for row in world.rows for m in row["conversation"])


REPAIRED = {
    "number as text": (ToolCall("a", "days_left", {"days": "12"}), {"days": 12}, "18"),
    "float": (ToolCall("a", "days_left", {"days": 12.0}), {"days": 12}, "18"),
    "optional null": (ToolCall("a", "days_left", {"days": 12, "note": None}), {"days": 12}, "18"),
    "loose JSON": (ToolCall("a", "order_status", {}, "{order: 'CD654321',}"), {"order": "CD654321"}, '"sent"'),
    "value of null": (ToolCall("a", "days_left", {"days": 99}), {"days": 99}, "error"),
}  # fmt: skip


@pytest.mark.parametrize("name", REPAIRED)
def test_arguments_are_repaired_where_that_is_certain(world: World, name: str) -> None:
    call, arguments, told = REPAIRED[name]
    assert world.build(SPEC, one_call(call)).status == 0
    talk = world.rows[0]["conversation"]
    assert talk[1]["tool_calls"][0]["function"]["arguments"] == arguments and told in talk[2]["content"]
    assert len(world.asked) == 15


BAD = {
    "unknown tool": (ToolCall("a", "refund", {}), "tools: unknown tool", "there is no tool 'refund'"),
    "bad pattern": (ToolCall("a", "order_status", {"order": "12"}), "tools: bad arguments", "do not fit"),
    "missing": (ToolCall("a", "order_status", {}), "tools: bad arguments", "'order' is a required property"),
    "stray": (ToolCall("a", "days_left", {"days": 1, "colour": "red"}), "tools: bad arguments", "colour"),
    "no JSON": (ToolCall("a", "order_status", {}, "order AB123456"), "tools: bad arguments", "no JSON object"),
    "cut JSON": (ToolCall("a", "order_status", {}, '{"order": "AB1'), "tools: bad arguments", "no JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_call_is_asked_for_again_alone(world: World, name: str) -> None:
    call, rule, said = BAD[name]

    def parts(request: Request) -> Any:
        first = is_agent(request) and request.values["turn"] == 1 and request.attempt == 1
        return call if first else "here you are then"

    dataset = world.build(SPEC, parts)
    assert dataset.status == 0 and len(world.asked) == 3 * 5
    assert dataset.manifest["rejections"] == {rule: 3}
    again = [r for r in world.asked if r.attempt == 2]
    assert all(said in r.messages[-1].content and call.name in r.messages[-2].content for r in again)
    assert all("tool_calls" not in m for row in world.rows for m in row["conversation"])


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_never_calls_it_right_loses_the_row(world: World, name: str) -> None:
    call, _, said = BAD[name]
    dataset = world.build(SPEC, lambda r: call if is_agent(r) else "please look again")
    assert dataset.status == 3 and len(world.asked) == 3 * (1 + 3)
    lost = (world.folder / "out/quarantine.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lost) == 3 and all(said in line for line in lost)


MADE_UP = {
    "made up": 'Tool: {"state": "lost"}\nIt is lost, I am sorry.',
    "response": '<tool_response>{"state": "lost"}</tool_response> It is lost.',
    "result": "**Tool result:** lost\n\nIt is lost.",
}


@pytest.mark.parametrize("name", MADE_UP)
def test_an_answer_that_is_made_up_is_no_message(world: World, name: str) -> None:
    def parts(request: Request) -> Any:
        first = is_agent(request) and request.values["turn"] == 1 and request.attempt == 1
        return MADE_UP[name] if first else "here you are then"

    dataset = world.build(SPEC, parts)
    assert dataset.status == 0 and len(world.asked) == 3 * 5
    assert dataset.manifest["rejections"] == {"tools: call in the text": 3}
    assert all("tool" in r.messages[-1].content for r in world.asked if r.attempt == 2)


SPOKEN = (
    "I used order_status (a tool) for you, and it is lost.", "The tool says: it is lost.", 'Your {"order": 3} is lost.',
    "Here is the list: [1, 2]", '{"order": "AB123456", "state": "lost"} is all I have.', "My tools: a hammer and a saw.",
    "order_status: lost, as it seems", '```json\n{"state": "lost"}\n```\nThat is all I have.',
)  # fmt: skip


@pytest.mark.parametrize("text", SPOKEN)
def test_words_about_tools_are_words(world: World, text: str) -> None:
    dataset = world.build(SPEC, lambda r: text if is_agent(r) else "please look again")
    assert dataset.status == 0 and dataset.manifest["rejections"] == {}


def test_too_many_calls_at_once_are_asked_for_again(world: World) -> None:
    many = tuple(ToolCall(str(n), "days_left", {"days": n}) for n in range(17))

    def parts(request: Request) -> Any:
        if is_agent(request) and request.values["turn"] == 1 and not results(request):
            return many if request.attempt == 1 else many[:16]
        return "the agent has looked"

    dataset = world.build(SPEC, parts)
    assert dataset.status == 0 and dataset.manifest["rejections"] == {"tools: too many": 3}
    assert [sum(m["role"] == "tool" for m in row["conversation"]) for row in world.rows] == [16] * 3


@pytest.mark.parametrize("bad", ["", "...", "customer: thank you\nagent: my pleasure", "<think>It is lost</think>"])
def test_an_empty_or_foreign_turn_after_an_answer_is_asked_for_again(world: World, bad: str) -> None:
    def parts(request: Request) -> Any:
        if is_agent(request) and results(request) and request.attempt == 1 and request.values["turn"] == 1:
            return bad
        return one_call(STATUS)(request)

    dataset = world.build(SPEC, parts)
    assert dataset.status == 0 and len(world.asked) == 3 * 6
    assert [m["role"] for m in world.rows[0]["conversation"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
        "assistant",
    ]


def test_a_model_that_loops_is_stopped(world: World) -> None:
    dataset = world.build(SPEC, lambda r: STATUS if is_agent(r) else "please look again")
    assert dataset.status == 3 and len(world.asked) == 3 * (1 + 4)
    lost = (world.folder / "out/quarantine.jsonl").read_text(encoding="utf-8")
    assert lost.count("called tools 3 times in a row, as `limits.tool_rounds` allows") == 3


def test_a_speaker_without_tools_calls_none(world: World) -> None:
    dataset = world.build(SPEC, lambda r: STATUS if not is_agent(r) else "hello to you")
    assert dataset.status == 3
    assert "there is no tool 'order_status'; there are: none" in (world.folder / "out/quarantine.jsonl").read_text()


def test_a_plain_prompt_with_tools(world: World) -> None:
    spec = changed()
    spec["prompts"] = {"ask": {"system": "You help.", "user": "Where is AB123456? I want a {{ goal }}.",
                               "tools": "order_status", "writes": "conversation"}}  # fmt: skip
    spec["tools"].pop("days_left")

    def parts(request: Request) -> Any:
        return "It is lost, sorry." if results(request) else STATUS

    dataset = world.build(spec, parts)
    assert dataset.status == 0 and len(world.asked) == 6
    row = world.rows[0]
    assert [m["role"] for m in row["conversation"]] == ["user", "assistant", "tool", "assistant"]
    assert row["conversation"][0]["content"] == f"Where is AB123456? I want a {row['goal']}."
    assert next((m.role, m.content) for m in world.asked[0].messages) == ("system", "You help.")


def test_tools_by_an_expression(world: World) -> None:
    spec = changed()
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = (
        "if goal == 'refund' then ['days_left'] else ['order_status']"
    )
    assert world.build(spec, lambda r: "no need for that").status == 0
    assert {(row["goal"], row["tools"][0]["function"]["name"]) for row in world.rows} == {
        ("refund", "days_left"), ("parcel", "order_status"),
    }  # fmt: skip


def test_what_changes_the_key(world: World) -> None:
    world.build(SPEC, one_call(STATUS))
    edits: list[tuple[Callable[[Spec], Any], int]] = [
        (lambda s: s["tools"]["days_left"]["answer"].update(value="days"), 0),
        (lambda s: s["limits"].update(tool_rounds=9), 0),
        (lambda s: s["backend"].update(base_url="http://127.0.0.1:2/v1"), 0),  # no server in a key
        (lambda s: s["tools"]["days_left"].update(description="Other words."), 12),
        (lambda s: s["tools"]["days_left"]["parameters"]["properties"]["days"].update(minimum=1), 12),
    ]
    for edit, calls in edits:
        spec = changed()
        edit(spec)
        assert world.build(spec, one_call(STATUS)).status == 0
        assert len(world.asked) == calls


def test_the_column_is_written_where_columns_are_listed_only_if_it_is(world: World) -> None:
    for columns, wanted in (
        ([], ["goal", "conversation", "tools"]), (["conversation"], ["conversation"]),
        (["tools", "conversation"], ["tools", "conversation"]),
    ):  # fmt: skip
        assert world.build(changed(output={"columns": columns} if columns else {}), one_call(STATUS)).status == 0
        assert [list(row) for row in world.rows] == [wanted] * 3


@pytest.mark.parametrize("which", ["conversation", "second", "plain"])
def test_a_shape_keeps_the_tools_of_its_own_conversation(world: World, which: str) -> None:
    spec = changed(output={"shape": {"kind": "messages", "messages": which}, "formats": ["jsonl"]})
    speakers = {"ann": {"as": "user"}, "bob": {"as": "assistant"}}
    spec["prompts"]["plain"] = {"dialogue": speakers, "turns": 1, "writes": "plain"}
    armed = {**speakers, "bob": {"as": "assistant", "tools": "days_left"}}
    spec["prompts"]["second"] = {"dialogue": armed, "turns": 1, "writes": "second"}
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = "order_status"
    spec["fields"] |= {"plain": {"type": "messages"}, "second": {"type": "messages"}}
    assert world.build(spec, lambda r: "no need for that").status == 0
    wanted = {"conversation": ["order_status"], "second": ["days_left"], "plain": None}[which]
    for row in world.rows:
        assert ([t["function"]["name"] for t in row["tools"]] if "tools" in row else None) == wanted


def test_tools_by_the_name_of_a_parameter(world: World) -> None:
    spec = changed(parameters={"kit": {"values": [["days_left"], ["order_status", "days_left"], []]}})
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = "kit"
    assert world.build(spec, lambda r: "no need for that").status == 0
    assert sorted(len(row["tools"]) for row in world.rows) == [0, 1, 2]


def test_tools_by_an_expression_that_names_none_lose_the_row(world: World) -> None:
    words = {"word": {"values": ["days_left", "spade"]}, "kit": {"value": "[word]"}}  # no list that `check` sees
    spec = changed(parameters=words)
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = "kit"
    dataset = world.build(spec, lambda r: "no need for that")
    lost = (world.folder / "out/quarantine.jsonl").read_text(encoding="utf-8")
    assert dataset.status == 3 and "the tools of agent: there is no tool 'spade'" in lost


def test_diff_tells_of_what_is_declared(tmp_path: Path) -> None:
    answer, words, limit = changed(), changed(), changed()
    answer["tools"]["days_left"]["answer"]["value"] = "days"
    words["tools"]["days_left"]["description"] = "Other words."
    limit["limits"]["tool_rounds"] = 9
    compiled = {}
    for name, spec in (("old", SPEC), ("answer", answer), ("words", words), ("limit", limit)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        compiled[name] = compile_spec(path, {})
    found = {n: diff_specs(compiled["old"], compiled[n]).prompts[0] for n in ("answer", "words", "limit")}
    assert {n: (d.same, d.new, d.gone) for n, d in found.items()} == {
        "answer": (12, 0, 0), "words": (3, 9, 9), "limit": (12, 0, 0),
    }  # fmt: skip


FIELD_READERS: dict[str, dict[str, Any]] = {
    "value": {"value": "mood + ' about ' + order"},
    "where": {"from": "orders", "where": "row.order == order and len(mood) > 0"},
}


@pytest.mark.parametrize("name", FIELD_READERS)
def test_an_answer_may_read_a_field_that_a_prompt_wrote_before(world: World, name: str) -> None:
    spec = changed()
    spec["prompts"] = {"mood": {"user": "A mood for {{ goal }}.", "writes": ["mood"]}, **spec["prompts"]}
    spec["fields"]["mood"] = {"type": "string"}
    spec["tools"]["order_status"]["answer"] = FIELD_READERS[name]

    def parts(request: Request) -> Any:
        return f"calm {request.values['goal']}" if request.prompt == "mood" else one_call(STATUS)(request)

    assert world.build(spec, parts).status == 0 and len(world.asked) == 3 * 6
    told = [(row["goal"], row["conversation"][2]["content"]) for row in world.rows]
    wanted = {"value": "calm {} about AB123456", "where": '{{"order": "AB123456", "state": "lost"}}'}[name]
    assert all(content == wanted.format(goal) for goal, content in told)
    assert [r.prompt for r in world.asked].index("mood") == 0  # the talk waits for what its tool reads


def test_an_answer_that_reads_an_item_brings_the_talk_to_its_level(world: World) -> None:
    spec = changed(rows=4)
    spec["prompts"] = {
        "list": {"user": "Two facts on {{ goal }}.", "writes": ["facts"]},
        "title": {"each": "fact in facts", "user": "A title for {{ fact }}.", "writes": ["title"]},
        **spec["prompts"],
    }
    spec["fields"] |= {"facts": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
                       "title": {"type": "string"}}  # fmt: skip
    spec["tools"]["order_status"]["answer"] = {"value": "fact + ': ' + order"}

    def parts(request: Request) -> Any:
        if request.prompt == "list":
            return json.dumps({"facts": ["it is red", "it is late"]})
        return "a good title" if request.prompt == "title" else one_call(STATUS)(request)

    assert world.build(spec, parts).status == 0
    told = [row["conversation"][2]["content"] for row in world.rows]
    assert told == ["it is red: AB123456", "it is late: AB123456"] * 2


@pytest.mark.parametrize("shape", ["messages", "sharegpt"])
def test_shapes_keep_calls_and_tools(world: World, shape: str) -> None:
    spec = changed(output={"shape": {"kind": shape}})
    assert world.build(spec, one_call(STATUS)).status == 0
    row = world.rows[0]
    assert row["tools"][0]["function"]["name"] == "order_status"
    if shape == "messages":
        assert row["messages"][1]["tool_calls"][0]["id"] == "call_1" and row["messages"][2]["role"] == "tool"
    else:
        assert [t["from"] for t in row["conversations"]][:4] == ["human", "function_call", "observation", "gpt"]


@pytest.mark.parametrize("number", rest_slow(range(8), (1,)))
def test_order_concurrency_and_kills_change_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = changed(rows=9, seed=number, output={"formats": ["csv"]})
    path, dice = tmp_path / "spec.yaml", random.Random(number)
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")

    def parts(request: Request) -> Any:
        mark = digest("tools", number, request.key)
        calls = [STATUS, (STATUS, ToolCall("b", "days_left", {"days": mark % 50})), ToolCall("c", "refund", {}),
                 ToolCall("d", "days_left", {"days": "soon"})]  # fmt: skip
        if is_agent(request) and mark % 3:
            return calls[mark % 4]
        return f"so it is number {mark % 100}" if mark % 11 else ""

    built_alike(path, tmp_path, monkeypatch, partial(backend, parts), dice)


def test_the_embedded_model_and_replay_serve(world: World) -> None:
    world.build(SPEC, one_call(STATUS))
    rows = world.rows
    again = synthspec.build(world.folder / "spec.yaml", out=world.folder / "again", backend="replay:out/run.sqlite")
    lines = (world.folder / "again/calls.jsonl").read_text(encoding="utf-8").splitlines()
    assert again.status == 0 and [json.loads(line) for line in lines] == rows
    assert synthspec.build(world.folder / "spec.yaml", out=world.folder / "ngram", backend="ngram").status == 0


def test_a_sound_spec_has_no_diagnostics(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC, sort_keys=False), encoding="utf-8")
    assert compile_spec(path, {}).diagnostics == ()


def test_the_plan_counts_rounds_of_tools(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC, sort_keys=False), encoding="utf-8")
    compiled = compile_spec(path, {})
    assert compiled.spec is not None
    report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
    calls = {p.name: (p.least.calls if p.least else None, p.calls) for p in report.prompts}
    assert calls == {"talk/customer": (None, 6), "talk/agent": (6, 24)}


def test_the_plan_counts_what_rounds_of_tools_leave_in_the_talk(world: World) -> None:
    spec = changed(limits={"attempts": 1, "tool_rounds": 2}, rows=4)
    spec["sources"]["orders"]["rows"] = [{"order": "AB123456", "state": "lost " * 60}]
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = "order_status"

    def parts(request: Request) -> Any:
        if is_agent(request) and len(results(request)) < 2 * request.values["turn"]:
            return STATUS
        return "the agent has looked" if is_agent(request) else "please look again"

    assert world.build(spec, parts).status == 0
    sent = sum(sum(expected_tokens(m.content or m.shown) + PER_MESSAGE // 2 for m in r.messages)
               + tool_tokens(r.tools) for r in world.asked if is_agent(r))  # fmt: skip
    compiled = compile_spec(world.folder / "spec.yaml")
    assert compiled.spec is not None
    report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
    agent = next(p for p in report.prompts if p.name == "talk/agent")
    assert agent.calls == sum(map(is_agent, world.asked)) == 4 * 2 * 3
    assert agent.least is not None and agent.prompt_tokens is not None and agent.least.prompt_tokens is not None
    assert agent.least.prompt_tokens < sent and abs(agent.prompt_tokens / sent - 1) < 0.15
