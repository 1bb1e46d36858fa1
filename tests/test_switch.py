"""From one dataset of a folder to the next: all of the new files or all of the old, wherever it is cut off."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from depth import rest_slow
from loopback import Loopback

import synthspec
from synthspec.cli import cli
from synthspec.dataset import switch
from synthspec.dataset.publish import PushFault, pack_dataset
from synthspec.evaluation.corpus.corpus import read_corpus
from synthspec.inference.store.folder_lock import FolderLock
from synthspec.sources import TableFault

STEPS = ("replace", "rename", "fsync", "unlink", "rmdir", "mkdir", "open")


class Killed(BaseException):
    """The process is gone: nothing after this has any effect."""


class Steps:
    """Every change of the file system, counted; from the one numbered `last` on they fail."""

    def __init__(self, last: int | None, error: Callable[[], BaseException], once: bool) -> None:
        self.last, self.error, self.once, self.count = last, error, once, 0

    def step(self) -> None:
        self.count += 1
        if self.last is not None and (self.count == self.last or (self.count > self.last and not self.once)):
            raise self.error()


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, last: int | None, error: Callable[[], BaseException] = Killed,
            once: bool = False) -> Iterator[Steps]:  # fmt: skip
    steps = Steps(last, error, once)
    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, _counted(steps, name, getattr(os, name)))
        yield steps


def _counted(steps: Steps, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if name != "open" or (len(args) > 1 and args[1] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)):
            steps.step()
        return real(*args, **kwargs)

    return wrapped


def files_in(folder: Path) -> dict[str, bytes]:
    """What stands in a folder, the store aside."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {p: b for p, b in found.items() if not p.startswith((".next", "run."))}


def put(folder: Path, files: dict[str, str], into: str = "", name: str = "d") -> None:
    """One dataset of these files through the switch."""
    place = switch.stage(folder)
    listed = []
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        listed.append({"path": path, "rows": 1, "sha256": digest, "bytes": len(text), "format": "csv"})
    (place / "quarantine.jsonl").write_text(json.dumps(files))
    (place / "manifest.json").write_text(json.dumps({"name": name, "files": listed}))
    switch.commit(folder, into)


BEFORE = {"d.csv": "old", "joy/d.csv": "old joy", "fear/d.csv": "old fear", "x.csv": "goes"}
AFTER = {"d.csv": "new", "joy/d.csv": "new joy", "anger/deep/d.csv": "new anger", "x.csv/d.csv": "a folder now"}


CUTS = [
    (into, error, once)
    for into in ("", switch.INCOMPLETE)
    for error in (Killed, lambda: OSError(28, "No space left on device"))
    for once in (False, True)
]


@pytest.mark.parametrize(("into", "error", "once"), rest_slow(CUTS, (7,)))
def test_cut_off_at_any_step_there_is_never_a_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: str, error: Callable[[], BaseException], once: bool
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # counted all the same; the machine keeps running

    def prepared(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        put(folder, BEFORE)
        put(folder, {"d.csv": "less"}, switch.INCOMPLETE)
        return folder

    whole = prepared("whole")
    old = files_in(whole)
    with failing(monkeypatch, None) as steps:
        put(whole, AFTER, into)
    new = files_in(whole)
    assert old != new and ("incomplete/d.csv" in new) == bool(into)
    seen = set()
    for last in range(1, steps.count + 1):
        folder = prepared(f"{last}")
        try:
            with failing(monkeypatch, last, error, once):
                put(folder, AFTER, into)
        except (Killed, OSError):
            pass
        switch.settle(folder)
        found = files_in(folder)
        assert found in (old, new), last
        assert not (folder / switch.COMMIT).exists()
        seen.add(found == new)
        put(folder, AFTER, into)  # and the next build is none the worse for it
        assert files_in(folder) == new
        shutil.rmtree(folder)
    assert seen == {True, False} or once


def test_cut_off_while_a_switch_is_finished_it_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    put(tmp_path, BEFORE)
    decided = tmp_path / "decided"

    def stop(folder: Path) -> None:
        shutil.copytree(folder, decided)

    with monkeypatch.context() as patch:
        patch.setattr(switch, "roll_forward", stop)
        put(tmp_path, AFTER)
    shutil.rmtree(tmp_path / switch.COMMIT)
    folder = tmp_path / "copy"
    shutil.copytree(decided, folder)
    with failing(monkeypatch, None) as steps:
        switch.settle(folder)
    new = files_in(folder)
    for last in range(1, steps.count + 1):
        shutil.rmtree(folder)
        shutil.copytree(decided, folder)
        for cut in (last, max(1, last // 2)):  # twice over
            with failing(monkeypatch, cut), suppress(Killed, switch.SwitchFault):
                switch.settle(folder)
            _release(folder)
        switch.settle(folder)
        assert files_in(folder) == new


def _release(folder: Path) -> None:
    """A killed process holds no lock."""
    from synthspec.inference.store import folder_lock

    folder_lock._held.clear()
    (folder / switch.LOCK).unlink(missing_ok=True)


@pytest.mark.parametrize("read", ["", "d.csv", "incomplete", "incomplete/d.csv"])
def test_whatever_is_read_the_folder_is_settled_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    put(tmp_path, {"d.csv": "text\nold\n"})
    with monkeypatch.context() as patch:
        patch.setattr(switch, "roll_forward", lambda folder: None)
        put(tmp_path, {"d.csv": "text\nnew\n"}, switch.INCOMPLETE if read.startswith("incomplete") else "")
    assert (tmp_path / switch.COMMIT).is_dir()
    assert read_corpus(tmp_path / read).columns == {"text": ["new"]}
    assert not (tmp_path / switch.COMMIT).exists()


def test_everything_is_durable_before_the_switch_is_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[tuple[int, int]] = set()
    real_sync, real_rename = os.fsync, os.rename

    def sync(handle: int) -> None:
        status = os.fstat(handle)
        synced.add((status.st_ino, status.st_mtime_ns))
        real_sync(handle)

    def rename(source: Any, target: Any) -> None:
        inside = [source, *Path(source).rglob("*")]
        left = [p for p in inside if (p.stat().st_ino, p.stat().st_mtime_ns) not in synced]
        assert not left, left
        decided.append(target)
        real_rename(source, target)

    decided: list[Path] = []
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    put(tmp_path, AFTER)
    assert [p.name for p in decided] == [switch.COMMIT]


def test_the_manifest_is_moved_last_and_what_is_stale_goes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, {"d.csv": "1", "b/d.csv": "2", "z/d.csv": "3"})
    did: list[str] = []
    real_replace, real_unlink = os.replace, os.unlink

    def replace(source: Any, target: Any) -> None:
        did.append(Path(target).name)
        real_replace(source, target)

    def unlink(path: Any, **options: Any) -> None:
        did.append(f"-{Path(path).parent.name}")
        real_unlink(path, **options)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "unlink", unlink)
    put(tmp_path, {"d.csv": "4", "zz.csv": "5"})
    assert did[:6] == ["d.csv", "quarantine.jsonl", "zz.csv", "manifest.json", "-b", "-z"]


def test_what_blocks_a_move_is_said_before_anything_is_decided(tmp_path: Path) -> None:
    put(tmp_path, BEFORE)
    (tmp_path / "taken.csv").mkdir()
    (tmp_path / "taken.csv" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "x.csv").write_text("changed by hand")
    old = files_in(tmp_path)
    for path in ("taken.csv", "file/d.csv", "link/d.csv", "x.csv/d.csv"):
        with pytest.raises(OSError, match="there is a f"):
            put(tmp_path, {"d.csv": "new", path: "new"})
        assert files_in(tmp_path) == old and not list(outside.iterdir())


@pytest.mark.parametrize(
    "listing",
    [
        "nonsense",
        '{"files": 3}',
        '{"into": "", "files": [["../outside.csv", null, "1"]]}',
        '{"into": "", "files": [["/etc/outside.csv", null, "1"]]}',
        '{"into": "", "files": [["link/outside.csv", "DIGEST", null]]}',
        '{"into": "..", "files": [["../outside.csv", "DIGEST", null]]}',
    ],
)
def test_a_folder_from_elsewhere_cannot_have_files_outside_touched(tmp_path: Path, listing: str) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("mine")
    folder = tmp_path / "build"
    put(folder, BEFORE)
    (folder / "link").symlink_to(tmp_path)
    (folder / switch.COMMIT / switch.FILES).mkdir(parents=True)
    (folder / switch.COMMIT / switch.FILES / "outside.csv").write_text("theirs")
    digest = hashlib.sha256(b"mine").hexdigest()
    (folder / switch.COMMIT / switch.LIST).write_text(listing.replace("DIGEST", digest))
    with pytest.raises(switch.SwitchFault, match=r"\.commit is not what a build left"):
        switch.settle(folder)
    with pytest.raises(TableFault, match="build again"):
        read_corpus(folder)
    with pytest.raises(PushFault):
        pack_dataset(folder)
    assert outside.read_text() == "mine"


def test_a_reader_waits_for_a_build_that_switches_and_says_who_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, BEFORE)
    monkeypatch.setattr(switch, "PATIENCE", 0.0)
    (tmp_path / switch.COMMIT).mkdir()
    lock = FolderLock(tmp_path / switch.LOCK)
    with pytest.raises(switch.SwitchFault, match=f"process {os.getpid()}"):
        switch.settle(tmp_path)
    lock.release()
    switch.settle(tmp_path)
    assert not (tmp_path / switch.COMMIT).exists()


# --- what is poorer


@pytest.mark.parametrize(
    ("kept", "wanted", "other_kept", "other_wanted", "poorer"),
    [
        (0, 12, 12, 12, True),
        (11, 12, 12, 12, True),
        (30, 50, 12, 12, True),
        (12, 12, 12, 12, False),
        (5, 5, 12, 12, False),  # fewer were asked for
        (5, 12, 6, 12, True),
        (6, 12, 6, 12, False),
        (7, 12, 6, 12, False),
        (5, 5, 6, 12, False),
        (4, 5, 6, 12, True),
        (0, 12, 0, 12, False),
    ],
)
def test_poorer(kept: int, wanted: int, other_kept: int, other_wanted: int, poorer: bool) -> None:
    manifest = {"funnel": {"kept": other_kept}, "spec": {"rows": other_wanted}}
    assert switch.is_poorer(kept, wanted, manifest) is poorer
    assert not switch.is_poorer(kept, wanted, None)


SPEC = """
synthspec: 1
name: calls
rows: 12
parameters: {mood: [calm, cross, glad]}
prompts: {call: {user: "Write a call by a {{ mood }} client, number {{ n }}.", writes: [call]}}
fields: {mood: {value: mood}, call: {type: string, words: {min: 3}}}
backend: {provider: openai, model: loop, base_url: URL}
limits: {attempts: 1, timeout: 30}
"""


def test_a_failed_build_leaves_the_good_dataset_and_says_so(tmp_path: Path) -> None:
    spec, out = tmp_path / "spec.yaml", tmp_path / "out"
    text = SPEC.replace(", number {{ n }}", "")
    with Loopback() as server:
        spec.write_text(text.replace("URL", server.url))
        assert synthspec.build(spec, out=out).complete
        good = files_in(out)
        spec.write_text(text.replace("URL", server.url).replace("Write a", "Write one"))
        server.reply = lambda body, nth: "no"  # two words less than are wanted
        done = CliRunner().invoke(cli, ["build", str(spec), "--out", str(out)])
        assert done.exit_code == 3, done.output
        assert "still contains the 12 rows of an earlier build" in done.stderr and "--replace" in done.stderr
        assert {p: b for p, b in files_in(out).items() if not p.startswith("incomplete/")} == good
        beside = json.loads((out / "incomplete/manifest.json").read_text())
        assert beside["funnel"]["kept"] == 0 and beside["quarantined"] == 12
        assert len((out / "incomplete/quarantine.jsonl").read_text().splitlines()) == 12
        assert CliRunner().invoke(cli, ["report", str(out), "--format", "json"]).exit_code == 0

        again = synthspec.build(spec, out=out)  # a second time, with files of the first in `incomplete`
        assert again.folder == out / "incomplete" and again.kept_instead is not None
        assert CliRunner().invoke(cli, ["build", str(spec), "--out", str(out), "--replace"]).exit_code == 3
        assert json.loads((out / "manifest.json").read_text())["funnel"]["kept"] == 0
        assert not (out / "incomplete").exists()


def test_a_full_build_takes_the_place_of_all(tmp_path: Path) -> None:
    spec, out = tmp_path / "spec.yaml", tmp_path / "out"
    with Loopback() as server:
        text = SPEC.replace("URL", server.url).replace(", number {{ n }}", "")
        spec.write_text(text)
        synthspec.build(spec, out=out)
        assert not synthspec.build(spec, out=out, set={"limits.requests": 1}, rows=40).complete
        assert (out / "incomplete/manifest.json").exists()
        assert synthspec.build(spec, out=out, rows=5).complete  # asking for fewer is not poorer
        assert len((out / "calls.csv").read_text().splitlines()) == 6
        assert not (out / "incomplete").exists()


def test_a_report_goes_with_the_dataset_it_is_about(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    text = "synthspec: 1\nname: moods\nrows: 6\nparameters: {mood: [joy, anger]}\nfields: {mood: {value: mood}}\n"
    spec.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    synthspec.build(spec, out=out)
    run = CliRunner().invoke(cli, ["report", str(out)])
    assert run.exit_code == 0 and (out / "report.html").is_file()
    synthspec.build(spec, out=out)
    assert (out / "report.html").is_file(), "the same rows again"
    spec.write_text(text.replace("anger", "fear"), encoding="utf-8")
    synthspec.build(spec, out=out)
    assert not (out / "report.html").exists(), "it was about other rows"


def test_a_value_named_like_the_folder_of_incomplete_builds_has_its_own(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("""
synthspec: 1
name: calls
rows: 4
parameters: {state: [complete, incomplete]}
fields: {state: {value: state}}
output: {partition_by: state}
""")
    dataset = synthspec.build(spec, out=tmp_path / "out")
    assert dataset.complete and not (tmp_path / "out/incomplete").exists()
