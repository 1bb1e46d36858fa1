"""Leakage: rows, sentences and wordings that were taken from the original."""

from __future__ import annotations

import numpy as np

from synthspec.dataset.similarity.shingles import normal_form
from synthspec.evaluation.corpus.corpus import NEAR, Corpus
from synthspec.evaluation.corpus.vectors import gram_counts, inverse_frequency, similarities, weigh
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric
from synthspec.evaluation.metrics.original import (
    KNOWN,
    SEARCHED,
    Pair,
    embeddings_of,
    pair_of,
    row_texts,
    shared_columns,
)

_FAMILY = "leakage"
SHORTEST = 5  # words of a text that can be a copy
RUN = 8  # words


def nearest(context: Context) -> tuple[Array, Array, Pair] | None:
    """For each sampled row its likest row of the original and how alike they are (cosine)."""
    pair = pair_of(context)
    if pair is None:
        return None
    embedded = embeddings_of(context, pair)
    if embedded is not None:
        alike = embedded[0] @ embedded[1].T
        return alike.argmax(axis=1), alike.max(axis=1), pair
    texts, real = pair.texts[: context.sizes.rows], pair.real[:KNOWN]
    known = gram_counts(real)
    idf = inverse_frequency(known)
    alike = similarities(weigh(gram_counts(texts), idf), weigh(known, idf))
    return alike.argmax(axis=1), alike.max(axis=1), pair


def _nearest(context: Context) -> Figure | None:
    found = nearest(context)
    if found is None:
        return None
    _, alike, pair = found
    embedded = embeddings_of(context, pair)
    if embedded is not None:
        among = embedded[1] @ embedded[1].T
    else:
        vectors = weigh(gram_counts(pair.real[:KNOWN]))
        among = similarities(vectors, vectors)
    np.fill_diagonal(among, -1)
    floor = float(among.max(axis=1).mean())
    return Figure(float(alike.mean()), context.by(f"{len(alike):,} rows"), alike.astype(np.float64), floor=floor)


def copies(context: Context) -> tuple[Array, Array] | None:
    """For each row (of at most 20,000) whether a text of it is exactly, or nearly, one of the original."""
    if context.against is None:
        return None
    if "copies" not in context.notes:
        context.notes["copies"] = _copies_of(context.corpus, context.against, context.seed)
    found: tuple[Array, Array] = context.notes["copies"]
    return found


def _copies_of(mine: Corpus, theirs: Corpus, seed: int) -> tuple[Array, Array]:
    from synthspec.dataset.similarity.pairs import near_pairs

    rows, known = mine.chosen(SEARCHED, seed), theirs.chosen(SEARCHED, seed)
    columns = shared_columns(mine, theirs)
    exact, near = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for column in columns or ("",):
        own = row_texts(mine, (column,) if column else ())
        real = row_texts(theirs, (column,) if column else ())
        texts, originals = [own[i] for i in rows], sorted({real[i] for i in known})
        forms = {f for t in originals if _is_long(f := normal_form(t))}
        mine_forms = [normal_form(t) for t in texts]
        pairs = near_pairs([*originals, *texts], NEAR)
        late = pairs[(pairs[:, 0] < len(originals)) & (pairs[:, 1] >= len(originals))][:, 1] - len(originals)
        like = forms | {mine_forms[i] for i in late if _is_long(mine_forms[i])}
        exact |= np.array([f in forms for f in mine_forms])
        near |= np.array([f in like for f in mine_forms])
    return exact, near


def _is_long(form: str) -> bool:
    return form.count(" ") >= SHORTEST - 1


def _exact(context: Context) -> Figure | None:
    found = copies(context)
    return None if found is None else Figure(float(found[0].mean()), f"{len(found[0]):,} rows", found[0])


def _near(context: Context) -> Figure | None:
    found = copies(context)
    return None if found is None else Figure(float(found[1].mean()), f"{len(found[1]):,} rows", found[1])


def _runs(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    known = np.unique(np.concatenate([h.grams(RUN) for h in pair.halves]))
    owner = np.repeat(np.arange(len(pair.synthetic)), np.maximum(pair.synthetic.lengths - RUN + 1, 0))
    shared = np.isin(pair.synthetic.grams(RUN), known)
    found = np.bincount(owner[shared], minlength=len(pair.synthetic)) > 0
    return Figure(float(found.mean()), f"{len(found):,} rows", found)


METRICS = (
    Metric(
        "nearest_similarity",
        "Likeness to nearest real row",
        _FAMILY,
        "depends",
        "Cosine to the likest row of the original. Far above the floor means copying, far below another subject.",
        "",
        _nearest,
        "share",
    ),
    Metric(
        "shared_runs",
        "Runs of words from the original",
        _FAMILY,
        "lower",
        "Rows with eight consecutive words that are also in the original: borrowed sentences.",
        "Brown et al. 2020",
        _runs,
        "share",
    ),
    Metric(
        "exact_copies",
        "Exact copies of the original",
        _FAMILY,
        "lower",
        "Rows with a text of five words or more that is in the original word for word: leakage.",
        "",
        _exact,
        "share",
    ),
    Metric(
        "near_copies",
        "Near copies of the original",
        _FAMILY,
        "lower",
        "Rows with a text at least 0.8 similar to one of the original: leakage, reworded.",
        "Broder 1997",
        _near,
        "share",
    ),
)
