"""Reading replies, which may hold anything: each ends in a `Reply`, or in a `BackendFault` that names what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.inference.transport.errors import Service, fault_of_status, strange_reply
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Text, ToolCall, Usage

_FINISHES = {
    **dict.fromkeys(("length", "max_tokens", "model_context_window_exceeded", "continuation"), "length"),
    **dict.fromkeys(("content_filter", "refusal", "safety", "recitation", "blocklist"), "refused"),
    **dict.fromkeys(("prohibited_content", "spii", "error_toxic", "escalation", "model_armor"), "refused"),
}
_GAVE_UP = {
    **dict.fromkeys(("error", "abort", "aborted", "insufficient_system_resource"), FaultKind.OVERLOADED),
    "timeout": FaultKind.TIMED_OUT,
}
_KINDS = {dict: "a map", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def member(value: Any, *names: str) -> Any:
    """What stands below these names, None where any of them is not there."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def map_in(service: Service, owner: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that must be a map.

    Raises:
        BackendFault: it is something else, or is not there.
    """
    value = owner.get(name)
    if not isinstance(value, Mapping):
        raise misfit(service, name, value, "a map", owner)
    return value


def first_in(service: Service, answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The first item, which must be a map, of a member that must be a list.

    Raises:
        BackendFault: it is something else, or empty.
    """
    value = answer.get(name)
    if not isinstance(value, list) or not value:
        raise misfit(service, name, value, "a list", answer)
    if not isinstance(value[0], Mapping):
        raise misfit(service, f"{name}[0]", value[0], "a map", answer)
    return value[0]


def answer_of(service: Service, answer: Any, wanted: str) -> Mapping[str, Any]:
    """The answer as a map that holds the member wanted.

    Raises:
        BackendFault: it is none. Some gateways answer 200 with the error in the body: then it is that error.
    """
    if not isinstance(answer, Mapping):
        raise misfit(service, "", answer, "a map", answer)
    error = answer.get("error")
    if not answer.get(wanted) and error:
        code = error.get("code") if isinstance(error, Mapping) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        raise fault_of_status(service, status, _dumped(answer), {})
    return answer


def misfit(service: Service, name: str, value: Any, wanted: str, around: Any) -> BackendFault:
    """A reply of which a part is of the wrong kind; the fault quotes the reply."""
    found = "missing" if value is None else _KINDS.get(type(value), "something else")
    if found == wanted:
        found = "empty"
    what = f"`{name}` is {found} instead of {wanted}" if name else f"it is {found} instead of {wanted}"
    return strange_reply(service, f"a reply without a completion in it: {what}", _dumped(around))


def text_in(service: Service, content: Any, around: Any) -> str:
    """The text of a message: a text itself, or a list of parts of which those of text count; nothing where null.

    Raises:
        BackendFault: it is something else.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise misfit(service, "content", content, "a text", around)
    texts: list[str] = []
    for part in content:
        if not isinstance(part, Mapping):
            raise misfit(service, "content[]", part, "a map", around)
        if part.get("type") != "text":
            continue
        if not isinstance(part.get("text"), str):
            raise misfit(service, "text", part.get("text"), "a text", around)
        texts.append(part["text"])
    return "".join(texts)


def reasoning_in(*places: Any) -> str:
    """What a model thought, out of the first place that holds some: a text, or a list of parts of which those of
    the type `thinking` count. Whatever else stands there is left alone: no reply is lost for it.

    >>> reasoning_in(None, [{"type": "thinking", "thinking": "2 and 2?"}, {"type": "text", "text": "4"}])
    '2 and 2?'
    """
    for place in places:
        if isinstance(place, list):
            thoughts = (_thought(part.get("thinking")) for part in _maps(place) if part.get("type") == "thinking")
            place = "\n\n".join(filter(None, thoughts))
        if isinstance(place, str) and place.strip():
            return place
    return ""


def _thought(value: Any) -> str:
    """A thought: a text, or (Mistral) a list of parts of text."""
    if isinstance(value, list):
        value = "".join(p["text"] for p in _maps(value) if isinstance(p.get("text"), str))
    return value if isinstance(value, str) else ""


def reply_of(
    service: Service,
    text: str,
    usage: tuple[Any, Any],
    model: Any,
    finish: Any,
    refused: bool = False,
    reasoning: str = "",
    calls: Sequence[ToolCall] = (),
) -> Reply:
    """A reply with its text, what the model thought and the tools that it calls, and the rest as the provider sent it.

    Raises:
        BackendFault: the reply says that the provider gave up.
    """
    ended = finish.lower() if isinstance(finish, str) else ""
    if ended in _GAVE_UP:
        raise BackendFault(_GAVE_UP[ended], f"{service.name} ({service.address}) gave up: {ended}")
    how = "refused" if refused else _FINISHES.get(ended, "stop")
    parts = (*([Text(whole_text(text))] if text or not calls else ()), *calls)
    return Reply(parts, Usage.read(*usage), _name(model), how, whole_text(reasoning))


def whole_text(text: str) -> str:
    """A text without lone surrogates, which cannot be stored."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def total(*counts: Any) -> Any:
    """The sum of counts of which some may be missing; None where one is no count, or the first is missing."""
    if counts[0] is None or any(c is not None and (isinstance(c, bool) or not isinstance(c, int)) for c in counts):
        return None
    found = [c for c in counts if c is not None]
    return None if any(c < 0 for c in found) else sum(found)


def names_in(listed: Any, *keys: str) -> tuple[str, ...]:
    """The names of listed things in order, each under the first of the keys that it has."""
    found = (next((m[k] for k in keys if m.get(k)), None) for m in _maps(listed))
    return tuple(sorted({n for n in found if isinstance(n, str)}))


def _maps(listed: Any) -> list[Mapping[str, Any]]:
    return [m for m in listed if isinstance(m, Mapping)] if isinstance(listed, list) else []


def _name(model: Any) -> str:
    return model.encode("utf-8", "replace").decode()[:200] if isinstance(model, str) else ""


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
