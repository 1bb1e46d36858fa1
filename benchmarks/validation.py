"""Cleaning and judging one row of a five-field spec, beside jsonschema on the same row.

python benchmarks/validation.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema

from synthspec.compiler import compile_spec
from synthspec.generation.validation.rules import Validator

SPEC = """
synthspec: 1
rows: 5
prompts: {p: {user: hi, format: json}}
fields:
  a: {type: string, words: {min: 3, max: 60}, rejects: ['(?i)as an ai\\b'], clean: [strip, collapse_spaces]}
  b: {type: string, pattern: '^[A-Z]', maxLength: 400}
  c: {type: integer, minimum: 1, maximum: 5}
  d: {enum: [x, y, z]}
  e: {type: number, exclusiveMinimum: 0}
checks: [words(b) <= words(a)]
"""
ROW = {
    "a": "  The lamp is bright and  the arm stays put wherever it is pulled to, day after day. ",
    "b": "Good lamp for a small desk",
    "c": 4,
    "d": "y",
    "e": 2.5,
}


def best(work: Callable[[], object], times: int = 5000, rounds: int = 7) -> float:
    """Microseconds of CPU for one call, the best of several rounds."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - began) / times * 1e6)
    return min(found)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(SPEC, encoding="utf-8")
        spec = compile_spec(path).spec
    assert spec is not None
    validator = Validator(spec)
    names = tuple(ROW)
    fresh = frozenset(names)

    def ours() -> None:
        row = validator.clean(ROW)
        assert not validator.field_faults(names, row)
        assert not validator.check_faults(row, {}, fresh)

    schema = {"type": "object", "required": list(names), "properties": {f.name: dict(f.schema) for f in spec.fields}}
    theirs = jsonschema.Draft202012Validator(schema)
    print(f"{'what':58} {'µs a row':>9}")
    print(f"{'synthspec: cleaning, field rules, words, rejects, a check':58} {best(ours):9.1f}")
    print(f"{'jsonschema: the JSON Schema keywords alone':58} {best(lambda: theirs.is_valid(ROW)):9.1f}")


if __name__ == "__main__":
    main()
