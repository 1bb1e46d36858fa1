"""Parameters that are lists: `rows` of any draw, counts by expressions, and draws without replacement."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from depth import rest_slow
from fake_backend import FakeBackend, use

import synthspec
from synthspec.planning.plan import Plan
from synthspec.planning.sampling.bijection import Permutation
from synthspec.planning.without_replacement import places

HEAD = "synthspec: 1\nname: made\nrows: {rows}\nseed: {seed}\n"


def plan_of(folder: Path, parameters: str, rows: int = 60, seed: int = 3, more: str = "") -> Plan:
    path = folder / "spec.yaml"
    names = [line.split(":")[0].strip() for line in parameters.strip().splitlines()]
    fields = ", ".join(f"f_{n}: {{value: {n}}}" for n in names)
    docs = "sources: {docs: {rows: [" + ", ".join(f"{{id: {n}, half: {n % 2}}}" for n in range(11)) + "]}}\n"
    text = f"{HEAD.format(rows=rows, seed=seed)}{docs}parameters:\n{parameters}\n{more}\nfields: {{{fields}}}\n"
    path.write_text(text, encoding="utf-8")
    return synthspec.plan(path)


LISTS = """
  size: [0, 1, 3]
  tags: {values: {a: 6, b: 3, c: 1}, rows: 4}
  some: {values: [1, 2, 3.5], rows: size}
  two: {values: {x: 5, y: 3, z: 1, none_of: 0}, rows: 2, replacement: false}
  all: {values: [[1, 2], [1, 2, 3], []], rows: 3, replacement: false}
  codes: {pattern: '[A-Z]{2}[0-9]', rows: 'integer(1, 4)'}
  words: {pattern: '[abc]', rows: 3, replacement: false}
  grades: {value: 'round(normal(size * 100, 1), 1)', rows: 2}
  people: {faker: first_name, rows: 'min(poisson(2), 5)', replacement: false}
  cases: {given: size, cases: {0: {values: [p, q], rows: 2}}, else: {pattern: 'k[0-9]', rows: size}}
  given: {given: size, cases: {0: [zero]}, else: [one, more], rows: 3}
  docs: {from: docs, column: id, rows: size}
  near: {from: docs, nearest: text(size), by: id, column: id, rows: size}
"""


@pytest.mark.parametrize("strategy", rest_slow(["balanced", "random", "pairwise", "factorial"], (0, 2)))
def test_lists_are_as_long_as_they_say(strategy: str, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, LISTS.strip("\n"), rows=120, more=f"plan: {{strategy: {strategy}}}")
    rows = list(plan)
    for row in rows:
        size = row["size"]
        assert [len(row[n]) for n in ("tags", "some", "two", "all", "words", "given", "grades")] == [
            4,
            size,
            2,
            3,
            3,
            3,
            2,
        ]
        assert len(row["docs"]) == len(set(row["docs"])) == len(row["near"]) == size
        assert 1 <= len(row["codes"]) <= 4 and len(row["people"]) <= 5
        assert len(set(row["two"])) == 2 and "none_of" not in row["two"]
        assert sorted(map(len, row["all"])) == [0, 2, 3] and sorted(row["words"]) == ["a", "b", "c"]
        assert len(set(row["people"])) == len(row["people"])
        assert all(isinstance(v, float) for v in row["some"]), "numbers of one kind, as in a parameter of one value"
        assert all(abs(g - 100 * size) < 8 for g in row["grades"])
        assert (set(row["cases"]) <= {"p", "q"} and len(row["cases"]) == 2) if size == 0 else len(row["cases"]) == size
        assert set(row["given"]) <= ({"zero"} if size == 0 else {"one", "more"})
    assert plan[77] == rows[77] and list(plan.combinations(70, 73)) == rows[70:73], "read at any index"
    assert list(plan_of(tmp_path, LISTS.strip("\n"), rows=7, more=f"plan: {{strategy: {strategy}}}")) == rows[:7]


def test_shares_of_the_items(tmp_path: Path) -> None:
    text = "  tags: {values: {a: 6, b: 3, c: 1}, rows: 5}\n  two: {values: {x: 8, y: 1, z: 1}, rows: 2, replacement: false}"
    rows = list(plan_of(tmp_path, text, rows=2000))
    tags = Counter(t for r in rows for t in r["tags"])
    assert abs(tags["a"] - 6000) < 250 and abs(tags["b"] - 3000) < 250 and abs(tags["c"] - 1000) < 150
    first, second = Counter(r["two"][0] for r in rows), Counter(r["two"][1] for r in rows)
    assert abs(first["x"] - 1600) < 90, "the first by its weight"
    assert abs(second["x"] - 2000 * 0.2 * 8 / 9) < 80, "the second by its weight among those left"
    assert len({tuple(r["tags"]) for r in rows}) > 100, "items are drawn one by one"


def test_a_longer_list_begins_as_a_shorter_one(tmp_path: Path) -> None:
    def lists(rows: int, more: str = "") -> list[Any]:
        text = f"  a: {{values: [p, q, r, s, t], rows: {rows}{more}}}\n  b: {{pattern: '[a-z]{{4}}', rows: {rows}}}\n  n: [1, 2]"
        return [(r["a"], r["b"], r["n"]) for r in plan_of(tmp_path, text)]

    for more in ("", ", replacement: false"):
        short, long = lists(2, more), lists(5, more)
        assert [(a[:2], b[:2], n) for a, b, n in long] == short


STRATEGIES = ["balanced", "random", "pairwise", "factorial"]


@pytest.mark.parametrize("seed", range(12))
def test_no_row_comes_again_before_all_have_been(seed: int, tmp_path: Path) -> None:
    """Whatever the strategy, what else varies, and which `where` there is; whole rows, columns and lists of rows."""
    chosen = random.Random(seed)
    lines = ["  doc: {from: docs}", "  id: {from: docs, column: id, replacement: false}"]
    if odd := chosen.random() < 0.5:
        lines.append("  other: {from: docs, column: id, where: row.half == 1}")
    lines.append("  some: {from: docs, column: id, rows: 3, replacement: false}")
    lines += chosen.sample(["  a: [x, y]", "  b: {values: {u: 3, v: 1}}", "  c: normal(0, 1)", "  d: [1, 2, 3]"], 2)
    chosen.shuffle(lines)
    plan = plan_of(tmp_path, "\n".join(lines), seed=seed, more=f"plan: {{strategy: {chosen.choice(STRATEGIES)}}}")
    pool, rows = set(range(1, 11, 2)) if odd else set(range(11)), list(plan)
    for start in range(0, 60 - len(pool), len(pool)):
        assert {r["id"] for r in rows[start : start + len(pool)]} == pool
    assert all(r["doc"]["id"] == r["id"] for r in rows), "draws of one source take one row"
    for start in range(0, 57, 3):  # three lists of three, of eleven rows
        drawn = [n for r in rows[start : start + 3] for n in r["some"]]
        assert len(set(drawn)) == 9
    assert len({n for r in rows for n in r["some"]}) == 11
    assert plan[41] == rows[41] and plan[10**9]["id"] in pool
    assert plan.substitute(7, 1)["id"] == rows[7]["id"], "a substitute keeps the row"  # type: ignore[index]


STAFF = """
parameters:
  firm: {pattern: '[A-Z]{6}'}
  size: [0, 2, 3]
  staff: {pattern: '[a-z]{5}', rows: size, replacement: false}
prompts:
  people: {each: who in staff}
  duties: {each: "duty in [who + ' lead', who + ' help']"}
"""
TABLES = """
fields: {firm: {value: firm}, who: {value: who}, both: {value: duty}}
output: {tables: {firms: {columns: [firm]}, people: {columns: [who]}, duties: {columns: [both]}}, formats: jsonl}
"""


def read(folder: Path, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out" / f"{table}.jsonl").read_text().splitlines()]


def test_lists_become_tables_without_a_call(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    text = HEAD.format(rows=20, seed=1) + STAFF + TABLES
    path.write_text(text)
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete and dataset.manifest["usage"]["calls"] == 0
    firms, people, duties = (read(tmp_path, name) for name in ("firms", "people", "duties"))
    assert len(duties) == 20 and [d["id"] for d in duties] == [f"{p['id']}.{n}" for p in people for n in range(2)][:20]
    plan = synthspec.plan(path)
    for firm in firms:
        drawn = plan[int(firm["id"])]
        assert firm["firm"] == drawn["firm"]
        own = [p["who"] for p in people if p["firms_id"] == firm["id"]]
        assert own == drawn["staff"] or firm is firms[-1]
    assert {len(plan[int(f["id"])]["staff"]) for f in firms} == {0, 2, 3}, "a firm without staff has a row of its own"
    assert all(d["both"].startswith(p["who"]) for p in people for d in duties if d["people_id"] == p["id"])
    again = synthspec.build(path, out=tmp_path / "out")
    assert again.complete and [read(tmp_path, n) for n in ("firms", "people", "duties")] == [firms, people, duties]


def test_prompts_below_a_list_that_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt above it, one below it, a check that drops: the rows that are asked for, each of its own item."""
    fake = FakeBackend(lambda request: request.messages[-1].content.split(".")[0] + " indeed")
    use(monkeypatch, fake)
    path = tmp_path / "spec.yaml"
    prompts = STAFF.split("  duties")[0] + '  motto: {user: "Of {{ firm }}.", writes: [motto]}\n'
    prompts += '  mail: {user: "To {{ who }}.", writes: [mail]}\n'
    fields = "fields: {who: {value: who}, motto: {type: string}, mail: {type: string}}\n"
    drop = "checks: [{that: \"not contains(who, 'a')\", severity: drop}]\n"
    backend = 'backend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}\n'
    path.write_text(HEAD.format(rows=25, seed=1) + prompts + fields + drop + backend)
    dataset = synthspec.build(path, out=tmp_path / "out")
    with (tmp_path / "out" / "made.csv").open(newline="") as file:
        kept = list(csv.DictReader(file))
    assert dataset.complete and len(kept) == 25
    assert all(r["mail"] == f"To {r['who']} indeed" and "a" not in r["who"] for r in kept)


def test_the_wrong_number_is_no_list(tmp_path: Path) -> None:
    """A count that is null makes no list: what reads it sees null, and `each` makes no rows of it."""
    text = "  size: [1, 2]\n  none: 'if size == 1 then null else 2'\n  tags: {values: [a, b], rows: none}"
    assert {(r["size"], None if r["tags"] is None else len(r["tags"])) for r in plan_of(tmp_path, text)} == {
        (1, None),
        (2, 2),
    }


def test_numbers_of_an_order_are_the_same_however_far_apart() -> None:
    order = Permutation(1_000_000, 7)
    apart = np.array([5, 900_000, 17, 5, 3])
    assert places(order, apart).tolist() == [int(order.at(n, n + 1)[0]) for n in apart.tolist()]
    assert places(order, apart[[0, 2, 3]]).tolist() == [places(order, apart).tolist()[i] for i in (0, 2, 3)]
    assert not len(places(order, apart[:0]))
