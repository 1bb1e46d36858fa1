"""The original that datasets are measured beside: a file, a build's folder, or a source of a spec by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from synthspec.dataset.manifest import read_manifest
from synthspec.diagnostics import Diagnostic, did_you_mean
from synthspec.evaluation.corpus.corpus import Corpus, corpus_of, read_corpus
from synthspec.sources import Table, TableFault, is_readable, suffix_of
from synthspec.spec import Spec

SPECS = (".yaml", ".yml")
HELP = "name a build's folder, a CSV, JSONL, JSON or Parquet file, or a source of a spec: SPEC.yaml:SOURCE"


class HasTables(Protocol):
    """What is used of a spec as the front end makes it."""

    @property
    def spec(self) -> Spec | None: ...
    @property
    def tables(self) -> Mapping[str, Table]: ...
    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]: ...


Compile = Callable[[Path], HasTables]


def read_original(named: Path, datasets: Sequence[Path], compile_spec: Compile) -> Corpus:
    """What is named beside these datasets: data at a path; `SPEC.yaml:SOURCE`; or a source of the spec they are of.

    Raises:
        TableFault: there is none, or it cannot be read.
    """
    text = str(named)
    spec, colon, source = text.rpartition(":")
    if colon and Path(spec).suffix.lower() in SPECS and Path(spec).is_file():
        return _of_source(Path(spec), source, compile_spec)
    if named.exists() or is_readable(suffix_of(named)) or re.fullmatch(r"\w+", text) is None:
        return read_corpus(named)
    digest, specs = _specs_of(datasets, text)
    if not specs:
        raise TableFault(f"there is no file or folder '{text}', and no spec at hand of the dataset's name", HELP)
    if len(specs) > 1:
        listed = ", ".join(f"{s}:{text}" for s in specs[:3])
        raise TableFault(f"several specs may have the source '{text}'", f"say which: {listed}")
    return _of_source(specs[0], text, compile_spec, digest)


def _of_source(spec: Path, name: str, compile_spec: Compile, digest: str = "") -> Corpus:
    """The rows of a source; where the dataset was built from others (`digest`), that is noted."""
    compiled = compile_spec(spec)
    sources = {} if compiled.spec is None else compiled.spec.sources
    if name not in compiled.tables or name not in sources:
        fault = next((d for d in compiled.diagnostics if d.severity == "error"), None)
        if fault is not None:
            raise TableFault(f"{spec}: {fault.message}", fault.help)
        help = did_you_mean(name, sources, "name one of its sources, or a file")
        raise TableFault(f"{spec} has no source '{name}'", help)
    corpus = corpus_of(name, compiled.tables[name].iterate())
    today = sources[name].digest
    if digest and today is not None and today() != digest:
        corpus = replace(corpus, notes=(*corpus.notes, "this source has changed since the dataset was built"))
    return corpus


def _specs_of(datasets: Sequence[Path], source: str) -> tuple[str, list[Path]]:
    """The digest that a build has of a source, and the specs that the datasets may be of: by name, near at hand."""
    digest, found = "", dict[Path, Path]()
    for data in datasets:
        if data.suffix.lower() in SPECS and data.is_file():
            found.setdefault(data.resolve(), data)
            continue
        manifest = (read_manifest(data) if data.is_dir() else None) or {}
        noted = manifest.get("sources")
        about = noted.get(source) if isinstance(noted, dict) else None
        digest = digest or str((about or {}).get("digest", ""))
        name = str(manifest.get("name", ""))
        for spec in _near(data) if name else ():
            if _is_named(spec, name):
                found.setdefault(spec.resolve(), spec)
    return digest, list(found.values())


def _near(folder: Path) -> Iterable[Path]:
    """Spec files where people have them: here, in specs/, and above the folder of a build."""
    above = folder.resolve().parent.parent
    for place in (Path(), Path("specs"), above, above / "specs"):
        if place.is_dir():
            yield from sorted(p for p in place.iterdir() if p.suffix.lower() in SPECS and p.is_file())


def _is_named(spec: Path, name: str) -> bool:
    try:
        text = spec.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return re.search(rf"^name:\s*(['\"]?){re.escape(name)}\1\s*(#.*)?$", text, re.MULTILINE) is not None
