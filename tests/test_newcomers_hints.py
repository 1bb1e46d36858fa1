"""What people write who come from elsewhere, and the hint that they get."""

from __future__ import annotations

from pathlib import Path

import pytest

import synthspec
from synthspec.compiler import compile_spec

BLOCK = "a text of several lines begins below `user: |`, every line of it indented"
NEAR_ITSELF = """sources: {d: {rows: [{t: x}]}}
prompts: {p: {user: "{{ examples }}", examples: {from: d, rows: 1, nearest: a}, writes: a}}
fields: {a: {type: string}}
"""


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("prompts:\n  p:\n    user: Write a poem\n      about: the sea\n", BLOCK),
        ("prompts:\n  p:\n    user: Write a poem.\nUse rhymes.\n    writes: [t]\n", BLOCK),
        ("prompts:\n  p:\n    user: Write a poem.\n     - on the sea: now\n    writes: [t]\n", BLOCK),
        ("prompts:\n  p:\n    user: A poem: on the sea\n", "quote a text that holds ': '"),
        ("name: poems\n  rows: 5\n", "quote a text that holds ': ', or correct the indentation"),
        ("backend: openai/gpt-5\n", "write `openai:gpt-5`"),
        ("backend: ollama/llama3:8b\n", "write `ollama:llama3:8b`"),
        (NEAR_ITSELF, "this prompt writes 'a' itself: it cannot read it"),
    ],
)
def test_hints(text: str, help: str) -> None:
    found = synthspec.check(f"synthspec: 1\n{text}")
    assert help in found[0].help, found[0]


def test_a_spec_by_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, there in (("qa", "qa.yaml"), ("poems", "specs/poems.yaml")):
        path = tmp_path / there
        path.parent.mkdir(exist_ok=True)
        path.write_text("synthspec: 1\n", encoding="utf-8")
        (fault,) = compile_spec(Path(name)).diagnostics
        assert fault.code == "E101" and fault.help == f"did you mean '{there}'?"
