"""Batches at a provider: many requests handed in at once, answered within a day, at half the price.

One module a provider. Each makes of an open backend a `BatchService`: what the provider's SDK does, as plain calls
that wait (the engine runs them in threads), typed values out, faults of the closed set. `inference/batches/engine.py`
owns the order of things: what is noted before what, what is looked for after a crash, what is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol

from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

INTENT = 8  # hexadecimal digits of a batch's own name
NAME = "synthspec-"  # before it, where the provider shows the name to people


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one batch may hold."""

    requests: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Remote:
    """A batch as the provider tells of it. `failed`: it was turned down as a whole, and nothing of it is charged."""

    id: str
    state: Literal["running", "cancelling", "ended", "failed"]
    count: int | None = None  # requests in it
    done: int | None = None  # of them, those that are answered; None where the provider does not tell
    created: float | None = None  # Unix time
    files: tuple[str, ...] = ()  # where its results are
    kind: FaultKind = FaultKind.BAD_REQUEST  # of one that failed
    said: str = ""  # why it failed


class ResultLine(NamedTuple):
    """One line of results. No `result`: the provider did not come to it (expired, cancelled), and charges nothing."""

    custom_id: str
    result: Reply | BackendFault | None


class BatchService(Protocol):
    """The batches of one provider, as one backend may use them. Every function but `route`, `line` and `read` calls
    out, and may raise BackendFault."""

    limits: BatchLimits
    label: str  # server and model, by which a batch is asked about later
    proves: bool  # whether what `find` gives is sure to be ours

    def route(self, request: Request) -> str:
        """What a request is for; requests of different routes cannot share a batch."""
        ...

    def line(self, custom_id: str, request: Request) -> bytes:
        """The request as it stands in a batch, on one line."""
        ...

    def upload(self, intent: str, lines: Path) -> str | None:
        """Hand in the requests; the name of the file at the provider, None where they go with the submission."""
        ...

    def submit(self, intent: str, route: str, lines: Path, file_id: str | None) -> Remote:
        """Begin the batch. The one call that is charged for."""
        ...

    def discard(self, intent: str, file_id: str | None) -> None:
        """Remove what was uploaded for a batch, found by its name where no `file_id` is known."""
        ...

    def find(self, intent: str, count: int, since: float) -> Sequence[Remote]:
        """The batches that may be the one of this intent, begun at `since` (Unix time) or later."""
        ...

    def poll(self, remote_id: str) -> Remote:
        """How a batch stands."""
        ...

    def cancel(self, remote_id: str) -> None:
        """Ask for no more of a batch; what is answered stays."""
        ...

    def fetch(self, remote: Remote, into: BinaryIO) -> None:
        """Write the results of a batch that ended, one line each, in any order."""
        ...

    def read(self, line: bytes) -> ResultLine:
        """A line of results.

        Raises:
            ValueError: it is none.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BatchOffer:
    """That a provider has batches, and what they cost."""

    open: Callable[[Any], BatchService]  # of an open backend; may raise BackendFault; must not call out
    domain: str = ""  # its own hosts end in this: there, batches cost `share` of the ordinary price
    share: float = 0.5


def label_of(address: str, model: str) -> str:
    """Server and model of a batch, as they are noted with it."""
    return f"{address} {model}"


def custom_id_of(intent: str, key: str) -> str:
    """The name of a request in a batch.

    >>> custom_id_of("0a1b2c3d", "00" * 16)
    '0a1b2c3d00000000000000000000000000000000'
    """
    return intent + key


def key_in(intent: str, custom_id: str) -> str | None:
    """The key that a custom id names; None where it is of another batch.

    >>> key_in("0a1b2c3d", "0a1b2c3dff"), key_in("0a1b2c3d", "11111111ff")
    ('ff', None)
    """
    return custom_id[INTENT:] if custom_id.startswith(intent) else None
