"""Pictures for a prompt: read from a file below the spec's folder or from a data URL, and looked at before they are
sent: their kind by the bytes they begin with, their width and height by their header."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from synthspec.diagnostics.errors import ExitStatus, SynthspecError, system_reason
from synthspec.document.inheritance import inside
from synthspec.document.source import path_fault
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Image

MOST_BYTES = 20_000_000  # of a picture, whoever is asked
HEAD = 1 << 18  # bytes of a file that are read to look at it; the header of some is longer
KINDS = "png, jpeg, gif or webp"
_DATA_URL = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)


class ImageFault(SynthspecError):
    """A picture cannot be used. `kind` is `missing`, `outside`, `kind` or `large`."""

    default_status = ExitStatus.WRONG_SPEC

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Looks:
    """What can be said of a picture without showing it."""

    media_type: str
    width: int  # pixels
    height: int
    size: int  # bytes


def read_images(value: Any, folder: Path) -> Iterator[Image]:
    """The pictures that a value stands for: a path, a data URL, bytes, a map with one of these, or a list of such.

    Raises:
        ImageFault: one is not there, lies outside the folder, or is no picture that can be sent.
    """
    for one in _each(value):
        if isinstance(one, str) and one[:5].casefold() != "data:":
            path = image_path(one, folder)
            state = path.stat()
            yield replace(_read_file(path, state.st_mtime_ns, state.st_size), path=one)
        else:
            data = _bytes_of(one)
            yield Image(data, look(data, len(data), shown_value(one)).media_type)


def is_same_picture(text: str, digest: str, folder: Path) -> bool:
    """Whether the file that a path names is the picture of this digest."""
    try:
        path = image_path(text, folder)
        if path.stat().st_size > MOST_BYTES:
            return False
        return Image(path.read_bytes(), "").digest == digest
    except (ImageFault, OSError):
        return False


def look_at(value: Any, folder: Path) -> Iterator[Looks]:
    """What there is to say of the pictures that a value stands for; of a file only the beginning is read.

    Raises:
        ImageFault: as `read_images`.
    """
    for one in _each(value):
        if isinstance(one, str) and one[:5].casefold() != "data:":
            yield _look_at_file(image_path(one, folder))
        else:
            data = _bytes_of(one)
            yield look(data, len(data), shown_value(one))


def image_path(text: str, folder: Path) -> Path:
    """The file that a path names, links followed.

    Raises:
        ImageFault: there is none, or it lies outside the folder.
    """
    wrong = path_fault(text)
    if wrong is not None:
        raise ImageFault("missing", f"'{shown_value(text)}': {wrong[0]}")
    path = folder / text
    if not text:
        raise ImageFault("missing", "no picture: the path is empty")
    if not inside(path, folder):
        raise ImageFault("outside", f"'{shown_value(text)}' lies outside the spec's folder")
    try:
        found = path.resolve()
        if found.is_file():
            return found
    except OSError:
        pass
    raise ImageFault("missing", f"there is no file '{shown_value(text)}'")


def shown_value(value: Any) -> str:
    """A path as it is; of bytes and data URLs only what they are."""
    if isinstance(value, str) and value[:5].casefold() != "data:":
        return value if len(value) <= 80 else f"{value[:80]}…"
    return "a data URL" if isinstance(value, str) else "these bytes"


@lru_cache(maxsize=16)
def _read_file(path: Path, _changed: int, size: int) -> Image:
    """A file as a picture, kept while it stays as it is: a repair sends it again."""
    if size > MOST_BYTES:
        raise _too_large(path.name, size)
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ImageFault("missing", f"'{path.name}' cannot be read: {system_reason(e)}") from None
    return Image(data, look(data, len(data), path.name).media_type)


def _look_at_file(path: Path) -> Looks:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD)
            try:
                return look(head, size, path.name)
            except ImageFault:
                if size <= HEAD or size > MOST_BYTES:
                    raise
            return look(head + file.read(), size, path.name)
    except OSError as e:
        raise ImageFault("missing", f"'{path.name}' cannot be read: {system_reason(e)}") from None


def _each(value: Any) -> Iterator[Any]:
    if value is None:
        raise ImageFault("missing", "no picture: the value is null")
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, Mapping):  # as data sets hold pictures: {bytes: …, path: …}
            one = one.get("bytes") or one.get("path")
        if not isinstance(one, str | bytes):
            raise ImageFault("kind", "a picture is a path, a data URL or bytes")
        yield one


def _bytes_of(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    opening = _DATA_URL.match(value)
    if opening is None:
        raise ImageFault("kind", "a data URL that is not base64")
    if len(value) * 3 // 4 > MOST_BYTES + 1024:
        raise _too_large("a data URL", len(value) * 3 // 4)
    try:
        return base64.b64decode(value[opening.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise ImageFault("kind", "a data URL whose base64 is damaged") from None


def look(head: bytes, size: int, name: str) -> Looks:
    """What a picture is, by its first bytes; `size` is that of the whole.

    Raises:
        ImageFault: it is of no kind that can be sent, damaged, or too large.
    """
    if size > MOST_BYTES:
        raise _too_large(name, size)
    for media_type, measure in _MEASURES:
        found = measure(head)
        if found is None:
            continue
        if min(found) < 1:
            raise ImageFault("kind", f"'{name}' is damaged: it has no width and height")
        return Looks(media_type, *found, size)
    raise ImageFault("kind", f"'{name}' is not a picture of a supported kind")


def _too_large(name: str, size: int) -> ImageFault:
    return ImageFault("large", f"'{name}' has {size / 1e6:,.1f} MB; a picture has at most {MOST_BYTES // 10**6} MB")


# Each gives width and height, (0, 0) where the header is damaged, None where it is another kind.


def _png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    whole = data[12:16] == b"IHDR" and len(data) >= 24
    return struct.unpack(">II", data[16:24]) if whole else (0, 0)


def _gif(data: bytes) -> tuple[int, int] | None:
    if not data.startswith((b"GIF87a", b"GIF89a")):
        return None
    return struct.unpack("<HH", data[6:10]) if len(data) >= 10 else (0, 0)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xFF:  # padding
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame's header
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif kind == 0x01 or 0xD0 <= kind <= 0xD9:  # markers without a length
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return 0, 0


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and len(data) >= 25 and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(data) >= 30 and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


_MEASURES = (("image/png", _png), ("image/jpeg", _jpeg), ("image/gif", _gif), ("image/webp", _webp))
