"""`new --from` of conversations, and of codes: what is proposed builds, and keeps what was seen."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from test_new_from import built, spec_of

from synthspec.profiling.columns.identifiers import counted, induce_pattern
from synthspec.profiling.columns.talks import talks_of

ASKED = [
    "My meter shows a fault since Monday and nobody has called me back.",
    "When will the refund arrive on my account?",
]
TOLD = [
    "I am sorry to hear that. Please tell me the number of your contract.",
    "It will arrive within five working days.",
]


def talk(draw: random.Random, form: tuple[str, str, str, str], system: bool) -> list[dict[str, str]]:
    role, content, user, assistant = form
    found = [{role: "system", content: "You are an agent."}] if system else []
    for _ in range(draw.randint(1, 3)):
        found += [{role: user, content: draw.choice(ASKED)}, {role: assistant, content: draw.choice(TOLD)}]
    return found


@pytest.mark.parametrize("form", [("role", "content", "user", "assistant"), ("from", "value", "human", "gpt")])
def test_conversations_are_proposed_as_messages(form: tuple[str, str, str, str], tmp_path: Path) -> None:
    draw = random.Random(2)
    rows = [{"topic": draw.choice(["meter", "oven"]), "talk": talk(draw, form, i % 2 == 0)} for i in range(40)]
    spec = spec_of(tmp_path, "\n".join(map(json.dumps, rows)), "jsonl")
    text = spec.read_text(encoding="utf-8")
    assert "talk: {type: messages, turns: {min: 1, max: 3}, words: {min: " in text and "topic: {{ topic }}" in text
    assert "20 begin with a system message" in text
    found = built(spec, 12)
    for messages in found["talk"]:
        assert [m["role"] for m in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert 1 <= len(messages) // 2 <= 3


@pytest.mark.parametrize(
    "value",
    [[], [1], [{"role": "user"}], [{"role": "user", "content": "Hi"}], [{"role": "tool", "content": "x"}],
     [{"role": "user", "content": ""}, {"role": "assistant", "content": "x"}], [{"role": 1, "content": "x"}]],
)  # fmt: skip
def test_what_is_no_conversation(value: Any) -> None:
    good = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert talks_of([good]) is not None
    assert talks_of([good, value]) is None


def test_codes_that_differ_in_a_number_are_numbered_on(tmp_path: Path) -> None:
    draw = random.Random(3)
    numbers = draw.sample(range(2000, 3000), 60)
    marks = ["".join(draw.choices("ABCDEFGHJK", k=4)) + str(draw.randrange(10**8, 10**9)) for _ in numbers]
    lines = [f"B-{n},{m},{draw.choice(['Ulm', 'Kiel'])}" for n, m in zip(numbers, marks, strict=True)]
    spec = spec_of(tmp_path, "\n".join(["order,parcel,town", *lines]))
    text = spec.read_text(encoding="utf-8")
    assert f"order: concat('B-', text(index() + {min(numbers)}))" in text and "unique: parcel" in text
    found = built(spec, 200)
    assert len(set(found["order"])) == len(set(found["parcel"])) == 200


def test_codes_from_one_digit_on_are_numbered_on(tmp_path: Path) -> None:
    """Flats 1 to 25 go on at 26: a pattern would write some of them twice."""
    draw = random.Random(5)
    lines = [f"Wohnung {n},{draw.choice(['Ulm', 'Kiel'])}" for n in range(1, 26)]
    found = built(spec_of(tmp_path, "\n".join(["flat,town", *lines])), 40)
    assert found["flat"] == [f"Wohnung {n}" for n in range(1, 41)]


def test_of_codes_that_a_pattern_draws_no_more_is_said_than_holds(tmp_path: Path) -> None:
    draw = random.Random(5)
    lines = [f"K{n},{draw.choice(['Ulm', 'Kiel'])}" for n in draw.sample(range(10, 1000), 60)]
    text = spec_of(tmp_path, "\n".join(["seat,town", *lines])).read_text(encoding="utf-8")
    said = " ".join(text.replace("#", " ").split())
    assert "in the sample no two alike" in said and "values may repeat" in said


def test_texts_are_measured_to_their_end(tmp_path: Path) -> None:
    rows = [json.dumps({"report": "We write words " * 2000 + f"number {n}."}) for n in range(12)]
    text = spec_of(tmp_path, "\n".join(rows), "jsonl").read_text(encoding="utf-8")
    assert "6002 words in the middle" in text


def test_what_is_no_number_of_a_code() -> None:
    assert counted(["B-2040", "B-2007"]) == ("B-", 2007, "")
    assert counted(["7", "8"]) is None or counted(["17", "18"]) == ("", 17, "")
    for codes in (["B-2040", "C-2007"], ["B-0040", "B-2007"], ["B-204", "B-2007"], ["2-1-30", "3-1-30"],
                  ["A-0001", "A-0002"]):  # fmt: skip
        assert counted(codes) is None


@pytest.mark.parametrize(
    ("codes", "many"),
    [([f"B-2{n:03d}" for n in range(0, 1000, 7)], "1,000"), ([f"{n}" for n in range(100, 600, 7)], "500"),
     ([f"x{y}" for y in range(1980, 2030)], "50"), ([f"Flat {n}" for n in range(1, 26)], "110"),
     ([f"a{n}" for n in range(100, 200, 2)] + [f"b-{n}" for n in range(100, 200, 2)], "200")],
)  # fmt: skip
def test_how_many_texts_a_pattern_matches(codes: list[str], many: str) -> None:
    found = induce_pattern(codes)
    assert found is not None and found.many == many, found
