"""What is wrong with the constant arguments of a random function."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from itertools import pairwise

from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS
from synthspec.languages.expressions.random.entry import EXACT, INFINITY, Argument, ArgumentKind, Constant, Relation
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ArgumentFault:
    """Which argument is wrong, in words for people; `remedy` is what to write, "" where nothing else is excluded."""

    argument: str
    message: str
    remedy: str = ""


def _must(argument: str, wanted: str, given: object, *, bounds: bool = False) -> ArgumentFault:
    """`wanted` names what an argument must be, or `bounds` it."""
    remedy = f"write one that is {wanted}" if bounds else f"write {wanted}"
    return ArgumentFault(argument, f"{argument} must be {wanted}, not {given}", remedy)


def check_arguments(name: str, values: Mapping[str, Constant | None]) -> Iterator[ArgumentFault]:
    """What is wrong with the constant arguments of one call.

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
        yield from faults
        if not faults:
            sound[argument.name] = value
    kinds = {argument.name: argument.kind for argument in distribution.arguments}
    for relation in distribution.relations:
        yield from _check_relation(relation, sound, kinds, values)


def _check_argument(argument: Argument, value: Constant) -> Iterator[ArgumentFault]:
    if argument.kind == "number":
        yield from _check_number(argument, value)
    elif argument.kind in ("date", "datetime", "time"):
        if _moment(argument.kind, value) is None:
            yield _must(argument.name, f"a {argument.kind} such as {_EXAMPLES[argument.kind]}", f"{value!r}")
    elif argument.kind == "weights":
        yield from _check_weights(argument.name, value)
    elif isinstance(value, str) or not isinstance(value, Sequence):
        yield _must(argument.name, "a list", f"{value!r}")
    elif not value:
        yield ArgumentFault(argument.name, f"{argument.name} must not be empty")


def _check_number(argument: Argument, value: object) -> Iterator[ArgumentFault]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield _must(argument.name, "a number", f"{value!r}")
    elif not _within(argument, value) or (argument.integer and value != math.floor(value)):
        bounds = not argument.integer and (argument.low is not None or argument.high is not None)
        yield _must(argument.name, range_of(argument), f"{value:g}", bounds=bounds)


def _within(argument: Argument, value: float) -> bool:
    """Whether a number lies in the argument's range; an infinite one does only when it is the default."""
    if not math.isfinite(value):
        return value == argument.default
    if argument.low is not None and (value <= argument.low if argument.low_open else value < argument.low):
        return False
    return argument.high is None or (value < argument.high if argument.high_open else value <= argument.high)


def _check_weights(name: str, value: object) -> Iterator[ArgumentFault]:
    if value == "equal":
        return
    if isinstance(value, str) or not isinstance(value, Sequence):
        yield _must(name, "a list of numbers", f"{value!r}")
        return
    known = [weight for weight in value if weight is not None]
    for weight in known:
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            yield _must(name, "numbers", f"{weight!r}")
        elif not 0 <= weight < INFINITY:
            yield _must(name, "0 or more", f"{weight:g}", bounds=True)
    if len(known) == len(value) and not any(known):
        yield ArgumentFault(name, f"{name} must not {'all be 0' if known else 'be empty'}")


def _check_relation(
    relation: Relation, values: Mapping[str, Constant], kinds: Mapping[str, ArgumentKind], given: Collection[str]
) -> Iterator[ArgumentFault]:
    present = [name for name in relation.names if name in values]
    for first, second in pairwise(present):
        a, b = values[first], values[second]
        if relation.rule == "same length":
            if isinstance(a, Sequence) and isinstance(b, Sequence) and b != "equal" and len(a) != len(b):
                yield _must(second, f"as many as {first}: {len(a)}", len(b), bounds=True)
            continue
        x, y = _moment(kinds[first], a), _moment(kinds[second], b)
        if x is None or y is None or x < y or (x == y and relation.rule == "at most"):
            continue
        bound = "above" if relation.rule == "below" else "at least"
        if second in given:
            yield _must(second, f"{bound} {first}, which is {_show(a)}", _show(b), bounds=True)
        else:
            bound = "below" if relation.rule == "below" else "at most"
            yield _must(first, f"{bound} {second}, which is {_show(b)} unless given", _show(a), bounds=True)


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
