"""The text format that Prometheus reads, version 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import accumulate
from typing import Literal

from synthspec.lazy_dataclass import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SampleLabels = Mapping[str, str]


@dataclass(slots=True)
class Histogram:
    """How many of what was observed came under each of the bounds, which rise."""

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list)
    sum: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """One more."""
        place = next((i for i, bound in enumerate(self.bounds) if value <= bound), len(self.bounds))
        self.counts[place] += 1
        self.sum += value


@dataclass(frozen=True, slots=True)
class ExposedMetric:
    """A metric: its name, what it tells, and its samples, each with labels of its own. One without samples is left
    out: nothing is known of it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[tuple[SampleLabels, float | Histogram]]


def exposition(families: Iterable[ExposedMetric]) -> str:
    """The text of metrics. Families of one name are put together, in the order of the first of each.

    >>> print(exposition([ExposedMetric("a_total", "counter", "Ays.", [({"of": 'x"y'}, 3)])]), end="")
    # HELP a_total Ays.
    # TYPE a_total counter
    a_total{of="x\\"y"} 3
    """
    together: dict[str, list[ExposedMetric]] = {}
    for family in families:
        together.setdefault(family.name, []).append(family)
    return "".join(line + "\n" for same in together.values() for line in _lines(same))


def _lines(same: Sequence[ExposedMetric]) -> Iterator[str]:
    first = same[0]
    samples = [sample for family in same for sample in family.samples]
    if not samples:
        return
    yield f"# HELP {first.name} {_escaped(first.help)}"
    yield f"# TYPE {first.name} {first.kind}"
    for labels, value in samples:
        if isinstance(value, Histogram):
            yield from _histogram(first.name, labels, value)
        else:
            yield f"{first.name}{_labels(labels)} {_number(value)}"


def _histogram(name: str, labels: SampleLabels, value: Histogram) -> Iterator[str]:
    counts = list(accumulate(value.counts))
    for bound, count in zip([*map(_number, value.bounds), "+Inf"], counts, strict=True):
        yield f"{name}_bucket{_labels({**labels, 'le': bound})} {count}"
    yield f"{name}_sum{_labels(labels)} {_number(value.sum)}"
    yield f"{name}_count{_labels(labels)} {counts[-1]}"


def _labels(labels: SampleLabels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode("utf-8")  # half a character has no form in UTF-8
    return _escaped(safe).replace('"', r"\"")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
