"""Cleaning: what each step does, that none is slower than its text is long, and numbers rounded."""

from __future__ import annotations

import math
import random
import re
import time
import unicodedata
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from depth import one_in, quarter
from hypothesis import given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.generation.validation.cleaning import (
    STEPS,
    collapse_lines,
    compile_cleaning,
    nfc,
    nfkc,
    round_numbers,
    space_punctuation,
)
from synthspec.spec import Clean

RUNS = [" ", "\n", " \t", "\n ", "\u0301\u0316", "\u0f73\u0316", "*", "*a", "_", "`", "# ", '"', " ,", ". ", "** ", "\u200d", "ﬁ"]  # fmt: skip


def seconds(step: Any, text: str) -> float:
    start = time.process_time()
    step(text)
    return time.process_time() - start


@pytest.mark.parametrize("name", one_in(3, STEPS))
def test_every_step_is_linear(name: str) -> None:
    """128 KB take milliseconds of CPU; a quadratic step takes a minute or more on the first of these runs."""
    for run in RUNS:
        assert seconds(STEPS[name], f"{run * (128_000 // len(run))}x") < 6, run


TEXT = st.text(st.sampled_from(" \t\r\n\v\u00a0,.;:!?ab1\u0301\u0316\u0f73é한ﬁ"), max_size=60)


@settings(max_examples=quarter(300), deadline=None)
@given(TEXT)
def test_steps_mean_what_they_meant(text: str) -> None:
    assert collapse_lines(text) == re.sub(r"\s*[\r\n]+\s*", " ", text)
    spaced = re.sub(r"[ \t]+([,.;:!?])(?!\w)", r"\1", text)
    assert space_punctuation(text) == re.sub(r"([,;])(?=[^\W\d])", r"\1 ", spaced)


def test_long_runs_of_marks_are_normalized_as_unicode_says() -> None:
    dice = random.Random(5)
    marks = "\u0301\u0316\u0327\u0f73\u0344\u0345\u093c\u3099가\u1161x"
    for _ in range(300):
        text = "e" + "".join(dice.choices(marks, k=dice.randrange(1, 120)))
        assert nfc(text) == unicodedata.normalize("NFC", text)
        assert nfkc(text) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        (2.675, 2, 2.68), (-2.675, 2, -2.68), (1.005, 2, 1.01), (0.1 + 0.2, 2, 0.3), (4.5, 0, 5), (3, 2, 3),
        (-0.001, 2, 0.0), (True, 2, True), ("2.675", 2, "2.675"), (1e300, 2, 1e300), (math.inf, 2, math.inf),
        ([1.234, {"x": 5.678}], 1, [1.2, {"x": 5.7}]), (None, 2, None),
    ],
)  # fmt: skip
def test_numbers_are_rounded(value: Any, digits: int, rounded: Any) -> None:
    found = round_numbers(value, digits)
    assert found == rounded and type(found) is type(rounded)
    assert math.copysign(1, found) == 1 if found == 0 and isinstance(found, float) else True


@settings(max_examples=quarter(300), deadline=None)
@given(st.floats(-1e9, 1e9), st.integers(0, 12))
def test_rounding_is_near_and_done_once(value: float, digits: int) -> None:
    once = round_numbers(value, digits)
    assert round_numbers(once, digits) == once
    assert abs(once - value) <= 0.5 * 10**-digits + abs(value) * 1e-15


def test_steps_change_their_own_kind_alone() -> None:
    clean = compile_cleaning((Clean("strip"), Clean("round", digits=1)))
    assert clean is not None
    assert [clean(v) for v in (" a ", 1.25, [1.25, " a "], None)] == ["a", 1.3, [1.3, " a "], None]
    assert compile_cleaning(()) is None


def spec(tmp_path: Path, field: str) -> Path:
    path = tmp_path / "spec.yaml"
    text = f"synthspec: 1\nname: n\nrows: 3\nparameters:\n  x: 2.345\nfields:\n  y: {field}\n"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def test_a_computed_field_is_cleaned_too(tmp_path: Path) -> None:
    path = spec(tmp_path, "{type: number, value: x, clean: [{round: 2}]}")
    assert list(synthspec.build(path, out=tmp_path / "out").frame["y"]) == [2.35] * 3


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("{type: string, value: 'text(x)', clean: [{round: 2}]}", "'round' says nothing about a field of type string"),
        ("{type: number, value: x, clean: [strip]}", "this step changes texts"),
        ("{type: number, value: x, clean: [{round: 13}]}", "at most 12"),
        ("{type: number, value: x, clean: [{round: 2.5}]}", "round"),
    ],
)
def test_steps_for_another_type_are_faults(tmp_path: Path, field: str, said: str) -> None:
    faults = synthspec.check(spec(tmp_path, field))
    assert len(faults) == 1 and said in faults[0].message
