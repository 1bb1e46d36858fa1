"""What goes wrong at a provider, through the command line and on every wire: the exit status, the message, what is kept."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from depth import rest_slow
from wire.server import Server
from wire.wires import WIRES, Wire

from synthspec.cli import cli
from synthspec.inference.sending import governor

SECRET = "sk-secret-of-the-test-0123456789"
KEYS = {"openai": "OPENAI_API_KEY", "ollama": "OLLAMA_API_KEY", "anthropic": "ANTHROPIC_API_KEY",
        "cohere": "COHERE_API_KEY", "google": "GEMINI_API_KEY"}  # fmt: skip
AMBIENT = ("OPENAI_BASE_URL", "OLLAMA_HOST", "ANTHROPIC_BASE_URL", "CO_API_URL", "GOOGLE_GEMINI_BASE_URL")
ROWS = 4
SPEC = """
    synthspec: 1
    name: wires
    rows: {rows}
    parameters: {{n: [1, 2, 3, 4]}}
    prompts:
      call: {{user: "Write a call, number {{{{ n }}}}.", writes: [call]}}
    fields:
      call: {{type: string}}
    backend: {{provider: {provider}, model: tiny, base_url: "{url}"}}
    limits: {{concurrency: 2, attempts: 2, timeout: {timeout}, minutes: {minutes}}}
"""

every_wire = pytest.mark.parametrize("wire", [pytest.param(w, id=w.name) for w in WIRES])


def each_on_one(faults: Iterable[str]) -> pytest.MarkDecorator:
    """Every fault on one wire in the default run, and every wire with some; each with each among the slow tests."""
    cases = [(wire, fault) for wire in WIRES for fault in faults]
    default = [at for at, _ in enumerate(cases) if (at // len(list(faults)) + at) % 5 == 0]
    return pytest.mark.parametrize(
        ("wire", "fault"), rest_slow(cases, default), ids=[f"{fault}-{wire.name}" for wire, fault in cases]
    )


class Always(deque[str]):
    """The same fault at every call."""

    def popleft(self) -> str:  # type: ignore[override]
        return self[0]


class Playing(Server):
    """A server that also answers as told with a status, and a body of no use."""

    async def _fail(self, request: web.Request, body: Any, fault: str) -> web.StreamResponse:
        if fault == "now":  # a rate limit that is soon over
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.01"})
        if fault == "overloaded":
            return web.json_response({"error": {"message": "overloaded"}}, status=503)
        if fault == "garbage":
            return web.Response(body=b"\x00\xff\x1b[2J garbage", content_type="application/json")
        if fault == "null":
            return web.Response(body=b"null", content_type="application/json")
        if fault == "redirect":
            return web.Response(status=307, headers={"Location": f"{self.url}/elsewhere"})
        if fault == "echo":
            return web.Response(status=400, text=f"bad request with {dict(request.headers)}")
        return await super()._fail(request, body, fault)


@contextmanager
def serving(wire: Wire, faults: deque[str]) -> Iterator[Playing]:
    """The server in a thread, for commands that have a loop of their own."""
    server = Playing(wire, faults)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(300)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(300)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(300)
        loop.close()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    for name in KEYS.values():
        monkeypatch.setenv(name, SECRET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(governor, "_FIRST_DELAY", 0.01)


def write(provider: str, url: str, minutes: float = 5, rows: int = 2, timeout: float = 20) -> None:
    text = SPEC.format(provider=provider, url=url, minutes=minutes, rows=rows, timeout=timeout)
    Path("spec.yaml").write_text(dedent(text), encoding="utf-8")


def build(wire: Wire, server: Server, minutes: float = 5, rows: int = ROWS, timeout: float = 20) -> Result:
    """`synthspec build` of a small spec; whatever happens, no traceback, no key and no escape is shown."""
    write(wire.name, server.url, minutes, rows, timeout)
    done = CliRunner().invoke(cli, ["build", "spec.yaml", "--out", "out"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    for path in (p for p in Path("out").rglob("*") if p.is_file()):
        assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in done.output
    assert "\x1b" not in done.output
    return done


def kept(folder: str = "out") -> int:
    return len(Path(folder, "wires.csv").read_text(encoding="utf-8").splitlines()) - 1


LOOK = """
    synthspec: 1
    name: wires
    rows: 2
    parameters: {{photo: [a.gif, b.gif]}}
    prompts:
      caption: {{images: [photo], user: Write a caption., writes: [caption]}}
    fields:
      caption: {{type: string}}
    backend: {{provider: {provider}, model: tiny, base_url: "{url}"}}
    limits: {{concurrency: 1, attempts: 1}}
"""


@every_wire
@pytest.mark.parametrize("fault", ["", "picture"])
def test_pictures_go_out_and_one_that_is_refused_costs_its_row_alone(wire: Wire, fault: str) -> None:
    pictures = {name: b"GIF89a\x03\0\x02\0\0\0\0" + name.encode() for name in ("a.gif", "b.gif")}
    for name, data in pictures.items():
        Path(name).write_bytes(data)
    with serving(wire, deque([fault] if fault else [])) as server:
        Path("spec.yaml").write_text(dedent(LOOK.format(provider=wire.name, url=server.url)), encoding="utf-8")
        done = CliRunner().invoke(cli, ["build", "spec.yaml", "--out", "out"])
        assert done.exit_code == (3 if fault else 0), done.output
        assert kept() == (1 if fault else 2)
        sent = [json.dumps(seen.body) for seen in server.seen]
        assert len(sent) == 2
        for data in pictures.values():
            assert sum(base64.b64encode(data).decode() in body for body in sent) == 1


@each_on_one(["now", "500", "overloaded", "drop", "cut", "short", "hang", "garbage", "null"])
def test_what_passes_is_tried_again(wire: Wire, fault: str) -> None:
    with serving(wire, deque([fault])) as server:
        done = build(wire, server, timeout=2 if fault == "hang" else 60)
        assert done.exit_code == 0, done.output
        made = len(server.seen)
        assert made == ROWS + 1 or (fault == "hang" and made > ROWS)  # a busy machine may be late more than once
        again = build(wire, server)
        assert again.exit_code == 0
        assert len(server.seen) == made, "what was paid for is not asked for again"
    assert kept() == ROWS
    manifest = json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))
    assert manifest["funnel"]["kept"] == ROWS


FATAL = {
    "quota": "quota exhausted",
    "401": "did not accept the call",
    "404": "has no model 'tiny'",
    "400": "bad request",
    "page": "answers with a web page",
    "redirect": "has moved (307)",
    "echo": "bad request",
}


@each_on_one(FATAL)
def test_what_cannot_pass_stops_at_once(wire: Wire, fault: str) -> None:
    with serving(wire, Always([fault])) as server:
        done = build(wire, server)
        assert done.exit_code == 3, done.output
        assert len(server.seen) <= 2, "no more than were in flight"
        assert not any("elsewhere" in seen.path for seen in server.seen)
        said = FATAL[fault] if fault != "404" or "model" in done.output else "404"
        assert said in " ".join(done.output.split()), done.output
        server.faults = deque()
        assert build(wire, server).exit_code == 0, "what stopped it is over: the build goes on"
    assert kept() == ROWS


@pytest.mark.parametrize(
    "wire", [pytest.param(w, id=w.name, marks=[pytest.mark.slow] if w.name != "openai" else []) for w in WIRES]
)
@pytest.mark.parametrize("fault", ["now", "500", "drop", "hang", "garbage"])
def test_a_server_that_only_fails_ends_the_build_in_time(wire: Wire, fault: str) -> None:
    with serving(wire, Always([fault])) as server:
        done = build(wire, server, minutes=0.02, rows=2, timeout=0.4 if fault == "hang" else 20)
        assert done.exit_code == 3, done.output
        assert "error" in done.output or "limit of" in done.output or wire.name in done.output, done.output
        server.faults = deque()
        assert build(wire, server, rows=2).exit_code == 0
    assert kept() == 2


@every_wire
@pytest.mark.parametrize("command", ["build", "preview"])
def test_no_server(wire: Wire, command: str) -> None:
    with serving(wire, deque()) as server:
        url = server.url
    write(wire.name, url)
    done = CliRunner().invoke(cli, [command, "spec.yaml"])
    assert done.exit_code == 3
    assert "no server answers at http://127.0.0.1" in " ".join(done.output.split())


@pytest.mark.parametrize("name", [n for n in KEYS if n != "ollama"])
def test_no_key_is_said_before_anything_is_sent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS[name])
    write(name, "")
    path = Path("spec.yaml")
    path.write_text(path.read_text(encoding="utf-8").replace(', base_url: ""', ""), encoding="utf-8")
    done = CliRunner().invoke(cli, ["build", "spec.yaml"])
    assert done.exit_code == 3
    assert f"set {KEYS[name]}" in " ".join(done.output.split())


@pytest.mark.parametrize("name", list(KEYS))
def test_a_strangers_spec_gets_no_key(name: str) -> None:
    write(name, "https://evil.example/v1")
    for command in ("build", "preview"):
        done = CliRunner().invoke(cli, [command, "spec.yaml"])
        assert done.exit_code == 3
        assert "is not sent to evil.example, which only the spec names" in " ".join(done.output.split())
