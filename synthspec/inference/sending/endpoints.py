"""The backends of a spec, opened: one for each choice, and one governor for each server, whoever calls it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from synthspec.inference.backends import Backend, BackendContext, open_backend, provider_of
from synthspec.inference.engines import engine_of, named_engine
from synthspec.inference.requests import DEFAULT_MAX_TOKENS, Sender
from synthspec.inference.sending.concurrency import Governor
from synthspec.inference.store import Store
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Limits, Prices, Spec
from synthspec.spec.backends_used import backends_used
from synthspec.spec.messages import BackendFault


@dataclass(slots=True)
class Endpoint:
    """A backend in use: what requests depend on, and how fast it may be asked."""

    sender: Sender
    backend: Backend
    governor: Governor
    free: bool = False  # its calls cost nothing
    answered: bool = False  # whether any call of this run had a reply
    share: float = 1.0  # of its prices, what a call costs with the engine in use

    @property
    def prices(self) -> Prices | None:
        """What its calls cost; None where that is not known."""
        prices = self.sender.choice.prices
        if prices is None or self.share == 1.0:
            return prices
        return replace(prices, prompt=prices.prompt * self.share, completion=prices.completion * self.share)


_NOTE = "fingerprints"  # the name under which a store keeps them


def open_endpoints(spec: Spec, tables: Mapping[str, Table], store: Store) -> dict[str, Endpoint]:
    """For each endpoint of the spec (`spec/backends_used.py`) its backend; those with the same choice share one.

    Raises:
        BackendFault: one cannot be opened.
    """
    opened: dict[str, Endpoint] = {}
    endpoints: dict[str, Endpoint] = {}
    governors: dict[str, Governor] = {}
    kept = KeptFingerprints(store)
    for name, (_, given) in backends_used(spec).items():
        choice = with_limits(given, spec.limits)
        mark = repr((choice.provider, choice.model, sorted(choice.options.items(), key=str), choice.settings))
        if mark not in opened:
            opened[mark] = _open_endpoint(choice, spec, tables, governors, kept)
        endpoints[name] = opened[mark]
    kept.note()
    return endpoints


def with_limits(choice: BackendChoice, limits: Limits) -> BackendChoice:
    """Where a limit is set, a reply must not be longer than what is set aside for it."""
    limited = limits.budget is not None or limits.tokens is not None
    if limited and "max_tokens" not in choice.settings:
        return replace(choice, settings={**choice.settings, "max_tokens": DEFAULT_MAX_TOKENS})
    return choice


def _open_endpoint(
    choice: BackendChoice,
    spec: Spec,
    tables: Mapping[str, Table],
    governors: dict[str, Governor],
    kept: KeptFingerprints,
) -> Endpoint:
    provider = provider_of(choice.provider)
    try:
        backend = open_backend(choice, BackendContext(spec, tables, spec.limits.timeout))
    except BackendFault as e:
        raise BackendFault(e.kind, f"the backend '{choice.provider}' cannot be used: {e.message}") from None
    sender = Sender(choice, kept.of(choice, backend), backend.seeded)
    server = server_of(getattr(backend, "server", ""))
    governor = governors.get(server) or Governor(spec.limits, local=provider.in_process)
    if server:
        governors[server] = governor
    share = engine_of(named_engine(spec.limits.engine)[0]).share(choice)
    return Endpoint(sender, backend, governor, free=provider.free, share=share)


def server_of(url: str) -> str:
    """Host and port, the same for each way to write them; "" for a backend that asks no server.

    >>> server_of("http://localhost:8000/v1") == server_of("http://127.0.0.1:8000"), server_of("https://A.example/x")
    (True, 'a.example:443')
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = "127.0.0.1" if host in ("localhost", "::1") else host
    return f"{name}:{parts.port or (443 if parts.scheme == 'https' else 80)}" if host else ""


class KeptFingerprints:
    """The fingerprints that a folder's keys are made with.

    Version 0.1 put the server's address into them. A folder that it began keeps those, by the address that each
    backend has when this version first sees it there, so that what was paid for is found; wherever the server
    moves to after that. Other folders know no addresses.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        noted = store.get_meta(_NOTE)
        self._before = noted
        self._noted: dict[str, Any] = json.loads(noted) if noted else {"addresses": store.began_with_version() == 1}

    def of(self, choice: BackendChoice, backend: Backend) -> str:
        """The fingerprint to make keys with."""
        earlier: str = getattr(backend, "earlier_fingerprint", "")
        if not self._noted["addresses"] or not earlier:
            return backend.fingerprint
        mark = blake2b(f"{choice.model} {backend.fingerprint}".encode(), digest_size=8).hexdigest()
        place: str = self._noted.setdefault(mark, earlier.partition(" ")[0])  # provider:address; options stay unsaid
        _, space, options = backend.fingerprint.partition(" ")
        return place + space + options

    def note(self) -> None:
        """Keep what was found, for later builds of the folder."""
        text = json.dumps(self._noted)
        if text != self._before:
            self._store.set_meta(_NOTE, text)
