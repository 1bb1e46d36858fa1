"""The README tells the truth: its spec, its rows, its Python and its commands are run."""

from __future__ import annotations

import csv
import os
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from depth import rest_slow

import synthspec
from synthspec.cli import cli
from synthspec.compiler import compile_spec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = 4


def rows_table(folder: Path) -> str:
    with (folder / "first.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    lines = [header, ["---"] * len(header), *rows[:SHOWN]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def test_the_first_spec_and_its_rows(tmp_path: Path) -> None:
    spec = (ROOT / "specs/first.yaml").read_text(encoding="utf-8")
    synthspec.build(ROOT / "specs/first.yaml", out=tmp_path)
    table = rows_table(tmp_path)
    told = re.sub(
        r"(?s)```yaml\n(# specs/first.yaml|synthspec: 1).*?```", lambda m: f"```yaml\n{spec}```", README, count=1
    )
    told = re.sub(r"(?s)<!-- rows -->.*?<!-- end rows -->", lambda m: f"<!-- rows -->\n{table}<!-- end rows -->", told)
    if os.environ.get("UPDATE_GOLDEN"):
        (ROOT / "README.md").write_text(told, encoding="utf-8")
    assert told == README or os.environ.get("UPDATE_GOLDEN")
    assert len(spec.splitlines()) <= 25


def test_every_command_is_told_of() -> None:
    commands = CliRunner().invoke(cli, ["--help"]).output.split("Commands:")[1]
    for name in re.findall(r"(?m)^  (\w+) ", commands):
        assert f"`synthspec {name}" in README or f"`{name}" in README, name


def test_commands_told_of_exist() -> None:
    for name in set(re.findall(r"`synthspec (\w+)", README)):
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0, name


FRAGMENT = """
synthspec: 1
sources:
  sample: {rows: [{call: "Agent: hello", attitude: positive}, {call: "Agent: yes", attitude: negative}]}
  cities: {rows: [{name: Bilbao}, {name: Vigo}]}
"""


def by_example() -> list[str]:
    section = README.split("## The language by example")[1].split("## The commands")[0]
    return re.findall(r"(?s)```yaml\n(.*?)```", section)


def test_the_language_by_example_is_sound(tmp_path: Path) -> None:
    """The first three fragments make one spec without an error."""
    path = tmp_path / "spec.yaml"
    path.write_text(FRAGMENT + "".join(by_example()[:3]).replace("  examples: {from: sample, rows: 2, ", "  examples: {from: sample, rows: 1, ")
                    .replace("fields:\n", "fields:\n  outcome: {value: outcome}\n"), encoding="utf-8")  # fmt: skip
    found = [d for d in compile_spec(path).diagnostics if d.severity == "error"]
    assert not found


MANY = """\
synthspec: 1
name: many
rows: 6
parameters: {area: [kitchen, garden]}
fields:
  topic: {type: string, words: {max: 12}}
  facts: {type: array, items: {type: string}, minItems: 2, maxItems: 4}
  question: {type: string, words: {max: 40}}
  answers: {type: array, items: {type: string, minLength: 5}}
  scores: {type: array, items: {type: integer, minimum: 1, maximum: 5}}
  best: {value: "best(answers, scores)"}
"""
TALKS = """\
synthspec: 1
name: talks
rows: 3
parameters: {goal: [a refund, an invoice]}
"""


@pytest.mark.parametrize(("number", "begins"), [(3, MANY), (4, TALKS)])
def test_further_examples_build(tmp_path: Path, number: int, begins: str) -> None:
    """Each of the others is a spec of its own, once what it speaks of is there; it builds with the embedded model."""
    path = tmp_path / "spec.yaml"
    path.write_text(begins + by_example()[number].replace(", backend: openai:gpt-5-mini", ""), encoding="utf-8")
    dataset = synthspec.build(path, out=tmp_path / "out")
    assert dataset.complete and len(by_example()) == 6


def test_the_sources_of_the_example_are_read(tmp_path: Path) -> None:
    """All but the one that is on the hub."""
    pytest.importorskip("duckdb")
    shutil.copytree(ROOT / "specs" / "data", tmp_path / "data")
    shutil.copytree(ROOT / "specs" / "data" / "manuals", tmp_path / "manuals")
    pq.write_table(
        pa.table({"item": ["lamp", "lamp", "sofa"], "price": [3.5, 4.0, 100.0]}), tmp_path / "orders.parquet"
    )
    (text,) = (e for e in by_example() if e.startswith("sources:"))
    kept = "".join(line for line in text.splitlines(keepends=True) if "hub:" not in line)
    path = tmp_path / "spec.yaml"
    path.write_text(
        f"synthspec: 1\nname: many\nrows: 3\n{kept}fields: {{text: {{value: doc.text}}}}\n", encoding="utf-8"
    )
    assert not synthspec.check(path)
    assert synthspec.build(path, out=tmp_path / "out").complete


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"(?s)## From Python\n\n```python\n(.*?)```", README)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    names: dict[str, object] = {}
    exec(code[1], names)
    assert len(names["dataset"].frame) == 4  # type: ignore[attr-defined]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / target).exists(), target


SHIPPED = sorted(p.name for p in (ROOT / "specs").glob("*.yaml"))
QUICK = ("first.yaml", "preferences.yaml", "sql_questions.yaml", "topic_questions.yaml")  # the others take seconds


@pytest.mark.parametrize("spec", rest_slow(SHIPPED, [at for at, name in enumerate(SHIPPED) if name in QUICK]))
def test_shipped_specs_build(tmp_path: Path, spec: str) -> None:
    """Each builds with the embedded default, in full."""
    path = ROOT / "specs" / spec
    dataset = synthspec.build(path, out=tmp_path, trust=True)
    assert not synthspec.check(path, trust=True)
    assert dataset.status == 0, dataset.manifest["rejections"]


@pytest.mark.slow
@pytest.mark.parametrize("spec", sorted(p.name for p in (ROOT / "specs").glob("*.yaml")))
def test_shipped_specs_build_to_the_same_bytes(tmp_path: Path, spec: str) -> None:
    path = ROOT / "specs" / spec
    dataset = synthspec.build(path, out=tmp_path / "one", trust=True)
    again = synthspec.build(path, out=tmp_path / "two", trust=True)
    for file in dataset.files:
        twin = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert file.read_bytes() == twin.read_bytes()
    assert len(again.files) == len(dataset.files)
