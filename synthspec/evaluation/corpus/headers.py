"""Columns of an original under the names that a dataset gives them: `Unit price ($)` is its `unit_price`."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from synthspec.evaluation.corpus.corpus import Corpus


def named_like(original: Corpus, names: Iterable[str]) -> Corpus:
    """The original with each column of which one name is a dataset's, but for what a name cannot hold, named so."""
    wanted = {n: n for n in names if n not in original.columns}
    folded = Counter(map(_folded, original.columns))
    renamed = {
        header: wanted[name]
        for header in original.columns
        if (name := _folded(header)) in wanted and folded[name] == 1 and header != name
    }
    if not renamed:
        return original
    return replace(
        original,
        columns={renamed.get(n, n): v for n, v in original.columns.items()},
        texts=tuple(renamed.get(n, n) for n in original.texts),
        labels=tuple(renamed.get(n, n) for n in original.labels),
    )


def nothing_shared(corpus: Corpus, original: Corpus) -> tuple[str, ...]:
    """A note where a dataset and its original have no column in common, so that little of them can be compared."""
    if set(corpus.columns) & set(original.columns):
        return ()
    theirs, ours = (", ".join(list(c.columns)[:4]) + ", …" * (len(c.columns) > 4) for c in (original, corpus))
    return (
        f"the original has no column of the dataset's ({theirs}; not {ours}): whole texts are compared, but no labels "
        "and no numbers",
    )


def _folded(header: str) -> str:
    """A header as `new --from` names it.

    >>> _folded("Sepal length (cm)")
    'sepal_length_cm'
    """
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower()
