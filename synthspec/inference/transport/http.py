"""A lean way to send JSON: one aiohttp session, bytes in, parsed JSON out, faults of the closed set.

Why not the SDKs' own senders: a call costs 1.9 ms of CPU through the OpenAI SDK, 1.3 over its aiohttp
transport, and 0.13 here; httpx also grows with the number of connections, so 1,000 in flight collapse. The
SDKs still say where to send and with which headers. One time-out covers the whole call; redirects, which
could carry a key to another host, are not followed; nothing is sent twice; no answer is read without a bound.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.request
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from synthspec import __version__
from synthspec.inference.transport.bodies import ENCODINGS, MOST_REPLY, BodyFault, read_error, read_reply
from synthspec.inference.transport.chat import is_loopback
from synthspec.inference.transport.errors import Service, cut_reply, fault_of_exception, fault_of_status, strange_reply
from synthspec.spec.messages import BackendFault, FaultKind

LONGEST_CONNECT = 15.0  # seconds
# Below the 5 s after which common local servers close an idle connection: later, the next call would be lost.
KEEP_IDLE = 4.0
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
        self._urls: dict[str, URL] = {}
        self._headers = dict(headers)
        self._proxy = _proxy_for(URL(self._base))
        self._session: aiohttp.ClientSession | None = None

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
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, method: str, path: str, data: bytes | None) -> Any:
        session = self._session or self._open()
        url = self._urls.get(path) or self._urls.setdefault(path, URL(self._base + path))
        try:
            async with session.request(method, url, data=data, proxy=self._proxy, allow_redirects=False) as answer:
                if not 200 <= answer.status < 300:
                    said = await read_error(answer)
                    raise fault_of_status(self.service, answer.status, said, answer.headers)
                raw = await read_reply(answer, self._most)
        except BodyFault as e:
            raise strange_reply(self.service, str(e)) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as e:
            raise fault_of_exception(self.service, e) from None
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            if raw.lstrip()[:1] == b"<":
                raise self._not_an_api(path) from None
            raise cut_reply(self.service) from None

    def _not_an_api(self, path: str) -> BackendFault:
        where = f"{self.service.address}/{path}"
        return BackendFault(FaultKind.BAD_REQUEST, f"{where} answers with a web page, not an API; check `base_url`")

    def _open(self) -> aiohttp.ClientSession:
        _allow_connections()
        total = self.service.timeout
        secure = self._base.startswith("https:")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=300, keepalive_timeout=KEEP_IDLE, ssl=_trust() if secure else True
            ),
            headers={**_STANDARD, **self._headers},
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(total, LONGEST_CONNECT)),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session


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


def _proxy_for(url: URL) -> str | None:
    """The proxy of the environment. Looked up once: aiohttp's own look-up costs as much as the call."""
    host = url.host or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _trust() -> ssl.SSLContext:
    """The system's certificates, and certifi's where that is installed (some systems have none)."""
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context
