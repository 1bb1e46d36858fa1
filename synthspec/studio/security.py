"""Who may speak to the studio: only the person who started it, from pages that it served.

A token in the address that the terminal shows is good for one visit: it is exchanged for a cookie that no script can
read and no other site can send. Requests under another host name (DNS rebinding) and from pages of other origins are
refused before anything is looked at.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synthspec.studio.secret_values import hide_secrets

LOOPBACK = "127.0.0.1"
READS = frozenset({"GET", "HEAD"})
OPEN_PATHS = "/static/"  # our own scripts and styles, which hold nothing of the person's
SAME = frozenset({"same-origin", "none"})  # `Sec-Fetch-Site` of our pages, and of an address that was typed
TOLD_EVERY = 5.0  # seconds between two addresses told to somebody who came without a cookie
_ENCODED = re.compile(rb"%(?:2f|5c|00)|\\", re.IGNORECASE)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


class Door:
    """The token, the sessions and the addresses of one running studio.

    `tell` is given an address that is good for one visit, when somebody comes without a cookie.
    """

    def __init__(
        self, port: int, tell: Callable[[str], None] = lambda address: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.port = port
        self.cookie = f"synthspec-{port}"  # cookies know no ports: two studios must not share one
        self.hosts = frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"})
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        self._token = secrets.token_urlsafe(32)
        self._sessions: set[str] = set()
        self._tell, self._clock, self._told = tell, clock, -TOLD_EVERY

    @property
    def address(self) -> str:
        """Where the studio is, good for one visit."""
        return f"http://{LOOPBACK}:{self.port}/?token={self._token}"

    def redeem(self, token: str) -> str | None:
        """A session for the token, which is spent by that; None for any other text."""
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = secrets.token_urlsafe(32)
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        return session

    def admits(self, request: Request) -> bool:
        """Whether a request comes with the cookie of a session."""
        return any(
            hmac.compare_digest(session.encode(), given.encode())
            for given in _cookies(request, self.cookie)
            for session in self._sessions
        )

    def tell_address(self) -> None:
        """Tell the person at the terminal an address that is good now, not too often."""
        if self._clock() - self._told >= TOLD_EVERY:
            self._told = self._clock()
            self._tell(self.address)


class GuardedApp:
    """An application behind a door: every request is looked at here first, every response leaves through here."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        leaving = _Leaving(request, send)
        refused = self._refusal(request)
        if refused is not None:
            await refused(scope, receive, leaving)
            return
        entering = self._entering(request)
        if entering is not None:
            await entering(scope, receive, leaving)
            return
        scope["studio.admitted"] = request.url.path.startswith(OPEN_PATHS) or self._door.admits(request)
        if not scope["studio.admitted"] and request.method in READS:
            self._door.tell_address()
        await self._app(scope, receive, leaving)

    def _refusal(self, request: Request) -> Response | None:
        """Why a request is none of ours, whatever it asks for."""
        door = self._door
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in door.hosts:
            return PlainTextResponse("This is not the address of the studio.\n", 421)
        if _ENCODED.search(request.scope.get("raw_path") or b"") or "\0" in request.url.path:
            return PlainTextResponse("This is not the address of a page.\n", 400)
        origins = request.headers.getlist("origin")
        if any(origin not in door.origins for origin in origins):
            return PlainTextResponse("Pages of other origins are not answered.\n", 403)
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in SAME and not _is_visit(request):
            return PlainTextResponse("Pages of other origins are not answered.\n", 403)
        if request.method not in READS and len(origins) != 1:
            return PlainTextResponse("A change must say from which page it comes.\n", 403)
        if _is_stream(request) and not origins and site != "same-origin":
            return PlainTextResponse("A stream must say from which page it comes.\n", 403)
        return None

    def _entering(self, request: Request) -> Response | None:
        """The answer to an address with a token: a cookie, and the same address without it."""
        given = [value for name, value in parse_qsl(request.url.query) if name == "token"]
        if request.method != "GET" or request.url.path != "/" or not given:
            return None
        session = self._door.redeem(given[0])
        if session is None and not self._door.admits(request):
            return None  # which is told as any visit without a cookie
        response = RedirectResponse("/", 303)
        if session is not None:
            response.set_cookie(self._door.cookie, session, path="/", httponly=True, samesite="strict")
        return response


class _Leaving:
    """Sends a response with our headers, and without any secret of the environment."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request, self._send = request, send
        self._hides = False
        self._begun: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", policy(self._request.scope.get("studio.nonce")))
            kind = headers.get("content-type", "")
            is_open = self._request.url.path.startswith(OPEN_PATHS)
            headers.setdefault("cache-control", "no-cache" if is_open else "no-store")
            self._hides = not is_open and kind.startswith(("text/", "application/json"))
            if self._hides and "content-length" in headers:
                await self._send_later(message)
                return
        elif message["type"] == "http.response.body" and self._hides:
            message = {**message, "body": hide_secrets(message.get("body", b""))}
            if self._begun is not None:
                begun, self._begun = self._begun, None
                headers = MutableHeaders(scope=begun)
                if not message.get("more_body"):
                    headers["content-length"] = str(len(message["body"]))
                else:
                    del headers["content-length"]
                await self._send(begun)
        await self._send(message)

    async def _send_later(self, message: Message) -> None:
        """The length of what is sent is known only when secrets are out of it."""
        self._begun = message


def policy(nonce: str | None = None) -> str:
    """The Content-Security-Policy of a page: no inline script; inline styles only of what knows the nonce."""
    return _POLICY if nonce is None else f"{_POLICY}; style-src 'self' 'nonce-{nonce}'"


def style_nonce(request: Request) -> str:
    """The nonce under which a page may add styles. Only a page that asks for it has one."""
    nonce: str = request.scope.setdefault("studio.nonce", secrets.token_urlsafe(16))
    return nonce


def _cookies(request: Request, name: str) -> Iterable[str]:
    for header in request.headers.getlist("cookie"):
        try:
            found: Mapping[str, object] = SimpleCookie(header)
        except CookieError:
            continue
        if name in found:
            yield found[name].value  # type: ignore[attr-defined]


def _is_visit(request: Request) -> bool:
    """Whether a person follows a link to here: its cookie stays at home, so it sees no more than the door."""
    return request.method in READS and request.headers.get("sec-fetch-mode") == "navigate"


def _is_stream(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")
