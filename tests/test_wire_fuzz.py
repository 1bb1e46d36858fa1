"""What a provider sends, however strange, ends in a reply or in a fault that says so: on every wire, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from depth import one_in
from wire.called import CALLED, CONTINUED
from wire.mutations import several, single
from wire.wires import TEXT, WIRES, Wire

from synthspec.evaluation.embeddings import EmbeddingBackend, _unpack
from synthspec.inference.backends import Backend
from synthspec.inference.transport.errors import Service, fault_of_status
from synthspec.inference.transport.waits import seconds_to_wait
from synthspec.plugins import find_plugin
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, FaultKind, Message, Reply, Request, ToolDeclaration
from synthspec.testing.backend_contract import NOWHERE, a_context, a_request, check_reply

SECRET = "sk-secret-of-the-test-0123456789"
KEYS = ("OPENAI_API_KEY", "OLLAMA_API_KEY", "ANTHROPIC_API_KEY", "COHERE_API_KEY", "GEMINI_API_KEY")
PATHS = {"google": "/v1beta/models/tiny:generateContent"}
SPREAD = 2  # every so many of the single changes are sent; all of them in the slow tests
MANY = 150

every_wire = pytest.mark.parametrize("wire", [pytest.param(w, id=w.name) for w in WIRES])
some_wires = pytest.mark.parametrize("wire", one_in(2, [pytest.param(w, id=w.name) for w in WIRES]))


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, SECRET)
    for name in ("OPENAI_BASE_URL", "OLLAMA_HOST", "ANTHROPIC_BASE_URL", "CO_API_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def _answer(wire: Wire) -> Any:
    """A reply with what the model thought in it."""
    return wire.fault("thought", PATHS.get(wire.name, "/"), {"model": "tiny"})[1]


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _with_server(
    wire: Wire, answering: Answering, use: Callable[[Backend], Awaitable[Any]], timeout: float = 20.0
) -> Any:
    async def main() -> Any:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answering)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{wire.prefix}"
        choice = BackendChoice(wire.name, "tiny", {"base_url": url}, {}, None, NOWHERE)
        backend = find_plugin("backends", wire.name).open_backend(choice, a_context(timeout))
        try:
            return await use(backend)
        finally:
            await backend.close()
            await runner.cleanup()

    return asyncio.run(main())


async def _outcome(backend: Backend, request: Request | None = None) -> Reply | BackendFault:
    try:
        return await backend.complete(request or a_request())
    except BackendFault as fault:
        return fault


def _replies(wire: Wire, bodies: list[bytes], request: Request | None = None) -> list[Reply | BackendFault]:
    """What each of these bodies, sent as a success, ends in."""
    sent = iter(bodies)

    async def answering(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(body=next(sent), content_type="application/json")

    async def use(backend: Backend) -> list[Reply | BackendFault]:
        return [await _outcome(backend, request) for _ in bodies]

    found: list[Reply | BackendFault] = _with_server(wire, answering, use)
    return found


def _check(outcome: Reply | BackendFault, body: bytes) -> None:
    if isinstance(outcome, Reply):
        text = outcome.text
        check_reply(outcome)
        # What is kept is what was sent, never the look of a map or a list.
        assert text == "" or "{'" not in text
        for count in (outcome.usage.prompt_tokens, outcome.usage.completion_tokens):
            assert count is None or (type(count) is int and 0 <= count <= 10**12)
        outcome.model.encode()
        return
    assert outcome.message.isprintable(), "a terminal would obey it"
    assert len(outcome.message) < 900
    assert SECRET not in outcome.message
    assert "Traceback" not in outcome.message
    assert outcome.kind in (FaultKind.UNREACHABLE, FaultKind.OVERLOADED, FaultKind.RATE_LIMITED, FaultKind.BAD_REQUEST,
                            FaultKind.TIMED_OUT), (outcome.kind, body[:200])  # fmt: skip


@some_wires
def test_a_reply_changed_in_one_place(wire: Wire) -> None:
    bodies = list(single(_answer(wire)))[::SPREAD]
    started = time.process_time()
    for outcome, body in zip(_replies(wire, bodies), bodies, strict=True):
        _check(outcome, body)
    assert len(bodies) > 100
    assert time.process_time() - started < 0.1 * len(bodies) + 10


@some_wires
def test_a_reply_that_calls_tools_changed_in_one_place(wire: Wire) -> None:
    bodies = list(single(CALLED[wire.name]))[::SPREAD]
    whole = json.dumps(CALLED[wire.name]).encode()
    request = a_request(tools=(ToolDeclaration("order_status", "", {"type": "object"}),))
    outcomes = _replies(wire, [whole, *bodies], request)
    assert isinstance(outcomes[0], Reply) and len(outcomes[0].calls) == 2
    for outcome, body in zip(outcomes[1:], bodies, strict=True):
        _check(outcome, body)
        for call in outcome.calls if isinstance(outcome, Reply) else ():
            assert all(isinstance(t, str) for t in (call.id, call.name, call.unread, call.opaque)) and call.id
            json.dumps([call.id, call.name, call.arguments, call.unread], ensure_ascii=False).encode()
            assert isinstance(call.arguments, dict) and not (call.arguments and call.unread)


@pytest.mark.parametrize("wire", [pytest.param(w, id=w.name) for w in WIRES if w.name in CONTINUED])
def test_a_raw_completion_changed_in_one_place(wire: Wire) -> None:
    bodies = list(single(CONTINUED[wire.name]))
    request = a_request(messages=(Message("user", "Once"),), raw=True)
    for outcome, body in zip(_replies(wire, bodies, request), bodies, strict=True):
        _check(outcome, body)


@pytest.mark.slow
@every_wire
def test_a_reply_changed_in_every_place(wire: Wire) -> None:
    bodies = list(single(_answer(wire)))
    for outcome, body in zip(_replies(wire, bodies), bodies, strict=True):
        _check(outcome, body)


@every_wire
def test_a_reply_changed_in_several_places(wire: Wire) -> None:
    bodies = [several(_answer(wire), seed) for seed in range(MANY)]
    for outcome, body in zip(_replies(wire, bodies), bodies, strict=True):
        _check(outcome, body)


USAGE = {
    "openai": ("usage", "prompt_tokens", "completion_tokens"),
    "cohere": ("usage", None, None),
    "anthropic": ("usage", "input_tokens", "output_tokens"),
    "google": ("usageMetadata", "promptTokenCount", "candidatesTokenCount"),
    "ollama": (None, "prompt_eval_count", "eval_count"),
}


@every_wire
@pytest.mark.parametrize("strange", [None, -1, "12", "many", [12], {"a": 1}, 10**30, True, 1.5, "1e999"])
def test_usage_that_is_none_is_unknown_and_the_text_is_kept(wire: Wire, strange: Any) -> None:
    whole, prompt, completion = USAGE[wire.name]
    bodies = []
    for name in (prompt, completion):
        answer = _answer(wire)
        counts = answer if whole is None else answer[whole]
        if name is None:
            counts["billed_units"] = {"input_tokens": strange, "output_tokens": strange}
        else:
            counts[name] = strange
        bodies.append(answer)
    if whole is not None:
        bodies.append({**_answer(wire), whole: strange})
    raw = [json.dumps(b).replace('"1e999"', "1e999").encode() for b in bodies]
    for outcome in _replies(wire, raw):
        assert isinstance(outcome, Reply), outcome
        assert outcome.text == TEXT
        assert not outcome.usage.known


@every_wire
def test_a_reply_that_cannot_be_read_is_named_and_quoted(wire: Wire) -> None:
    """Its text is in the fault, for whoever looks into the quarantine."""
    main = {"openai": "choices", "anthropic": "content", "google": "candidates"}.get(wire.name, "message")
    answer = {**_answer(wire), main: "a text of its own"}
    (outcome,) = _replies(wire, [json.dumps(answer).encode()])
    assert isinstance(outcome, BackendFault)
    assert f"`{main}` is a text instead of a " in outcome.message
    assert "a text of its own" in outcome.message
    assert outcome.kind is FaultKind.UNREACHABLE
    assert outcome.sent == "yes", "it was answered, so it may have been paid for"


# Bodies without end


def _bomb(megabytes: int) -> bytes:
    """What unpacks to so much by gzip, a thousandth of its size."""
    engine = zlib.compressobj(1, zlib.DEFLATED, 31)
    piece = b"a" * (1 << 20)
    return b"".join(engine.compress(piece) for _ in range(megabytes)) + engine.flush()


def highest_memory() -> int:
    """The most KB that this process held. Not `ru_maxrss`, which begins with what its parent held."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def _memory(code: str, *arguments: str) -> tuple[float, float, str]:
    """CPU seconds and MB at most of a Python of its own."""
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": f"{here.parent}{os.pathsep}{here}"})  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, kilobytes, rest = done.stdout.split(" ", 2)
    return float(seconds), float(kilobytes) / 1024, rest


BOUNDED = """
import asyncio, json, resource, sys, time, zlib
sys.path.insert(0, {here!r})
from aiohttp import web
import test_wire_fuzz as tests
from synthspec.spec.messages import BackendFault
name, status, kind, mb = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
wire = next(w for w in tests.WIRES if w.name == name)
chunk = b'{{"error": {{"message": "' + b"model at key= 1.1.1.1 in a prompt " * 1000
async def answering(request):
    await request.read()
    headers = {{"Content-Type": "application/json"}}
    if kind == "plain":
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        try:
            for _ in range(mb * 1024 * 1024 // len(chunk)):
                await response.write(chunk)
        except ConnectionError:
            pass
        return response
    body = tests._bomb(mb)
    return web.Response(status=status, body=body, headers={{**headers, "Content-Encoding": kind}})
async def use(backend):
    return await tests._outcome(backend)
before = resource.getrusage(resource.RUSAGE_SELF)
outcome = tests._with_server(wire, answering, use, timeout=60)
after = resource.getrusage(resource.RUSAGE_SELF)
assert isinstance(outcome, BackendFault), outcome
print(after.ru_utime - before.ru_utime, tests.highest_memory(), outcome.kind.name, outcome.message)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("status", "kind"), [(500, "plain"), (200, "plain"), (500, "gzip"), (200, "gzip")])
def test_no_body_takes_more_memory_than_its_bound(status: int, kind: str) -> None:
    """48 MB of an error, a reply without end, and what unpacks to 400 MB; the server of the test is counted too."""
    code = BOUNDED.format(here=str(Path(__file__).parent))
    seconds, megabytes, said = _memory(code, "openai", str(status), kind, "48" if kind == "plain" else "400")
    assert seconds < 60
    assert megabytes < 200
    if status == 500:
        assert said.startswith("OVERLOADED")
    else:
        assert said.startswith("UNREACHABLE")
        assert "more than 8 MB" in said


@pytest.mark.parametrize(("wire", "status"), one_in(3, product(WIRES, [200, 500])))
def test_no_body_is_read_beyond_its_bound(wire: Wire, status: int) -> None:
    written = 0
    bomb = _bomb(64)

    async def answering(request: web.Request) -> web.StreamResponse:
        nonlocal written
        await request.read()
        if written:
            return web.Response(status=status, body=bomb, headers={"Content-Encoding": "gzip"})
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                await response.write(b"a" * (1 << 20))
                written += 1
        return response

    async def use(backend: Backend) -> list[Reply | BackendFault]:
        return [await _outcome(backend), await _outcome(backend)]

    for outcome in _with_server(wire, answering, use):
        assert isinstance(outcome, BackendFault)
        assert outcome.kind is (FaultKind.UNREACHABLE if status == 200 else FaultKind.OVERLOADED)
        assert status == 500 or "more than 8 MB" in outcome.message
    assert written < 40, "the connection was read to its end"


@every_wire
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda b: _deflate(b)), ("identity", bytes)],
)
def test_packed_replies_are_read(wire: Wire, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    async def answering(request: web.Request) -> web.StreamResponse:
        await request.read()
        body = pack(json.dumps(_answer(wire)).encode())
        response = web.StreamResponse(headers={"Content-Encoding": encoding, "Content-Type": "application/json"})
        await response.prepare(request)
        for at in range(0, len(body), 7):
            await response.write(body[at : at + 7])
        return response

    outcome = _with_server(wire, answering, _outcome)
    assert isinstance(outcome, Reply), outcome
    assert outcome.text == TEXT


def _deflate(body: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(body) + engine.flush()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip", "deflate", "gzip, gzip"])
def test_a_body_that_cannot_be_unpacked_is_a_fault(encoding: str) -> None:
    async def answering(request: web.Request) -> web.StreamResponse:
        await request.read()
        packed = gzip.compress(json.dumps(_answer(WIRES[0])).encode())
        body = packed[: len(packed) // 2] if encoding == "gzip" else b"\x00\x01\x02 nothing of the kind"
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    outcome = _with_server(WIRES[0], answering, _outcome)
    assert isinstance(outcome, BackendFault)
    assert outcome.kind is FaultKind.UNREACHABLE


# Errors


BAD = ("sk-" * 30_000, "1." * 40_000, "try again in " * 8_000, "1s" * 40_000, "://" * 30_000, "model " * 20_000,
       "[" * 65_000, '{"a":' * 12_000, " " * 65_000, "bearer " * 9_000, "\x1b[2J" * 9_000, "\udc80" * 9_000)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_reading_an_error_takes_no_time(bad: str, status: int) -> None:
    service = Service("X", "https://x.example", "m", secrets=(SECRET,))
    started = time.process_time()
    for body in (bad, json.dumps({"error": {"message": bad}}), json.dumps({"error": [{"message": bad}] * 3}), bad * 40):
        fault = fault_of_status(service, status, body, {"Retry-After": bad[:8000], "x-ratelimit-reset": bad[:8000]})
        assert fault.message.isprintable()
        assert len(fault.message) < 900
        assert fault.retry_after is None or fault.retry_after >= 0
    assert time.process_time() - started < 10


@pytest.mark.parametrize("moment", ["1e999", "-1", "9" * 400, "nan", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
                                    "Mon, 99 Foo 99999 99:99:99 GMT", "Tue, 31 Dec 9999 23:59:59 -2359", "\x00", "1h" * 500,
                                    "20250101", "2025-W01", "T", ",", "Thu, 01 Jan 1 00:00:00 +9999"])  # fmt: skip
def test_any_moment_can_be_read(moment: str) -> None:
    for name in ("Retry-After", "retry-after-ms", "x-ratelimit-reset"):
        waited = seconds_to_wait({name: moment}, f"try again in {moment}")
        assert waited is None or waited >= 0


def test_a_secret_is_hidden_wherever_it_is_cut() -> None:
    """A long text is cut before it is searched: no part of a key may stand at the end of what is left."""
    service = Service("X", "https://x.example", "m", secrets=(SECRET,))
    for before in range(0, 900, 7):
        for text in (
            "a" * before + SECRET + "b" * 900,
            (SECRET + " ") * 3 + "a" * before + SECRET,
            SECRET * (before or 1),
        ):
            said = service.clean(text)
            assert not any(SECRET[at : at + 9] in said for at in range(len(SECRET) - 8)), said


@every_wire
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503, 302, 204, 207, 418])
def test_an_error_shows_neither_key_nor_escapes(wire: Wire, status: int) -> None:
    async def answering(request: web.Request) -> web.StreamResponse:
        await request.read()
        sent = " ".join(request.headers.values())
        said = f"\x1b]0;owned\x07\x1b[2J\x9b31m \u202eright to left \r over {sent} {SECRET}"
        forms: Mapping[int, Any] = {
            0: {"error": {"message": said}},
            1: {"message": said},
            2: said,
            3: [{"error": said}],
        }
        body = json.dumps(forms[status % 4], ensure_ascii=status % 3 == 0).encode()
        headers = {"Location": f"http://127.0.0.1:1/?key={SECRET}"} if status == 302 else {}
        return web.Response(status=status, body=b"" if status == 204 else body, headers=headers)

    outcome = _with_server(wire, answering, _outcome)
    assert isinstance(outcome, BackendFault), outcome
    assert outcome.message.isprintable(), ascii(outcome.message)
    assert SECRET not in outcome.message


@every_wire
def test_a_list_of_models_may_hold_anything(wire: Wire) -> None:
    bodies = [*single(wire.models()), *(several(wire.models(), seed) for seed in range(60))]
    sent = iter(bodies)

    async def answering(request: web.Request) -> web.StreamResponse:
        return web.Response(body=next(sent), content_type="application/json")

    async def use(backend: Backend) -> None:
        for body in bodies:
            try:
                listed = await backend.models()
            except BackendFault as fault:
                assert fault.message.isprintable()
                continue
            assert list(listed) == sorted(listed), body[:200]
            assert all(isinstance(name, str) and name for name in listed)

    _with_server(wire, answering, use)


@pytest.mark.parametrize("path", ["api/embed", "embeddings"])
def test_embeddings_may_hold_anything(path: str) -> None:
    vectors = [[0.5, 1.0, -2.0], [0.25, 0.0, 1.0]]
    answer: Any = {"embeddings": vectors, "prompt_eval_count": 4, "model": "e"}
    if path == "embeddings":
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        answer = {"object": "list", "model": "e", "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}}
    backend = EmbeddingBackend(Service("X", "http://127.0.0.1:1", "e"), {}, path, {})
    whole = 0
    for body in [*single(answer), *(several(answer, seed) for seed in range(300))]:
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            continue  # never comes so far
        try:
            reply = backend._read(read, 2)
        except BackendFault as fault:
            assert fault.message.isprintable()
            continue
        found = _unpack(reply.text)
        assert found.shape[0] == 2 and np.isfinite(found).all()
        whole += 1
    assert whole > 20
