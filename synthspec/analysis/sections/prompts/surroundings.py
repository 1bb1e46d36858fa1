"""What the prompts of a spec can name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Draw, Field, Limits, SourceTable


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
