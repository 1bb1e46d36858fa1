"""What a model thought: kept with its completion, apart from the answer, and never shown to it again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_backend import FakeBackend, use
from test_nasty_replies import read

import synthspec
from synthspec.formats.recovery.thinking import thinking_in, without_thinking
from synthspec.inference.store import Store
from synthspec.spec.messages import Reply, Request, Usage

OPENERS = ("<think>", "<thinking>", "<seed:think>", "[THINK]", "◁think▷", "<|START_THINKING|>", "<|begin_of_thought|>")
CLOSERS = ("</think>", "</thinking>", "</seed:think>", "[/THINK]", "◁/think▷", "<|END_THINKING|>", "<|end_of_thought|>")
WORDS = ("a", "bill", "is", "wrong", "\n", '"so"', "é", "4 < 5", "<b>", "[1]", "`x`", "—")
UNSURE = {"reasoning", "thought", "scratchpad", "analysis-and-answer"}  # marks that may be the answer's own
SPEC = """
synthspec: 1
name: calls
rows: {rows}
parameters:
  mood: [calm, cross, glad]
prompts:
  call: {{user: "Write a call by a {{{{ mood }}}} client."}}
fields:
  call: {{type: string, words: {{min: 3}}}}
backend: {{provider: openai, model: m, base_url: "http://127.0.0.1:9/v1"}}
"""


@dataclass
class Thinker(FakeBackend):
    """Says a second time what it said too briefly; tells what it thought inline, apart, or not at all."""

    manner: str = "apart"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seen: list[Request] = []

    async def complete(self, request: Request) -> Reply:
        self.seen.append(request)
        said = "too brief" if len(request.messages) == 1 else f"long enough for {request.values['mood']} clients"
        thought = f"secret {len(self.seen)}"
        if self.manner == "inline":
            return Reply(f"<think>\n{thought}\n</think>\n\n{said}", Usage(10, 20), "m-1")
        return Reply(said, Usage(10, 20), "m-1", reasoning=thought if self.manner == "apart" else "")


def _build(monkeypatch: pytest.MonkeyPatch, folder: Path, manner: str) -> tuple[Thinker, list[Reply]]:
    thinker = Thinker(lambda request: "", manner=manner)
    use(monkeypatch, thinker)
    folder.mkdir()
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(rows=6), encoding="utf-8")
    assert synthspec.build(path, out=folder / "out").complete
    with Store.open_readonly(folder / "out" / "run.sqlite") as store:
        completions = [store.get(call.key) for call in store.iterate_calls()]
    return thinker, [c.reply for c in completions if c is not None]


@pytest.mark.parametrize("manner", ["apart", "inline"])
def test_reasoning_is_stored_and_never_shown_again(
    manner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinker, replies = _build(monkeypatch, tmp_path / manner, manner)
    assert len(replies) == len(thinker.seen) == 12
    assert sorted(r.reasoning for r in replies) == sorted(f"secret {n}" for n in range(1, 13))
    repairs = [r for r in thinker.seen if len(r.messages) > 1]
    assert len(repairs) == 6
    assert {r.messages[1].content for r in repairs} == {"too brief"}
    assert not any("secret" in m.content for r in thinker.seen for m in r.messages)


def test_thinking_changes_no_key_and_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, rows = [], []
    for manner in ("none", "apart", "inline"):
        thinker, _ = _build(monkeypatch, tmp_path / manner, manner)
        keys.append({r.key for r in thinker.seen})
        rows.append((tmp_path / manner / "out" / "calls.csv").read_bytes())
    assert keys[0] == keys[1] == keys[2]
    assert rows[0] == rows[1] == rows[2]


def test_inline_thinking_is_stored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _build(monkeypatch, tmp_path / "inline", "inline")
    with Store.open_readonly(tmp_path / "inline" / "out" / "run.sqlite") as store:
        assert store.read("SELECT count(*), count(more), sum(reply LIKE '%secret%') FROM completions") == [(12, 0, 12)]


def test_a_build_replays_with_its_thinking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _build(monkeypatch, tmp_path / "inline", "inline")
    path, out = tmp_path / "inline" / "spec.yaml", tmp_path / "inline" / "again"
    run = tmp_path / "inline" / "out" / "run.sqlite"
    assert synthspec.build(path, out=out, backend=f"replay:{run}").complete
    with Store.open_readonly(out / "run.sqlite") as store:
        found = [store.get(call.key) for call in store.iterate_calls()]
    assert sorted(c.reply.reasoning for c in found if c is not None) == sorted(f"secret {n}" for n in range(1, 13))


@pytest.mark.parametrize("name", sorted(read("thinking")))
def test_thinking_is_told_from_the_answer(name: str) -> None:
    given = read("thinking")[name]
    reply = given["reply"].replace("{draft}", "DRAFT one").replace("{answer}", "ANSWER two")
    thought = thinking_in(reply)
    assert "ANSWER" not in thought or given.get("none")
    if name in UNSURE:
        assert thought == ""
    elif "DRAFT" not in without_thinking(reply) and not name.startswith(("turn", "end-of-text", "channels-half")):
        held = name not in ("between-draft-and-answer", "think-empty")
        assert ("DRAFT" in thought) == ("{draft}" in given["reply"] and held)


@pytest.mark.parametrize("seed", range(40))
def test_thinking_and_answer_are_what_was_between_the_marks(seed: int) -> None:
    dice = random.Random(seed)

    def words() -> str:
        return " ".join(dice.choice(WORDS) for _ in range(dice.randrange(1, 12)))

    for _ in range(25):
        at = dice.randrange(len(OPENERS))
        thought, answer = words(), words()
        opener = "" if dice.random() < 0.2 else OPENERS[at]
        text = f"{opener}\n{thought}\n{CLOSERS[at]}\n{answer}"
        assert thinking_in(text) == thought.strip(), text
        assert without_thinking(text).strip() == answer.strip(), text
        assert thinking_in(answer) == "", answer
