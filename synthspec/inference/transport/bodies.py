"""Bodies of answers within bounds: what is received, and what it unpacks to.

An answer is taken as it comes and unpacked here, a piece at a time. One that fails is read up to what a message can
use, and no further.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from synthspec.diagnostics.errors import SynthspecError
from synthspec.inference.transport.http_replies import HttpReply

MOST_REPLY = 8 << 20  # bytes of a reply: a million tokens of text are 5 MB
MOST_ERROR = 64 << 10  # bytes of an error that are read
ENCODINGS = "gzip, deflate"
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class BodyFault(SynthspecError):
    """The body is too long, or packed in a way that was not asked for or cannot be unpacked."""


def reply_in(answer: HttpReply, most: int = MOST_REPLY) -> bytes:
    """The whole body, unpacked.

    Raises:
        BodyFault: it has more than `most` bytes, or cannot be unpacked.
    """
    body, whole = _unpacked(answer, most)
    if not whole:
        raise BodyFault(f"more than {most >> 20} MB")
    return body


def error_in(answer: HttpReply) -> str:
    """The beginning of the body of an error as text; nothing where it cannot be unpacked."""
    try:
        body, _ = _unpacked(answer, MOST_ERROR)
    except BodyFault:
        return ""
    return body.decode("utf-8", "replace")


def _unpacked(answer: HttpReply, most: int) -> tuple[bytes, bool]:
    """At most so many bytes, and whether that is all."""
    unpacker = _unpacker(answer.headers.get("content-encoding", ""))
    body = bytearray()
    for piece in unpacker.feed(answer.body):
        body += piece
        if len(body) > most:
            return bytes(body[:most]), False
    if answer.overflows:
        return bytes(body), False
    if not unpacker.is_done():
        raise BodyFault("a body that was cut off")
    return bytes(body), True


class _Plain:
    """A body that is not packed."""

    def feed(self, received: bytes) -> Iterator[bytes]:
        yield received

    def is_done(self) -> bool:
        return True


class _Zipped:
    """A body packed by gzip or deflate, unpacked a piece at a time."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._engine = zlib.decompressobj(bits)
        self._begun = False

    def feed(self, received: bytes) -> Iterator[bytes]:
        while received:
            try:
                piece = self._unpack(received)
            except zlib.error:
                raise BodyFault("a body that cannot be unpacked") from None
            received = self._engine.unconsumed_tail
            yield piece
        self._begun = True

    def _unpack(self, received: bytes) -> bytes:
        try:
            return self._engine.decompress(received, _PIECE)
        except zlib.error:
            if self._begun or self._bits != zlib.MAX_WBITS:
                raise
        self._bits = -zlib.MAX_WBITS  # some servers mean by `deflate` the bare stream
        self._engine = zlib.decompressobj(self._bits)
        return self._engine.decompress(received, _PIECE)

    def is_done(self) -> bool:
        return self._engine.eof or not self._begun


def _unpacker(encoding: str) -> _Plain | _Zipped:
    name = encoding.strip().casefold()
    if name in ("", "identity"):
        return _Plain()
    if name in ("gzip", "x-gzip"):
        return _Zipped(_GZIP)
    if name == "deflate":
        return _Zipped(zlib.MAX_WBITS)
    raise BodyFault("a body packed in a way that was not asked for")
