"""The stream of events of a run: what the terminal, a notebook, a preview or a web page listens to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from synthspec.inference.accounting.budget import Budget
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan
from synthspec.spec.messages import Completion, Request
from synthspec.spec.rows import Missing, Rejection, Row, RowPath


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins."""

    plan: Plan
    budget: Budget
    servers: tuple[str, ...] = ()  # of backends that have several, in the order of the spec


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of the first calls of every combination, how many are stored already and how many are to be made."""

    stored: int
    to_make: int


@dataclass(frozen=True, slots=True)
class CallBegun:
    """A request was sent."""

    request: Request
    path: RowPath


@dataclass(frozen=True, slots=True)
class CallUnsent:
    """A call that was begun did not leave after all: the run drains, or is paused. It is begun again, if ever."""

    request: Request
    path: RowPath


@dataclass(frozen=True, slots=True)
class CallDone:
    """A completion is at hand, made now or taken from the store; it is durable."""

    request: Request
    path: RowPath
    completion: Completion
    server: str = ""  # that made it now, where the backend has several


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call gave no completion. `again`: the same request is sent again."""

    request: Request
    path: RowPath
    kind: str
    again: bool
    server: str = ""  # that failed, where the backend has several
    message: str = ""  # what went wrong, for a person
    charged: float | None = 0.0  # US dollars, at most, that the provider may ask for it all the same; None is not known


@dataclass(frozen=True, slots=True)
class ServerChange:
    """One of several servers was set aside for a fault, or is back."""

    server: str
    fault: str  # "" where it is back


@dataclass(frozen=True, slots=True)
class Counted:
    """A reply was read, as far as rows that are final hang on it: rows asked for and held, and what was not kept."""

    path: RowPath
    asked: int
    held: int
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class RowReady:
    """A row keeps every rule of its own, and waits for its turn."""

    path: RowPath
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowRejected:
    """A reply, or a row, is not kept as it is; it is retried while attempts last."""

    path: RowPath
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class RowKept:
    """A row is final. These come in path order, as `RowMissing` do."""

    row: Row


@dataclass(frozen=True, slots=True)
class RowMissing:
    """A row that cannot be had."""

    missing: Missing


@dataclass(frozen=True, slots=True)
class RowEmpty:
    """A row that was to make the rows of the next level had none to make: it is a row of its own table alone."""

    path: RowPath
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowDropped:
    """A row that its spec does not want, with all that would have come of it: it is neither kept nor missing."""

    path: RowPath
    combination: int
    rule: str  # the check, countable
    reason: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spend:
    """What all runs of the folder used so far: US dollars and tokens of settled calls."""

    cost: float
    tokens: int


@dataclass(frozen=True, slots=True)
class BatchMoved:
    """What is new of a batch at a provider. `done` of its `count` requests are answered, None where nobody knows;
    `strange` lines of its results are about no request of it, or came twice; `fault` is why the last question failed,
    which is asked again."""

    intent: str
    provider: str
    state: str  # one of `store.batches.STATES`
    count: int
    done: int | None
    created: float  # Unix time
    strange: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Paused:
    """Calls in flight go on, and no other is sent until `Resumed`."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Calls are sent again."""


@dataclass(frozen=True, slots=True)
class Stop:
    """No further call is begun."""

    reason: str
    by_hand: bool = False  # a person ends the run


Event = (
    Started
    | Forecast
    | CallBegun
    | CallUnsent
    | CallDone
    | CallFailed
    | Counted
    | ServerChange
    | RowReady
    | RowRejected
    | RowKept
    | RowMissing
    | RowDropped
    | RowEmpty
    | Spend
    | BatchMoved
    | Paused
    | Resumed
    | Stop
)
