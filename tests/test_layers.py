"""Imports run one way, as ARCHITECTURE.md lists them, and a spec is checked without loading what only a build needs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from depth import rest_slow

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "synthspec"
HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "asyncio", "aiohttp", "openai", "tokenizers", "llguidance", "rich"}
FREE = {"__init__", "__main__"}  # the package itself may name any of its modules


def layers() -> dict[str, int]:
    """The layer of each module or package of ours, out of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = text.split("**Imports run one way**")[1].split("A module imports from")[0]
    found: dict[str, int] = {}
    for number, rest in re.findall(r"^(\d+)\. [^:]+:(.*)$", listed, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", rest):
            assert name not in found, f"{name} is listed twice"
            found[name] = int(number)
    return found


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def statements_of(path: Path) -> Iterator[ast.AST]:
    """Every statement of a file, at any depth. What stands inside expressions, nine tenths of a tree, is passed over."""
    waiting: list[ast.AST] = [tree_of(path)]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, ())
            waiting += inner if isinstance(inner, list) else ()


@cache
def imports_of(path: Path) -> list[tuple[int, str]]:
    """The modules of ours that a file imports, when it is imported or later, with their lines."""
    found: list[tuple[int, str]] = []
    for node in statements_of(path):
        if isinstance(node, ast.ImportFrom) and node.module == "synthspec":
            found += ((node.lineno, a.name) for a in node.names if not a.name.startswith("__"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("synthspec."):
            found.append((node.lineno, str(node.module).split(".")[1]))
        elif isinstance(node, ast.Import):
            found += ((node.lineno, a.name.split(".")[1]) for a in node.names if a.name.startswith("synthspec."))
    return found


def modules() -> Iterator[tuple[str, Path]]:
    """Every file of the package, by the module or package of ours that it belongs to."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name not in FREE:
            yield name, path


def test_every_module_is_listed() -> None:
    names = {name for name, _ in modules()}
    assert names - set(layers()) == set(), "add these to the list in ARCHITECTURE.md"
    assert set(layers()) - names == set(), "these are listed in ARCHITECTURE.md, but not there"


def test_imports_run_one_way() -> None:
    order = layers()
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name} (layer {order[name]}) imports {other} (layer {order[other]})"
        for name, path in modules()
        for line, other in imports_of(path)
        if order.get(other, 0) > order.get(name, 99)
    ]
    assert not wrong, "\n".join(wrong)


def private_names_of(path: Path) -> Iterator[str]:
    """The private names of other packages that a file imports, or reads from a module that it imports."""
    foreign: dict[str, str] = {}  # the name in the file, and what it is
    for node in statements_of(path):
        if isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith(("synthspec", "__future__")):
            foreign |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            named = [
                (a.asname or a.name.split(".")[0], a.name) for a in node.names if a.name.split(".")[0] != "synthspec"
            ]
            foreign |= dict(named)
    names = list(foreign.values())
    for first, rest in re.findall(r"(?<![\w.])([A-Za-z]\w*)((?:\.\w+)*\._\w+)", path.read_text(encoding="utf-8")):
        names += [f"{foreign[first]}{rest}"] if first in foreign else []
    for name in names:
        if any(part.startswith("_") and not part.startswith("__") for part in name.split(".")):
            yield name


def test_no_private_name_of_another_package_is_used() -> None:
    allowed = {"re._parser", "re._constants"}  # Python parses no pattern in public
    found = {(str(p.relative_to(PACKAGE)), n) for p in sorted(PACKAGE.rglob("*.py")) for n in private_names_of(p)}
    found = {(f, n) for f, n in found if n != "os._exit"}  # which is public, whatever it looks like
    assert {(f, n) for f, n in found if ".".join(n.split(".")[:2]) not in allowed} == set()
    assert {f for f, _ in found} == {"languages/patterns/python_parser.py"}, "one module is to know of them"


def test_no_circle() -> None:
    names = {dotted(path): path for _, path in modules()}
    graph = {name: {n for n in needed(path) if n in names and n != name} for name, path in names.items()}
    list(TopologicalSorter(graph).static_order())


def dotted(path: Path) -> str:
    """A file by the name under which it is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


BOTH_WAYS = {("inference", "backends"), ("inference", "batches"), ("inference", "engines")}  # a provider offers batches


def test_folders_of_a_package_import_one_way() -> None:
    """What two folders of a package both need is in a module beside or below them."""
    places = {dotted(path): path.relative_to(PACKAGE).parts for _, path in modules()}
    arrows: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for _, path in modules():
        own = path.relative_to(PACKAGE).parts
        for name in needed(path) if len(own) > 2 else ():
            other = places.get(name, ())
            if len(other) > 2 and other[0] == own[0] and other[1] != own[1]:
                arrows.setdefault((own[0], own[1]), set()).add((other[0], other[1]))
    assert len(arrows) > 20
    one_way = {a: others - BOTH_WAYS if a in BOTH_WAYS else others for a, others in arrows.items()}
    list(TopologicalSorter(one_way).static_order())


def needed(path: Path) -> Iterator[str]:
    """The files of ours that a file imports as soon as it is imported."""
    for node in tree_of(path).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (f"{node.module}.{a.name}" for a in node.names):
                yield name if is_file(name) else node.module


@cache
def is_file(name: str) -> bool:
    """Whether a dotted name is a file or a folder of ours."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


PLAIN = """\
synthspec: 1
name: plain
sources:
  sample: {rows: [{text: one}, {text: two}]}
parameters:
  tone: {values: {kind: 2, harsh: 1}}
  age: round(clip(normal(40, 9), 18, 99))
  text: {from: sample, column: text}
  code: {pattern: '[A-Z]{3}'}
plan: {strategy: pairwise}
prompts:
  note:
    examples: {from: sample, rows: 1}
    user: "A {{ tone }} note, {{ age }}, {{ text }}, {{ code }}{% for e in examples %}, {{ e.text }}{% endfor %}."
    format: json
fields:
  note: {type: string, words: {min: 2}, pattern: '\\w', clean: [strip]}
  length: {value: words(note)}
checks:
  - length > 2 and note matches '[a-z]'
novelty: {near_duplicates: {fields: [note]}}
gates: [acceptance > 0.5]
output: {formats: [csv, jsonl, json, parquet], split: {train: 0.9, test: 0.1}}
backend: BACKEND
"""


@pytest.mark.parametrize(
    "backend", rest_slow(["ngram", "openai:m", "ollama:m", "anthropic:m", "google:m", "cohere:m"], (0, 3))
)
def test_check_loads_nothing_heavy(backend: str, tmp_path: Path) -> None:
    spec = tmp_path / "plain.yaml"
    spec.write_text(PLAIN.replace("BACKEND", backend), encoding="utf-8")
    assert loaded_by(["check", str(spec)]) & HEAVY == set()


def test_help_loads_nothing_but_click() -> None:
    assert loaded_by(["--help"]) & {*HEAVY, "yaml", "lark", "jinja2", "jsonschema"} == set()


def loaded_by(arguments: list[str]) -> set[str]:
    """The top-level modules that a command loads in a fresh process."""
    script = (
        "import json, sys\n"
        "from synthspec.cli import cli\n"
        "try:\n"
        f"    cli({arguments!r})\n"
        "except SystemExit as e:\n"
        "    assert not e.code, e.code\n"
        "print('LOADED', json.dumps(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return set(json.loads(done.stdout.split("LOADED ")[1]))
