"""Several tables as one are the rows of the first, then those of the next."""

from __future__ import annotations

import random

import pytest

from synthspec.sources.joined_table import JoinedTable
from synthspec.sources.table import MemoryTable, TableFault, table_of


def test_any_rows_of_any_parts_are_those_of_all_in_one() -> None:
    draw = random.Random(7)
    for _ in range(60):
        sizes = [draw.randrange(5) for _ in range(draw.randrange(1, 6))]
        rows = [{"n": i, "text": f"t{draw.randrange(4)}"} for i in range(sum(sizes))]
        parts, at = [], 0
        for number, size in enumerate(sizes):
            columns = {name: [r[name] for r in rows[at : at + size]] for name in ("n", "text")}
            parts.append((f"part {number}", MemoryTable(columns)))
            at += size
        joined = JoinedTable(parts)
        assert len(joined) == len(rows)
        assert list(joined.iterate()) == rows
        some = [draw.randrange(len(rows)) for _ in range(9)] if rows else []
        assert joined.rows(some) == [rows[i] for i in some]
        assert joined.rows(some, ("text",)) == [{"text": rows[i]["text"]} for i in some]
        assert joined.values("n", some) == [rows[i]["n"] for i in some]
        if rows:
            assert joined.column_type("n") == table_of(rows).column_type("n")


def test_rows_of_one_number_are_not_one_map() -> None:
    joined = JoinedTable([("a", table_of([{"n": 1}])), ("b", table_of([{"n": 2}]))])
    first, again = joined.rows((1, 1))
    first["n"] = 3
    assert again == {"n": 2}


def test_parts_with_other_columns_are_named_with_what_differs() -> None:
    parts = [("a.csv", table_of([{"n": 1, "text": "x"}])), ("b.csv", table_of([{"text": "x", "note": "y"}]))]
    with pytest.raises(
        TableFault, match=r"'a.csv' and 'b.csv' have other columns: only 'a.csv' has 'n' and only 'b.csv' has 'note'"
    ):
        JoinedTable(parts)
