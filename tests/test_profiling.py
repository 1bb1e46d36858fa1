"""What is learnt from a sample: labels, distributions, codes, dates, people's data and how columns hang together."""

from __future__ import annotations

import random
import re
from datetime import date
from typing import Any

import numpy as np
import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_tables import card, column, orders, people, weighted

from synthspec.languages.expressions.random.quantiles import quantile
from synthspec.profiling.calendar import read_dates
from synthspec.profiling.columns.fitting import fit
from synthspec.profiling.columns.identifiers import induce_pattern
from synthspec.profiling.columns.personal import personal_kind, tells_of_people
from synthspec.profiling.columns.profile import (
    Codes,
    Counter,
    Empty,
    Labels,
    Moments,
    Numbers,
    OneValue,
    People,
    SampledTexts,
    Texts,
    Uuids,
)
from synthspec.profiling.naming import HeaderNames
from synthspec.profiling.profile import Profile, profile_sample
from synthspec.profiling.sample import SampleFault, sample_of
from synthspec.sources import MemoryTable


def profiled(**columns: Any) -> Profile:
    return profile_sample(sample_of(MemoryTable(columns), "sample.csv"))


def kind_of(values: list[Any], header: str = "x") -> Any:
    return profiled(**{header: values}).columns[0].kind


KNOWN = [  # a distribution, its arguments, which families are as good, how values are written
    ("normal", (50, 10), {"normal", "student_t", "beta"}, 1),
    ("lognormal", (3, 0.6), {"lognormal"}, 2),
    ("exponential", (10,), {"exponential", "gamma", "weibull"}, 2),
    ("gamma", (2, 8), {"gamma", "weibull"}, 2),
    ("weibull", (3.5, 20), {"weibull", "normal", "beta", "gamma"}, 2),
    ("uniform", (2, 9), {"uniform"}, 2),
    ("pareto", (2.5, 3), {"pareto"}, 2),
    ("poisson", (4,), {"poisson", "binomial", "negative_binomial"}, 0),
    ("negative_binomial", (2, 0.1), {"negative_binomial", "gamma", "weibull", "exponential"}, 0),
    ("integer", (1, 90), {"integer"}, 0),
    ("student_t", (3, 5, 2), {"student_t"}, 2),
]


@pytest.mark.parametrize(("name", "arguments", "good", "decimals"), KNOWN, ids=[k[0] for k in KNOWN])
def test_the_distribution_that_made_numbers_is_found(
    name: str, arguments: tuple[float, ...], good: set[str], decimals: int
) -> None:
    dice = np.random.Generator(np.random.PCG64(len(name)))
    values = np.round(quantile(name, dice.random(900), *arguments), decimals)
    found = fit(values, 10.0**-decimals, whole=decimals == 0)
    assert found.family in good
    assert found.distance < 0.05


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_numbers_of_no_distribution_are_drawn_in_pieces(share: float) -> None:
    """Two heaps, and many zeros: what is written draws the same shares."""
    dice = np.random.Generator(np.random.PCG64(5))
    values = np.concatenate([dice.normal(10, 1, 300), dice.normal(60, 4, 300), np.zeros(int(600 * share))]).round(1)
    found = fit(values, 0.1, whole=False)
    assert found.family == "pieces"
    assert found.distance < 0.05
    assert found.nearest is not None
    assert found.nearest[1] > 0.05
    assert len(found.call) < 700


@settings(max_examples=quarter(40), deadline=None)
@given(
    st.lists(
        st.one_of(st.integers(-50, 50), st.floats(-1e6, 1e6, allow_nan=False), st.sampled_from([0, 1e-9, 1e12])),
        min_size=5,
        max_size=60,
    ).filter(lambda v: len(set(v)) > 3)
)
def test_any_numbers_have_a_fit(values: list[float]) -> None:
    kind = kind_of(list(values))
    if isinstance(kind, Numbers):
        assert 0 <= kind.fit.distance <= 1
        assert kind.low == min(values)


CODES = {
    r"[A-Z]{2}-\d{4}": lambda d: f"{chr(65 + d.randrange(26))}{chr(65 + d.randrange(26))}-{d.randrange(10000):04d}",
    r"INV/20(23|24)/\d{5}": lambda d: f"INV/{d.choice([2023, 2024])}/{d.randrange(100000):05d}",
    r"[0-9a-f]{12}": lambda d: f"{d.randrange(16**12):012x}",
    r"(SKU|REF)_\d{6}": lambda d: f"{d.choice(['SKU', 'REF'])}_{d.randrange(10**6):06d}",
    r"\d{3}\.\d{3}": lambda d: f"{d.randrange(1000):03d}.{d.randrange(1000):03d}",
}


@pytest.mark.parametrize("form", CODES)
def test_codes_are_told_by_their_pattern(form: str) -> None:
    codes = column(CODES[form], 300, seed=3)
    found = induce_pattern(codes)
    assert found is not None
    assert all(re.fullmatch(found.regex, c) for c in codes)
    more = column(CODES[form], 300, seed=4)
    assert sum(re.fullmatch(found.regex, c) is not None for c in more) > 290, "the pattern is too narrow"
    assert not any(re.fullmatch(found.regex, c) for c in ("", "a b c", "zzzzzzzzzzzzzzzzzzz", "?")), "or too wide"
    dice = np.random.Generator(np.random.PCG64(1))
    from synthspec.languages.patterns import parse_pattern

    assert all(re.fullmatch(form, t) for t in parse_pattern(found.regex).generate_many(dice.random(50)))


@settings(max_examples=quarter(60), deadline=None)
@given(st.lists(st.text("aB9-_./ xyz", min_size=1, max_size=12), min_size=3, max_size=40, unique=True))
def test_a_pattern_matches_every_code_or_there_is_none(codes: list[str]) -> None:
    found = induce_pattern(codes)
    assert found is None or all(re.fullmatch(found.regex, c) for c in codes)


def test_words_are_no_codes() -> None:
    words = "apple pear quince medlar plum cherry damson grape melon olive lemon orange papaya mango".split()
    assert induce_pattern(words) is None


def test_the_kinds_of_an_orders_table() -> None:
    found = {c.name: c.kind for c in profiled(**orders()).columns}
    kinds = {name: type(kind).__name__ for name, kind in found.items()}
    assert kinds == {
        "order": "Counter", "code": "Codes", "city": "Labels", "country": "Labels", "tier": "Labels", "amount": "Numbers",
        "units": "Labels", "day": "Moments", "source": "OneValue", "note": "OneValue",
    }  # fmt: skip
    assert found["order"] == Counter(1000, 1)
    assert found["source"] == OneValue("shop")
    assert isinstance(found["day"], Moments)
    assert found["day"].fit.family == "integer"


def test_labels_keep_their_weights() -> None:
    values = column(weighted({"a": 6, "b": 3, "c": 1}), 500, seed=1)
    kind = kind_of(values)
    assert kind == Labels(("a", "b", "c"), tuple(values.count(v) for v in "abc"), False)
    assert kind_of([1, 2, 2, 3] * 10) == Labels((1, 2, 3), (10, 20, 10), True)
    assert kind_of([True, False, True] * 5) == Labels((True, False), (10, 5), False)


def test_dependencies_are_found() -> None:
    relations = profiled(**orders()).relations
    assert [(d.parent, d.child, d.exact) for d in relations.depends] == [("city", "country", True)]
    assert [(b.parent, b.child) for b in relations.by_label] == [("tier", "amount")]
    assert not relations.correlated


def test_labels_that_go_together_are_tied_and_others_are_not() -> None:
    dice = random.Random(2)
    mood = column(weighted({"glad": 1, "cross": 1}), 600, seed=8)
    stars = [dice.choices([1, 3, 5], [1, 2, 7] if m == "glad" else [7, 2, 1])[0] for m in mood]
    other = column(weighted({"x": 1, "y": 2}), 600, seed=9)
    relations = profiled(mood=mood, stars=stars, other=other).relations
    assert [(d.parent, d.child, d.exact) for d in relations.depends] == [("mood", "stars", False)]


def test_rank_correlations_are_measured() -> None:
    dice = np.random.Generator(np.random.PCG64(3))
    x = dice.normal(0, 1, 500)
    columns = {
        "x": x.round(2),
        "y": np.exp(x + dice.normal(0, 0.5, 500)).round(2),
        "z": dice.normal(0, 1, 500).round(2),
    }
    (found,) = profiled(**{k: v.tolist() for k, v in columns.items()}).relations.correlated
    assert (found.first, found.second) == ("x", "y")
    assert found.rank == pytest.approx(0.88, abs=0.05)


def test_data_about_people_is_told() -> None:
    found = {c.name: c.kind for c in profiled(**people()).columns}
    providers = {n: k.personal.kind.provider for n, k in found.items() if isinstance(k, People)}
    assert providers == {"name": "name", "email": "email", "phone": "phone_number", "card": "credit_card_number",
                         "ip": "ipv4"}  # fmt: skip
    assert isinstance(found["mood"], Labels)
    assert isinstance(found["comment"], Texts)
    assert found["comment"].telling == 20
    assert found["comment"].language == "en"


THINGS = {
    "product_name": ["Desk Lamp", "Garden Hose", "Paper Clip", "Coffee Mug"] * 5,
    "name": ["buick skylark 320", "plymouth satellite", "ford torino", "amc rebel sst"] * 5,
    "version": ["1.2.3", "1.10.0", "2.0.1", "3.4.5"] * 5,
    "score": [12.5, 13.25, 11.0, 10.75] * 5,
    "date": ["2024-01-31", "2024-02-28", "2023-05-05", "2022-12-12"] * 5,
    "city": ["Rome", "Paris", "Lyon", "Porto"] * 5,
    "big": [4111111111, 5111111112, 6111111113, 7111111119] * 5,
}


@pytest.mark.parametrize("header", THINGS)
def test_things_are_not_people(header: str) -> None:
    assert personal_kind(header, THINGS[header]) is None


@pytest.mark.parametrize(
    ("header", "value", "provider"),
    [
        ("nif", "12345678Z", "ssn"), ("x", "123-45-6789", "ssn"), ("account", "GB82 WEST 1234 5698 7654 32", "iban"),
        ("host", "2001:db8::1", "ipv4"), ("customerEmail", "a.b@c.test", "email"), ("Surname", "O'Neill", "last_name"),
        ("First Name", "Zoë", "first_name"), ("home", "12 Mill Street", "street_address"), ("login", "rk_92", "user_name"),
        ("n", card(random.Random(1)), "credit_card_number"),
    ],
)  # fmt: skip
def test_one_value_of_each_kind(header: str, value: str, provider: str) -> None:
    found = personal_kind(header, [value] * 4)
    assert found is not None
    assert found.kind.provider == provider
    assert re.fullmatch(r"[\x20-\x7e]+", found.kind.pattern)


@pytest.mark.parametrize("text", ["write to a.b@c.test today", "call +34 611 222 333", "card 4111 1111 1111 1111."])
def test_texts_that_tell_of_people(text: str) -> None:
    assert tells_of_people(text)
    assert not tells_of_people("we sold 1200 of them in 2024, at 12.50 each")


@pytest.mark.parametrize(
    ("texts", "first", "said"),
    [
        (["31/01/2024", "01/02/2024"], date(2024, 1, 31), "DD/MM/YYYY"),
        (["01/31/2024", "02/01/2024"], date(2024, 1, 31), "MM/DD/YYYY"),
        (["03/04/2024", "05/06/2024"], date(2024, 4, 3), "no day is above 12"),
        (["31.01.24"] * 2, None, ""),
        (["5 Mar 2020", "12 Dec 2021"], date(2020, 3, 5), "DD Mon YYYY"),
        (["2024-13-01", "2024-01-01"], None, ""),
        (["12", "13"], None, ""),
    ],
)
def test_dates_as_people_write_them(texts: list[str], first: date | None, said: str) -> None:
    found = read_dates(texts)
    assert (found is None) == (first is None)
    if found is not None:
        assert found.values[0] == first
        assert said in found.note


def test_missing_values_and_empty_columns() -> None:
    profile = profiled(a=[1, None, 3, 4, 9, 22] * 10, b=[None] * 60, c=["NA", "1.5", "2.5", "", "9.25", "3"] * 10)
    kinds = {c.name: (type(c.kind), round(c.missing, 2)) for c in profile.columns}
    assert kinds == {"a": (Labels, 0.17), "b": (Empty, 1), "c": (Labels, 0.33)}
    assert profile.relations.together == ()


def test_columns_missing_together() -> None:
    gone = [i % 4 == 0 for i in range(80)]
    some = [None if g else i for i, g in enumerate(gone)]
    assert profiled(a=some, b=some, c=list(range(80))).relations.together == (("a", "b"),)


def test_repeated_rows_are_counted() -> None:
    dice = random.Random(1)
    texts = [
        " ".join(dice.choice("aeiou") + dice.choice("bdkst") * 2 + dice.choice("xyz") for _ in range(15))
        for _ in range(30)
    ]
    repeats = profiled(t=[*texts, *texts[:5], texts[0] + " again"], n=[*range(30), *range(5), 0]).relations.repeats
    assert (repeats.exact, repeats.near, repeats.text) == (5, 1, "t")


def test_uuids_lists_objects_and_mixed_values() -> None:
    import uuid

    kinds = {c.name: type(c.kind) for c in profiled(
        u=[str(uuid.UUID(int=i * 7919)) for i in range(30)],
        tags=[["a", "b"], ["a"], []] * 10,
        place=[{"town": t, "pop": i} for i, t in enumerate(["Rome", "Lyon", "Rome"] * 10)],
        mixed=[1, "two", 3.5] * 10,
    ).columns}  # fmt: skip
    assert kinds == {"u": Uuids, "tags": SampledTexts, "place_town": Labels, "place_pop": Counter, "mixed": Labels}


def test_names_are_taken_once_and_are_names() -> None:
    names = HeaderNames()
    given = [names.give(h) for h in ("", "a", "A", "a b", "a_b", "1st", "and", "日本", "€", "x" * 300, "row")]
    assert len({g.casefold() for g in given}) == len(given)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", g) for g in given)


@pytest.mark.parametrize("columns", [{}, {"a": []}, {"a": [None, None]}])
def test_nothing_to_learn_from(columns: dict[str, list[Any]]) -> None:
    with pytest.raises(SampleFault):
        profiled(**columns)


def test_one_row_is_a_sample() -> None:
    assert {type(c.kind) for c in profiled(a=[1], b=["x"], c=[None], d=[2.5]).columns} == {OneValue, Empty}


def test_codes_that_repeat_are_drawn_from_the_sample() -> None:
    dice = random.Random(3)
    some = [f"P-{dice.randrange(10**6):06d}" for _ in range(60)]
    kind = kind_of([dice.choice(some) for _ in range(400)])
    assert isinstance(kind, SampledTexts | Codes)


def test_a_number_that_rises_with_a_count_is_correlated_with_it() -> None:
    """Not drawn by it: that would lose what it has to do with other numbers."""
    dice = np.random.Generator(np.random.PCG64(9))
    size = dice.choice([1, 2, 3, 4], 500, p=[0.2, 0.5, 0.2, 0.1])
    bill = np.exp(2 + 0.3 * size + dice.normal(0, 0.2, 500)).round(2)
    relations = profiled(
        size=size.tolist(), bill=bill.tolist(), tip=(bill * dice.uniform(0.1, 0.2, 500)).round(2).tolist()
    ).relations
    assert not relations.by_label
    assert [(c.first, c.second) for c in relations.correlated] == [("size", "bill"), ("size", "tip"), ("bill", "tip")]


def test_no_piece_is_one_row_of_the_sample() -> None:
    dice = np.random.Generator(np.random.PCG64(2))
    values = np.concatenate([dice.normal(0, 1, 40), dice.normal(50, 1, 40), [400.25, 900.75]]).round(2)
    found = fit(values, 0.01, whole=False)
    assert found.family == "pieces"
    assert min(map(int, found.call.split("], [")[1].rstrip("])").split(", "))) >= 5
