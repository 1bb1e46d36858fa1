"""Remedies: the changes of a text that would fix a diagnostic, as values, and the sentence that is made of them.

An editor reads the values alone; a person reads the sentence. A remedy is a text, as `markupsafe.Markup` is one, so
that every function that takes a help takes a remedy: joined to other texts by `+` it keeps its changes; a remedy
without changes is a plain text.
"""

from __future__ import annotations

from collections.abc import Iterable

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class MeantName:
    """The name that was meant, in place of the one that stands there."""

    name: str


@dataclass(frozen=True, slots=True)
class KnownName:
    """One of the names that there are, in place of what stands there: none is near to it."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A text in place of the value that stands there, or `key: value` in place of the key with its value.

    A `certain` one is what was surely meant.
    """

    text: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """Without the key or the item that stands there, or without the key of this name on its line."""

    key: str = ""


@dataclass(frozen=True, slots=True)
class FieldType:
    """Another `type` for the field."""

    type: str


@dataclass(frozen=True, slots=True)
class FirstLine:
    """A line above the first of the file."""

    line: str


@dataclass(frozen=True, slots=True)
class QuotedTemplate:
    """The value that begins with a template, in quotes."""


@dataclass(frozen=True, slots=True)
class SpacesForTabs:
    """Spaces in place of the tabs of every indentation."""


Change = MeantName | KnownName | Replacement | Removal | FieldType | FirstLine | QuotedTemplate | SpacesForTabs


class Remedy(str):
    """A sentence that says how to fix something, and the changes that do what it says.

    >>> both = remove() + ", or " + set_type("string")
    >>> both, changes_in(both)
    ('remove it, or set `type: string`', (Removal(key=''), FieldType(type='string')))
    """

    __slots__ = ("changes",)

    changes: tuple[Change, ...]

    def __new__(cls, text: str, *changes: Change) -> Remedy:
        remedy = super().__new__(cls, text)
        remedy.changes = changes
        return remedy

    def __add__(self, after: str) -> Remedy:
        return Remedy(f"{self}{after}", *self.changes, *changes_in(after))

    def __radd__(self, before: str) -> Remedy:
        return Remedy(f"{before}{self}", *self.changes)


def changes_in(help: str) -> tuple[Change, ...]:
    """The changes that a help proposes; none where it is a plain text."""
    return help.changes if isinstance(help, Remedy) else ()


def name_meant(help: str) -> str:
    """The name that a help asks whether it was meant; "" where it asks for none."""
    return next((change.name for change in changes_in(help) if isinstance(change, MeantName)), "")


def suggest(name: str, quote: str = "'") -> Remedy:
    """Ask whether this name was meant."""
    return Remedy(f"did you mean {quote}{name}{quote}?", MeantName(name))


def list_names(names: Iterable[str], more: bool = False) -> Remedy:
    """List the names that there are, or the first of them."""
    few = tuple(names)
    shown = (name if any(c.isalnum() for c in name) else f"'{name}'" for name in few)
    return Remedy(f"known here: {', '.join(shown)}{', …' if more else ''}", KnownName(few))


def write(text: str, form: str = "write `{}`", certain: bool = False) -> Remedy:
    """Say what to write; `form` is the sentence, with {} where the text goes."""
    return Remedy(form.format(text), Replacement(text, certain))


def remove(key: str = "", form: str = "") -> Remedy:
    """Say that what stands there, or a key beside it, is to be removed; `form` is another sentence for it."""
    return Remedy(form or (f"remove `{key}`" if key else "remove it"), Removal(key))


def set_type(kind: str, form: str = "set `type: {}`") -> Remedy:
    """Say that a field is to have another type."""
    return Remedy(form.format(kind), FieldType(kind))


def add_above(line: str) -> Remedy:
    """Say which line the file lacks."""
    return Remedy(f"add `{line}`", FirstLine(line))


def quote_template(template: str) -> Remedy:
    """Say that a value that begins with a template needs quotes."""
    return Remedy(f"write '{template}' in quotes", QuotedTemplate())


def indent_with_spaces() -> Remedy:
    """Say that tabs do not indent."""
    return Remedy("indent with spaces", SpacesForTabs())
