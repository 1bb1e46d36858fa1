"""Nulls, maps, and the functions that choose, parse, quote and name: what they give, bounded in time."""

from __future__ import annotations

import importlib.util
import random
import time
import uuid
from typing import Any

import pytest
from depth import examples, quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.languages.expressions import check_expression, compile_row, parse_expression
from synthspec.languages.expressions.functions.code import MAX_CHARACTERS, READERS, parses, read_json
from synthspec.languages.expressions.functions.schemas import fits_schema, schema_faults
from synthspec.languages.expressions.types import ANY, INTEGER, NUMBER, TEXT, Type

SCOPE = {
    "t": TEXT, "x": NUMBER, "i": INTEGER, "l": Type("list", item=TEXT), "n": Type("list", item=NUMBER), "a": ANY,
    "talk": Type("list", item=Type("map", members=(("role", TEXT), ("content", TEXT)))),
}  # fmt: skip
ROW: dict[str, Any] = {
    "t": "hello", "x": None, "i": 3, "l": ["a", "b", None, "b"], "n": [1, None, 7.5, 7.5], "a": {"k": [1, {"z": "deep"}]},
    "talk": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yes?"}],
}  # fmt: skip
VALUES: list[tuple[str, Any]] = [
    ("x == null", True), ("t == null", False), ("x != null", False), ("null != t", True), ("null == null", True),
    ("not (x == null)", False), ("1 < i != null", True), ("if x == null then null else t", None),
    ("x == x", False), ("x != 3", False), ("coalesce(x, null, 4)", 4), ("len([null, 1])", 2), ("l[2] == null", True),
    ("a.k == null", False), ("a.nothing == null", True), ("if null != x then 1 else 2", 2),
    ("{}", {}), ("{role: 'user', content: t}", {"role": "user", "content": "hello"}), ("{'a b': 1,}['a b']", 1),
    ("{a: {b: [1, {c: t}]}}.a.b[1].c", "hello"), ("{if: 1, null: 2, in: 3}", {"if": 1, "null": 2, "in": 3}),
    ("'b' in {a: 1, b: null}", True), ("len({a: 1, b: 2})", 2), ("{a: x}.a == null", True), ("{a: 1} == {a: 1}", True),
    ("[{r: 1}, {r: 2}][-1].r", 2), ("text({a: 'é', b: [true, null]})", '{"a": "é", "b": [true, null]}'),
    ("talk[0].content", "Hi."), ("len(talk)", 2), ("talk[-1]['role']", "assistant"), ("a['k'][1].z", "deep"),
    ("talk[5].content", None), ("majority(l)", "b"), ("majority([])", None), ("majority([null, null])", None),
    ("majority(['x', 'y', 'y', 'x'])", "x"), ("majority([{a: 1}, {a: 2}, {a: 2}])", {"a": 2}),
    ("majority([1, true, true, 1, 1])", 1), ("argmax(n)", 2), ("argmax([])", None), ("argmax([null])", None),
    ("best(l, n)", None), ("best(['p', 'q', 'r', 's'], n)", "r"), ("best(l, [1])", None), ("l[argmax([0, 2, 1, 1])]", "b"),
    ("rank(['p', 'q', 'r', 's'], n)", ["r", "s", "p"]), ("rank([1], [])", None), ("rank([], [])", []),
    ("best(['p', 'q'], ['low', 'high'])", None), ("quoted('', 'a b')", 0.0), ("quoted('The cat!', 'a THE, cat')", 1.0),
    ("quoted('one two three four five', 'zero one two three four. Six five')", 0.5), ("quoted('a b c', 'a b')", 0.0),
    ("quoted('打开阀门', '请打开阀门。')", 1.0), ("quoted('打开阀门关', '请打开阀门。')", 0.5),
    ("quoted('a b c', 'c a b', 2)", 0.5), ("quoted('a b', 'a b', 0)", 1.0), ("quoted(t, l[2])", None),
]  # fmt: skip


def value(text: str, row: dict[str, Any] | None = None) -> Any:
    expression, faults = parse_expression(text)
    assert expression is not None and not faults, faults
    faults = check_expression(expression, SCOPE, placed=("address", "index", "uuid"))[1]
    found = compile_row(expression)(ROW if row is None else row)
    always_null = found is None and all(f.code in ("E497", "E498") for f in faults)  # which is said beforehand
    assert always_null or not [f for f in faults if f.code != "E303" or "'low'" not in text], (text, faults)
    return found


def faults_of(text: str) -> list[tuple[str, str, str, str]]:
    expression, faults = parse_expression(text)
    if expression is not None:
        faults += check_expression(expression, SCOPE)[1]
    return [(f.code, text[f.start : f.end], f.message, f.help) for f in faults]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_values(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected and type(found) is type(expected)


FAULTS = [
    ("x < null", "E311", "null", "x == null"),
    ("1 + null", "E311", "null", "x == null"),
    ("null in l", "E311", "null", "x == null"),
    ("t in ['a', null]", "E311", "null", "== null"),
    ("words(null)", "E311", "null", "x == null"),
    ("if null then 1 else 2", "E311", "null", ""),
    ("null.name", "E311", "null", ""),
    ("not null", "E311", "null", ""),
    ("-null", "E311", "null", ""),
    ("null matches 'a'", "E311", "null", ""),
    ("(if x > 1 then null else null) + 3", "E311", "if x > 1 then null else null", ""),
    ("{a: 1}.b", "E309", "b", "a"),
    ("{a: 1}['b']", "E309", "'b'", "a"),
    ("talk.content", "E309", "content", "[0]"),
    ("{a = 1}", "E302", "=", "write ':'"),
    ("{a: 1, 'a': 2}", "E302", "'a'", "once"),
    ("{a, b}", "E302", ",", "{name: value"),
    ("{a}", "E302", "}", "{name: value"),
    ("{1: 2}", "E302", "1", "{name: value"),
    ("{a: 1", "E302", "{", "add '}'"),
    ("a: 1}", "E302", ":", ""),
    ("t}", "E302", "}", "add '{'"),
    ("{{ t }} == 'a'", "E302", "{{", "as they are"),
    ("t == {{ t }}", "E302", "{{", "as they are"),
    ("{% if t %}", "E302", "{%", "as they are"),
    ("x is null", "E302", "is null", "x == null"),
    ("t == NULL", "E302", "NULL", "null"),
    ("t == None", "E301", "None", "null"),
    ("parses(t, 'jsonn')", "E313", "'jsonn'", '"json"'),
    ("parses(t, 'cobol')", "E313", "'cobol'", "'python'"),
    ("parses(t, t)", "E312", "t", "in place"),
    ("fits(t, a)", "E312", "a", "in place"),
    ("fits(t, {type: t})", "E312", "{type: t}", "in place"),
    ("fits(t, {typ: 'object'})", "E314", "{typ: 'object'}", "'type'"),
    ("fits(t, {type: 'object', properties: {a: {tpye: 'string'}}})", "E314", "", "'type'"),
    ("fits(t, {required: ['a']})", "E314", "{required: ['a']}", "type"),
    ("fits(t, {type: 'text'})", "E314", "{type: 'text'}", ""),
    ("fits(t, {type: 'string', pattern: '('})", "E314", "{type: 'string', pattern: '('}", "pattern"),
    ("fits(t, {type: 'string', pattern: '(a*)*$'})", "E314", "", "one way"),
    ("fits(t, {type: 'string', format: 'email'})", "E314", "", "pattern"),
    ("fits(t, {type: 'object', '$ref': 'http://localhost/x'})", "E314", "", "write the schema out"),
    ("fits(t, 'object')", "E303", "'object'", ""),
    ("address() == 'a'", "E316", "address()", "`value`"),
    ("index() > 3", "E316", "index()", "number: index()"),
    ("uuid()", "E316", "uuid()", "`value`"),
    ("address(3)", "E305", "3", ""),
]


@pytest.mark.parametrize(("text", "code", "pointed", "remedy"), FAULTS)
def test_each_fault_in_its_place(text: str, code: str, pointed: str, remedy: str) -> None:
    found = faults_of(text)
    assert found and found[0][0] == code, found
    assert not pointed or found[0][1] == pointed
    assert remedy in found[0][3], found
    assert len(found) == 1 or code in ("E305",), found


def test_the_place_of_a_row() -> None:
    here = {"@address": "17.3", "@index": 17, "@seed": 5, "@field": "id"}
    assert value("address()", here) == "17.3" and value("index() + 1", here) == 18
    made = value("uuid()", here)
    assert uuid.UUID(made).version == 5 and made == value("uuid()", dict(here))
    others = [{**here, k: v} for k, v in (("@address", "17.4"), ("@seed", 6), ("@field", "other"))]
    assert len({made, *(value("uuid()", o) for o in others)}) == 4
    assert value("address()", {}) is None and value("uuid()", {}) is None


SOUND = {
    "python": ["x = 1", "def f(a):\n    return a", "import os", "# only words", "'\\d'", "[" * 90 + "]" * 90],
    "json": ["{}", "[1, 2.5e3, true, null]", ' "a" ', '{"a": {"b": "]"}}', "3", "[" * 200 + "]" * 200, "1" * 5000],
    "yaml": ["a: 1", "- x\n- y", "a: &k 1\nb: *k", "plain", "{a: [1]}", "---\na\n---\nb"],
    "xml": ["<a/>", "<a b='1'>t &amp; u<c/></a>", "<?xml version='1.0' encoding='latin-1'?><é/>"],
    "sql": ["SELECT 1", "select a, b from t where c > 3", "WITH a AS (SELECT 1) SELECT * FROM a;",
            "INSERT INTO t VALUES (1); UPDATE t SET a = 2", "CREATE TABLE t (a INT)", "DELETE FROM t",
            "DROP TABLE t", "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE"],
}  # fmt: skip
BROKEN = {
    "python": ["x = ", "def f(:", "print 'a'", "a b", "f('", "\0", "\ud800", "  x = 1", "[" * 5000, "x" + "+x" * 600],
    "json": ["{a: 1}", "[1,]", "NaN", "[Infinity]", "'a'", "{} {}", "[" * 201 + "]" * 201, '"\n"', "\ufeff{}", '{"a"'],
    "yaml": ["a: [1", "a: *k", "a: &k 1\n---\nb: *k", "- a\nb: c", "\t- a", "[" * 201 + "]" * 201, "a: 'x", "\0"],
    "xml": ["<a>", "<a></b>", "text", "<a/><b/>", "<a b=1/>", "&nbsp;", "<!DOCTYPE a><a/>", "<a>" * 201 + "</a>" * 201,
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "\ud800"],
    "sql": ["SELECT", "SELEC 1", "hello", "hello world", "1 + 1", "SELECT 'a", "SELECT (1", "-- only words", ";;",
            "SELECT 1; nonsense here", "SELECT " + "(" * 3000, "SELECT " + "NOT " * 5000 + "1"],
}  # fmt: skip
NEEDS_SQL = pytest.mark.skipif(importlib.util.find_spec("sqlglot") is None, reason="the extra `sql` is not installed")


@pytest.mark.parametrize("language", [pytest.param(n, marks=NEEDS_SQL if n == "sql" else ()) for n in READERS])
def test_what_parses_and_what_does_not(language: str) -> None:
    assert [t for t in SOUND[language] if not parses(t, language)] == []
    assert [t for t in ("", " \n", *BROKEN[language]) if parses(t, language)] == []
    assert not parses("x" * (MAX_CHARACTERS + 1), language)


PIECES = [
    "(", "[", "{", "<a>", "</a>", "&a ", "*a ", "- ", "? ", ": ", "a: ", "'", '"', '\\"', "f(", "lambda: ", "not ", "SELECT ",
    "CASE WHEN ", "NOT ", "AND ", "ARRAY<", "CAST(", "0x", "\\", "\n", " ", ")", "]", "}", ",", "if x:\n ", "<!--", "<![CDATA[",
    "!t ", "|\n", "{{", "async ", "-", "**", "1", "=", "match x:\n case ", "JOIN ", "<!ENTITY ", "%", "#", "/*", "*/", "é",
]  # fmt: skip


@examples(3, 12)
@pytest.mark.parametrize("language", [pytest.param(n, marks=NEEDS_SQL if n == "sql" else ()) for n in READERS])
def test_hostile_code_is_answered_in_bounded_time(language: str, examples: int) -> None:
    """Each piece over and over, pairs of them, and random runs: an answer, in CPU time that stays small."""
    shuffled = random.Random(examples)
    texts = [p * n for p in PIECES for n in (30, 3_000, 60_000)[: 1 + examples // 3]]
    texts += [(p + q) * 2_000 for p in shuffled.sample(PIECES, examples) for q in shuffled.sample(PIECES, examples)]
    texts += ["".join(shuffled.choices(PIECES, k=300)) for _ in range(10 * examples)]
    texts += ["SELECT " + "f(" * n + "1" + ")" * n for n in (10, 20, 40)]
    texts += ["lol: &a [x]\n" + "".join(f"b{n}: &a [{'*a, ' * 9}*a]\n" for n in range(40))]
    for text in texts:
        before = time.process_time()
        assert parses(text, language) in (True, False)
        spent = time.process_time() - before
        assert spent < 5, (language, text[:40], spent)


def test_json_is_read_as_the_standard_has_it() -> None:
    assert read_json('{"a": [1, "\\u00e9"]}') == {"a": [1, "é"]}
    for text in ("NaN", "-Infinity", "[" * 300 + "]" * 300, "{'a': 1}"):
        with pytest.raises(ValueError, match=r"."):
            read_json(text)


PERSON = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("given", "schema", "expected"),
    [
        ({"id": 3}, PERSON, True), ({"id": "3"}, PERSON, False), ({}, PERSON, False), ({"id": 1, "b": 2}, PERSON, False),
        ('{"id": 3}', PERSON, True), ('{"id": 3', PERSON, False), ("no JSON", PERSON, False), (3, PERSON, False),
        ("abc", {"type": "string", "minLength": 3}, True), ("3", {"type": "string"}, True), ("3", {"type": "integer"}, True),
        ("3", {"type": ["string", "integer"], "minLength": 2}, False), ([1, 2], {"type": "array", "maxItems": 1}, False),
        ("[1, 1]", {"type": "array", "uniqueItems": True}, False), ("NaN", {"type": "number"}, False),
        (True, {"type": "integer"}, False), ("x" * (MAX_CHARACTERS + 1), {"type": "array"}, False),
    ],
)  # fmt: skip
def test_fits(given: Any, schema: dict[str, Any], expected: bool) -> None:
    assert list(schema_faults(schema)) == []
    assert fits_schema(given, schema) is expected


def test_fits_in_an_expression() -> None:
    schema = "{type: 'object', required: ['k'], properties: {k: {type: 'array', minItems: 2}}}"
    assert value(f"fits(a, {schema})") is True and value(f"fits(t, {schema})") is False
    assert value(f"fits(x, {schema})") is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=quarter(200), deadline=None)
@given(st.lists(JSON, max_size=6), st.lists(st.none() | st.integers(-3, 3), max_size=6))
def test_choosing_is_total_and_as_said(items: list[Any], scores: list[Any]) -> None:
    row = {"items": items, "scores": scores}
    functions = {}
    for name, text in {
        "best": "best(items, scores)",
        "rank": "rank(items, scores)",
        "argmax": "argmax(scores)",
    }.items():
        expression, _ = parse_expression(text)
        assert expression is not None
        functions[name] = compile_row(expression)(row)
    known = [n for n, s in enumerate(scores) if s is not None]
    if known:
        first = next(n for n in known if scores[n] == max(scores[m] for m in known))
        assert functions["argmax"] == first
    if len(items) != len(scores):
        assert functions["best"] is None and functions["rank"] is None
        return
    ordered = functions["rank"]
    assert len(ordered) == len(known) and (not known or functions["best"] == ordered[0] == items[functions["argmax"]])
    left = [scores[next(n for n in known if items[n] is o)] for o in ordered]
    assert len(set(map(id, items))) < len(items) or left == sorted(left, reverse=True)


@settings(max_examples=quarter(200), deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.integers(1, 5))
def test_quoted_is_a_share_and_whole_of_what_holds_it(text: str, chunk: str, run: int) -> None:
    expression, _ = parse_expression("quoted(t, c, r)")
    assert expression is not None
    share = compile_row(expression)
    found = share({"t": text, "c": chunk, "r": run})
    assert 0.0 <= found <= 1.0
    if value("words(t)", {"t": text}):
        assert share({"t": text, "c": f"{chunk} {text} {chunk}", "r": run}) == 1.0


def test_quoted_takes_linear_time() -> None:
    row = {"t": "a b c d " * 40_000, "c": "b a d c " * 40_000}
    before = time.process_time()
    assert value("quoted(t, a)", {"t": row["t"], "a": row["c"]}) == 0.0
    assert time.process_time() - before < 5


def test_sql_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.languages.expressions.functions import code

    monkeypatch.setattr(code, "find_spec", lambda name: None)
    ((found, pointed, message, help),) = faults_of("parses(t, 'sql')")
    assert (found, pointed) == ("E315", "'sql'") and "sqlglot" in message and help.startswith("pip install")
