"""A reply that is being stored keeps its place among the calls in flight: a crash never costs more calls than these."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from test_build import calls_spec

import synthspec
from synthspec.generation.scheduling import driver
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines.local import LocalEngine
from synthspec.spec.messages import Reply


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_calls_that_are_not_stored_are_no_more_than_those_in_flight(
    concurrency: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = stored = most = 0
    chance = random.Random(concurrency)
    ask, commit = LocalEngine._ask, Ledger.commit

    async def asked(self: LocalEngine, *arguments: Any) -> Any:
        nonlocal begun, most
        begun += 1
        most = max(most, begun - stored)
        return await ask(self, *arguments)

    async def committed(self: Ledger, replies: Any) -> Any:
        nonlocal stored
        await asyncio.sleep(chance.uniform(0, 0.03))
        try:
            return await commit(self, replies)
        finally:
            stored += len(replies)

    monkeypatch.setattr(LocalEngine, "_ask", asked)
    monkeypatch.setattr(Ledger, "commit", committed)
    with Loopback() as server:
        dataset = synthspec.build(
            calls_spec(tmp_path, server.url, rows=60, concurrency=concurrency), out=tmp_path / "out"
        )
    assert len(dataset.frame) == 60
    assert begun == stored == 60
    assert most <= concurrency


@pytest.mark.parametrize("prompts", [1, 3])
@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.parametrize("concurrency", [1, 16])
def test_replies_that_nobody_looked_at_yet_keep_their_places(
    concurrency: int, servers: int, prompts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replies come while the driver opens rows, as on a machine that is busy, and it sends what they leave room for."""
    begun = stored = most = 0
    commit = Ledger.commit

    async def answered(self: LocalEngine, *_: Any) -> Any:
        nonlocal begun, most
        begun += 1
        most = max(most, begun - stored)
        await asyncio.sleep(0)
        return Reply("hello there all of you"), 0.001

    async def committed(self: Ledger, replies: Any) -> Any:
        nonlocal stored
        try:
            return await commit(self, replies)
        finally:
            stored += len(replies)

    monkeypatch.setattr(LocalEngine, "_ask", answered)
    monkeypatch.setattr(Ledger, "commit", committed)
    monkeypatch.setattr(driver, "OPENED_AT_ONCE", 1)
    path = calls_spec(tmp_path, "http://127.0.0.1:1/v1", rows=40, concurrency=concurrency)
    for n in range(1, prompts):
        text = path.read_text()
        user = f"Write another text, number {n}, about {{{{ topic }}}}."
        path.write_text(
            text.replace(
                "fields:", f"  more_{n}: {{user: '{user}', writes: [more_{n}]}}\nfields:\n  more_{n}: {{type: string}}"
            )
        )
    if servers > 1:
        text = path.read_text()
        path.write_text(text.replace("http://127.0.0.1:1/v1", '["http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"]'))
        assert path.read_text() != text
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert len(dataset.frame) == 40
    assert begun == stored == 40 * prompts
    assert most <= concurrency * servers
