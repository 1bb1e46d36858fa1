"""What flows through the back end: Message → Request → Reply → Completion. Plain frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Literal

from synthspec.diagnostics.errors import SynthspecError
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.parts import (
    Image,
    Part,
    Text,
    ToolCall,
    ToolDeclaration,
    ToolResult,
    key_form_of,
    parts_of,
    shown_part,
    text_of,
)

__all__ = [
    "FAULT_RULES",
    "MOST_TOKENS",
    "BackendFault",
    "Completion",
    "Constraint",
    "FaultKind",
    "FaultRule",
    "Image",
    "Message",
    "Part",
    "Reply",
    "Request",
    "Role",
    "Sent",
    "Text",
    "ToolCall",
    "ToolDeclaration",
    "ToolResult",
    "Usage",
    "parts_of",
    "text_of",
]  # fmt: skip

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """One turn of the conversation sent to a model: a list of parts, most often one text.

    >>> Message("user", "hello").parts
    (Text(text='hello'),)
    """

    role: Role
    parts: tuple[Part, ...]

    def __init__(self, role: Role, parts: str | Iterable[Part]) -> None:
        object.__setattr__(self, "role", role)
        object.__setattr__(self, "parts", parts_of(parts))

    @property
    def content(self) -> str:
        """The text of the message."""
        return text_of(self.parts)

    @property
    def is_text(self) -> bool:
        """Whether it holds nothing but text."""
        parts = self.parts
        return (len(parts) == 1 and type(parts[0]) is Text) or all(isinstance(p, Text) for p in parts)

    @property
    def shown(self) -> str:
        """The message for people: its text, and a word for each picture, call and result.

        >>> Message("user", (Image(b"....", "image/png"), Text("What is this?"))).shown
        '[image: image/png, 4 bytes]\\nWhat is this?'
        """
        if self.is_text:
            return self.content
        return "\n".join(map(shown_part, self.parts))

    @property
    def key_form(self) -> Any:
        """What a request's key is made of: the text alone where there is nothing else."""
        parts = self.parts
        if len(parts) == 1 and type(parts[0]) is Text:  # as nearly all are
            return parts[0].text
        if self.is_text:
            return self.content
        return [key_form_of(p) for p in self.parts]


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a backend may hold a reply to, token by token. At most one of the three is meant to be used.

    `json_schema` is a JSON Schema object; `regex` a regular expression the whole reply matches; `grammar`
    a Lark grammar (llguidance dialect). Whatever comes back is parsed and validated all the same.
    """

    json_schema: Mapping[str, Any] | None = None
    regex: str | None = None
    grammar: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a model. `key` (32 hex digits) covers everything that could change its answer."""

    key: str
    prompt: str  # name of the prompt
    combination: int  # index in the plan
    attempt: int  # from 1
    messages: tuple[Message, ...]
    rows: int  # dataset rows the reply should hold
    values: Mapping[str, Any] = field(default_factory=dict)  # the combination, and fields written before
    constraint: Constraint = Constraint()
    seed: int = 0  # for backends that take one; a function of the spec's seed and the key
    worst_tokens: tuple[int, int] = (0, 0)  # prompt and completion tokens at worst
    temperature: float | None = None  # overrides the backend's where set
    tools: tuple[ToolDeclaration, ...] = ()  # that the model may call
    raw: bool = False  # its one message is text to go on from, under no chat template
    endpoint: str = ""  # the name of the backend it goes to (`spec/backends_used.py`); "" for the prompt's own
    variant: tuple[str | int, ...] = ()  # what tells it from others of the same prompt and row


MOST_TOKENS = 10**12  # a larger count is no count of tokens


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call as the provider counted them; None where it did not say, or said what cannot be."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @classmethod
    def read(cls, prompt: Any, completion: Any) -> Usage:
        """The usage in values as a provider sent them, which may be missing or of any type.

        >>> Usage.read(12, "many")
        Usage(prompt_tokens=12, completion_tokens=None)
        """
        return cls(_count(prompt), _count(completion))

    @property
    def known(self) -> bool:
        """Whether both counts are known."""
        return self.prompt_tokens is not None and self.completion_tokens is not None

    @property
    def total(self) -> int | None:
        """All tokens of the call; None where a count is not known."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    counts = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if counts else None


@dataclass(frozen=True, slots=True, init=False)
class Reply:
    """What a backend gives back for one request: parts, most often one text. `finish` is `stop`, `length` (cut off) or
    `refused`; `reasoning` what the model thought before it answered, where the provider tells.

    >>> Reply("hello").text
    'hello'
    """

    parts: tuple[Part, ...]
    usage: Usage
    model: str  # as the provider reports it
    finish: str
    reasoning: str

    def __init__(
        self,
        parts: str | Iterable[Part],
        usage: Usage = Usage(),  # noqa: B008 (it cannot be changed)
        model: str = "",
        finish: str = "stop",
        reasoning: str = "",
    ) -> None:
        object.__setattr__(self, "parts", parts_of(parts))
        object.__setattr__(self, "usage", usage)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "finish", finish)
        object.__setattr__(self, "reasoning", reasoning)

    @property
    def text(self) -> str:
        """The text of the reply."""
        return text_of(self.parts)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model asks for."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall))


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply that is paid for and stored."""

    key: str
    reply: Reply
    cost: float | None = None  # US dollars; None where it is not known
    latency: float = 0.0  # seconds
    reused: bool = False  # taken from the store: no call was made in this run


class FaultKind(StrEnum):
    """The closed set of ways in which a call fails."""

    RATE_LIMITED = "rate limited"
    QUOTA = "quota exhausted"
    OVERLOADED = "overloaded"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    BAD_REQUEST = "bad request"
    TOO_LONG = "too long"
    UNAUTHORISED = "unauthorised"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """What the engine does about a kind of fault."""

    retry: bool  # send the same request again
    slow_down: bool = False  # the provider asks for less
    stop: bool = False  # no later call can succeed either: end the run, keep everything


FAULT_RULES: Mapping[FaultKind, FaultRule] = {
    FaultKind.RATE_LIMITED: FaultRule(retry=True, slow_down=True),
    FaultKind.QUOTA: FaultRule(retry=False, stop=True),
    FaultKind.OVERLOADED: FaultRule(retry=True, slow_down=True),
    FaultKind.TIMED_OUT: FaultRule(retry=True),
    FaultKind.UNREACHABLE: FaultRule(retry=True),
    FaultKind.REFUSED: FaultRule(retry=False),
    FaultKind.BAD_REQUEST: FaultRule(retry=False, stop=True),
    FaultKind.TOO_LONG: FaultRule(retry=False),
    FaultKind.UNAUTHORISED: FaultRule(retry=False, stop=True),
}


Sent = Literal["no", "maybe", "yes"]
_LOST_REPLIES = (FaultKind.TIMED_OUT, FaultKind.UNREACHABLE)  # the provider may have done the work


class BackendFault(SynthspecError):
    """A call that gave no completion. `retry_after` is in seconds, as the provider asked.

    `sent` says whether the provider may charge for it: `no` where the request never reached it or was turned
    down with an error status, `yes` where a reply came that cannot be used, `maybe` where nothing is known.
    Left out, it follows from the kind. `of_server` is false where it says nothing of the server that was asked.
    """

    of_server = True

    def __init__(
        self, kind: FaultKind, message: str, retry_after: float | None = None, sent: Sent | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after
        self.sent: Sent = sent or ("maybe" if kind in _LOST_REPLIES else "no")
