"""The backends of a spec, opened: one for each choice and server. Whoever calls a server shares its governor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from synthspec.inference.backends import Backend, BackendContext, open_backend, provider_of
from synthspec.inference.engines import engine_of, named_engine
from synthspec.inference.requests import DEFAULT_MAX_TOKENS, RequestSettings
from synthspec.inference.sending.governor import Governor
from synthspec.inference.sending.server_pool import ServerPool
from synthspec.inference.store import Store
from synthspec.inference.transport.chat import server_of
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Limits, Prices, Spec
from synthspec.spec.backends_used import backends_used
from synthspec.spec.messages import BackendFault


@dataclass(slots=True)
class Endpoint:
    """A backend in use: what requests depend on, and how fast it may be asked.

    One of several servers has a `pool`, which says where a call goes; `backends` are in the order of its servers, and
    `backend` and `governor` are the first's.
    """

    sender: RequestSettings
    backend: Backend
    governor: Governor
    free: bool = False  # its calls cost nothing
    answered: bool = False  # whether any call of this run had a reply
    share: float = 1.0  # of its prices, what a call costs with the engine in use
    pool: ServerPool | None = None
    backends: tuple[Backend, ...] = ()

    @property
    def queue(self) -> Governor | ServerPool:
        """Where its calls wait for their turn; endpoints of one server, or of the same servers, share it."""
        return self.pool or self.governor

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(b.close() for b in self.backends or (self.backend,)), return_exceptions=True)

    @property
    def prices(self) -> Prices | None:
        """What its calls cost; None where that is not known."""
        prices = self.sender.choice.prices
        if prices is None or self.share == 1.0:
            return prices
        return replace(prices, prompt=prices.prompt * self.share, completion=prices.completion * self.share)


_NOTE = "fingerprints"  # the name under which a store keeps them


def open_endpoints(spec: Spec, tables: Mapping[str, Table], store: Store, *, calls: bool = True) -> dict[str, Endpoint]:
    """For each endpoint of the spec (`spec/backends_used.py`) its backend; those with the same choice share one.
    Without `calls` they cannot be asked, and need no key.

    Raises:
        BackendFault: one cannot be opened.
    """
    opened: dict[str, Endpoint] = {}
    endpoints: dict[str, Endpoint] = {}
    opener = _Opener(spec, tables, KeptFingerprints(store), calls)
    for name, (_, given) in backends_used(spec).items():
        choice = with_limits(given, spec.limits)
        mark = repr((choice.provider, choice.model, sorted(choice.options.items(), key=str), choice.settings))
        if mark not in opened:
            opened[mark] = opener.open(choice)
        endpoints[name] = opened[mark]
    opener.kept.note()
    return endpoints


def servers_of(endpoints: Mapping[str, Endpoint]) -> tuple[str, ...]:
    """The servers of backends that have several, each once."""
    pools = [e.pool for e in endpoints.values() if e.pool is not None]
    return tuple(dict.fromkeys(name for pool in pools for name in pool.names))


def with_limits(choice: BackendChoice, limits: Limits) -> BackendChoice:
    """Where a limit is set, a reply must not be longer than what is set aside for it."""
    limited = limits.budget is not None or limits.tokens is not None
    if limited and "max_tokens" not in choice.settings:
        return replace(choice, settings={**choice.settings, "max_tokens": DEFAULT_MAX_TOKENS})
    return choice


class _Opener:
    """Opens the backends of one spec. Those that ask the same server share its governor."""

    def __init__(self, spec: Spec, tables: Mapping[str, Table], kept: KeptFingerprints, calls: bool) -> None:
        self.kept, self._calls = kept, calls
        self._spec, self._tables = spec, tables
        self._governors: dict[str, Governor] = {}
        self._pools: dict[tuple[str, ...], ServerPool] = {}

    def open(self, choice: BackendChoice) -> Endpoint:
        """Raises BackendFault where it cannot be used."""
        provider = provider_of(choice.provider)
        backends = [self._backend(one) for one in each_server(choice)]
        sender = RequestSettings(choice, self.kept.of(choice, backends[0]), backends[0].seeded)
        governors = [self._governor(b, provider.in_process) for b in backends]
        share = engine_of(named_engine(self._spec.limits.engine)[0]).share(choice)
        endpoint = Endpoint(sender, backends[0], governors[0], free=provider.free, share=share)
        if len(backends) > 1:
            endpoint.backends, endpoint.pool = tuple(backends), self._pool(choice, backends, governors)
        return endpoint

    def _backend(self, choice: BackendChoice) -> Backend:
        try:
            context = BackendContext(self._spec, self._tables, self._spec.limits.timeout, self._calls)
            return open_backend(choice, context)
        except BackendFault as e:
            raise BackendFault(e.kind, f"the backend '{choice.provider}' cannot be used: {e.message}") from None

    def _governor(self, backend: Backend, in_process: bool) -> Governor:
        server = server_of(getattr(backend, "server", ""))
        governor = self._governors.get(server) or Governor(self._spec.limits, local=in_process)
        if server:
            self._governors[server] = governor
        return governor

    def _pool(self, choice: BackendChoice, backends: Sequence[Backend], governors: Sequence[Governor]) -> ServerPool:
        """Prompts that ask the same servers for the same model, at another temperature say, wait in one queue."""
        names = [str(getattr(b, "server", "")) or f"server {n}" for n, b in enumerate(backends, 1)]
        mark = (choice.provider, choice.model, *names)
        return self._pools.get(mark) or self._pools.setdefault(mark, ServerPool(names, governors))


def each_server(choice: BackendChoice) -> list[BackendChoice]:
    """A choice for each server that `base_url` lists; the choice itself where it lists none."""
    listed = choice.options.get("base_url")
    if not isinstance(listed, list | tuple):
        return [choice]
    return [replace(choice, options={**choice.options, "base_url": url}) for url in listed]


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
