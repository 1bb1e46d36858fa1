"""Shapes: rows as training libraries read them, and what is said where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from synthspec.dataset.row_shapes import SHAPE_NAMES, open_shape, shape_faults
from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import INTEGER, TEXT, Type
from synthspec.plugins import find_plugin


def columns(*names: str, **others: Type) -> list[Column]:
    return [*(Column(n, TEXT) for n in names), *(Column(n, t) for n, t in others.items())]


TURNS = Type("list", item=Type("map", members=(("role", TEXT), ("content", TEXT))))


@pytest.mark.parametrize(
    ("shape", "row", "expected"),
    [
        ("table", {"a": "x"}, {"a": "x"}),
        (
            "messages",
            {"question": "Q", "answer": "A", "level": "low"},
            {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
        ),
        (
            "messages",
            {"system": "S", "instruction": "I", "input": "C", "output": "O"},
            {
                "messages": [
                    {"role": "system", "content": "S"},
                    {"role": "user", "content": "I\n\nC"},
                    {"role": "assistant", "content": "O"},
                ]
            },
        ),
        (
            {"kind": "messages", "user": "relative", "assistant": "doctor", "keep": ["emotion"]},
            {"doctor": "D", "relative": "R", "emotion": "joy"},
            {
                "messages": [{"role": "user", "content": "R"}, {"role": "assistant", "content": "D"}],
                "emotion": "joy",
            },
        ),
        (
            "sharegpt",
            {"system": None, "prompt": "P", "completion": "C"},
            {"conversations": [{"from": "human", "value": "P"}, {"from": "gpt", "value": "C"}]},
        ),
        ("alpaca", {"question": "Q", "answer": "A"}, {"instruction": "Q", "input": "", "output": "A"}),
        (
            {"kind": "alpaca", "system": "style"},
            {"style": "S", "instruction": "I", "input": None, "output": "O"},
            {"system": "S", "instruction": "I", "input": "", "output": "O"},
        ),
        ("prompt_completion", {"instruction": "I", "output": "O"}, {"prompt": "I", "completion": "O"}),
        (
            "preference",
            {"question": "Q", "chosen": "C", "rejected": "R"},
            {"prompt": "Q", "chosen": "C", "rejected": "R"},
        ),
    ],
)
def test_shape_of_a_row(tmp_path: Path, shape: Any, row: dict[str, Any], expected: dict[str, Any]) -> None:
    given = columns(*row)
    assert list(shape_faults(shape, given)) == []
    reshape = open_shape(shape, given)
    assert reshape.of(row) == expected
    assert [c.name for c in reshape.columns] == list(expected)
    path = tmp_path / "table.parquet"
    writer = find_plugin("writers", "parquet").open_writer(path, reshape.columns)
    writer.write([reshape.of(row)])
    writer.close()
    assert pyarrow.parquet.read_table(path).to_pylist() == [expected]


@pytest.mark.parametrize("kind", ["messages", "sharegpt"])
def test_a_whole_conversation_in_one_field(kind: str) -> None:
    given = [Column("messages", TURNS)]
    assert list(shape_faults(kind, given)) == []
    turns = [{"role": "user", "content": "Q"}, {"from": "gpt", "value": 4}]
    shaped = open_shape(kind, given).of({"messages": turns})
    assert (
        shaped
        == {
            "messages": {
                "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "4"}],
            },
            "sharegpt": {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "4"}]},
        }[kind]
    )
    assert open_shape(kind, given).of({"messages": None}) in ({"messages": []}, {"conversations": []})


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        ("mesages", columns("a"), ["there is no shape 'mesages'; did you mean 'messages'?"]),
        (
            "preference",
            columns("prompt", "chosen"),
            [
                "no field plays 'rejected' in the shape 'preference'; name one, as in "
                "'shape: {kind: preference, rejected: …}', or call a field one of rejected"
            ],
        ),
        (
            {"kind": "messages", "user": "relativ", "assistant": "doctor"},
            columns("doctor", "relative"),
            ["'user' names no column: 'relativ'; did you mean 'relative'?"],
        ),
        (
            {"kind": "alpaca", "outputs": "answer"},
            columns("question", "answer"),
            ["the shape 'alpaca' has no role 'outputs'; did you mean 'output'?"],
        ),
        (
            {"kind": "alpaca", "keep": ["lvl"]},
            columns("question", "answer", lvel=INTEGER),
            ["'keep' names no column: 'lvl'; did you mean 'lvel'?"],
        ),
        (
            "prompt_completion",
            columns("prompt", completion=Type("list", item=TEXT)),
            ["'completion' is a list of text, and 'completion' in the shape 'prompt_completion' is text"],
        ),
        ({"kind": "table", "user": "a"}, columns("a"), ["the shape 'table' has no role 'user'"]),
    ],
)
def test_what_does_not_fit(shape: Any, given: list[Column], expected: list[str]) -> None:
    assert list(shape_faults(shape, given)) == expected


def test_numbers_can_play_a_role() -> None:
    given = columns("question", answer=INTEGER)
    assert list(shape_faults("alpaca", given)) == []
    assert open_shape("alpaca", given).of({"question": "2+2", "answer": 4})["output"] == "4"


def test_every_shape_says_what_it_needs() -> None:
    for kind in SHAPE_NAMES[1:]:
        assert list(shape_faults(kind, []))
