"""`query`: SQL over files below the spec's folder, which reads nothing else, writes nothing and never changes its mind."""

from __future__ import annotations

import datetime
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from depth import one_in

from synthspec.sources.kinds import Opened, Place, SourceFault
from synthspec.sources.kinds.query import open_query
from synthspec.sources.queries import running

pytest.importorskip("duckdb")

REFUSED = {
    "E513": ["from '{outside}'", "from '../outside.csv'", "from 'link.csv'", "select (select max(s) from '../outside.csv')",
             "with a as (from '{outside}') from a", "select 1 where exists (from '../outside.csv')"],
    "E511": ["from '*.csv'", "from 'https://example.org/a.csv'", "from 's3://bucket/a.parquet'", "from 'none.csv'"],
    "E830": [
        "", ";", "selec 1", "install httpfs", "load httpfs", "attach 'x.db'", "copy (select 1) to 'x.csv'",
        "copy 'orders.csv' to 'x.parquet'", "export database 'd'", "import database 'd'", "pragma version",
        "set threads = 4", "reset threads", "select 1; select 2", "create view v as select 1",
        "create table t as select 1", "create macro f() as 1", "create secret (type s3)", "prepare p as select 1",
        "execute p", "explain select 1", "describe 'orders.csv'", "summarize 'orders.csv'", "show tables", "vacuum",
        "checkpoint", "use x", "drop table x", "delete from 'orders.csv'", "insert into 'orders.csv' values (1)",
        "update 'orders.csv' set price = 1", "alter table x add y int", "truncate x", "begin", "set variable x = 1",
        "comment on table x is 'y'", "call pragma_version()", "select ?", "select $x", "select '\x00'",
        "pivot 'orders.csv' on item using sum(price)", "select " + "(" * 3000 + "1" + ")" * 3000,
        "from (describe 'orders.csv')",
    ],
    "E831": [
        "from read_csv('orders.csv')", "from read_csv('{outside}')", "from read_text('/etc/passwd')",
        "from read_blob('/etc/passwd')", "from read_parquet('x.parquet')", "from read_json('x.json')", "from glob('*')",
        "from sniff_csv('orders.csv')", "from sqlite_scan('a', 'b')", "from postgres_scan('a', 'b', 'c')",
        "from query('select 1')", "from query_table('orders.csv')", "from duckdb_settings()", "from duckdb_secrets()",
        "from which_secret('a', 'b')", "from pandas_scan(0)", "from arrow_scan(0, 0, 0)", "from test_all_types()",
        "from json_execute_serialized_sql('x')", "select getenv('HOME')", "select current_setting('threads')",
        "select getvariable('x')", "select version()", "select current_user()", "select pg_typeof(1)",
        "select txid_current()", "select nextval('s')", "select sleep_ms(1000000)", "select write_log('a')",
        "select random()", "select RANDOM()", "select uuid()", "select gen_random_uuid()", "select now()",
        "select today()", "select get_current_timestamp()", "select age(timestamp '2000-01-01')", "select setseed(0.5)",
        "from 'orders.csv' order by random()", "from 'orders.csv' using sample 1", "from 'orders.csv' tablesample 10%",
        "with a as (select now() as t) from a", "from 'orders.csv' limit (select count(*) from glob('/etc/*'))",
        "select list_transform([1], x -> x + random())", "select sum(price) over (order by random()) from 'orders.csv'",
    ],
    "E832": [
        "from orders", "from information_schema.tables", "from sqlite_master", "from duckdb_settings",
        "from pg_catalog.pg_tables", "from memory.main.\"orders.csv\"", "from \"orders.csv\", 'ORDERS.csv'",
        "from 'notes.py'", "from 'file:///etc/passwd'",
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec's folder with two tables, a link out of it, and a file beside it."""
    monkeypatch.setenv("SYNTHSPEC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "outside.csv").write_text("s\nHIDDEN\n", encoding="utf-8")
    home = tmp_path / "specs"
    home.mkdir()
    (home / "orders.csv").write_text("item,customer,price\nlamp,1,3.5\nlamp,2,4\nsofa,1,100.25\n", encoding="utf-8")
    (home / "customers.jsonl").write_text(
        '{"customer":1,"city":"Rome"}\n{"customer":2,"city":"Oslo"}\n', encoding="utf-8"
    )
    (home / "notes.py").write_text("x = 1\n", encoding="utf-8")
    (home / "link.csv").symlink_to(tmp_path / "outside.csv")
    return home


def opened(folder: Path, query: str) -> Opened:
    return open_query({"query": query}, Place(folder, folder))


def rows(folder: Path, query: str) -> list[dict[str, Any]]:
    return list(opened(folder, query).table.iterate())


@pytest.mark.parametrize("code", REFUSED)
def test_nothing_but_the_data_is_read_and_nothing_is_written(code: str, folder: Path) -> None:
    before = sorted(folder.parent.rglob("*"))
    for query in REFUSED[code]:
        with pytest.raises(SourceFault) as found:
            opened(folder, query.replace("{outside}", str(folder.parent / "outside.csv")))
        assert found.value.code == code, (query, str(found.value))
        assert found.value.help and "HIDDEN" not in str(found.value)
    assert sorted(folder.parent.rglob("*")) == before


def test_duckdb_itself_is_closed_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our reading of a query let through, DuckDB would still refuse."""
    from synthspec.sources.kinds import query as kind
    from synthspec.sources.queries import statement

    monkeypatch.setattr(statement, "_refuse_functions", lambda text, nodes, unstable: None)
    for call in (f"read_csv('{folder.parent / 'outside.csv'}')", "read_text('/etc/hostname')", "glob('/*')"):
        with pytest.raises(SourceFault, match="Permission Error"):
            kind.open_query({"query": f"from {call}"}, Place(folder, folder))
    assert "OPENAI_API_KEY" not in running._environment()


def test_the_environment_of_a_query_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "s3cret")
    assert "s3cret" not in " ".join(running._environment().values())


def test_files_of_several_kinds_are_joined(folder: Path) -> None:
    pq.write_table(
        pa.table({"item": ["lamp", "sofa"], "made": [datetime.date(2020, 1, 2), None]}), folder / "items.parquet"
    )
    query = """
        select c.city, i.made, sum(o.price) as total
        from 'orders.csv' o join 'customers.jsonl' c using (customer) join 'items.parquet' i using (item)
        group by all having total > 3.5 order by total desc
    """
    assert rows(folder, query) == [
        {"city": "Rome", "made": None, "total": 100.25},
        {"city": "Oslo", "made": datetime.date(2020, 1, 2), "total": 4.0},
    ]
    assert opened(folder, query).origin["files"] == ["customers.jsonl", "items.parquet", "orders.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("queries", [slice(1, 2), slice(0, 1)])
def test_rows_have_a_total_order(folder: Path, queries: slice) -> None:
    """Of any order of the rows of a file, the same rows come: by the query's own order, then by every column."""
    draw = random.Random(4)
    lines = [f"{draw.randrange(3)},{draw.randrange(3)},{n}" for n in range(40)]
    results: dict[str, list[list[Any]]] = {}
    for turn in range(2):
        draw.shuffle(lines)
        (folder / f"t{turn}.csv").write_text("a,b,c\n" + "\n".join(lines) + "\n", encoding="utf-8")
        for query in ("from '{}' limit 7", "from '{}' order by a desc limit 30 offset 2")[queries]:
            results.setdefault(query, []).append(
                [tuple(r.values()) for r in rows(folder, query.format(f"t{turn}.csv"))]
            )
    for query, (first, second) in results.items():
        assert first == second and len(first) > 5, query
        if "order by" in query:
            assert [r[0] for r in first] == sorted((int(x[0]) for x in lines), reverse=True)[2:32]


def test_a_query_runs_again_only_where_something_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(folder, "select item from 'orders.csv'")
    with monkeypatch.context() as patched:
        patched.setattr(running, "_answer", lambda task: pytest.fail("it ran again"))
        again = opened(folder, "select item from 'orders.csv'")
    assert again.digest and first.digest and again.digest() == first.digest()
    (folder / "orders.csv").write_text("item\nbed\n", encoding="utf-8")
    changed = opened(folder, "select item from 'orders.csv'")
    assert changed.digest and changed.digest() != first.digest()
    assert list(changed.table.iterate()) == [{"item": "bed"}]


@pytest.mark.slow
def test_without_a_cache_it_still_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHSPEC_CACHE", os.devnull)
    assert rows(folder, "select max(price) as most from 'orders.csv'") == [{"most": 100.25}]


@pytest.mark.parametrize(
    ("query", "says"),
    one_in(
        7,
        [
            ("select colour from 'orders.csv'", "colour"),
            ("select 1 as a, 2 as a", "two columns are named 'a'"),
            ("select interval 3 days as i", "'i' is of a type that cannot be kept"),
            ("select date '99999-01-01' as d", "beyond the years 1 to 9999"),
            ("select 'infinity'::timestamp as t", "beyond the years 1 to 9999"),
            ("select repeat('x', 4000000000) as x", "Out of Memory"),
            ("from 'mixed.jsonl'", "values of several kinds"),
        ],
    ),
)
def test_a_query_that_fails_says_why(query: str, says: str, folder: Path) -> None:
    (folder / "mixed.jsonl").write_text('{"a": 1}\n{"a": "x"}\n', encoding="utf-8")
    with pytest.raises(SourceFault, match=says) as found:
        opened(folder, query)
    assert found.value.code == "E833" and found.value.help


@pytest.mark.parametrize(
    ("query", "help"),
    [
        ("select prise from 'orders.csv'", "did you mean 'price'?"),
        ("select o.itm from 'orders.csv' o", "did you mean 'item'?"),
        ("from 'orders.csv' where item = \"bell\"", "a text is in single quotes: 'bell'"),
        ("select lenght(item) from 'orders.csv'", "did you mean 'length'?"),
        ("select sum(item) from 'orders.csv'", "::double"),
        ("select item, sum(price) from 'orders.csv'", "group by all"),
        ("select item::int from 'orders.csv'", "try_cast"),
    ],
)
@pytest.mark.slow
def test_a_query_that_fails_says_what_to_do(query: str, help: str, folder: Path) -> None:
    with pytest.raises(SourceFault) as found:
        opened(folder, query)
    assert found.value.code == "E833" and help in found.value.help, found.value.help
    assert "Error:" not in str(found.value)


def test_a_query_without_end_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.2)
    with pytest.raises(SourceFault, match="longer than") as found:
        opened(folder, "with recursive t(x) as (select 1 union all select x + 1 from t) select max(x) from t")
    assert found.value.code == "E833"


@pytest.mark.slow
def test_a_column_may_be_named_like_a_clock(folder: Path) -> None:
    (folder / "logins.csv").write_text("user,today\nana,1\n", encoding="utf-8")
    assert rows(folder, "select user, today from 'logins.csv'") == [{"user": "ana", "today": 1}]
    for query in ("select current_date", "select user", "select current_date from 'orders.csv'"):
        with pytest.raises(SourceFault) as found:
            opened(folder, query)
        assert found.value.code == "E831"
