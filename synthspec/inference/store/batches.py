"""Batches at a provider: noted before they are submitted, found again after a crash, their calls still set aside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from synthspec.inference.store import Store
from synthspec.inference.store.derived.rows import key_text
from synthspec.inference.store.ledger import Send
from synthspec.inference.store.schema import CLOSED_BATCHES
from synthspec.lazy_dataclass import dataclass

STATES = (
    "intent", "uploaded", "submitted", "running", "ended", "fetched", "committed", "suspect", "cancelling", "absent",
)  # fmt: skip
_INSERT = "INSERT INTO batches VALUES (?, ?, ?, NULL, NULL, 'intent', ?, ?, NULL)"
_ITEM = "INSERT INTO batch_items (intent, n, key, send) VALUES (?, ?, ?, ?)"
_COLUMNS = "intent, provider, endpoint, remote_id, file_id, state, count, created, last_poll"
_CHANGED = ("remote_id", "file_id", "state", "last_poll")


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as it was last noted. `intent` is our own name for it, unique in the folder."""

    intent: str
    provider: str
    endpoint: str
    remote_id: str | None  # the provider's name for it
    file_id: str | None
    state: str  # one of `STATES`
    count: int  # requests
    created: float  # Unix time
    last_poll: float | None

    @property
    def model(self) -> str:
        """The model it asks."""
        return self.endpoint.partition(" ")[2]


class Batches:
    """The batches of a folder. `reserve` one (or reserve its calls with its intent, and `begin` it), then submit it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, intent: str, provider: str, endpoint: str, sends: Sequence[Send]) -> None:
        """Note what is about to be submitted: the calls that were reserved for it, in their order. Durable on return.

        Raises:
            StoreFault: it could not be written, or there is one of that name; it must not be submitted.
        """
        await self._store.change(_noted(intent, provider, endpoint, sends))

    async def reserve(
        self, intent: str, provider: str, endpoint: str, calls: Sequence[tuple[str, float, int]]
    ) -> list[Send]:
        """The same with what its calls (key, US dollars and tokens at worst) may take, set aside at once with it.

        Raises:
            StoreFault: it could not be written; it must not be submitted.
        """
        return await self._store.reserve_batch(calls, intent, lambda sends: _noted(intent, provider, endpoint, sends))

    async def update(self, intent: str, **changes: str | float | None) -> None:
        """Note what is new of a batch: `state`, `remote_id`, `file_id`, `last_poll`. Durable on return.

        Once it is `committed` or `absent`, calls of it that nothing settled count as lost when the store is opened.

        Raises:
            StoreFault: it could not be written.
        """
        unknown = set(changes) - set(_CHANGED)
        if unknown or changes.get("state", "intent") not in STATES:
            raise ValueError(f"a batch has no {', '.join(sorted(unknown)) or changes['state']}")
        places = ", ".join(f"{name} = ?" for name in changes)
        await self._store.change([(f"UPDATE batches SET {places} WHERE intent = ?", (*changes.values(), intent))])

    def pending(self) -> list[StoredBatch]:
        """Every batch that something may still come of, the oldest first.

        Raises:
            StoreFault: they cannot be read.
        """
        query = f"SELECT {_COLUMNS} FROM batches WHERE state NOT IN {CLOSED_BATCHES} ORDER BY created, intent"
        return [StoredBatch(*row) for row in self._store.read(query)]

    def known(self) -> tuple[set[str], set[tuple[str, str]]]:
        """Every intent there ever was; and the endpoint and name of every batch that a provider is sure to have had.

        Raises:
            StoreFault: they cannot be read.
        """
        rows = self._store.read("SELECT intent, endpoint, remote_id, state FROM batches")
        named = {(endpoint, remote) for _, endpoint, remote, state in rows if remote and state != "suspect"}
        return {intent for intent, *_ in rows}, named

    def items(self, intent: str) -> list[tuple[str, int]]:
        """The requests of a batch in their order: key, and the number of the send.

        Raises:
            StoreFault: they cannot be read.
        """
        rows = self._store.read("SELECT key, send FROM batch_items WHERE intent = ? ORDER BY n", intent)
        return [(key_text(key), send) for key, send in rows]

    def reserved(self) -> dict[str, list[Send]]:
        """By batch, the calls of all batches that nothing has settled yet.

        Raises:
            StoreFault: they cannot be read.
        """
        found: dict[str, list[Send]] = {}
        for send in self._store.open_sends():
            if send.batch is not None:
                found.setdefault(send.batch, []).append(send)
        return found

    def sends(self, intent: str) -> list[Send]:
        """The calls of a batch that nothing has settled yet, to be settled with `put`, `release` or `lose`.

        Raises:
            StoreFault: they cannot be read.
        """
        return [send for send in self._store.open_sends() if send.batch == intent]


def _noted(intent: str, provider: str, endpoint: str, sends: Sequence[Send]) -> list[tuple[str, Sequence[Any]]]:
    statements: list[tuple[str, Sequence[Any]]] = [(_INSERT, (intent, provider, endpoint, len(sends), time.time()))]
    return [*statements, *((_ITEM, (intent, n, send.key, send.id)) for n, send in enumerate(sends))]
