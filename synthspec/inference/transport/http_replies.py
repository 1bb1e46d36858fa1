"""Replies of HTTP/1.1, read by llhttp (`httptools`) from the bytes that arrive: no sockets, no clock.

llhttp says what the bytes mean; here stand the bounds, and which of the things that HTTP allows are no reply to one
request. Whatever is out of order or out of bounds is an `HttpFault`.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_HEAD = 64 << 10  # bytes of a status line and headers, and of trailers
_MOST_BESIDE = 16  # bytes beside the body for each byte of it: what comes in the smallest chunks needs 5


class HttpFault(OSError):
    """What came is no HTTP/1.1, or ended too early."""


class HttpReply:
    """One reply as it is read: `feed` it until it `is_done`.

    `most` says how many bytes of a body with this status are kept; a longer one `overflows`, and is done with that.
    """

    def __init__(self, most: Callable[[int], int]) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}  # names in lower case; one that comes twice has both values, a comma between
        self.overflows = False
        self.is_done = False
        self._most_of = most
        self._most = 0
        self._body = bytearray()
        self._reader: _Reader | None = None

    @property
    def body(self) -> bytes:
        """The body as it was sent, packed where it is packed."""
        return bytes(self._body)

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection may be used again: the reply is whole, nothing came after it, nobody closes."""
        return self._reader is not None and self._reader.keeps and self.is_done and not self.overflows

    def take(self, status: int, headers: dict[str, str]) -> None:
        """Status and headers; the body follows by `add`."""
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
        if self._reader is None:
            self._reader = _Reader(self)
        self._reader.feed(data)

    def end(self) -> None:
        """The connection was closed.

        Raises:
            HttpFault: the reply was not whole.
        """
        if self._reader is not None and self._reader.lasts_to_the_end:
            self.is_done = True
        if not self.is_done:
            raise HttpFault("closed before a whole reply came" if self.status else "closed without a reply")


class _Reader:
    """What llhttp calls while it reads the bytes of one reply. Nothing is raised from here: llhttp would hide it."""

    def __init__(self, reply: HttpReply) -> None:
        self.keeps = False
        self.lasts_to_the_end = False  # of the connection: neither a length nor chunks say where the body ends
        self._reply = reply
        self._fault = ""
        self._headers: dict[str, str] = {}
        self._in_body = False
        self._fed = self._of_body = self._of_head = 0  # bytes
        self._parser = HttpResponseParser(self)
        # Some servers send a length beside chunks: the chunks count, and the connection is not used again.
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)

    def feed(self, data: bytes) -> None:
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fault = self._fault or "another protocol"
        except HttpParserError:
            if not self._reply.is_done:
                self._fault = self._fault or "a reply that is not HTTP/1.1: check `base_url`"
            self.keeps = False  # more came than the reply
        if not self._reply.is_done and self._fed - self._of_body > MOST_HEAD + _MOST_BESIDE * self._of_body:
            self._fault = self._fault or f"more than {MOST_HEAD >> 10} KB beside the body"
        if self._fault and not self._reply.overflows:
            raise HttpFault(self._fault)

    def on_message_begin(self) -> None:
        self.keeps = False
        self._headers, self._in_body = {}, False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._of_head += len(name) + len(value)
        if self._of_head > MOST_HEAD:
            self._fault = self._fault or f"headers of more than {MOST_HEAD >> 10} KB"
        elif not self._in_body:  # nothing is read of trailers
            key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace").strip()
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._reply.is_done or 100 <= status < 200:
            return  # the reply itself is still to come, or came before
        coding = self._headers.get("transfer-encoding")
        if self._parser.get_http_version() not in ("1.0", "1.1"):
            self._fault = self._fault or "a reply that is not HTTP/1.1"
        if coding is not None and coding.lower() != "chunked":
            self._fault = self._fault or "a transfer coding that was not asked for"
        self._in_body = True
        self.lasts_to_the_end = coding is None and "content-length" not in self._headers
        self._reply.take(status, self._headers)

    def on_body(self, some: bytes) -> None:
        self._of_body += len(some)
        if self._in_body and not self._reply.is_done:
            self._reply.add(some)

    def on_message_complete(self) -> None:
        if not self._in_body or self._reply.is_done:
            return
        both = "content-length" in self._headers and "transfer-encoding" in self._headers
        self.keeps = self._parser.should_keep_alive() and not both
        self._reply.is_done = True
