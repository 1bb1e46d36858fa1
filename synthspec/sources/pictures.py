"""The bytes of pictures as data URLs, which a prompt can show."""

from __future__ import annotations

import base64
from typing import Any

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def as_shown(value: Any) -> Any:
    """The value with the bytes of a picture as a data URL; other bytes stay.

    >>> as_shown(b"GIF89a"), as_shown(b"GIF"), as_shown({"bytes": b"GIF8", "path": None})
    ('data:image/gif;base64,R0lGODlh', b'GIF', {'bytes': 'data:image/gif;base64,R0lGOA==', 'path': None})
    """
    if isinstance(value, bytes):
        kind = next((kind for start, kind in _PICTURES if value.startswith(start)), None)
        if value[:4] == b"RIFF" and value[8:12] == b"WEBP":
            kind = "image/webp"
        return value if kind is None else f"data:{kind};base64,{base64.b64encode(value).decode('ascii')}"
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return {**value, "bytes": as_shown(value["bytes"])}
    return value
