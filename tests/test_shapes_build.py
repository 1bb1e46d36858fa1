"""Every shape from spec to file; docs/output.md shows what comes out, and one switch rewrites it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pyarrow.parquet
import pytest

import synthspec
from synthspec.dataset.row_shapes import SHAPE_NAMES, SHAPES, role_names

PAGE = Path(__file__).parent.parent / "docs/output.md"


def part(page: str, name: str) -> str:
    return page.split(f"<!-- {name} -->\n")[1].split(f"<!-- end {name} -->")[0]


def units(folder: Path, output: str) -> Path:
    spec = part(PAGE.read_text(encoding="utf-8"), "spec").removeprefix("```yaml\n").removesuffix("```\n")
    path = folder / "spec.yaml"
    path.write_text(spec + output, encoding="utf-8")
    return path


def blocks(page: str) -> list[tuple[str, str]]:
    return re.findall(r"(?s)```yaml\n(.*?)```\n```json\n(.*?)```\n", part(page, "shapes"))


def roles() -> str:
    """The table of roles, each with its usual names."""
    lines = ["| shape | role | usual names |", "|---|---|---|"]
    for kind, shape in SHAPES.items():
        names = role_names(kind)
        for role in shape.roles:
            optional = "" if role.required and role.name != "messages" else " (if there is one)"
            usual = ", ".join(f"`{n}`" if names.get(n) == role.name else n for n in role.usual)
            lines.append(f"| `{kind}` | `{role.name}`{optional} | {usual} |")
    return "\n".join(lines) + "\n"


def test_the_page_shows_what_comes_out(tmp_path: Path) -> None:
    page = told = PAGE.read_text(encoding="utf-8")
    found = blocks(page)
    for number, (output, row) in enumerate(found):
        folder = tmp_path / str(number)
        synthspec.build(units(tmp_path, output), out=folder)
        made = (folder / "units.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[0]
        told = told.replace(f"```yaml\n{output}```\n```json\n{row}```\n", f"```yaml\n{output}```\n```json\n{made}```\n")
    told = told.replace(part(page, "roles"), roles()) if part(page, "roles") else told.replace(
        "<!-- roles -->\n", f"<!-- roles -->\n{roles()}")  # fmt: skip
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(told, encoding="utf-8")
    assert told == page or os.environ.get("UPDATE_GOLDEN")
    shown = re.findall(r"shape: (?:\{kind: )?(\w+)", "".join(o for o, _ in found))
    assert set(shown) == set(SHAPE_NAMES)


def test_the_page_shows_the_layout(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    output = re.search(r"(?s)## Partitions and splits\n\n```yaml\n(.*?)```", page)
    assert output is not None
    path = tmp_path / "spec.yaml"
    path.write_text("synthspec: 1\nname: calls\nrows: 40\nparameters: {mood: [anger, joy]}\n"
                    f"fields: {{mood: {{value: mood}}}}\n{output[1]}", encoding="utf-8")  # fmt: skip
    dataset = synthspec.build(path, out=tmp_path / "out")
    made = [p.relative_to(dataset.folder).as_posix() for p in dataset.files]
    assert part(page, "layout") == "```\n" + "\n".join(made) + "\n```\n"


@pytest.mark.parametrize("kind", SHAPE_NAMES)
@pytest.mark.parametrize("as_map", [False, True])
def test_every_shape_builds_in_every_format(tmp_path: Path, kind: str, as_map: bool) -> None:
    named = "" if kind == "table" else ", keep: [level]"
    named += ", chosen: answer, rejected: worse" if kind == "preference" else ""
    if kind == "preference" and not as_map:
        pytest.skip("its fields have no usual names here")
    shape = f"{{kind: {kind}{named}}}" if as_map else kind
    path = units(tmp_path, f"output: {{formats: [csv, jsonl, json, parquet], shape: {shape}}}\n")
    assert synthspec.check(path) == ()
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.status == 0 and len(dataset.files) == 4
    out = tmp_path / "out"
    lines = [json.loads(line) for line in (out / "units.jsonl").read_text(encoding="utf-8").splitlines()]
    assert json.loads((out / "units.json").read_text(encoding="utf-8")) == lines and len(lines) == 2
    assert pyarrow.parquet.read_table(out / "units.parquet").to_pylist() == lines
    assert (out / "units.csv").read_text(encoding="utf-8").splitlines()[0].split(",") == list(lines[0])


@pytest.mark.parametrize(
    ("shape", "code", "told"),
    [
        ("{kind: messages, user: question, prompt: answer}", "E607", "'user' and 'prompt' are the same role"),
        ("{kind: messages, user: [question, s], assistant: answer}", "E607", "'user' is played by one field, not by 2"),
        ("{kind: messages, propmt: question, completion: answer}", "E607", "has no role 'propmt'"),
        ("{kind: messages, prompt: questoin, completion: answer}", "E606", "there is no field 'questoin'"),
        ("{kind: preference, prompt: question}", "E607", "no field plays 'chosen'"),
        ("{kind: table, user: question}", "E607", "has no role 'user'"),
        ("preference", "E607", "no field plays 'chosen'"),
        ("{kind: mesages}", "E205", "mesages"),
    ],
)
def test_a_shape_that_does_not_fit_is_a_compile_error(tmp_path: Path, shape: str, code: str, told: str) -> None:
    found = synthspec.check(units(tmp_path, f"output: {{shape: {shape}}}\n"))
    assert [d.code for d in found if d.severity == "error"][:1] == [code]
    assert told in found[0].message and found[0].help


def test_a_shape_sees_the_columns_that_are_written(tmp_path: Path) -> None:
    found = synthspec.check(units(tmp_path, "output: {columns: [question], shape: prompt_completion}\n"))
    assert [d.code for d in found] == ["E607"] and "no field plays 'completion'" in found[0].message
