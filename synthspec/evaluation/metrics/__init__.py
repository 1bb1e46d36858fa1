"""Metrics: figures that say whether a dataset is any good.

A family is a module with `METRICS`, a tuple of `metric.Metric`: a name, what it means, which way is
better, where it is from, and a function from a `Context` to a `Figure`. To add one, add an entry; to add a family,
add its module to `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthspec.evaluation.metrics.metric import Metric

FAMILIES: Mapping[str, str] = {
    "diversity": "Diversity",
    "drift": "Category drift",
    "balance": "Balance",
    "language": "Language and length",
    "similarity": "Similarity to the original",
    "leakage": "Copies of the original",
}


def all_metrics() -> tuple[Metric, ...]:
    """Every metric of every family, in order."""
    return tuple(m for family in FAMILIES for m in import_module(f"{__name__}.{family}").METRICS)
