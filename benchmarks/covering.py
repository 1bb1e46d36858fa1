"""Rows and seconds of covering arrays, beside allpairspy (if installed) and the best published sizes.

python benchmarks/covering.py

Published sizes: Colbourn's covering array tables (2, 3 and 4 levels), or the product of the largest factors,
which none can be below. Greedy sizes of PICT and AETG for the same problems are listed at pairwise.org.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence

import numpy as np

from synthspec.planning.covering.greedy import Tuples, missing_after, single
from synthspec.planning.designs import Design, Dimension
from synthspec.planning.designs.pairwise import Pairwise

CASES: tuple[tuple[str, list[int], int, int | None], ...] = (
    ("10^10", [10] * 10, 2, 117),
    ("3^13", [3] * 13, 2, 15),
    ("4^10", [4] * 10, 2, 24),
    ("3^4", [3] * 4, 2, 9),
    ("2^10", [2] * 10, 2, 6),
    ("2^100", [2] * 100, 2, 10),
    ("5^6", [5] * 6, 2, 25),
    ("6^5", [6] * 5, 2, 39),
    ("6^10", [6] * 10, 2, None),
    ("4^6, t = 3", [4] * 6, 3, 64),
    ("20^10", [20] * 10, 2, None),
    ("9 8 7 6 5 4 3 2", [9, 8, 7, 6, 5, 4, 3, 2], 2, 72),
    ("5 4^2 3^4 2^5", [5, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2], 2, 20),
    ("4^15 3^17 2^29", [4] * 15 + [3] * 17 + [2] * 29, 2, None),
    ("3^6, t = 3", [3] * 6, 3, 33),
    ("4^8, t = 3", [4] * 8, 3, 88),
    ("2^10, t = 4", [2] * 10, 4, 24),
)


def synthspec_rows(sizes: Sequence[int], strength: int) -> tuple[int, float]:
    dimensions = tuple(Dimension(f"d{place}", (1.0,) * size) for place, size in enumerate(sizes))
    started = time.perf_counter()
    found = Pairwise(Design(dimensions, 1, strength=strength)).coverage()
    assert found.covered == found.possible
    return found.rows, time.perf_counter() - started


def allpairspy_rows(sizes: Sequence[int], strength: int) -> tuple[str, float] | None:
    """Its rows, with a minus where they leave tuples out: some versions do for more than pairs."""
    try:
        pairs = importlib.import_module("allpairspy").AllPairs
    except ImportError:
        return None
    started = time.perf_counter()
    rows = [list(row) for row in pairs([list(range(size)) for size in sizes], n=strength)]
    seconds = time.perf_counter() - started
    units = [single(place, size) for place, size in enumerate(sizes)]
    missing = missing_after(Tuples(sizes, range(len(sizes)), strength, units), np.array(rows))
    return f"{len(rows)}{f' (-{missing})' if missing else ''}", seconds


def main() -> None:
    synthspec_rows([3] * 4, 2)  # imports, first use
    print(f"{'parameters':18}{'best known':>11}{'synthspec':>11}{'seconds':>9}{'allpairspy':>12}{'seconds':>9}")
    for name, sizes, strength, known in CASES:
        rows, seconds = synthspec_rows(sizes, strength)
        other = allpairspy_rows(sizes, strength)
        beside = f"{other[0]:>12}{other[1]:9.3f}" if other else ""
        print(f"{name:18}{known or '':>11}{rows:11}{seconds:9.3f}{beside}")


if __name__ == "__main__":
    main()
