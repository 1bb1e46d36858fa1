"""Semantic similarity between rows: no two that a sentence-transformers model finds to mean nearly the same.

Each text is embedded alone, on the CPU, in evaluation mode and without gradients (`encode` sees to both), so that
its vector does not depend on what else is embedded. Vectors are of length 1: their product is the cosine of the
angle between them. The kept rows take 1.5 KB each at the 384 dimensions of the default model, 150 MB for 100,000
rows, and a row is compared with each of them: one product of a matrix and a vector.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.dataset.cells import cell_text
from synthspec.diagnostics.errors import SynthspecError
from synthspec.extras import install_command
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Semantic
from synthspec.spec.conversation import said_in
from synthspec.spec.rows import Rejection, Stage

Vectors = NDArray[np.float32]
CHUNK = 4096  # vectors in one array of the matrix
REMEMBERED = 8192  # texts whose vectors are kept at hand: more than wait for their turn at any time
ROUNDING = 1e-6  # the same text twice has a cosine this near to 1
_DOUBT = 5e-4  # products this near to the limit are computed again, without any error


class ModelFault(SynthspecError):
    """The model cannot be loaded."""


class SemanticRows:
    """No row that means nearly the same as one kept before. A row with no text in the fields is not looked at."""

    grows = True

    def __init__(self, rule: Semantic) -> None:
        self._fields = rule.fields
        self._limit = rule.similarity - ROUNDING
        self._model = load_model(rule.model)
        self._kept = _Matrix()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        reason = "{} means nearly the same as in a row written before; write something clearly different"
        names = ", ".join(rule.fields)
        said = reason.format(" and ".join(rule.fields))
        self._rejection = Rejection(Stage.NOVEL, f"semantic({names})", said, like_row=True)

    def check(self, row: Mapping[str, Any]) -> Rejection | None:
        known = self._look_up(row)
        if known is None:
            return None
        if not known.near:  # kept rows stay, so those compared before need not be again
            known.near = self._kept.has_near(known.vector, self._limit, known.compared)
            known.compared = len(self._kept)
        return self._rejection if known.near else None

    def keep(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            known = self._look_up(row)
            if known is not None:
                self._kept.add(known.vector)

    def _look_up(self, row: Mapping[str, Any]) -> _Known | None:
        """What is known of a row's text: the same row is judged again whenever others before it become final."""
        text = "\n".join(cell_text(said_in(row.get(f))) for f in self._fields).strip()
        if not text:
            return None
        known = self._known.pop(text, None)
        if known is None:
            known = _Known(_embed(self._model, text))
            if len(self._known) >= REMEMBERED:
                self._known.popitem(last=False)
        self._known[text] = known
        return known


@dataclass(slots=True)
class _Known:
    """A text that was judged: its vector, how many kept rows it was compared with, whether one was near."""

    vector: Vectors
    compared: int = 0
    near: bool = False


class _Matrix:
    """Vectors in the order they came, in arrays of `CHUNK`: nothing is copied as it grows."""

    def __init__(self) -> None:
        self._chunks: list[Vectors] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, vector: Vectors) -> None:
        place = self._count % CHUNK
        if place == 0:
            self._chunks.append(np.zeros((CHUNK, len(vector)), np.float32))
        self._chunks[-1][place] = vector
        self._count += 1

    def has_near(self, vector: Vectors, limit: float, start: int) -> bool:
        """Whether the product with any vector from the one at `start` on is at least `limit`."""
        for number in range(start // CHUNK, len(self._chunks)):
            first = number * CHUNK
            chunk = self._chunks[number][max(start - first, 0) : self._count - first]
            products = chunk @ vector
            if (products >= limit + _DOUBT).any():
                return True
            close = chunk[products >= limit - _DOUBT]
            if any(_product(other, vector) >= limit for other in close):
                return True
        return False


def _product(left: Vectors, right: Vectors) -> float:
    """The product, rounded once: the same whatever else is computed beside it and on whatever processor."""
    return math.fsum((left.astype(np.float64) * right).tolist())


def load_model(name: str) -> Any:
    """A sentence-transformers model, from a folder or by its name on the Hugging Face hub.

    Raises:
        ModelFault: it is not there, cannot be downloaded or is none, or the package is missing.
    """
    try:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(name, device="cpu")
    except ImportError as e:
        raise ModelFault(f"{e} ({install_command('semantic')})") from None
    except Exception as e:  # the libraries below raise many kinds
        said = (str(e).strip() or type(e).__name__).splitlines()[0]
        raise ModelFault(f"the model '{name}' cannot be loaded: {said[:300]}") from None


def _embed(model: Any, text: str) -> Vectors:
    found = model.encode(
        [text], batch_size=1, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True
    )
    return np.asarray(found[0], np.float32)
