"""A spec to be written: its parts in order, each value with the comments above it. Plain values, no YAML yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ProposedEntry:
    """One key with its value, and what is said above it; with the key None it is an item of a list."""

    key: Any
    value: Any
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a spec: a value, or entries."""

    key: str
    value: Any
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A spec, and the rows that it reads from the file `data`, below its folder."""

    name: str
    description: str
    heading: tuple[str, ...]
    rows: int
    sections: tuple[Section, ...]
    seed: int = 1
    data: str = ""
    copied: Sequence[Mapping[str, Any]] = ()
