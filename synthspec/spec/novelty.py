"""Rules between rows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Rows at least this similar (Jaccard of shingles, 0 to 1) to an earlier one are rejected."""

    fields: tuple[str, ...]
    similarity: float = 0.8


@dataclass(frozen=True, slots=True)
class Semantic:
    """Rows whose embeddings (cosine, -1 to 1) are at least this similar to an earlier one's are rejected."""

    fields: tuple[str, ...]
    similarity: float
    model: str  # a name on the Hugging Face hub, or the path of a folder


@dataclass(frozen=True, slots=True)
class NoCopies:
    """Rows at least this similar to a row of a source are rejected."""

    source: str
    fields: tuple[str, ...]
    similarity: float = 0.8


@dataclass(frozen=True, slots=True)
class Decontaminate:
    """Rows that share a run of `ngram` words with an evaluation set are rejected: the name of a source, or a file."""

    against: str | Path
    fields: tuple[str, ...]
    ngram: int = 13


@dataclass(frozen=True, slots=True)
class Avoid:
    """Recent texts of the same combination shown to the model."""

    last: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Novelty:
    """Rules between rows."""

    unique: tuple[str, ...] = ()
    near_duplicates: NearDuplicates | None = None
    no_copies: NoCopies | None = None
    decontaminate: Decontaminate | None = None
    semantic: Semantic | None = None
    avoid: Avoid | None = None
    on_saturation: Literal["continue", "stop", "spread"] = "continue"
