"""A query reads other sources of its spec, and says at which of its characters it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from depth import one_in

from synthspec.analysis.compiled import Compiled
from synthspec.compiler import compile_spec

pytest.importorskip("duckdb")

ORDERS = "{rows: [{item: lamp, price: 3}, {item: sofa, price: 90}, {item: lamp, price: 5}]}"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))


def compiled(folder: Path, sources: str, more: str = "") -> Compiled:
    path = folder / "s.yaml"
    path.write_text(f"synthspec: 1\nname: s\nrows: 2\nsources:\n{sources}\n{more}", encoding="utf-8")
    return compile_spec(path)


def table(folder: Path, sources: str, name: str) -> list[dict[str, object]]:
    found = compiled(folder, sources)
    assert found.ok, [d.message for d in found.diagnostics]
    return list(found.tables[name].iterate())


def test_a_source_is_read_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "colours.csv").write_text("item;tone\nlamp;red\nsofa;blue\n", encoding="utf-8")
    sources = f"""
  spent: {{query: "select o.item, tone, sum(price) as spent from Orders o join colours using (item) group by all"}}
  rich: {{query: "select tone from spent where spent > 10"}}
  orders: {ORDERS}
  colours: {{file: colours.csv, columns: {{tone: tint}}}}
"""
    assert table(tmp_path, sources.replace("tone,", "tint as tone,"), "spent") == [
        {"item": "lamp", "tone": "red", "spent": 8},
        {"item": "sofa", "tone": "blue", "spent": 90},
    ]
    found = compiled(tmp_path, sources.replace("tone,", "tint as tone,"))
    assert list(found.tables["rich"].iterate()) == [{"tone": "blue"}]
    assert list(found.tables) == ["spent", "rich", "orders", "colours"]  # in the order written
    assert found.spec is not None
    assert found.spec.sources["spent"].origin["sources"] == ["colours", "orders"]


@pytest.mark.slow
def test_another_row_of_a_source_is_another_result(tmp_path: Path) -> None:
    sources = f'  total: {{query: "select sum(price) as total from orders"}}\n  orders: {ORDERS}'
    first = compiled(tmp_path, sources)
    other = compiled(tmp_path, sources.replace("90", "91"))
    assert first.spec is not None and other.spec is not None
    assert list(first.tables["total"].iterate()) == [{"total": 98}]
    assert list(other.tables["total"].iterate()) == [{"total": 99}]
    assert first.spec.sources["total"].digest() != other.spec.sources["total"].digest()


def test_a_table_of_the_query_itself_goes_first(tmp_path: Path) -> None:
    sources = f'  one: {{query: "with orders as (select 1 as n) from orders"}}\n  orders: {ORDERS}'
    assert table(tmp_path, sources, "one") == [{"n": 1}]


@pytest.mark.slow
def test_documents_may_be_counted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nOne two.\n\n# B\n\nThree.\n", encoding="utf-8")
    sources = (
        "  docs: {files: '*.md', chunk: {words: 20}}\n  long: {query: 'select part, text from docs where part = 1'}"
    )
    assert [r["part"] for r in table(tmp_path, sources, "long")] == [1]


@pytest.mark.parametrize(
    ("sources", "code", "says"),
    one_in(
        2,
        [
            ('  a: {query: "from a"}', "E354", "a → a"),
            ('  a: {query: "from b"}\n  b: {query: "from c"}\n  c: {query: "from b"}', "E354", "b → c → b"),
            (f'  a: {{query: "from orderz"}}\n  orders: {ORDERS}', "E832", "there is no table 'orderz'"),
            (f'  a: {{query: "from x.orders"}}\n  orders: {ORDERS}', "E832", "there is no table 'orders'"),
            (f'  a: {{query: "from ORDERS"}}\n  orders: {ORDERS}\n  Orders: {ORDERS}', "E832", "one name in SQL"),
            ('  a: {query: "from b"}\n  b: {file: none.csv}', "E511", "there is no file 'none.csv'"),
            ('  a: {query: "from b where n > 5"}\n  b: {rows: [{n: 1}]}', "E514", "has no rows"),
            ('  a: {query: "from b"}\n  b: {rows: [{n: 1}, {n: [2]}]}', "E833", "values of several kinds"),
        ],
    ),
)
def test_what_cannot_be_read_is_said_once(sources: str, code: str, says: str, tmp_path: Path) -> None:
    more = "parameters: {n: {from: a, column: n}}\nfields: {n: {value: n}}\n"
    found = compiled(tmp_path, sources, more)
    errors = [d for d in found.diagnostics if d.severity == "error"]
    assert [d.code for d in errors] == [code], [d.message for d in errors]
    assert says in errors[0].message and errors[0].help


@pytest.mark.parametrize(
    ("query", "shown"),
    one_in(
        8,
        [
            ("select item,\n           prise\n      from orders", "prise"),
            ("select item\n      from orders\n      wher price > 1", "price"),
            ("select '€ü', itm\n      from orders", "itm"),
            ("select item,\n        now() as t\n      from orders", "now"),
            ("select item\n      from orders o\n      join 'none.csv' n using (item)", "'none.csv'"),
            ("select item\n      from orders\n      join nothing using (item)", "nothing"),
            ("select sum(item)\n      from orders", "sum("),
            ("select item from orders\n      using sample 1", ""),
        ],
    ),
)
def test_a_wrong_part_is_pointed_at(query: str, shown: str, tmp_path: Path) -> None:
    sources = f"  a:\n    query: |\n      {query}\n  orders: {ORDERS}"
    (fault,) = compiled(tmp_path, sources).diagnostics
    lines = (tmp_path / "s.yaml").read_text(encoding="utf-8").split("\n")
    pointed = lines[fault.span.line - 1][fault.span.column - 1 :]
    assert pointed.startswith(shown), (fault, pointed)
    assert fault.span.line == next((i for i, x in enumerate(lines, 1) if shown and shown in x), fault.span.line)


@pytest.mark.slow
def test_a_source_named_like_a_word_of_sql_is_in_quotes(tmp_path: Path) -> None:
    sources = "  a: {query: 'select n from order'}\n  order: {rows: [{n: 1}]}"
    (fault,) = compiled(tmp_path, sources).diagnostics
    assert fault.code == "E830" and 'in double quotes: "order"' in fault.help
    assert table(tmp_path, sources.replace("from order", 'from "order"'), "a") == [{"n": 1}]


@pytest.mark.slow
def test_an_empty_result_says_what_to_do(tmp_path: Path) -> None:
    (fault,) = compiled(tmp_path, f'  a: {{query: "from orders where price > 900"}}\n  orders: {ORDERS}').diagnostics
    assert fault.code == "E514" and "where" in fault.help and "add data rows" not in fault.help
