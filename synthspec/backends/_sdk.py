"""Calling through a provider's own SDK: one time-out over all, every exception a fault of the closed set."""

from __future__ import annotations

import importlib
import json
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from synthspec.backends._faults import (
    Service,
    cut_reply,
    fault_of_exception,
    fault_of_status,
    missing_package,
)
from synthspec.records import BackendFault

_T = TypeVar("_T")


def load(module: str, name: str, extra: str) -> Any:
    """An SDK that comes with an extra; a module without types here, since it may not be installed.

    Raises:
        BackendFault: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise missing_package(name, extra) from None


async def call(service: Service, made: Awaitable[_T]) -> _T:
    """The answer to one call of an SDK. Its own time-outs are for each read; this one is for the whole.

    Raises:
        BackendFault: whatever the SDK raised, as one of the closed set of kinds.
    """
    import asyncio

    try:
        async with asyncio.timeout(service.timeout):
            return await made
    except BackendFault:
        raise
    except Exception as e:
        raise fault_of_sdk(service, e) from None


def fault_of_sdk(service: Service, error: Exception) -> BackendFault:
    """The fault that an SDK's exception tells of; the SDKs name its parts differently."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if not isinstance(status, int):
        return fault_of_exception(service, error)
    if status < 300:
        return cut_reply(service)
    response = getattr(error, "response", None)
    headers = getattr(error, "headers", None) or getattr(response, "headers", None) or {}
    body = getattr(error, "body", None) or getattr(error, "details", None) or str(error)
    return fault_of_status(service, status, _text(body), _headers(headers))


def _text(body: Any) -> str:
    if isinstance(body, str):
        return body
    try:
        return json.dumps(body, default=lambda o: getattr(o, "__dict__", str(o)))
    except (TypeError, ValueError):
        return str(body)


def _headers(headers: Any) -> Mapping[str, str]:
    return {str(k): str(v) for k, v in dict(headers).items()}
