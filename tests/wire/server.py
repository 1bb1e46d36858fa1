"""The server: answers requests of any wire, and plays the faults it is told to, one a request."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from wire.wires import Wire


@dataclass
class Seen:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """Speaks one wire on 127.0.0.1. `faults` is played from the left, one a call; then every call succeeds.

    A fault is a name the wire knows (`rate`, `quota`, `long`, …), or `hang`, `drop`, `cut`, `short`, `page`.
    """

    wire: Wire
    faults: deque[str] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    together: int = 0  # calls that have to be here at once before any is answered
    in_flight: int = 0
    most_in_flight: int = 0
    _gathered: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Server:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        address = self._runner.addresses[0]
        self.url = f"http://127.0.0.1:{address[1]}{self.wire.prefix}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.seen.append(Seen(request.path, dict(request.headers), body))
        if request.method == "GET":
            return _json(200, self.wire.models(), {})
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.most_in_flight >= self.together:
                self._gathered.set()
            await self._gathered.wait()
            if self.faults:
                return await self._fail(request, body, self.faults.popleft())
            return _json(200, self.wire.answer(request.path, body), {})
        finally:
            self.in_flight -= 1

    async def _fail(self, request: web.Request, body: Any, fault: str) -> web.StreamResponse:
        if fault == "hang":
            await asyncio.sleep(30)
        if fault in ("hang", "drop"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "page":
            return web.Response(text="<!doctype html><title>hello</title>", content_type="text/html")
        if fault in ("cut", "short"):
            text = json.dumps(self.wire.answer(request.path, body))
            return await _cut(request, text.encode(), promised=fault == "short")
        status, value, headers = self.wire.fault(fault, request.path, body)
        return _json(status, value, headers)


def _json(status: int, value: Any, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(value).encode(), content_type="application/json", headers=headers
    )


async def _cut(request: web.Request, whole: bytes, promised: bool) -> web.StreamResponse:
    """Half of the body: well framed, or with the whole length promised and the connection closed."""
    half = whole[: len(whole) // 2]
    if not promised:
        return web.Response(body=half, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(whole))})
    await response.prepare(request)
    await response.write(half)
    assert request.transport is not None
    request.transport.close()
    return response
