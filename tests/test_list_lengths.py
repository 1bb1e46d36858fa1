"""What is known of the lengths of lists holds in every row, and what is said to be null for it always is."""

from __future__ import annotations

from typing import Any

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.languages.expressions import check_expression, compile_row, parse_expression
from synthspec.languages.expressions.types import INTEGER, Type
from synthspec.languages.templates.checker import check_template

LENGTHS = {"none": (0, 0), "one": (1, 1), "two": (2, 2), "three": (3, 3), "few": (1, 3), "some": (2, None), "any": None}
SCOPE = {name: Type("list", item=INTEGER, length=length) for name, length in LENGTHS.items()} | {
    "b": Type("boolean"),
    "k": Type("integer", values=(0, 1, 2)),
}
ITEMS = st.one_of(st.none(), st.integers(-3, 3))


@st.composite
def rows(draw: Any) -> dict[str, Any]:
    """Lists as long as they may be, and nulls in them."""
    found: dict[str, Any] = {"b": draw(st.booleans())}
    for name, length in LENGTHS.items():
        least, most = length or (0, None)
        found[name] = draw(st.lists(ITEMS, min_size=least, max_size=least + 2 if most is None else most))
    return found


LEAVES = st.sampled_from([*LENGTHS, "[]", "[1]", "[1, null]", "[3, 1, 2, 1]", "[[1], [2, 3]][1]"])
LISTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda a: f"sorted({a})"),
        inner.map(lambda a: f"distinct({a})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} + {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"rank({p[0]}, {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"zip({{a: {p[0]}, c: {p[1]}}})"),
        st.tuples(inner, inner).map(lambda p: f"(if b then {p[0]} else {p[1]})"),
    ),
    max_leaves=4,
)


def checked(text: str) -> tuple[Any, Type, list[str]]:
    expression, faults = parse_expression(text)
    assert expression is not None and not faults, (text, faults)
    kind, found = check_expression(expression, SCOPE)
    return expression, kind, [f.code for f in found]


@settings(max_examples=quarter(300), deadline=None)
@given(LISTS, st.lists(rows(), min_size=1, max_size=3))
def test_a_list_is_as_long_as_its_type_says(text: str, drawn: list[dict[str, Any]]) -> None:
    expression, kind, _ = checked(text)
    for row in drawn:
        value = compile_row(expression)(row)
        if value is not None and kind.length is not None:
            least, most = kind.length
            assert least <= len(value) and (most is None or len(value) <= most), (text, kind.length, value)


FORMS = ("{0}[{2}]", "best({0}, {1})", "rank({0}, {1})", "zip({{a: {0}, c: {1}}})", "first({0})", "last({0})",
         "majority({0})", "argmax({0})", "mean({0})", "min({0})", "max({0})")  # fmt: skip


@settings(max_examples=quarter(400), deadline=None)
@given(st.sampled_from(FORMS), LEAVES, LEAVES, st.integers(-6, 6), rows())
def test_what_is_reported_is_always_null(form: str, one: str, two: str, place: int, row: dict[str, Any]) -> None:
    text = form.format(one, two, place)
    expression, _, codes = checked(text)
    if set(codes) & {"E497", "E498"}:
        assert compile_row(expression)(row) is None, text


@pytest.mark.parametrize("size", range(4))
@pytest.mark.parametrize("place", range(-5, 6))
def test_an_index_is_reported_where_there_is_no_item(size: int, place: int) -> None:
    listed = list(range(size))
    there = -size <= place < size
    assert (checked(f"{listed}[{place}]")[2] == []) == there
    scope = {"listed": Type("list", item=INTEGER, length=(size, size))}
    faults = check_template(f"{{{{ listed[{place}] }}}}", scope)[1]
    assert [f.code for f in faults] == ([] if there else ["E497"])


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("best(two, three)", ["E498"]), ("best(two, few)", []), ("rank(one, some)", ["E498"]), ("best(two, any)", []),
        ("two[argmax(three)]", ["E498"]), ("few[argmax(three)]", []), ("zip({a: two, c: three})[0].a", ["E498"]),
        ("zip({a: two, c: 3})", ["E303"]), ("zip({})", ["E303"]), ("zip({a: two, c: any})[2]", ["E497"]),
        ("rank(three, three)[3]", ["E497"]), ("(two + three)[5]", ["E497"]), ("(two + three)[4]", []),
        ("(if b then two else three)[2]", []), ("(if b then two else three)[3]", ["E497"]), ("first(none)", ["E497"]),
        ("first(rank(none, none))", ["E497"]), ("len(none)", []), ("min(none)", ["E497"]), ("min(1, 2)", []),
        ("two[len(three)]", []), ("two[k]", ["E497"]), ("three[k]", []),
        ("if k < 2 then two[k] else 0", []), ("any[k]", []), ("few[k + 1]", []), ("zip(two, three)", ["E305"]), ("zip(two)", ["E303"]), ("best(two, none)", ["E498"]), ("any[99]", []),
    ],
)  # fmt: skip
def test_lengths_that_are_known(text: str, codes: list[str]) -> None:
    assert checked(text)[2] == codes


@settings(max_examples=quarter(200), deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), st.lists(ITEMS, max_size=3), max_size=4))
def test_zip_lays_lists_side_by_side(lists: dict[str, list[Any]]) -> None:
    expression, _ = parse_expression("zip(lists)")
    assert expression is not None
    found = compile_row(expression)({"lists": lists})
    if not lists or len({len(items) for items in lists.values()}) > 1:
        assert found is None
        return
    assert {name: [entry[name] for entry in found] for name in lists} == {
        n: i if found else [] for n, i in lists.items()
    }
    assert all(list(entry) == list(lists) for entry in found)


def test_the_items_of_zip_have_the_types_of_their_lists() -> None:
    scope = {"names": Type("list", item=Type("text"), length=(2, 2)), "pay": Type("list", item=INTEGER)}
    expression, _ = parse_expression("zip({name: names, pay: pay})")
    assert expression is not None
    kind, faults = check_expression(expression, scope)
    assert not faults and kind.length == (2, 2) and kind.item is not None
    assert dict(kind.item.members or ()) == {"name": Type("text"), "pay": INTEGER}
