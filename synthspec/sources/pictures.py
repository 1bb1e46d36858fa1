"""Bytes as the language has them: those of pictures as data URLs, which a prompt can show."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def as_shown(value: Any) -> Any:
    """The value with the bytes of a picture as a data URL, those of a text as a text, and others as a data URL too.

    >>> as_shown(b"GIF89a"), as_shown(b"GIF"), as_shown({"bytes": b"GIF8", "path": None})
    ('data:image/gif;base64,R0lGODlh', 'GIF', {'bytes': 'data:image/gif;base64,R0lGOA==', 'path': None})
    >>> as_shown(b"\\x00\\xff")
    'data:application/octet-stream;base64,AP8='
    """
    if isinstance(value, bytes):
        kind = next((kind for start, kind in _PICTURES if value.startswith(start)), None)
        if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
            kind = "image/webp"
        if kind is None:
            with suppress(UnicodeDecodeError):
                text = value.decode("utf-8")
                if "\0" not in text:
                    return text
        return f"data:{kind or 'application/octet-stream'};base64,{base64.b64encode(value).decode('ascii')}"
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return {**value, "bytes": as_shown(value["bytes"])}
    return value
