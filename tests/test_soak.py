"""What a long build holds in memory: next to nothing for each row, and little more with rules between rows."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from fake_backend import use

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build
from synthspec.inference.events import RowKept
from synthspec.spec.messages import Reply, Request, Usage

SPEC = """
synthspec: 1
name: soak
rows: 8300
parameters:
  number: floor(uniform(0, 1000000000))
prompts:
  ask: {user: "A question, number {{ number }}.", writes: [question]}
  reply: {user: "Answer: {{ question }}", writes: [answer]}
fields:
  question: {type: string, words: {min: 1}}
  answer: {type: string, words: {min: 1}}
limits: {concurrency: 16}
backend: {provider: openai, model: fake}
"""
NEAR = "novelty: {near_duplicates: {fields: [answer]}}\n"
FIRST = 1_100  # rows
LAST = 6_100
WINDOW = 2_000  # rows: what waits to be written comes and goes, so the least held among as many is compared


class Talker:
    """Thirty words for each request, other ones each time; nothing is remembered."""

    fingerprint = "fake"
    seeded = False

    async def complete(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        dice = random.Random(request.key)
        return Reply(" ".join(f"w{dice.randrange(2_000)}" for _ in range(30)) + ".", Usage(10, 20), "fake")

    async def models(self) -> tuple[str, ...]:
        return ("fake",)

    async def close(self) -> None:
        return None


async def held_by_row(build: Build) -> dict[int, int]:
    """Bytes that are held after so many rows: the least while a window of rows more came."""
    held: dict[int, int] = {}
    rows = 0
    async for event in build.events():
        rows += isinstance(event, RowKept)
        for first in (FIRST, LAST):
            if first <= rows < first + WINDOW and isinstance(event, RowKept) and rows % 50 == 0:
                gc.collect()
                held[first] = min(held.get(first, 1 << 40), tracemalloc.get_traced_memory()[0])
    return held


# A row that is held takes over 700 bytes; what waits to be written differs by 100 a row from run to run. The shingles
# of these texts alone are 220 bytes.
@pytest.mark.slow
@pytest.mark.parametrize(("novelty", "most"), [("", 200), (NEAR, 350)], ids=["no rule between rows", "near duplicates"])
def test_memory_a_row(
    novelty: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "MEASURED_ALONE" not in os.environ:  # what other tests left in a process would be counted
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "slow", "-p", "no:cacheprovider"]
        done = subprocess.run([*command, f"{__file__}::{request.node.name}"], env={**kept, "MEASURED_ALONE": "1"},
                              cwd=Path(__file__).parent.parent, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
        return
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake")
    for what in ("dataset.similarity.postings._RECENT", "inference.store.derived.stored_request._REMEMBERED"):
        monkeypatch.setattr(f"synthspec.{what}", 256)  # what is full early does not count for later rows
    # room that is there from the first
    monkeypatch.setattr("synthspec.dataset.similarity.postings.UNTOUCHED", 4096)
    monkeypatch.setattr("synthspec.dataset.similarity.spilled.ROOM", 4096)
    use(monkeypatch, Talker())
    spec = tmp_path / "soak.yaml"
    spec.write_text(SPEC + novelty, encoding="utf-8")
    compiled = compile_spec(spec)
    assert compiled.spec is not None
    tracemalloc.start()
    try:
        held = asyncio.run(held_by_row(Build(compiled.spec, compiled.tables, tmp_path / "out")))
    finally:
        tracemalloc.stop()
    assert (held[LAST] - held[FIRST]) / (LAST - FIRST) < most
