"""One property of every build: with any number of calls in flight, in whatever order these end, cut off anywhere and
built again, its files are the same to the byte."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from abandoned_builds import dataset_of
from fake_backend import FakeBackend, use

Built = dict[str, Any]
ENDINGS = (".jsonl", ".csv", ".parquet")


def built(path: Path, out: Path, fake: FakeBackend, concurrency: int) -> Built | None:
    """What a build ended with; None where it was abandoned on the way."""
    dataset = dataset_of(path, out, fake, concurrency)
    if dataset is None:
        return None
    manifest = dataset.manifest
    return {
        "files": {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.suffix in ENDINGS},
        "card": _but_for_the_spec((dataset.folder / "README.md").read_text(), manifest),
        "manifest": _but_for_the_spec(json.dumps({**manifest, "run": None}, sort_keys=True), manifest),
        "funnel": manifest["funnel"],
        "rejections": manifest["rejections"],
        "reason": dataset.reason,
    }


def _but_for_the_spec(text: str, manifest: dict[str, Any]) -> str:
    """Without the digest of the spec, of which the concurrency is a part."""
    return text.replace(manifest["spec"]["digest"], "")


def built_alike(
    path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[..., FakeBackend],
    dice: random.Random,
    at: Sequence[int] = (64,),
    cuts: int = 2,
) -> tuple[Built, int]:
    """Build a spec one call at a time, with as many in flight as `at` says, and cut off so often before it is whole.

    `make` makes the backend, of a seed for its order and the call at which it abandons the build. Returns what the
    build ended with, and the calls that it made.
    """

    def run(out: str, concurrency: int, abandon_at: int | None = None) -> tuple[Built | None, FakeBackend]:
        fake = make(dice.randrange(10**6), abandon_at=abandon_at)
        use(monkeypatch, fake)
        return built(path, folder / out, fake, concurrency), fake

    first, fake = run("one", 1)
    assert first is not None and first["funnel"]["planned"] > 0
    for concurrency in at:
        assert run(f"at{concurrency}", concurrency)[0] == first, f"{concurrency} calls in flight"
    for cut in range(cuts):
        whole, _ = run("cut", dice.choice([2, 8, 64]), abandon_at=dice.randrange(1, max(2, min(90, fake.total))))
        assert whole is None or whole == first, f"before cut {cut}"
    assert run("cut", dice.choice([2, 8, 64]))[0] == first, "after the cuts"
    again, idle = run("cut", dice.choice([2, 8, 64]))
    assert again == first and not idle.calls, "built again, it makes no call"
    return first, fake.total
