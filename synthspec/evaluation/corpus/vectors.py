"""Texts as sparse vectors: hashed character n-grams within words, weighted by TF-IDF, of length one.

The product of two such vectors is the cosine similarity that classifiers, nearest neighbours, clusters and the
Vendi score below use. Grams of 3 to 5 characters with their word boundaries (Cavnar & Trenkle 1994; the
`char_wb` analyser of scikit-learn); term frequencies are damped, 1 + log(tf).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from synthspec.languages.expressions.random.splitmix64 import MIX

Array = NDArray[Any]
SIZES = (3, 4, 5)
BITS = 18
CHARACTERS = 4_000  # of one text; later ones do not count
_SPACE = re.compile(r"[\W_]+")


def gram_counts(texts: Sequence[str]) -> csr_array:
    """How often each hashed n-gram occurs in each text: shape (texts, 2**18)."""
    parts = [_counts(texts[at : at + 500]) for at in range(0, len(texts), 500)]
    return csr_array(vstack(parts)) if parts else csr_array((0, 1 << BITS))


def weigh(counts: csr_array, idf: Array | None = None) -> csr_array:
    """TF-IDF vectors of length one; `idf` of other texts may be given."""
    weights = inverse_frequency(counts) if idf is None else idf
    data = (1 + np.log(counts.data)) * weights[counts.indices]
    vectors = csr_array((data, counts.indices, counts.indptr), shape=counts.shape)
    norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    data *= np.repeat(scale, np.diff(counts.indptr))
    return csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


def inverse_frequency(counts: csr_array) -> Array:
    """log((1 + texts) / (1 + texts with the gram)) + 1."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    weights: Array = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
    return weights


def vectors_of(texts: Sequence[str]) -> csr_array:
    """TF-IDF vectors of texts, weighed among themselves."""
    return weigh(gram_counts(texts))


def similarities(left: csr_array, right: csr_array) -> Array:
    """Cosine similarity of every two texts: dense float32 of shape (left, right).

    Grams that many texts hold are multiplied as a dense matrix, the rest as a sparse one: some ten times faster.
    """
    count = np.bincount(left.indices, minlength=left.shape[1])
    other = np.bincount(right.indices, minlength=right.shape[1])
    shared = (count > 0) & (other > 0)
    common = shared & (count * 50 > left.shape[0])
    rare = np.flatnonzero(shared & ~common)
    often = np.flatnonzero(common)
    a, b = left.astype(np.float32).tocsc(), right.astype(np.float32).tocsc()
    found: Array = a[:, often].toarray() @ b[:, often].toarray().T
    found += (a[:, rare].tocsr() @ b[:, rare].tocsr().T).toarray()
    return found


def _counts(texts: Sequence[str]) -> csr_array:
    plain = [f" {_SPACE.sub(' ', t[:CHARACTERS].casefold()).strip()} " for t in texts]
    codes = np.frombuffer("".join(plain).encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(plain)), [len(t) for t in plain])
    spaces = codes == 32  # a gram may hold one at its ends alone
    rows, grams = [], []
    for size in SIZES:
        ends = len(codes) - size + 1
        if ends <= 0:
            continue
        hashes = np.full(ends, size, np.uint64)
        for k in range(size):
            hashes = (hashes ^ codes[k : ends + k]) * np.uint64(0x100000001B3)
        inner = np.zeros(ends, bool)
        for k in range(1, size - 1):
            inner |= spaces[k : ends + k]
        kept = ~inner & (owner[:ends] == owner[size - 1 :])
        hashes ^= hashes >> np.uint64(29)
        grams.append(((hashes * MIX) >> np.uint64(64 - BITS))[kept].astype(np.int64))
        rows.append(owner[:ends][kept])
    row = np.concatenate(rows) if rows else np.empty(0, np.int64)
    gram = np.concatenate(grams) if grams else np.empty(0, np.int64)
    keys, counts = np.unique(row << BITS | gram, return_counts=True)
    pointers = np.searchsorted(keys >> BITS, np.arange(len(texts) + 1)).astype(np.int32)
    columns = (keys & ((1 << BITS) - 1)).astype(np.int32)
    return csr_array((counts.astype(np.float64), columns, pointers), shape=(len(texts), 1 << BITS))
