"""What becomes of a question that was asked of a model. Plain frozen values."""

from __future__ import annotations

from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import ToolCall
from synthspec.spec.rows import Rejection, RowPath

Id = tuple[RowPath, int]  # the row that asks, and which of its questions it is


@dataclass(frozen=True, slots=True)
class Replied:
    """The completion of an `Ask`."""

    key: str
    text: str
    finish: str = "stop"
    reasoning: str = ""  # what the model thought
    calls: tuple[ToolCall, ...] = ()  # the tools that it asks for


@dataclass(frozen=True, slots=True)
class Failed:
    """No completion for this `Ask`; another attempt may have one."""

    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is done for this question any more."""

    reason: str


CallOutcome = Replied | Failed | Stopped
