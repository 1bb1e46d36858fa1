"""Dialogues: whose turn it is, what each speaker sees, what is asked again, what keeps its key, and when a talk ends."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from built_alike import built_alike
from click.testing import CliRunner
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import digest

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec
from synthspec.generation.diffs.spec_diff import diff_specs
from synthspec.generation.estimates.plan_report import PlanReport, report_plan
from synthspec.inference.accounting.token_estimates import expected_tokens
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Request

Spec = dict[str, Any]
BASE: Spec = {
    "synthspec": 1,
    "name": "calls",
    "rows": 6,
    "seed": 3,
    "parameters": {"goal": ["refund", "parcel", "address"]},
    "prompts": {
        "talk": {
            "dialogue": {
                "customer": {"system": "You want: {{ goal }}. Exchange {{ turn }}.", "as": "user"},
                "agent": {"system": "You are the help desk.", "as": "assistant"},
            },
            "turns": 3,
            "writes": ["conversation"],
        }
    },
    "fields": {"goal": {"value": "goal"}, "conversation": {"type": "messages", "words": {"min": 2, "max": 30}}},
    "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
    "limits": {"attempts": 3},
    "output": {"formats": ["csv", "jsonl"]},
}


def spec_of(**changes: Any) -> Spec:
    """The spec with parts of its talk and its sections changed."""
    spec: Spec = json.loads(json.dumps(BASE))
    for name, value in changes.items():
        if name in ("turns", "until", "dialogue", "when", "instructions", "backend_of_talk"):
            spec["prompts"]["talk"][name.removesuffix("_of_talk")] = value
        elif isinstance(value, dict):
            spec.setdefault(name, {}).update(value)
        else:
            spec[name] = value
    return spec


def speaker_of(request: Request) -> str:
    return request.endpoint.partition("/")[2]


def plain(request: Request) -> str:
    """A message that names what it answers."""
    heard = request.messages[-1].content[-30:] if request.messages[-1].role == "user" else ""
    return f"{speaker_of(request)} says number {len(request.messages)} {digest(request.key, heard) % 97}."


class World:
    """A folder, a backend in this process, and builds that are counted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.asked: list[Request] = []

    def build(self, spec: Spec, reply: Any = plain, **options: Any) -> Any:
        def noted(request: Request) -> str:
            self.asked.append(request)
            return str(reply(request))

        self.asked = []
        use(self.monkeypatch, FakeBackend(noted))
        path = self.folder / "spec.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        return synthspec.build(path, out=self.folder / "out", **options)

    @property
    def talks(self) -> list[list[dict[str, Any]]]:
        lines = (self.folder / "out/calls.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["conversation"] for line in lines]

    def by_speaker(self) -> Counter[str]:
        return Counter(map(speaker_of, self.asked))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_speakers_take_turns_in_the_order_declared(world: World) -> None:
    dataset = world.build(spec_of())
    assert dataset.status == 0 and len(world.asked) == 6 * 6
    assert world.by_speaker() == {"customer": 18, "agent": 18}
    assert all([m["role"] for m in talk] == ["user", "assistant"] * 3 for talk in world.talks)
    assert all(set(m) == {"role", "content"} for talk in world.talks for m in talk)


def test_each_sees_the_talk_from_its_own_side(world: World) -> None:
    spec = spec_of(rows=1, turns=2)
    said = iter(["Good morning to you", "What is it", "My parcel is late", "We will look"])
    world.build(spec, lambda r: next(said))
    seen = [[(m.role, m.content) for m in r.messages if m.role != "system"] for r in world.asked]
    assert seen == [
        [("user", "Begin the conversation.")],
        [("user", "Good morning to you")],
        [("user", "Begin the conversation."), ("assistant", "Good morning to you"), ("user", "What is it")],
        [("user", "Good morning to you"), ("assistant", "What is it"), ("user", "My parcel is late")],
    ]
    systems = [r.messages[0].content for r in world.asked]
    assert ["Exchange 1." in systems[0], "Exchange 2." in systems[2]] == [True, True]
    assert "You are the help desk." in systems[1] and "2 to 30 words" in systems[1]


def test_instructions_can_be_left_out(world: World) -> None:
    world.build(spec_of(rows=1, instructions="none"))
    assert {r.messages[0].content for r in world.asked if speaker_of(r) == "agent"} == {"You are the help desk."}


def test_three_speakers_are_named_to_each_other(world: World) -> None:
    speakers = {
        "ana": {"as": "user", "system": "You are Ana."}, "ben": {"as": "user", "system": "You are Ben."},
        "clerk": {"as": "assistant"},
    }  # fmt: skip
    said = iter(
        ["I want it back", "So do I then", "You both will", "Thank you so much", "Me too of course", "Not at all"]
    )
    world.build(spec_of(rows=1, turns=2, dialogue=speakers), lambda r: next(said))
    views = [[(m.role, m.content) for m in r.messages if m.role != "system"] for r in world.asked]
    assert views[2] == [("user", "ana: I want it back\n\nben: So do I then")]
    assert views[4] == [
        ("user", "ana: I want it back"),
        ("assistant", "So do I then"),
        ("user", "clerk: You both will\n\nana: Thank you so much"),
    ]
    assert [(m["role"], m.get("name")) for m in world.talks[0]][:3] == [
        ("user", "ana"),
        ("user", "ben"),
        ("assistant", "clerk"),
    ]


def test_an_opening_is_said_without_a_call(world: World) -> None:
    spec = spec_of()
    spec["prompts"]["talk"]["dialogue"]["customer"]["opening"] = "Hello, I need a {{ goal }}"
    dataset = world.build(spec)
    assert dataset.status == 0 and world.by_speaker() == {"customer": 12, "agent": 18}
    goals = [json.loads(line)["goal"] for line in (world.folder / "out/calls.jsonl").read_text().splitlines()]
    assert [t[0]["content"] for t in world.talks] == [f"Hello, I need a {g}" for g in goals]


def test_all_may_open_without_a_call(world: World) -> None:
    spec = spec_of(turns=1)
    for name, speaker in spec["prompts"]["talk"]["dialogue"].items():
        speaker["opening"] = f"This is {name}"
    dataset = world.build(spec)
    assert dataset.status == 0 and not world.asked
    assert world.talks[0] == [
        {"role": "user", "content": "This is customer"},
        {"role": "assistant", "content": "This is agent"},
    ]


# --- how long a talk is


@pytest.mark.parametrize("turns", [1, 2, 5, "2 + 1", {"min": 2, "max": 2}])
def test_a_fixed_number_of_exchanges(world: World, turns: Any) -> None:
    count = {"2 + 1": 3}.get(turns, turns) if not isinstance(turns, dict) else 2
    assert world.build(spec_of(turns=turns)).status == 0
    assert {len(t) for t in world.talks} == {2 * count}


def test_turns_by_a_parameter(world: World) -> None:
    spec = spec_of(turns="length", parameters={"length": [1, 2, 4]})
    spec["fields"]["length"] = {"type": "integer", "value": "length"}
    assert world.build(spec).status == 0
    rows = [json.loads(line) for line in (world.folder / "out/calls.jsonl").read_text().splitlines()]
    assert {(r["length"], len(r["conversation"])) for r in rows} == {(1, 2), (2, 4), (4, 8)}


def test_until_is_looked_at_after_whole_exchanges_from_min_on(world: World) -> None:
    spec = spec_of(turns={"min": 2, "max": 5}, until="customer matches 'bye'")

    def reply(request: Request) -> str:
        ends = {"refund": 1, "parcel": 3, "address": 9}
        goal = request.values["goal"]
        return (
            "bye for now"
            if speaker_of(request) == "customer" and request.values["turn"] >= ends[goal]
            else "go on please"
        )

    assert world.build(spec, reply).status == 0
    rows = [json.loads(line) for line in (world.folder / "out/calls.jsonl").read_text().splitlines()]
    assert {(r["goal"], len(r["conversation"]) // 2) for r in rows} == {("refund", 2), ("parcel", 3), ("address", 5)}


def test_until_reads_the_exchange_and_the_other_speaker(world: World) -> None:
    assert world.build(spec_of(turns={"min": 1, "max": 6}, until="turn >= 2 and words(agent) > 1")).status == 0
    assert {len(t) for t in world.talks} == {4}


@pytest.mark.parametrize("bad", [0, -1, 1000])
def test_turns_that_come_to_no_number_lose_the_row_with_the_reason(world: World, bad: int) -> None:
    spec = spec_of(turns=f"if extra == 1 then {bad} * len(goal) else 2", parameters={"extra": "integer(1, 1)"})
    dataset = world.build(spec)
    assert dataset.status == 3 and not world.asked
    lost = [json.loads(line) for line in (world.folder / "out/quarantine.jsonl").read_text().splitlines()]
    assert all("`turns` is" in str(row) for row in lost) and len(lost) == 6


@pytest.mark.parametrize(("turns", "draw", "code"), [
    ("extra", "integer(0, 3)", "E486"), ("extra - 2", "integer(2, 4)", "E486"), ("1000 * extra", "integer(1, 2)", "E486"),
    ("extra", "integer(1, 3)", ""), ("clip(extra, 1, 4)", "integer(0, 9)", ""), ("max(1, extra)", "integer(0, 9)", ""),
    ("if extra > 0 then extra else 1", "integer(0, 3)", ""), ("extra", "if 1 > 0 then integer(0, 2) else 1", ""),
])  # fmt: skip
def test_turns_that_may_come_to_no_number_are_told_where_it_is_known(
    turns: str, draw: str, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec_of(turns=turns, parameters={"extra": draw})), encoding="utf-8")
    found = [d.code for d in compile_spec(path).diagnostics if d.severity == "error"]
    assert found == ([code] if code else [])


@pytest.mark.parametrize(("turns", "wanted", "until", "code"), [
    (3, {"min": 4}, "", "E454"), (3, {"max": 2}, "", "E454"), (3, {"min": 3, "max": 3}, "", ""),
    ({"min": 1, "max": 4}, {"min": 5}, "turn > 2", "E454"), ({"min": 1, "max": 4}, {"max": 2}, "turn > 2", ""),
    ({"min": 3, "max": 4}, {"max": 2}, "turn > 2", "E454"), ("if goal == 'parcel' then 1 else 5", {"min": 4}, "", ""),
])  # fmt: skip
def test_a_field_that_no_talk_can_fit(turns: Any, wanted: Any, until: str, code: str, tmp_path: Path) -> None:
    spec = spec_of(turns=turns, **({"until": until} if until else {}))
    spec["fields"]["conversation"]["turns"] = wanted
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = [d.code for d in compile_spec(path).diagnostics if d.severity == "error"]
    assert found == ([code] if code else [])


# --- what is asked again

BAD = {
    "rule": ("no", "words(conversation)", "2 to 30 words wanted, 1 written"),
    "empty": ("  ", "turn: empty turn", "says nothing"),
    "other": ("Well then.\nAgent: I am the agent.\nCustomer: And I am not.", "turn: speaks for another", "the message holds what"),
    "filler": ("[your message here]", "turn: placeholder", "placeholder"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_message_that_breaks_a_rule_is_asked_for_again_alone(world: World, name: str) -> None:
    bad, rule, said = BAD[name]

    def reply(request: Request) -> str:
        second = request.values["turn"] == 2 and speaker_of(request) == "customer"
        return bad if second and request.attempt == 1 else plain(request)

    dataset = world.build(spec_of(), reply)
    assert dataset.status == 0 and len(world.asked) == 6 * 7
    assert dataset.manifest["rejections"] == {rule: 6}
    again = [r for r in world.asked if r.attempt == 2]
    assert len(again) == 6 and all(said in r.messages[-1].content for r in again)
    assert all(bad not in m["content"] for t in world.talks for m in t) or name == "empty"


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_never_does_it_right_loses_the_row_with_the_reason(world: World, name: str) -> None:
    bad, rule, said = BAD[name]
    dataset = world.build(spec_of(), lambda r: bad if speaker_of(r) == "agent" else plain(r))
    assert dataset.status == 3 and len(world.asked) == 6 * (1 + 3)
    lost = [json.loads(line) for line in (world.folder / "out/quarantine.jsonl").read_text().splitlines()]
    assert len(lost) == 6 and all(said in json.dumps(row) for row in lost)
    assert dataset.manifest["rejections"][rule] == 18


def test_a_check_on_the_talk_begins_it_again(world: World) -> None:
    spec = spec_of(checks=["not (conversation[0].content matches 'grumpy')"])

    def reply(request: Request) -> str:
        first = "An earlier attempt" not in request.messages[0].content
        return "a grumpy hello" if first and speaker_of(request) == "customer" else plain(request)

    dataset = world.build(spec, reply)
    assert dataset.status == 0 and len(world.asked) == 6 * 12
    told = [r.messages[0].content for r in world.asked if "An earlier attempt" in r.messages[0].content]
    assert len(told) == 36 and all("does not hold" in t for t in told)


def test_a_rule_of_the_whole_talk_begins_it_again(world: World) -> None:
    spec = spec_of(turns={"min": 1, "max": 4}, until="customer matches 'bye'")
    spec["fields"]["conversation"]["turns"] = {"min": 2}

    def reply(request: Request) -> str:
        first = "An earlier attempt" not in request.messages[0].content
        return "bye and thanks" if first and speaker_of(request) == "customer" else plain(request)

    dataset = world.build(spec, reply)
    assert dataset.status == 0 and {len(t) for t in world.talks} == {8}
    assert dataset.manifest["rejections"] == {"turns(conversation)": 6}


def test_a_talk_that_never_passes_its_check_is_lost_after_so_many_attempts(world: World) -> None:
    dataset = world.build(spec_of(checks=["len(conversation) > 99"]))
    assert dataset.status == 3 and len(world.asked) == 6 * 6 * 3


def test_cleaned_messages_are_judged_and_written_and_the_speakers_hear_what_was_said(world: World) -> None:
    spec = spec_of(rows=1)
    spec["fields"]["conversation"]["clean"] = ["no_emoji", "strip"]
    world.build(spec, lambda r: "good day 😀")
    assert {m["content"] for m in world.talks[0]} == {"good day"}
    assert any("good day 😀" in m.content for m in world.asked[-1].messages)


# --- what keeps its key


def keys(world: World) -> set[str]:
    return {r.key for r in world.asked}


def test_more_exchanges_keep_the_first(world: World) -> None:
    world.build(spec_of(turns=2))
    four, before = [t[:4] for t in world.talks], len(world.asked)
    world.build(spec_of(turns=3))
    assert before == 24 and len(world.asked) == 12
    assert [t[:4] for t in world.talks] == four


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({"until": "customer matches 'never'", "turns": {"min": 1, "max": 3}}, 0), ({"limits": {"attempts": 5}}, 0),
        ({"checks": ["len(conversation) == 6"]}, 0), ({"output": {"formats": ["jsonl"]}}, 0),
        ({"fields": {"conversation": {"type": "messages", "words": {"min": 1, "max": 99}}}}, 0),
        ({"rows": 7}, 6), ({"turns": 4}, 12), ({"seed": 3}, 0),
    ],
)  # fmt: skip
def test_an_edit_makes_only_the_calls_that_it_changes(world: World, changes: Spec, calls: int) -> None:
    world.build(spec_of())
    world.build(spec_of(**changes))
    assert len(world.asked) == calls


def test_another_word_to_the_second_speaker_keeps_the_first_message(world: World) -> None:
    world.build(spec_of())
    spec = spec_of()
    spec["prompts"]["talk"]["dialogue"]["agent"]["system"] = "You are a grumpy help desk."
    world.build(spec)
    assert len(world.asked) == 30 and not any(len(r.messages) == 2 for r in world.asked if speaker_of(r) == "customer")


def test_rows_of_the_same_words_are_different_calls(world: World) -> None:
    world.build(spec_of(rows=9), lambda r: "the same words")
    assert len({r.key for r in world.asked}) == len(world.asked) == 54


# --- speakers' backends


def test_each_speaker_has_its_own_backend(world: World) -> None:
    spec = spec_of(rows=2)
    spec["prompts"]["talk"]["dialogue"]["agent"]["backend"] = {"model": "large", "temperature": 0.25}
    world.build(spec)
    assert {(speaker_of(r), r.temperature) for r in world.asked} == {("customer", None), ("agent", None)}
    assert [p.backend for p in report_of(world.folder / "spec.yaml").prompts] == ["openai:m", "openai:large"]
    shown = report_of(world.folder / "spec.yaml", {"backend": "openai:other"})
    assert {p.backend for p in shown.prompts} == {"openai:other"}


OF = {"refund": {"model": "a"}, "parcel": {"model": "b", "temperature": 0.25}, "address": {"model": "m"}}


@pytest.mark.parametrize("where", ["speaker", "prompt", "field"])
def test_a_backend_is_chosen_for_each_talk(where: str, world: World) -> None:
    spec = spec_of()
    given = {"choose": "goal" if where != "field" else "wish", "of": OF}
    if where == "prompt":
        spec["prompts"]["talk"]["backend"] = given
        spec["prompts"]["talk"]["dialogue"]["customer"]["backend"] = {"model": "m"}
    else:
        spec["prompts"]["talk"]["dialogue"]["agent"]["backend"] = given
    if where == "field":
        spec["prompts"]["wish"] = {
            "user": "What is wanted? {{ goal }}",
            "writes": "wish",
            "format": "text",
            "instructions": "none",
        }
        spec["fields"]["wish"] = {"type": "string", "enum": list(OF)}

    def reply(request: Request) -> str:
        return plain(request) if request.prompt == "talk" else request.messages[-1].content.split()[-1]

    assert world.build(spec, reply).status == 0
    spoken = {(r.endpoint, r.values["goal"]) for r in world.asked if r.endpoint.startswith("talk/agent")}
    assert spoken == {(f"talk/agent={goal}", goal) for goal in OF}
    talks = [r for r in world.asked if r.prompt == "talk"]
    assert len(talks) == 36 and {speaker_of(r).partition("=")[0] for r in talks} == {"customer", "agent"}
    counts = {p.name: (p.least.calls if p.least else p.calls, p.calls, p.backend)
              for p in report_of(world.folder / "spec.yaml").prompts if p.name.startswith("talk/agent")}  # fmt: skip
    least, most = (6, 6) if where != "field" else (0, 18)
    assert counts == {f"talk/agent={g}": (least, most, f"openai:{OF[g]['model']}") for g in OF}
    shown = report_of(world.folder / "spec.yaml", {"backend": "openai:other"})
    assert {p.backend for p in shown.prompts} == {"openai:other"}
    if where != "field":
        edited = json.loads(json.dumps(spec).replace('"parcel": {"model": "b"', '"parcel": {"model": "c"'))
        told = diff_specs(*(compiled_of(world, s) for s in (spec, edited)))
        assert sum(p.new for p in told.prompts) == 2 * 5, told  # from the agent's first message on
        world.build(edited, reply)
        assert len(world.asked) == 2 * 5


def test_the_key_of_a_chosen_backend_is_that_of_the_backend(world: World) -> None:
    spec = spec_of(parameters={"goal": ["parcel"]})
    spec["prompts"]["talk"]["dialogue"]["agent"]["backend"] = {"model": "b", "temperature": 0.25}
    world.build(spec)
    keys = {r.key for r in world.asked}
    spec["prompts"]["talk"]["dialogue"]["agent"]["backend"] = {"choose": "goal", "of": {"parcel": OF["parcel"]}}
    assert world.build(spec).status == 0 and not world.asked and len(keys) == 36


def test_a_choice_that_nothing_lists_loses_the_row(world: World) -> None:
    spec = spec_of(rows=3)
    spec["prompts"]["talk"]["dialogue"]["customer"]["backend"] = {
        "choose": "if goal == 'refund' then 'x' else goal + ''",
        "of": OF,
    }
    dataset = world.build(spec)
    assert dataset.status == 3 and dataset.manifest["funnel"]["kept"] == 2
    assert "`backend.choose` of customer gives 'x', which `of` does not list" in (
        world.folder / "out/quarantine.jsonl"
    ).read_text(encoding="utf-8")


def compiled_of(world: World, spec: Spec) -> Any:
    path = world.folder / "compared.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    compiled = compile_spec(path)
    assert compiled.ok, compiled.diagnostics
    return compiled


def report_of(path: Path, overrides: dict[str, str] | None = None) -> PlanReport:
    compiled = compile_spec(path, overrides or {})
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    return report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)


def test_the_plan_shows_calls_and_cost_as_ranges(tmp_path: Path) -> None:
    spec = spec_of(rows=10, turns={"min": 2, "max": 5}, until="turn > 3")
    spec["backend"]["prices"] = {"prompt": 1, "completion": 2}
    spec["prompts"]["talk"]["dialogue"]["customer"]["opening"] = "I want a {{ goal }}"
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    report = report_of(path)
    names = {p.name: (p.least.calls if p.least else None, p.calls) for p in report.prompts}
    assert names == {"talk/customer": (10, 40), "talk/agent": (20, 50)}
    assert (report.least["calls"], report.expected["calls"]) == (30, 90)
    assert 0 < report.least["cost"] < report.expected["cost"] < report.worst["cost"]
    assert report.worst["calls"] == 90 * 9
    shown = CliRunner().invoke(cli, ["plan", str(path)]).output
    assert "10–40" in shown and "30–90" in shown
    spec["prompts"]["talk"]["turns"] = 3
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    fixed = report_of(path)
    assert all(p.least is None for p in fixed.prompts) and fixed.least == fixed.expected


def test_what_is_expected_is_near_to_what_is_sent(world: World) -> None:
    world.build(spec_of(turns=4), lambda r: "word " * 16)
    report = report_of(world.folder / "spec.yaml")
    sent = sum(expected_tokens(m.content) for r in world.asked for m in r.messages)
    assert report.expected["calls"] == len(world.asked)
    assert 0.6 * sent < (report.expected["prompt_tokens"] or 0) < 1.6 * sent


@pytest.mark.parametrize(
    ("changes", "same", "new", "gone"),
    [
        ({}, 36, 0, 0), ({"turns": 4}, 36, 12, 0), ({"turns": 2}, 24, 0, 12), ({"rows": 7}, 36, 6, 0),
        ({"until": "turn > 1", "turns": {"min": 1, "max": 3}}, 36, 0, 0),
        ({"fields": {"conversation": {"type": "messages"}}}, 36, 0, 0),
    ],
)  # fmt: skip
def test_diff_counts_messages(tmp_path: Path, changes: Spec, same: int, new: int, gone: int) -> None:
    assert diffed(tmp_path, spec_of(), spec_of(**changes)) == (same, new, gone)


def diffed(folder: Path, old: Spec, new: Spec) -> tuple[int, int, int]:
    compiled = []
    for name, spec in (("old", old), ("new", new)):
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False))
        compiled.append(compile_spec(path, {}))
    (found,) = diff_specs(*compiled).prompts
    return found.same, found.new, found.gone


def test_diff_of_a_word_to_one_speaker(tmp_path: Path) -> None:
    agent, customer = spec_of(), spec_of()
    agent["prompts"]["talk"]["dialogue"]["agent"]["system"] = "You are grumpy."
    customer["prompts"]["talk"]["dialogue"]["customer"]["system"] = "You want: {{ goal }}."
    assert diffed(tmp_path, spec_of(), agent) == (6, 30, 30)
    assert diffed(tmp_path, spec_of(), customer) == (0, 36, 36)
    plain_talk = spec_of()
    plain_talk["prompts"]["talk"] = {"user": "A talk.", "format": {"turns": {"A": "user", "B": "assistant"}}}
    assert diffed(tmp_path, plain_talk, spec_of()) == (0, 36, 6)
    assert diffed(tmp_path, spec_of(), plain_talk) == (0, 6, 36)


# --- null talks, and what builds on talks


def test_a_false_when_gives_no_talk(world: World) -> None:
    spec = spec_of(when="goal != 'refund'")
    spec["fields"]["conversation"]["optional"] = True
    assert world.build(spec).status == 0
    rows = [json.loads(line) for line in (world.folder / "out/calls.jsonl").read_text().splitlines()]
    assert {(r["goal"], r["conversation"] is None) for r in rows} == {
        ("refund", True),
        ("parcel", False),
        ("address", False),
    }


def test_a_prompt_may_read_a_talk_and_a_talk_a_prompt(world: World) -> None:
    spec = spec_of(rows=3)
    spec["prompts"] = {
        "mood": {"user": "A mood for {{ goal }}", "writes": ["mood"]},
        **spec["prompts"],
        "judge": {
            "user": "Judge: {% for m in conversation %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
            "writes": ["score"],
        },
    }
    spec["prompts"]["talk"]["dialogue"]["customer"]["system"] = "Mood: {{ mood }}"
    spec["fields"] |= {"mood": {"type": "string"}, "score": {"type": "integer", "minimum": 1, "maximum": 5}}

    def reply(request: Request) -> str:
        if request.prompt == "judge":
            return '{"score": 4}'
        return "calm and kind" if request.prompt == "mood" else plain(request)

    dataset = world.build(spec, reply)
    assert dataset.status == 0 and len(world.asked) == 3 * 8
    assert all("Mood: calm and kind" in r.messages[0].content for r in world.asked if speaker_of(r) == "customer")
    assert any("assistant: agent says" in r.messages[-1].content for r in world.asked if r.prompt == "judge")


# --- any engine, any order, killed anywhere


def wild_spec(number: int, folder: Path) -> Path:
    """A spec of dialogues drawn at random; all calls but few are good."""
    dice = random.Random(number)
    spec = spec_of(
        rows=dice.choice([5, 12, 20]), seed=number, turns=dice.choice([1, 3, {"min": 1, "max": 4}, "1 + len(goal) % 3"])
    )
    if isinstance(spec["prompts"]["talk"]["turns"], dict):
        spec["prompts"]["talk"]["until"] = dice.choice(["customer matches '[0-4]$'", "turn >= 2"])
    speakers = spec["prompts"]["talk"]["dialogue"]
    if dice.random() < 0.4:
        speakers["customer"]["opening"] = "I ask for a {{ goal }} today"
    if dice.random() < 0.3:
        speakers["boss"] = {"as": "assistant", "system": "You are the boss of {{ goal }}."}
    if dice.random() < 0.5:
        spec["checks"] = ["not (conversation[1].content matches '7')"]
    if dice.random() < 0.5:
        spec["fields"]["note"] = {"type": "string"}
        spec["prompts"]["note"] = {"user": "Note on {{ conversation[0].content }}", "writes": ["note"]}
    if dice.random() < 0.4:
        spec["novelty"] = {"near_duplicates": {"fields": ["conversation"], "similarity": 0.9}}
    spec["repair"] = dice.random() < 0.8
    spec["output"] = {"formats": ["csv"]}
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return path


def wild_reply(request: Request) -> str:
    mark = digest("wild", request.key)
    if mark % 9 == 0:
        return ["", "no", "Hello.\nCustomer: and you?", "..."][mark % 4]
    return f"{'Indeed so it is' if mark % 2 else 'That may well be'} {mark % 1000} {mark % 10}"


@pytest.mark.parametrize("number", rest_slow(range(60), (3,)))
def test_order_concurrency_and_kills_change_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dice = wild_spec(number, tmp_path), random.Random(number + 500)

    built_alike(path, tmp_path, monkeypatch, partial(FakeBackend, wild_reply), dice, at=(3, 64), cuts=3)


def test_a_run_is_replayed(world: World) -> None:
    world.build(spec_of())
    talks = world.talks
    path = world.folder / "spec.yaml"
    dataset = synthspec.build(path, out=world.folder / "again", backend="replay:out/run.sqlite")
    assert dataset.status == 0
    lines = (world.folder / "again/calls.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["conversation"] for line in lines] == talks


def test_the_embedded_model_speaks_too(tmp_path: Path) -> None:
    spec = spec_of(turns={"min": 1, "max": 3}, until="turn >= 2")
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    dataset = synthspec.build(path, out=tmp_path / "out", backend="ngram")
    assert dataset.status == 0 and dataset.manifest["funnel"]["kept"] == 6


def test_the_embedded_model_learns_a_speaker_from_the_column_of_its_name(world: World) -> None:
    said = [f"{word} I would like to hear more about the {word} please" for word in ("owl", "lamp", "brook", "stone")]
    told = [f"Here you are with all that we know of the {word} today" for word in ("owl", "lamp", "brook", "stone")]
    turns = [1, 1, 2, 2]
    spec = spec_of(turns=2)
    spec["backend"] = {"provider": "ngram"}
    spec["fields"]["conversation"] = {"type": "messages", "words": {"min": 2, "max": 30}}
    spec["sources"] = {
        "others": {"rows": [{"customer": "Ann Lee", "agent": "Bo"}, {"customer": "Cy", "agent": "Di"}]},
        "chats": {"rows": [{"customer": s, "agent": t, "turn": n} for s, t, n in zip(said, told, turns, strict=True)]},
    }
    path = world.folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    assert synthspec.build(path, out=world.folder / "out").status == 0
    assert len(world.talks) == 6
    for talk in world.talks:
        for message in talk:
            words = set(message["content"].rstrip(".").split())
            known = said if message["role"] == "user" else told
            assert words <= set(" ".join(known).split()), message
