"""Backends, each through its real SDK against a loopback server that speaks its provider's wire."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

import pytest
from wire.server import Seen, Server
from wire.wires import TEXT, THOUGHT, WIRES, Wire

from synthspec.diagnostics import Span
from synthspec.inference.accounting.prices import AS_OF, price_of
from synthspec.inference.backends import Backend
from synthspec.inference.transport.errors import Service, fault_of_status
from synthspec.inference.transport.guided import ServerConstraints
from synthspec.inference.transport.schemas import strict_schema
from synthspec.inference.transport.waits import seconds_to_wait
from synthspec.languages.patterns.gbnf import gbnf_of_regex
from synthspec.plugins import find_plugin, plugin_names
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, Constraint, FaultKind, Message, Reply
from synthspec.testing.backend_contract import NOWHERE, SCHEMA, BackendContract, a_context, a_request, check_reply

SECRET = "sk-secret-of-the-test-0123456789"
KEYS = {
    "openai": "OPENAI_API_KEY",
    "ollama": "OLLAMA_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "cohere": "COHERE_API_KEY",
    "google": "GEMINI_API_KEY",
}
AMBIENT = ("OPENAI_BASE_URL", "OLLAMA_HOST", "ANTHROPIC_BASE_URL", "CO_API_URL", "GOOGLE_GEMINI_BASE_URL")
OTHER_KEYS = ("CO_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")


every_wire = pytest.mark.parametrize("wire", [pytest.param(w, id=w.name) for w in WIRES])


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*AMBIENT, *OTHER_KEYS):
        monkeypatch.delenv(name, raising=False)
    for name in KEYS.values():
        monkeypatch.setenv(name, SECRET)


def _open(
    provider: str,
    url: str | None,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    timeout: float = 20.0,
    model: str = "tiny",
) -> Backend:
    module = find_plugin("backends", provider)
    own = {**({"base_url": url} if url else {}), **(options or {})}
    backend: Backend = module.open_backend(
        BackendChoice(provider, model, own, settings or {}, None, NOWHERE), a_context(timeout)
    )
    return backend


def _serve(
    wire: Wire,
    use: Callable[[Backend, Server], Awaitable[Any]],
    faults: tuple[str, ...] = (),
    **opening: Any,
) -> Any:
    async def main() -> Any:
        async with Server(wire, deque(faults)) as server:
            backend = _open(wire.name, server.url, **opening)
            try:
                return await use(backend, server)
            finally:
                await backend.close()

    return asyncio.run(main())


def _ask(wire: Wire, fault: str = "", request: Any = None, **opening: Any) -> tuple[Reply | BackendFault, list[Seen]]:
    async def use(backend: Backend, server: Server) -> tuple[Reply | BackendFault, list[Seen]]:
        try:
            return await backend.complete(request or a_request()), server.seen
        except BackendFault as e:
            return e, server.seen

    answer: tuple[Reply | BackendFault, list[Seen]] = _serve(wire, use, (fault,) if fault else (), **opening)
    return answer


# What is asked and what comes back


@every_wire
def test_a_call_carries_the_messages_and_brings_usage_and_model(wire: Wire) -> None:
    reply, seen = _ask(wire)
    assert isinstance(reply, Reply)
    assert reply.text == TEXT
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (21, 12)
    assert reply.model.startswith("tiny")
    assert reply.finish == "stop"
    assert len(seen) == 1
    sent = json.dumps(seen[0].body)
    assert "You are brief." in sent
    assert "Write the line number 1." in sent
    assert any(SECRET in value for value in seen[0].headers.values())


@every_wire
def test_settings_and_temperature_of_the_request(wire: Wire) -> None:
    settings = {"temperature": 0.1, "max_tokens": 77, "top_p": 0.5, "stop": "END"}
    _, seen = _ask(wire, request=a_request(temperature=0.9), settings=settings)
    sent = json.dumps(seen[0].body)
    assert "0.9" in sent
    assert "0.1" not in sent
    assert "77" in sent
    assert "0.5" in sent
    assert '"END"' in sent


@every_wire
def test_the_schema_is_passed_and_can_be_left_out(wire: Wire) -> None:
    request = a_request(constraint=Constraint(json_schema=SCHEMA))
    reply, _ = _ask(wire, request=request)
    assert isinstance(reply, Reply)
    assert json.loads(reply.text) == {"text": TEXT, "score": 4}
    reply, seen = _ask(wire, request=request, options={"constrain": False})
    assert isinstance(reply, Reply)
    assert reply.text == TEXT
    assert "score" not in json.dumps(seen[0].body)


@every_wire
def test_seeds_only_where_asked_for(wire: Wire) -> None:
    async def use(backend: Backend, server: Server) -> bool:
        await backend.complete(a_request(seed=2**40 + 12345))
        return backend.seeded

    assert _serve(wire, use) is False
    _, seen = _ask(wire, request=a_request(seed=2**40 + 12345))
    assert "12345" not in json.dumps(seen[0].body)
    if wire.name == "anthropic":
        return  # it takes no seed
    assert _serve(wire, use, options={"seed": True}) is True
    _, seen = _ask(wire, request=a_request(seed=2**40 + 12345), options={"seed": True})
    assert "12345" in json.dumps(seen[0].body)
    _, seen = _ask(wire, request=a_request(), options={"seed": 99})
    assert "99" in json.dumps(seen[0].body)


@every_wire
def test_models_are_listed_in_order(wire: Wire) -> None:
    async def use(backend: Backend, server: Server) -> tuple[str, ...]:
        return await backend.models()

    listed = _serve(wire, use)
    assert len(listed) == 2
    assert list(listed) == sorted(listed)


@every_wire
def test_a_cut_off_reply_says_so(wire: Wire) -> None:
    reply, _ = _ask(wire, "length")
    assert isinstance(reply, Reply)
    assert reply.finish == "length"
    assert reply.text == TEXT


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("openai", "refused"),
        ("openai", "filtered"),
        ("anthropic", "refused"),
        ("cohere", "refused"),
        ("google", "refused"),
        ("google", "filtered"),
    ],
)
def test_a_refusal_is_paid_for_and_says_so(name: str, fault: str) -> None:
    reply, _ = _ask(next(w for w in WIRES if w.name == name), fault)
    assert isinstance(reply, Reply)
    assert reply.finish == "refused"
    assert reply.usage.prompt_tokens == 21


# What fails


FAULTS = {
    "rate": FaultKind.RATE_LIMITED,
    "quota": FaultKind.QUOTA,
    "500": FaultKind.OVERLOADED,
    "overloaded": FaultKind.OVERLOADED,
    "400": FaultKind.BAD_REQUEST,
    "401": FaultKind.UNAUTHORISED,
    "404": FaultKind.BAD_REQUEST,
    "413": FaultKind.TOO_LONG,
    "long": FaultKind.TOO_LONG,
    "drop": FaultKind.UNREACHABLE,
    "cut": FaultKind.UNREACHABLE,
    "short": FaultKind.UNREACHABLE,
    "hang": FaultKind.TIMED_OUT,
}


@every_wire
@pytest.mark.parametrize("fault", FAULTS)
def test_every_way_of_failing_becomes_its_kind_and_is_sent_once(wire: Wire, fault: str) -> None:
    for timeout in (0.4, 2.0, 20.0) if fault == "hang" else (60.0,):
        answer, seen = _ask(wire, fault, timeout=timeout)
        if seen:  # a busy machine may be late to send it
            break
    assert isinstance(answer, BackendFault), answer
    assert answer.kind is FAULTS[fault], answer.message
    assert len(seen) == 1, "sent again by itself"
    assert SECRET not in answer.message
    assert answer.retry_after == {"rate": 7.0, "overloaded": answer.retry_after}.get(fault)
    assert "127.0.0.1" in answer.message


@every_wire
def test_a_server_that_is_not_there(wire: Wire) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    async def main() -> BackendFault | None:
        backend = _open(wire.name, f"http://127.0.0.1:{port}")
        try:
            await backend.complete(a_request())
        except BackendFault as e:
            return e
        finally:
            await backend.close()
        return None

    fault = asyncio.run(main())
    assert fault is not None
    assert fault.kind is FaultKind.UNREACHABLE
    assert f"127.0.0.1:{port}" in fault.message
    if wire.name == "ollama":
        assert "ollama serve" in fault.message
        assert "ollama pull tiny" in fault.message


@every_wire
def test_a_cancelled_call_ends_at_once(wire: Wire) -> None:
    async def use(backend: Backend, server: Server) -> bool:
        server.together = 2  # the second never comes: no answer
        task = asyncio.create_task(backend.complete(a_request()))
        while not server.in_flight:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert _serve(wire, use, timeout=600)


@every_wire
def test_two_hundred_in_flight(wire: Wire) -> None:
    async def use(backend: Backend, server: Server) -> int:
        server.together = 200  # a client that held calls back would wait for ever
        replies = await asyncio.gather(*(backend.complete(a_request(i)) for i in range(200)))
        for reply in replies:
            check_reply(reply)
        return server.most_in_flight

    assert _serve(wire, use, timeout=120) == 200


def test_a_thousand_in_flight() -> None:
    async def use(backend: Backend, server: Server) -> int:
        server.together = 1000
        await asyncio.gather(*(backend.complete(a_request(i)) for i in range(1000)))
        return server.most_in_flight

    assert _serve(WIRES[0], use, timeout=120) == 1000


# OpenAI and its compatible servers


OPENAI_FAULTS = {
    "too_large": FaultKind.TOO_LONG,
    "blocked": FaultKind.REFUSED,
    "max_tokens": FaultKind.BAD_REQUEST,
    "gateway": FaultKind.RATE_LIMITED,
    "empty": FaultKind.UNREACHABLE,
    "moved": FaultKind.BAD_REQUEST,
    "page": FaultKind.BAD_REQUEST,
    "schema": FaultKind.BAD_REQUEST,
}


@pytest.mark.parametrize("fault", OPENAI_FAULTS)
def test_openai_faults(fault: str) -> None:
    answer, _ = _ask(WIRES[0], fault)
    assert isinstance(answer, BackendFault)
    assert answer.kind is OPENAI_FAULTS[fault]


def test_reset_headers_of_what_is_used_up_alone() -> None:
    answer, _ = _ask(WIRES[0], "reset")
    assert isinstance(answer, BackendFault)
    assert answer.retry_after == 90.0


def test_a_rejected_schema_names_the_way_round() -> None:
    answer, _ = _ask(WIRES[0], "schema")
    assert isinstance(answer, BackendFault)
    assert "constrain: false" in answer.message


def test_a_key_that_a_server_echoes_is_not_shown() -> None:
    answer, _ = _ask(WIRES[0], "echo", options={"extra_body": {"user": SECRET}})
    assert isinstance(answer, BackendFault)
    assert SECRET not in answer.message
    assert "OPENAI_API_KEY" in answer.message


def test_replies_of_parts_and_halves_of_characters() -> None:
    parts, _ = _ask(WIRES[0], "parts")
    assert isinstance(parts, Reply)
    assert parts.text == "ab"
    half, _ = _ask(WIRES[0], "surrogate")
    assert isinstance(half, Reply)
    assert half.text == "cut ?"
    sent, seen = _ask(WIRES[0], request=a_request(messages=(Message("user", "half \ud83d"),)))
    assert isinstance(sent, Reply)
    assert seen[0].body["messages"][0]["content"] == "half ?"


@every_wire
def test_what_a_model_thought_is_kept_apart_from_its_answer(wire: Wire) -> None:
    reply, _ = _ask(wire, "thought")
    assert isinstance(reply, Reply)
    assert (reply.text, reply.reasoning) == (TEXT, THOUGHT)


@pytest.mark.parametrize(
    ("fault", "thought"),
    [
        ("thought elsewhere", THOUGHT),
        ("thought in parts", THOUGHT),
        ("thought, half", THOUGHT + "?"),
        ("thought, strange", ""),
    ],
)
def test_servers_put_thinking_in_several_places(fault: str, thought: str) -> None:
    reply, _ = _ask(WIRES[0], fault)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.reasoning) == (TEXT, thought)


def test_reasoning_models_take_other_parameters() -> None:
    settings = {"max_tokens": 50, "reasoning_effort": "low"}
    for model, reasons in {
        "gpt-5-mini": 1,
        "o4-mini": 1,
        "openai/gpt-5": 1,
        "gpt-4o": 0,
        "gpt-5-chat-latest": 0,
    }.items():
        _, seen = _ask(WIRES[0], settings=settings, model=model)
        body = seen[0].body
        assert ("max_completion_tokens" in body) is bool(reasons), model
        assert ("max_tokens" in body) is not bool(reasons), model
        assert body["reasoning_effort"] == "low"
        assert "temperature" not in body


def test_strict_schemas() -> None:
    assert strict_schema(SCHEMA) == dict(SCHEMA)
    optional = {**SCHEMA, "required": ["text"]}
    assert strict_schema(optional) is None
    assert strict_schema({"type": "array", "items": SCHEMA}) is None
    rich = {
        **SCHEMA,
        "properties": {
            "text": {"type": "string", "minLength": 3, "pattern": "^(?!no)", "format": "uri"},
            "score": {"type": "integer", "minimum": 1},
        },
    }
    cut = strict_schema(rich)
    assert cut is not None
    assert cut["properties"] == {"text": {"type": "string"}, "score": {"type": "integer", "minimum": 1}}
    named = {"type": "object", "properties": {"format": {"type": "string"}}, "required": ["format"]}
    assert strict_schema({**named, "additionalProperties": False})["properties"] == {"format": {"type": "string"}}  # type: ignore[index]
    shape = ServerConstraints("none", own=False).keys(Constraint(json_schema=rich))["response_format"]["json_schema"]
    assert shape == {"name": "reply", "schema": cut, "strict": True}
    assert ServerConstraints("none", own=False).keys(Constraint(json_schema={"type": "array", "items": SCHEMA})) == {}
    shape = ServerConstraints("none", own=True).keys(Constraint(json_schema=rich))["response_format"]["json_schema"]
    assert shape["strict"] is False
    assert shape["schema"]["properties"]["text"] == {"type": "string", "minLength": 3, "format": "uri"}
    _, seen = _ask(WIRES[0], request=a_request(constraint=Constraint(json_schema=optional)))
    assert seen[0].body["response_format"]["json_schema"]["strict"] is False
    _, seen = _ask(WIRES[0], request=a_request(constraint=Constraint(json_schema=SCHEMA)))
    assert seen[0].body["response_format"]["json_schema"]["strict"] is True


def test_guided_servers() -> None:
    regex, grammar = Constraint(regex=r"[ab]/\d{2}"), Constraint(grammar='start: "a"')
    expected: dict[str, tuple[Any, Any]] = {
        "none": ({}, {}),
        "vllm": (
            {"structured_outputs": {"regex": r"[ab]/\d{2}"}},
            {"structured_outputs": {"grammar": 'start: "a"'}},
        ),
        "llama": ({"grammar": 'root ::= [ab] "/" [0-9]{2}'}, {}),
        "llguidance": (
            {"grammar": "%llguidance {}\n" + r"start: /[ab]\/[0-9]{2}/"},
            {"grammar": '%llguidance {}\nstart: "a"'},
        ),
    }
    for server, (for_regex, for_grammar) in expected.items():
        for constraint, keys in ((regex, for_regex), (grammar, for_grammar)):
            _, seen = _ask(WIRES[0], request=a_request(constraint=constraint), options={"guided": server})
            assert {k: v for k, v in seen[0].body.items() if k not in ("model", "messages")} == keys
    with pytest.raises(BackendFault, match="guided"):
        _open("openai", "http://127.0.0.1:1", {"guided": "magic"})


def test_regexes_as_gbnf() -> None:
    assert gbnf_of_regex(r"^a\.\-b$") == 'root ::= "a.-b"'
    assert gbnf_of_regex(r"(?:x|yz)+\S?") == r'root ::= ("x" | "yz")+ [^ \t\n\r]?'
    assert gbnf_of_regex(r'["\]\\^-]') == r'root ::= ["\]\\\x5E\x2D]'
    assert gbnf_of_regex(r"(?=a)b") is None
    assert gbnf_of_regex(r"(a)\1") is None
    assert gbnf_of_regex("(") is None


# Secrets and addresses


@every_wire
def test_the_address_is_no_part_of_the_fingerprint(wire: Wire) -> None:
    places = (
        "http://127.0.0.1:1",
        "http://127.0.0.1:2/v1",
        None if wire.name != "ollama" else "http://localhost:11434",
    )
    assert len({_open(wire.name, place).fingerprint for place in places}) == 1


@every_wire
def test_no_secret_in_fingerprint_repr_or_fault(wire: Wire) -> None:
    backend = _open(wire.name, "http://127.0.0.1:1")
    assert backend.fingerprint.startswith(f"{wire.name}:")
    assert SECRET not in backend.fingerprint + repr(backend)
    assert all(SECRET not in repr(v) for v in vars(backend).values())
    asyncio.run(backend.close())


def test_the_fingerprint_covers_what_changes_answers() -> None:
    def fingerprint(**options: Any) -> str:
        return _open("openai", "http://127.0.0.1:1/v1", options).fingerprint

    assert fingerprint() == fingerprint() == "openai:api.openai.com/v1"
    assert len({fingerprint(), fingerprint(constrain=False), fingerprint(guided="vllm"), fingerprint(seed=True)}) == 4


@pytest.mark.parametrize("name", [n for n in KEYS if n != "ollama"])
def test_a_missing_key_names_the_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS[name])
    with pytest.raises(BackendFault, match=KEYS[name]) as caught:
        _open(name, None)
    assert caught.value.kind is FaultKind.UNAUTHORISED


def test_a_local_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    for url in (
        "http://localhost:8000/v1",
        "http://gpu-box:8000/v1",
        "http://192.168.1.7/v1",
        "http://[::1]:1/v1",
    ):
        _open("openai", url)
    with pytest.raises(BackendFault, match=r"openrouter\.ai needs a key"):
        _open("openai", "https://openrouter.ai/api/v1")


OWN = {
    "openai": "https://api.openai.com/v1",
    "ollama": "https://ollama.com",
    "anthropic": "https://api.anthropic.com",
    "cohere": "https://api.cohere.com",
    "google": "https://generativelanguage.googleapis.com",
}
VARIABLES = dict(zip(("openai", "ollama", "anthropic", "cohere", "google"), AMBIENT, strict=True))


@every_wire
@pytest.mark.parametrize(
    "host",
    [
        "https://evil.example",
        "https://evil.example:8443/v1",
        "https://{own}.evil.example",
        "https://evil{domain}",
        "http://{own}",
        "http://3627734286",
        "https://127.0.0.1.evil.example",
        "https://localhost.evil.example",
        "https://storage.googleapis.com/bucket",
    ],
)
def test_a_spec_cannot_have_a_key_sent_elsewhere(wire: Wire, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the key looks like: either nothing is opened, or the key is left out."""
    own = OWN[wire.name].split("/")[2]
    url = host.format(own=own, domain=".".join(own.split(".")[-2:]))
    keys = (
        "sk-proj-0123456789abcdef",
        "sk-" + "a" * 20 + "T3BlbkFJ" + "b" * 20,
        "key-of-nobody-0123456789",
        "sk-or-v1-0123456789",
    )
    for key in keys:
        monkeypatch.setenv(KEYS[wire.name], key)
        try:
            backend = _open(wire.name, url)
        except BackendFault as fault:
            assert fault.kind is FaultKind.UNAUTHORISED
            assert "is not sent to" in fault.message
            assert key not in fault.message
            continue
        assert key not in repr(vars(backend._client))  # type: ignore[attr-defined]
        assert "is not sent to" in backend._service.withheld  # type: ignore[attr-defined]
        asyncio.run(backend.close())


@every_wire
def test_a_key_goes_where_a_person_says(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(url: str, file: str = "spec.yaml") -> bool:
        module = find_plugin("backends", wire.name)
        choice = BackendChoice(wire.name, "tiny", {"base_url": url}, {}, None, Span(file, 1, 1, 1, 1))
        backend = module.open_backend(choice, a_context())
        asyncio.run(backend.close())
        return SECRET in repr(vars(backend._client))

    assert opened(OWN[wire.name])
    assert opened("http://127.0.0.1:9")
    assert opened("http://localhost:9")
    assert opened("http://gpu-box:9", "--base-url")
    assert opened("https://gateway.example/v1", "--base-url")
    monkeypatch.setenv(VARIABLES[wire.name], "https://gateway.example/v1")
    assert opened("https://gateway.example/v1")
    assert opened("https://gateway.example/another/path")
    with pytest.raises(BackendFault, match="not sent to"):
        opened("http://gateway.example/v1")  # the person wrote https
    with pytest.raises(BackendFault, match="not sent to"):
        opened("https://evil.example/v1")
    monkeypatch.setenv(VARIABLES[wire.name], "https://one.example/v1, http://[, https://two.example/v1")
    assert opened("https://one.example/v1") and opened("https://two.example/v2")
    with pytest.raises(BackendFault, match="not sent to"):
        opened("https://gateway.example/v1")


def test_the_key_of_another_provider_goes_to_that_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-or-v1-0123456789abcdef")
    _open("openai", "https://openrouter.ai/api/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "gsk_0123456789abcdef")
    _open("openai", "https://api.groq.com/openai/v1")
    with pytest.raises(BackendFault, match="not sent to"):
        _open("openai", "https://openrouter.ai/api/v1")


def test_headers_of_the_environment_go_where_the_key_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    for name, variable in {"openai": "OPENAI_CUSTOM_HEADERS", "anthropic": "ANTHROPIC_CUSTOM_HEADERS"}.items():
        monkeypatch.setenv(variable, "X-Team: blue\nX-Token: hidden-0123456789")
        assert "X-Team" in _open(name, None)._client._headers  # type: ignore[attr-defined]
        assert "hidden-0123456789" not in repr(vars(_open(name, "http://10.0.0.7:1")._client))  # type: ignore[attr-defined]
    assert _open("openai", None)._client._headers["OpenAI-Organization"] == "org-1"  # type: ignore[attr-defined]
    assert "OpenAI-Organization" not in _open("openai", "http://127.0.0.1:1")._client._headers  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["sk-with a\nline 0123456789", "sk-ключ-0123456789", "sk-\x1b[31m-0123456789"])
def test_a_key_that_is_none_is_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(BackendFault, match="OPENAI_API_KEY contains characters") as caught:
        _open("openai", None)
    assert "0123456789" not in caught.value.message


@pytest.mark.parametrize("url", ["ftp://x/v1", "http://", "https://user:pw@host/v1", "https://h/v1?key=1", "h:x"])
def test_a_base_url_that_is_none(url: str) -> None:
    with pytest.raises(BackendFault, match="base_url") as caught:
        _open("openai", url)
    assert caught.value.kind is FaultKind.BAD_REQUEST
    assert "pw" not in caught.value.message


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:77/v1/")
    assert _open("openai", None).server == "http://127.0.0.1:77/v1"
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:78")
    assert _open("ollama", None).server == "http://127.0.0.1:78"
    monkeypatch.delenv("OLLAMA_HOST")
    monkeypatch.delenv("OLLAMA_API_KEY")
    assert _open("ollama", None).server == "http://127.0.0.1:11434"


def test_settings_a_provider_does_not_know() -> None:
    with pytest.raises(BackendFault, match="Ollama has no option 'temperatur'"):
        _open("ollama", None, settings={"temperatur": 1}, options={"base_url": "http://127.0.0.1:1"})
    with pytest.raises(BackendFault, match="name a model"):
        _open("ollama", "http://127.0.0.1:1", model="")
    with pytest.raises(BackendFault, match="reasoning_effort"):
        _open("cohere", None, settings={"reasoning_effort": "low"})
    with pytest.raises(BackendFault, match="Google does not have this setting"):
        _open("google", None, options={"extra_body": {"magic": 1}})


def test_google_takes_either_spelling() -> None:
    extra = {
        "safety_settings": [{"category": "A", "threshold": "B"}],
        "presencePenalty": 0.5,
        "generation_config": {"top_k": 3},
        "response_json_schema": {"properties": {"my_name": {}}},
        "thinking_config": {"include_thoughts": True},
    }
    wire = next(w for w in WIRES if w.name == "google")
    _, seen = _ask(wire, options={"extra_body": extra, "thinking_budget": 0}, settings={"top_p": 0.5, "max_tokens": 9})
    body = seen[0].body
    assert body["safetySettings"] == [{"category": "A", "threshold": "B"}]
    assert body["generationConfig"] == {
        "topP": 0.5,
        "maxOutputTokens": 9,
        "presencePenalty": 0.5,
        "topK": 3,
        "responseJsonSchema": {"properties": {"my_name": {}}},
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0},
    }
    assert seen[0].path == "/v1beta/models/tiny:generateContent"


# Reading what providers say


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "12"}, "", 12.0),
        ({"retry-after": "1.5"}, "", 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, "", 0.25),
        ({"Retry-After": "Wed, 01 Jan 2025 00:00:30 GMT"}, "", 30.0),
        ({"Retry-After": "Tue, 31 Dec 2024 00:00:00 GMT"}, "", 0.0),
        ({"Retry-After": "soon"}, "", None),
        ({}, "Please try again in 8m38.4s.", 518.4),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, '{"retryDelay": "37s"}', 37.0),
        ({"x-ratelimit-reset": "1735689660"}, "", 60.0),
        ({"x-ratelimit-reset": "1735689660000"}, "", 60.0),
        ({"anthropic-ratelimit-requests-reset": "2025-01-01T00:02:00Z"}, "", 120.0),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "10"}, "", None),
        ({"x-ratelimit-reset-tokens": "1h2m3s", "x-ratelimit-remaining-tokens": "0"}, "", 3723.0),
        ({"x-ratelimit-reset-tokens": "nan"}, "", None),
        ({}, "", None),
    ],
)
def test_seconds_to_wait(headers: dict[str, str], body: str, seconds: float | None) -> None:
    waited = seconds_to_wait(headers, body, now=1735689600.0)
    assert waited == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (402, "Insufficient Balance", FaultKind.QUOTA),
        (403, "Your organization must be verified", FaultKind.UNAUTHORISED),
        (403, "content_policy_violation", FaultKind.REFUSED),
        (408, "", FaultKind.TIMED_OUT),
        (504, "<html>", FaultKind.TIMED_OUT),
        (520, "", FaultKind.OVERLOADED),
        (422, "prompt is too long", FaultKind.TOO_LONG),
        (400, "the request exceeds the available context size, try increasing it", FaultKind.TOO_LONG),
        (
            400,
            "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens",
            FaultKind.BAD_REQUEST,
        ),
        (418, "I'm a teapot", FaultKind.BAD_REQUEST),
        (429, '{"error": [[[[[[[["deep"]]]]]]]]}', FaultKind.RATE_LIMITED),
        (429, "", FaultKind.RATE_LIMITED),
    ],
)
def test_kinds_by_status_and_words(status: int, said: str, kind: FaultKind) -> None:
    service = Service("X", "https://x.example", "m")
    assert fault_of_status(service, status, said, {}).kind is kind


def test_messages_are_short_clean_and_on_one_line() -> None:
    service = Service("X", "https://x.example", "m", secrets=("hunter2-hunter2",))
    said = "bad\nkey hunter2-hunter2 and sk-abcdefghijkl, Bearer abc123 " + "x" * 5000
    message = fault_of_status(service, 400, said, {}).message
    assert "hunter2" not in message
    assert "sk-abc" not in message
    assert "abc123" not in message
    assert "\n" not in message
    assert len(message) < 600
    assert "hunter2" not in repr(service)


# The contract, over every backend that is installed


@pytest.mark.parametrize("provider", plugin_names("backends"))
def test_every_backend_describes_itself(provider: str) -> None:
    contract = BackendContract()
    contract.module = find_plugin("backends", provider)
    contract.test_describes_itself()


class WireContract(BackendContract):
    """The contract against a server that this very process runs beside each call."""

    wire: Wire

    @property
    def module(self) -> ModuleType:  # type: ignore[override]
        return find_plugin("backends", self.wire.name)

    @property
    def environment(self) -> dict[str, str]:  # type: ignore[override]
        return {KEYS[self.wire.name]: SECRET}

    def run(self, use: Callable[[Backend], Awaitable[Any]], backend: Backend | None = None) -> Any:
        async def main() -> Any:
            async with Server(self.wire, deque(self.faults)) as server:
                self.options = {"base_url": server.url}
                opened = self.open()
                try:
                    return await use(opened)
                finally:
                    await opened.close()

        with self.set_environment():
            return asyncio.run(main())

    faults: tuple[str, ...] = ()

    def open_failing(self, kind: FaultKind) -> Backend | None:
        self.faults = tuple(f for f, k in FAULTS.items() if k is kind and f != "hang")[:1]
        return self.open() if self.faults else None


@every_wire
@pytest.mark.parametrize("check", [n for n in dir(BackendContract) if n.startswith("test_")])
def test_the_contract_holds(wire: Wire, check: str) -> None:
    contract = WireContract()
    contract.wire = wire
    contract.options = {"base_url": "http://127.0.0.1:1"}
    getattr(contract, check)()


# Prices


def test_prices() -> None:
    assert price_of("ollama", "anything") is not None
    assert price_of("ollama", "anything").prompt == 0.0  # type: ignore[union-attr]
    mini, full = price_of("openai", "gpt-5-mini"), price_of("openai", "gpt-5")
    assert mini is not None
    assert full is not None
    assert mini.completion < full.completion
    assert price_of("openai", "gpt-5-mini-2025-08-07") == mini
    assert price_of("openai", "no-such-model") is None
    assert price_of("nobody", "gpt-5") is None
    assert len(AS_OF) == 10


# What it costs to look


def test_neither_looking_at_a_backend_nor_opening_it_imports_an_sdk() -> None:
    code = (
        "import sys\n"
        "from synthspec.plugins import find_plugin, plugin_names\n"
        "for name in plugin_names('backends'): find_plugin('backends', name)\n"
        "from synthspec.spec import BackendChoice\n"
        "from synthspec.testing.backend_contract import NOWHERE, a_context\n"
        "found = [n for n in 'aiohttp torch transformers'.split() if n in sys.modules]\n"
        "for name in 'openai ollama cohere anthropic google'.split():\n"
        "    choice = BackendChoice(name, 'tiny', {'base_url': 'http://127.0.0.1:1'}, {}, None, NOWHERE)\n"
        "    find_plugin('backends', name).open_backend(choice, a_context())\n"
        "heavy = 'openai ollama httpx httpx2 cohere anthropic google.genai pydantic'.split()\n"
        "print(found + [n for n in heavy if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
