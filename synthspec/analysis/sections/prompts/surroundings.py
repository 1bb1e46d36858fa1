"""What the prompts of a spec can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Draw, Field, Limits, Player, SourceTable, Tool
from synthspec.spec.tool_schemas import tools_named


@dataclass(frozen=True, slots=True)
class Emptied:
    """Names that are null together, and the conditions that rule it out."""

    names: frozenset[str]
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a spec, the prompts that play some of them, and what the answer of each reads of its row."""

    declared: Mapping[str, Tool] = field(default_factory=dict)
    players: Mapping[str, Player] = field(default_factory=dict)
    playing: frozenset[str] = frozenset()  # the names of prompts that play tools
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def read_by(self, used: Expression | None) -> frozenset[str]:
        """What the answers of the tools that an expression may name read."""
        if used is None:
            return frozenset()
        return frozenset[str]().union(*(self.reads[n] for n in tools_named(used, self.declared)))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the prompts can name."""

    parameters: Mapping[str, Type]
    fields: Mapping[str, Field]
    sources: Mapping[str, SourceTable]
    limits: Limits
    avoid: bool
    draws: Mapping[str, Draw]
    types: Mapping[str, Type]  # of the fields
    items: Mapping[str, Type] = field(default_factory=dict)  # of the lists that prompts go over
    empty: Sequence[Emptied] = ()  # what a prompt may find null
    tools: Tools = field(default_factory=Tools)
