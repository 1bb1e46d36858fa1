"""A prompt, ready to be used by the row machine, and the contract of those that make several calls for one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from synthspec.formats import Shape
from synthspec.generation.machine.states import Ask
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Prompt
from synthspec.spec.backends_used import choice_text, endpoint_chosen
from synthspec.spec.rows import Rejection, Stage

if TYPE_CHECKING:
    from synthspec.generation.machine.row_turn import RowTurn

REFUSED = Rejection(Stage.PARSE, "refused", "the model refused")
CUT_OFF = Rejection(Stage.PARSE, "cut off", "the reply was cut off at its greatest length: write less")
ENDED_EARLY = {"length": CUT_OFF, "refused": REFUSED}  # replies that may break off anywhere, by how they finished


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that builds on no completion. It is written when its combination's turn comes, in plan order."""

    name: str  # one in its combination
    seen: Mapping[str, Any] = field(default_factory=dict)  # names bound for it alone
    endpoint: str = ""  # "" for the prompt's own


class Calls(Protocol):
    """How a prompt that makes several calls for one row is worked on. One module a kind; it keeps no state."""

    def openings(self, step: Step, index: int, values: Mapping[str, Any]) -> Iterable[Opening]:
        """Its requests that build on no completion, where the prompt needs no other; `index` is the combination's."""
        ...

    def begin(self, turn: RowTurn, step: Step) -> None:
        """Ask, for the first time or after the row went back to it or to before it."""
        ...

    def take(self, turn: RowTurn, step: Step, question: Ask, outcome: Replied | Failed | Stopped) -> None:
        """Take in what became of one of its calls."""
        ...

    def reopen(self, turn: RowTurn, step: Step, rejections: Sequence[Rejection]) -> bool:
        """What it wrote is rejected: have `begin` ask what is to be asked again. False where attempts are used up."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One prompt, ready to be used."""

    prompt: Prompt
    shape: Shape
    when: Any  # compiled condition, or None
    after: frozenset[str]  # prompts that hang on it, through any number of others
    calls: Calls | None = None  # of a prompt that makes several for one row
    chosen: Any = None  # compiled expression of `backend: {choose: …}`

    def openings(self, index: int, values: Mapping[str, Any]) -> Iterable[Opening]:
        """The requests of a prompt that needs no other which build on no completion."""
        if self.calls is not None:
            return self.calls.openings(self, index, values)
        endpoint = self.endpoint(values)
        return () if endpoint is None else (Opening(self.prompt.name, endpoint=endpoint),)

    def endpoint(self, values: Mapping[str, Any]) -> str | None:
        """The name of the backend for a row, "" for the prompt's own; None where `of` does not list what is chosen."""
        if self.prompt.choose is None:
            return ""
        name = choice_text(self.chosen(values))
        return endpoint_chosen(self.prompt, name) if name in self.prompt.choose.of else None

    def not_listed(self, values: Mapping[str, Any]) -> str:
        """Why no backend can be chosen."""
        return f"`backend.choose` gives '{choice_text(self.chosen(values))}', which `of` does not list"

    def wanted(self, row: Mapping[str, Any]) -> bool:
        """Whether its `when` lets it run for a row."""
        return self.when is None or bool(self.when(row))
