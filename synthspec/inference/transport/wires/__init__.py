"""Messages, tools and calls in each provider's own words: one module a wire, and here what they share."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.replies import misfit, whole_text
from synthspec.spec.messages import Image, Message, ToolCall


def is_text(message: Message) -> bool:
    """Whether a message holds nothing but text, which goes out as one text."""
    return message.is_text


def base64_of(image: Image) -> str:
    """The bytes of a picture as every provider takes them."""
    return base64.b64encode(image.data).decode("ascii")


def data_url(image: Image) -> str:
    """A picture as a URL that holds it."""
    return f"data:{image.media_type};base64,{base64_of(image)}"


def images_of(message: Message) -> list[Image]:
    """The pictures of a message."""
    return [p for p in message.parts if isinstance(p, Image)]


def calls_of(message: Message) -> list[ToolCall]:
    """The tools that a message asks for."""
    return [p for p in message.parts if isinstance(p, ToolCall)]


def names_by_id(messages: Iterable[Message]) -> dict[str, str]:
    """The tool that each call asks for; of calls of one id the last."""
    return {call.id: call.name for message in messages for call in calls_of(message)}


def arguments_text(call: ToolCall) -> str:
    """The arguments of a call as JSON text, or what the model wrote in its place."""
    return call.unread or json.dumps(dict(call.arguments), ensure_ascii=False)


def listed_calls(service: Service, listed: Any, around: Any) -> Sequence[Mapping[str, Any]]:
    """The calls of a reply as the provider sent them; none where there is no list.

    Raises:
        BackendFault: it is something else than a list of maps.
    """
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise misfit(service, "tool_calls", listed, "a list", around)
    for one in listed:
        if not isinstance(one, Mapping):
            raise misfit(service, "tool_calls[]", one, "a map", around)
    return listed


def read_call(number: int, id: Any, name: Any, arguments: Any, opaque: str = "") -> ToolCall:
    """A call out of what a provider sent. `number` counts from 1 and names a call without an id.

    Arguments that are no JSON object are kept as they were written, for whoever checks them.
    """
    read, unread = _arguments(arguments)
    own = id if isinstance(id, str) and id else f"call_{number}"
    return ToolCall(
        whole_text(own), whole_text(name if isinstance(name, str) else ""), read, unread, whole_text(opaque)
    )


def _arguments(value: Any) -> tuple[dict[str, Any], str]:
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}, ""  # a tool without parameters
    if isinstance(value, str):
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            return {}, whole_text(value)
        if not isinstance(read, dict):
            return {}, whole_text(value)
        value = read
    if not isinstance(value, Mapping):
        return {}, whole_text(json.dumps(value, ensure_ascii=False))
    return {whole_text(str(k)): _whole_value(v) for k, v in value.items()}, ""


def _whole_value(value: Any) -> Any:
    """A value without lone surrogates, which cannot be stored."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [_whole_value(v) for v in value]
    if isinstance(value, Mapping):
        return {whole_text(str(k)): _whole_value(v) for k, v in value.items()}
    return value
