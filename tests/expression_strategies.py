"""Random well-typed expressions, and columns for the names in them."""

from __future__ import annotations

import datetime
import string
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.languages.expressions.types import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, Type

SCOPE: dict[str, Type] = {
    "i": INTEGER,
    "j": INTEGER,
    "x": NUMBER,
    "y": NUMBER,
    "t": TEXT,
    "s": TEXT,
    "b": BOOLEAN,
    "d": DATE,
    "m": DATETIME,
    "l": Type("list", item=TEXT),
    "n": Type("list", item=NUMBER),
    "p": Type("map", members=(("job", TEXT), ("age", INTEGER))),
}
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", "a", "A b c.", "12", " 3.5 ", "2024-02-29", "Hi! You?\n\nNo…", "ß", "1e999", "a,b"]),
    st.text(max_size=8),
)
WHOLE = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**53 + 1, 2**62, -(2**63)]))
REAL = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 2.5, 2.675, 1e300, float("nan"), 2.0**53]),
    st.floats(-100, 100),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES: dict[str, Any] = {
    "i": WHOLE,
    "j": st.one_of(st.none(), WHOLE),
    "x": REAL,
    "y": st.one_of(st.none(), REAL),
    "t": TEXTS,
    "s": TEXTS,
    "b": st.booleans(),
    "d": st.one_of(st.none(), st.dates()),
    "m": st.one_of(st.none(), st.datetimes().map(lambda v: v.replace(microsecond=0))),
    "l": st.one_of(st.none(), st.lists(TEXTS, max_size=4)),
    "n": st.one_of(st.none(), st.lists(REAL, max_size=4)),
    "p": st.one_of(st.none(), st.fixed_dictionaries({"job": TEXTS, "age": st.integers(0, 99)})),
}
COMPARE = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def table() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of plain values for every name."""
    return st.lists(st.fixed_dictionaries(VALUES), max_size=4)


def as_columns(rows: list[dict[str, Any]]) -> dict[str, ColumnArray]:
    """The same rows as columns of the kinds that `evaluate` takes."""
    columns: dict[str, ColumnArray] = {}
    for name, kind in SCOPE.items():
        values = [r[name] for r in rows]
        if kind.kind == "integer" and None not in values:
            columns[name] = np.array(values, dtype=np.int64)
        elif kind.kind == "number":
            columns[name] = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        elif kind.kind == "boolean":
            columns[name] = np.array(values, dtype=np.bool_)
        elif kind.kind == "date":
            columns[name] = np.array(values, dtype="datetime64[D]")
        elif kind.kind == "datetime":
            columns[name] = np.array(values, dtype="datetime64[s]")
        else:
            columns[name] = np.fromiter(values, dtype=object, count=len(values))
    return columns


@cache
def expressions(kind: str, depth: int = 3) -> st.SearchStrategy[str]:
    """The text of a well-typed expression of this kind."""
    leaves, branches = _LEAVES[kind], _BRANCHES[kind]
    if depth == 0:
        return leaves

    @st.composite
    def branch(draw: Callable[[Any], str]) -> str:
        template, words = draw(st.sampled_from(branches))
        return template.format(**{w: draw(_pick(w, depth - 1)) for w in words})

    return st.one_of(leaves, branch(), branch())


_KINDS = {
    "i": "integer", "j": "integer", "k": "integer", "x": "number", "y": "number", "z": "number", "t": "text",
    "u": "text", "v": "text", "b": "boolean", "c": "boolean", "d": "date", "e": "date", "m": "datetime",
    "n": "numbers", "l": "texts", "q": "map", "r": "map",
}  # fmt: skip


def _pick(word: str, depth: int) -> st.SearchStrategy[str]:
    return COMPARE if word == "op" else expressions(_KINDS[word], depth)


def _templates(*templates: str) -> list[tuple[str, list[str]]]:
    return [(t, [w for _, w, _, _ in string.Formatter().parse(t) if w]) for t in templates]


_DATES = st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31)).map(lambda v: f"date('{v.isoformat()}')")
_LEAVES: dict[str, st.SearchStrategy[str]] = {
    "integer": st.one_of(st.sampled_from(["i", "j", "p.age", "9223372036854775807"]), st.integers(-9, 99).map(str)),
    "number": st.one_of(
        st.sampled_from(["x", "y", "i", "1e308", "2.675", "1_000.5", "n[0]"]),
        st.floats(-99, 99).map(lambda v: f"{v:.6f}"),
    ),
    "text": st.sampled_from(["t", "s", "p.job", "'a'", "''", '"b c"', "'2024-01-31'", "l[0]", "t[-1]"]),
    "boolean": st.sampled_from(["b", "true", "false"]),
    "date": st.one_of(st.sampled_from(["d"]), _DATES),
    "datetime": st.sampled_from(["m", "datetime('2024-01-31T10:00:00')"]),
    "numbers": st.sampled_from(["n", "[]", "[1, 2.5]", "[x, i]", "[x, null]"]),
    "texts": st.sampled_from(["l", "[t, 'a']", "['a', 'b']", "[null, t]"]),
    "map": st.sampled_from(["{job: t, age: i}", "{job: null, age: 3}", "{'job': l[0], 'age': j,}"]),
}
_BRANCHES: dict[str, list[tuple[str, list[str]]]] = {
    "integer": _templates(
        "({i} + {j})", "({i} - {j})", "({i} * {j})", "({x} // {y})", "({i} // {j})", "({i} % {j})", "({i} ** 2)",
        "-({i})", "round({x})", "floor({x})", "ceil({x})", "abs({i})", "min({i}, {j})", "max({i}, {j}, 3)",
        "clip({i}, 0, {j})", "len({l})", "len({n})", "chars({t})", "words({t})", "sentences({t})", "lines({t})",
        "count({l}, {t})", "count({t}, {u})", "year({d})", "weekday({m})", "month({m})", "day({d})", "hour({m})",
        "days_between({d}, {m})", "({d} - {e})", "({d} - '2024-01-31')", "integer({t})", "integer({x})",
        "coalesce({i}, 0)", "{q}.age", "{q}['age']", "len({q})", "argmax({n})", "majority([{i}, {j}, {i}])",
        "(if {b} then {i} else null)", "(if {b} then null else {j})",
    ),
    "number": _templates(
        "({x} + {y})", "({x} - {i})", "({x} * {y})", "({i} / {j})", "({x} / {y})", "({x} % {y})", "({x} ** {y})",
        "({i} ** {j})", "-({x})", "round({x}, 2)", "round({x}, {i})", "abs({x})", "sqrt({x})", "exp({x})",
        "log({x})", "log10({x})", "min({x}, {i})", "max({x}, {y})", "clip({x}, 0, 10)", "clip({x}, {y}, {z})",
        "sum({n})", "mean({n})", "number({t})", "coalesce({x}, {y}, 0)", "({m} - {d})", "similarity({t}, {u})",
        "overlap({t}, {u})", "min({n})", "last({n})", "{n}[{i}]", "quoted({t}, {u})",
        "quoted({t}, {u}, {i})", "best({n}, {n})", "majority({n})", "(if {b} then null else {x})",
    ),
    "text": _templates(
        "({t} + {u})", "lower({t})", "upper({t})", "title({t})", "capitalize({t})", "strip({t})",
        "replace({t}, {u}, {v})", "join({l}, {t})", "join({n})", "fixed({x}, 2)", "fixed({x}, {i})", "text({x})",
        "text({i})", "text({d})", "text({b})", "text({l})", "concat({t}, {x}, {i})", "coalesce({t}, 'z')",
        "first({l})", "{l}[{i}]", "{t}[{i}]", "max({l})", "min({t}, {u})", "{q}.job", "text({q})",
        "majority({l})", "best({l}, {n})", "coalesce(null, {t})", "(if {b} then {t} else null)", "{{a: {{b: {t}}}}}.a.b",
    ),
    "boolean": _templates(
        "({x} {op} {y})", "({i} {op} {j})", "({i} {op} {x})", "({t} {op} {u})", "({d} {op} {e})",
        "({d} {op} '2024-01-31')", "({m} {op} {d})", "({m} {op} '2024-01-31T10:00:00')", "({b} == {c})",
        "({b} != {c})", "({b} and {c})", "({b} or {c})", "(not ({b}))", "({t} in {l})", "({t} not in {u})",
        "({t} in ['a', 'b', ''])", "({x} in {n})", "({i} not in [1, 2, 3])", "({d} in ['2024-01-31'])",
        "({t} matches 'a|^$')", "contains({t}, {u})", "starts_with({t}, {u})", "ends_with({t}, {u})",
        "missing({x})", "missing({t})", "missing({d})", "(1 < {x} <= {i})", "({l} == {l})",
        "({x} == null)", "({t} != null)", "(null != {d})", "({l} == null)", "({q} == null)", "({q} == {r})",
        "({q} != {r})", "({t} in {q})", "parses({t}, 'json')", "parses({t}, 'python')", "parses({t}, 'yaml')",
        "parses({t}, 'xml')", "fits({q}, {{type: 'object', properties: {{age: {{type: 'integer'}}}}}})",
        "fits({t}, {{type: 'number'}})", "fits({l}, {{type: 'array', items: {{type: 'string'}}}})",
    ),
    "map": _templates("{{job: {t}, age: {i}}}", "first([{q}, {r}])", "majority([{q}, {r}, {q}])"),
    "date": _templates("({d} + {i})", "({d} - {x})", "({i} + {d})", "date({m})", "min({d}, {e})", "coalesce({d}, {e})"),
    "datetime": _templates("({m} + {x})", "({m} - {i})", "datetime({d})", "max({m}, {m})"),
    "numbers": _templates("({n} + {n})", "sorted({n})", "distinct({n})", "[{x}, {i}]", "rank({n}, {n})"),
    "texts": _templates("({l} + {l})", "sorted({l})", "distinct({l})", "split({t})", "split({t}, {u})", "[{t}, {u}]", "rank({l}, {n})"),
}  # fmt: skip
_CONDITIONAL = {
    "integer": ("i", "j"), "number": ("x", "i"), "text": ("t", "u"), "boolean": ("b", "c"), "date": ("d", "e"),
    "datetime": ("m", "m"), "numbers": ("n", "n"), "texts": ("l", "l"), "map": ("q", "r"),
}  # fmt: skip
for _kind, (_one, _other) in _CONDITIONAL.items():
    _BRANCHES[_kind] += _templates(f"(if {{b}} then {{{_one}}} else {{{_other}}})")
