"""Which builds have the same rows: a digest of all that a build's rows hang on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from synthspec.inference.requests import PromptWriter, Remark
from synthspec.plugins import is_built_in
from synthspec.sources import TableFault
from synthspec.sources.fingerprints import file_digest
from synthspec.spec import Spec
from synthspec.spec.fan_outs import rules_above
from synthspec.spec.players import all_prompts


def program_of(
    spec: Spec, writers: Mapping[str, PromptWriter], retries: Mapping[str, Remark] | None = None
) -> str | None:
    """A digest of all that the rows of a build hang on, its completions aside; None where that cannot be told.

    It covers the spec but for its output, gates and limits, the contents of its sources, how requests are made and
    which of them a reviewer wants made again (`retries`), and
    the versions of this package, of Python, of Unicode and of the libraries that rules are made of.
    """
    novelty = spec.novelty
    formats = {p.format for p in all_prompts(spec)}
    if rules_above(spec):
        return None  # what the rules between rows know is not told by the rows of the dataset
    foreign = not is_built_in("strategies", spec.plan.strategy) or not all(is_built_in("formats", f) for f in formats)
    pictures = any(p.images for p in all_prompts(spec))
    if (
        foreign
        or (pictures and spec.on_missing == "replace")  # those of other combinations are not noted
        or novelty.semantic is not None
        or novelty.avoid is not None
        or novelty.on_saturation != "continue"
    ):
        return None
    try:
        contents = [s.digest() for s in spec.sources.values() if s.digest is not None]
        if novelty.decontaminate is not None and isinstance(novelty.decontaminate.against, Path):
            contents.append(file_digest(novelty.decontaminate.against))
    except (OSError, TableFault):
        return None
    made: list[Any] = [spec.program_digest, [w.fixed for w in writers.values()], contents, _versions()]
    if retries:
        made.append(sorted((key, remark.said) for key, remark in retries.items()))
    return hashlib.blake2b(json.dumps(made, separators=(",", ":")).encode(), digest_size=16).hexdigest()


@cache
def _versions() -> list[str]:
    """Of what rows are made with: this package by its files, for a rule may change between two releases."""
    mark = hashlib.blake2b(digest_size=16)
    for path, about in sorted(_files_of(str(Path(__file__).parents[2]), ())):
        mark.update(f"{'/'.join(path)} {about.st_size} {about.st_mtime_ns}\n".encode())
    libraries = [f"{n} {getattr(sys.modules.get(n), '__version__', '')}" for n in ("jinja2", "numpy", "scipy")]
    return [mark.hexdigest(), platform.python_version(), unicodedata.unidata_version, *libraries]


def _files_of(folder: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    """The Python files below a folder. With `Path` it takes five times as long, a twentieth of the start of a build."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield (*path, entry.name), entry.stat()
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _files_of(entry.path, (*path, entry.name))
