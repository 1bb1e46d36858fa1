"""A dataset beside its original: the texts that both have, and the original in two halves."""

from __future__ import annotations

import numpy as np

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.words import Tokens, tokens_of
from synthspec.evaluation.metrics.metric import Array, Context
from synthspec.lazy_dataclass import dataclass

SEARCHED = 20_000  # rows of each that are looked at
KNOWN = 2_000  # rows of the original among which the likest is looked for


@dataclass(frozen=True)
class Pair:
    """The texts of a dataset and of its original over the columns they share, shuffled; the original in halves."""

    synthetic: Tokens
    halves: tuple[Tokens, Tokens]
    texts: list[str]
    real: list[str]


def shared_columns(corpus: Corpus, against: Corpus) -> tuple[str, ...]:
    """Text columns of both; none where their names differ, and then whole rows are compared."""
    return tuple(c for c in corpus.texts if c in against.columns)


def row_texts(corpus: Corpus, columns: tuple[str, ...]) -> list[str]:
    """Each row's text over some columns, or over its own text columns where none are named."""
    if not columns or columns == corpus.texts:
        return corpus.rows
    return ["\n".join(parts) for parts in zip(*map(corpus.column, columns), strict=True)]


def pair_of(context: Context) -> Pair | None:
    """The dataset beside its original; None where there is none, or too little of it."""
    if context.against is None or len(context.against) < 4:
        return None
    if "pair" not in context.notes:
        context.notes["pair"] = _pair_of(context.corpus, context.against, context.seed)
    pair: Pair = context.notes["pair"]
    return pair


def embeddings_of(context: Context, pair: Pair) -> tuple[Array, Array] | None:
    """Vectors of the first rows of each side of the pair; None where no model is given."""
    if context.embed is None:
        return None
    if "embeddings" not in context.notes:
        mine, theirs = pair.texts[: context.sizes.rows], pair.real[:KNOWN]
        context.notes["embeddings"] = (context.embed(mine), context.embed(theirs))
    found: tuple[Array, Array] = context.notes["embeddings"]
    return found


def _pair_of(corpus: Corpus, against: Corpus, seed: int) -> Pair:
    columns = shared_columns(corpus, against)
    texts, real = row_texts(corpus, columns), row_texts(against, columns)
    generator = np.random.default_rng(seed)
    order, other = generator.permutation(len(texts))[:SEARCHED], generator.permutation(len(real))[:SEARCHED]
    texts, real = [texts[i] for i in order], [real[i] for i in other]
    middle = len(real) // 2
    return Pair(tokens_of(texts), (tokens_of(real[:middle]), tokens_of(real[middle:])), texts, real)
