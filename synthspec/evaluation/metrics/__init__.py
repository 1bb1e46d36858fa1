"""Metrics: figures that say whether a dataset is any good.

A module here holds metrics where it has these names:

    METRICS: tuple[Metric, ...]    # `metric.Metric`: name, title, family, which way is better, meaning, `compute`
    GATES: tuple[str, ...]         # optional: names of those that a gate may read; a literal, read without importing

A new family of metrics needs no more than a new name in `Metric.family`. A package adds a metric through an entry point
of the group `synthspec.metrics` that has the metric's name; a gate may read it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from synthspec.plugins import find_plugin, installed_names, plugin_error, text_has

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


@cache
def all_metrics() -> tuple[Metric, ...]:
    """Every metric of every family, in order; then those of other modules here, then of packages that can be used."""
    modules = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in FAMILIES)
    names = [*FAMILIES, *(m for m in modules if text_has(f"{__name__}.{m}", "METRICS"))]
    found = {m.name: m for name in names for m in import_module(f"{__name__}.{name}").METRICS}
    for name in installed_names("metrics"):
        if plugin_error("metrics", name) is None:
            for metric in find_plugin("metrics", name).METRICS:
                found.setdefault(metric.name, metric)
    return tuple(found.values())


def broken_metrics() -> tuple[str, ...]:
    """What is wrong with installed metrics that are left out."""
    faults = (plugin_error("metrics", name) for name in installed_names("metrics"))
    return tuple(f"{message}; {help}" for message, help in filter(None, faults))


def families_of(metrics: Iterable[Metric]) -> Mapping[str, str]:
    """The families by title: those built in, then others that these metrics belong to."""
    own = {m.family: m.family[:1].upper() + m.family[1:] for m in metrics}
    return {**FAMILIES, **{k: v for k, v in own.items() if k not in FAMILIES}}
