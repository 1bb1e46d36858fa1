"""Rows are found as a plain reading of all of them finds them, whatever the query; the indices are made of the rows as
they are, and of no others."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthspec.inference.store.derived.row_index import INDEX, TEXTS, is_indexed, make_index, make_text_index
from synthspec.inference.store.derived.row_log import FILE, RowLog
from synthspec.inference.store.derived.row_query import RevisedRow, RowQuery, match_of
from synthspec.inference.store.derived.row_search import open_table
from synthspec.inference.store.derived.row_views import LoggedRow, completions_of, kept_rows, rows_at
from synthspec.inference.store.file import StoreFault
from synthspec.spec.rows import Missing, Rejection, Row, Stage, Try

SHORT = Rejection(Stage.VALID, "words(text)", "text: too short")
WORDS = "meter river Señor straße bill the old 漢字 naïve o'clock".split()
MARKS = {"rejected": ["1", "5", "9"], "judged": ["1", "3", "5", "9"], "accept": ["3"]}


def write_log(folder: Path, rows: int = 60) -> None:
    rng = random.Random(3)
    log = RowLog(folder / FILE)
    log.begin("a program")
    ordinal = 0
    for n in range(rows):
        values = {
            "text": " ".join(rng.choices(WORDS, k=6)),
            "mood": rng.choice(["calm", "cross"]),
            "list": [rng.choice(WORDS)],
            "size": rng.choice([None, n / 4, n, 10**12 + n, True]),
        }
        tries = (Try("call", 1, "", (SHORT,)),) * rng.choice([0, 0, 1, 2])
        if n % 7 == 3:
            log.leave_out((n,), n, ("dropped", "check: a", "unwanted"), values)
            continue
        if n % 11 == 5:
            log.add(Missing(n, ordinal, Stage.VALID, ("text: too short",), values, tries, (n,)))
        else:
            log.add(Row(n, ordinal, values, (f"{n // 2:032x}",), (n,), tries))
        ordinal += 1
    log.close()


def facets_of(row: LoggedRow) -> list[str | None]:
    return [str(row.combination % 3), row.values["mood"], str(row.combination) if row.combination % 2 else None]


def number_in(values: Mapping[str, Any]) -> float | None:
    size = values["size"]
    return None if isinstance(size, bool) else size


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_log(folder)
    numbers = ["size"], lambda row: [number_in(row.values)]
    make_index(folder, ["topic", "mood", "own"], facets_of, lambda share: None, *numbers)
    make_text_index(folder)
    return folder


queries = st.builds(
    RowQuery,
    st.sampled_from(["", "", "kept", "missing", "dropped", "empty", "rejected", "nothing"]),
    st.dictionaries(
        st.sampled_from(["topic", "mood", "own", "else"]),
        st.lists(st.sampled_from(["0", "1", "calm", "cross", "7", ""]), min_size=1, max_size=2).map(tuple),
        max_size=2,
    ),
    st.sampled_from(["", "", "", "words(text)", "check: a", "none of them"]),
    st.sampled_from(["", "", "meter", "old bill", '"the old"', "senor", "ri", "漢字", "dull", "fresh", "7", "3.25"]),
    st.sampled_from(["", "", "", "none", "judged", "accept"]),
    st.sampled_from(["", "-", "tries", "mood", "size"]),
    st.dictionaries(
        st.sampled_from(["size", "size", "else"]),
        st.tuples(*[st.none() | st.integers(-2, 20) | st.floats(0, 2e12)] * 2),
        max_size=1,
    ),
)


def revision(text: str, mood: str, size: Any, reason: str) -> RevisedRow:
    """A row as an edit of its text, its mood and its size has it, or one that left."""
    values = {"text": text, "mood": mood, "list": [], "size": size}
    return RevisedRow(values, reason, {"mood": mood}, {"size": number_in(values)})


revised = st.dictionaries(
    st.integers(0, 62).map(str),
    st.builds(
        revision,
        st.sampled_from(["fresh words", "the old meter 3.25", ""]),
        st.sampled_from(["calm", "new", "newer"]),
        st.sampled_from([None, 7, 0.5, True]),
        st.sampled_from(["", "dull"]),
    ),
    max_size=5,
)


def folded(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower().replace("ñ", "n").replace("ï", "i"))


def seen_as(row: LoggedRow, revised: Mapping[str, RevisedRow]) -> LoggedRow:
    """The row after its reviews."""
    new = revised.get(row.path)
    return row if new is None else replace(row, values=new.values, reason=new.reason)


def is_wanted(row: LoggedRow, tries: int, query: RowQuery) -> bool:
    rejected = row.path in MARKS["rejected"] and row.is_kept
    state = "rejected" if rejected and query.state == "rejected" else row.state
    if query.state and (state != query.state or (query.state == "kept" and rejected)):
        return False
    held = dict(zip(["topic", "mood", "own"], facets_of(row), strict=True))
    if any(held.get(name) not in some for name, some in query.values.items()):
        return False
    for name, (least, most) in query.ranges.items():
        size = number_in(row.values) if name == "size" else None
        if size is None or (least is not None and size < least) or (most is not None and size > most):
            return False
    rules = {"words(text)"} if tries else set()
    rules |= {row.stage} if row.state == "dropped" else set()
    if query.rule and query.rule not in rules:
        return False
    if query.marked and not (
        row.is_kept and row.path not in MARKS["judged"] if query.marked == "none" else row.path in MARKS[query.marked]
    ):
        return False
    number = row.values["size"]
    held = [row.values["text"], row.values["mood"], *row.values["list"], row.reason]
    words = folded(" ".join([*held, "" if number is None or number is True else str(number)]))
    if query.text == '"the old"':
        return ("the", "old") in set(pairwise(words))
    if query.text == "3.25":  # two words to the index, the last of which may go on
        return any(one == "3" and other.startswith("25") for one, other in pairwise(words))
    return all(any(w == part or w.startswith(part) for w in words) for part in query.text.split())


@given(queries, revised)
def test_rows_are_found_as_by_reading_all_of_them(
    folder: Path, query: RowQuery, revised: Mapping[str, RevisedRow]
) -> None:
    with open_table(folder, MARKS) as table:
        assert table is not None
        table.revise(revised)
        rows = [seen_as(row, revised) for row in table.rows(range(table.count()))]
        tries = {row.id: len(table.tries(row)) for row in rows}
        wanted = [row for row in rows if is_wanted(row, tries[row.id], query)]
        if query.sort == "-":
            wanted.reverse()
        if query.sort == "tries":
            wanted.sort(key=lambda row: -tries[row.id])
        if query.sort == "mood":
            wanted.sort(key=lambda row: row.values["mood"])
        if query.sort == "size":
            wanted.sort(key=lambda row: (number_in(row.values) is None, number_in(row.values) or 0))
        assert list(table.find(query)) == [row.id for row in wanted]
        if query.state == "" and "mood" not in query.values:
            counts = {f.value: f.rows for f in table.facets(query)["mood"]}
            assert counts == dict(Counter(r.values["mood"] for r in wanted))
        if query.state == "" and not query.marked:
            assert sum(table.states(query).values()) == len(wanted)
        if not query.ranges:
            sizes = [size for row in wanted if (size := number_in(row.values)) is not None]
            span = table.spans(query).get("size")
            assert (span.least, span.most, span.rows) == (min(sizes), max(sizes), len(sizes)) if span else not sizes


@given(st.text(max_size=30))
def test_no_search_text_is_a_mistake(folder: Path, text: str) -> None:
    with open_table(folder) as table:
        assert table is not None
        table.find(RowQuery(text=text))
        match_of(text)


def test_pages_are_of_the_order_that_was_found_and_rows_have_names(folder: Path) -> None:
    with open_table(folder) as table:
        assert table is not None
        found = table.find(RowQuery(sort="tries"))
        assert [r.id for r in table.rows(found[7:19])] == list(found[7:19])
        assert table.rows([999_999]) == []
        assert table.row("8") is not None and table.row("8").id == 8 and table.row("x") is None
        assert table.siblings(8) == 1
    assert list(rows_at(folder, ["8", "99", "8"])) == ["8"]
    assert len(list(kept_rows(folder))) == sum(r.is_kept for r in rows_at(folder, map(str, range(60))).values())
    keys, sharing = completions_of(folder, ["8"])
    assert sharing[keys["8"][0]] == ["8", "9"]


def test_an_index_is_of_the_rows_as_they_are(tmp_path: Path) -> None:
    write_log(tmp_path, 8)
    make_index(tmp_path, [], lambda row: [])
    make_text_index(tmp_path)
    assert is_indexed(tmp_path, INDEX) and is_indexed(tmp_path, TEXTS)
    write_log(tmp_path, 9)
    assert not is_indexed(tmp_path, INDEX) and not is_indexed(tmp_path, TEXTS)
    with open_table(tmp_path) as table:
        assert table is not None and not table.indexed and list(table.find(RowQuery())) == list(range(9))
    (tmp_path / INDEX).write_bytes(b"not a database")
    assert not is_indexed(tmp_path, INDEX)
    (tmp_path / FILE).write_bytes(b"SQLite format 3\0 and no more")
    with pytest.raises(StoreFault), open_table(tmp_path):
        pass
    with open_table(tmp_path / "nowhere") as table:
        assert table is None
    with pytest.raises(StoreFault, match="has no rows"):
        make_text_index(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_large_table_is_filtered_in_a_small_part_of_the_time_it_takes_to_write(tmp_path: Path) -> None:
    """The work grows with the rows, and by no square: 200,000 of them take a fifth of a million's. CPU, not the clock."""
    write_log(tmp_path, 200_000)
    make_index(tmp_path, ["topic", "mood"], lambda row: facets_of(row)[:2])
    began = time.process_time()
    with open_table(tmp_path, MARKS) as table:
        assert table is not None
        found = table.find(RowQuery("kept", {"topic": ("1",)}))
        table.rows(found[len(found) // 2 :][:100])
        table.facets(RowQuery(values={"topic": ("1",)}))
    assert time.process_time() - began < 5
