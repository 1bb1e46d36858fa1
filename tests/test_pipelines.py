"""Pipelines as people publish them, in words of our own: preference by several models, evolving pools, questions of two
documents, trajectories with tools, talks of personas, self-made tasks, tables. Each gives the same files at any
concurrency and after kills, asks as often as its plan says, and makes no call when it is built again."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from built_alike import built_alike
from depth import rest_slow
from fake_backend import FakeBackend

from synthspec.compiler import compile_spec
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Reply, Request, ToolCall, Usage

FOLDER = Path(__file__).parent / "data" / "pipelines"
NAMES = sorted(p.stem for p in FOLDER.glob("*.yaml"))
QUICK = ("talks_by_chosen_models", "tool_trajectories")
WORDS = (
    "amber brook cedar delta ember fern grove harbor iris jade kelp maple owl pine quartz river stone velvet".split()
)
BAD = ("", "I cannot help with that.", "...", "{", "customer: a b\nagent: c d")


def digest(*parts: Any) -> int:
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12], 16)


def value(schema: Mapping[str, Any], seed: int) -> Any:
    """A value that fits a plain schema."""
    rng = random.Random(seed)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema.get("type", "string")
    if kind == "object":
        return {name: value(s, digest(seed, name)) for name, s in schema.get("properties", {}).items()}
    if kind == "array":
        least = schema.get("minItems", 0)
        count = rng.randint(least, schema.get("maxItems", max(3, least)))
        return [value(schema.get("items", {}), digest(seed, n)) for n in range(count)]
    if kind == "integer":
        return rng.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 9)))
    if kind == "number":
        return round(rng.uniform(0, 1), 2)
    return rng.random() < 0.5 if kind == "boolean" else words(rng)


def words(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 7)))


class Playing(FakeBackend):
    """Replies by the request's schema and tools, some of them bad, some calls of tools made as text."""

    async def complete(self, request: Request) -> Reply:
        await super().complete(request)
        made = self._made(request)
        parts = made if isinstance(made, str) else tuple(made)
        return Reply(parts, Usage(10, 20), "fake-1", reasoning=f"I think {digest(request.key) % 97}")

    def _made(self, request: Request) -> str | list[ToolCall]:
        seed = digest(request.key)
        rng = random.Random(seed)
        if rng.random() < 0.06:
            return rng.choice(BAD)
        if request.tools and rng.random() < 0.4:
            tools = [rng.choice(request.tools) for _ in range(rng.choice((1, 1, 2)))]
            calls = [ToolCall(f"x{n}", t.name, value(t.parameters, digest(seed, n))) for n, t in enumerate(tools)]
            if rng.random() < 0.3:
                one = {"name": calls[0].name, "arguments": dict(calls[0].arguments)}
                return f"<tool_call>{json.dumps(one)}</tool_call>"
            return calls
        schema = request.constraint.json_schema
        return json.dumps(value(schema, seed)) if schema else words(rng)


@pytest.mark.parametrize("name", rest_slow(NAMES, [NAMES.index(n) for n in QUICK]))
def test_a_pipeline_is_the_same_however_it_is_built(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = FOLDER / f"{name}.yaml"
    compiled = compile_spec(path)
    assert compiled.spec is not None
    report = report_plan(build_plan(compiled.spec, compiled.tables), compiled.tables)
    make = partial(Playing, lambda request: "")
    one, calls = built_alike(path, tmp_path, monkeypatch, make, random.Random(name), at=(16,))
    assert (report.least["calls"] or 0) <= calls <= (float("inf") if report.unbounded else report.worst["calls"] or 0)
    assert one["funnel"]["kept"] >= 0.7 * compiled.spec.rows, "most rows come through"
