"""A lean way to send JSON: bytes in, parsed JSON out, faults of the closed set.

Why not the SDKs' own senders: a call costs 1.9 ms of CPU through the OpenAI SDK, 1.3 over its aiohttp transport; httpx
also grows with the number of connections, so 1,000 in flight collapse. The SDKs still say where to send and with which
headers. A time-out covers request and reply, and that of the engine the whole call; redirects, which could carry a key
to another host, are not followed; nothing is sent twice; no answer is read without a bound.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec import __version__
from synthspec.inference.transport.bodies import ENCODINGS, MOST_ERROR, MOST_REPLY, BodyFault, error_in, reply_in
from synthspec.inference.transport.chat import is_loopback
from synthspec.inference.transport.connections import Connections
from synthspec.inference.transport.errors import Service, cut_reply, fault_of_exception, fault_of_status, strange_reply
from synthspec.spec.messages import BackendFault, FaultKind

if TYPE_CHECKING:
    from synthspec.inference.transport.proxied import ProxiedConnections

MOST_FILES = 8192
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_STANDARD = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": ENCODINGS,
    "User-Agent": f"synthspec/{__version__}",
}


class JsonClient:
    """Sends JSON to one service. `base` is the URL that paths are appended to."""

    def __init__(self, service: Service, base: str, headers: Mapping[str, str], most: int = MOST_REPLY) -> None:
        self.service = service
        self._most = most  # bytes of a reply
        self._base = base.rstrip("/") + "/"
        self._headers = dict(headers)
        self._open: Connections | ProxiedConnections | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What goes with every request of this service, the secret among them."""
        return self._headers

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a body, get the parsed reply.

        Raises:
            BackendFault: for anything but a success with JSON in it.
        """
        data = _encode(body).encode("utf-8", "replace")
        return await self._send("POST", path, data)

    async def get(self, path: str) -> Any:
        """Fetch and parse. Raises as `post` does."""
        return await self._send("GET", path, None)

    async def close(self) -> None:
        """Close every connection."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _send(self, method: str, path: str, data: bytes | None) -> Any:
        try:
            connections = self._open or self._connections()
            answer = await connections.send(method, path, data)
            if not 200 <= answer.status < 300:
                raise fault_of_status(self.service, answer.status, error_in(answer), answer.headers)
            raw = reply_in(answer, self._most)
        except BodyFault as e:
            raise strange_reply(self.service, str(e)) from None
        except (OSError, ValueError) as e:
            raise fault_of_exception(self.service, e) from None
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            if raw.lstrip()[:1] == b"<":
                raise self._not_an_api(path) from None
            raise cut_reply(self.service, raw[:400].decode("utf-8", "replace")) from None

    def _not_an_api(self, path: str) -> BackendFault:
        where = f"{self.service.address}/{path}"
        return BackendFault(FaultKind.BAD_REQUEST, f"{where} answers with a web page, not an API; check `base_url`")

    def _connections(self) -> Connections | ProxiedConnections:
        _allow_connections()
        headers, total = {**_STANDARD, **self._headers}, self.service.timeout
        proxy = _proxy_for(self._base)
        if proxy is None:
            self._open = Connections(self._base, headers, total, self._bound)
        else:
            from synthspec.inference.transport.proxied import ProxiedConnections

            self._open = ProxiedConnections(self._base, headers, total, self._bound, proxy)
        return self._open

    def _bound(self, status: int) -> int:
        """Bytes that are read of an answer with this status."""
        return self._most if 200 <= status < 300 else MOST_ERROR


def _allow_connections() -> None:
    """Let this process hold as many connections as the system permits it; some start with 256."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _proxy_for(url: str) -> str | None:
    """The proxy of the environment, or of the system where it has a place for that."""
    if sys.platform.startswith("linux") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
