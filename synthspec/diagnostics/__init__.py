"""Diagnostics: what is wrong, where, and how to fix it. Values, never printed here."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from dataclasses import replace
from threading import Lock
from typing import Literal

from synthspec.diagnostics.remedies import Change, Remedy, changes_in, list_names, suggest, write
from synthspec.diagnostics.spelling import is_near
from synthspec.lazy_dataclass import dataclass

Severity = Literal["error", "warning"]
LONGEST = 300  # characters of a message
MANY = 200  # names that one is compared with letter by letter


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file. Lines and columns count from 1; the end column is one past the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains the first."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. `code` is a key of the catalogue (`synthspec explain CODE`).

    `help` says how to fix it; where it is a `Remedy`, it carries the changes that do so.
    """

    code: str
    message: str
    span: Span
    help: str = ""
    related: tuple[Related, ...] = ()
    about: tuple[str, ...] = ()  # the names of the spec that it is about, where a reader of the value needs them

    @property
    def severity(self) -> Severity:
        """`W…` codes are warnings, all others errors."""
        return "warning" if self.code.startswith("W") else "error"

    @property
    def changes(self) -> tuple[Change, ...]:
        """What `help` proposes, as values."""
        return changes_in(self.help)

    def as_dict(self) -> dict[str, str | int]:
        """The flat form that `check --format json` prints."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "help": self.help,
            "file": self.span.file,
            "line": self.span.line,
            "column": self.span.column,
            "end_line": self.span.end_line,
            "end_column": self.span.end_column,
        }


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error."""
    return any(d.severity == "error" for d in diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place, without repeats, each message on one line however long the names in it are."""
    terse = (replace(d, message=_one_line(d.message), help=_terse(d.help)) for d in diagnostics)
    return tuple(sorted(dict.fromkeys(terse), key=lambda d: (d.span, d.code, d.message)))


def _one_line(text: str) -> str:
    line = " ".join(text.split("\n"))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def _terse(help: str) -> str:
    changes = changes_in(help)
    return Remedy(_one_line(help), *changes) if changes else _one_line(help)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely stands for, if any is near."""
    known = tuple(known)
    folded, alike = _index(known)
    same = folded.get(name.casefold().replace("-", "_"))
    if same is not None:
        return same
    if len(known) > MANY:
        known = tuple(dict.fromkeys((*alike.get(name[:3], ()), *alike.get(f"…{name[-3:]}", ()))))[:MANY]
    close = difflib.get_close_matches(name[:LONGEST], known, n=3, cutoff=0.6)
    return next((other for other in close if is_near(name[:LONGEST], other)), None)


def nearest_file(name: str, names: Iterable[str]) -> str | None:
    """The file's name that `name` most likely stands for: what stands before the suffix is alike.

    >>> nearest_file("call.csv", ["days.csv", "calls.csv"]), nearest_file("exam.csv", ["days.csv"])
    ('calls.csv', None)
    """
    there: dict[str, list[str]] = {}
    for other in sorted(names):
        there.setdefault(other.rpartition(".")[0] or other, []).append(other)
    stem, _, suffix = name.rpartition(".")
    near = nearest(stem or name, there)
    if near is None:
        return None
    return max(there[near], key=lambda other: difflib.SequenceMatcher(None, suffix, other.rpartition(".")[2]).ratio())


class _Index:
    """Names by how they are read aloud; and very many of them by their beginnings and ends."""

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()
        self.folded: dict[str, str] = {}
        self.alike: dict[str, list[str]] = {}

    def grow(self, known: tuple[str, ...]) -> None:
        """Take in the names that `known` has beyond those it begins with, which are here already."""
        for name in known[len(self.known) :]:
            self.folded[name.casefold().replace("-", "_")] = name
            self.alike.setdefault(name[:3], []).append(name)
            self.alike.setdefault(f"…{name[-3:]}", []).append(name)
        self.known = known


_RECENT: list[_Index] = []
_LOCK = Lock()


def _index(known: tuple[str, ...]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The index of some names: a recent one where that can be, for scopes mostly grow by a name at a time."""
    with _LOCK:
        fits = (each for each in _RECENT if known[: len(each.known)] == each.known)
        found = max(fits, key=lambda each: len(each.known), default=None)
        if found is None or (len(found.known) < len(known) // 2):
            found = _Index()
            _RECENT[:] = [found, *_RECENT[:31]]
        found.grow(known)
        return found.folded, found.alike


def names_in(text: str, known: Iterable[str]) -> list[str]:
    """The known names that a text lists with commas between, as nobody writes one name; empty where it is none such.

    >>> names_in("question, answer", ["answer", "question", "topic"])
    ['question', 'answer']
    """
    parts = [part.strip() for part in text.split(",")]
    return parts if len(parts) > 1 and set(parts) <= set(known) else []


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy for a misspelt name: the nearest one, else what there is to choose from."""
    known = tuple(known)
    parts = names_in(name, known)
    if parts:
        return write(f"[{', '.join(parts)}]", "write a list: {}", certain=True)
    near = nearest(name, known if len(known) > MANY else sorted(set(known)))
    if near is not None:
        return suggest(near)
    if otherwise:
        return otherwise
    if not known:
        return ""
    return list_names(heapq.nsmallest(12, set(known)), more=len(set(known)) > 12)
