"""The embedded model on numbers whose squares are none: rows are written, and nothing overflows."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import synthspec

SPEC = """
synthspec: 1
name: big
rows: 6
sources: {data: {file: data.csv}}
parameters: {size: {values: [VALUES]}}
prompts: {note: {user: "A note on {{ size }}.", examples: {from: data, rows: 2}, writes: [text]}}
fields: {size: {value: size}, text: {type: string, words: {max: 30}}}
"""


@pytest.mark.parametrize("power", [1e300, -1e300, 1e160, 1.0])
def test_numbers_of_any_size(power: float, tmp_path: Path) -> None:
    numbers = [power * (1 + i / 9) for i in range(30)]
    lines = [f"{n!r},the pump number {i} hums at night and stops at dawn" for i, n in enumerate(numbers)]
    (tmp_path / "data.csv").write_text("\n".join(["size,text", *lines]), encoding="utf-8")
    spec = tmp_path / "big.yaml"
    spec.write_text(SPEC.replace("VALUES", ", ".join(repr(n) for n in numbers[:6])), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        dataset = synthspec.build(spec, out=tmp_path / "out", backend="ngram")
    assert len(dataset.rows) == 6
