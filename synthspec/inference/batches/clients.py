"""The SDKs' clients, held to our rules: they send nothing twice, follow no redirect, and no header of the environment
goes out but those that the backend itself would send; what they raise becomes a fault of the closed set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from synthspec.inference.transport.errors import (
    Service,
    fault_of_exception,
    fault_of_status,
    said_in,
    strange_reply,
)
from synthspec.inference.transport.keys import custom_headers
from synthspec.spec.messages import BackendFault, FaultKind

PATIENCE = 600.0  # seconds for one call, the upload of a large file among them
_SECRETS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "openai-organization", "openai-project")


class NotFound(BackendFault):
    """The provider knows no such batch or file."""


def guard_headers(headers: Mapping[str, str], variable: str = "") -> Callable[[Any], None]:
    """A hook for requests: what names or proves somebody is ours alone, whatever the SDK reads of the environment.

    `variable` is the one in which people write headers for this SDK.
    """
    foreign = {*_SECRETS, *(name.lower() for name in (custom_headers(variable) if variable else ()))}

    def guard(request: Any) -> None:
        for name in foreign & {name.lower() for name in request.headers}:
            del request.headers[name]
        for name, value in headers.items():
            request.headers[name] = value

    return guard


class Connected(Protocol):
    """A backend that is open."""

    def connection(self) -> tuple[Service, Mapping[str, str]]:
        """Whom it calls, and the headers that it sends."""
        ...


def open_client(sdk: Any, client: str, backend: Connected, variable: str) -> tuple[Any, Service]:
    """A client of OpenAI's or Anthropic's SDK that sends the headers of a backend, to its service alone; the service.

    `variable` is that of the environment in which people write headers for the SDK.
    """
    service, headers = backend.connection()
    guard = guard_headers(headers, variable)
    http = sdk.DefaultHttpxClient(follow_redirects=False, event_hooks={"request": [guard]})
    opened = getattr(sdk, client)(
        api_key="none", base_url=service.address, max_retries=0, timeout=PATIENCE, http_client=http
    )
    return opened, service


@contextmanager
def told(service: Service, *, charged: bool = False, about: str = "") -> Iterator[None]:
    """What an SDK raises in here becomes a BackendFault; OSErrors of our own files go on as they are.

    `about` is what is asked for, where it is at the provider already: "batch", "results".
    `charged`: what is asked for costs money. Then a fault says `sent="no"` only where it is sure that it was not done.
    """
    try:
        yield
    except BackendFault:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename:
            raise
        fault, refused = _fault_of_sdk(service, error, about)
        if charged:
            fault.sent = "no" if refused else "maybe"
        raise fault from None


def gone(service: Service, about: str, said: str) -> NotFound:
    """What is asked for is not at the provider, or not for this key."""
    message = f"{service.name} ({service.address}) has no such {about}, or not for this key"
    return NotFound(FaultKind.BAD_REQUEST, f"{message} ({said})" if said else message, sent="no")


def _fault_of_sdk(service: Service, error: Exception, about: str) -> tuple[BackendFault, bool]:
    """The fault that an SDK's exception tells of, by status where there was an answer; whether it was refused."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if not isinstance(status, int) or not 300 <= status < 600:
        fault = fault_of_exception(service, error)
        return fault, fault.kind is FaultKind.UNREACHABLE and fault.sent == "no"
    answer = getattr(error, "response", None)
    text = _text_of(error, answer)
    if status in (404, 410) and about:
        return gone(service, about, said_in(service, text)), True
    fault = fault_of_status(service, status, text, dict(getattr(answer, "headers", None) or {}))
    if status in (404, 410):
        return NotFound(fault.kind, fault.message, sent="no"), True
    return fault, status < 500 and status not in (408, 409)


def fault_of_line(service: Service, status: int, error: Any) -> BackendFault:
    """The fault that a line of results tells of: the request failed, and is not charged for."""
    fault = fault_of_status(service, status, dump_line({"error": error}).decode(), {})
    fault.sent = "no"
    return fault


def _text_of(error: Exception, answer: Any) -> str:
    try:
        return str(answer.text)
    except Exception:  # a stream that was not read
        body = getattr(error, "body", None) or getattr(error, "details", None)
        return json.dumps(body, default=str) if body else str(error)


def misshapen(service: Service, what: str) -> BackendFault:
    """An answer without what it must hold. What was asked may have been done."""
    return strange_reply(service, f"an answer about a batch that cannot be read: {what}")


def read_json_line(line: bytes) -> dict[str, Any]:
    """A line of results as a map.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("a line of results is a map")
    return value


def dump_line(value: Mapping[str, Any]) -> bytes:
    """A map on one line, as JSON; half a surrogate pair, which has no UTF-8 form, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
