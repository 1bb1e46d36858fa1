"""The OpenAI backend against a real server: llama-server with a model of random weights."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest
from server_build import CannotBuildError, find_server

from synthspec.inference.backends import Backend
from synthspec.plugins import find_plugin
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, Constraint, FaultKind, Message, Reply
from synthspec.testing.backend_contract import NOWHERE, BackendContract, a_context, a_request, check_reply

gguf = pytest.importorskip("gguf", reason="the gguf package is not installed: no model can be written")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("llama-server")]

SCHEMA = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 12},
            "score": {"type": "integer", "minimum": 1, "maximum": 5},
        },
        "required": ["name", "score"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server; its address."""
    from tiny_gguf import write_model

    try:
        program = find_server()
    except CannotBuildError as e:
        pytest.skip(str(e))
    folder = tmp_path_factory.mktemp("llama")
    write_model(folder / "tiny.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "-m", str(folder / "tiny.gguf"), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "-c", "8192", "--parallel", "8", "-t", "2"], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", server, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:  # it may wait for a reply that nobody reads any more
                server.kill()
                server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"llama-server did not come up: {log.read_text(errors='replace')[-2000:]}")


def _open(url: str, timeout: float = 60.0, settings: dict[str, Any] | None = None, **options: Any) -> Backend:
    choice = BackendChoice(
        "openai", "tiny", {"base_url": url, **options}, {"max_tokens": 100, **(settings or {})}, None, NOWHERE
    )
    backend: Backend = find_plugin("backends", "openai").open_backend(choice, a_context(timeout))
    return backend


def _use(backend: Backend, use: Callable[[Backend], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        try:
            return await use(backend)
        finally:
            await backend.close()

    return asyncio.run(main())


def _ask(backend: Backend, count: int = 1, **changes: Any) -> list[Reply]:
    async def use(b: Backend) -> list[Reply]:
        return list(await asyncio.gather(*(b.complete(a_request(i, **changes)) for i in range(count))))

    replies: list[Reply] = _use(backend, use)
    for reply in replies:
        check_reply(reply)
    return replies


def test_it_answers_with_usage(url: str) -> None:
    reply = _ask(_open(url, settings={"max_tokens": 20}))[0]
    assert reply.text.isascii()
    assert 0 < reply.usage.completion_tokens <= 20
    assert reply.usage.prompt_tokens > 10
    assert reply.model


def test_a_json_schema_is_honoured(url: str) -> None:
    import jsonschema

    for reply in _ask(_open(url), 20, constraint=Constraint(json_schema=SCHEMA)):
        assert reply.finish == "stop"
        jsonschema.validate(json.loads(reply.text), dict(SCHEMA))


def test_a_regex_is_honoured_as_a_grammar(url: str) -> None:
    for pattern in (r"\+34 [67]\d{8}", r'(?:yes|no), "[A-Z][a-z^\]-]{1,5}\\"', r"\w+\s[^a-z\s]{2}"):
        backend = _open(url, guided="llama", settings={"max_tokens": 200})
        for reply in _ask(backend, 6, constraint=Constraint(regex=pattern)):
            if reply.finish == "stop":
                assert re.fullmatch(pattern, reply.text), reply.text
    assert any(r.finish == "stop" for r in _ask(_open(url, guided="llama"), 3, constraint=Constraint(regex="[ab]{3}")))


def test_seeds(url: str) -> None:
    hello = (Message("user", "hello"),)
    first, second, third = (
        _ask(_open(url, seed=True, settings={"max_tokens": 20}), seed=seed, messages=hello)[0].text
        for seed in (5, 5, 6)
    )
    assert first == second != third


def test_length_and_stop(url: str) -> None:
    backend = _open(url, guided="llama", settings={"max_tokens": 5})
    assert _ask(backend, constraint=Constraint(regex="[a-z]{40}"))[0].finish == "length"
    backend = _open(url, guided="llama", settings={"stop": "c"})
    assert re.fullmatch("[ab]{3}", _ask(backend, constraint=Constraint(regex="[ab]{3}c[ab]{9}"))[0].text)


def test_a_prompt_that_is_too_long(url: str) -> None:
    with pytest.raises(BackendFault) as caught:
        _ask(_open(url), messages=(Message("user", "word " * 4000),))
    assert caught.value.kind is FaultKind.TOO_LONG


def test_a_bad_request(url: str) -> None:
    with pytest.raises(BackendFault) as caught:
        _ask(_open(url, extra_body={"grammar": "root ::= nonsense"}))
    assert caught.value.kind is FaultKind.BAD_REQUEST


def test_a_time_out(url: str) -> None:
    backend = _open(url, timeout=0.05, guided="llama", settings={"max_tokens": 1500})
    with pytest.raises(BackendFault) as caught:
        _ask(backend, constraint=Constraint(regex="[a-z]{1400}"))
    assert caught.value.kind is FaultKind.TIMED_OUT


def test_models_are_listed(url: str) -> None:
    listed = _use(_open(url), lambda b: b.models())
    assert len(listed) == 1


class TestContract(BackendContract):
    """The suite every backend holds to, against the real server."""

    model = "tiny"
    settings = MappingProxyType({"max_tokens": 40})

    @pytest.fixture(autouse=True)
    def _use_server(self, url: str) -> None:
        self.options = {"base_url": url, "guided": "llama"}

    @property
    def module(self) -> ModuleType:  # type: ignore[override]
        return find_plugin("backends", "openai")
