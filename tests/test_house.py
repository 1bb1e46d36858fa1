"""What keeps the code readable: one meaning a name, files of one sitting, one door to the embedded model, no dependency
that nothing imports."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "synthspec"


@cache
def texts() -> dict[str, str]:
    """The text of every module, by its place in the package."""
    return {str(p.relative_to(PACKAGE)): p.read_text(encoding="utf-8") for p in sorted(PACKAGE.rglob("*.py"))}


# Names that two modules still use, each for a thing of its own: one of each pair is to be renamed.
SHARED_NAMES: set[str] = set()


def test_a_name_is_of_one_class() -> None:
    """One word has one meaning: no two modules define a class of the same public name."""
    found: dict[str, list[str]] = {}
    for place, text in texts().items():
        for name in re.findall(r"^class ([A-Za-z]\w*)", text, re.MULTILINE):
            found.setdefault(name, []).append(place)
    assert len(found) > 500
    several = {name: places for name, places in found.items() if len(places) > 1}
    assert {name: places for name, places in several.items() if name not in SHARED_NAMES} == {}


def test_a_name_is_of_one_type() -> None:
    """An alias has the name of no class, and the same meaning wherever it is defined."""
    classes = {name for text in texts().values() for name in re.findall(r"^class ([A-Za-z]\w*)", text, re.MULTILINE)}
    found: dict[str, set[str]] = {}
    for text in texts().values():
        for name, meaning in re.findall(r"^([A-Z][a-z]\w*) = ((?:.+|\(\n(?:  .+\n)+\)))$", text, re.MULTILINE):
            found.setdefault(name, set()).add(re.sub(r"NDArray\[.*\]|  #.*", "", meaning))
    assert len(found) > 100
    assert not found.keys() & classes
    assert {name: meanings for name, meanings in found.items() if len(meanings) > 1} == {}


def test_every_file_reads_in_one_sitting() -> None:
    long = {str(p.relative_to(PACKAGE)): n for p in PACKAGE.rglob("*.py") if (n := p.read_bytes().count(b"\n")) > 380}
    assert long == {}, "split these: one idea a file, about 300 lines at most"


def test_the_embedded_model_has_one_door() -> None:
    """Nothing but its backend reaches into `inference/ngram`."""
    reaches = re.compile(r"^[ \t]*(?:from|import) synthspec\.inference\.ngram", re.MULTILINE)
    found = {place for place, text in texts().items() if reaches.search(text)}
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
    imported = re.compile(
        r"^[ \t]*(?:import|from) ([\w.]+)|(?:load\(\s*|import_module\(|^NAME = )\"([\w.]+)\"", re.MULTILINE
    )
    used = {name for text in texts().values() for pair in imported.findall(text) for name in pair}
    for dependency in (*project["dependencies"], *extras):
        name = re.split(r"[<>=\[]", dependency)[0]
        module = MODULES.get(name, name)
        assert name in FOR_SPECS or any(f"{u}.".startswith(f"{module}.") for u in used), f"nothing imports {name}"
