"""Near-duplicate search beside datasketch and rensa, at equal recall, and how it grows.

    python benchmarks/novelty.py [--texts 40000] [--most 1000000] [--similarity 0.8]

Texts are made up: 10 to 40 words of a Zipf vocabulary of 20,000; one in ten is an earlier text with up to six
words changed. Every tool gets the same texts and the same shingles (words and pairs of neighbouring words),
and is timed from text to verdict, in CPU seconds of all threads: which rows are like an earlier one? Tools
that work with candidates have them checked exactly. `recall` counts the planted repeats that truly are so
alike; `right` is the share of the rows named that are.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.util
import itertools
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from synthspec.dataset.similarity.index import NearIndex
from synthspec.dataset.similarity.pairs import near_pairs
from synthspec.dataset.similarity.shingles import shingle_set, shingle_sets, words_of

VOCABULARY = 20_000


def make_texts(count: int, seed: int = 1) -> tuple[list[str], np.ndarray]:
    """The texts, and for each the earlier text it is a variant of, or -1."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(VOCABULARY)]
    weights = 1 / np.arange(1, VOCABULARY + 1)
    drawn = rng.choice(VOCABULARY, size=(count, 40), p=weights / weights.sum())
    lengths = rng.integers(10, 41, count)
    origin = np.full(count, -1)
    for i in range(10, count, 10):
        origin[i] = rng.integers(i)
        drawn[i], lengths[i] = drawn[origin[i]], lengths[origin[i]]
        changed = rng.integers(0, lengths[i], rng.integers(0, 7))
        drawn[i, changed] = rng.integers(0, VOCABULARY, len(changed))
    return [" ".join(words[w] for w in row[:n]) for row, n in zip(drawn, lengths, strict=True)], origin


def shingles_of(text: str) -> set[str]:
    """What `synthspec.dataset.similarity.shingles` counts, as text: for tools that take text."""
    words = words_of(text)
    return {*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))}


def checked(candidates: list[int], i: int, sets: list[set[str]], similarity: float) -> bool:
    """Whether any earlier candidate truly is so alike."""
    mine = sets[i]
    for j in candidates:
        if j < i:
            shared = len(mine & sets[j])
            if shared >= similarity * (len(mine) + len(sets[j]) - shared) - 1e-9:
                return True
    return False


def synthspec_batch(texts: list[str], similarity: float) -> np.ndarray:
    flags = np.zeros(len(texts), bool)
    flags[near_pairs(texts, similarity)[:, 1]] = True
    return flags


def synthspec_stream(texts: list[str], similarity: float) -> np.ndarray:
    index, flags = NearIndex(similarity), np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        shingles = shingle_set((text,))
        flags[i] = index.has_near(shingles)
        index.add(shingles)
    return flags


def datasketch_stream(texts: list[str], similarity: float, bands: int = 12, rows: int = 5) -> np.ndarray:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    sets, flags = [], np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        sets.append(shingles_of(text))
        sketch = MinHash(num_perm=bands * rows)
        sketch.update_batch([s.encode() for s in sets[-1]])
        flags[i] = checked(index.query(sketch), i, sets, similarity)
        index.insert(i, sketch, check_duplication=False)
    return flags


def rensa_stream(texts: list[str], similarity: float, bands: int = 13, rows: int = 5) -> np.ndarray:
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(similarity, bands * rows, bands)
    sets, flags = [], np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        sets.append(shingles_of(text))
        sketch = RMinHash(bands * rows, 42)
        sketch.update(sets[-1])
        flags[i] = checked(index.query(sketch), i, sets, similarity)
        index.insert(i, sketch)
    return flags


def rensa_batch(texts: list[str], similarity: float, bands: int = 13, rows: int = 5) -> np.ndarray:
    from rensa import RMinHash, RMinHashLSH

    sets = [shingles_of(t) for t in texts]
    sketches = RMinHash.from_token_sets(sets, bands * rows, 42)
    index = RMinHashLSH(similarity, bands * rows, bands)
    index.insert_many(sketches)
    found = index.query_all(sketches)
    return np.array([checked(c, i, sets, similarity) for i, c in enumerate(found)])


def rensa_deduplicator(texts: list[str], similarity: float) -> np.ndarray:
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=similarity, num_perm=128, use_lsh=True)
    return ~np.array(index.add_pairs((str(i), shingles_of(t)) for i, t in enumerate(texts)))


def rensa_flags(texts: list[str], similarity: float, bands: int = 13, rows: int = 5) -> np.ndarray:
    from rensa import RMinHash, RMinHashLSH

    sets = shingle_sets([(t,) for t in texts])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        sets.flat.astype(np.uint64), sets.starts.astype(np.uint64), bands * rows, 42
    )
    index = RMinHashLSH(similarity, bands * rows, bands)
    return np.array(index.query_duplicate_flags_matrix_one_shot(matrix))


TOOLS: dict[str, tuple[str, Callable[[list[str], float], np.ndarray]]] = {
    "synthspec near_pairs (at once)": ("synthspec", synthspec_batch),
    "synthspec NearIndex (row by row)": ("synthspec", synthspec_stream),
    "datasketch MinHashLSH 12x5 (row by row)": ("datasketch", datasketch_stream),
    "rensa RMinHashLSH 13x5 (row by row)": ("rensa", rensa_stream),
    "rensa RMinHashLSH 13x5 (at once)": ("rensa", rensa_batch),
    "rensa RMinHashDeduplicator, unchecked": ("rensa", rensa_deduplicator),
    "rensa one-shot flags, our hashes, unchecked": ("rensa", rensa_flags),
}


def compare(count: int, similarity: float) -> None:
    texts, origin = make_texts(count)
    truth = synthspec_batch(texts, similarity)
    planted = np.array(
        [
            o >= 0 and checked([0], 1, [shingles_of(texts[o]), shingles_of(t)], similarity)
            for o, t in zip(origin, texts, strict=True)
        ]
    )
    print(f"{count:,} texts, similarity {similarity}: {planted.sum():,} planted repeats\n")
    print(f"| {'tool':44} | seconds | µs a row | recall | right |\n|{'-' * 46}|--------:|---------:|-------:|------:|")
    for name, (package, run) in TOOLS.items():
        if importlib.util.find_spec(package) is None:
            print(f"| {name:44} | not installed |")
            continue
        best, flags = 1e9, truth
        for _ in range(3):
            start = time.process_time()
            flags = run(texts, similarity)
            best = min(best, time.process_time() - start)
        recall = flags[planted].mean()
        right = (truth & flags).sum() / max(flags.sum(), 1)
        print(f"| {name:44} | {best:7.2f} | {best / count * 1e6:8.1f} | {recall:6.3f} | {right:5.3f} |", flush=True)


def grow(most: int, similarity: float) -> None:
    print(f"\n| texts | {'at once, s':>10} | {'MB':>6} | {'row by row, s':>13} | {'µs a row':>8} | {'MB':>6} |")
    print("|------:|-----------:|-------:|--------------:|---------:|-------:|")
    count = 10_000
    while count <= most:
        cells = []
        for run in (synthspec_batch, synthspec_stream):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                cells.append(pool.apply(measured, (run, count, similarity)))
        (batch, batch_mb), (stream, stream_mb) = cells
        stream_us = stream / count * 1e6
        print(
            f"| {count:,} | {batch:10.2f} | {batch_mb:6.0f} | {stream:13.2f} | {stream_us:8.1f} | {stream_mb:6.0f} |",
            flush=True,
        )
        count = count * 2 if count in (10_000, 50_000, 100_000, 500_000) else count * 5 // 2
    print("MB: resident memory above that of the texts themselves.")


def measured(run: Callable[[list[str], float], Any], count: int, similarity: float) -> tuple[float, float]:
    """Seconds, and megabytes beyond those held before."""
    texts, _ = make_texts(count)
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak counts from here
    before = peak_memory()
    start = time.process_time()
    run(texts, similarity)
    return time.process_time() - start, peak_memory() - before


def peak_memory() -> float:
    """Megabytes."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=40_000)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--similarity", type=float, default=0.8)
    options = parser.parse_args()
    compare(options.texts, options.similarity)
    grow(options.most, options.similarity)
