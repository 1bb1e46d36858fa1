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
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines.local import LocalEngine


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

    async def committed(self: Ledger, *arguments: Any) -> Any:
        nonlocal stored
        await asyncio.sleep(chance.uniform(0, 0.03))
        try:
            return await commit(self, *arguments)
        finally:
            stored += 1

    monkeypatch.setattr(LocalEngine, "_ask", asked)
    monkeypatch.setattr(Ledger, "commit", committed)
    with Loopback() as server:
        dataset = synthspec.build(
            calls_spec(tmp_path, server.url, rows=60, concurrency=concurrency), out=tmp_path / "out"
        )
    assert len(dataset.frame) == 60
    assert begun == stored == 60
    assert most <= concurrency
