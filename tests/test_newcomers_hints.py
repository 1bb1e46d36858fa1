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
        ("prompts:\n  p:\n    user: A poem: on the sea\n", "quote a text that contains ': '"),
        ("name: poems\n  rows: 5\n", "quote a text that contains ': ', or correct the indentation"),
        ("parameters: {p: {source: people}}\n", "write `from: SOURCE`"),
        ("parameters: {p: {choices: [a, b]}}\n", "write `values: […]`"),
        ("parameters: {p: {uniform: [1, 7]}}\n", "write an expression: `uniform(…)`"),
        ("parameters: {p: {min: 1, max: 7}}\n", "`integer(low, high)`"),
        ("sources: {s: docs/*.md}\n", "write `{files: docs/*.md}`"),
        ("sources: {s: '*.md'}\n", "write `{files: '*.md'}`"),
        ("sources: {s: docs/}\n", "write `{files: docs/}`"),
        ("sources: {s: people.csv}\n", "write `{file: people.csv}`"),
        ("sources: {s: {path: people.csv}}\n", "write `file: …`, a path below the spec's folder"),
        ("prompts: {p: {conversation: {a: {system: x}}}}\n", "write `dialogue: {customer:"),
        ("fields: {f: {type: str}}\n", "write `string`"),
        ("fields: {f: {type: text}}\n", "write `string`"),
        ("fields: {f: {type: Conversation}}\n", "write `messages`"),
        ("fields: {f: {type: string, required: true}}\n", "remove it: every field is required"),
        ("fields: {f: {type: string, required: false}}\n", "write `optional: true`"),
        ("fields: {f: {type: string, words: 10-50}}\n", "write `{min: 10, max: 50}`"),
        ("fields: {f: {type: string, max_words: 50}}\n", "write `words: {min: …, max: …}`"),
        ("fields: {f: {type: string, prompt: Write.}}\n", "write it under `prompts`, with `writes: [field]`"),
        ("novelty: {near_duplicates: {fields: [f], threshold: 0.8}}\n", "write `similarity: …` (0 to 1)"),
        ("output: {format: json}\n", "write `formats: [json]`"),
        ("output: {format: [json]}\n", "write `formats: [jsonl]`"),
        ("output: {split: [0.8, 0.2]}\n", "write `{train: 0.8, test: 0.2}`"),
        ("output: {split: [0.8, 0.1, 0.1]}\n", "write `{train: 0.8, validation: 0.1, test: 0.1}`"),
        ("output: {test_size: 0.2}\n", "write `split: {train: 0.9, test: 0.1}`"),
        ("gates: [near_duplicate_rate < 2%]\n", "write 0.02"),
        ("gates: ['(acceptance > 80%) and rows > 1']\n", "write 0.8"),
        ("gates: [acceptance >= 80]\n", "write 0.8"),
        ("gates: ['1 < distinct_1 and rows > 5', 'coverage > -1']\n", "write a number from 0 to 1"),
        ("fields: {f: {type: string}}\nchecks: [f is not empty]\n", "write: f != ''"),
        ("fields: {f: {type: string}}\nchecks: [f is empty]\n", "write: f == ''"),
        ("fields: {f: {type: string}}\nchecks: [words(f)]\n", "compare it: `words(f) >= 1`"),
        ("fields: {f: {type: string}}\nchecks: [f]\n", "compare it: `f == 'some text'`"),
        ("backend: openai/gpt-5\n", "write `openai:gpt-5`"),
        ("backend: ollama/llama3:8b\n", "write `ollama:llama3:8b`"),
        (NEAR_ITSELF, "this prompt writes 'a' itself: it cannot read it"),
    ],
)
def test_hints(text: str, help: str) -> None:
    found = synthspec.check(f"synthspec: 1\n{text}")
    assert any(help in f.help for f in found), found


TALK = """prompts:
  talk:
    dialogue:
      guest: {system: You are a guest., as: user%s}
      desk: {system: You are the desk., as: assistant}
    turns: %s
    writes: [chat]
fields: {chat: {type: messages}}
output: {shape: %s}
"""


@pytest.mark.parametrize(
    ("speaker", "turns", "shape", "help"),
    [
        ("", "2-6", "table", "write `{min: 2, max: 6}`"),
        (", role: user", "2", "table", "write `as: user` or `as: assistant`"),
        (", model: gpt-5", "2", "table", "write `backend: PROVIDER:MODEL`"),
        (", greeting: Hello", "2", "table", "write `opening: …`"),
    ],
)
def test_hints_of_a_dialogue(speaker: str, turns: str, shape: str, help: str) -> None:
    (found,) = synthspec.check("synthspec: 1\n" + TALK % (speaker, turns, shape))
    assert help in found.help, found


def test_a_broken_field_is_reported_once_not_by_the_shape_too() -> None:
    talk = "synthspec: 1\n" + TALK % ("", "2", "messages")
    assert synthspec.check(talk) == ()
    (found,) = synthspec.check(talk.replace("{type: messages}", "{type: messages, min_turns: 2}"))
    assert found.code == "E202"


def test_a_file_that_is_no_spec(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nRooms: free: two\n", encoding="utf-8")
    (found,) = synthspec.check(tmp_path / "notes.md")
    assert found.code == "E111" and found.help == "a spec is a YAML file; '.md' is not"


def test_gates_within_their_shares() -> None:
    gates = "gates: [acceptance >= 1, duplicate_rate <= 0, rows >= 80, coverage > 0.5 and cost < 5]\n"
    assert synthspec.check(f"synthspec: 1\n{gates}") == ()


def test_a_spec_by_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, there in (("qa", "qa.yaml"), ("poems", "specs/poems.yaml")):
        path = tmp_path / there
        path.parent.mkdir(exist_ok=True)
        path.write_text("synthspec: 1\n", encoding="utf-8")
        (fault,) = compile_spec(Path(name)).diagnostics
        assert fault.code == "E101" and fault.help == f"did you mean '{there}'?"
