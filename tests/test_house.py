"""What keeps the code readable: one meaning a name, files of one sitting, one door to the embedded model, no dependency
that nothing imports."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "synthspec"


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# Names that two modules still use, each for a thing of its own: one of each pair is to be renamed.
SHARED_NAMES: set[str] = set()


def test_a_name_is_of_one_class() -> None:
    """One word has one meaning: no two modules define a class of the same public name."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    several = {name: places for name, places in found.items() if len(places) > 1}
    assert {name: places for name, places in several.items() if name not in SHARED_NAMES} == {}


def test_every_file_reads_in_one_sitting() -> None:
    long = {str(p.relative_to(PACKAGE)): n for p in PACKAGE.rglob("*.py") if (n := p.read_bytes().count(b"\n")) > 380}
    assert long == {}, "split these: one idea a file, about 300 lines at most"


def test_the_embedded_model_has_one_door() -> None:
    """Nothing but its backend reaches into `inference/ngram`."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("synthspec.inference.ngram")
    }
    outside = {name for name in found if not name.startswith("inference/ngram/")}
    assert outside == {"inference/backends/ngram.py"}


MODULES = {
    "pyyaml": "yaml", "markdown-it-py": "markdown_it", "google-genai": "google.genai", "huggingface-hub": "huggingface_hub",
    "sentence-transformers": "sentence_transformers",
}  # fmt: skip
FOR_SPECS = {"mesa"}  # imported by the models of users, in a process of their own


def test_no_dependency_is_declared_that_nothing_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [d for name, some in project["optional-dependencies"].items() if name not in ("test", "dev") for d in some]
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    for dependency in (*project["dependencies"], *extras):
        name = re.split(r"[<>=\[]", dependency)[0]
        module = re.escape(MODULES.get(name, name))
        used = re.search(
            rf"^\s*(?:import|from) {module}\b|(?:load\(\s*|import_module\(|^NAME = )\"{module}[\".]", text, re.MULTILINE
        )
        assert used or name in FOR_SPECS, f"nothing imports {name}"
