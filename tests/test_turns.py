"""The format `turns`: what it writes it reads; noise loses a talk at worst, and never changes who said what."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from depth import examples, one_in
from format_fields import make_field, make_shape
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.formats import Shape
from synthspec.formats.recovery.envelopes import WITHOUT_WIDTH
from synthspec.plugins import find_plugin
from synthspec.spec import Bounds

TURNS = find_plugin("formats", "turns")
LABELS = {"Customer": "user", "Agent": "assistant"}
TALK = make_shape(make_field("conversation", "messages"), turns=LABELS)
THREE = make_shape(
    make_field("conversation", "messages", named=True), turns={"Ana": "user", "Ben": "user", "Clerk": "assistant"}
)
WORDS = "the meter is broken again I've seen no one yet please send it on Monday where order says yes 12 customer agent".split()

Talk = list[dict[str, str]]


@st.composite
def sentences(draw: st.DrawFn) -> str:
    """One to three plain sentences on one line."""
    made = []
    for _ in range(draw(st.integers(1, 3))):
        words = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=8))
        made.append(words[0].capitalize() + " " + " ".join(words[1:]) + draw(st.sampled_from(".!?")))
    return " ".join(made)


PROSE = sentences()


@st.composite
def talks(draw: st.DrawFn, text: st.SearchStrategy[str] = PROSE, shape: Shape = TALK) -> Talk:
    """A talk whose neighbours are of different speakers, both sides present."""
    labels = list(shape.options["turns"])
    count = draw(st.integers(2, 8))
    speakers: list[str] = []
    while len(speakers) < count:
        speakers.append(draw(st.sampled_from([n for n in labels if speakers[-1:] != [n]])))
    roles = shape.options["turns"]
    if {roles[s] for s in speakers} != {"user", "assistant"}:
        speakers = labels[-1:] + [s for s in speakers if s != labels[-1]][:1]
    named = len(set(roles.values())) < len(roles)
    return [{"role": roles[s], "content": draw(text), **({"name": s} if named else {})} for s in speakers]


WILD = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\r" + WITHOUT_WIDTH),
        st.sampled_from(" :*[]()\n-#\"'"),
    ),
    min_size=1,
    max_size=40,
).filter(lambda t: bool(t.strip()))


@examples(40, 150)
@pytest.mark.parametrize("shape", [TALK, THREE], ids=["two", "three"])
def test_what_is_written_is_read(shape: Shape, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(talk=st.one_of(talks(shape=shape), talks(WILD, shape=shape)))
    def check(talk: Talk) -> None:
        text = TURNS.write([{"conversation": talk}], shape)
        parsed = TURNS.parse(text, shape)
        assert [dict(r) for r in parsed.rows] == [{"conversation": talk}]
        assert parsed.rejections == ()

    check()


def spoken(talk: Talk) -> list[tuple[str, str]]:
    return [("Customer" if m["role"] == "user" else "Agent", m["content"]) for m in talk]


Noise = Callable[[Talk, random.Random], str]


def lines(head: str, gap: str = "\n") -> Noise:
    return lambda talk, dice: gap.join(head.format(n=n, i=i) + t for i, (n, t) in enumerate(spoken(talk), 1))


def around(before: str, after: str) -> Noise:
    return lambda talk, dice: before + lines("{n}: ")(talk, dice) + after


def one_line(talk: Talk, dice: random.Random) -> str:
    return " ".join(f"{n}: {t}" for n, t in spoken(talk))


def one_colon_missing(talk: Talk, dice: random.Random) -> str:
    at = dice.randrange(len(talk))
    return "\n".join(f"{n}{'' if i == at else ':'} {t}" for i, (n, t) in enumerate(spoken(talk)))


def staged(talk: Talk, dice: random.Random) -> str:
    stage = ["(sighs)", "[The agent types]", "*pauses*", "---", ""]
    return "\n".join(f"{n}: {t}\n{dice.choice(stage)}" for n, t in spoken(talk))


def quoted(talk: Talk, dice: random.Random) -> str:
    return "\n".join(f'{n}: "{t}"' for n, t in spoken(talk))


def mixed(talk: Talk, dice: random.Random) -> str:
    heads = ["{n}: ", "**{n}:** ", "{n} (calm): ", "- {n}: ", "{n}:\n"]
    return "\n".join(dice.choice(heads).format(n=n) + t for n, t in spoken(talk))


def as_json(talk: Talk, dice: random.Random) -> str:
    return (
        "```json\n" + json.dumps({"messages": [{"from": n, "value": t} for n, t in spoken(talk)]}, indent=1) + "\n```"
    )


NOISE: dict[str, Noise] = {
    "bold": lines("**{n}:** ", "\n\n"), "bold outside": lines("**{n}**: "), "numbered": lines("{i}. {n}: "),
    "brackets": lines("[{n}] "), "headings": lines("### {n}\n", "\n\n"), "alone": lines("{n}\n"),
    "upper": lambda talk, dice: "\n".join(f"{n.upper()}: {t}" for n, t in spoken(talk)),
    "dashes": lines("{n} - "), "fenced": around("```\n", "\n```"),
    "preamble": around("Sure! Here is the conversation:\n\n", ""), "scene": around("Scene: a call.\n\n", ""),
    "closing": around("", "\n\nLet me know if you would like any changes!"), "end": around("", "\n\n[End of call]"),
    "one line": one_line, "one colon missing": one_colon_missing, "staged": staged, "quoted": quoted,
    "mixed": mixed, "json": as_json,
}  # fmt: skip
MAY_BE_LOST = {"one line", "one colon missing", "quoted"}


@examples(12, 60)
@pytest.mark.parametrize("name", one_in(3, NOISE))
def test_noise_changes_nothing(name: str, examples: int) -> None:
    lost = [0, 0]

    @settings(max_examples=examples, deadline=None)
    @given(talk=talks(), seed=st.integers(0, 1 << 32))
    def check(talk: Talk, seed: int) -> None:
        found = [dict(r) for r in TURNS.parse(NOISE[name](talk, random.Random(seed)), TALK).rows]
        lost[0] += 1
        unclear = any(m["content"].startswith(("Customer", "Agent")) for m in talk)  # which may begin a turn
        lost[1] += not found and not unclear
        assert found in ([], [{"conversation": talk}])

    check()
    assert name in MAY_BE_LOST or lost[1] == 0
    assert lost[1] < lost[0]


def test_any_text_is_read_without_an_error() -> None:
    @settings(max_examples=300, deadline=None)
    @given(text=st.lists(st.sampled_from(["Customer", "Agent", ":", "**", " ", "\n", "\n\n", "hi", "(", ")", "[", "]", "—",
                                          '"', "1.", "User: ", "#", "---", "```", "…"]), max_size=24).map("".join))  # fmt: skip
    def check(text: str) -> None:
        for row in TURNS.parse(text, TALK).rows:
            talk = row["conversation"]
            assert all(m["content"].strip() and m["role"] in ("user", "assistant") for m in talk)
            assert all(a["role"] != b["role"] for a, b in itertools.pairwise(talk))
            for message in talk:
                assert all(line.strip() in text for line in message["content"].split("\n"))

    check()


@pytest.mark.parametrize("text", ["Customer: a\nAgent: b\n" * 4000, "Customer " * 20000, "Customer: " + "(" * 50000,
                                  "**" * 30000 + "Agent:", "Customer: a. " * 8000, "[" * 40000])  # fmt: skip
def test_long_replies_take_no_long_time(text: str) -> None:
    start = time.process_time()
    TURNS.parse(text, TALK)
    assert time.process_time() - start < 5


def test_the_prompt_says_what_is_asked_for() -> None:
    field = make_field("conversation", "messages", maxLength=300)
    shape = make_shape(field, turns=LABELS)
    object.__setattr__(field, "turns", Bounds(2, 4))
    object.__setattr__(field, "words", Bounds(None, 60))
    told = TURNS.instructions(shape)
    assert "Customer: …\nAgent: …" in told
    assert "2 to 4 messages by Customer" in told
    assert "at most 300 characters; at most 60 words" in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "two speakers or more"), ({"turns": {"Customer": "user"}}, "two speakers or more"),
        ({"turns": {"A": "user", "B": "user"}}, "no speaker is the assistant"),
        ({"turns": {"A": "user", "B": "bot"}}, "'B' is bot"),
        ({"turns": {"A b": "user", "a_B": "assistant"}}, "cannot be told apart"),
        ({"turns": {"A:": "user", "B": "assistant"}}, "cannot stand before a message"),
        ({"turns": {"A": "system", "B": "assistant", "C": "user"}}, "'A' is system"),
    ],
)  # fmt: skip
def test_what_it_cannot_carry(options: dict[str, Any], said: str) -> None:
    assert any(said in f for f, _ in TURNS.faults(make_shape(make_field("conversation", "messages"), **options)))


def test_it_carries_one_conversation() -> None:
    two = make_shape(make_field("a", "messages"), make_field("b"), rows=2, turns=LABELS)
    assert [message for message, _ in TURNS.faults(two)] == [
        "turns carries one field, and the prompt writes 2",
        "turns carries one row, and the prompt asks for 2",
        "turns carries a conversation",
    ]
