"""What the row machine is made of: a state, the effects it asks for, and the outcomes that answer them. Plain frozen
values; no clock, no task, no store.

A row is named by its path: its combination and, where a prompt made several rows of one, its place among them (`17`,
`17.3`). Each question has an id of its own, given by the path of the row that asks: rows share nothing, so the
outcomes of one state may come in any order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from hashlib import blake2b
from typing import Any, Literal

from synthspec.generation.machine.rows import RowStates
from synthspec.inference.outcomes import Failed, Id, Replied, Stopped
from synthspec.inference.requests import Feedback
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Rejection, RowPath, Stage, Try


@dataclass(frozen=True, slots=True)
class Combination:
    """Parameter values, and what templates see beside them: fields computed from these alone, texts to avoid."""

    index: int  # in the plan
    values: Mapping[str, Any]
    context: Mapping[str, Any]


# --- effects: what the machine asks of its driver


@dataclass(frozen=True, slots=True)
class Ask:
    """A completion is wanted. Answered by `Replied`, `Failed` or `Stopped`."""

    id: Id
    path: RowPath
    prompt: str
    attempt: int  # from 1
    rows: int  # that the reply should hold
    place: str  # of the row among those of its combination, as keys know it; BATCH at its end for several at once
    lineage: tuple[str, ...]  # keys of the completions it builds on
    combination: Combination
    values: Mapping[str, Any]  # what the templates see: parameters, and fields written before
    feedback: Feedback | None
    opening: str = ""  # the opening of its combination that it belongs to; "" where it builds on completions
    variant: tuple[str | int, ...] = ()  # what tells it from others of the same prompt and row: ("sample", 3)
    seen: Mapping[str, Any] = field(default_factory=dict)  # names bound for this call alone: the item of a map, `round`
    endpoint: str = ""  # the backend it is for, by the name of its endpoint; "" for the prompt's own
    before: tuple[str, ...] = ()  # keys of all that a conversation came to before, in attempts at it too; in no key


@dataclass(frozen=True, slots=True)
class Offer:
    """A row that keeps every rule of its own. Answered by `Verdict`.

    One that is not `whole` is still to make the rows of the next level: only whether it is new is asked.
    """

    id: Id
    path: RowPath
    combination: Combination
    values: Mapping[str, Any]
    lineage: tuple[str, ...]
    tries: tuple[Try, ...] = ()  # attempts at it that were not kept
    whole: bool = True
    line: tuple[int, ...] = ()  # how many of the lineage each row above it has, from the first down


@dataclass(frozen=True, slots=True)
class Need:
    """Something that depends on more than this combination. Answered by `Known`.

    `move`: another combination to make the row under, for this one gives nothing new. `substitute`: other values of
    what is not listed, for the row cannot be had.
    """

    id: Id
    path: RowPath
    what: Literal["move", "substitute"]
    combination: Combination
    times: int  # how often the row was moved before
    place: str = ""  # of the row among those of its combination, as keys know it; "" where there is one


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that cannot be had. Not answered."""

    path: RowPath
    combination: Combination
    stage: Stage
    reasons: tuple[str, ...]
    values: Mapping[str, Any]
    tries: tuple[Try, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that its spec does not want, with all that would come of it. Not answered."""

    path: RowPath
    combination: Combination
    rule: str  # the check, countable
    reason: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fanned:
    """A row stands for so many rows of the next level. Not answered."""

    path: RowPath
    count: int
    values: Mapping[str, Any] = field(default_factory=dict)  # of one that stands for none


Effect = Ask | Offer | Need | Lost | Dropped | Fanned


# --- outcomes: what the driver answers


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an offered row is new beside the rows before it: None, or why not."""

    rejection: Rejection | None


@dataclass(frozen=True, slots=True)
class Known:
    """What a `Need` asked for; None where there is nothing."""

    combination: Combination | None


Outcome = Replied | Failed | Verdict | Known | Stopped


# --- notes: what a reply came to, for whoever counts


@dataclass(frozen=True, slots=True)
class ReplyNote:
    """Rows a reply was asked for and held, and what was not kept."""

    asked: int = 0
    held: int = 0
    rejections: tuple[Rejection, ...] = ()


# --- the state


class Work:
    """What there is of a prompt that makes several calls for one row: a frozen dataclass of its own module."""

    __slots__ = ()

    def restarted(self) -> Work:
        """What is left of it where the row goes back to before it: how often it was asked."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RowState:
    """The history of one row, and the questions it waits for: one, or the calls of one prompt that makes several."""

    path: RowPath
    place: str  # among the rows of its combination, as keys know it
    combination: Combination
    above: Mapping[str, Any] = field(default_factory=dict)  # the values it has of the row that it came of
    values: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)  # calls made for it, by prompt
    keys: Mapping[str, str] = field(default_factory=dict)  # the completion that wrote each prompt's fields
    texts: Mapping[str, str] = field(default_factory=dict)  # of those completions
    feedback: Mapping[str, Feedback] = field(default_factory=dict)
    tries: tuple[Try, ...] = ()
    last: tuple[Stage, tuple[str, ...]] = (Stage.CALL, ())  # what it was last sent back for
    moves: int = 0  # how often it came here from another combination
    questions: int = 0
    line: tuple[int, ...] = ()  # how many completions each row above it was made of, from the first down
    stopped: bool = False  # nothing is done for it any more: it is replaced by no other
    waits: Ask | Offer | Need | None = None
    work: Mapping[str, Work] = field(default_factory=dict)  # by prompt
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the completions of prompts that made several
    calls: Mapping[Id, Ask] = field(default_factory=dict)  # of its work, that are open

    @property
    def is_final(self) -> bool:
        """Whether nothing is waited for any more."""
        return self.waits is None and not self.calls


def completions(keys: Mapping[str, str], made: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The completions that a row is made of, in the order in which its prompts were done."""
    return tuple(key for name, one in keys.items() for key in made.get(name, (one,)))


@dataclass(frozen=True, slots=True)
class Made:
    """A row of the next level that is there, and not worked on yet."""

    number: int  # of the rows that its parent makes
    place: str
    names: Mapping[str, Any]  # bound for it and all below: the item of a list
    values: Mapping[str, Any]  # that were written with it
    attempt: int = 0  # of the call that wrote these
    key: str = ""
    text: str = ""
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Items:
    """The rows that a list makes, each ready when it is looked at."""

    name: str
    values: Sequence[Any]
    prefix: str  # of their places
    again: Mapping[int, int]  # by number, of items that equal some before: how many these are

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, number: int) -> Made:
        item = self.values[number]
        mark, again = digest_of_item(item), self.again.get(number, 0)
        place = f"{self.prefix}{mark}+{again}" if again else f"{self.prefix}{mark}"
        return Made(number, place, {self.name: item}, {})


def digest_of_item(item: Any) -> str:
    """What tells an item from those that do not equal it, wherever it stands in its list."""
    text = json.dumps(item, sort_keys=True, default=str, ensure_ascii=False)
    return blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class FanState:
    """A row whose own prompts are done and that makes rows of the next level: one for every item of a list, or those of
    replies, asked for together until all are there. Not all of them are worked on at once.
    """

    path: RowPath
    row: RowState  # what they come of
    made: tuple[Made, ...] | Items = ()  # in order
    begun: int = 0  # of those made
    open: int = 0  # of those begun, not final
    places: tuple[int, ...] = ()  # of the rows still to be written
    wanted: int = 0  # rows to ask for
    attempt: int = 0
    stage: Stage = Stage.CALL
    reasons: tuple[str, ...] = ()
    tries: tuple[Try, ...] = ()
    feedback: Feedback | None = None
    waits: Ask | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The work on one combination. Rows that are final are no longer in it."""

    combination: Combination
    rows: RowStates

    @property
    def open(self) -> dict[Id, RowPath]:
        """Every question that waits for its answer, and the row that asks."""
        found = {row.waits.id: path for path, row in self.rows.items() if row.waits is not None}
        found.update((id, path) for path, row in self.rows.items() if isinstance(row, RowState) for id in row.calls)
        return found


def row_of(id: Id) -> RowPath:
    """The path of the row that asks. Calls of one row that are open at once have a negative number at its end.

    >>> row_of(((17, 3, -2), 1))
    (17, 3)
    """
    path = id[0]
    return path if path[-1] >= 0 else path[:-1]
