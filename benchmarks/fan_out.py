"""Memory and CPU time of rows by fan-out: so many rows of one combination, beside as many combinations of one row.

    python benchmarks/fan_out.py [ROWS]

Each build runs in a process of its own, on a backend in that process which answers at once. Figures: CPU milliseconds a
row and megabytes at the most, beside what a build of 1,000 rows takes.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, finish_build
from synthspec.inference.backends import openai
from synthspec.spec.messages import Reply, Request, Usage

ROWS = 10_000
SPECS: dict[str, dict[str, Any]] = {
    "one combination": {
        "sources": {"lists": {"rows": [{"facts": []}]}},
        "rows": {"each": "lists"},
        "parameters": {"facts": {"from": "lists", "column": "facts"}},
        "prompts": {"ask": {"each": "fact in facts", "user": "Ask about {{ fact }}.", "writes": ["question"]}},
    },
    "one row each": {
        "parameters": {"fact": "integer(1, 1000000)"},
        "prompts": {"ask": {"user": "Ask about {{ fact }}.", "writes": ["question"]}},
    },
}


class Backend:
    """Answers at once."""

    fingerprint, seeded = "fixed", False

    async def complete(self, request: Request) -> Reply:
        return Reply(f"Why {request.messages[-1].content[:40]} {request.key[:6]}?", Usage(20, 20), "fixed")

    async def models(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        return None


def build(kind: str, rows: int, folder: Path) -> dict[str, float]:
    """One build: its CPU seconds and its greatest memory in megabytes."""
    spec = {
        "synthspec": 1,
        "name": "fan-out",
        "rows": rows,
        **SPECS[kind],
        "fields": {"question": {"type": "string"}},
        "backend": {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"},
    }
    if kind == "one combination":
        spec["sources"] = {"lists": {"rows": [{"facts": [f"fact {n}" for n in range(rows)]}]}}
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    setattr(openai, "PROVIDER", replace(openai.PROVIDER, open=lambda choice, context: Backend()))  # noqa: B010
    compiled = compile_spec(path)
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    before = resource.getrusage(resource.RUSAGE_SELF)
    dataset = asyncio.run(finish_build(Build(compiled.spec, compiled.tables, folder / "out")))
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert dataset.manifest["funnel"]["kept"] == rows, dataset.manifest["funnel"]
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": used, "memory": after.ru_maxrss / 1024}


def main() -> None:
    """Print a table; with three arguments, the figures of one build as JSON."""
    if len(sys.argv) == 4:
        print(json.dumps(build(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    for kind in SPECS:
        for count in (1_000, rows):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, __file__, kind, str(count), folder]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"{kind}, {count:,} rows: {1000 * found['cpu'] / count:.2f} ms a row, {found['memory']:.0f} MB")


if __name__ == "__main__":
    main()
