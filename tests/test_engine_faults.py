"""Whatever raises while rows are judged, handed on or written: no row waits for ever, the build ends with one sentence
and a status, and every completion that was paid for is kept."""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from built_alike import built
from click.testing import CliRunner
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import Loopback, digest
from test_latency import reply

from synthspec.cli import cli
from synthspec.generation.output_folder import DatasetFolder
from synthspec.generation.quarantine import Quarantine
from synthspec.generation.scheduling import variety
from synthspec.generation.validation.novelty import NoveltyIndex
from synthspec.generation.validation.rules import Validator
from synthspec.inference.store import Store
from synthspec.spec.messages import Request

SPEC: dict[str, Any] = {
    "synthspec": 1,
    "name": "calls",
    "rows": 60,
    "parameters": {"topic": ["bill", "meter", "move"]},
    "prompts": {
        "call": {"user": "Write about {{ topic }}.", "writes": ["call"]},
        "title": {"user": "A title for: {{ call }}", "writes": ["title"]},
    },
    "fields": {"call": {"type": "string"}, "title": {"type": "string"}},
    "novelty": {"unique": ["call"], "near_duplicates": {"fields": ["call"], "similarity": 0.6}},
    "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
}


def spec_at(folder: Path, **changes: Any) -> Path:
    path = folder / "spec.yaml"
    path.write_text(json.dumps({**SPEC, **changes}))
    return path


class After:
    """Raises at the n-th call, and at every later one, of what it takes the place of."""

    def __init__(self, real: Any, calls: int, error: BaseException) -> None:
        self.real, self.left, self.error = real, calls, error

    def __get__(self, instance: Any, owner: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise self.error
            return self.real(instance, *arguments, **named)

        return call


FULL = OSError(errno.ENOSPC, "No space left on device", "calls.csv")
ODD = ZeroDivisionError("odd")
PLACES: list[tuple[Any, str, BaseException]] = [
    (DatasetFolder, "take", FULL),
    (DatasetFolder, "take", ODD),
    (Quarantine, "write", FULL),
    (NoveltyIndex, "check", ODD),
    (NoveltyIndex, "check", MemoryError()),
    (NoveltyIndex, "check_early", ODD),
    (NoveltyIndex, "keep", ODD),
    (Validator, "field_faults", ODD),
    (Validator, "check_faults", ODD),
    (Validator, "compute", ODD),
    (Validator, "warnings", ODD),
    (variety.Watch, "kept", ODD),
    (Store, "_begin_put", ODD),
]


AVOID = {"novelty": {**SPEC["novelty"], "avoid": {"last": 2, "fields": ["call"]}}}


FLIGHTS = [(c, e) for c in (1, 8, 64) for e in ({}, AVOID)]
FAULTS = [
    (place, c, e)
    for place in range(len(PLACES))
    for c, e in FLIGHTS
    if c > 1 or PLACES[place][1] != "check_early"  # with one call in flight no row waits for another
]


# in the default run one place in eight, with 64 in flight and texts to avoid, or with 8 and none
@pytest.mark.parametrize(
    ("place", "concurrency", "extra"),
    rest_slow(
        FAULTS,
        [
            at
            for at, (place, c, e) in enumerate(FAULTS)
            if place % 16 in (0, 3) and (c, e) == (FLIGHTS[5], FLIGHTS[2])[place % 2]
        ],
    ),
)
def test_a_fault_ends_the_build(
    place: int, concurrency: int, extra: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, error = PLACES[place]
    use(monkeypatch, FakeBackend(reply, place))
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, After(getattr(owner, name), 7 if owner is not Quarantine else 0, error))
        arguments = ["build", str(spec_at(tmp_path, **extra)), "--out", str(tmp_path / "out")]
        done = CliRunner().invoke(cli, [*arguments, "--set", f"limits.concurrency={concurrency}"])
    assert done.exit_code == 3, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    said = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out/calls.csv").exists()
    fake = FakeBackend(reply, 1)
    use(monkeypatch, fake)
    with Store.open(tmp_path / "out") as store:
        kept = sum(1 for _ in store.iterate_calls())
    whole = built(tmp_path / "spec.yaml", tmp_path / "out", fake, concurrency)
    assert whole is not None
    if name not in ("_begin_put", "compute", "check_faults"):  # these come before any call
        assert kept > 0
    with Store.open(tmp_path / "out") as store:
        assert sum(1 for _ in store.iterate_calls()) == kept + fake.total


def test_a_later_prompt_that_ran_out_names_the_real_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rated(request: Request) -> str:
        if request.prompt != "rate":
            return f"a call {digest(request.key)}"
        return '{"score": "none"}' if request.attempt == 1 else '{"score": 1}'

    use(monkeypatch, FakeBackend(rated))
    path = spec_at(
        tmp_path,
        rows=3,
        prompts={
            "call": {"user": "Write about {{ topic }}.", "writes": ["call"]},
            "rate": {"user": "Rate: {{ call }}", "writes": ["score"], "format": "json"},
        },
        fields={"call": {"type": "string"}, "score": {"type": "integer"}},
        checks=[{"that": "score >= 3", "message": "the judge finds it dull"}],
        limits={"attempts": 2},
    )
    found = built(path, tmp_path / "out", FakeBackend(rated), 4)
    assert found is not None
    entries = [json.loads(line) for line in found["files"]["quarantine.jsonl"].splitlines()]
    assert [e["lost_at"] for e in entries] == ["valid"] * 3
    assert all(e["reasons"][0] == "the judge finds it dull" for e in entries)
    assert all("'rate' was asked 2 times" in e["reasons"][-1] for e in entries)
    assert found["funnel"]["called"] == 3 and found["funnel"]["valid"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("latency", rest_slow([0.02, 30.0], (1,)))
def test_interrupting_twice_ends_with_130(latency: float, tmp_path: Path) -> None:
    with Loopback(latency=latency) as server:
        backend = {"provider": "openai", "model": "m", "base_url": server.url}
        path = spec_at(tmp_path, rows=2000, backend=backend)
        command = [sys.executable, "-m", "synthspec", "build", str(path), "--out", str(tmp_path / "out")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while server.total < 8 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = ""
        while "stopping" not in said:
            said = process.stderr.readline()
            assert said, "ended without a word"
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.stderr.close()
        assert process.wait() in (130, -signal.SIGINT)  # the second as it was ending: the shell says 130
    assert "every completion is kept" in rest and "Traceback" not in rest


def test_a_fault_after_an_interrupt_ends_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthspec.generation import build as builder
    from synthspec.inference.store import StoreFault

    async def fails(self: Any) -> Any:
        self.interrupted = True
        await asyncio.sleep(0)
        raise StoreFault("the disk is full", "make room")
        yield

    monkeypatch.setattr(builder.Build, "events", fails)
    done = CliRunner().invoke(cli, ["build", str(spec_at(tmp_path)), "--out", str(tmp_path / "out")])
    assert done.exit_code == 130 and "the disk is full" in done.stderr


@pytest.mark.parametrize("command", ["check", "preview", "plan"])
def test_an_interrupt_ends_every_command_with_130(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    from synthspec import compiler as pipeline

    path = str(spec_at(tmp_path))
    monkeypatch.setattr(pipeline, "compile_spec", interrupted)
    done = CliRunner().invoke(cli, [command, path])
    assert done.exit_code == 130, done.output


@pytest.mark.parametrize("at", ["synthspec.cli", "synthspec.cli.build", "synthspec.generation.build"])
def test_interrupted_while_it_is_imported_ends_with_130(at: str, tmp_path: Path) -> None:
    """A second of a command is over before any of its own code runs."""
    hook = (
        "import sys\n"
        "class Hook:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {at!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Hook())\n"
        "import synthspec.__main__\n"
        f"sys.argv = ['synthspec', 'build', {str(spec_at(tmp_path, rows=1))!r}]\n"
        "synthspec.__main__.main()"
    )
    ended = subprocess.run([sys.executable, "-c", hook], capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert ended.returncode == 130, ended.stderr
    assert "Traceback" not in ended.stderr and "interrupted" in ended.stderr


def test_interrupted_while_its_options_are_read_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "parse_args", interrupted)
    assert CliRunner().invoke(cli, ["check", "x.yaml"]).exit_code == 130


@pytest.mark.parametrize("form", ["enum", "drop"])
def test_half_a_character_in_a_reply_is_a_lost_row_not_a_lost_build(form: str, tmp_path: Path) -> None:
    """JSON says half a surrogate pair by an escape, and the reason why such a row is lost quotes it."""

    def answer(body: dict[str, Any], nth: int) -> str:
        odd = digest(body["messages"]) % 2
        return json.dumps({"mood": "half \ud83d" if odd or form == "enum" else "calm", "text": "some words"})

    with Loopback(reply=answer) as server:
        spec = {
            "synthspec": 1,
            "name": "half",
            "rows": 4,
            "parameters": {"n": "integer(1, 1000)"},
            "prompts": {"say": {"user": "Say {{ n }}", "writes": ["mood", "text"], "format": "json"}},
            "fields": {
                "mood": {"enum": ["calm", "angry"]} if form == "enum" else {"type": "string"},
                "text": {"type": "string"},
            },
            "limits": {"attempts": 1, "combinations": 12},
            "backend": {"provider": "openai", "model": "m", "base_url": server.url},
        }
        if form == "drop":
            spec["checks"] = [{"that": "mood == 'calm'", "severity": "drop", "message": "not {{ mood }}"}]
        path = tmp_path / "spec.yaml"
        path.write_text(json.dumps(spec))
        first = CliRunner().invoke(cli, ["build", str(path), "--out", str(tmp_path / "out")])
        assert "internal error" not in first.output and first.exit_code in (0, 3), first.output
        again = CliRunner().invoke(cli, ["build", str(path), "--out", str(tmp_path / "out")])
        assert "internal error" not in again.output and again.exit_code == first.exit_code, again.output


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_store_is_closed_where_no_thread_can_be_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def none_left(*given: Any) -> None:
        raise error

    monkeypatch.setattr(asyncio, "to_thread", none_left)
    store = Store.open(tmp_path)
    asyncio.run(store.close())
    Store.open(tmp_path).shut()
