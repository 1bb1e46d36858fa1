"""What a format writes it reads; noise loses rows at worst, and never makes one up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from depth import one_in
from format_fields import CODE, DAY, LABEL, PRICE, RATING, REVIEW, TITLE, VERIFIED, make_field, make_shape
from format_noise import (
    CSV_NOISE,
    JSON_NOISE,
    Noise,
    Row,
    cut_off,
    loose_quotes,
    markdown,
    run_together,
    truncated,
    unquoted,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.formats import Shape
from synthspec.formats.recovery.envelopes import WITHOUT_WIDTH
from synthspec.formats.recovery.remarks import is_filler
from synthspec.plugins import find_plugin

WORDS = "the a good works well I've never it's cheap strong tea 3 days of use but not for me really".split()


@st.composite
def prose(draw: st.DrawFn) -> str:
    """Ordinary sentences: commas, apostrophes, a quotation now and then."""
    sentences = []
    for _ in range(draw(st.integers(1, 3))):
        words = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=8))
        marks = draw(st.sampled_from(["", "", ", ", ' "yes" ']))
        sentences.append(words[0].capitalize() + (marks or " ") + " ".join(words[1:]))
    return ". ".join(sentences) + draw(st.sampled_from([".", "!", "?"]))


WILD = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\r" + WITHOUT_WIDTH),
        st.sampled_from(" \",|;\n\t'`*[]#:{}"),
    ),
    max_size=30,
).filter(lambda text: not is_filler(text, several=True))  # a row of nothing but `NULL` or `…` is lost, as it should be


def values(field: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    schema = field.schema
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "integer":
            return st.integers(schema.get("minimum", -1000), schema.get("maximum", 1000))
        case "number":
            return st.floats(0, 1e6).map(lambda x: round(x, 2))
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(text, max_size=3)
    if schema.get("format") == "date":
        return st.dates().map(str)
    return st.from_regex(schema["pattern"], fullmatch=True) if "pattern" in schema else text


def rows_of(shape: Shape, text: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[list[Row]]:
    row = st.fixed_dictionaries({f.name: values(f, text) for f in shape.fields})
    return st.lists(row, min_size=min(least, shape.rows), max_size=shape.rows)


MIXED = make_shape(RATING, TITLE, CODE, PRICE, REVIEW, VERIFIED, DAY, rows=6)
TEXTS = make_shape(TITLE, REVIEW, rows=5)
LABELLED = make_shape(TITLE, REVIEW, LABEL, rows=5)
TAGGED = make_shape(TITLE, make_field("tags", "list", items={"type": "string"}), RATING, rows=4)
ONE = make_shape(TITLE, RATING)
MANY = pytest.param(200, marks=pytest.mark.slow)
SHAPES = {"mixed": MIXED, "texts": TEXTS, "labelled": LABELLED, "tagged": TAGGED, "one": ONE}


@pytest.mark.parametrize("examples", [12, MANY])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_written_rows_are_read(form: str, name: str, examples: int) -> None:
    @settings(max_examples=examples)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        shape = SHAPES[name]
        rows = data.draw(rows_of(shape, WILD))
        module = find_plugin("formats", form)
        parsed = module.parse(module.write(rows, shape), shape)
        assert list(parsed.rows) == rows
        assert parsed.rejections == ()

    check()


@pytest.mark.parametrize("examples", [100, MANY])
def test_written_text_is_read(examples: int) -> None:
    @settings(max_examples=examples)
    @given(WILD)
    def check(value: str) -> None:
        shape = make_shape(TITLE)
        module = find_plugin("formats", "text")
        parsed = module.parse(module.write([{"title": value}], shape), shape)
        assert [r["title"] for r in parsed.rows] == ([value] if value else []) or parsed.rows[0]["title"] == value

    check()


def unmarked(names: Sequence[str]) -> Callable[[str], bool]:
    """Whether a text has no line that a marker of these names could be, so that it can be told apart."""
    found = re.compile("|".join(names), re.IGNORECASE)
    return lambda text: not found.search(text) and "---" not in text and text.strip() == text and text != ""


@pytest.mark.parametrize("examples", [12, MANY])
def test_written_sections_are_read(examples: int) -> None:
    @settings(max_examples=examples)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        rows = data.draw(rows_of(MIXED, st.one_of(prose(), WILD).filter(unmarked(MIXED.names))))
        module = find_plugin("formats", "sections")
        assert list(module.parse(module.write(rows, MIXED), MIXED).rows) == rows

    check()


@pytest.mark.parametrize("examples", [12, MANY])
def test_written_pairs_are_read(examples: int) -> None:
    @settings(max_examples=examples)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        text = st.one_of(prose(), WILD).filter(unmarked(["q", "a"]))
        rows = data.draw(rows_of(TEXTS, text))
        module = find_plugin("formats", "pairs")
        assert list(module.parse(module.write(rows, TEXTS), TEXTS).rows) == rows

    check()


# Noise

LOSES_LAST = (cut_off, truncated)
ONE_LINE = (unquoted, markdown)  # cannot hold a line break in a value
NOISE = [("csv", n) for n in CSV_NOISE] + [("json", n) for n in JSON_NOISE]
SOME_NOISE = one_in(5, [pytest.param(form, n, id=f"{form}-{n.__name__}") for form, n in NOISE])


def lossless(noise: Noise) -> Shape:
    """The shape whose rows this noise leaves certain."""
    if noise is unquoted:
        return make_shape(RATING, TITLE, CODE, VERIFIED, DAY, rows=5)
    return LABELLED if noise in (run_together, loose_quotes) else MIXED


@pytest.mark.parametrize("examples", [6, MANY])
@pytest.mark.parametrize(("form", "noise"), SOME_NOISE)
def test_noise_loses_no_row_of_prose(form: str, noise: Noise, examples: int) -> None:
    @settings(max_examples=examples)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        shape = lossless(noise)
        rows = data.draw(rows_of(shape, prose(), least=2))
        reply = noise(rows, shape, random.Random(data.draw(st.integers(0, 99))))
        parsed = find_plugin("formats", form).parse(reply, shape)
        wanted = rows[:-1] if noise in LOSES_LAST else rows
        assert list(parsed.rows)[: len(wanted)] == wanted
        assert len(parsed.rows) == len(wanted) or noise in LOSES_LAST

    check()


@pytest.mark.parametrize("examples", [8, MANY])
@pytest.mark.parametrize(("form", "noise"), SOME_NOISE)
def test_noise_never_makes_up_a_row(form: str, noise: Noise, examples: int) -> None:
    @settings(max_examples=examples)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        shape = SHAPES[data.draw(st.sampled_from(["mixed", "labelled"]))]
        text = st.one_of(WILD, prose()).map(str.strip)
        text = text.map(lambda t: t.replace("\n", " ")) if noise in ONE_LINE else text
        rows = data.draw(rows_of(shape, text, least=2))
        reply = noise(rows, shape, random.Random(data.draw(st.integers(0, 99))))
        found = list(find_plugin("formats", form).parse(reply, shape).rows)
        if noise in LOSES_LAST and found and found[-1] not in rows:
            found.pop()  # cut inside its last value: not to be known from the text
        remaining = iter(rows)
        assert all(any(row == other for other in remaining) for row in found)

    check()
