"""Retries with a remark where several calls make a row: conversations, rounds, and raw completions."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import digest
from test_reviews import build, files_of, run

from synthspec.generation.reviewing.progress import review_progress
from synthspec.inference.requests import retry_key
from synthspec.inference.store import Store
from synthspec.inference.store.derived.row_views import LoggedRow, completions_of, kept_rows
from synthspec.inference.store.reviews import Reviews
from synthspec.spec.messages import Request

TALK = """
synthspec: 1
name: calls
rows: 5
parameters: {goal: [refund, parcel]}
prompts:
  talk:
    dialogue:
      customer: {system: "You want: {{ goal }}.", as: user}
      agent: {system: "You are the help desk.", as: assistant}
    turns: 2
    writes: [talk]
  note: {user: "Sum up: {{ talk }}", writes: [note]}
fields: {talk: {type: messages, rejects: ['unwanted']}, note: {type: string}}
checks: [{that: "not contains(note, 'seven')"}, {that: "not contains(talk[3].content, 'two')"}]
limits: {attempts: 4}
output: {formats: [jsonl]}
backend: {provider: openai, model: loop}
"""
ROUNDS = """
synthspec: 1
name: calls
rows: 5
parameters: {topic: [bill, meter]}
prompts:
  draft: {user: "A text on {{ topic }}.", writes: [text]}
  better: {user: "Improve: {{ version }}", writes: [version], repeat: 3, from: {version: text}, collect: versions}
fields:
  text: {type: string}
  version: {type: string, rejects: ['unwanted']}
  versions: {type: array, items: {type: string}}
limits: {attempts: 4}
output: {formats: [jsonl]}
backend: {provider: openai, model: loop}
"""
RAW = """
synthspec: 1
name: calls
rows: 5
parameters: {topic: [bill, meter]}
prompts:
  text: {complete: "A text on {{ topic }}: ", writes: [text], format: text}
fields: {text: {type: string, rejects: ['unwanted']}}
limits: {attempts: 4}
output: {formats: [jsonl]}
backend: {provider: openai, model: loop}
"""
NUMBERS = "one two three four five six seven unwanted".split()


def reply(request: Request) -> str:
    """Words that hang on what was asked: some break a rule."""
    said = [m.content for m in request.messages]
    number = digest(said, request.key)
    word = NUMBERS[number % 8] if number % 3 == 0 else NUMBERS[number % 6]
    text = f"{word} {number % 9973}"
    if said[-1].startswith("Sum up"):
        return json.dumps({"note": text}) if "JSON" in said[-1] else text
    return text


def made(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[LoggedRow]]:
    (folder / "spec.yaml").write_text(text)
    build(folder / "spec.yaml", folder / "out", monkeypatch, replier=reply)
    return folder / "out", list(kept_rows(folder / "out"))


def retry(out: Path, row: LoggedRow, remark: str, prompt: str) -> None:
    spec = out.parent / "spec.yaml"
    done = run("review", out, "--retry", row.path, "--because", remark, "--prompt", prompt, "--spec", spec)
    assert done.exit_code == 0, done.output


def requests_of(out: Path, keys: list[str]) -> list[list[str]]:
    with Store.open_readonly(out) as store:
        return [[text for _, text in call.request.messages] for call in store.calls_of(keys) if call.request]


def test_a_conversation_is_begun_again_and_every_speaker_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rows = made(tmp_path, TALK, monkeypatch)
    row, before = rows[3], {r.path: r.digest for r in rows}
    retry(out, row, "name the street\\nbe kinder", "talk")
    assert review_progress(out).waiting == (row.path,)
    fake = build(tmp_path / "spec.yaml", out, monkeypatch, replier=reply)
    after = {r.path: r.digest for r in kept_rows(out)}
    assert {p for p in before if after[p] != before[p]} == {row.path}
    with Store.open_readonly(out) as store:
        calls = store.calls_of(list(fake.calls))
    assert {c.combination for c in calls} == {row.combination}
    talk = [[text for _, text in c.request.messages] for c in calls if c.prompt == "talk"]
    assert len(talk) >= 4
    assert all("name the street" in said[0] and "be kinder" in said[0] for said in talk)
    assert review_progress(out).waiting == ()
    assert build(tmp_path / "spec.yaml", out, monkeypatch, replier=reply).total == 0
    with Reviews(out) as reviews:
        reviews.undo(1, "ana")
    assert build(tmp_path / "spec.yaml", out, monkeypatch, replier=reply).total == 0
    assert {r.path: r.digest for r in kept_rows(out)} == before


def test_later_attempts_at_a_conversation_hang_on_the_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails after the remark, no talk that was not told of it becomes the row."""
    out, rows = made(tmp_path, TALK, monkeypatch)
    for n, row in enumerate(rows):
        retry(out, row, f"remark {n}", "talk")
    build(tmp_path / "spec.yaml", out, monkeypatch, replier=reply)
    attempts = 0
    for n, row in enumerate(kept_rows(out)):
        keys, _ = completions_of(out, [row.path])
        told = requests_of(out, keys[row.path])[:4]
        assert all(f"remark {n}" in said[0] for said in told), row.path
        attempts += len(told)
    assert attempts == 4 * len(rows)
    again = next(kept_rows(out))
    retry(out, again, "and once more", "talk")
    build(tmp_path / "spec.yaml", out, monkeypatch, replier=reply)
    keys, _ = completions_of(out, [again.path])
    told = requests_of(out, keys[again.path])[:4]
    assert all("remark 0" in said[0] and "and once more" in said[0] for said in told)


def test_the_last_round_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, rows = made(tmp_path, ROUNDS, monkeypatch)
    row = rows[2]
    keys, _ = completions_of(out, [row.path])
    retry(out, row, "shorter", "better")
    fake = build(tmp_path / "spec.yaml", out, monkeypatch, replier=reply)
    new = next(r for r in kept_rows(out) if r.path == row.path)
    assert new.values["text"] == row.values["text"]
    assert new.values["versions"][:-1] == row.values["versions"][:-1]
    assert new.values["version"] == new.values["versions"][-1] != row.values["version"]
    assert retry_key(keys[row.path][-1], "shorter") in fake.calls
    assert all(any("shorter" in text for text in said) for said in requests_of(out, list(fake.calls)))
    assert sum(r.digest != o.digest for r, o in zip(kept_rows(out), rows, strict=True)) == 1


def test_a_raw_completion_is_drawn_again_without_the_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, rows = made(tmp_path, RAW, monkeypatch)
    row = rows[2]
    spec = tmp_path / "spec.yaml"
    done = run("review", out, "--retry", row.path, "--because", "dull", "--spec", spec)
    assert done.exit_code == 0
    assert "the model is not shown the remark" in done.output
    fake = build(spec, out, monkeypatch, replier=reply)
    new = next(r for r in kept_rows(out) if r.path == row.path)
    assert new.values["text"] != row.values["text"]
    asked = requests_of(out, list(fake.calls))
    assert asked and all(len(said) == 1 and "dull" not in said[0] for said in asked)
    assert sum(r.digest != o.digest for r, o in zip(kept_rows(out), rows, strict=True)) == 1


def storm(number: int, text: str, prompts: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random wishes, undos and builds that are cut off; at the end a folder with the same completions, built at once at
    1 and 30 in flight, has the same bytes without a call."""
    rng = random.Random(number)
    folder.mkdir()
    out, _ = made(folder, text, monkeypatch)
    path = folder / "spec.yaml"
    doings: dict[str, Callable[[], object]] = {
        "retry": lambda: retry(out, rng.choice(list(kept_rows(out))), f"remark {rng.random()}", rng.choice(prompts)),
        "cut": lambda: build(path, out, monkeypatch, replier=reply, abandon_at=rng.randrange(1, 9)),
        "build": lambda: build(path, out, monkeypatch, replier=reply),
        "undo": lambda: undo(out, rng),
    }
    for _ in range(6):
        doings[rng.choice(["retry", "retry", "retry", "cut", "build", "undo"])]()
    build(path, out, monkeypatch, replier=reply, seed=number)
    settled = files_of(out / "incomplete" if (out / "incomplete").is_dir() else out)
    for concurrency in (1, 30):
        twin = folder / f"twin{concurrency}"
        twin.mkdir()
        for name in ("run.sqlite", "reviews.sqlite"):
            if (out / name).exists():
                shutil.copyfile(out / name, twin / name)
        assert build(path, twin, monkeypatch, concurrency, replier=reply, seed=concurrency).total == 0
        assert files_of(twin) == settled


def undo(out: Path, rng: random.Random) -> None:
    with Reviews(out) as reviews:
        for review in list(reviews.iterate()):
            if rng.random() < 0.4:
                reviews.undo(review.id, "ana")


KINDS = {"talk": (TALK, ["talk", "note"]), "rounds": (ROUNDS, ["draft", "better"]), "raw": (RAW, ["text"])}


def test_the_same_bytes_however_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storm(1, *KINDS["talk"], tmp_path / "storm", monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 20))
@pytest.mark.parametrize("kind", KINDS)
def test_many_ways_to_build_it(number: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storm(number, *KINDS[kind], tmp_path / "storm", monkeypatch)
