"""What one column holds: one small value a kind of column."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.fitting import Fit
from synthspec.profiling.columns.identifiers import CodePattern
from synthspec.profiling.columns.personal import Personal


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing but missing values."""


@dataclass(frozen=True, slots=True)
class OneValue:
    """One value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Labels:
    """Few different values, in the order in which they are listed, with how often each occurs."""

    values: tuple[Any, ...]
    counts: tuple[int, ...]
    ordered: bool  # numbers


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of a distribution: `decimals` None where they have no end, `step` of the grid that they lie on."""

    low: float
    high: float
    whole: bool
    decimals: int | None
    step: float
    fit: Fit


@dataclass(frozen=True, slots=True)
class Moments:
    """Dates or moments: a distribution of days (or seconds) after the first."""

    first: date | datetime
    last: date | datetime
    fit: Fit


@dataclass(frozen=True, slots=True)
class Times:
    """Times of day."""

    first: time
    last: time


@dataclass(frozen=True, slots=True)
class Counter:
    """Whole numbers that go up by a step from row to row."""

    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Uuids:
    """Universally unique identifiers."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Texts of one form, each of which stands (nearly) once."""

    pattern: CodePattern
    unique: bool
    counted: tuple[str, int, str] | None = None  # what stands before and after a number, and the least of these


@dataclass(frozen=True, slots=True)
class People:
    """Values that look like data about people."""

    personal: Personal


@dataclass(frozen=True, slots=True)
class SampledTexts:
    """Short texts that repeat, too many to list; or lists. They are drawn from the sample's rows."""

    distinct: int
    lists: bool = False


@dataclass(frozen=True, slots=True)
class Texts:
    """Running text: bounds of words by quantiles, the language with its certainty."""

    least: int
    median: int
    most: int
    language: str  # a code, "" where it cannot be told
    certainty: float
    telling: int  # rows with e-mail addresses, phone or card numbers in the text
    prose: bool  # most of them have several words
    vocabulary: int  # different words


@dataclass(frozen=True, slots=True)
class Conversations:
    """Conversations of a user and an assistant: how often the user speaks, the words of nearly all messages."""

    fewest: int
    most: int
    least_words: int
    most_words: int
    language: str  # a code, "" where it cannot be told
    systems: int  # that begin with a system message


ColumnKind = (
    Empty
    | OneValue
    | Labels
    | Numbers
    | Moments
    | Times
    | Counter
    | Uuids
    | Codes
    | People
    | SampledTexts
    | Conversations
    | Texts
)  # what a column is


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column with what it holds; `missing` is the share of its values that are not there."""

    name: str
    header: str
    path: tuple[str, ...]
    kind: ColumnKind
    missing: float
    distinct: int
    notes: tuple[str, ...] = ()
