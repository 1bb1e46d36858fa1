"""The specs of docs/language.md that show several rows of one are sound, and make the rows that the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synthspec.compiler import compile_spec

PAGE = Path(__file__).parent.parent / "docs/language.md"


@pytest.mark.slow
def test_the_chain_of_the_page_is_sound(tmp_path: Path) -> None:
    part = PAGE.read_text(encoding="utf-8").split("### Several rows of one")[1].split("### ")[0]
    blocks = re.findall(r"(?s)```yaml\n(.*?)```", part)
    for block, levels in zip(blocks, ([1, 1, 2], [1], [1]), strict=True):
        path = tmp_path / "spec.yaml"
        path.write_text(f"synthspec: 1\nname: page\n{block}")
        compiled = compile_spec(path)
        assert compiled.ok and compiled.spec is not None, compiled.diagnostics
        assert [p.level for p in compiled.spec.prompts] == levels
        assert not [d for d in compiled.diagnostics if d.code.startswith("E")]


def test_the_lists_of_the_page_are_sound(tmp_path: Path) -> None:
    part = PAGE.read_text(encoding="utf-8").split("### Parameters that are lists")[1].split("### ")[0]
    (block,) = re.findall(r"(?s)```yaml\n(.*?)```", part)
    path = tmp_path / "spec.yaml"
    fields = ", ".join(f"f_{name}: {{value: {name}}}" for name in ("tags", "codes", "scores", "pets"))
    path.write_text(f"synthspec: 1\nname: page\n{block}fields: {{{fields}}}\n")
    compiled = compile_spec(path)
    assert compiled.ok and not compiled.diagnostics, compiled.diagnostics
