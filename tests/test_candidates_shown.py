"""Prompts asked several times, in `preview`, `plan` and `diff`, on the embedded model and on `replay`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fake_backend import FakeBackend, use
from several_specs import several_reply, several_spec

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, finish_build


def build(path: Path, out: Path, **overrides: str) -> dict[str, Any]:
    compiled = compile_spec(path, overrides)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    dataset = asyncio.run(finish_build(Build(compiled.spec, compiled.tables, out)))
    return {"data": (out / "calls.csv").read_bytes(), "funnel": dataset.manifest["funnel"]}


@pytest.mark.parametrize("number", range(6))
def test_replay_gives_the_same_dataset(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = several_spec(number, tmp_path)
    use(monkeypatch, FakeBackend(several_reply, number))
    first = build(path, tmp_path / "build" / "one", **{"limits.concurrency": "64"})
    again = build(path, tmp_path / "two", backend="replay:build/one/run.sqlite")
    assert again == first


@pytest.mark.parametrize("number", range(8))
def test_the_embedded_model_serves_them(number: int, tmp_path: Path) -> None:
    path = several_spec(number, tmp_path)
    spec = json.loads(path.read_text())
    spec["checks"] = []
    spec.pop("novelty", None)
    for field in spec["fields"].values():
        field.pop("maxLength", None)
    path.write_text(json.dumps({k: v for k, v in spec.items() if v}))
    built = build(path, tmp_path / "out", backend="ngram")
    assert built["funnel"]["kept"] >= built["funnel"]["planned"] * 0.9, built["funnel"]
