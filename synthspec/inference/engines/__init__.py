"""Engines: where calls are made. One module each, found by its name (`limits.engine`, `build --engine NAME`).

An engine's module has one name, `ENGINE`, an `EngineKind` that describes it (third parties: entry point group
`synthspec.engines`). `local` makes calls in this process, on asyncio; `batch` hands them to providers' batches.

An engine takes calls and gives back what became of each, in any order. It never sends a call twice, knows nothing of
rows, keys, money or the store, and answers every call it took exactly once: the driver (`driver.py`) does the rest. A
contract suite runs over every engine (`tests/test_engine_contract.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin, is_built_in
from synthspec.plugins.guarding import guarded
from synthspec.spec.messages import BackendFault, Reply, Request
from synthspec.spec.rows import RowPath

if TYPE_CHECKING:
    from synthspec.inference.sending.endpoints import Endpoint
    from synthspec.inference.store import Store
    from synthspec.sources import Table
    from synthspec.spec import BackendChoice, Spec

How = Literal["drain", "leave", "cancel"]


@dataclass(frozen=True, slots=True)
class Call:
    """One send of a request. `send` is its own; a request that is sent again has another."""

    send: int
    request: Request
    endpoint: str  # the name of the backend that is asked (`spec/backends_used.py`)
    path: RowPath  # of the row it is for: the lowest goes first
    tokens: int = 0  # it may take at most
    not_before: float = 0.0  # on the clock of the event loop
    cost: float = 0.0  # US dollars it may cost at most
    failed_at: tuple[str, ...] = ()  # of several servers, those where this request has failed before


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a call: a reply, a fault, or None where it was handed back without having been sent.

    Where `left` says why, it goes on without this process: what is set aside for it stays so, and a later build takes
    it up again.
    """

    send: int
    result: Reply | BackendFault | None
    latency: float = 0.0  # seconds
    server: str = ""  # that it was sent to, where the backend has several
    left: str = ""


class Engine(Protocol):
    """Where calls are made."""

    @property
    def durable(self) -> bool:
        """Whether calls outlive this process, as a batch at a provider does."""
        ...

    def room(self, endpoint: str) -> int:
        """How many more calls to this endpoint can be begun now; 1 or more while none is open."""
        ...

    async def submit(self, calls: Sequence[Call]) -> None:
        """Take calls. Returns without waiting for their replies."""
        ...

    def results(self) -> AsyncIterator[Sequence[Done]]:
        """What became of calls, as it is known, in any order. Ends once the engine is closed and all are answered."""
        ...

    async def flush(self) -> None:
        """Nothing more is ready until some of these are answered: do not wait for more."""
        ...

    def hold(self, held: bool) -> None:
        """While `held`, send none of the calls that were taken and not sent yet; those in flight go on. Calls that were
        not sent may be given back, with no result: they are submitted again once this is told with False."""
        ...

    async def close(self, how: How) -> None:
        """Take no more. `drain`: calls not sent come back unsent, those in flight end and are answered. `leave`: the
        same where calls outlive the process, without waiting for them. `cancel`: at once, nothing more is answered.
        May be told again, to go sooner."""
        ...

    async def settled(self) -> None:
        """All that was answered is stored, and no more is: let go of what was kept for it."""
        ...


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine is opened with. `waits`: it is waited for calls that outlive the process."""

    spec: Spec
    tables: Mapping[str, Table]
    endpoints: Mapping[str, Endpoint]  # by name (`spec/backends_used.py`)
    store: Store
    folder: Path
    argument: str = ""  # what stands behind the name: `ray=ADDRESS`
    waits: bool = True
    tell: Callable[[Any], None] = lambda event: None  # takes events (`inference/events.py`)


@dataclass(frozen=True, slots=True)
class EngineKind:
    """All that is known of an engine before it is opened."""

    summary: str  # one line for people
    open: Callable[[EngineContext], Engine]  # may raise BackendFault; must not call out
    durable: bool = False  # calls outlive the process
    argument: str = ""  # what may stand behind the name, for people; "" for nothing
    faults: Callable[[BackendChoice], str | None] = lambda choice: None  # why a backend cannot be used with it
    share: Callable[[BackendChoice], float] = lambda choice: 1.0  # of a backend's prices, what a call costs

    def __post_init__(self) -> None:
        """Raises TypeError where a package gives what is of another type: it is told with the plug-in's name."""
        for name, kind in {"summary": str, "durable": bool, "argument": str}.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"'{name}' of an EngineKind is a {kind.__name__}, not {getattr(self, name)!r}")
        for name in ("open", "faults", "share"):
            if not callable(getattr(self, name)):
                raise TypeError(f"'{name}' of an EngineKind is a function, not {getattr(self, name)!r}")


def named_engine(text: str) -> tuple[str, str]:
    """Name and argument of an engine as a person writes it.

    >>> named_engine("batch"), named_engine("ray=ray://host:10001")
    (('batch', ''), ('ray', 'ray://host:10001'))
    """
    name, _, argument = text.partition("=")
    return name.strip(), argument.strip()


def engine_of(name: str) -> EngineKind:
    """What there is to know of an engine.

    Raises:
        LookupError: there is none of this name.
    """
    found: EngineKind = find_plugin("engines", name).ENGINE
    if is_built_in("engines", name):
        return found
    parts = {part: guarded("engines", name, getattr(found, part)) for part in ("open", "faults", "share")}
    return replace(found, **parts)


def open_engine(name: str, context: EngineContext) -> Engine:
    """Open the engine of this name. Makes no call.

    Raises:
        BackendFault: it cannot be used as it is: a package is missing, or a provider does not fit it.
        PluginFault: the code of a package raised something else.
        LookupError: there is none of this name.
    """
    return engine_of(name).open(context)
