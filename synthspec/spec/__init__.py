"""The typed program: what a spec means once its text is understood. Frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from synthspec.diagnostics import Span
from synthspec.languages.expressions.traversal import names_of
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.languages.templates.template import Template


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Data to draw from: a file below the spec's folder, or rows written inline."""

    name: str
    span: Span
    path: Path | None = None
    rows: tuple[Mapping[str, Any], ...] | None = None
    renames: Mapping[str, str] = field(default_factory=dict)  # old column name -> new
    columns: Mapping[str, Type] = field(default_factory=dict)  # after renaming; read from the data itself


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `values`, in proportion to `weights` (equal where not given)."""

    values: tuple[Any, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression over earlier parameters and random functions."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class PatternDraw:
    """Text that matches a regular expression."""

    regex: str


@dataclass(frozen=True, slots=True)
class SourceDraw:
    """A column of a source, or the whole row as a map. Parameters that draw one row of a source take the same one."""

    source: str
    column: str = ""  # "" for the whole row
    where: Expression | None = None
    replacement: bool = True
    rows: int | None = None  # a list of so many different rows, drawn for this parameter alone
    nearest: Expression | None = None  # a text: the rows most alike to it, in the order of likeness
    by: str = ""  # the column that is compared with it; "" for all columns of text

    @property
    def shares_row(self) -> bool:
        """Whether it is of the one row that all such draws of the source take."""
        return self.rows is None and self.nearest is None


@dataclass(frozen=True, slots=True)
class FakerDraw:
    """A value of a Faker provider."""

    provider: str
    locale: str = "en_US"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenDraw:
    """Depends on the value of another parameter."""

    on: str
    cases: tuple[tuple[Any, Draw], ...]
    otherwise: Draw | None


Draw = Choice | Formula | PatternDraw | SourceDraw | FakerDraw | GivenDraw


@dataclass(frozen=True, slots=True)
class Parameter:
    """What varies between prompts."""

    name: str
    draw: Draw
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Correlation:
    """A wanted rank correlation between two parameters, -1 to 1."""

    between: tuple[str, str]
    rank: float
    span: Span


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Combinations for which the expression is true are not drawn."""

    expression: Expression
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class PlanRules:
    """How combinations are drawn."""

    strategy: str = "balanced"
    strength: int = 2
    over: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    correlate: tuple[Correlation, ...] = ()


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of a source shown to the model; drawn anew for each combination, or those most alike to a text."""

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
class Choose:
    """A backend for each row: by the value of an expression, as text."""

    expression: Expression
    of: Mapping[str, BackendChoice]


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """One message as a spec writes it; with `each`, one for every item of a list."""

    role: Literal["system", "user", "assistant"]
    text: Template
    each: Each | None = None  # shared by the messages of one `for`
    group: int = 0  # messages of one `for` entry have the same number


@dataclass(frozen=True, slots=True)
class Speaker:
    """One side of a conversation. `role` is what it is in the dataset."""

    name: str
    role: Literal["user", "assistant"]
    system: Template | None
    opening: Template | None  # its first message, without a call
    tools: Expression | None  # gives the names of the tools it may use
    backend: BackendChoice | None
    span: Span


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Speakers in turn. An exchange is each of them once; `until` is looked at after an exchange from `minimum` on."""

    speakers: tuple[Speaker, ...]
    minimum: Expression
    maximum: Expression
    until: Expression | None = None


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """A tool answers with a row of a source: the first for which `where` holds."""

    source: str
    where: Expression | None


@dataclass(frozen=True, slots=True)
class ValueAnswer:
    """A tool answers with the value of an expression over its arguments, parameters and fields."""

    value: Expression


@dataclass(frozen=True, slots=True)
class PromptAnswer:
    """A prompt plays the tool."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a model may call. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    answer: SourceAnswer | ValueAnswer | PromptAnswer
    span: Span


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
    tools: Expression | None = None  # gives the names of the tools a plain prompt may use


@dataclass(frozen=True, slots=True)
class Bounds:
    """An inclusive range of counts; None is open."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Clean:
    """One cleaning step. `replace` uses `pattern` and `replacement`, `round` uses `digits`; the others nothing."""

    rule: str
    pattern: str = ""
    replacement: str = ""
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the dataset. `schema` holds its JSON Schema keywords (type, enum, pattern, …)."""

    name: str
    type: Type
    schema: Mapping[str, Any]
    span: Span
    value: Expression | None = None  # computed, not written by a prompt
    words: Bounds = Bounds()
    sentences: Bounds = Bounds()
    turns: Bounds = Bounds()  # of a conversation: messages by its user
    rejects: tuple[str, ...] = ()  # regular expressions that must not be found
    clean: tuple[Clean, ...] = ()
    optional: bool = False
    description: str = ""
    examples: str | None = None  # the prompt whose examples it stores; `value` then reads what decides them


@dataclass(frozen=True, slots=True)
class Check:
    """A rule over one row. `retry` names the prompt that is retried when it fails; `message` is a template."""

    expression: Expression
    text: str
    message: str
    severity: Literal["error", "warn", "drop"]
    span: Span
    retry: str | None = None
    told: frozenset[str] = frozenset()  # the names its message reads


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Rows at least this similar (Jaccard of shingles, 0 to 1) to an earlier one are rejected."""

    fields: tuple[str, ...]
    similarity: float = 0.8


@dataclass(frozen=True, slots=True)
class Semantic:
    """Rows whose embeddings (cosine, -1 to 1) are at least this similar to an earlier one's are rejected."""

    fields: tuple[str, ...]
    similarity: float
    model: str  # a name on the Hugging Face hub, or the path of a folder


@dataclass(frozen=True, slots=True)
class NoCopies:
    """Rows at least this similar to a row of a source are rejected."""

    source: str
    fields: tuple[str, ...]
    similarity: float = 0.8


@dataclass(frozen=True, slots=True)
class Decontaminate:
    """Rows that share a run of `ngram` words with the file are rejected."""

    against: Path
    fields: tuple[str, ...]
    ngram: int = 13


@dataclass(frozen=True, slots=True)
class Avoid:
    """Recent texts of the same combination shown to the model."""

    last: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Novelty:
    """Rules between rows."""

    unique: tuple[str, ...] = ()
    near_duplicates: NearDuplicates | None = None
    no_copies: NoCopies | None = None
    decontaminate: Decontaminate | None = None
    semantic: Semantic | None = None
    avoid: Avoid | None = None
    on_saturation: Literal["continue", "stop", "spread"] = "continue"


@dataclass(frozen=True, slots=True)
class Gate:
    """An expression over the finished dataset's metrics; false fails the build."""

    expression: Expression
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How CSV files are written: with a mark that tells a spreadsheet UTF-8, with no cell that it runs."""

    bom: bool = False
    safe: bool = False


@dataclass(frozen=True, slots=True)
class TableOutput:
    """One table of several: a row for every node of a level, 0 for combinations."""

    name: str
    columns: tuple[str, ...]
    level: int


@dataclass(frozen=True, slots=True)
class Output:
    """What is written."""

    formats: tuple[str, ...] = ("csv",)
    partition_by: tuple[str, ...] = ()
    split: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()  # empty: every field, in order
    shape: str | Mapping[str, Any] = "table"
    stratify: str | None = None
    csv: CsvStyle = CsvStyle()
    tables: tuple[TableOutput, ...] = ()  # the lowest level first
    group: Expression | None = None  # over parameters and fields: rows with the same value share a split


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens."""

    prompt: float
    completion: float
    image_tokens: int | None = None  # what one picture counts for at worst, where the provider does not state it


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """Where prompts run."""

    provider: str
    model: str
    options: Mapping[str, Any]  # base_url, timeout, …: the provider's own
    settings: Mapping[str, Any]  # temperature, max_tokens, top_p, …: part of every request
    prices: Prices | None
    span: Span


@dataclass(frozen=True, slots=True)
class Limits:
    """What a build may use. None is no limit."""

    budget: float | None = None  # US dollars
    tokens: int | None = None
    requests: int | None = None
    minutes: float | None = None
    concurrency: int = 32
    attempts: int = 4
    timeout: float = 120.0  # seconds for one call
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    combinations: int | None = None  # tried at most, where rows are dropped or replaced; None: ten times the planned
    tool_rounds: int = 8  # replies in a row that only call tools


@dataclass(frozen=True, slots=True)
class RowsEach:
    """A combination for every row of a source, `times` over; combination i uses row i // times of those passing."""

    source: str
    times: int = 1
    where: Expression | None = None


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
    each: RowsEach | None = None  # `rows: {each: …}`: one combination for every row of a source
    open_ended: bool = False  # as many rows as come of these combinations; `rows` is how many are expected
    on_missing: Literal["report", "replace"] = "report"
    digest: str = ""  # of the merged document: changes when anything in the spec does
    program_digest: str = ""  # the same of what rows are made by: not of the output, the gates, or what it may cost
