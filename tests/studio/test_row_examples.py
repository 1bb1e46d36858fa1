"""A row is put among the examples of a prompt: nothing else in the text of the spec moves."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import synthspec
from synthspec.studio.editing.insertions import NoRoom
from synthspec.studio.editing.row_examples import add_example

LINES = """\
synthspec: 1
name: calls   # a name
rows: 6
sources:
  shots:
    # the best ones
    rows:
      - {mood: calm, call: "Thank you for the bill, it is all quite clear."}   # a good one
      - mood: cross
        call: >
          I never got
          the bill at all!

      # more to come

  other: {rows: [{a: 1}]}
parameters: {mood: [calm, cross]}
prompts:
  call: {user: "As {{ mood }}: {% for e in examples %}{{ e.call }} {% endfor %}", writes: [call], examples: {from: shots, rows: 1}}
fields: {call: {type: string}}
backend: {provider: ngram, model: en}
"""
BRACKETS = LINES.replace(
    LINES[LINES.index("    # the best") : LINES.index("  other")],
    "    rows: [{mood: calm, call: 'it is'}, {mood: cross, call: 'a, ] b'}]  # two\n",
)
ROW = {"mood": "cross", "call": 'It is "wrong": again, #1 ]}\nand again', "size": 3}


@pytest.mark.parametrize("text", [LINES, BRACKETS, LINES.rstrip("\n")])
def test_a_row_is_added_and_nothing_else_moves(text: str) -> None:
    new = add_example(text, "shots", ROW)
    before, after = yaml.safe_load(text), yaml.safe_load(new)
    assert after["sources"]["shots"]["rows"] == [
        *before["sources"]["shots"]["rows"],
        {"mood": "cross", "call": ROW["call"]},
    ]
    after["sources"]["shots"]["rows"].pop()
    assert after == before
    changed = [line for line in difflib.ndiff(text.split("\n"), new.split("\n")) if line[0] in "+-"]
    assert [line[0] for line in changed] in (["+"], ["-", "+"])
    assert add_example(new, "other", {"a": 2}).count("a: 1") == 1
    with pytest.raises(NoRoom, match="already"):
        add_example(new, "shots", ROW)


@given(st.text(max_size=40), st.sampled_from([LINES, BRACKETS]))
def test_whatever_its_text_is(call: str, text: str) -> None:
    try:
        new = add_example(text, "shots", {"mood": "calm", "call": call})
    except NoRoom:
        return
    assert yaml.safe_load(new)["sources"]["shots"]["rows"][-1] == {"mood": "calm", "call": call}


def test_what_cannot_be_done_is_said() -> None:
    for text, source, values, why in (
        (LINES, "shots", {"mood": "calm"}, "has none"),
        (LINES, "nothing", ROW, "not written in this file"),
        ("a: [", "shots", ROW, "cannot be read"),
        ("[]", "shots", ROW, "no spec"),
    ):
        with pytest.raises(NoRoom, match=why):
            add_example(text, source, values)


def test_the_studio_writes_it_into_the_file(client: TestClient, folder: Path) -> None:
    path, out = folder / "calls.yaml", folder / "build" / "calls"
    path.write_bytes(LINES.replace("\n", "\r\n").encode())
    synthspec.build(path, out=out)
    found = client.get("/api/review/calls.yaml").json()
    assert found["examples"] == {"call": "shots"}
    answer = client.post("/api/review-example/calls.yaml", json={"path": "3", "prompt": "call"})
    assert answer.status_code == 200, answer.text
    held = path.read_bytes()
    assert held.count(b"\r\n") == held.count(b"\n")
    rows = yaml.safe_load(held)["sources"]["shots"]["rows"]
    assert len(rows) == 3 and set(rows[-1]) == {"mood", "call"}
    assert synthspec.check(path) == ()
    assert client.post("/api/review-example/calls.yaml", json={"path": "3", "prompt": "call"}).status_code == 422
    assert client.post("/api/review-example/calls.yaml", json={"path": "3", "prompt": "x"}).status_code == 422
    assert client.post("/api/review-example/calls.yaml", json={"path": "99", "prompt": "call"}).status_code == 404
