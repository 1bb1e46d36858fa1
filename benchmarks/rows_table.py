"""How fast a table of many rows is filtered, counted and searched, from a made `rows.sqlite`.

    python benchmarks/rows_table.py [ROWS]

Prints seconds of CPU; the bounds are those of the studio: a page of a filtered million under 0.5 s, facets within 2 s.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.row_index import make_index, make_text_index
from synthspec.inference.store.derived.row_log import FILE, RowLog
from synthspec.inference.store.derived.row_query import RevisedRow, RowQuery
from synthspec.inference.store.derived.row_search import open_table
from synthspec.spec.rows import Missing, Rejection, Row, Stage, Try

WORDS = "meter invoice window garden captain river lantern paper copper engine harbour velvet orchard signal".split()
SHORT = Rejection(Stage.VALID, "words(text)", "text: must have at least 5 words")
COLUMNS = ("topic", "tone", "place", "age", "mood")


def write_rows(folder: Path, rows: int) -> None:
    """A log of so many rows: a hundredth missing, a tenth retried, five parameters."""
    rng = random.Random(1)
    log = RowLog(folder / FILE)
    log.begin("a program")
    for n in range(rows):
        values = {"text": " ".join(rng.choices(WORDS, k=20)) + f" {n}", "mood": ("calm", "angry")[n % 2]}
        tries = (Try("call", 1, "", (SHORT,)),) if n % 10 == 0 else ()
        place = (values, tries, (n,))
        if n % 100 == 7:
            log.add(Missing(n, n, Stage.VALID, ("text: must have at least 5 words",), *place))
        else:
            log.add(Row(n, n, values, (f"{n:032x}",), (n,), tries))
    log.close()


def make_both(folder: Path) -> None:
    """Both indices."""
    own = {"topic": 3, "tone": 7, "place": 200, "age": 60}
    make_index(
        folder,
        COLUMNS,
        lambda r: [*(str(r.combination * 7919 % n) for n in own.values()), r.values["mood"]],
        numbers=["size"],
        numbers_of=lambda r: [r.combination * 31 % 9973],
    )
    make_text_index(folder)


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do it, and say how long it took."""
    began = time.process_time()
    found = work()
    print(f"{time.process_time() - began:8.3f} s of CPU  {what}", flush=True)
    return found


def page(folder: Path, query: RowQuery) -> int:
    """As the studio reads one: open, find, the first hundred rows."""
    with open_table(folder, {"rejected": [str(n) for n in range(500, 900)]}) as table:
        assert table is not None
        table.revise(REVISED)
        found = table.find(query)
        table.rows(found[len(found) // 2 :][:100])
        return len(found)


def facets(folder: Path, query: RowQuery) -> int:
    """All counts of a page."""
    with open_table(folder) as table:
        assert table is not None
        table.revise(REVISED)
        return len([*table.facets(query), *table.states(query), *table.rules(query), *table.spans(query)])


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed(f"write {rows:,} rows", lambda: write_rows(folder, rows))
        timed("make both indices, once", lambda: make_both(folder))
        for what, query in QUERIES.items():
            timed(f"page, {what}", lambda query=query: page(folder, query))
        for what in ("all", "one value", "kept, two values", "a range"):
            timed(f"facets, {what}", lambda query=QUERIES[what]: facets(folder, query))


REVISED = {
    str(n): RevisedRow({"text": "a text of a reviewer's", "mood": "calm"}, "", {"mood": "calm"}, {"size": 7.0})
    for n in range(1000, 1300)
}
QUERIES = {
    "all": RowQuery(),
    "one value": RowQuery(values={"topic": ("1",)}),
    "kept, two values": RowQuery("kept", {"topic": ("1",), "tone": ("2", "3")}),
    "missing": RowQuery("missing"),
    "by rule": RowQuery(rule="text: must have at least 5 words"),
    "a phrase": RowQuery(text='"velvet orchard signal"'),
    "two words and a value": RowQuery(text="velvet river", values={"tone": ("2",)}),
    "not reviewed": RowQuery(marked="none"),
    "a range": RowQuery(ranges={"size": (100, 200)}),
    "sorted by attempts": RowQuery(sort="tries"),
    "one value, sorted by another": RowQuery(values={"topic": ("1",)}, sort="place"),
}

if __name__ == "__main__":
    main()
