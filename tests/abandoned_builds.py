"""Builds that a fake backend may end in the middle, as if the process were killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fake_backend import FakeBackend

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, finish_build
from synthspec.generation.built_dataset import Dataset


def dataset_of(path: Path, out: Path, fake: FakeBackend, concurrency: int) -> Dataset | None:
    """What a build ended with; None where it was abandoned on the way."""
    compiled = compile_spec(path, {"limits.concurrency": str(concurrency)})
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    spec = compiled.spec

    async def run() -> Dataset:
        fake.task = asyncio.current_task()
        return await finish_build(Build(spec, compiled.tables, out))

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        return None
