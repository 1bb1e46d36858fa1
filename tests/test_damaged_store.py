"""Damaged stores: every damage is told or harmless, and every completion that can be read is kept."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from depth import one_in
from test_store import fault_of, filled, key_of, kill, put, run, start_writer

from synthspec.inference.store import Spent, Store, StoreDamaged
from synthspec.inference.store.rescue.carve import PAGE
from synthspec.spec.messages import Completion, Constraint, Message, Reply, Request, Usage

DATA = Path(__file__).parent / "data" / "store"
COUNT = 120


def text_of(number: int) -> str:
    """Short, long over several pages, with what no text has: by number."""
    return ["some words " * 20, "x" * 9000, "half \ud83d", "", "NUL \0", "año " * 900][number % 6] + str(number)


async def fill(store: Store) -> None:
    system = Message("system", "You write calls of a help desk. " * 5)
    constraint = Constraint(json_schema={"type": "object", "title": "y" * 100})
    for n in range(COUNT):
        request = Request(
            key_of(n), "call", n, 1, (system, Message("user", f"Call {n}. " * 9)), 1, constraint=constraint
        )
        await store.reserve(key_of(n), 1.0, 10)
        await store.put(request, Completion(key_of(n), Reply(text_of(n), Usage(10, 5), "m-1"), 0.25, 0.5))
    await store.reserve(key_of(900), 1.0, 10)


@cache
def image() -> tuple[bytes, bytes]:
    """A store as a kill left it: the file and its log, with a call under way."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        store = Store.open(Path(name))
        run(fill(store))
        path = store.path
        store.set_meta("note", "kept")
        base, log = path.read_bytes(), path.with_name("run.sqlite-wal").read_bytes()
        store.shut()
    assert base[:16] == b"SQLite format 3\0"
    assert len(log) > 20 * PAGE
    return base, log


@cache
def plain_image() -> bytes:
    """The same in one file."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "run.sqlite"
        base, log = image()
        path.write_bytes(base)
        path.with_name("run.sqlite-wal").write_bytes(log)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
        return path.read_bytes()


def read_through(folder: Path) -> tuple[dict[int, str], Store]:
    """Every completion of a store that may be damaged, opened as often as it says that it must be."""
    for _ in range(4):
        store = Store.open(folder, accept_loss=True)
        try:
            found = {n: c.reply.text for n in range(COUNT) if (c := store.get(key_of(n))) is not None}
        except StoreDamaged as fault:
            assert "Build again" in fault.help
            store.shut()
        else:
            return found, store
    raise AssertionError("the damage stays however often it is rescued")


def flip_bits(content: bytearray, chance: random.Random) -> int:
    for _ in range(chance.choice([1, 1, 1, 2, 8, 64])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return 64


def truncate(content: bytearray, chance: random.Random) -> int:
    keep = chance.randrange(PAGE, len(content))
    lost = len(content) - keep
    del content[keep:]
    return lost // PAGE + 1


def zero_page(content: bytearray, chance: random.Random) -> int:
    at = chance.randrange(len(content) // PAGE) * PAGE
    content[at : at + PAGE] = bytes(PAGE)
    return 1


def zero_sector(content: bytearray, chance: random.Random) -> int:
    at = chance.randrange(len(content) // 512) * 512
    content[at : at + 512] = bytes(512)
    return 1


def swap_pages(content: bytearray, chance: random.Random) -> int:
    one, two = (p * PAGE for p in chance.sample(range(len(content) // PAGE), 2))
    content[one : one + PAGE], content[two : two + PAGE] = content[two : two + PAGE], content[one : one + PAGE]
    return 2


def fill_with_noise(content: bytearray, chance: random.Random) -> int:
    at, size = chance.randrange(len(content) - 600), chance.choice([1, 8, 32, 100, 512])
    content[at : at + size] = chance.randbytes(size)
    return 2


DAMAGES: list[Callable[[bytearray, random.Random], int]] = [
    flip_bits, truncate, zero_page, zero_sector, swap_pages, fill_with_noise,
]  # fmt: skip
PER_PAGE = 12  # completions in one page of short ones, at most


@pytest.mark.parametrize("damage", one_in(2, DAMAGES), ids=lambda d: d.__name__)
@pytest.mark.parametrize("first", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_damage_is_told_or_harmless_and_loses_only_what_it_hit(
    tmp_path: Path, damage: Callable[[bytearray, random.Random], int], first: int
) -> None:
    for seed in range(first, first + (2 if first == 0 else 58)):
        chance = random.Random(f"{damage.__name__} {seed}")
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = folder / "run.sqlite"
        if chance.random() < 0.3:
            base, log = image()
            content = bytearray(log)
            hit = damage(content, chance)
            path.write_bytes(base)
            path.with_name("run.sqlite-wal").write_bytes(content)
            hit += COUNT  # SQLite takes a log up to the first frame that is not whole: what follows is found by carving
        else:
            content = bytearray(plain_image())
            hit = damage(content, chance)
            path.write_bytes(content)
        found, store = read_through(folder)
        with store:
            assert all(text == text_of(n) for n, text in found.items()), seed
            assert len(found) >= COUNT - hit * PER_PAGE, (seed, len(found))
            assert store.spent().requests >= len(found)
            run(put(store, *(n for n in range(COUNT) if n not in found)))
        shutil.rmtree(folder)


@pytest.mark.parametrize("bits", [6, pytest.param(150, marks=pytest.mark.slow)])
def test_single_bits_are_all_told_or_harmless(bits: int, tmp_path: Path) -> None:
    """A bit in every few bytes: whatever is read afterwards is what was written, and so is what was spent."""
    chance = random.Random(11)
    sound = plain_image()
    sums = Spent(COUNT * 0.25 + 1.0, COUNT * 10, COUNT * 5 + 10, COUNT + 1)
    for _ in range(bits):
        content = bytearray(sound)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path = tmp_path / "run.sqlite"
        path.write_bytes(content)
        found, store = read_through(tmp_path)
        with store:
            assert store.began_with_version() > 1
            assert all(text == text_of(n) for n, text in found.items())
            assert len(found) >= COUNT - 1
            assert store.spent() == sums
            assert store.get_meta("note") in ("kept", None)
        for left in tmp_path.iterdir():
            left.unlink()


# What is told, and what is not done


def damage_page(path: Path, page: int) -> None:
    content = bytearray(path.read_bytes())
    content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(content)


def test_a_rescue_with_fewer_completions_is_not_used_unless_told(tmp_path: Path) -> None:
    path = filled(tmp_path)
    damage_page(path, 30)
    broken = path.read_bytes()
    fault = fault_of(lambda: Store.open(tmp_path))
    assert isinstance(fault, StoreDamaged)
    assert "of its 300 completions can be read" in fault.help
    assert "run.sqlite.rescued-1" in fault.help
    assert "ename" not in fault.help
    assert path.read_bytes() == broken
    fault_of(lambda: Store.open(tmp_path))  # again: no second rescue of the same
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.sqlite", "run.sqlite.rescued-1"]
    with Store.open(tmp_path, accept_loss=True) as store:
        kept = {n for n in range(300) if store.get(key_of(n)) is not None}
        assert 285 <= len(kept) < 300
        assert store.spent() == Spent(75.0, 3000, 1500, 300)
        assert store.notice is not None
        assert f"{len(kept)} of 300 completions" in store.notice
    damaged = next(p for p in tmp_path.iterdir() if ".damaged-" in p.name)
    assert damaged.read_bytes() == broken
    with Store.open(tmp_path) as store:
        assert store.notice is None
        run(put(store, *range(300)))


def test_damage_that_loses_no_completion_is_repaired_at_once(tmp_path: Path) -> None:
    path = filled(tmp_path)
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'completions'").fetchone()
    connection.close()
    damage_page(path, root - 1)  # the page that points to all others
    with Store.open(tmp_path) as store:
        assert "300 completions were rescued" in (store.notice or "")
        assert all(store.get(key_of(n)) for n in range(300))
        assert store.spent() == Spent(75.0, 3000, 1500, 300)


def test_a_damaged_request_costs_no_completion(tmp_path: Path) -> None:
    path = filled(tmp_path)
    content = path.read_bytes()
    at = content.index(b"Write call 7.")
    path.write_bytes(content[:at] + b"w" + content[at + 1 :])
    with Store.open(tmp_path) as store:
        assert store.get(key_of(7))
        store.set_meta("damaged", "as if it had been met")
    with Store.open(tmp_path) as store:
        assert all(store.get(key_of(n)) for n in range(300))
        calls = {c.combination: c for c in store.iterate_calls(texts=True)}
        assert calls[7].request is not None
        assert calls[7].request.messages == ()
        assert calls[8].request is not None
        assert len(calls[8].request.messages) == 2


def test_no_rescue_and_no_damaged_store_is_written_over(tmp_path: Path) -> None:
    path = filled(tmp_path)
    sound = path.read_bytes()
    for name in ("rescued-1", "damaged-2", "rescued-5"):
        (tmp_path / f"run.sqlite.{name}").write_text(name)
    content = bytearray(sound)
    content[100 : 100 + PAGE * 4] = bytes(PAGE * 4)
    path.write_bytes(content)
    with Store.open(tmp_path, accept_loss=True) as store:
        assert store.get(key_of(299))
    for name in ("rescued-1", "damaged-2", "rescued-5"):
        assert (tmp_path / f"run.sqlite.{name}").read_text() == name


def test_what_an_earlier_rescue_holds_is_kept_too(tmp_path: Path) -> None:
    """A store of which nothing is left, beside an earlier one that is whole: nothing is lost."""
    path = filled(tmp_path)
    shutil.copy(path, tmp_path / "run.sqlite.rescued-1")
    path.write_bytes(path.read_bytes()[: 3 * PAGE])
    with Store.open(tmp_path, accept_loss=True) as store:
        assert all(store.get(key_of(n)) for n in range(300))


@pytest.mark.parametrize("name", ["run.sqlite.damaged", "run.sqlite.damaged-1", "run.sqlite.rescued-3"])
def test_a_store_that_was_put_aside_comes_back_where_there_is_none(tmp_path: Path, name: str) -> None:
    filled(tmp_path).rename(tmp_path / name)
    with Store.open(tmp_path) as store:
        assert all(store.get(key_of(n)) for n in range(300))
        assert "missing" in (store.notice or "")


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("aside", [True, False])
def test_the_log_of_a_store_that_is_gone_is_read(tmp_path: Path, aside: bool) -> None:
    process = start_writer(tmp_path)
    assert process.stdout
    said = [int(process.stdout.readline()), *kill(process)]
    assert (tmp_path / "run.sqlite-wal").exists()
    if aside:
        (tmp_path / "run.sqlite").rename(tmp_path / "run.sqlite.damaged")
    else:
        (tmp_path / "run.sqlite").unlink()
    with Store.open(tmp_path, accept_loss=True) as store:
        assert all(store.get(key_of(n)) for n in said)


def test_a_file_that_is_no_store_is_never_moved(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    for content in (b"name,age\nana,30\n", b"\x89PNG" * 5000, os.urandom(20_000)):
        path.write_bytes(content)
        assert "not a store" in fault_of(lambda: Store.open(tmp_path, accept_loss=True)).message
        assert path.read_bytes() == content
        assert [p.name for p in tmp_path.iterdir()] == ["run.sqlite"]


def test_a_rescue_that_cannot_be_written_leaves_all_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    damage_page(path, 30)
    broken = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synthspec.inference.store.rescue.salvage._write", full)
    assert "full" in fault_of(lambda: Store.open(tmp_path, accept_loss=True)).message
    assert [p.name for p in tmp_path.iterdir()] == ["run.sqlite"]
    assert path.read_bytes() == broken


@pytest.mark.parametrize("step", ["os.link", "pathlib.Path.replace", "synthspec.inference.store.opening.sync_folder"])
def test_a_swap_cut_off_at_any_step_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    class Cut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise Cut

    path = filled(tmp_path)
    damage_page(path, 30)
    with monkeypatch.context() as patch:
        patch.setattr(step, cut)
        with pytest.raises(Cut):
            Store.open(tmp_path, accept_loss=True)
    with Store.open(tmp_path, accept_loss=True) as store:
        assert sum(store.get(key_of(n)) is not None for n in range(300)) >= 285
        assert store.spent() == Spent(75.0, 3000, 1500, 300)


# Version 1


def expected_of_version_1() -> dict[str, tuple[str, int]]:
    texts = ["Call {n}: the meter shows {m} €.", "half \ud83d a pair", "", "NUL \0 inside", "x" * 6000]
    calls = {f"{2 * n:032x}": (texts[n % 5].format(n=n, m=n * 37), 50 + n) for n in range(40)}
    judged = {f"{2 * n + 1:032x}": (f'{{"score": {n % 5}}}', 50 + n) for n in range(39)}
    return {**calls, **judged, f"{79:032x}": ('{"score": 9}', 50)}


def copy_of_version_1(folder: Path) -> Path:
    return Path(shutil.copy(DATA / "run-0.1.sqlite", folder / "run.sqlite"))


def check_version_1(store: Store) -> None:
    for key, (text, asked) in expected_of_version_1().items():
        found = store.get(key)
        assert found is not None
        assert (found.reply.text, found.reply.usage) == (text, Usage(asked, 100)), key
        assert (found.cost, found.latency, found.reply.model) == (0.0005, 0.25, "m-1")
    spent = store.spent()
    assert spent.cost == pytest.approx(0.0405 + 0.003)
    assert (spent.prompt_tokens, spent.completion_tokens, spent.requests) == (5610, 8100 + 1500, 84)
    calls = list(store.iterate_calls(texts=True))
    assert len(calls) == 80
    assert calls[1].request is not None
    assert calls[1].request.messages == (("system", "You write calls of a help desk."), ("user", "Write call 0."))
    assert calls[1].request.constraint["json_schema"]["type"] == "object"
    assert store.get_meta("spec") == "fixture"


def test_a_store_of_version_1_opens_and_loses_nothing(tmp_path: Path) -> None:
    path = copy_of_version_1(tmp_path)
    image = path.read_bytes()
    with Store.open_readonly(tmp_path) as store:
        check_version_1(store)
    assert path.read_bytes() == image
    for _ in range(2):
        with Store.open(tmp_path) as store:
            check_version_1(store)
            assert store.notice is None
    assert [p.name for p in tmp_path.iterdir()] == ["run.sqlite"]


def test_a_migration_cut_off_leaves_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_of_version_1(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("synthspec.inference.store.schema.meta_checksum", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            Store.open(tmp_path)
    with Store.open_readonly(tmp_path) as store:
        check_version_1(store)
    with Store.open(tmp_path) as store:
        check_version_1(store)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_damaged_store_of_version_1_is_rescued(tmp_path: Path, step: int) -> None:
    path = copy_of_version_1(tmp_path)
    image = path.read_bytes()
    lost_at_most = 12
    for page in range(1, len(image) // PAGE, step):
        path.write_bytes(image[: page * PAGE] + bytes(PAGE) + image[(page + 1) * PAGE :])
        with Store.open(tmp_path, accept_loss=True) as store:
            found = {k: store.get(k) for k in expected_of_version_1()}
            assert store.began_with_version() == 1 or not any(found.values()), page  # its keys hold addresses
            assert sum(c is None for c in found.values()) <= lost_at_most, page
            assert all(c is None or c.reply.text == expected_of_version_1()[k][0] for k, c in found.items())
        for left in tmp_path.iterdir():
            left.unlink()


def test_the_checksum_of_version_1_is_believed(tmp_path: Path) -> None:
    path = copy_of_version_1(tmp_path)
    content = path.read_bytes()
    at = content.index(b"the meter shows")
    path.write_bytes(content[:at] + b"T" + content[at + 1 :])
    fault = fault_of(lambda: Store.open(tmp_path))
    assert "79 of its 80 completions" in fault.help
    assert zlib.crc32(path.read_bytes()) != zlib.crc32(content)
