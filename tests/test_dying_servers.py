"""Servers that are processes, killed and started again while a build asks them: the dataset is that of one server."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback

import synthspec

pytestmark = pytest.mark.slow

ROWS = 1000
CONCURRENCY = 8
SPEC = """
synthspec: 1
name: calls
rows: ROWS
parameters: {mood: [calm, cross, glad], topic: [bill, meter, move], number: {pattern: "[0-9]{6}"}}
prompts:
  call: {user: "Write call {{ number }} about a {{ topic }} by a {{ mood }} client.", writes: [call]}
  title: {user: "Give this a title: {{ call }}", writes: [title]}
fields:
  call: {type: string, words: {min: 3}}
  title: {type: string, words: {min: 1}}
backend: {provider: openai, model: loop, base_url: URLS}
limits: {concurrency: CONCURRENCY, timeout: 20}
output: {formats: [csv]}
"""


class Process:
    """A server of its own, which can be killed and started again at the same port. A reply is a line of its log."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log, self.options = log, options
        self.port = 0
        self.start()

    def start(self) -> None:
        program = [sys.executable, str(Path(__file__).parent / "loopback.py"), "--port", str(self.port)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([*program, "--log", str(self.log), *self.options], text=True, **pipes)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rsplit(":", 1)[1].split("/")[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def answered(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def kill_at_random(servers: list[Process], done: threading.Event, seed: int, kills: list[int]) -> None:
    rng = random.Random(seed)
    while not done.wait(rng.uniform(0.1, 0.5)):
        at = rng.randrange(len(servers))
        servers[at].kill()
        kills.append(at)
        done.wait(rng.uniform(0.0, 0.8))
        servers[at].start()


def spec_of(folder: Path, urls: list[str]) -> Path:
    path = folder / "spec.yaml"
    text = SPEC.replace("ROWS", str(ROWS)).replace("CONCURRENCY", str(CONCURRENCY)).replace("URLS", json.dumps(urls))
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("seed", range(1))
def test_servers_killed_and_started_again(seed: int, tmp_path: Path) -> None:
    """Beside three that die: one ten times as slow, one of errors, one that throttles, one without the model."""
    with Loopback() as server:
        synthspec.build(spec_of(tmp_path, [server.url]), out=tmp_path / "alone")
    latency = ("--latency", "0.02")
    dying = [Process(tmp_path / f"dying-{n}", *latency) for n in range(3)]
    odd = [["--latency", "0.2"]] + [["--faults", json.dumps({fault: 1.0})] for fault in ("500", "429", "404")]
    others = [Process(tmp_path / f"odd-{n}", *options) for n, options in enumerate(odd)]
    done, kills = threading.Event(), list[int]()
    killer = threading.Thread(target=kill_at_random, args=(dying, done, seed, kills))
    killer.start()
    try:
        urls = [s.url for s in dying + others]
        dataset = synthspec.build(spec_of(tmp_path, urls), out=tmp_path / "out")
    finally:
        done.set()
        killer.join()
        for process in dying + others:
            process.kill()
    assert dataset.complete
    assert (tmp_path / "out" / "calls.csv").read_bytes() == (tmp_path / "alone" / "calls.csv").read_bytes()
    assert kills, "the build was over before anything died"
    answered = sum(s.answered for s in dying + others)
    assert 2 * ROWS <= answered <= 2 * ROWS + CONCURRENCY * len(kills), "no more than what was in flight is paid twice"
    told = dataset.manifest["run"]["servers"]
    assert sum(t["answered"] for t in told) == 2 * ROWS
    assert all(t["failed"] for t in told[4:]) and any(t["failed"] for t in told[:3])
    assert 0 < told[3]["answered"] < max(t["answered"] for t in told[:3])
