"""The store and its lock on real systems: links, folders of other users, paths that cannot be, power cuts."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_store import completion_of, fault_of, filled, key_of, put, request_of, run

from synthspec.inference.store import Spent, Store, StoreFault
from synthspec.inference.store.opening import open_to_write

ROOT = Path(__file__).parent.parent
PAGE = 4096


# Links


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_folder_reached_by_two_names_is_locked_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "chain").symlink_to(tmp_path / "link")
    for one, two in (("real", "link"), ("link", "chain"), ("chain", "real")):
        with Store.open(tmp_path / one):
            assert "another build" in fault_of(lambda two=two: Store.open(tmp_path / two)).message
            assert "another build" in _open_elsewhere(tmp_path / two)
    assert sorted(p.name for p in (tmp_path / "real").iterdir()) == ["run.sqlite"]


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_store_that_two_folders_link_to_is_open_once(tmp_path: Path) -> None:
    filled(tmp_path / "real", 3)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.sqlite").symlink_to(tmp_path / "real/run.sqlite")
    with Store.open(tmp_path / "one") as store:
        run(put(store, 7))
        for other in ("two", "real", "one"):
            assert "another build" in fault_of(lambda other=other: Store.open(tmp_path / other)).message
            assert "another build" in _open_elsewhere(tmp_path / other)
    with Store.open(tmp_path / "two") as store:
        assert store.get(key_of(7))
    with Store.open(tmp_path / "real") as store:
        assert store.spent().requests == 4
    assert sorted(p.name for p in (tmp_path / "real").iterdir()) == ["run.sqlite"]


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_lock_that_is_a_link_writes_over_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/run.lock").symlink_to(precious)
    assert "symbolic link" in fault_of(lambda: Store.open(tmp_path / "build")).message
    assert precious.read_text() == "mine"
    (tmp_path / "build/run.lock").unlink()
    (tmp_path / "build/run.lock").symlink_to(tmp_path / "nowhere")
    assert "symbolic link" in fault_of(lambda: Store.open(tmp_path / "build")).message
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("beside", [False, True])
def test_another_program_that_reads_the_store_removes_nothing_from_it(tmp_path: Path, beside: bool) -> None:
    """SQLite removes the write-ahead log when the last connection closes: a build must count as one."""
    look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute('SELECT count(*) FROM completions').fetchone()); c.close()"

    def elsewhere() -> int:
        shown = subprocess.run(
            [sys.executable, "-c", look, str(tmp_path / "run.sqlite")], capture_output=True, check=True
        )
        return int(shown.stdout)

    with Store.open(tmp_path) as store:
        run(put(store, 1))
        if beside:  # a reader of this process comes and goes
            with Store.open_readonly(tmp_path) as reader:
                assert reader.get(key_of(1))
        log = (tmp_path / "run.sqlite-wal").stat()
        assert elsewhere() == 1
        assert os.path.samestat((tmp_path / "run.sqlite-wal").stat(), log)
        run(put(store, 2))
        assert elsewhere() == 2


def _open_elsewhere(folder: Path) -> str:
    """What another process is told that opens a folder."""
    script = "import sys; from pathlib import Path; from synthspec.inference.store import Store; Store.open(Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    return done.stderr


# Folders of other users, and paths that cannot be


def _as_nobody(work: Callable[[], Any]) -> Any:
    """What the work gives, done by a user who owns nothing, in a process of its own."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            os.setgroups([])
            os.setegid(65534)
            os.seteuid(65534)
            said = work()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(theirs, json.dumps(said).encode())
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with os.fdopen(ours, "rb") as file:
        return json.loads(file.read())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "modes, to_write, to_read",
    [
        ((0o755, 0o644, None), "cannot be written", 3),
        ((0o777, 0o644, None), "cannot be written", 3),
        ((0o700, 0o644, None), "cannot be written", "cannot be read"),
        ((0o777, 0o600, None), "cannot be", "cannot be read"),
        ((0o777, 0o666, 0o644), "cannot be written", 3),
        ((0o1777, 0o666, None), 3, 3),
    ],
)
def test_a_folder_of_another_user_is_used_as_far_as_it_may_be(
    modes: tuple[int, int, int | None], to_write: str | int, to_read: str | int
) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest closes the folder of its own to others whenever a run begins
        Path(place).chmod(0o755)
        _use_as_far_as_it_may_be(Path(place) / "build", modes, to_write, to_read)


def _use_as_far_as_it_may_be(
    folder: Path, modes: tuple[int, int, int | None], to_write: str | int, to_read: str | int
) -> None:
    path = filled(folder, 3)
    path.chmod(modes[1])
    if modes[2] is not None:
        (folder / "run.lock").write_text("1\n")
        (folder / "run.lock").chmod(modes[2])
    folder.chmod(modes[0])

    if _as_nobody(lambda: os.access(folder.parent, os.X_OK, effective_ids=True)) is not True:
        pytest.skip("nobody but root reaches the folder of the tests")

    def tell(opening: Callable[[Path], Store]) -> Callable[[], str | int]:
        def work() -> str | int:
            try:
                with opening(folder) as store:
                    return store.spent().requests
            except StoreFault as fault:
                assert fault.help
                return fault.message

        return work

    before = path.read_bytes()
    for opening, expected in ((Store.open_readonly, to_read), (Store.open, to_write)):
        said = _as_nobody(tell(opening))
        assert said == expected if isinstance(expected, int) else expected in said, (opening, said)
    if isinstance(to_write, str):
        assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "y" * 5000, "file/below", "loop/below"])
def test_a_path_that_cannot_be_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "loop").symlink_to("loop")
    for opening in (Store.open, Store.open_readonly):
        fault = fault_of(lambda opening=opening: opening(tmp_path / name))
        assert "disk" not in fault.help


def test_no_memory_for_a_thread_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        fault = fault_of(lambda: Store.open(tmp_path))
    assert "memory" in fault.message
    Store.open(tmp_path).shut()


# Power cuts


def test_every_commit_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    opened = open_to_write(tmp_path / "run.sqlite")
    try:
        assert opened.connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert opened.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        opened.connection.close()


def test_a_new_store_has_its_name_synced_before_anything_is_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("synthspec.inference.store.opening.sync_folder", synced.append)
    with Store.open(tmp_path / "build"):
        assert synced == [tmp_path / "build"]


def test_a_file_system_that_syncs_no_folders_has_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def of_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", of_files)
    with Store.open(tmp_path / "build"):
        assert (tmp_path / "build" / "run.sqlite").is_file()


def test_a_rescue_is_synced_before_it_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[30 * PAGE : 31 * PAGE] = bytes(PAGE)
    path.write_bytes(content)
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_sync(file: int) -> None:
        order.append("sync")
        fsync(file)

    def note_replace(self: Path, target: Path) -> Path:
        order.append(f"{self.name} → {Path(target).name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    Store.open(tmp_path, accept_loss=True).shut()
    at = order.index("run.sqlite.rescued-1 → run.sqlite")
    assert "sync" in order[:at]
    assert "sync" in order[at + 1 :]


def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """What is written after an acknowledgement may be there or not, block by block, in the log and in the file; what
    was acknowledged before must be. The log that is written from its start again has been copied and synced before."""
    chance = random.Random(5)
    live = tmp_path / "live"
    snapshots: list[tuple[int, bytes, bytes]] = []
    with Store.open(live) as store:
        for number in range(160):
            run(store.reserve(key_of(number), 1.0, 10))
            run(put(store, number, text=f"{number} " * chance.choice([5, 500, 3000])))
            if number % 8 == 0:
                base, log = (live / "run.sqlite").read_bytes(), (live / "run.sqlite-wal").read_bytes()
                snapshots.append((number, base, log))
            if number % 60 == 59:
                with contextlib.closing(sqlite3.connect(live / "run.sqlite")) as other:
                    other.execute("PRAGMA wal_checkpoint(PASSIVE)")
    for index, (number, base, log) in enumerate(snapshots[:-1]):
        _, later_base, later_log = snapshots[index + 1]
        if later_log[:32] != log[:32]:
            continue  # the log began anew: what it held is in the file, and synced
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        (folder / "run.sqlite").write_bytes(_mixed(base, later_base, 0, chance))
        (folder / "run.sqlite-wal").write_bytes(_mixed(log, later_log, len(log), chance))
        with Store.open(folder) as store:
            assert store.notice is None
            for done in range(number + 1):
                found = store.get(key_of(done))
                assert found is not None, (number, done)
                assert found.reply.text.startswith(f"{done} ")
            assert store.spent().requests >= number + 1


def _mixed(old: bytes, new: bytes, kept: int, chance: random.Random) -> bytes:
    """Each block as it was or as it was to be; the first `kept` bytes as they were, and synced."""
    new = new[: chance.randrange(len(old), len(new) + 1)] if len(new) > len(old) else new
    mixed = bytearray(new)
    for at in range(0, len(mixed), 512):
        if at < kept or chance.random() < 0.5:
            block = old[at : at + 512].ljust(len(mixed[at : at + 512]), b"\0")
            mixed[at : at + 512] = block if at + 512 <= max(kept, 512) or at >= kept else mixed[at : at + 512]
    mixed[:kept] = old[:kept]
    return bytes(mixed)


def test_spent_is_what_was_set_aside_after_any_cut(tmp_path: Path) -> None:
    """A cut right after a reservation: the call may have been sent, so it counts."""
    with Store.open(tmp_path / "live") as store:
        run(store.reserve(key_of(1), 1.0, 10))
        base = (tmp_path / "live/run.sqlite").read_bytes()
        log = (tmp_path / "live/run.sqlite-wal").read_bytes()
        run(store.put(request_of(1), completion_of(1)))
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "run.sqlite").write_bytes(base)
    (folder / "run.sqlite-wal").write_bytes(log)
    with Store.open(folder) as store:
        assert store.spent() == Spent(1.0, 0, 10, 1)
        assert asyncio.run(store.put(request_of(1), completion_of(1)))
