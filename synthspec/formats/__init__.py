"""Formats: how rows of fields stand in a reply. One module each, found by its name.

A format is a module with these names (third parties: entry point group `synthspec.formats`):

    SUMMARY: str                                   # one line for people
    OPTIONS: Mapping[str, str]                     # keys of its map form in a spec -> what they mean; often {}
    def faults(shape) -> Iterator[tuple[str, str]] # why it cannot carry these fields, and how to fix it
    def instructions(shape) -> str                 # what the prompt tells the model about the reply
    def constraint(shape) -> Constraint            # what a backend may hold the reply to
    def write(rows, shape) -> str                  # rows as a well-behaved model would write them
    def parse(text, shape) -> Parsed               # every row that is truly there, and why others are not

`parse` never raises, never invents, merges or shifts a value. Values come out with the types of the fields
where that is certain ("4" -> 4 for an integer field), else as the text that was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin
from synthspec.plugins.guarding import guarded
from synthspec.spec import Field
from synthspec.spec.rows import Rejection

FormatFault = tuple[str, str]  # what a format cannot carry, and how to fix it


def find_format(name: str) -> Any:
    """The module of a format, as above; of what a package's raises only a PluginFault comes out.

    Raises:
        LookupError: there is none of this name.
    """
    return guarded("formats", name, find_plugin("formats", name))


@dataclass(frozen=True, slots=True)
class Shape:
    """What a reply should hold: the fields a prompt writes, in order, and how many rows of them."""

    fields: tuple[Field, ...]
    rows: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows in the order of the reply, and a rejection for each piece that could not be read for certain."""

    rows: tuple[Mapping[str, Any], ...]
    rejections: tuple[Rejection, ...] = ()
