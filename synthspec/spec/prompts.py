"""Prompts: what a model is asked, how often, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from synthspec.diagnostics import Span
from synthspec.languages.expressions.traversal import names_of
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Length
from synthspec.languages.templates.template import Template
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.backends import BackendChoice, Choose
from synthspec.spec.fields import Field
from synthspec.spec.tools import ToolAnswer


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of a source shown to the model; drawn again for each combination, or those most alike to a text."""

    source: str
    rows: int
    where: Expression | None = None  # sees the source's columns, the parameters and fields written before
    nearest: Expression | None = None  # a text of parameters and fields written before
    by: str = ""  # the column that is compared with it; "" for all columns of text
    name: str = "examples"  # in the prompt's templates; a field of this name stores them

    @property
    def reads(self) -> frozenset[str]:
        """The parameters and fields that decide which rows are shown."""
        where = names_of(self.where) - {"row"} if self.where is not None else frozenset[str]()
        return where | names_of(self.nearest) if self.nearest is not None else where


@dataclass(frozen=True, slots=True)
class Each:
    """`each: fact in facts`, `map: a in answers`: a name for every item of a list in turn."""

    name: str
    items: Expression
    span: Span
    length: Length | None = None  # of the list, where its type says


@dataclass(frozen=True, slots=True)
class Repeat:
    """A prompt asked again and again, what it wrote fed back. `round` counts from 1."""

    times: Expression  # a whole number of rounds; 0 keeps the seed
    seed: Mapping[str, Expression]  # `from`: what each name is before the first round; then what the prompt wrote
    until: Expression | None = None  # looked at after each round
    collect: Mapping[str, str] = field(
        default_factory=dict
    )  # field -> written field whose every round's value it lists
    most: int = 0  # rounds there can be


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """One message as a spec writes it; with `each`, one for every item of a list."""

    role: Literal["system", "user", "assistant"]
    text: Template
    each: Each | None = None  # shared by the messages of one `for`
    group: int = 0  # messages of one `for` entry have the same number


@dataclass(frozen=True, slots=True)
class ToolDraw:
    """Tools that are rows of a source, drawn again for each combination as examples are."""

    rows: Examples
    answer: ToolAnswer | None  # None: the column `answer`


@dataclass(frozen=True, slots=True)
class Speaker:
    """One side of a conversation. `role` is what it is in the dataset."""

    name: str
    role: Literal["user", "assistant"]
    system: Template | None
    opening: Template | None  # its first message, without a call
    tools: Expression | ToolDraw | None  # gives the names of the tools it may use, or draws them
    backend: BackendChoice | None
    span: Span
    choose: Choose | None = None  # in place of `backend`: one for each row


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Speakers in turn. An exchange is each of them once; `until` is looked at after an exchange from `minimum` on."""

    speakers: tuple[Speaker, ...]
    minimum: Expression
    maximum: Expression
    until: Expression | None = None
    answered: frozenset[str] = frozenset()  # what draws and answers of its tools read of the row


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call to a model, made for each combination (or for each row, when it reads written fields)."""

    name: str
    user: Template
    system: Template | None
    writes: tuple[str, ...]
    format: str  # name of a format
    format_options: Mapping[str, Any]  # e.g. {"regex": "..."}; empty for most
    rows: int
    examples: Examples | None
    when: Expression | None
    needs: tuple[str, ...]  # prompts whose fields this one reads
    instructions: bool  # whether the format's instructions are added
    backend: BackendChoice | None
    span: Span
    reads: frozenset[str] = frozenset()  # every parameter, field and special name the templates read
    verbalize: int = 1  # answers asked for, one drawn (Verbalized Sampling); 1 is off
    level: int = 0  # how many fan-outs lie above what it writes: its rows' paths have `level + 1` numbers
    each: Each | None = None  # a row for every item of a list
    samples: int | None = None  # times it is asked for one row; its fields are lists
    map: Each | None = None  # asked once for every item of a list; its fields are lists
    repeat: Repeat | None = None
    backends: tuple[BackendChoice, ...] = ()  # of `backend: [a, b]`: each sample from the next; `backend` is the first
    choose: Choose | None = None
    messages: tuple[MessageTemplate, ...] = ()  # instead of `system` and `user`
    complete: Template | None = None  # raw completion, instead of messages
    reasoning: str | None = None  # the field that takes what the model thought; the last of `writes`
    images: tuple[Expression, ...] = ()  # paths, bytes or data URLs, shown with the last user message
    dialogue: Dialogue | None = None  # instead of one message

    @property
    def is_asked(self) -> bool:
        """Whether it makes calls; one that has `each` alone only makes a row for every item."""
        return bool(self.user.text or self.messages or self.complete is not None or self.dialogue is not None)


@dataclass(frozen=True, slots=True)
class Player:
    """A prompt that plays a tool: it writes no field of the dataset. `fields` are what one reply of it gives."""

    prompt: Prompt
    fields: tuple[Field, ...]
    shaped: bool = False  # whether the answer is a map of its fields, and not the one text
