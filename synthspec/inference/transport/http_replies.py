"""Replies of HTTP/1.1, read from the bytes that arrive: no sockets, no clock.

Of what RFC 9112 has, this reads what a reply to one request needs: status lines, headers, bodies of a known length, in
chunks, or up to the end of the connection. Whatever is out of order or out of bounds is an `HttpFault`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

MOST_HEAD = 64 << 10  # bytes of a status line and headers, and of trailers
_MOST_LINE = 1 << 10  # bytes of the line before a chunk


class HttpFault(OSError):
    """What came is no HTTP/1.1, or ended too early."""


class HttpReply:
    """One reply as it is read: `feed` it until it `is_done`.

    `most` says how many bytes of a body with this status are kept; a longer one `overflows`, and is done with that.
    """

    def __init__(self, most: Callable[[int], int]) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}  # names in lower case
        self.overflows = False
        self.is_done = False
        self._most_of = most
        self._most = 0
        self._buffer = bytearray()  # what is not read yet
        self._body = bytearray()
        self._reads: Literal["head", "length", "chunk", "gap", "trailers", "end"] = "head"
        self._left = 0  # bytes of the body, or of the chunk, that are to come
        self._keeps = False

    @property
    def body(self) -> bytes:
        """The body as it was sent, packed where it is packed."""
        return bytes(self._body)

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection may be used again: the reply is whole, nothing came after it, nobody closes."""
        return self._keeps and self.is_done and not self.overflows and not self._buffer

    def take(self, status: int, headers: dict[str, str]) -> None:
        """Status and headers that something else has read; its body follows by `add`."""
        self.status, self.headers, self._most = status, headers, self._most_of(status)

    def add(self, some: bytes | bytearray) -> None:
        """More of the body."""
        self._body += some
        if len(self._body) > self._most:
            del self._body[self._most :]
            self.overflows = self.is_done = True

    def feed(self, data: bytes) -> None:
        """Take what arrived.

        Raises:
            HttpFault: it is no reply.
        """
        self._buffer += data
        while not self.is_done and self._step():
            pass

    def end(self) -> None:
        """The connection was closed.

        Raises:
            HttpFault: the reply was not whole.
        """
        if self._reads == "end":
            self.is_done = True
        if not self.is_done:
            raise HttpFault("closed before a whole reply came" if self.status else "closed without a reply")

    def _step(self) -> bool:
        """Read on; False where more must arrive first."""
        match self._reads:
            case "head":
                return self._head()
            case "length":
                self._take(self._left)
                self.is_done = self.is_done or self._left == 0
                return False
            case "end":
                self._take(len(self._buffer))
                return False
            case "chunk":
                return self._chunk()
            case "gap":
                return self._gap()
            case "trailers":
                return self._trailers()

    def _head(self) -> bool:
        cut = self._buffer.find(b"\r\n\r\n")
        if cut < 0 and len(self._buffer) <= MOST_HEAD:
            return False
        if not 0 <= cut <= MOST_HEAD:
            raise HttpFault(f"headers of more than {MOST_HEAD >> 10} KB")
        first, *lines = self._buffer[:cut].decode("utf-8", "replace").split("\r\n")
        del self._buffer[: cut + 4]
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if version not in ("HTTP/1.1", "HTTP/1.0") or not (code.isascii() and code.isdigit() and len(code) == 3):
            raise HttpFault("a reply that is no HTTP/1.1")
        self.status = int(code)
        self.headers = _headers(lines)
        if 100 <= self.status < 200:
            if self.status == 101:
                raise HttpFault("another protocol")
            return True  # the reply itself is still to come
        self._most = self._most_of(self.status)
        self._frame(version)
        return True

    def _frame(self, version: str) -> None:
        """How the body is told from what follows it."""
        said = self.headers.get("connection", "").lower()
        self._keeps = "close" not in said if version == "HTTP/1.1" else "keep-alive" in said
        length, coding = self.headers.get("content-length"), self.headers.get("transfer-encoding")
        if self.status in (204, 304):
            self.is_done = True
        elif coding is not None:
            if coding.strip().lower() != "chunked":
                raise HttpFault("a transfer coding that was not asked for")
            self._keeps = self._keeps and length is None
            self._reads = "chunk"
        elif length is not None:
            self._left = _number(length, 10)
            self._reads, self.is_done = "length", self._left == 0
        else:
            self._reads, self._keeps = "end", False

    def _take(self, most: int) -> None:
        """Move bytes to the body."""
        some = self._buffer[:most]
        del self._buffer[: len(some)]
        self._left -= len(some)
        self.add(some)

    def _line(self) -> str | None:
        cut = self._buffer.find(b"\r\n")
        if cut > _MOST_LINE or (cut < 0 and len(self._buffer) > _MOST_LINE):
            raise HttpFault("a chunk without a length")
        if cut < 0:
            return None
        line = self._buffer[:cut].decode("latin-1")
        del self._buffer[: cut + 2]
        return line

    def _chunk(self) -> bool:
        """The length of a chunk, then the chunk."""
        if self._left == 0:
            line = self._line()
            if line is None:
                return False
            self._left = _number(line.partition(";")[0], 16)
            if self._left == 0:
                self._reads = "trailers"
                return True
        self._take(self._left)
        if self._left == 0:
            self._reads = "gap"
        return self._left == 0

    def _gap(self) -> bool:
        """The end of the line behind a chunk."""
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise HttpFault("a chunk of another length than it said")
        del self._buffer[:2]
        self._reads = "chunk"
        return True

    def _trailers(self) -> bool:
        """Headers behind the last chunk, up to an empty line; nothing is read of them."""
        line = self._line()
        self.is_done = line == ""
        return line is not None


def _headers(lines: list[str]) -> dict[str, str]:
    """Names in lower case; a name that comes twice has both values, with a comma between."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise HttpFault("a header that is none")
        name, value = name.lower(), value.strip()
        if name == "content-length" and found.get(name, value) == value:
            found[name] = value
        else:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _number(text: str, base: int) -> int:
    """A length."""
    digits = text.strip()
    try:
        if not digits.isascii() or not digits.isalnum() or len(digits) > 18:
            raise ValueError
        return int(digits, base)
    except ValueError:
        raise HttpFault("a length that is no number") from None
