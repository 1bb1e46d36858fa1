"""Connections to one host over HTTP/1.1, kept open between requests: one request at a time on each, nothing sent twice.

Written on asyncio's transports and llhttp (`http_replies.py`), because a call then costs half the CPU of a general
client, and because importing one costs as much as a small build. Where a proxy stands between, `proxied.py` is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlsplit

from synthspec.inference.transport.deadlines import Deadlines
from synthspec.inference.transport.http_replies import HttpFault, HttpReply

if TYPE_CHECKING:
    import ssl

LONGEST_CONNECT = 15.0  # seconds
# Below the 5 s after which common local servers close an idle connection: later, the next call would be lost.
KEEP_IDLE = 4.0


class ConnectFault(OSError):
    """No connection could be made: nothing was sent."""


class Connections:
    """The connections to the host of a URL."""

    def __init__(self, base: str, headers: Mapping[str, str], timeout: float, most: Callable[[int], int]) -> None:
        parts = urlsplit(base)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._stagger = None if _is_number(self._host) else 0.25  # seconds: of several addresses, the next one too
        self._path = parts.path.rstrip("/")
        self._timeout = timeout
        self._most = most
        name = f"[{self._host}]" if ":" in self._host else _ascii(self._host)
        usual = self._port == (443 if self._secure else 80)
        self._headers = {"Host": name if usual else f"{name}:{self._port}", **headers}
        self._heads: dict[str, bytes] = {}
        self._idle: deque[tuple[float, _Connection]] = deque()
        self._open: set[_Connection] = set()
        self._deadlines = Deadlines(timeout)
        self._trust: ssl.SSLContext | None = None

    async def send(self, method: str, path: str, data: bytes | None) -> HttpReply:
        """One request and its reply, within the time-out; making a connection has its own.

        Raises:
            ConnectFault: no connection could be made.
            HttpFault: the connection was lost, or what came is no reply.
            ValueError: a header would end in the middle.
            TimeoutError: it took too long.
        """
        loop = asyncio.get_running_loop()
        connection = self._idle_one(loop.time()) or await self._connect()
        self._open.add(connection)
        try:
            with self._deadlines:
                reply = await connection.exchange(self._request(method, path, data), HttpReply(self._most))
        except BaseException:
            connection.abort()
            raise
        finally:
            self._open.discard(connection)
        if reply.keeps_connection and not connection.is_closed:
            self._idle.append((loop.time(), connection))
        else:
            connection.abort()
        return reply

    async def close(self) -> None:
        """Close every connection."""
        for connection in [*self._open, *(c for _, c in self._idle)]:
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)

    def _request(self, method: str, path: str, data: bytes | None) -> bytes:
        mark = f"{method} {path}"
        head = self._heads.get(mark)
        if head is None:
            target = quote(f"{self._path}/{path}", safe="/%:@!$&'()*+,;=-._~?")
            lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in self._headers.items())]
            if any(c in line for line in lines for c in "\r\n\0"):
                raise ValueError("a header contains a line break")
            head = "\r\n".join([*lines, ""]).encode()
            self._heads[mark] = head
        if data is None:
            return head + b"\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(data), data)

    def _idle_one(self, now: float) -> _Connection | None:
        """The connection that was used last, unless it has been idle for too long."""
        while self._idle and self._idle[0][0] < now - KEEP_IDLE:
            self._idle.popleft()[1].abort()
        while self._idle:
            connection = self._idle.pop()[1]
            if not connection.is_closed:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        secure = self._trusted() if self._secure else None
        try:
            async with asyncio.timeout(min(self._timeout, LONGEST_CONNECT)):
                _, protocol = await loop.create_connection(
                    _Connection, self._host, self._port, ssl=secure, happy_eyeballs_delay=self._stagger
                )
        except TimeoutError:
            raise ConnectFault(f"no connection within {min(self._timeout, LONGEST_CONNECT):g} s") from None
        except (OSError, UnicodeError) as e:
            raise ConnectFault(str(e)) from e
        return protocol

    def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            from synthspec.inference.transport.trust import trusted

            self._trust = trusted()
        return self._trust


class _Connection(asyncio.Protocol):
    """One connection, and the reply that is awaited on it."""

    def __init__(self) -> None:
        self.is_closed = False
        self._transport: asyncio.Transport | None = None
        self._reply: HttpReply | None = None
        self._answer: asyncio.Future[HttpReply] | None = None

    async def exchange(self, request: bytes, reply: HttpReply) -> HttpReply:
        """Send a request and read its reply."""
        if self._transport is None or self.is_closed:
            raise HttpFault("the server closed the connection")
        loop = asyncio.get_running_loop()
        self._reply, self._answer = reply, loop.create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._reply = self._answer = None

    def abort(self) -> None:
        """Close at once."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        reply, answer = self._reply, self._answer
        if reply is None or answer is None or answer.done():
            self.abort()  # bytes that nobody asked for
            return
        try:
            reply.feed(data)
        except HttpFault as e:
            answer.set_exception(e)
            return
        if reply.is_done:
            answer.set_result(reply)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        reply, answer = self._reply, self._answer
        if reply is None or answer is None or answer.done():
            return
        try:
            if error is not None:
                raise HttpFault(str(error) or type(error).__name__)
            reply.end()
        except HttpFault as e:
            answer.set_exception(e)
        else:
            answer.set_result(reply)


def _is_number(host: str) -> bool:
    """Whether a host is an address that needs no look-up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ascii(host: str) -> str:
    """A host as it is written in a request."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host
