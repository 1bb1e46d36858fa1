"""Calls of tools that a model writes into its text: read where there is one way to read them, rejected otherwise."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_tools import SPEC, World, changed, is_agent, results

from synthspec.formats.recovery.written_calls import WrittenCalls, written_calls
from synthspec.spec.messages import Request, ToolCall
from synthspec.spec.rows import Rejection

ORDER: dict[str, Any] = {"order": "AB123456"}
JSON = '{"name": "order_status", "arguments": {"order": "AB123456"}}'
DAYS = '{"name": "days_left", "arguments": {"days": 12}}'
TOOLS = ("order_status", "days_left")
AB = '{"order": "AB123456"}'
BEGIN, END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
PARAMETER = '<parameter name="order">AB123456</parameter>'
INVOKED = f'<invoke name="order_status">\n{PARAMETER}\n</invoke>'
DSML = '<｜DSML｜invoke name="order_status"><｜DSML｜parameter name="order" string="true">AB123456</｜DSML｜parameter></｜DSML｜invoke>'

ONE = {
    "hermes": f"<tool_call>\n{JSON}\n</tool_call>",
    "hermes without its end": f"<tool_call>\n{JSON}",
    "hermes after words": f"Let me look.\n\n<tool_call>\n{JSON}\n</tool_call>",
    "hermes after its name": f"**Agent:** <tool_call>{JSON}</tool_call>",
    "hermes after thinking": f"<think>I call <tool_call>{DAYS}</tool_call>?</think>\n<tool_call>{JSON}</tool_call>",
    "hermes and its turn's end": f"<tool_call>\n{JSON}\n</tool_call><|im_end|>\n<|im_start|>tool\nlost",
    "qwen's coder": "<tool_call>\n<function=order_status>\n<parameter=order>\nAB123456\n</parameter>\n</function>\n</tool_call>",
    "mistral": f"[TOOL_CALLS] [{JSON}]",
    "mistral, later": '[TOOL_CALLS]order_status[ARGS]{"order": "AB123456"}',
    "mistral, with an id": '[TOOL_CALLS]order_status[CALL_ID]x12345678[ARGS]{"order": "AB123456"}',
    "llama": '<|python_tag|>{"type": "function", "name": "order_status", "parameters": {"order": "AB123456"}}<|eom_id|>',
    "llama, called": '<|python_tag|>order_status.call(order="AB123456")',
    "llama, listed": "<|python_tag|>[order_status(order='AB123456')]",
    "llama's function": 'Let me look.\n<function=order_status>{"order": "AB123456"}</function>',
    "json": JSON,
    "json after words": f"Let me look.\n{JSON}",
    "json of text": '{"name": "order_status", "arguments": "{\\"order\\": \\"AB123456\\"}"}',
    "json loosely": "{'name': 'order_status', 'arguments': {'order': 'AB123456',},}",
    "fenced": f"```json\n{JSON}\n```",
    "fenced after words": f"Of course!\n\n```json\n[{JSON}]\n```",
    "openai": '{"type": "function", "function": {"name": "order_status", "arguments": "{\\"order\\": \\"AB123456\\"}"}}',
    "openai, listed": f'{{"tool_calls": [{{"id": "x", "type": "function", "function": {JSON}}}]}}',
    "program": 'order_status(order="AB123456")',
    "gemma": "```tool_code\nprint(order_status(order='AB123456'))\n```",
    "deepseek": f"{BEGIN}<｜tool▁call▁begin｜>function<｜tool▁sep｜>order_status\n```json\n{AB}\n```<｜tool▁call▁end｜>{END}<｜end▁of▁sentence｜>",
    "deepseek, later": f"Let me look.{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB}<｜tool▁call▁end｜>{END}",
    "deepseek, written with bars": f"<|tool▁calls▁begin|><|tool▁call▁begin|>order_status<|tool▁sep|>{AB}<|tool▁call▁end|><|tool▁calls▁end|>",
    "invoked": f"Let me look.\n\n<function_calls>\n{INVOKED}\n</function_calls>",
    "invoked by deepseek": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="order_status">\n<｜DSML｜parameter name="order" string="true">AB123456</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    "namespace": '{"name": "functions.order_status", "arguments": {"order": "AB123456"}}',
}  # fmt: skip
TWO = {
    "hermes": f"<tool_call>\n{JSON}\n</tool_call>\n<tool_call>\n{DAYS}\n</tool_call>",
    "mistral": f"[TOOL_CALLS] [{JSON}, {DAYS}]",
    "mistral, later": '[TOOL_CALLS]order_status[ARGS]{"order": "AB123456"}[TOOL_CALLS]days_left[ARGS]{"days": 12}',
    "llama": f"<|python_tag|>{JSON}; {DAYS}",
    "llama, listed": '[order_status(order="AB123456"), days_left(days=12)]',
    "json": f"[{JSON},\n {DAYS}]",
    "deepseek": f"{BEGIN}<｜tool▁call▁begin｜>function<｜tool▁sep｜>order_status\n```json\n{AB}\n```<｜tool▁call▁end｜>\n"
    f'<｜tool▁call▁begin｜>function<｜tool▁sep｜>days_left\n```json\n{{"days": 12}}\n```<｜tool▁call▁end｜>{END}',
    "deepseek, later": f"{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB}<｜tool▁call▁end｜>"
    f'<｜tool▁call▁begin｜>days_left<｜tool▁sep｜>{{"days": 12}}<｜tool▁call▁end｜>{END}',
    "json lines": f"{JSON}\n{DAYS}",
}
NONE = {
    "cut off": '<tool_call>{"name": "order_status", "arguments": {"order": "AB12',
    "cut off json": '{"name": "order_status", "arguments": {"order": "AB123456"}',
    "words after": f"<tool_call>{JSON}</tool_call>\nIt is lost.",
    "words after a fence": f"Say\n```json\n{JSON}\n```\nand I look.",
    "words after json": f"{JSON} That is all.",
    "its answer": '{"name": "order_status", "arguments": {"order": "AB123456"}, "result": "lost"}',
    "an answer beside it": f'{JSON}\n{{"state": "lost"}}',
    "an answer of its own": f'<tool_call>{JSON}</tool_call><tool_response>{{"state": "lost"}}</tool_response>',
    "its declaration": '{"name": "order_status", "parameters": {"type": "object", "properties": {"order": {}}}}',
    "an argument twice": '{"name": "order_status", "arguments": {"order": "AB123456", "order": "CD654321"}}',
    "arguments twice": '{"name": "order_status", "arguments": {"order": "AB123456"}, "parameters": {}}',
    "arguments without names": 'order_status("AB123456")',
    "a variable": "order_status(order=number)",
    "no call": "<tool_call>order AB123456</tool_call>",
    "empty": "<tool_call></tool_call>",
    "deepseek without a call": f"{BEGIN}{JSON}",
    "deepseek without an end": f"{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB}<｜tool▁call▁end｜>",
    "deepseek and words": f"{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB}<｜tool▁call▁end｜>{END} It is lost.",
    "deepseek between two": f"{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB} or so<｜tool▁call▁end｜>{END}",
    "deepseek's answer": f"{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB}<｜tool▁call▁end｜>{END}<｜tool▁outputs▁begin｜>lost",
    "deepseek, twice begun": f"{BEGIN}{BEGIN}<｜tool▁call▁begin｜>order_status<｜tool▁sep｜>{AB}<｜tool▁call▁end｜>{END}",
    "invoked without an end": f"<function_calls>\n{INVOKED}",
    "invoked and answered": f"<function_calls>{INVOKED}</function_calls><function_results>lost</function_results>",
    "invoked, an argument twice": f"<function_calls>{INVOKED.replace('</invoke>', PARAMETER + '</invoke>')}</function_calls>",
    "invoked, a mark in a value": f"<function_calls>{INVOKED.replace('AB1', 'A</parameter>B1')}</function_calls>",
    "invoked by nobody": "<function_calls></function_calls>",
    "invoked without names": '<function_calls><invoke name="order_status">AB123456</invoke></function_calls>',
    "invoked, two spellings": f"<function_calls>{INVOKED}</｜DSML｜function_calls>",
    "invoked as no text": f"<｜DSML｜function_calls>{DSML.replace('true', 'false')}</｜DSML｜function_calls>",
    "made up": 'Tool: {"state": "lost"}\nIt is lost, I am sorry.',
    "made up before it": f"Tool result: lost\n<tool_call>{JSON}</tool_call>",
    "response": '<tool_response>{"state": "lost"}</tool_response> It is lost.',
}
MESSAGES = (
    "I used order_status (a tool) for you, and it is lost.", 'Your {"order": 3} is lost.', "Here is the list: [1, 2]",
    '{"order": "AB123456", "state": "lost"} is all I have.', '```json\n{"state": "lost"}\n```\nThat is all I have.',
    '{"name": "Ann", "arguments": {"order": "AB123456"}}', '{"a": 1, "a": 2}', "order_status: lost, as it seems",
    'My name is\n{"name": "Ann"}', "", "f(x) = 3",
)  # fmt: skip


def read(text: str) -> Any:
    from synthspec.formats.recovery.thinking import without_thinking

    return written_calls(without_thinking(text), "agent", TOOLS)


@pytest.mark.parametrize("name", ONE)
def test_one_way_to_read_it(name: str) -> None:
    found = read(ONE[name])
    assert isinstance(found, WrittenCalls), found
    assert [(c.name, dict(c.arguments), c.unread) for c in found.calls] == [("order_status", ORDER, "")]
    assert found.text in ("", "Let me look.", "Of course!")


@pytest.mark.parametrize("name", TWO)
def test_several_at_once(name: str) -> None:
    found = read(TWO[name])
    assert isinstance(found, WrittenCalls), found
    assert [(c.name, dict(c.arguments)) for c in found.calls] == [("order_status", ORDER), ("days_left", {"days": 12})]


@pytest.mark.parametrize("name", NONE)
def test_what_may_be_read_otherwise_is_rejected(name: str) -> None:
    found = read(NONE[name])
    assert isinstance(found, Rejection) and found.rule == "tools: call in the text"


@pytest.mark.parametrize("text", MESSAGES)
def test_words_are_words(text: str) -> None:
    assert read(text) is None


def test_a_speaker_without_tools_calls_none() -> None:
    for text in ONE.values():
        found = written_calls(text, "agent", ())
        assert not isinstance(found, WrittenCalls) and (found is not None) == ("<" in text or "[TOOL" in text)


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_no_end_that_is_lost_changes_a_call(name: str) -> None:
    text = {**ONE, **TWO}[name] if name in ONE else TWO[name]
    for whole in {text, TWO.get(name, text)}:
        wanted = read(whole).calls
        for end in range(len(whole)):
            found = read(whole[:end])
            assert not isinstance(found, WrittenCalls) or found.calls == wanted[: len(found.calls)], whole[:end]


def test_any_text_is_read_or_not_and_never_raises() -> None:
    rng = random.Random(5)
    pieces = [
        *ONE.values(),
        *TWO.values(),
        *NONE.values(),
        *MESSAGES,
        "{" * 500,
        "[" * 500,
        "(" * 500,
        "\x00",
        "\ud83d",
    ]
    for _ in range(400):
        a, b = rng.choice(pieces), rng.choice(pieces)
        text = (
            a[rng.randrange(len(a) + 1) :]
            + rng.choice(["", "\n", " ", "{", "</tool_call>"])
            + b[: rng.randrange(len(b) + 1)]
        )
        assert isinstance(read(text), WrittenCalls | Rejection | None)


# --- in a talk


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def saying(first: Any) -> Callable[[Request], Any]:
    def parts(request: Request) -> Any:
        if is_agent(request) and request.values["turn"] == 1 and not results(request):
            return first
        return "here you are then"

    return parts


@pytest.mark.parametrize("name", ["hermes", "mistral", "llama", "llama's function", "fenced after words", "deepseek"])
def test_the_row_is_that_of_a_call(world: World, name: str) -> None:
    words = () if name not in ("llama's function", "fenced after words") else (ONE[name].split("\n")[0],)
    assert world.build(SPEC, saying(ONE[name])).status == 0
    rows, asked = world.rows, len(world.asked)
    assert asked == 3 * 5
    call = rows[0]["conversation"][1]
    assert call["content"] == "".join(words) and call["tool_calls"][0]["function"]["arguments"] == ORDER
    other = World(world.folder / "native", world.monkeypatch)
    other.folder.mkdir()
    from synthspec.spec.messages import Text

    native = (*map(Text, words), ToolCall("a", "order_status", ORDER))
    assert other.build(SPEC, saying(native)).status == 0
    assert other.rows == rows


BAD = {
    "unknown tool": ('<tool_call>{"name": "refund", "arguments": {}}</tool_call>', "there is no tool 'refund'"),
    "bad pattern": ('<tool_call>{"name": "order_status", "arguments": {"order": "12"}}</tool_call>', "do not fit"),
    "no object": ('<tool_call>{"name": "order_status", "arguments": [1]}</tool_call>', "no JSON object"),
    "cut": (NONE["cut off"], "cut off or broken"),
    "declaration": (NONE["its declaration"], "it declares a tool"),
    "speaks for the other": (f"Let me look.\ncustomer: please do\n{ONE['hermes']}", "holds what customer says"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_that_cannot_be_made_is_asked_for_again_alone(world: World, name: str) -> None:
    text, said = BAD[name]

    def parts(request: Request) -> Any:
        first = is_agent(request) and request.values["turn"] == 1 and request.attempt == 1
        return text if first else "here you are then"

    dataset = world.build(SPEC, parts)
    assert dataset.status == 0 and len(world.asked) == 3 * 5 and sum(dataset.manifest["rejections"].values()) == 3
    assert all(said in r.messages[-1].content for r in world.asked if r.attempt == 2)
    assert all("tool_calls" not in m for row in world.rows for m in row["conversation"])


PICKED = {
    "function": '<function=pick>\n<parameter=names>\n["a", "b"]\n</parameter>\n<parameter=most>\n3\n</parameter>\n</function>',
    "invoked": '<function_calls>\n<invoke name="pick">\n<parameter name="names">["a", "b"]</parameter>\n<parameter name="most">3</parameter>\n</invoke>\n</function_calls>',
    "invoked by deepseek": '<｜DSML｜function_calls><｜DSML｜invoke name="pick"><｜DSML｜parameter name="names" string="false">["a", "b"]</｜DSML｜parameter><｜DSML｜parameter name="most" string="false">3</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>',
}  # fmt: skip


@pytest.mark.parametrize("name", PICKED)
def test_values_between_tags_take_the_types_of_the_tool(world: World, name: str) -> None:
    spec = changed()
    spec["tools"]["pick"] = {
        "description": "Picks.", "answer": {"value": "len(names)"},
        "parameters": {"names": {"type": "array", "items": {"type": "string"}}, "most": {"type": "integer"}},
    }  # fmt: skip
    spec["prompts"]["talk"]["dialogue"]["agent"]["tools"] = "pick"
    assert world.build(spec, saying(PICKED[name])).status == 0
    talk = world.rows[0]["conversation"]
    assert talk[1]["tool_calls"][0]["function"]["arguments"] == {"names": ["a", "b"], "most": 3}
    assert talk[2]["content"] == "2"


def test_a_model_that_only_writes_calls_loops_no_longer_than_one_that_makes_them(world: World) -> None:
    dataset = world.build(SPEC, lambda r: ONE["hermes"] if is_agent(r) else "please look again")
    assert dataset.status == 3 and len(world.asked) == 3 * (1 + 4)
    lost = (world.folder / "out/quarantine.jsonl").read_text(encoding="utf-8")
    assert lost.count("called tools 3 times in a row") == 3
    assert json.loads(lost.splitlines()[0])
