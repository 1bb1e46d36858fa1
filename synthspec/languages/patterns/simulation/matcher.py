"""Matches found by simulation, with what a match of `re` can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

from synthspec.languages.patterns.simulation.machine import Machine
from synthspec.languages.patterns.simulation.program import compile_program
from synthspec.languages.patterns.simulation.viability import Viability
from synthspec.languages.patterns.tree import parse_any_length, read_replacement
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """One match; its methods are those of `re.Match`."""

    string: str
    names: dict[str, int]
    ends: tuple[int, ...]

    def __getitem__(self, group: int | str) -> str | None:
        start, end = self.span(group)
        return self.string[start:end] if start >= 0 else None

    def group(self, group: int | str = 0) -> str | None:
        """The text of a group; None where it took no part."""
        return self[group]

    def groups(self) -> tuple[str | None, ...]:
        """The text of every group, from the first on."""
        return tuple(self[number] for number in range(1, len(self.ends) // 2))

    def groupdict(self) -> dict[str, str | None]:
        """The text of every named group."""
        return {name: self[name] for name in self.names}

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """Where a group begins and ends; (-1, -1) where it took no part."""
        number = self.names[group] if isinstance(group, str) else group
        start, end = self.ends[2 * number], self.ends[2 * number + 1]
        return (start, end) if end >= 0 else (-1, -1)

    def start(self, group: int | str = 0) -> int:
        """Where a group begins."""
        return self.span(group)[0]

    def end(self, group: int | str = 0) -> int:
        """Where a group ends."""
        return self.span(group)[1]

    def expand(self, parts: Sequence[str | int]) -> str:
        """A replacement that was read by `read_replacement`, its groups filled in."""
        return "".join(part if isinstance(part, str) else self[part] or "" for part in parts)

    @property
    def lastgroup(self) -> str | None:
        """The name of the group that closed last."""
        return next((name for name, number in self.names.items() if number == self.ends[-1]), None)


class Scan:
    """One text under one pattern; every method raises StepsExceededError."""

    def __init__(self, simulator: Simulator, text: str) -> None:
        self.text, self._names = text, simulator.names
        self._machine = Machine(simulator.part, text, simulator.groups)

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return self._machine.steps

    def match(self, at: int) -> Match | None:
        """The match that begins at a place."""
        return self._found(self._machine.match(at))

    def search(self, at: int = 0, nonempty: bool = False) -> Match | None:
        """The first match from a place on."""
        return self._found(self._machine.search(at, nonempty))

    def finditer(self) -> Iterator[Match]:
        """Every match; one after an empty match takes a character or begins later."""
        at, nonempty = 0, False
        while (found := self.search(at, nonempty)) is not None:
            yield found
            at, nonempty = found.end(), found.start() == found.end()

    def _found(self, ends: list[int] | None) -> Match | None:
        return None if ends is None else Match(self.text, self._names, tuple(ends))


class Simulator:
    """A pattern matched in counted steps. Every method raises StepsExceededError rather than take more."""

    def __init__(self, text: str) -> None:
        compiled = re.compile(text)
        program = compile_program(parse_any_length(text))
        self.text, self.names, self.groups = text, dict(compiled.groupindex), compiled.groups
        self.part, self._whole = Viability(program, whole=False), Viability(program, whole=True)
        self._exact = program.exact
        self._lock = Lock()  # of the tables

    def search(self, text: str) -> bool:
        """Whether some part of the text matches."""
        with self._lock:
            return self.part.any(text) if self._exact else Scan(self, text).search() is not None

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        with self._lock:
            return self._whole.first(text) if self._exact else self._match_whole(text) is not None

    def whole(self, text: str) -> Match | None:
        """The match of the whole text."""
        with self._lock:
            ends = self._match_whole(text)
        return None if ends is None else Match(text, self.names, tuple(ends))

    def _match_whole(self, text: str) -> list[int] | None:
        return Machine(self._whole, text, self.groups).match(0)

    def scan(self, text: str) -> Scan:
        """Matches with their groups."""
        with self._lock:
            return Scan(self, text)

    def sub(self, replacement: str | Callable[[Any], str], text: str) -> str:
        """The text with every match replaced."""
        parts = read_replacement(self.text, replacement) if isinstance(replacement, str) else []
        made: list[str] = []
        at = 0
        for found in self.scan(text).finditer():
            filled = found.expand(parts) if isinstance(replacement, str) else replacement(found)
            made += [text[at : found.start()], filled]
            at = found.end()
        return "".join([*made, text[at:]])


@lru_cache(maxsize=128)
def simulator(text: str) -> Simulator:
    """The simulator of a pattern. Raises TooLargeError for one of too many instructions."""
    return Simulator(text)
