"""The random functions of the expression language: names, arguments, ranges, sources.

This table says what each function takes and what is wrong with constant arguments. It imports neither NumPy
nor SciPy, so `synthspec check` starts at once. `quantiles` does the arithmetic.

To add a distribution, write one module in this folder, such as `weibull.py`, named as the function is:

    DISTRIBUTION: Distribution                     # what it takes and gives
    def quantile(u, *arguments) -> Array           # the smallest x with P(X ≤ x) ≥ u, over arrays that broadcast
    def cumulative(x, *arguments) -> Array         # P(X ≤ x)
    def tail_quantile(v, *arguments) -> Array      # optional, with `tail`: the same from the upper end
    def tail(x, *arguments) -> Array
    def ends(*arguments) -> tuple[float, float]    # optional: the lowest and highest value of constant arguments

It loads NumPy inside these functions. A package adds one through the entry point group `synthspec.distributions`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from typing import Literal

from synthspec.plugins import find_plugin, is_plugin, plugin_fault, plugin_names

Constant = float | str | date | datetime | time | Sequence[object]
Kind = Literal["number", "date", "datetime", "time", "list", "weights", "distribution", "distributions"]

INFINITY = math.inf
EXACT = 2.0**53  # every whole number up to here is a float


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its range is `low`..`high`, each end included unless open; `default` None means required.

    `kind` "distribution" is one call of a random function that is not drawn, "distributions" a list of them,
    "weights" a list of numbers of at least 0, not all 0, or the default "equal".
    """

    name: str
    summary: str
    default: float | str | None = None
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    kind: Kind = "number"


@dataclass(frozen=True, slots=True)
class Relation:
    """A rule between arguments: each "below" or "at most" the next, or lists of the "same length"."""

    rule: Literal["below", "at most", "same length"]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """One random function; `mean` and `formula` (the inverse distribution function of u) are for readers.

    `result` is the kind of value drawn; "any" is that of what it draws from.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    result: Literal["number", "integer", "boolean", "date", "datetime", "time", "any"]
    source: str
    relations: tuple[Relation, ...] = ()
    mean: str = ""
    formula: str = ""


def above(name: str, summary: str, bound: float = 0.0, default: float | None = None) -> Argument:
    return Argument(name, summary, default, low=bound, low_open=True)


def _entries() -> Iterator[Distribution]:
    low, high = Argument("low", "smallest value"), Argument("high", "largest value")
    chance = Argument("p", "chance of success", low=0.0, high=1.0)
    some_chance = Argument("p", "chance of success", low=0.0, high=1.0, low_open=True)
    ordered = (Relation("below", ("low", "high")),)
    dated = (Relation("at most", ("start", "end")),)
    nist, devroye = "NIST/SEMATECH e-Handbook 1.3.6.6", "Devroye, Non-Uniform Random Variate Generation"
    dlmf = "NIST DLMF"
    yield Distribution(
        "uniform",
        "every value between two ends alike",
        (Argument("low", "smallest value", 0.0), Argument("high", "largest value", 1.0)),
        "number",
        f"{nist}.2",
        ordered,
        "(low + high)/2",
        "low + u·(high − low)",
    )
    yield Distribution(
        "normal",
        "the bell curve",
        (Argument("mean", "centre", 0.0), above("sd", "standard deviation", 0.0, 1.0)),
        "number",
        f"{nist}.1",
        (),
        "mean",
        "mean + sd·Φ⁻¹(u)",
    )
    yield Distribution(
        "lognormal",
        "a value whose natural logarithm is normal: incomes, durations, file sizes",
        (Argument("log_mean", "mean of the logarithm"), above("log_sd", "its standard deviation")),
        "number",
        f"{nist}.9",
        (),
        "exp(log_mean + log_sd²/2)",
        "exp(log_mean + log_sd·Φ⁻¹(u))",
    )
    yield Distribution(
        "exponential",
        "waiting time between independent events",
        (above("mean", "mean waiting time"),),
        "number",
        f"{nist}.7",
        (),
        "mean",
        "−mean·ln(1 − u)",
    )
    yield Distribution(
        "gamma",
        "a positive value with a long right tail",
        (above("shape", "shape"), above("scale", "scale")),
        "number",
        f"{nist}.11; {dlmf} 8.2",
        (),
        "shape·scale",
        "scale·P⁻¹(shape, u)",
    )
    yield Distribution(
        "beta",
        "a share between 0 and 1",
        (above("a", "pull towards 1"), above("b", "pull towards 0")),
        "number",
        f"{nist}.17; {dlmf} 8.17",
        (),
        "a/(a + b)",
        "I⁻¹(a, b, u)",
    )
    yield Distribution(
        "triangular",
        "a smallest, a likeliest and a largest value",
        (low, Argument("mode", "likeliest value"), high),
        "number",
        "Kotz & van Dorp, Beyond Beta, chapter 1",
        (*ordered, Relation("at most", ("low", "mode", "high"))),
        "(low + mode + high)/3",
        "low + √(u·(high − low)·(mode − low)), mirrored beyond the mode",
    )
    yield Distribution(
        "pareto",
        "few large and many small: wealth, city sizes",
        (above("shape", "the smaller, the heavier the tail"), above("scale", "smallest value", 0.0, 1.0)),
        "number",
        "Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions 1, chapter 20",
        (),
        "shape·scale/(shape − 1) for shape > 1",
        "scale·(1 − u)^(−1/shape)",
    )
    yield Distribution(
        "loguniform",
        "every order of magnitude alike",
        (above("low", "smallest value"), above("high", "largest value")),
        "number",
        "Hamming, On the Distribution of Numbers (1970)",
        ordered,
        "(high − low)/ln(high/low)",
        "low·(high/low)^u",
    )
    yield Distribution(
        "student_t",
        "a bell curve with heavier tails",
        (above("df", "degrees of freedom"), Argument("loc", "centre", 0.0), above("scale", "scale", 0.0, 1.0)),
        "number",
        f"{nist}.4",
        (),
        "loc for df > 1",
        "loc + scale·T⁻¹(df, u)",
    )
    yield Distribution(
        "poisson",
        "how many independent events in a period",
        (Argument("mean", "mean count", low=0.0, high=1e15),),
        "integer",
        f"{nist}.19; {dlmf} 8.4.10",
        (),
        "mean",
        "smallest k with Q(k + 1, mean) ≥ u",
    )
    yield Distribution(
        "binomial",
        "how many successes in n tries",
        (Argument("n", "number of tries", low=0.0, high=EXACT, integer=True), chance),
        "integer",
        f"{nist}.18; {dlmf} 8.17.5",
        (),
        "n·p",
        "smallest k with I(n − k, k + 1, 1 − p) ≥ u",
    )
    yield Distribution(
        "negative_binomial",
        "how many failures before the n-th success (n need not be whole)",
        (above("n", "successes waited for"), some_chance),
        "integer",
        f"{dlmf} 8.17.24",
        (),
        "n·(1 − p)/p",
        "smallest k with I(n, k + 1, p) ≥ u",
    )
    yield Distribution(
        "geometric",
        "tries up to and including the first success: 1, 2, 3, …",
        (some_chance,),
        "integer",
        f"{devroye}, X.2",
        (),
        "1/p",
        "⌈ln(1 − u)/ln(1 − p)⌉",
    )
    yield Distribution(
        "zipf",
        "rank 1 to n, the k-th with weight k^−exponent: words, products, visits",
        (
            Argument("exponent", "0: all alike; 1: Zipf's law", low=0.0),
            Argument("n", "number of ranks", low=1.0, high=EXACT, integer=True),
        ),
        "integer",
        f"Zipf (1949); sums by Euler-Maclaurin, {dlmf} 2.10.1",
        (),
        "H(n, exponent − 1)/H(n, exponent)",
        "smallest k with H(k, exponent) ≥ u·H(n, exponent)",
    )
    yield Distribution("bernoulli", "true or false", (chance,), "boolean", f"{devroye}, X.1", (), "p", "u > 1 − p")
    yield Distribution(
        "integer",
        "every whole number between two ends alike, both included",
        (
            Argument("low", "smallest value", low=-EXACT, high=EXACT, integer=True),
            Argument("high", "largest value", low=-EXACT, high=EXACT, integer=True),
        ),
        "integer",
        f"{devroye}, X.1",
        (Relation("at most", ("low", "high")),),
        "(low + high)/2",
        "low + ⌈u·(high − low + 1)⌉ − 1",
    )
    yield Distribution(
        "choice",
        "one of a list",
        (
            Argument("values", "what to choose from", kind="list"),
            Argument("weights", "how likely each is, in any unit", "equal", kind="weights"),
        ),
        "any",
        f"{devroye}, III.2",
        (Relation("same length", ("values", "weights")),),
        "Σ weight·value/Σ weight, of numbers",
        "first value whose cumulative share is above u",
    )
    yield Distribution(
        "date",
        "every day between two dates alike, both included",
        (Argument("start", "first day", kind="date"), Argument("end", "last day", kind="date")),
        "date",
        f"{devroye}, X.1",
        dated,
        "the middle day",
        "start + (⌈u·days⌉ − 1) days",
    )
    yield Distribution(
        "datetime",
        "every second between two moments alike, both included",
        (Argument("start", "first moment", kind="datetime"), Argument("end", "last moment", kind="datetime")),
        "datetime",
        f"{devroye}, X.1",
        dated,
        "the middle moment",
        "start + (⌈u·seconds⌉ − 1) s",
    )
    yield Distribution(
        "time",
        "every second between two times of day alike, both included; an early end is next day's",
        (Argument("start", "first second", kind="time"), Argument("end", "last second", kind="time")),
        "time",
        f"{devroye}, X.1",
        (),
        "the middle second",
        "start + (⌈u·seconds⌉ − 1) s, modulo one day",
    )
    yield Distribution(
        "truncated",
        "another distribution of numbers, given that it lies between two ends, both included",
        (
            Argument("distribution", "call of a random function", kind="distribution"),
            Argument("low", "smallest value", -INFINITY),
            Argument("high", "largest value", INFINITY),
        ),
        "any",
        f"{devroye}, II.2",
        (Relation("at most", ("low", "high")),),
        "depends",
        "F⁻¹(F(low) + u·(F(high) − F(low)))",
    )
    yield Distribution(
        "mixture",
        "one of several distributions, chosen anew for every row",
        (
            Argument("distributions", "calls of random functions", kind="distributions"),
            Argument("weights", "how likely each is, in any unit", "equal", kind="weights"),
        ),
        "any",
        f"{devroye}, II.4",
        (Relation("same length", ("distributions", "weights")),),
        "Σ weight·mean/Σ weight",
        "inverse of the one whose share holds u, at u's place within it",
    )


class _Table(Mapping[str, Distribution]):
    """The entries above, and those of modules, which are imported as they are asked for."""

    def __init__(self, entries: Mapping[str, Distribution]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Distribution:
        if name in self._entries:
            return self._entries[name]
        if not is_plugin("distributions", name) or plugin_fault("distributions", name) is not None:
            raise KeyError(name)
        found: Distribution = find_plugin("distributions", name).DISTRIBUTION
        return found

    def __contains__(self, name: object) -> bool:
        """Whether there is a random function of this name, even where its package cannot be used."""
        return name in self._entries or is_plugin("distributions", str(name))

    def __iter__(self) -> Iterator[str]:
        yield from self._entries
        yield from (n for n in plugin_names("distributions") if n not in self._entries)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_LISTED = {entry.name: entry for entry in _entries()}
LISTED = frozenset(_LISTED)
DISTRIBUTIONS: Mapping[str, Distribution] = _Table(_LISTED)


def check_arguments(name: str, values: Mapping[str, Constant | None]) -> Iterator[tuple[str | None, str]]:
    """What is wrong with the constant arguments of one call, as (argument at fault or None, message).

    `values` maps argument names to constants; None stands for what is known only when a row is drawn, also
    inside a list of weights. An argument left out takes its default. That every required argument is there
    is for the type checker to say. Raises KeyError when there is no such random function.
    """
    distribution = DISTRIBUTIONS[name]
    sound: dict[str, Constant] = {}
    for argument in distribution.arguments:
        value = values.get(argument.name, argument.default)
        if value is None:
            continue
        faults = list(_check_argument(argument, value))
        yield from ((argument.name, f"{argument.name} {fault}") for fault in faults)
        if not faults:
            sound[argument.name] = value
    kinds = {argument.name: argument.kind for argument in distribution.arguments}
    for relation in distribution.relations:
        yield from _check_relation(relation, sound, kinds, values)


def _check_argument(argument: Argument, value: Constant) -> Iterator[str]:
    if argument.kind == "number":
        yield from _check_number(argument, value)
    elif argument.kind in ("date", "datetime", "time"):
        if _moment(argument.kind, value) is None:
            yield f"must be a {argument.kind} such as {_EXAMPLES[argument.kind]}, not {value!r}"
    elif argument.kind == "weights":
        yield from _check_weights(value)
    elif isinstance(value, str) or not isinstance(value, Sequence):
        yield f"must be a list, not {value!r}"
    elif not value:
        yield "must not be empty"


def _check_number(argument: Argument, value: object) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"must be a number, not {value!r}"
    elif not _within(argument, value) or (argument.integer and value != math.floor(value)):
        yield f"must be {range_of(argument)}, not {value:g}"


def _within(argument: Argument, value: float) -> bool:
    """Whether a number lies in the argument's range; an infinite one does only when it is the default."""
    if not math.isfinite(value):
        return value == argument.default
    if argument.low is not None and (value <= argument.low if argument.low_open else value < argument.low):
        return False
    return argument.high is None or (value < argument.high if argument.high_open else value <= argument.high)


def _check_weights(value: object) -> Iterator[str]:
    if value == "equal":
        return
    if isinstance(value, str) or not isinstance(value, Sequence):
        yield f"must be a list of numbers, not {value!r}"
        return
    known = [weight for weight in value if weight is not None]
    for weight in known:
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            yield f"must be numbers, not {weight!r}"
        elif not 0 <= weight < INFINITY:
            yield f"must be 0 or more, not {weight:g}"
    if len(known) == len(value) and not any(known):
        yield "must not all be 0" if known else "must not be empty"


def _check_relation(
    relation: Relation, values: Mapping[str, Constant], kinds: Mapping[str, Kind], given: Collection[str]
) -> Iterator[tuple[str | None, str]]:
    present = [name for name in relation.names if name in values]
    for first, second in pairwise(present):
        a, b = values[first], values[second]
        if relation.rule == "same length":
            if isinstance(a, Sequence) and isinstance(b, Sequence) and b != "equal" and len(a) != len(b):
                yield second, f"{second} must be as many as {first}: {len(a)}, not {len(b)}"
            continue
        x, y = _moment(kinds[first], a), _moment(kinds[second], b)
        if x is None or y is None or x < y or (x == y and relation.rule == "at most"):
            continue
        bound = "above" if relation.rule == "below" else "at least"
        if second in given:
            yield second, f"{second} must be {bound} {first}, which is {_show(a)}, not {_show(b)}"
        else:
            bound = "below" if relation.rule == "below" else "at most"
            yield first, f"{first} must be {bound} {second}, which is {_show(b)} unless given, not {_show(a)}"


def _show(value: Constant) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


_EXAMPLES = {"date": "2024-12-31", "datetime": "2024-12-31T18:30:00", "time": "18:30:00"}


def _moment(kind: str, value: object) -> float | None:
    """A constant as a number that orders it among its kind (in days or seconds), or None."""
    try:
        if kind == "number":
            return float(value)  # type: ignore[arg-type]
        text = value.isoformat() if isinstance(value, date | time) else str(value)
        if kind == "date":
            return float(date.fromisoformat(text).toordinal())
        if kind == "datetime":
            return (datetime.fromisoformat(text).replace(tzinfo=None) - datetime.min).total_seconds()
        clock = time.fromisoformat(text)
        return clock.hour * 3600.0 + clock.minute * 60 + clock.second
    except (TypeError, ValueError):
        return None


def range_of(argument: Argument) -> str:
    """An argument's range in words: "a whole number, at least 0", "above 0 and at most 1"."""
    ends = []
    if argument.low is not None:
        ends.append(f"{'above' if argument.low_open else 'at least'} {_bound(argument.low)}")
    if argument.high is not None:
        ends.append(f"{'below' if argument.high_open else 'at most'} {_bound(argument.high)}")
    noun = "a whole number" if argument.integer else "" if ends else "a finite number"
    return ", ".join(part for part in (noun, " and ".join(ends)) if part)


def _bound(value: float) -> str:
    return f"{'-' if value < 0 else ''}2^53" if abs(value) == EXACT else f"{value:g}"
