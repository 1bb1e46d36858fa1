"""Replay: an earlier run's completions, found by what was asked."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from synthspec.inference.backends import Backend, BackendContext
from synthspec.inference.store import Store
from synthspec.plugins import find_plugin
from synthspec.spec import BackendChoice
from synthspec.spec.messages import BackendFault, Completion, FaultKind, Message, Reply, Request, Usage
from synthspec.testing.backend_contract import NOWHERE, a_context, a_request


def make_run(path: Path, *calls: tuple[Request, str]) -> None:
    async def write() -> None:
        store = Store.open(path)
        for number, (request, text) in enumerate(calls):
            reply = Reply(text, Usage(21, 12), "gpt-5-mini")
            await store.put(replace(request, key=f"old{number}"), Completion(f"old{number}", reply))
        await store.close()

    asyncio.run(write())


def _context(folder: Path) -> BackendContext:
    context = a_context()
    return replace(context, spec=replace(context.spec, path=folder / "spec.yaml"))


def _open(folder: Path, name: str = "run.sqlite", file: str = "spec.yaml") -> Backend:
    choice = BackendChoice("replay", name, {}, {}, None, replace(NOWHERE, file=file))
    backend: Backend = find_plugin("backends", "replay").open_backend(choice, _context(folder))
    return backend


def _ask(backend: Backend, *requests: Request) -> list[Reply | BackendFault]:
    async def main() -> list[Reply | BackendFault]:
        answers: list[Reply | BackendFault] = []
        for request in requests:
            try:
                answers.append(await backend.complete(request))
            except BackendFault as e:
                answers.append(e)
        await backend.close()
        return answers

    return asyncio.run(main())


def _texts(answers: list[Reply | BackendFault]) -> list[str]:
    return [a.text if isinstance(a, Reply) else str(a.kind) for a in answers]


def test_a_request_gets_the_completion_of_the_same_words(tmp_path: Path) -> None:
    make_run(tmp_path / "run.sqlite", *((a_request(i), f"text {i}") for i in range(5)))
    answers = _ask(_open(tmp_path), *(a_request(i) for i in reversed(range(5))))
    assert _texts(answers) == [f"text {i}" for i in reversed(range(5))]
    first = answers[0]
    assert isinstance(first, Reply)
    assert first.model == "gpt-5-mini"
    assert first.finish == "stop"
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (21, 12)


def test_the_same_words_in_other_places(tmp_path: Path) -> None:
    same = (Message("user", "Write a line."),)
    held = [a_request(c, attempt=a, messages=same) for c, a in ((0, 1), (1, 1), (1, 2), (2, 1))]
    make_run(tmp_path / "run.sqlite", *((r, f"{r.combination}.{r.attempt}") for r in held))
    asked = [replace(r, key=f"new{i}") for i, r in enumerate(held)]
    assert _texts(_ask(_open(tmp_path), *reversed(asked))) == ["2.1", "1.2", "1.1", "0.1"]
    moved = [replace(r, key=f"moved{i}", combination=r.combination + 10) for i, r in enumerate(held)]
    assert sorted(_texts(_ask(_open(tmp_path), *moved))) == ["0.1", "1.1", "1.2", "2.1"]
    again = [asked[0], asked[0], asked[0]]
    assert _texts(_ask(_open(tmp_path), *again)) == ["0.1"] * 3, "one request is asked for once"


def test_a_request_it_does_not_hold_says_which(tmp_path: Path) -> None:
    make_run(tmp_path / "run.sqlite", (a_request(1), "text"))
    (fault,) = _ask(_open(tmp_path), a_request(17, prompt="judge", attempt=3))
    assert isinstance(fault, BackendFault)
    assert fault.kind is FaultKind.REFUSED
    assert "prompt 'judge', combination 17, attempt 3" in fault.message
    first, second = _ask(_open(tmp_path), a_request(1), a_request(1, key="another", combination=9))
    assert isinstance(first, Reply)
    assert isinstance(second, BackendFault)


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BackendFault, match=r"there is no run 'run\.sqlite'"):
        _open(tmp_path)
    (tmp_path / "run.sqlite").write_text("not a database at all, but a text that is long enough")
    with pytest.raises(BackendFault, match="is not a run to replay"):
        _open(tmp_path)
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    with pytest.raises(BackendFault, match="is not a run to replay"):
        _open(tmp_path, "empty.sqlite")
    with pytest.raises(BackendFault, match="name the run"):
        _open(tmp_path, "")


def test_a_spec_names_runs_near_it_and_a_person_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    for folder in ("specs", "build/x", "private"):
        (project / folder).mkdir(parents=True)
        make_run(project / folder / "run.sqlite", (a_request(1), "text"))
    monkeypatch.chdir(project)
    specs = project / "specs"
    for name in ("run.sqlite", "build/x/run.sqlite", "../build/x/run.sqlite", str(specs / "run.sqlite")):
        _ask(_open(specs, name))
    for name in ("../private/run.sqlite", "private/run.sqlite", str(project / "private/run.sqlite")):
        with pytest.raises(BackendFault, match="out of bounds"):
            _open(specs, name)
        _ask(_open(specs, name, file="--set backend=replay:x"))


def test_the_fingerprint_is_of_the_completions(tmp_path: Path) -> None:
    make_run(tmp_path / "a.sqlite", (a_request(1), "text"))
    make_run(tmp_path / "b.sqlite", (a_request(1), "text"))
    make_run(tmp_path / "c.sqlite", (a_request(1), "text"), (a_request(2), "more"))
    prints = []
    for name in ("a.sqlite", "b.sqlite", "c.sqlite"):
        backend = _open(tmp_path, name)
        prints.append(backend.fingerprint)
        _ask(backend)
    assert prints[0] == prints[1] != prints[2]
    assert str(tmp_path) not in prints[0]


def test_a_run_of_the_store_is_replayed(tmp_path: Path) -> None:
    request = a_request(1)

    async def write() -> None:
        opened = Store.open(tmp_path)
        await opened.put(request, Completion(request.key, Reply("kept", Usage(3, 4), "m", "length")))
        await opened.close()

    asyncio.run(write())
    (reply,) = _ask(_open(tmp_path), replace(request, key="other"))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish, reply.usage.completion_tokens) == ("kept", "length", 4)


def test_a_run_that_showed_a_model_its_thinking_is_found_too(tmp_path: Path) -> None:
    def told(said: str) -> Request:
        turns = (Message("user", "Write."), Message("assistant", said), Message("user", "Again."))
        return a_request(messages=turns)

    make_run(tmp_path / "run.sqlite", (told("<think>\nhm\n</think>\n\nshort"), "long enough"))
    assert _texts(_ask(_open(tmp_path), told("short"))) == ["long enough"]
    make_run(tmp_path / "other.sqlite", (told("<think>never ends"), "long enough"))
    assert _texts(_ask(_open(tmp_path, "other.sqlite"), told("(nothing)"))) == ["long enough"]
