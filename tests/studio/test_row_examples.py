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
from synthspec.compiler import compile_spec
from synthspec.diagnostics.errors import SynthspecError
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.studio.editing.example_files import add_to_file
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
        ("[]", "shots", ROW, "not a spec"),
    ):
        with pytest.raises(NoRoom, match=why):
            add_example(text, source, values)


def test_the_studio_writes_it_into_the_file(client: TestClient, folder: Path) -> None:
    path, out = folder / "calls.yaml", folder / "build" / "calls"
    path.write_bytes(LINES.replace("\n", "\r\n").encode())
    synthspec.build(path, out=out)
    found = client.get("/api/review/calls.yaml").json()
    assert found["examples"] == {"call": "calls.yaml"}
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


IN_FILE = """\
synthspec: 1
name: calls
rows: 4
sources: {shots: {file: data/shots.csv}}
parameters: {mood: [calm, cross]}
prompts:
  call: {user: "As {{ mood }}: {% for e in examples %}{{ e.call }} {% endfor %}", writes: [call], examples: {from: shots, rows: 1}}
fields: {mood: {value: mood}, call: {type: string}, size: {value: len(call)}}
backend: {provider: ngram, model: en}
"""
FILES = (
    b"mood,call,size\nglum,it is,5\n",
    b'\xef\xbb\xbfsize;call;mood\r\n5;"a; b\r\nc";sad\r\n7;d;glum',
    b"call\tmood\tsize\nx\tglum\t1\n\n",
)


@pytest.mark.parametrize("held", FILES)
def test_a_row_is_added_to_the_file_of_the_examples(held: bytes, client: TestClient, folder: Path) -> None:
    path, out, data = folder / "calls.yaml", folder / "build" / "calls", folder / "data" / "shots.csv"
    data.parent.mkdir()
    data.write_bytes(held)
    path.write_text(IN_FILE, encoding="utf-8")
    synthspec.build(path, out=out)
    assert client.get("/api/review/calls.yaml").json()["examples"] == {"call": "data/shots.csv"}
    answer = client.post("/api/review-example/calls.yaml", json={"path": "3", "prompt": "call"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["file"] == "data/shots.csv"
    now = data.read_bytes()
    assert now.startswith(held.rstrip(b"\r\n"))
    assert path.read_text(encoding="utf-8") == IN_FILE
    row = next(r for r in kept_rows(out) if r.path == "3")
    compiled = compile_spec(path)
    shown = compiled.tables["shots"].row(len(compiled.tables["shots"]) - 1)
    assert dict(shown) == dict(row.values)
    again = client.post("/api/review-example/calls.yaml", json={"path": "3", "prompt": "call"})
    assert (again.status_code, data.read_bytes()) == (422, now)


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (b'mood,call,size\ncalm,it is,1.5\n,"x\n', "laid out"),
        (b"\xff\xfem\x00o\x00", "no UTF-8|not UTF-8|no text"),
        (b"mood;call;size\ncalm;it is;1,5\n", "laid out"),
    ],
)
def test_a_file_in_which_a_line_would_change_others_stays_as_it_is(held: bytes, why: str, folder: Path) -> None:
    data = folder / "shots.csv"
    data.write_bytes(held)
    with pytest.raises(SynthspecError, match=why):
        add_to_file(data, ["mood", "call", "size"], {"mood": "calm", "call": "new", "size": 1.5})
    assert data.read_bytes() == held


def test_only_files_below_the_folder_can_be_added_to(client: TestClient, folder: Path, tmp_path: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "shots.csv").write_text("mood,call,size\ncalm,it is,5\n")
    (folder / "deep" / "link.csv").symlink_to(folder / "shots.csv")
    for name, source in (
        ("up", "../shots.csv"),
        ("link", "link.csv"),
        ("more", "shots.csv, columns: {call: text}"),
    ):
        (folder / "deep" / "shots.csv").write_text("mood,text,size\ncalm,it is,5\n")
        text = IN_FILE.replace("data/shots.csv", source).replace("name: calls", f"name: {name}")
        text = text.replace("e.call", "e.text") if name == "more" else text
        (folder / "deep" / f"{name}.yaml").write_text(text, encoding="utf-8")
        answer = client.get(f"/api/review/deep/{name}.yaml")
        if answer.status_code == 200:
            assert answer.json()["examples"] == {}
