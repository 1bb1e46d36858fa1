"""A column's profile to the parameter that draws such values."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from synthspec.profiling.columns.digits import written
from synthspec.profiling.columns.fitting import Fit
from synthspec.profiling.columns.profile import (
    Codes,
    ColumnProfile,
    Labels,
    Moments,
    Numbers,
    People,
    SampledTexts,
    Times,
)
from synthspec.profiling.relations.relation import ByLabel, Depends, Follows

SOURCE = "sample"
_COUNTS = frozenset({"integer", "poisson", "binomial", "negative_binomial", "geometric"})


def literal(value: Any) -> str:
    """A value as an expression.

    >>> literal("it's"), literal(True), literal(2.0), literal([1, "a"])
    ("'it\\\\'s'", 'true', '2', "[1, 'a']")
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return written(value)
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{literal(str(k))}: {literal(v)}" for k, v in value.items()) + "}"
        case datetime() | date() | time():
            return f"'{value.isoformat()}'"
        case _:
            escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
            return "'" + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + "'"


def weighted(counts: Mapping[Any, int]) -> Any:
    """Labels with their weights: a list where all are alike, the weights beside it where a value is no YAML key."""
    values = list(counts)
    if len(set(counts.values())) == 1:
        return values
    return {"values": dict(counts)}


def labels(profile: ColumnProfile, hangs: Depends | None, *, open_ended: bool = False) -> Any:
    """The parameter of a column of labels; `open_ended` where `check` cannot know what values the other may have."""
    assert isinstance(profile.kind, Labels)
    if hangs is None:
        return weighted(dict(zip(profile.kind.values, profile.kind.counts, strict=True)))
    order = {v: n for n, v in enumerate(profile.kind.values)}
    cases: dict[Any, Any] = {
        value: weighted(dict(sorted(counts.items(), key=lambda item: order.get(item[0], len(order)))))
        for value, counts in sorted(hangs.counts.items(), key=_in_order)
    }
    found = {"given": hangs.parent, "cases": cases}
    return (
        {**found, "else": weighted(dict(zip(profile.kind.values, profile.kind.counts, strict=True)))}
        if open_ended
        else found
    )


def _in_order(case: tuple[Any, Mapping[Any, int]]) -> tuple[float, float]:
    """Numbers in ascending order, other labels by how often they occur."""
    label, counts = case
    number = isinstance(label, int | float) and not isinstance(label, bool)
    return (float(label) if number else 0.0, -float(sum(counts.values())))


def numbers(profile: ColumnProfile, by: ByLabel | None, *, open_ended: bool = False) -> Any:
    """The parameter of a column of numbers or dates; `open_ended` as of `labels`."""
    kind = profile.kind
    assert isinstance(kind, Numbers | Moments)
    if by is None:
        return expression(kind, kind.fit)
    cases: dict[str, Any] = {"given": by.parent, "cases": {v: expression(kind, f) for v, f in by.fits.items()}}
    if by.rest is not None or open_ended:
        cases["else"] = expression(kind, by.rest or kind.fit)
    return cases


def expression(kind: Numbers | Moments, found: Fit) -> str:
    """What draws a number, rounded as the sample's are, or a date so many days after the first."""
    if isinstance(kind, Moments):
        after = _rounded(found, 0, 1.0)
        if isinstance(kind.first, datetime):
            return f"datetime('{kind.first.isoformat(timespec='seconds')}') + {after} / 86400"
        return f"date('{kind.first.isoformat()}') + {after}"
    return _rounded(found, kind.decimals, kind.step)


def following(found: Follows) -> str:
    """What draws a date so many days, or a moment so many seconds, after another."""
    after = _rounded(found.fit, 0, 1.0)
    return f"{found.parent} + {after} / 86400" if found.moment else f"{found.parent} + {after}"


def _rounded(found: Fit, decimals: int | None, step: float) -> str:
    call = found.call
    if found.family == "constant" or decimals is None:
        return call
    if decimals == 0 and step == 1:
        whole = found.family in _COUNTS or (found.family == "pieces" and "uniform" not in call)
        return call if whole else f"round({call})"
    if step == 10.0**-decimals or not step:
        return f"round({call}, {decimals})"
    inner = f"({call})" if " + " in call or " * " in call else call
    stepped = f"round({inner} / {written(step)}) * {written(step)}"
    return stepped if decimals == 0 else f"round({stepped}, {decimals})"


def other(profile: ColumnProfile, locale: str) -> Any:
    """The parameter of a column of codes, people's data, times or short texts; None where a field needs none."""
    match profile.kind:
        case Codes(counted=counted) if counted is not None:
            before, first, after = counted
            number = f"text(index() + {first})"
            parts = [literal(before)] * bool(before) + [number] + [literal(after)] * bool(after)
            return f"concat({', '.join(parts)})" if len(parts) > 1 else number
        case Codes(pattern=pattern):
            return {"pattern": pattern.regex}
        case Times(first=first, last=last):
            return f"time({literal(first)}, {literal(last)})"
        case People(personal=personal):
            if not has_faker():
                return {"pattern": personal.kind.pattern}
            return {"faker": personal.kind.provider, **({"locale": locale} if locale != "en_US" else {})}
        case SampledTexts():
            return {"from": SOURCE, "column": profile.name}
    return None


def has_faker() -> bool:
    """Whether Faker is installed here."""
    return importlib.util.find_spec("faker") is not None
