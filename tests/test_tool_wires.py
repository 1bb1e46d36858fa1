"""Tools on the five providers' wires: what is declared, called and answered, one call and several at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from wire.server import Server
from wire.wires import WIRES, Wire

from synthspec.inference.backends import provider_of
from synthspec.plugins import find_plugin, plugin_names
from synthspec.spec import BackendChoice
from synthspec.spec.messages import Image, Message, Reply, Request, Text, ToolCall, ToolDeclaration, ToolResult
from synthspec.testing.backend_contract import NOWHERE, a_context, a_request

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "COHERE_API_KEY", "GEMINI_API_KEY")
SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
TOOL = ToolDeclaration("order_status", "Where an order is.", SCHEMA)
PICTURE = Image(b"\x89PNG\r\n\x1a\n", "image/png")
BASE64 = "iVBORw0KGgo="
by_name = {w.name: w for w in WIRES}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "sk-secret-of-the-test-0123456789")


class Scripted:
    """A wire that gives one prepared answer."""

    def __init__(self, wire: Wire, answer: Any) -> None:
        self.name, self.prefix, self._answer = wire.name, wire.prefix, answer
        self.models, self.fault = wire.models, wire.fault

    def answer(self, path: str, body: Any) -> Any:
        return self._answer


def _exchange(provider: str, answer: Any, request: Request, model: str = "tiny") -> tuple[Reply, Any, str]:
    async def main() -> tuple[Reply, Any, str]:
        async with Server(Scripted(by_name[provider], answer)) as server:
            choice = BackendChoice(provider, model, {"base_url": server.url}, {}, None, NOWHERE)
            backend = find_plugin("backends", provider).open_backend(choice, a_context(20))
            try:
                reply = await backend.complete(request)
            finally:
                await backend.close()
            return reply, server.seen[0].body, server.seen[0].path

    return asyncio.run(main())


def _talk(provider: str, answer: Any, *messages: Message, model: str = "tiny", **more: Any) -> tuple[Reply, Any]:
    tools = () if "raw" in more else (TOOL,)
    reply, body, _ = _exchange(provider, answer, a_request(messages=messages, tools=tools, **more), model)
    return reply, body


ASKED = Message("user", "Where is A1?")


def _history(*calls: ToolCall) -> tuple[Message, ...]:
    results = tuple(Message("tool", (ToolResult(c.id, f"result of {c.id}"),)) for c in calls)
    return (Message("system", "Help."), ASKED, Message("assistant", (Text("I look."), *calls)), *results)


ONE = ToolCall("call_1", "order_status", {"order": "A1"})
TWO = ToolCall("call_2", "order_status", {"order": "B2"})


# --- OpenAI


def _openai(*calls: Mapping[str, Any], content: str | None = None) -> Any:
    message = {"role": "assistant", "content": content, "tool_calls": list(calls)}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}


def _function(id: str, arguments: str, name: str = "order_status") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_openai_takes_tools_and_calls_them() -> None:
    answer = _openai(_function("x1", '{"order": "A1"}'), _function("x2", '{"order": "B2"}'))
    reply, body = _talk("openai", answer, ASKED)
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "order_status", "description": "Where an order is.", "parameters": SCHEMA},
        }
    ]
    assert reply.calls == (
        ToolCall("x1", "order_status", {"order": "A1"}),
        ToolCall("x2", "order_status", {"order": "B2"}),
    )
    assert reply.parts == reply.calls and reply.text == "" and reply.finish == "stop"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 4)


@pytest.mark.parametrize("calls", [(ONE,), (ONE, TWO)])
def test_openai_is_told_what_the_tools_gave(calls: tuple[ToolCall, ...]) -> None:
    reply, body = _talk("openai", _openai(content="It is here."), *_history(*calls))
    assert reply.parts == (Text("It is here."),)
    asked = [_function(c.id, json.dumps(dict(c.arguments))) for c in calls]
    results = [{"role": "tool", "tool_call_id": c.id, "content": f"result of {c.id}"} for c in calls]
    assert body["messages"] == [
        {"role": "system", "content": "Help."},
        {"role": "user", "content": "Where is A1?"},
        {"role": "assistant", "content": "I look.", "tool_calls": asked},
        *results,
    ]


# --- Ollama


def _ollama(**message: Any) -> Any:
    return {"model": "m", "message": {"role": "assistant", "content": "", **message}, "done": True,
            "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4}  # fmt: skip


def test_ollama_takes_tools_and_calls_them() -> None:
    one = {"function": {"name": "order_status", "arguments": {"order": "A1"}}}
    two = {"id": "call_9", "function": {"index": 1, "name": "order_status", "arguments": {"order": "B2"}}}
    reply, body = _talk("ollama", _ollama(tool_calls=[one, two]), ASKED)
    assert body["tools"][0]["function"] == {
        "name": "order_status", "description": "Where an order is.", "parameters": SCHEMA}  # fmt: skip
    assert reply.calls == (ONE, ToolCall("call_9", "order_status", {"order": "B2"}))


@pytest.mark.parametrize("calls", [(ONE,), (ONE, TWO)])
def test_ollama_is_told_what_the_tools_gave(calls: tuple[ToolCall, ...]) -> None:
    _, body = _talk("ollama", _ollama(content="It is here."), *_history(*calls))
    asked = [{"id": c.id, "function": {"name": c.name, "arguments": dict(c.arguments)}} for c in calls]
    results = [
        {"role": "tool", "content": f"result of {c.id}", "tool_call_id": c.id, "tool_name": "order_status"}
        for c in calls
    ]
    assert body["messages"][2:] == [{"role": "assistant", "content": "I look.", "tool_calls": asked}, *results]


# --- Anthropic


def _anthropic(*blocks: Mapping[str, Any]) -> Any:
    return {"model": "m", "content": list(blocks), "stop_reason": "tool_use",
            "usage": {"input_tokens": 3, "output_tokens": 4}}  # fmt: skip


THOUGHT = {"type": "thinking", "thinking": "Which one?", "signature": "s=="}


def _use(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}


def test_anthropic_takes_tools_and_calls_them() -> None:
    said = {"type": "text", "text": "I look."}
    reply, body = _talk("anthropic", _anthropic(THOUGHT, said, _use(ONE), _use(TWO)), ASKED)
    assert body["tools"] == [
        {"name": "order_status", "description": "Where an order is.", "input_schema": SCHEMA},
    ]
    assert reply.text == "I look." and [c.id for c in reply.calls] == ["call_1", "call_2"]
    assert reply.calls[0].opaque and not reply.calls[1].opaque


@pytest.mark.parametrize("calls", [(ONE,), (ONE, TWO)])
def test_anthropic_is_told_what_the_tools_gave(calls: tuple[ToolCall, ...]) -> None:
    _, body = _talk("anthropic", _anthropic({"type": "text", "text": "Here."}), *_history(*calls))
    assert body["system"] == "Help."
    assert body["messages"] == [
        {"role": "user", "content": "Where is A1?"},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, *map(_use, calls)]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": c.id, "content": f"result of {c.id}"} for c in calls],
        },
    ]


def test_anthropic_gets_its_thoughts_back_with_the_call() -> None:
    hidden = {"type": "redacted_thinking", "data": "zzz"}
    reply, _ = _talk("anthropic", _anthropic(THOUGHT, hidden, _use(ONE), _use(TWO)), ASKED)
    history = (ASKED, Message("assistant", reply.parts), Message("tool", [ToolResult("call_1", "gone")]))
    _, body = _talk("anthropic", _anthropic(THOUGHT), *history)
    assert body["messages"][1]["content"] == [THOUGHT, hidden, _use(ONE), _use(TWO)]
    assert Message("assistant", reply.parts).key_form == Message("assistant", (ONE, TWO)).key_form


# --- Cohere


def _cohere(**message: Any) -> Any:
    return {"id": "c", "message": {"role": "assistant", **message}, "finish_reason": "TOOL_CALL",
            "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 4}}}  # fmt: skip


def test_cohere_takes_tools_and_calls_them() -> None:
    answer = _cohere(tool_plan="I look it up.", tool_calls=[_function("q1", '{"order": "A1"}'), _function("q2", "{}")])
    reply, body = _talk("cohere", answer, ASKED)
    assert body["tools"][0]["function"]["parameters"] == SCHEMA
    assert reply.calls == (ToolCall("q1", "order_status", {"order": "A1"}), ToolCall("q2", "order_status", {}))
    assert reply.reasoning == "I look it up."


@pytest.mark.parametrize("calls", [(ONE,), (ONE, TWO)])
def test_cohere_is_told_what_the_tools_gave(calls: tuple[ToolCall, ...]) -> None:
    _, body = _talk("cohere", _cohere(content=[{"type": "text", "text": "Here."}]), *_history(*calls))
    asked = [_function(c.id, json.dumps(dict(c.arguments))) for c in calls]
    assert body["messages"][2:] == [
        {"role": "assistant", "tool_calls": asked, "tool_plan": "I look."},
        *({"role": "tool", "tool_call_id": c.id, "content": f"result of {c.id}"} for c in calls),
    ]


# --- Google


def _google(*parts: Mapping[str, Any]) -> Any:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP"}
    return {"candidates": [candidate], "modelVersion": "m",
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}  # fmt: skip


def _named(call: ToolCall) -> dict[str, Any]:
    return {"functionCall": {"id": call.id, "name": call.name, "args": dict(call.arguments)}}


def test_google_takes_tools_and_calls_them() -> None:
    bare = {"functionCall": {"name": "order_status", "args": {"order": "A1"}}, "thoughtSignature": "sig"}
    reply, body = _talk("google", _google({"text": "I look."}, bare, _named(TWO)), ASKED)
    declared = {"name": "order_status", "description": "Where an order is.", "parametersJsonSchema": SCHEMA}
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    assert reply.text == "I look." and [c.id for c in reply.calls] == ["call_1", "call_2"]
    history = (ASKED, Message("assistant", reply.parts), Message("tool", [ToolResult("call_1", "gone")]))
    _, body = _talk("google", _google({"text": "x"}), *history, model="gemini-3.5-flash")
    assert body["contents"][1]["parts"] == [
        {"text": "I look."}, {**_named(ONE), "thoughtSignature": "sig"}, _named(TWO)]  # fmt: skip


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.5-flash"])
@pytest.mark.parametrize("calls", [(ONE,), (ONE, TWO)])
def test_google_is_told_what_the_tools_gave(calls: tuple[ToolCall, ...], model: str) -> None:
    _, body = _talk("google", _google({"text": "Here."}), *_history(*calls), model=model)
    parts = [_named(c) for c in calls]
    if model.startswith("gemini-3"):  # a call that another model made has no signature
        parts[0]["thoughtSignature"] = "skip_thought_signature_validator"
    responses = [
        {"functionResponse": {"id": c.id, "name": "order_status", "response": {"result": f"result of {c.id}"}}}
        for c in calls
    ]
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Where is A1?"}]},
        {"role": "model", "parts": [{"text": "I look."}, *parts]},
        {"role": "user", "parts": responses},
    ]


# --- all of them


@pytest.mark.parametrize(
    ("arguments", "read", "unread"),
    [
        ("", {}, ""),
        ("{}", {}, ""),
        ('{"order": "A1"', {}, '{"order": "A1"'),
        ('["A1"]', {}, '["A1"]'),
        ("null", {}, "null"),
        (None, {}, ""),
        ([1], {}, "[1]"),
        ('{"order": "cut \\ud83d"}', {"order": "cut ?"}, ""),
    ],
)
def test_arguments_that_are_no_object_are_kept_as_they_are(arguments: Any, read: Any, unread: str) -> None:
    reply, _ = _talk("openai", _openai(_function("x1", arguments)), ASKED)
    assert reply.calls == (ToolCall("x1", "order_status", read, unread),)


def test_a_call_without_name_or_id_is_still_a_call() -> None:
    reply, _ = _talk("openai", _openai({"function": {}}, {"id": 7, "function": {"name": "x"}}), ASKED)
    assert reply.calls == (ToolCall("call_1", "", {}), ToolCall("call_2", "x", {}))


@pytest.mark.parametrize("provider", sorted(by_name))
def test_no_tools_no_word_of_them(provider: str) -> None:
    answers = {"openai": _openai(content="x"), "ollama": _ollama(content="x"), "anthropic": _anthropic(THOUGHT),
               "cohere": _cohere(content=[]), "google": _google({"text": "x"})}  # fmt: skip
    _, body, _ = _exchange(provider, answers[provider], a_request())
    assert "tools" not in body


# --- pictures


def _shown(provider: str) -> Any:
    answers = {"openai": _openai(content="x"), "ollama": _ollama(content="x"), "anthropic": _anthropic(THOUGHT),
               "cohere": _cohere(content=[]), "google": _google({"text": "x"})}  # fmt: skip
    messages = (Message("system", "Look."), Message("user", (PICTURE, Text("What is it?"))))
    _, body, _ = _exchange(provider, answers[provider], a_request(messages=messages))
    return body


def test_each_provider_gets_a_picture_in_its_own_words() -> None:
    url = f"data:image/png;base64,{BASE64}"
    text = {"type": "text", "text": "What is it?"}
    linked = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}, text]}
    assert _shown("openai")["messages"][1] == linked
    assert _shown("cohere")["messages"][1] == linked
    assert _shown("ollama")["messages"][1] == {"role": "user", "content": "What is it?", "images": [BASE64]}
    source = {"type": "base64", "media_type": "image/png", "data": BASE64}
    assert _shown("anthropic")["messages"] == [{"role": "user", "content": [{"type": "image", "source": source}, text]}]
    inline = {"inlineData": {"mimeType": "image/png", "data": BASE64}}
    assert _shown("google")["contents"] == [{"role": "user", "parts": [inline, {"text": "What is it?"}]}]


# --- raw completion


def test_raw_text_goes_to_the_completions_of_a_server() -> None:
    answer = {"model": "m", "choices": [{"index": 0, "text": " there was", "finish_reason": "length"}],
              "usage": {"prompt_tokens": 3, "completion_tokens": 4}}  # fmt: skip
    request = a_request(messages=(Message("user", "Once upon a time"),), raw=True, temperature=0.5)
    reply, body, path = _exchange("openai", answer, request)
    assert path == "/v1/completions"
    assert body == {"model": "tiny", "prompt": "Once upon a time", "max_tokens": 1024, "temperature": 0.5}
    assert (reply.text, reply.finish, reply.usage.completion_tokens) == (" there was", "length", 4)


def test_raw_text_goes_past_the_template_of_ollama() -> None:
    answer = {"model": "m", "response": " there was", "done": True, "done_reason": "stop", "eval_count": 4,
              "prompt_eval_count": 3}  # fmt: skip
    request = a_request(messages=(Message("user", "Once upon a time"),), raw=True)
    reply, body, path = _exchange("ollama", answer, request)
    assert path == "/api/generate"
    assert (body["prompt"], body["raw"], "messages" in body) == ("Once upon a time", True, False)
    assert (reply.text, reply.usage.prompt_tokens) == (" there was", 3)


def test_what_backends_can_is_told_by_their_modules() -> None:
    can = {n: provider_of(n) for n in plugin_names("backends")}
    assert {n for n, m in can.items() if m.tools} == {*by_name, "replay", "ngram"}
    assert {n for n, m in can.items() if m.images} == {*by_name, "replay"}
    local = {"openai", "ollama", "transformers", "ngram", "replay"}
    assert {n for n, m in can.items() if m.completes} == local
    assert {n for n, m in can.items() if m.reasons} == {*by_name, "transformers", "replay"}
