"""The embedded n-gram model: how fast, how many duplicates, how true to its classes. Prints one table.

    python benchmarks/ngram.py [--rows 2000] [--large 30000]

Sources are the CSV files under specs/data, and one of 30,000 rows of about 45 words that this script makes up.
Each call asks for ten rows with the class, and what other labels are named below, of the source's next row.

same      rows of which every text equals an earlier row's
copies    rows of which every text equals a row of the source
own class how often naive Bayes, trained on the source, finds the class of a new row
source    the same for the source's own rows, each left out of the training in its turn
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HEAD = "source                 rows  train s  rows/s  words    same  copies  own class  source"
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from ngram_spec import field, spec_of  # noqa: E402

from synthspec.formats import Shape, json  # noqa: E402
from synthspec.inference.backends import BackendContext  # noqa: E402
from synthspec.inference.backends.ngram import open_backend  # noqa: E402
from synthspec.inference.ngram.reading import normal  # noqa: E402
from synthspec.sources import Table, read_table  # noqa: E402
from synthspec.spec.messages import Message, Request  # noqa: E402

CASES = (
    ("mediresponse.csv", "emotion", ("doctor", "relative"), ()),
    ("reviews.csv", "rating", ("title", "text"), ()),
    ("sentiment.csv", "sentiment", ("question", "answer"), ()),
    ("support_calls.csv", "problem", ("call", "summary"), ("attitude", "length", "solved", "manner")),
    ("industrial_qa.csv", "topic", ("input", "context", "output"), ()),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rows", type=int, default=2000)
    options.add_argument("--large", type=int, default=30_000)
    chosen = options.parse_args()
    print(HEAD)
    for name, label, texts, others in CASES:
        path = ROOT / "specs" / "data" / name
        if path.exists():
            report(name.partition(".")[0], read_table(path), label, texts, others, chosen.rows)
    if chosen.large:
        report("made up", made_up(chosen.large), "kind", ("question", "answer"), (), chosen.rows)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def report(name: str, table: Table, label: str, texts: Sequence[str], others: Sequence[str], wanted: int) -> None:
    fields = [field(label, value=label), *(field(t, type="string") for t in texts)]
    spec = spec_of(fields, texts, source="s")
    backend = open_backend(spec.backend, BackendContext(spec, {"s": table}))
    columns = [label, *others]

    def ask(seed: int, rows: int) -> tuple[list[dict[str, Any]], Any]:
        values = {c: table.columns[c][seed % len(table)] for c in columns}
        request = Request("", "p", seed, 1, (Message("user", "x"),), rows, values, seed=seed)
        parsed = json.parse(asyncio.run(backend.complete(request)).text, Shape(tuple(fields[1:]), rows))
        return [dict(r) for r in parsed.rows], values[label]

    started = time.process_time()
    ask(0, 1)
    trained = time.process_time() - started
    made: list[tuple[str, Any]] = []
    started = time.process_time()
    for seed in range(1, wanted // 10 + 1):
        rows, kind = ask(seed, 10)
        made += [(" ".join(str(r[t]) for t in texts), kind) for r in rows]
    rate = len(made) / (time.process_time() - started)
    real = [
        (" ".join(str(table.columns[t][i]) for t in texts), table.columns[label][i])
        for i in range(min(len(table), 3000))
    ]
    known = {normal(text) for text, _ in real}
    different = len({normal(text) for text, _ in made})
    words = sum(len(text.split()) for text, _ in made) / len(made)
    copied = sum(normal(text) in known for text, _ in made) / len(made)
    print(
        f"{name:<20}{len(table):>7}{trained:>9.2f}{rate:>8.0f}{words:>7.0f}{1 - different / len(made):>8.1%}"
        f"{copied:>8.1%}{accuracy(real, made):>11.0%}{left_out(real):>8.0%}",
        flush=True,
    )


def counts_of(rows: Sequence[tuple[str, Any]]) -> dict[Any, Counter[str]]:
    counts: dict[Any, Counter[str]] = defaultdict(Counter)
    for text, kind in rows:
        counts[kind].update(set(normal(text).split()))
    return counts


def guess(counts: dict[Any, Counter[str]], text: str, less: Any = None) -> Any:
    """The likeliest class by naive Bayes over word presence; `less`: the class whose counts hold this very text."""
    best, found = -math.inf, None
    words = set(normal(text).split())
    for kind, seen in counts.items():
        minus = 1 if kind == less else 0
        total = sum(seen.values()) - minus * len(words) + 1
        score = sum(math.log((max(seen[w] - minus, 0) + 0.2) / total) for w in words)
        if score > best:
            best, found = score, kind
    return found


def accuracy(real: Sequence[tuple[str, Any]], made: Sequence[tuple[str, Any]]) -> float:
    counts = counts_of(real)
    return sum(guess(counts, text) == kind for text, kind in made[:1000]) / len(made[:1000])


def left_out(real: Sequence[tuple[str, Any]]) -> float:
    counts = counts_of(real)
    return sum(guess(counts, text, kind) == kind for text, kind in real[:1000]) / len(real[:1000])


def made_up(rows: int) -> Table:
    """Questions and answers from a small grammar, of five kinds that differ in the things they speak of."""
    draw = random.Random(5)
    heads = ("par", "len", "tor", "mis", "gal", "ven", "sor", "bel", "dun", "kal", "rem", "fos")
    tails = ("dic", "lot", "man", "sel", "ter", "vin", "gar", "pet", "nor", "lum", "das", "wick")
    things = [a + b for a in heads for b in tails]
    kinds = {k: draw.sample(things, 50) for k in ("red", "green", "blue", "white", "black")}
    names = list(kinds)
    columns: dict[str, list[Any]] = {"kind": [], "question": [], "answer": []}
    for i in range(rows):
        kind = names[i % 5]
        columns["kind"].append(kind)
        for column, parts in (("question", QUESTION), ("answer", ANSWER)):
            text = " ".join(draw.choice(part) for part in parts)
            while "{}" in text:
                text = text.replace("{}", draw.choice(kinds[kind]), 1)
            columns[column].append(text)
    return Table(columns)


QUESTION = (
    (
        "Have you seen the {}",
        "What did you think of the {}",
        "Who would ever buy a {}",
        "Can I still return my {}",
    ),
    (
        "that we kept near the {}",
        "with a {} inside",
        "in a colour to go with the {}",
        "from the shop by the {}",
    ),
    ("last week?", "when it was new?", "before the price went up?", "after all that was said about it?"),
)
ANSWER = (
    ("Yes, the {} was there in the morning,", "No, I would rather keep the {},", "It depends on the {},"),
    (
        "but the {} had gone before we could look again",
        "since every {} that we sell is made by hand",
        "and so would you",
    ),
    ("without a word from the {}.", "for less than a {} costs.", "in a week or two.", "and nobody knew why."),
    (
        "It works on most days, as a {} should.",
        "My neighbour has a {} and is very fond of it.",
        "That is all I know.",
    ),
)


if __name__ == "__main__":
    main()
