"""Counting what happens in a build: read by the live view, the manifest and the gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import Protocol

from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import Completion
from synthspec.spec.rows import Rejection, Stage


class Repetition(Protocol):
    """A watch for a model that repeats itself."""

    dry: Counter[str]

    @property
    def new_share(self) -> float | None: ...


@dataclass(slots=True)
class ServerCalls:
    """What became of the calls to one of several servers."""

    answered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class CallFigures:
    """What is counted of one completion: tokens, US dollars and seconds; None is not known."""

    prompt: str
    attempt: int
    model: str
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    latency: float
    asked: int = 1  # rows
    given: int | None = None  # rows that its text holds, told from its form, where several were asked for


@dataclass(slots=True)
class CompletionTotals:
    """Sums over completions, each of what is known."""

    completions: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmeasured: int = 0  # completions whose tokens the provider did not tell
    unpriced: int = 0  # completions whose cost is not known
    cost: float = 0.0  # US dollars
    models: Counter[str] = field(default_factory=Counter)

    def add(self, model: str, prompt_tokens: int | None, completion_tokens: int | None, cost: float | None) -> None:
        """One completion more."""
        self.completions += 1
        self.prompt_tokens += prompt_tokens or 0
        self.completion_tokens += completion_tokens or 0
        self.unmeasured += prompt_tokens is None or completion_tokens is None
        self.unpriced += cost is None
        self.cost += cost or 0.0
        if model:
            self.models[model] += 1

    @property
    def whole_cost(self) -> float | None:
        """US dollars of all; None where the price of one is not known."""
        return None if self.unpriced else self.cost


@dataclass(slots=True)
class Tally:
    """Figures of one run. Rows are dataset rows; `candidates` are the rows that replies held, `used` those of them that
    a kept row is made of: one for each prompt that wrote a part of it.

    `seen` are the completions that the run had at hand, as they came. `counted` are those of the dataset: of the rows
    up to its last. How many are seen beyond that can hang on the concurrency, what is counted does not.
    """

    planned: int = 0
    kept: int = 0
    missing: Counter[Stage] = field(default_factory=Counter)  # rows lost for good, by the stage they did not pass
    dropped: Counter[str] = field(default_factory=Counter)  # rows the spec does not want, by check
    calls: int = 0  # made in this run
    reused: int = 0  # taken from the store
    in_flight: int = 0
    retries: int = 0  # calls sent again after a provider's fault
    faults: Counter[str] = field(default_factory=Counter)  # those faults, by kind
    last_fault: str = ""  # what the last call that failed came to, for a person
    asked: int = 0  # rows asked for, over all completions
    given: int = 0  # of those, rows that came, surplus left out
    candidates: int = 0
    used: int = 0
    surplus: int = 0
    seen: CompletionTotals = field(default_factory=CompletionTotals)
    counted: CompletionTotals = field(default_factory=CompletionTotals)
    unpriced_now: int = 0  # completions made in this run whose cost is not known
    untold_now: int = 0  # of those, the ones of which the provider did not tell the tokens
    cost_now: float = 0.0  # US dollars spent in this run
    lost_calls: int = 0  # calls of this run without a reply that can be used, which the provider may charge for
    lost_unpriced: int = 0  # of those, the ones whose price is not known
    lost_cost: float = 0.0  # US dollars that the others cost at most
    rejections: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    servers: dict[str, ServerCalls] = field(
        default_factory=dict
    )  # of backends that have several, as the spec lists them
    watch: Repetition | None = None  # set by the engine

    def completed(self, completion: Completion) -> None:
        """A completion is at hand."""
        if completion.reused:
            self.reused += 1
        else:
            self.calls += 1
            self.cost_now += completion.cost or 0.0
            self.unpriced_now += completion.cost is None
            usage = completion.reply.usage
            self.untold_now += completion.cost is None and None in (usage.prompt_tokens, usage.completion_tokens)
        reply, usage = completion.reply, completion.reply.usage
        self.seen.add(reply.model, usage.prompt_tokens, usage.completion_tokens, completion.cost)

    def reused_call(self, call: CallFigures) -> None:
        """A completion is at hand that was stored before this run, of a row that the dataset has."""
        self.reused += 1
        self.seen.add(call.model, call.prompt_tokens, call.completion_tokens, call.cost)
        self.count(call)

    def count(self, call: CallFigures) -> None:
        """A completion is one of the dataset."""
        self.counted.add(call.model, call.prompt_tokens, call.completion_tokens, call.cost)

    def held(self, asked: int, given: int) -> None:
        """A reply asked for some rows gave some."""
        self.asked += asked
        self.given += min(asked, given)
        self.candidates += min(asked, given)
        if given > asked:
            self.surplus += given - asked
            self.rejections["surplus rows"] += given - asked

    def unanswered(self, charged: float | None) -> None:
        """A call gave no reply that can be used; the provider may ask so many US dollars for it, None is not known."""
        self.lost_calls += charged != 0.0
        self.lost_unpriced += charged is None
        self.lost_cost += charged or 0.0

    def rejected(self, rejections: Sequence[Rejection]) -> None:
        """Rows, or pieces of replies, were not kept."""
        for rejection in rejections:
            self.rejections[rejection.rule] += 1

    @property
    def lost_at_most(self) -> float | None:
        """US dollars that calls without a reply may cost at most; None where the price of one is not known."""
        return None if self.lost_unpriced else self.lost_cost

    @property
    def spent(self) -> float | None:
        """US dollars of this run's calls; None where the price of one is not known."""
        return None if self.unpriced_now else self.cost_now

    @property
    def lost(self) -> int:
        return sum(self.missing.values())

    @property
    def settled(self) -> int:
        """Rows about which nothing is open any more."""
        return self.kept + self.lost

    def funnel(self) -> dict[str, int]:
        """Rows that reached each stage; each figure is the one before less those lost there.

        Rows for which no combination was left are not called. `dropped` rows, where there are any, are beside these:
        others were made in their place.
        """
        figures = {"planned": self.planned}
        left = min(self.planned, self.settled)
        for stage in Stage:
            left -= self.missing[stage]
            figures[stage.value] = left
        figures["kept"] = self.kept
        if self.dropped:
            figures["dropped"] = self.dropped.total()
        return figures
