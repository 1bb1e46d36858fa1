"""Parts of messages and replies as JSON: texts as they are, pictures by the digest of their bytes, or inline."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from synthspec.spec.messages import Image, Part, Text, ToolCall, ToolResult

KeepText = Callable[[str], Any]  # how a text is written: as it is, or as a reference
KeepBytes = Callable[[bytes], Any]
Find = Callable[[str], bytes | None]


def inline(data: bytes) -> dict[str, str]:
    """Bytes in the JSON itself."""
    return {"base64": base64.b64encode(data).decode()}


def write_parts(parts: Iterable[Part], text: KeepText = str, data: KeepBytes = inline) -> Any:
    """One text where there is nothing else; otherwise a list with a map for each part."""
    listed = tuple(parts)
    if len(listed) == 1 and isinstance(listed[0], Text):
        return text(listed[0].text)
    return [_write(part, text, data) for part in listed]


def read_parts(written: Any, find: Find) -> tuple[Part, ...]:
    """The parts again; one whose bytes cannot be found is left out.

    Raises:
        ValueError, TypeError, LookupError: this is not what `write_parts` writes.
    """
    if isinstance(written, str | Mapping):
        return (Text(read_shared_text(written, find)),)
    return tuple(part for one in written if (part := _read(one, find)) is not None)


def read_shared_text(written: Any, find: Find) -> str:
    """A text, or the one that is referred to; nothing where that cannot be found."""
    if isinstance(written, Mapping):
        return (find(str(written["blob"])) or b"").decode("utf-8", "surrogatepass")
    return str(written)


def _write(part: Part, text: KeepText, data: KeepBytes) -> dict[str, Any]:
    match part:
        case Text(said):
            return {"text": text(said)}
        case Image(content, media_type):
            return {"image": data(content), "media_type": media_type}
        case ToolCall(id, name, arguments, unread, opaque):
            beside = {n: v for n, v in (("unread", unread), ("opaque", opaque)) if v}
            return {"call": id, "name": name, "arguments": dict(arguments), **beside}
        case ToolResult(id, content):
            return {"result": id, "content": text(content)}


def _read(written: Mapping[str, Any], find: Find) -> Part | None:
    if "text" in written:
        return Text(read_shared_text(written["text"], find))
    if "call" in written:
        beside = written.get("unread", ""), written.get("opaque", "")
        return ToolCall(written["call"], written["name"], written["arguments"], *beside)
    if "result" in written:
        return ToolResult(written["result"], read_shared_text(written["content"], find))
    kept = written["image"]
    content = base64.b64decode(kept["base64"]) if "base64" in kept else find(kept["blob"])
    return None if content is None else Image(content, written["media_type"])
