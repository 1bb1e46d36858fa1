"""The expression language: trees, faults and their places, types, values."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthspec.languages.expressions import (
    FUNCTIONS,
    MAX_LENGTH,
    check_expression,
    compile_row,
    evaluate,
    names_of,
    parse_expression,
    random_calls,
)
from synthspec.languages.expressions.functions.library import describe_functions
from synthspec.languages.expressions.parsing import parser
from synthspec.languages.expressions.tree import (
    Binary,
    Conditional,
    Expression,
    FunctionCall,
    Literal,
    Member,
    Name,
    Unary,
)
from synthspec.languages.expressions.types import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, Type

SCOPE = {
    "age": INTEGER,
    "wait": NUMBER,
    "call": TEXT,
    "summary": TEXT,
    "outcome": Type("text", values=("solved", "dropped")),
    "rating": Type("integer", values=(1, 2, 3)),
    "vip": BOOLEAN,
    "day": DATE,
    "at": DATETIME,
    "tags": Type("list", item=TEXT),
    "persona": Type("map", members=(("job", TEXT), ("age", INTEGER))),
}


def parse(text: str) -> Expression:
    expression, faults = parse_expression(text)
    assert expression is not None and not faults, faults
    return expression


def check(text: str, random: bool = False, **options: Any) -> list[tuple[str, str, str, str]]:
    """Every fault as (code, the characters it points at, message, help)."""
    expression, faults = parse_expression(text)
    if expression is not None:
        faults += check_expression(expression, SCOPE, random=random, **options)[1]
    return [(f.code, text[f.start : f.end], f.message, f.help) for f in faults]


def show(node: Expression) -> str:
    match node:
        case Literal(value=value):
            return repr(value)
        case Name(name=name):
            return name
        case Member(owner=owner, name=name):
            return f"{show(owner)}.{name}"
        case Unary(operator=operator, operand=operand):
            return f"({operator} {show(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({show(left)} {operator} {show(right)})"
        case Conditional(condition=c, then=t, otherwise=o):
            return f"(if {show(c)} then {show(t)} else {show(o)})"
        case FunctionCall(function=function, arguments=arguments, keywords=keywords):
            given = [*map(show, arguments), *(f"{k}={show(v)}" for k, v in keywords)]
            return f"{function}({', '.join(given)})"
    return "?"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("10 - 4 - 3", "((10 - 4) - 3)"),
        ("-2 ** 2", "(- (2 ** 2))"),
        ("2 ** 3 ** 2", "(2 ** (3 ** 2))"),
        ("-5", "-5"),
        ("1_000.5e1", "10005.0"),
        ("not a == b", "(not (a == b))"),
        ("a or b and c", "(a or (b and c))"),
        ("1 < x < 5", "((1 < x) and (x < 5))"),
        ("a not in b", "(a not in b)"),
        ("persona.in.job", "persona.in.job"),
        ("android < orders", "(android < orders)"),
        ("matches matches 'a\\b'", "(matches matches 'a\\\\b')"),
        ("'it\\'s\\n' + \"\\d\"", "(\"it's\\n\" + '\\\\d')"),
        ("if a then 1 else if b then 2 else 3", "(if a then 1 else (if b then 2 else 3))"),
        ("normal(52, sd=14,)", "normal(52, sd=14)"),
        ("naïve_Größe == 1", "(naïve_Größe == 1)"),
    ],
)
def test_trees(text: str, tree: str) -> None:
    assert show(parse(text)) == tree


def test_spans_take_in_brackets() -> None:
    expression = parse(" (a + b) * c")
    assert (expression.start, expression.end) == (1, 12)


SYNTAX = [
    ("age = 3", "=", "=="),
    ("age === 3", "===", "=="),
    ("age <> 3", "<>", "!="),
    ("age > 3 && vip", "&&", "and"),
    ("age > 3 || vip", "||", "or"),
    ("!vip", "!", "not"),
    ("age > 3 AND vip", "AND", "and"),
    ("NOT vip", "NOT", "not"),
    ("vip == True", "True", "true"),
    ("age ^ 2 > 3", "^", "**"),
    ("age is 3", "is", "=="),
    ("call is not null", "is not null", "call != null"),
    ("call not matches 'a'", "not matches", "not text matches"),
    ("vip ? 1 : 2", "?", "if vip then 1 else 2"),
    ("1 if vip else 2", "if", "if vip then 1 else 2"),
    ("call.upper() == 'A'", "upper", "upper(call)"),
    ("call.replace('a', 'b') == ''", "replace", "replace(call, 'a', 'b')"),
    ("(age + 3", "(", "add ')'"),
    ("[age, 3", "[", "add ']'"),
    ("age + 3)", ")", "take it out"),
    ("(age + 3]", "]", "write ')'"),
    ("call == 'abc", "'abc", "close it"),
    ("age ==", "==", "add what"),
    ("if vip then 1", "if", "else"),
    ("(if vip then 1)", "if", "else"),
    ("if vip, 1, 2", ",", "then"),
    ("age | round(1)", "|", "round(x, 1)"),
    ("{{ age }} > 3", "{{", "as they are"),
    ("[x for x in tags]", "for", "whole lists"),
    ("age between 1 and 3", "between", "low <= x <= high"),
    ("call like 'a%'", "like", "contains"),
    ("3px > 2", "px", "unit"),
    ("“a” == call", "“", "straight"),
    ("normal(sd=1, 2) > 1", "2", "before"),
    ("x = 1, 2", ",", "point"),
    ("1e999", "1e999", "1.8e308"),
]


@pytest.mark.parametrize(("text", "pointed", "remedy"), SYNTAX)
def test_syntax_faults_point_and_mend(text: str, pointed: str, remedy: str) -> None:
    _, faults = parse_expression(text)
    fault = faults[0]
    assert fault.code == "E302"
    assert text[fault.start : fault.end] == pointed
    assert remedy in fault.help + fault.message


def test_miswritten_operators_do_not_hide_other_faults() -> None:
    codes = [(code, pointed) for code, pointed, _, _ in check("outcome = 'droped' && agee > 3")]
    assert codes == [("E302", "="), ("E302", "&&"), ("E308", "'droped'"), ("E301", "agee")]


@pytest.mark.parametrize("text", ["(" * 4000 + "1" + ")" * 4000, "-" * 5000 + "x", "+".join("1" * 3000)])
def test_depth_is_bounded(text: str) -> None:
    expression, faults = parse_expression(text)
    assert expression is None and "100 deep" in faults[0].message


def test_length_is_bounded_and_long_conditions_are_not_deep() -> None:
    expression, faults = parse_expression("1" * (MAX_LENGTH + 1))
    assert expression is None and "10,000" in faults[0].message
    parse(" or ".join(["age == 1"] * 800))


FAULTS = [
    ("agee > 3", "E301", "agee", "'age'"),
    ("call == nil", "E301", "nil", "null"),
    ("age > 'x'", "E303", "age > 'x'", "number"),
    ("call + 1 == ''", "E303", "1", "text(x)"),
    ("call * 2 == 3", "E303", "call", "number(x)"),
    ("not age", "E303", "age", "compare"),
    ("outcome == 'solved' or 'dropped'", "E303", "'dropped'", "in ['a', 'b']"),
    ("vip < true", "E303", "vip", ""),
    ("day > '2024-13-01'", "E303", "'2024-13-01'", "2024-12-31"),
    ("age in 5", "E303", "5", "=="),
    ("age in ['a']", "E303", "'a'", ""),
    ("call matches summary", "E303", "summary", "'pattern'"),
    ("words(age) > 1", "E303", "age", "text(x)"),
    ("sum(tags) > 1", "E303", "tags", ""),
    ("wrds(call) > 1", "E304", "wrds", "'words'"),
    ("word_count(call) > 1", "E304", "word_count", "'words'"),
    ("call(3) > 1", "E304", "call", "without brackets"),
    ("words() > 1", "E305", "words()", "words(text)"),
    ("words(call, 3) > 1", "E305", "3", "words(text)"),
    ("round(wait, digit=3) > 1", "E305", "3", "'digits'"),
    ("normal(1, 2) > 1", "E306", "normal", "parameter"),
    ("outcome == 'droped'", "E308", "'droped'", '"dropped"'),
    ("outcome in ['solved', 'droped']", "E308", "'droped'", '"dropped"'),
    ("rating == 4", "E308", "4", "1, 2, 3"),
    ("persona.jobb == ''", "E309", "jobb", "'job'"),
    ("persona['jobb'] == ''", "E309", "'jobb'", "'job'"),
    ("day.year > 3", "E309", "year", "year(day)"),
    ("call matches 'a(b'", "E310", "(", "\\( for the sign itself"),
]


@pytest.mark.parametrize(("text", "code", "pointed", "remedy"), FAULTS)
def test_each_fault_once_in_its_place(text: str, code: str, pointed: str, remedy: str) -> None:
    found = check(text)
    assert [(c, p) for c, p, _, _ in found] == [(code, pointed)]
    assert remedy in found[0][3]


def test_random_arguments_out_of_range() -> None:
    assert check("normal(52, -1)", random=True)[0][:2] == ("E307", "-1")
    assert check("choice(['a', 'b'], [1])", random=True)[0][:2] == ("E307", "[1]")
    assert check("normal(age, 10 - 20)", random=True)[0][:2] == ("E307", "10 - 20")
    assert not check("truncated(mixture([normal(age, 2), poisson(3)]), 0, 10)", random=True)
    assert [c for c, *_ in check("truncated(5, 0, 10)", random=True)] == ["E303"]


def test_no_fault_follows_from_another() -> None:
    assert [c for c, *_ in check("words(nobody) + nowhere.x > 3 and nothing")] == ["E301", "E301", "E301"]
    assert check("gone > 3", broken=["gone"]) == []
    later = check("later > 3", known_elsewhere=lambda name: f"'{name}' is declared later")
    assert later[0][3] == "'later' is declared later"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("age + 1", "integer"), ("age / 2", "number"), ("age // 2", "integer"), ("age ** 2", "integer"),
        ("wait + age", "number"), ("round(wait)", "integer"), ("round(wait, 2)", "number"), ("-age", "integer"),
        ("day - '2024-01-31'", "integer"), ("day + 3", "date"), ("at + 0.5", "datetime"), ("at - at", "number"),
        ("if vip then 1 else 2.5", "number"), ("[1, 2.5]", "list of number"), ("tags[0]", "text"),
        ("first([1, 2])", "integer"), ("min(age, wait)", "number"), ("coalesce(age, 0)", "integer"),
        ("split(call)", "list of text"), ("persona.age", "integer"), ("call == ''", "boolean"),
        ("normal(0, 1)", "number"), ("poisson(3)", "integer"), ("integer(1, 6)", "integer"),
        ("integer('6')", "integer"), ("choice(['a', 'b'])", "text"), ("truncated(poisson(3), 0, 5)", "integer"),
        ("date('2024-01-31')", "date"), ("date('2024-01-31', '2024-12-31')", "date"),
    ],
)  # fmt: skip
def test_types(text: str, kind: str) -> None:
    found, faults = check_expression(parse(text), SCOPE, random=True)
    assert not faults and str(found) == kind


def test_types_remember_their_values() -> None:
    for text in ("if vip then 'a' else 'b'", "choice(['a', 'b'])", "coalesce('a', 'b')"):
        assert check_expression(parse(text), SCOPE, random=True)[0].values == ("a", "b")
    assert check_expression(parse("outcome"), SCOPE)[0].values == ("solved", "dropped")


ROW = {
    "age": 41, "wait": 2.5, "call": "Agent: hello there. How are you?", "summary": "A greeting", "outcome": None,
    "vip": True, "day": datetime.date(2024, 2, 28), "at": datetime.datetime(2024, 2, 28, 12), "tags": ["a", "b"],
    "persona": {"job": "cook", "age": 7},
}  # fmt: skip
VALUES = [
    ("words(summary) < words(call)", True), ("words('a - b, 3 !')", 3), ("sentences(call)", 2), ("7 // 2", 3),
    ("sentences('One… Two! \"Three.\" four')", 4), ("age / 0", None), ("age % 0", None), ("-7 // 2", -4),
    ("missing(age / 0)", True), ("outcome == 'a' or outcome != 'a'", False), ("not (outcome == 'a')", True),
    ("coalesce(outcome, 'none')", "none"), ("upper(outcome)", None), ("contains(outcome, 'a')", False),
    ("9223372036854775807 + 1", 2.0**63), ("10 ** 400", None), ("2 ** 0.5", 2**0.5), ("(-8) ** 0.5", None),
    ("round(2.5)", 2), ("round(2.675, 2)", 2.67), ("day + 2", datetime.date(2024, 3, 1)), ("day - '2024-02-01'", 27),
    ("day >= '2024-02-28' and day < '2024-02-29'", True), ("at > day", True), ("day in ['2024-02-28']", True),
    ("at - day", 0.5), ("tags[5]", None), ("tags[-1]", "b"), ("persona.job", "cook"), ("persona['age']", 7),
    ("'b' in tags", True), ("'hello' in call", True), ("call matches '^Agent:'", True), ("text(3.0) + 'x'", "3x"),
    ("fixed(wait, 2)", "2.50"), ("number('abc')", None), ("number(' 3.5 ')", 3.5), ("integer('7')", 7),
    ("title(\"don't stop\")", "Don't Stop"), ("join(tags, '-')", "a-b"), ("len(tags) + len(persona)", 4),
    ("count(call, 'e')", 5), ("count(tags, 'a')", 1), ("similarity('a b', 'B c')", 1 / 3), ("mean([])", None),
    ("max(1, 2.5, 2)", 2.5), ("min([3, 1, 2])", 1), ("clip(age, 0, 40)", 40), ("weekday(day)", 3),
    ("days_between('2024-01-01', day)", 58), ("if vip then 'y' else 'n'", "y"), ("1 < age < 50", True),
    ("distinct([1, 1.0, 2])", [1, 2]), ("date('2024-02-30')", None), ("datetime('2024-02-28T12:00:00') == at", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values_of_a_row_and_of_a_column(text: str, value: Any) -> None:
    expression = parse(text)
    result = compile_row(expression)(ROW)
    assert result == value and type(result) is type(value)
    columns = {name: np.fromiter([v], dtype=object, count=1) for name, v in ROW.items()}
    column = evaluate(expression, columns, 1)
    assert column.shape == (1,)
    assert compile_row(parse("missing(v)"))({"v": column.tolist()[0]}) if value is None else column.tolist() == [value]


def test_names_and_random_calls() -> None:
    expression = parse("normal(uniform(a, 1), b) + truncated(gamma(2, 3), 0, c)")
    assert names_of(expression) == {"a", "b", "c"}
    assert [(c.ordinal, c.function) for c in random_calls(expression)] == [
        (0, "normal"), (1, "uniform"), (2, "truncated"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="random"):
        compile_row(expression)


def test_nothing_heavy_is_loaded_to_check() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from synthspec.languages.expressions import parse_expression, check_expression; "
        "check_expression(parse_expression('normal(1, -2) matches 3')[0], {}, random=True); "
        "print([m for m in ('numpy', 'scipy', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_chain_of_doublings_does_not_exhaust_the_machine() -> None:
    text = "'aaaaaaaa'"
    for _ in range(60):
        text = f"replace({text}, 'a', 'aa')"
    assert compile_row(parse(text))({}) is None


def test_the_documentation_lists_every_function() -> None:
    page = (Path(__file__).parent.parent / "docs" / "expressions.md").read_text(encoding="utf-8")
    assert describe_functions() in page
    assert all(f.summary for f in FUNCTIONS.values())


WORDS = (
    "if then else or and not in matches true false null none nil is nan undefined x été _ a1 _2 ſ İf ﬁ nOT oR".split()
)


@pytest.mark.parametrize("word", [*WORDS, *(w.upper() for w in WORDS), *(w.capitalize() for w in WORDS)])
def test_a_lone_name_is_what_the_grammar_makes_of_it(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quickly = parser.parse_expression.__wrapped__(word)
    monkeypatch.setattr(parser, "_NAME", re.compile("(?!)"))
    assert quickly == parser.parse_expression.__wrapped__(word)
