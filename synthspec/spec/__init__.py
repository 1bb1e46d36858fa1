"""The typed program: what a spec means once its text is understood. Frozen values, no behaviour.

One file a part of the spec; this one holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

from synthspec.lazy_dataclass import dataclass
from synthspec.spec.backends import BackendChoice, Choose, Limits, Prices
from synthspec.spec.fields import Bounds, Check, Clean, Field
from synthspec.spec.novelty import Avoid, Decontaminate, NearDuplicates, NoCopies, Novelty, Semantic
from synthspec.spec.output import CsvStyle, Gate, Output, TableOutput
from synthspec.spec.parameters import (
    Choice,
    Correlation,
    Draw,
    Exclusion,
    FakerDraw,
    Formula,
    GivenDraw,
    ListDraw,
    Parameter,
    PatternDraw,
    PlanRules,
    SourceDraw,
)
from synthspec.spec.prompts import Dialogue, Each, Examples, MessageTemplate, Player, Prompt, Repeat, Speaker, ToolDraw
from synthspec.spec.sources import RowsEach, SourceTable
from synthspec.spec.tools import PromptAnswer, SourceAnswer, Tool, ToolAnswer, ValueAnswer

__all__ = [
    "Avoid",
    "BackendChoice",
    "Bounds",
    "Check",
    "Choice",
    "Choose",
    "Clean",
    "Correlation",
    "CsvStyle",
    "Decontaminate",
    "Dialogue",
    "Draw",
    "Each",
    "Examples",
    "Exclusion",
    "FakerDraw",
    "Field",
    "Formula",
    "Gate",
    "GivenDraw",
    "Limits",
    "ListDraw",
    "MessageTemplate",
    "NearDuplicates",
    "NoCopies",
    "Novelty",
    "Output",
    "Parameter",
    "PatternDraw",
    "PlanRules",
    "Player",
    "Prices",
    "Prompt",
    "PromptAnswer",
    "Repeat",
    "RowsEach",
    "Semantic",
    "SourceAnswer",
    "SourceDraw",
    "SourceTable",
    "Speaker",
    "Spec",
    "TableOutput",
    "Tool",
    "ToolAnswer",
    "ToolDraw",
    "ValueAnswer",
]


@dataclass(frozen=True, slots=True)
class Spec:
    """A checked program: every name is known, every type fits."""

    path: Path
    name: str
    rows: int
    seed: int
    description: str
    license: str
    tags: tuple[str, ...]
    sources: Mapping[str, SourceTable]
    parameters: tuple[Parameter, ...]
    plan: PlanRules
    prompts: tuple[Prompt, ...]  # in an order in which each comes after those it needs
    fields: tuple[Field, ...]
    checks: tuple[Check, ...]
    novelty: Novelty
    gates: tuple[Gate, ...]
    output: Output
    backend: BackendChoice
    limits: Limits
    repair: bool = True
    tools: Mapping[str, Tool] = field(default_factory=dict)
    players: Mapping[str, Player] = field(default_factory=dict)  # by the name of the endpoint: `PROMPT/TOOL`
    each: RowsEach | None = None  # `rows: {each: …}`: one combination for every row of a source
    open_ended: bool = False  # as many rows as come of these combinations; `rows` is how many are expected
    on_missing: Literal["report", "replace"] = "report"
    digest: str = ""  # of the merged document: changes when anything in the spec does
    program_digest: str = ""  # the same of what rows are made by: not of the output, the gates, or what it may cost

    @property
    def asked(self) -> tuple[Prompt, ...]:
        """The prompts that make calls."""
        return tuple(prompt for prompt in self.prompts if prompt.is_asked)
