"""The store: durable, exact about what was spent, and clear about every way in which a disk fails."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from depth import quarter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_calls import completion_of, key_of, request_of

from synthspec.inference.store import Spent, Store, StoreFault, folder_lock
from synthspec.inference.store.derived.stored_request import StoredRequest
from synthspec.inference.store.schema import DUPLICATE, SETTLED
from synthspec.inference.store.writer import CommitThread
from synthspec.spec.messages import (
    Completion,
    Constraint,
    Image,
    Message,
    Reply,
    Request,
    Text,
    ToolCall,
    ToolDeclaration,
    ToolResult,
    Usage,
)

ROOT = Path(__file__).parent.parent
texts = st.text(st.characters(codec=None))  # with halves of surrogate pairs, NUL and all


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def put(store: Store, *numbers: int, text: str = "hello", cost: float = 0.25) -> None:
    await asyncio.gather(*(store.put(request_of(n), completion_of(n, text, cost)) for n in numbers))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "run.sqlite") as opened:
        yield opened


def fault_of(call: Any) -> StoreFault:
    with pytest.raises(StoreFault) as caught:
        call()
    assert caught.value.help
    return caught.value


# What goes in comes out


def test_a_completion_is_read_as_it_was_stored(store: Store) -> None:
    assert store.get(key_of(1)) is None
    run(put(store, 1))
    assert store.get(key_of(1)) == Completion(
        key_of(1), Reply("hello", Usage(10, 5), "m-1", "stop"), cost=0.25, latency=0.5, reused=True
    )


@settings(max_examples=quarter(50), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts)
def test_any_text_survives(store: Store, text: str) -> None:
    number = store.spent().requests
    run(put(store, number, text=text))
    found = store.get(key_of(number))
    assert found is not None
    assert found.reply.text == text


def test_the_request_is_kept_for_people_and_replay(store: Store) -> None:
    request = Request(
        key_of(1), "call", 7, 2, (Message("user", "año\ud83d"),), rows=8, seed=3, temperature=0.5,
        constraint=Constraint(json_schema={"type": "object"}),
    )  # fmt: skip
    run(store.put(request, completion_of(1), extra={"backend": "openai:x"}))
    with sqlite3.connect(store.path) as database:
        row = database.execute("SELECT prompt, combination, attempt, request FROM completions").fetchone()
    database.close()
    assert row[:3] == ("call", 7, 2)
    assert json.loads(row[3]) == {
        "messages": [["user", "año\ud83d"]], "rows": 8, "seed": 3, "temperature": 0.5,
        "constraint": '{"json_schema":{"type":"object"}}', "backend": "openai:x",
    }  # fmt: skip
    (call,) = store.iterate_calls(texts=True)
    assert call.text == "hello"
    assert call.request == StoredRequest(
        (Message("user", "año\ud83d"),), 8, 3, 0.5, {"json_schema": {"type": "object"}}, {"backend": "openai:x"}
    )


parts = st.one_of(
    st.builds(Text, texts),
    st.builds(Image, st.binary(max_size=200), st.sampled_from(["image/png", "image/jpeg"])),
    st.builds(
        ToolCall,
        texts,
        texts,
        st.dictionaries(texts, st.one_of(st.integers(), texts, st.none(), st.lists(texts))),
        texts,
        texts,
    ),
    st.builds(ToolResult, texts, texts),
)


@settings(max_examples=quarter(60))
@given(st.lists(parts, max_size=4), texts, st.lists(st.lists(parts, max_size=3), max_size=3))
def test_every_part_and_the_reasoning_are_read_as_they_were_stored(
    said: list[Any], reasoning: str, asked: list[list[Any]]
) -> None:
    reply = Reply(said, Usage(10, 5), "m-1", "stop", reasoning)
    messages = tuple(Message("user", turn) for turn in asked)
    with tempfile.TemporaryDirectory() as folder:
        with Store.open(Path(folder)) as store:
            for number in range(2):  # the second time, texts and pictures are there already
                request = Request(key_of(number), "call", number, 1, messages, rows=1)
                run(store.put(request, Completion(key_of(number), reply, 0.25, 0.5)))
        with Store.open(Path(folder)) as store:
            for call in store.iterate_calls(texts=True):
                found = store.get(call.key)
                assert found is not None
                assert found.reply == reply
                assert call.request is not None
                assert call.request.turns == messages


def test_tools_and_raw_text_are_read_as_they_were_stored(store: Store) -> None:
    tools = (ToolDeclaration("order_status", "Where an order is.", {"type": "object", "required": ["order"]}),) * 2

    async def fill() -> None:
        for n in range(4):
            request = Request(key_of(n), "call", n, 1, (Message("user", "x"),), rows=1, tools=tools, raw=n > 1)
            await store.put(request, completion_of(n))

    run(fill())
    requests = [call.request for call in store.iterate_calls(texts=True)]
    assert [(r.tools, r.raw) for r in requests if r is not None] == [(tools, n > 1) for n in range(4)]


def test_a_picture_is_stored_once(store: Store) -> None:
    async def fill() -> None:
        for n in range(20):
            messages = (Message("user", (Text(f"Look at {n}."), Image(b"x" * 50_000, "image/png"))),)
            await store.put(Request(key_of(n), "call", n, 1, messages, rows=1), completion_of(n))

    run(fill())
    assert store.read("SELECT count(*) FROM blobs") == [(1,)]
    assert store.read("SELECT max(length(request)) < 300 FROM completions") == [(1,)]


def test_texts_that_many_requests_share_are_stored_once(store: Store) -> None:
    system, schema = "You write calls. " * 40, Constraint(json_schema={"enum": ["x" * 500]})

    async def fill() -> None:
        for n in range(30):
            messages = (Message("system", system), Message("user", f"Write call {n}."))
            request = Request(key_of(n), "call", n, 1, messages, rows=1, constraint=schema)
            await store.put(request, completion_of(n))

    run(fill())
    assert store.read("SELECT count(*) FROM blobs") == [(2,)]
    assert store.read("SELECT sum(length(request)) < 6000 FROM completions") == [(1,)]
    for n, call in enumerate(store.iterate_calls(texts=True)):
        assert call.request is not None
        assert call.request.messages == (("system", system), ("user", f"Write call {n}."))
        assert call.request.constraint == {"json_schema": {"enum": ["x" * 500]}}


def test_the_first_completion_of_a_request_stays_and_both_are_paid_for(store: Store) -> None:
    assert run(store.put(request_of(1), completion_of(1, "first")))
    assert not run(store.put(request_of(1), completion_of(1, "second")))
    found = store.get(key_of(1))
    assert found is not None
    assert found.reply.text == "first"
    assert store.spent() == Spent(0.5, 20, 10, 2)


@settings(max_examples=quarter(25), deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_of_several_at_once_the_first_stays_and_the_others_are_duplicates(numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:

        async def work() -> list[bool]:
            sends = [await store.reserve(key_of(n), 1.0, 10) for n in numbers]
            waiting = (
                store.put(request_of(n), completion_of(n, f"{place}"), send=send)
                for place, (n, send) in enumerate(zip(numbers, sends, strict=True))
            )
            return await asyncio.gather(*waiting)

        firsts = run(work())
        for place, number in enumerate(numbers):
            assert firsts[place] == (number not in numbers[:place])
            found = store.get(key_of(number))
            assert found is not None
            assert found.reply.text == str(numbers.index(number))
        states = [state for (state,) in store.read("SELECT state FROM sends ORDER BY id")]
        assert states == [SETTLED if first else DUPLICATE for first in firsts]
        assert store.spent() == Spent(0.25 * len(numbers), 10 * len(numbers), 5 * len(numbers), len(numbers))


def test_calls_come_in_order_of_combination_prompt_and_attempt(store: Store) -> None:
    async def fill() -> None:
        wanted = [(c, p, a) for c in range(5) for p in ("call", "judge") for a in (1, 2)]
        random.Random(1).shuffle(wanted)
        for number, (combination, prompt, attempt) in enumerate(wanted):
            request = Request(key_of(number), prompt, combination, attempt, (), rows=1)
            await store.put(request, completion_of(number))

    run(fill())
    found = [(c.combination, c.prompt, c.attempt) for c in store.iterate_calls()]
    assert found == sorted(found)
    assert len(found) == 20
    assert next(store.iterate_calls()).completion_tokens == 5


def test_notes_are_kept(store: Store) -> None:
    assert store.get_meta("digest") is None
    store.set_meta("digest", "a")
    store.set_meta("digest", "b")
    assert store.get_meta("digest") == "b"


def test_a_store_serves_one_event_loop_after_another(store: Store) -> None:
    run(put(store, 1, 2))
    run(put(store, 3))
    assert all(store.get(key_of(n)) for n in (1, 2, 3))


# What was spent


def test_what_was_reserved_and_never_settled_is_spent(tmp_path: Path) -> None:
    with Store.open(tmp_path) as first:
        run(first.reserve(key_of(1), 0.5, 100))
        assert first.spent() == Spent(0.5, 0, 100, 1)
    with Store.open(tmp_path) as second:
        assert second.spent() == Spent(0.5, 0, 100, 1)
        run(second.reserve(key_of(1), 0.5, 100))
        run(put(second, 1))
        assert second.spent() == Spent(0.75, 10, 105, 2)
    with Store.open_readonly(tmp_path) as third:
        assert third.spent() == Spent(0.75, 10, 105, 2)


def test_a_reservation_is_released_or_settled_once(store: Store) -> None:
    run(store.reserve(key_of(1), 0.5, 100))
    run(store.reserve(key_of(1), 0.5, 100))  # tried again: the first try may have been paid for
    run(store.release(key_of(1)))
    assert store.spent() == Spent(0.5, 0, 100, 1)
    run(put(store, 1))
    assert store.spent() == Spent(0.25, 10, 5, 1)
    run(store.release(key_of(1)))
    assert store.spent() == Spent(0.25, 10, 5, 1)


steps = st.lists(st.tuples(st.sampled_from(["reserve", "put", "release", "reopen"]), st.integers(0, 3)), max_size=25)


@settings(max_examples=quarter(25), deadline=None)
@given(steps)
def test_spent_is_what_a_ledger_says(script: list[tuple[str, int]]) -> None:
    open_, settled, lost = [0, 0, 0, 0], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        for action, number in script:
            if action == "reserve":
                run(store.reserve(key_of(number), 1.0, 10))
                open_[number] += 1
            elif action == "put":
                run(put(store, number, cost=0.5))
                settled, open_[number] = settled + 1, max(0, open_[number] - 1)
            elif action == "release":
                run(store.release(key_of(number)))
                open_[number] = max(0, open_[number] - 1)
            else:
                store.shut()
                store = Store.open(Path(folder))
                lost, open_ = lost + sum(open_), [0, 0, 0, 0]
            worst = sum(open_) + lost
            assert store.spent() == Spent(
                0.5 * settled + worst, 10 * settled, 5 * settled + 10 * worst, settled + worst
            )
        store.shut()


# Durability


def test_many_puts_share_a_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = []
    commit = CommitThread._commit
    monkeypatch.setattr(CommitThread, "_commit", lambda self, jobs: (commits.append(len(jobs)), commit(self, jobs)))

    async def work() -> None:
        async def worker(lane: int) -> None:
            for step in range(5):
                await put(store, lane * 5 + step)

        await asyncio.gather(*(worker(lane) for lane in range(200)))

    run(work())
    assert sum(commits) == 1000
    assert len(commits) <= 40
    assert store.spent().requests == 1000


def test_a_lone_put_does_not_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for company: a transaction for each put, and no timer anywhere."""
    commits: list[int] = []
    commit = CommitThread._commit
    monkeypatch.setattr(CommitThread, "_commit", lambda self, jobs: (commits.append(len(jobs)), commit(self, jobs)))

    def waits(*_: Any, **__: Any) -> None:
        raise AssertionError("a put waits for time to pass")

    async def work() -> None:
        monkeypatch.setattr(time, "sleep", waits)
        monkeypatch.setattr(asyncio.get_running_loop(), "call_at", waits)
        monkeypatch.setattr(threading.Condition, "wait", waits)
        for number in range(15):
            await store.put(request_of(number), completion_of(number))

    run(work())
    monkeypatch.undo()
    assert commits == [1] * 15


def test_a_cancelled_put_is_stored_all_the_same(store: Store) -> None:
    async def work() -> None:
        task = asyncio.create_task(put(store, 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await put(store, 2)

    run(work())
    assert store.get(key_of(1))


def test_one_bad_value_harms_no_other_put(store: Store) -> None:
    async def work() -> list[Any]:
        bad = Request(key_of(1), "call", 2**70, 1, (), rows=1)
        waiting = [store.put(request_of(0), completion_of(0)), store.put(bad, completion_of(1))]
        return await asyncio.gather(*waiting, return_exceptions=True)

    good, bad = run(work())
    assert isinstance(bad, StoreFault)
    assert good is True
    assert "too large" in bad.message or "int" in bad.message
    assert "disk" not in bad.help
    assert store.get(key_of(0))


def test_a_clock_set_back_does_not_matter(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run(put(store, 1, text="first"))
    monkeypatch.setattr("synthspec.inference.store.derived.rows.time.time", lambda: 0.0)
    run(put(store, 1, 2, text="second"))
    found = store.get(key_of(1))
    assert found is not None
    assert found.reply.text == "first"


def start_writer(folder: Path, start: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tests/stored_calls.py"), str(folder), str(start)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def kill(process: subprocess.Popen[str]) -> list[int]:
    """Kill the writer; every number it said was stored."""
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read() if process.stdout else ""
    process.wait()
    if process.stdout:
        process.stdout.close()
    lines = rest.split("\n")[:-1]  # the last line may be cut
    return [int(line) for line in lines]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("rounds", [3, pytest.param(12, marks=pytest.mark.slow)])
def test_kill_at_any_moment_loses_nothing_acknowledged(tmp_path: Path, rounds: int) -> None:
    clock = random.Random(4)
    said: list[int] = []
    for round_ in range(rounds):
        process = start_writer(tmp_path, start=round_ * 1_000_000)
        assert process.stdout
        said += [int(process.stdout.readline()) for _ in range(12)]
        time.sleep(clock.uniform(0.0, 0.2))
        said += kill(process)
    with Store.open(tmp_path) as store:
        lost = [n for n in said if store.get(key_of(n)) is None]
        spent, calls = store.spent(), sum(1 for _ in store.iterate_calls())
    assert not lost
    assert len(said) > 10 * rounds
    assert calls >= len(said)
    assert spent.requests <= calls + rounds * 32  # what was in flight at each kill
    assert spent.cost == pytest.approx(0.5 * calls + (spent.requests - calls))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat(tmp_path: Path) -> None:
    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    with Store.open(tmp_path) as store:
        run(put(store, *range(2_000)))
        before = resident()
        for start in range(0, 200_000, 1_000):
            run(put(store, *range(start, start + 1_000), text="word " * 100))
        for number in range(0, 200_000, 7):
            assert store.get(key_of(number))
        assert sum(1 for _ in store.iterate_calls()) == 200_000
        assert resident() - before < 24


# One build at a time


def test_a_folder_is_open_once(store: Store) -> None:
    fault = fault_of(lambda: Store.open(store.path))
    assert str(os.getpid()) in fault.message


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_another_process_is_refused_until_the_holder_dies(tmp_path: Path) -> None:
    process = start_writer(tmp_path)
    try:
        assert process.stdout
        process.stdout.readline()
        fault = fault_of(lambda: Store.open(tmp_path))
        assert f"process {process.pid}" in fault.message
        with Store.open_readonly(tmp_path) as reading:
            assert reading.get(key_of(0))
    finally:
        kill(process)
    Store.open(tmp_path).shut()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.sqlite"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_hold_the_folder(tmp_path: Path) -> None:
    lock = folder_lock.FolderLock(tmp_path / "run.lock")
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.read(ours, 1)
        os._exit(0)
    lock.release()
    take = "import pathlib, sys; from synthspec.inference.store import folder_lock as f; f.FolderLock(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", take, str(tmp_path / "run.lock")]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    os.write(theirs, b"x")
    os.waitpid(child, 0)
    os.close(ours)
    os.close(theirs)


def test_a_lock_left_by_a_dead_process_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text("1\n")
    Store.open(tmp_path).shut()


# Disks that fail


def test_a_full_disk_fails_every_waiting_put_and_loses_nothing(store: Store) -> None:
    run(put(store, *range(50)))
    connection = store._writer.connection  # type: ignore[union-attr]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    async def fill() -> list[Any]:
        waiting = (store.put(request_of(n), completion_of(n, "x" * 9000)) for n in range(100, 200))
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = run(fill())
    assert all(isinstance(o, StoreFault) and "full" in o.message for o in outcomes)
    assert all(store.get(key_of(n)) for n in range(50))
    assert store.spent().requests == 50
    connection.execute(f"PRAGMA max_page_count = {pages + 10_000}")
    run(put(store, *range(100, 200)))
    assert store.spent().requests == 150


def test_a_store_that_became_read_only_says_so(store: Store) -> None:
    run(put(store, 1))
    store._writer.connection.execute("PRAGMA query_only = 1")  # type: ignore[union-attr]
    fault = fault_of(lambda: run(put(store, 2)))
    assert "cannot be written" in fault.message
    assert store.get(key_of(1))


def test_a_read_only_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("synthspec.inference.store.folder_lock._take", refuse)
    assert "cannot be written" in fault_of(lambda: Store.open(tmp_path)).message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_finished_store_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run(put(store, 1))
    tmp_path.chmod(0o500)
    try:
        with Store.open_readonly(tmp_path) as store:
            assert store.get(key_of(1))
        assert "cannot be written" in fault_of(lambda: Store.open(tmp_path)).message
    finally:
        tmp_path.chmod(0o700)


def test_reading_leaves_no_files_behind(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        run(put(store, 1))
    with Store.open_readonly(tmp_path / "run.sqlite") as store:
        assert store.get(key_of(1))
        assert "not open for writing" in fault_of(lambda: run(put(store, 2))).message
    assert [p.name for p in tmp_path.iterdir()] == ["run.sqlite"]


def test_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert "no store" in fault_of(lambda: Store.open_readonly(tmp_path)).message


@pytest.mark.skipif(os.name != "posix", reason="open files cannot be removed")
@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_folder_removed_during_the_build_is_put_back(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "build"
    with Store.open(folder) as store:
        run(put(store, *range(20)))
        if how == "removed":
            shutil.rmtree(folder)
        else:
            folder.rename(tmp_path / "elsewhere")
        fault = fault_of(lambda: run(put(store, *range(20, 40))))
        assert "removed or moved" in fault.message
        assert store.get(key_of(30))
        run(put(store, 50))  # calls that were in flight still come home
        assert "another build" in fault_of(lambda: Store.open(folder)).message
    with Store.open(folder) as store:
        assert all(store.get(key_of(n)) for n in [*range(40), 50])
        assert store.spent().requests == 41
    assert [p.name for p in folder.iterdir()] == ["run.sqlite"]


@pytest.mark.skipif(os.name != "posix", reason="open files cannot be removed")
def test_a_folder_removed_before_the_end_is_put_back(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    store = Store.open(folder)
    run(put(store, 1))
    shutil.rmtree(folder)
    assert "removed" in fault_of(store.shut).message
    with Store.open(folder) as store:
        assert store.get(key_of(1))


@pytest.mark.skipif(os.name != "posix", reason="open files cannot be removed")
def test_a_folder_that_cannot_be_put_back_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    store = Store.open(folder)
    run(put(store, 1))
    shutil.rmtree(folder)
    folder.write_text("in the way")
    assert "could not be put back" in fault_of(lambda: run(put(store, 2))).message
    folder.unlink()
    assert "removed or moved" in fault_of(store.shut).message
    with Store.open(folder) as store:
        assert store.get(key_of(1))
        assert store.get(key_of(2))


# Files that are not what they should be


def filled(folder: Path, count: int = 300) -> Path:
    with Store.open(folder) as store:
        run(put(store, *range(count), text="some words " * 40))
    return folder / "run.sqlite"


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    database = sqlite3.connect(path)
    database.execute("INSERT INTO migrations VALUES (3, 0)")
    database.execute("PRAGMA user_version = 3")
    database.commit()
    database.close()
    for opening in (Store.open, Store.open_readonly):
        fault = fault_of(lambda opening=opening: opening(tmp_path))
        assert "newer" in fault.message
        assert "Upgrade" in fault.help


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    path.write_text("name,age\nana,30\n")
    assert "not a store" in fault_of(lambda: Store.open(tmp_path)).message
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (a)")
    database.close()
    assert "not written by synthspec" in fault_of(lambda: Store.open(tmp_path)).message
