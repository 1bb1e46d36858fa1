"""What the index of near duplicates takes for itself: bytes and CPU a text, asked and taken in one by one or all at once.

    python benchmarks/near_index.py [--texts 20000 100000] [--words 30] [--similarity 0.8]

Texts are drawn at random, each from its number alone, so that none of them is held. Each size runs in a process of its
own; bytes a text are the difference in resident memory between the largest and the smallest, divided by that in texts.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import random
import time
from pathlib import Path

from synthspec.dataset.similarity.index import NearIndex
from synthspec.dataset.similarity.shingles import shingle_set, shingle_sets

AT_ONCE = 256  # texts, as a build that is taken up hands them over


def text_of(number: int, words: int) -> str:
    dice = random.Random(number)
    return " ".join(f"w{int(20_000 * dice.random() ** 3)}" for _ in range(words))


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def one_by_one(count: int, words: int, similarity: float) -> tuple[NearIndex, float]:
    index, spent = NearIndex(similarity), 0.0
    for number in range(count):
        shingles = shingle_set([text_of(number, words)])
        began = time.process_time()
        if not index.has_near(shingles):
            index.add(shingles)
        spent += time.process_time() - began
    return index, spent


def at_once(count: int, words: int, similarity: float) -> tuple[NearIndex, float]:
    index, spent = NearIndex(similarity), 0.0
    for first in range(0, count, AT_ONCE):
        sets = shingle_sets([[text_of(n, words)] for n in range(first, min(first + AT_ONCE, count))])
        began = time.process_time()
        index.extend(sets)
        spent += time.process_time() - began
    index.has_near(shingle_set([text_of(0, words)]))
    return index, spent


def measured(how: str, count: int, words: int, similarity: float) -> tuple[float, int]:
    """Seconds of CPU in the index; bytes resident at the end."""
    index, spent = globals()[how](count, words, similarity)
    taken = resident()
    assert len(index) > 0
    return spent, taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--words", type=int, default=30)
    parser.add_argument("--similarity", type=float, default=0.8)
    options = parser.parse_args()
    for how in ("one_by_one", "at_once"):
        found = []
        for count in options.texts:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found.append(pool.apply(measured, (how, count, options.words, options.similarity)))
            spent, taken = found[-1]
            title = how.replace("_", " ")
            print(
                f"{title:12} {count:>9,} texts: {spent / count * 1e6:6.1f} us a text, {taken / 1e6:7.1f} MB", flush=True
            )
        if len(found) > 1:
            slope = (found[-1][1] - found[0][1]) / (options.texts[-1] - options.texts[0])
            print(f"{'':12} {slope:7.0f} bytes a text", flush=True)


if __name__ == "__main__":
    main()
