"""What a metric is: a name, what it means, where it is from, and a function that measures it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.vectors import similarities, vectors_of
from synthspec.evaluation.embeddings import Embedder
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import plugin_in
from synthspec.plugins.guarding import PluginFault, blaming

Array = NDArray[Any]
Better = Literal["higher", "lower", "near 1", "near 0.5", "depends"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sample that figures which drift with size are computed on. Less where the data holds less."""

    words: int = 5_000  # of n-gram and compression figures
    rows: int = 500  # of similarity figures
    bleu: int = 200  # of self-BLEU
    judged: int = 1_500  # of classifiers


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. `parts` are the values it is the mean of, where it is one: its error follows from them."""

    value: float
    size: str = ""  # what it was computed on, for a reader
    parts: Array | None = None
    joint: bool = False  # whether a part also depends on which other rows there are
    floor: float | None = None  # what the same figure is where nothing is wrong
    share: float = 1.0  # of the dataset that it was computed on


@dataclass(frozen=True)
class Context:
    """A dataset, what it is compared with, and how large samples are."""

    corpus: Corpus
    against: Corpus | None = None
    sizes: Sizes = field(default_factory=Sizes)
    seed: int = 0
    embed: Embedder | None = None  # where given, in the place of TF-IDF wherever likeness is measured
    notes: dict[str, Any] = field(default_factory=dict, compare=False)  # what several metrics need, made once

    @cached_property
    def drawn(self) -> Array:
        """The rows that similarity figures are computed on, in order."""
        return self.corpus.chosen(self.sizes.rows, self.seed)

    @cached_property
    def vectors(self) -> csr_array:
        return vectors_of([self.corpus.rows[i] for i in self.drawn])

    @cached_property
    def kernel(self) -> Array:
        """Cosine similarity of every two drawn rows; 1 with themselves."""
        if self.embed is not None:
            vectors = self.embed([self.corpus.rows[i] for i in self.drawn])
            kernel = (vectors @ vectors.T).astype(np.float64)
        else:
            kernel = similarities(self.vectors, self.vectors).astype(np.float64)
        np.fill_diagonal(kernel, 1.0)
        return kernel

    def by(self, size: str) -> str:
        """What a figure of likeness was computed on, for a reader."""
        return size if self.embed is None else f"{size}, embeddings of {self.embed.name}"

    @cached_property
    def mixed(self) -> Array:
        """All rows in a random order, the same for the same seed and texts."""
        return self.corpus.mixed(self.seed)


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the registry. `compute` gives None where there is nothing to measure."""

    name: str
    title: str
    family: str
    better: Better
    meaning: str  # for a reader who has never heard of it
    source: str
    compute: Callable[[Context], Figure | None]
    unit: Literal["share", "ratio", "number"] = "number"  # share: per cent; ratio: from 0 to 1
    interval: bool = True  # whether resampling rows gives one that covers what it says (tests/test_intervals.py)
    part: float = 0.5  # share of the rows in the random parts that tell it; more where a figure hangs on their number


def compute(metric: Metric, context: Context) -> Figure | None:
    """What a metric comes to; None where there is nothing to measure, or where the code of a package fails, which
    `failures_of` the context tells.
    """
    module = metric.compute.__module__
    if module.partition(".")[0] == "synthspec":
        return metric.compute(context)
    try:
        with blaming("metrics", plugin_in("metrics", metric.name, module)):
            return metric.compute(context)
    except PluginFault as fault:
        context.notes.setdefault("failures", {})[metric.name] = fault.message
        return None


def failures_of(context: Context) -> Mapping[str, str]:
    """The metrics whose code failed so far, by name, each with a sentence that says so."""
    failures: Mapping[str, str] = context.notes.get("failures", {})
    return failures
