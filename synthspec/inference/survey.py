"""What of each backend is there: package, key, server, models."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from synthspec.diagnostics import Span
from synthspec.diagnostics.errors import SynthspecError
from synthspec.extras import install_command
from synthspec.inference.backends import BackendContext, open_backend, provider_of
from synthspec.inference.transport.keys import TYPED
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import plugin_error
from synthspec.spec import BackendChoice

PATIENCE = 5.0  # seconds for a server to answer


@dataclass(frozen=True, slots=True)
class BackendState:
    """One backend as it stands. `key` is the variable that is set, never its value."""

    name: str
    summary: str
    installed: bool
    key: str | None
    ready: bool
    sentence: str
    models: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def survey(names: Sequence[str], base_url: str | None = None) -> list[BackendState]:
    """The state of each backend; servers are asked at once, and get a few seconds."""
    return list(await asyncio.gather(*(_look(n, base_url) for n in names)))


async def _look(name: str, base_url: str | None) -> BackendState:
    fault = plugin_error("backends", name)
    if fault is not None:
        return BackendState(name, "a plug-in that cannot be used", False, None, False, "; ".join(fault))
    provider = provider_of(name)
    summary = provider.summary
    key = next((k for k in provider.keys if os.environ.get(k)), None)
    if provider.package and find_spec(provider.package.split(".")[0]) is None:
        extra = install_command(provider.extra) if provider.extra else f"pip install {provider.package}"
        return BackendState(name, summary, False, key, False, f"not installed: {extra}")
    if provider.keys and key is None and base_url is None and not os.environ.get(f"{name.upper()}_BASE_URL"):
        return BackendState(name, summary, True, None, False, f"no key: set {' or '.join(provider.keys)}")
    if provider.in_process:
        return BackendState(name, summary, True, key, True, "ready: runs inside synthspec")
    options = {"base_url": base_url} if base_url else {}
    choice = BackendChoice(name, provider.default_model or "MODEL", options, {}, None, Span(TYPED, 1, 1, 1, 1))
    try:
        backend = open_backend(choice, BackendContext(None, {}, PATIENCE))  # type: ignore[arg-type]
    except SynthspecError as e:
        return BackendState(name, summary, True, key, False, e.message)
    try:
        async with asyncio.timeout(PATIENCE):
            models = await backend.models()
    except SynthspecError as e:
        return BackendState(name, summary, True, key, False, e.message)
    except TimeoutError:
        return BackendState(name, summary, True, key, False, f"no answer within {PATIENCE:g} s")
    finally:
        with suppress(SynthspecError):  # a plug-in's, once more
            await backend.close()
    said = f"ready ({key} is set)" if key else "ready: the server answers"
    return BackendState(name, summary, True, key, True, said, tuple(models))
