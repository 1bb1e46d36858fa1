"""Rows: where each stands, what became of it, and why one was rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from synthspec.lazy_dataclass import dataclass


class Stage(StrEnum):
    """Where a row was lost. The funnel counts them in this order."""

    CALL = "called"
    PARSE = "parsed"
    VALID = "valid"
    NOVEL = "novel"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row, or a whole reply, was not kept. `rule` is short and countable, `reason` is for a reader."""

    stage: Stage
    rule: str  # e.g. "words(call)", "check 2", "unique", "json"
    reason: str  # told to the model and written to the quarantine
    about: str | None = field(default=None, compare=False)  # the one field whose value it is about
    like_row: bool = field(default=False, compare=False)  # it is too much like a row that was kept before


def missing_rule(name: str) -> str:
    """The rule that a field without its value breaks."""
    return f"missing({name})"


RowPath = tuple[int, ...]  # a row's name: its combination, and its place where a prompt made several of one


def path_text(path: RowPath) -> str:
    """A path for people and files.

    >>> path_text((17, 3))
    '17.3'
    """
    return ".".join(map(str, path))


@dataclass(frozen=True, slots=True)
class Row:
    """A row that passed every rule, with where it came from."""

    combination: int
    slot: int  # number in the dataset's order, given when it is handed on
    values: Mapping[str, Any]
    keys: tuple[str, ...] = ()  # the completions it is made of
    path: RowPath = ()
    tries: tuple[Try, ...] = ()  # attempts at it that were not kept
    line: tuple[int, ...] = ()  # how many of the keys each row above it has, from the first down
    uses: int | None = None  # how many of the keys no row before it has; None for all


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at a row that was not kept."""

    prompt: str
    attempt: int
    text: str
    rejections: tuple[Rejection, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, for a reader."""
        return tuple([r.reason for r in self.rejections])


@dataclass(frozen=True, slots=True)
class Missing:
    """A row that could not be had: where it was lost, why, and all that was tried."""

    combination: int
    slot: int
    stage: Stage
    reasons: tuple[str, ...]
    values: Mapping[str, Any]
    tries: tuple[Try, ...] = ()
    path: RowPath = ()


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a row, or in a value of one, in the order in which they stand.

    >>> list(texts_in({"a": "x", "b": [1, {"c": "y"}]}))
    ['x', 'y']
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
