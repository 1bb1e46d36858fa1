"""A build that is paused sends nothing, goes on where it was, and comes to the same dataset."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from built_alike import built
from depth import rest_slow
from fake_backend import FakeBackend, use
from loopback import Loopback
from test_latency import random_spec, reply

from synthspec.cli.shared.control import following, says_pause
from synthspec.compiler import compile_spec
from synthspec.generation.build import Build
from synthspec.inference.events import CallBegun, CallDone, CallUnsent, Paused, Resumed
from synthspec.spec.messages import Reply, Request


class Watchful(FakeBackend):
    """Notes every call that begins while the build is paused."""

    def __init__(self, reply: Callable[[Request], str], seed: int) -> None:
        super().__init__(reply, seed)
        self.paused, self.wrong = False, 0

    async def complete(self, request: Request) -> Reply:
        self.wrong += self.paused
        return await super().complete(request)


class Silent(FakeBackend):
    """No call is ever answered; `out` of them were sent."""

    out = 0

    async def complete(self, request: Request) -> Reply:
        self.out += 1
        await asyncio.Event().wait()
        raise AssertionError


async def run_with_pauses(build: Build, fake: Watchful, rng: random.Random) -> int:
    """Run a build that is paused and resumed at any moment; how often it was."""
    pauses = 0

    def hold(held: bool) -> None:
        build.pause(held)
        fake.paused = held

    async def disturb() -> None:
        nonlocal pauses
        while True:
            for held in (True, False):
                hold(held)
                pauses += held
                for _ in range(rng.choice((1, 3, 10, 40, 150))):
                    await asyncio.sleep(0)

    hold(rng.random() < 0.5)
    task = asyncio.create_task(disturb())
    async with aclosing(build.events()) as events:
        async for _ in events:
            pass
    task.cancel()
    return pauses


@pytest.mark.parametrize("number", rest_slow(range(6), {0}))
@pytest.mark.parametrize("concurrency", [1, 64])
def test_a_paused_build_sends_nothing_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, concurrency: int
) -> None:
    path = random_spec(number, tmp_path)
    use(monkeypatch, FakeBackend(reply, 0))
    expected = built(path, tmp_path / "plain", FakeBackend(reply, 0), 1)
    fake = Watchful(reply, number)
    use(monkeypatch, fake)
    compiled = compile_spec(path, {"limits.concurrency": str(concurrency)})
    assert compiled.spec is not None and expected is not None
    build = Build(compiled.spec, compiled.tables, tmp_path / "paused")
    pauses = asyncio.run(asyncio.wait_for(run_with_pauses(build, fake, random.Random(number)), 60))
    assert fake.wrong == 0 and pauses > 2 and build.tally.in_flight == 0
    assert all(count == 1 for count in fake.calls.values()), "a call was paid for twice"
    assert build.dataset is not None
    assert (tmp_path / "paused" / "calls.csv").read_bytes() == expected["files"]["calls.csv"]
    assert build.dataset.manifest["funnel"] == expected["funnel"]


def test_a_build_that_begins_paused_waits_without_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, no turn of the loop is spent; stopping it ends it."""
    fake = Watchful(reply, 0)
    use(monkeypatch, fake)
    compiled = compile_spec(random_spec(1, tmp_path))
    assert compiled.spec is not None
    build = Build(compiled.spec, compiled.tables, tmp_path / "out")
    build.pause(True)
    fake.paused = True
    seen: list[object] = []

    async def work() -> float:
        async def read() -> None:
            async with aclosing(build.events()) as events:
                async for event in events:
                    seen.append(event)

        task = asyncio.create_task(read())
        await asyncio.sleep(0.3)
        before = time.process_time()
        await asyncio.sleep(0.2)
        idle = time.process_time() - before
        build.interrupt()
        await asyncio.wait_for(task, 30)
        return idle

    assert asyncio.run(work()) < 0.1, "it looked at itself again and again"
    assert fake.total == 0 and any(isinstance(e, Paused) for e in seen)


@pytest.mark.parametrize("how", ["paused", "stopped"])
def test_a_call_that_waits_for_its_turn_is_not_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Calls that a rate limit keeps back were begun, and are not sent any more: the figures tell those that left."""
    fake = Silent(reply, 0)
    use(monkeypatch, fake)
    compiled = compile_spec(random_spec(1, tmp_path), {"limits.requests_per_minute": "40", "limits.concurrency": "16"})
    assert compiled.spec is not None
    build = Build(compiled.spec, compiled.tables, tmp_path / "out")
    seen = Counter[type]()

    async def work() -> None:
        async def read() -> None:
            async with aclosing(build.events()) as events:
                async for event in events:
                    seen[type(event)] += 1

        task = asyncio.create_task(read())
        await until(lambda: seen[CallBegun] > 3 and fake.out > 0)
        assert build.tally.in_flight > fake.out
        if how == "paused":
            build.pause(True)
        else:
            build.interrupt()
        await until(lambda: build.tally.in_flight == fake.out > 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def until(so: Callable[[], bool]) -> None:
        while not so():
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(work(), 60))
    assert seen[CallBegun] > seen[CallUnsent] > 0


def test_what_is_stored_is_used_while_it_is_paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = random_spec(3, tmp_path)
    fake = FakeBackend(reply, 0)
    use(monkeypatch, fake)
    built(path, tmp_path / "out", fake, 8)
    for made in (tmp_path / "out").glob("rows.sqlite*"):
        made.unlink()
    compiled = compile_spec(path)
    assert compiled.spec is not None
    build = Build(compiled.spec, compiled.tables, tmp_path / "out", cache=False)
    build.pause(True)

    async def work() -> list[object]:
        async with aclosing(build.events()) as events:
            return [e async for e in events]

    events = asyncio.run(asyncio.wait_for(work(), 60))
    assert sum(isinstance(e, CallDone) for e in events) > 0
    assert build.dataset is not None and not any(isinstance(e, Resumed) for e in events)


@pytest.mark.parametrize(
    "text, pauses",
    [
        (b"pause", True),
        (b"pause\n", True),
        (b" pause", True),
        (b"pausing", False),
        (b"run\n", False),
        (b"", False),
        (b"\xff\0", False),
    ],
)
def test_the_control_file_says_it_in_a_word(tmp_path: Path, text: bytes, pauses: bool) -> None:
    path = tmp_path / "control"
    assert not says_pause(path)
    path.write_bytes(text)
    assert says_pause(path) is pauses
    assert not says_pause(tmp_path)


def test_a_build_follows_its_control_file(tmp_path: Path) -> None:
    told: list[bool] = []
    control = tmp_path / "control"
    control.write_text("pause", encoding="utf-8")

    class Listening:
        def pause(self, held: bool) -> None:
            told.append(held)

    async def work() -> None:
        async with following(control, Listening()):  # type: ignore[arg-type]
            assert told == [True]
            control.unlink()
            while told[-1]:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(work(), 30))


SPEC = """\
synthspec: 1
name: calls
rows: 600
limits: {{concurrency: 4}}
parameters: {{mood: [calm, cross, hurried], topic: [bill, meter]}}
prompts: {{call: {{user: "Write what a {{{{ mood }}}} caller says about the {{{{ topic }}}}.", writes: [call]}}}}
fields: {{mood: {{value: mood}}, call: {{type: string, words: {{min: 3, max: 60}}}}}}
backend: {{provider: openai, model: loop, base_url: "{url}"}}
"""


@pytest.mark.slow
def test_the_command_pauses_goes_on_and_ends_while_paused(tmp_path: Path) -> None:
    control, spec = tmp_path / "control", tmp_path / "calls.yaml"
    with Loopback(latency=0.1) as server:
        spec.write_text(SPEC.format(url=server.url), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "synthspec",
            "build",
            str(spec),
            "--out",
            str(tmp_path / "out"),
            "--control",
            str(control),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
            wait_until(lambda: server.calls.total() >= 4)
            control.write_text("pause", encoding="utf-8")
            wait_until(lambda: is_still(server))
            held = server.calls.total()
            assert held < 600
            control.write_text("run", encoding="utf-8")
            wait_until(lambda: server.calls.total() > held + 12)
            control.write_text("pause", encoding="utf-8")
            wait_until(lambda: is_still(server))
            running.send_signal(signal.SIGINT)
            said, _ = running.communicate(timeout=60)
        assert running.returncode == 130 and "paused" in said and "resumed" in said
        control.unlink()
        made = server.calls.total()
        again = [*command, "--rows", str(made - 8)]
        assert subprocess.run(again, check=False, capture_output=True).returncode == 0
        assert server.calls.total() == made, "a call was paid for twice"


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_still(server: Loopback) -> bool:
    """No call came within half a second: five times what a call takes."""
    before = server.calls.total()
    time.sleep(0.5)
    return server.calls.total() == before
