"""Whether a dataset is its original in pieces: then its figures are the original's, and no merit of its own."""

from __future__ import annotations

from collections.abc import Mapping

COPIED = 0.01  # rows that nearly copy the original
BORROWED = 0.1  # rows that hold a run of eight words of the original
MIXED = 0.35  # two-sample AUC: below it rows look more like real rows than real rows do


def pieced_together(figures: Mapping[str, float], backend: str = "") -> str:
    """Why a dataset is taken for pieces of its original, in words; empty where it is not, or nothing tells.

    >>> pieced_together({"shared_runs": 0.4}), pieced_together({"two_sample_auc": 0.6})
    ('40% of its rows hold eight words in a row from the original', '')
    """
    if figures.get("near_copies", 0.0) > COPIED:
        return f"{figures['near_copies']:.0%} of its rows copy the original, exactly or nearly"
    if figures.get("shared_runs", 0.0) > BORROWED:
        return f"{figures['shared_runs']:.0%} of its rows hold eight words in a row from the original"
    if figures.get("two_sample_auc", 0.5) < MIXED:
        return f"it is pieces of the original: a classifier takes them for real (AUC {figures['two_sample_auc']:.2f})"
    return "an n-gram model pieced it together from a source" if backend.partition(":")[0] == "ngram" else ""
