"""Fields of `type: messages`: written, judged message by message, read in expressions and templates, put into files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow.parquet
import pytest
from fake_backend import FakeBackend, use

import synthspec
from synthspec.spec.messages import Request

SPEC = """
    synthspec: 1
    name: talks
    rows: 6
    seed: 4
    parameters:
      goal: [a refund, an address change, a lost parcel]
    prompts:
      talk:
        user: Write a talk between a customer who wants {{ goal }} and an agent.
        format: {turns: {Customer: user, Agent: assistant}}
        writes: conversation
      sum:
        user: |-
          Sum up in five words:
          {% for m in conversation %}{{ m.role }}: {{ m.content }}
          {% endfor %}
        writes: summary
        backend: openai:second
    fields:
      goal: {value: goal}
      conversation: {type: messages, turns: {min: 1, max: 3}, words: {min: 2, max: 8}, rejects: '(?i)as an ai', clean: [no_emoji, strip]}
      summary: {words: {max: 20}}
      length: {type: integer, value: len(conversation)}
      opening: {value: "conversation[0].content"}
    checks:
      - conversation[0].role == 'user'
    backend: {provider: openai, model: loop, base_url: http://127.0.0.1:9/v1}
    output: {formats: [jsonl, csv, parquet]}
"""
GOOD = "Customer: I want it now 😀\nAgent: Here it is\nCustomer: Many thanks indeed"


def built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Callable[[Request], str], text: str = SPEC, **more: str
) -> Any:
    for old, new in more.items():
        text = text.replace(old, new)
    path = tmp_path / "spec.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    fake = FakeBackend(reply)
    use(monkeypatch, fake)
    dataset = synthspec.build(path, out=tmp_path / "out")
    dataset_calls = fake.total
    return dataset, fake, dataset_calls


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "talks.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_conversation_from_reply_to_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> str:
        asked.append(request)
        return GOOD if request.prompt == "talk" else "They talk it over."

    dataset, _, _ = built(tmp_path, monkeypatch, reply)
    assert dataset.status == 0
    rows = lines(dataset.folder)
    talk = [
        {"role": "user", "content": "I want it now"},
        {"role": "assistant", "content": "Here it is"},
        {"role": "user", "content": "Many thanks indeed"},
    ]
    assert [r["conversation"] for r in rows] == [talk] * 6
    assert {(r["length"], r["opening"]) for r in rows} == {(3, "I want it now")}
    sums = [r.messages[-1].content for r in asked if r.prompt == "sum"]
    assert all("user: I want it now\nassistant: Here it is\nuser: Many thanks indeed" in s for s in sums)
    told = next(r.messages[-1].content for r in asked if r.prompt == "talk")
    assert "1 to 3 messages by Customer" in told and "2 to 8 words" in told

    table = pyarrow.parquet.read_table(dataset.folder / "talks.parquet")
    struct = table.schema.field("conversation").type.value_type
    assert [struct.field(i).name for i in range(struct.num_fields)] == ["role", "content"]
    assert table.column("conversation").to_pylist() == [talk] * 6
    header, first = (dataset.folder / "talks.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert header == "goal,conversation,summary,length,opening"
    assert '"[{""role"":""user"",""content"":""I want it now""}' in first


FAULTY = {
    "words": ("Customer: I want it\nAgent: No", "words(conversation)", "message 2 (assistant): 2 to 8 words wanted, 1 written"),
    "rejects": ("Customer: I want it\nAgent: Well as an AI no", "rejects(conversation)", "message 2 (assistant): must not contain"),
    "turns": ("Customer: I want\nAgent: No no\n" * 4, "turns(conversation)", "1 to 3 messages by the user wanted, 4 written"),
    "emptied": ("Customer: 😀\nAgent: Not at all", "type(conversation)", "message 1 is empty"),
    "check": ("Agent: Hello there\nCustomer: I want it", "check: conversation[0].role == 'user'", "does not hold"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_a_rule_holds_for_each_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    bad, rule, said = FAULTY[name]
    told: list[str] = []

    def reply(request: Request) -> str:
        if request.prompt == "sum":
            return "They talk it over."
        if request.attempt == 1:
            return bad
        told.append(request.messages[-1].content)
        return GOOD

    dataset, _, calls = built(tmp_path, monkeypatch, reply)
    assert dataset.status == 0 and len(lines(dataset.folder)) == 6
    assert calls == 18 if name != "check" else calls >= 18
    assert dataset.manifest["rejections"][rule] == 6
    assert all(said in t for t in told) and len(told) == 6


JSON_REPLIES = {
    "plain": '{"conversation": [{"role": "user", "content": "I want it"}, {"role": "assistant", "content": "Take it then"}]}',
    "more members": '{"conversation": [{"turn": 1, "role": "user", "content": "I want it"}, {"turn": 2, "role": "assistant", "content": "Take it then"}]}',
    "capitals": '{"conversation": [{"Role": "User", "Content": "I want it"}, {"Role": "Assistant", "Content": "Take it then"}]}',
    "sharegpt": '{"conversation": [{"from": "human", "value": "I want it"}, {"from": "gpt", "value": "Take it then"}]}',
    "wrapped": '{"conversation": {"messages": [{"role": "user", "content": "I want it"}, {"role": "assistant", "content": "Take it then"}]}}',
}  # fmt: skip
FORMAT = "format: {turns: {Customer: user, Agent: assistant}}"


@pytest.mark.parametrize("name", JSON_REPLIES)
def test_json_in_several_spellings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def reply(request: Request) -> str:
        return JSON_REPLIES[name] if request.prompt == "talk" else "They talk."

    dataset, _, calls = built(tmp_path, monkeypatch, reply, SPEC.replace(FORMAT, "format: json"))
    assert calls == 12
    talk = [{"role": "user", "content": "I want it"}, {"role": "assistant", "content": "Take it then"}]
    assert [r["conversation"] for r in lines(dataset.folder)] == [talk] * 6


NO_TALKS = [
    '{"conversation": [{"role": "user", "content": "I want it"}]}', '{"conversation": "Customer: Hi"}',
    '{"conversation": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "I want"}, {"role": "assistant", "content": "Take it"}]}',
    '{"conversation": [{"role": "user", "content": 4}, {"role": "assistant", "content": "Take it"}]}',
    '{"conversation": [{"role": "narrator", "content": "They meet here"}, {"role": "assistant", "content": "Take it"}]}',
    '{"conversation": []}', '{"conversation": [["user", "I want it"]]}', '{"conversation": [{"role": "user"}]}',
]  # fmt: skip


@pytest.mark.parametrize("bad", NO_TALKS)
def test_what_is_no_talk_is_asked_for_again_and_then_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    dataset, _, calls = built(tmp_path, monkeypatch, lambda r: bad, SPEC.replace(FORMAT, "format: json"))
    assert dataset.status == 3 and calls == 24 and not lines(dataset.folder)


SHAPES = {
    "messages": {"messages": [{"role": "user", "content": "I want it now"}, {"role": "assistant", "content": "Here it is"},
                              {"role": "user", "content": "Many thanks indeed"}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "I want it now"}, {"from": "gpt", "value": "Here it is"},
                                   {"from": "human", "value": "Many thanks indeed"}]},
    "{kind: messages, messages: conversation, system: summary}": {
        "messages": [{"role": "system", "content": "They talk."}, {"role": "user", "content": "I want it now"},
                     {"role": "assistant", "content": "Here it is"}, {"role": "user", "content": "Many thanks indeed"}]},
    "{kind: sharegpt, messages: conversation, system: summary, keep: goal}": {
        "conversations": [{"from": "system", "value": "They talk."}, {"from": "human", "value": "I want it now"},
                          {"from": "gpt", "value": "Here it is"}, {"from": "human", "value": "Many thanks indeed"}],
        "goal": "a refund"},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_take_the_field_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    text = SPEC.replace("output: {", f"output: {{shape: {shape}, ").replace("conversation: {type", "dialog: {type")
    text = text if "messages: conv" in shape else text.replace("conversation", "dialog")
    text = text.replace("dialog: {type", "conversation: {type") if "messages: conv" in shape else text
    dataset, _, _ = built(tmp_path, monkeypatch, lambda r: GOOD if r.prompt == "talk" else "They talk.", text)
    rows = lines(dataset.folder)
    assert {**SHAPES[shape], **({"goal": rows[0]["goal"]} if "goal" in SHAPES[shape] else {})} == rows[0]
    column = next(iter(SHAPES[shape]))
    table = pyarrow.parquet.read_table(dataset.folder / "talks.parquet")
    assert table.column(column).to_pylist()[0] == SHAPES[shape][column]


def test_speakers_that_share_a_role_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SPEC.replace("{Customer: user, Agent: assistant}", "{Ana: user, Ben: user, Agent: assistant}")
    text = text.replace('{value: "conversation[0].content"}', '{value: "conversation[0].name"}')
    said = "Ana: I want it\nBen: I want too\nAgent: Take it then"
    dataset, _, _ = built(tmp_path, monkeypatch, lambda r: said if r.prompt == "talk" else "They talk.", text)
    rows = lines(dataset.folder)
    assert rows[0]["conversation"][1] == {"role": "user", "content": "I want too", "name": "Ben"}
    assert rows[0]["opening"] == "Ana"


def test_near_duplicates_compare_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SPEC + "    novelty: {near_duplicates: {fields: [conversation], similarity: 0.9}}\n"
    dataset, _, _ = built(tmp_path, monkeypatch, lambda r: GOOD if r.prompt == "talk" else "They talk.", text)
    assert dataset.manifest["funnel"]["kept"] == 1


def test_an_edit_to_a_rule_of_messages_makes_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fake, first = built(tmp_path, monkeypatch, lambda r: GOOD if r.prompt == "talk" else "They talk.")
    (tmp_path / "spec.yaml").write_text(dedent(SPEC.replace("max: 8}", "max: 9}")), encoding="utf-8")
    synthspec.build(tmp_path / "spec.yaml", out=tmp_path / "out")
    assert fake.total == first
