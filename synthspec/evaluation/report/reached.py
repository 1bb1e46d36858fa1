"""Asked against reached: the shares and correlations that a spec asks for, and what the rows of its dataset came to.

Read from the manifest, so that the page, the text and the JSON say the same, whatever became of the spec since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from synthspec.evaluation.corpus.values import measured_text
from synthspec.lazy_dataclass import dataclass

FAR = 0.05  # a share that is so far from what was asked for stands out


@dataclass(frozen=True, slots=True)
class ReachedShare:
    """A value of a listed parameter. `asked` and `reached` are shares, 0 to 1; None where there are no rows."""

    value: str
    asked: float
    planned: int  # combinations
    kept: int  # rows
    reached: float | None

    @property
    def difference(self) -> float | None:
        """Reached less asked."""
        return None if self.reached is None else self.reached - self.asked


@dataclass(frozen=True, slots=True)
class ReachedParameter:
    """A listed parameter. `others` stands for the values that the manifest does not tell one by one."""

    name: str
    values: tuple[ReachedShare, ...]
    others: int = 0

    @property
    def farthest(self) -> ReachedShare | None:
        """The value whose share is farthest from what was asked for; None where nothing was reached."""
        known = [v for v in self.values if v.difference is not None]
        return max(known, key=lambda v: abs(v.difference or 0.0), default=None)

    @property
    def distance(self) -> float | None:
        """The greatest difference between a share asked for and reached."""
        return None if self.farthest is None else abs(self.farthest.difference or 0.0)


@dataclass(frozen=True, slots=True)
class ReachedCorrelation:
    """A rank correlation of two parameters, -1 to 1; `reached` is None where it cannot be told."""

    between: tuple[str, str]
    asked: float
    reached: float | None


@dataclass(frozen=True, slots=True)
class AskedAndReached:
    """All that a spec asked for by number."""

    combinations: int
    rows: int
    parameters: tuple[ReachedParameter, ...]
    correlations: tuple[ReachedCorrelation, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, with each difference."""
        found = asdict(self)
        for told, parameter in zip(found["parameters"], self.parameters, strict=True):
            for entry, value in zip(told["values"], parameter.values, strict=True):
                entry["difference"] = value.difference
        return found


def asked_and_reached(manifest: Mapping[str, Any] | None) -> AskedAndReached | None:
    """What a manifest tells; None where it tells nothing, or nothing that makes sense."""
    asked = (manifest or {}).get("asked")
    if not isinstance(asked, Mapping):
        return None
    try:
        rows = int(asked["rows"])
        parameters = tuple(_parameter(p, rows) for p in asked["parameters"])
        correlations = tuple(_correlation(c) for c in asked["correlations"])
        return AskedAndReached(int(asked["combinations"]), rows, parameters, correlations)
    except (KeyError, TypeError, ValueError):
        return None


def _parameter(told: Mapping[str, Any], rows: int) -> ReachedParameter:
    values: Sequence[Mapping[str, Any]] = told["values"]
    names = [_shown(v["value"]) for v in values]
    found = [_share(name, v, rows) for name, v in zip(names, values, strict=True)]
    others = told.get("others")
    if isinstance(others, Mapping):
        count = int(others["count"])
        found.append(_share(f"{count:,} more values", others, rows))
        return ReachedParameter(str(told["name"]), tuple(found), count)
    return ReachedParameter(str(told["name"]), tuple(found))


def _share(name: str, told: Mapping[str, Any], rows: int) -> ReachedShare:
    kept = int(told["kept"])
    return ReachedShare(name, float(told["asked"]), int(told["planned"]), kept, kept / rows if rows else None)


def _shown(value: Any) -> str:
    return "null" if value is None else measured_text(value) or "(empty)"


def _correlation(told: Mapping[str, Any]) -> ReachedCorrelation:
    first, second = told["between"]
    reached = told["reached"]
    return ReachedCorrelation(
        (str(first), str(second)), float(told["asked"]), None if reached is None else float(reached)
    )


def share_difference(value: float | None) -> str:
    """A difference of shares in percentage points.

    >>> share_difference(0.0123), share_difference(-0.2), share_difference(0.0), share_difference(None)
    ('+1.2', '−20.0', '0', '–')
    """
    if value is None:
        return "–"
    points = round(value * 100, 1)
    return "0" if not points else f"{'+' if points > 0 else '−'}{abs(points):.1f}"
